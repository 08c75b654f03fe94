import { check } from '../report/index.ts';
import { type Cluster, brokerCount } from './cluster.ts';
import { askWire } from './old-wire.ts';
import { inMs, type Part } from './part.ts';
import { publish, readAll, type ReadRecord } from './records.ts';
import { neighboursOf } from './replicas.ts';
import { brokersOf, labelOfBroker, replicasOfContract, topicHomedAt } from './topics.ts';
import type { Transcript } from './transcript.ts';

export interface OutageOptions {
  readonly cluster: Cluster;
  /** To each topic: before the home is killed, and again while it is down. */
  readonly messages: number;
  /** Made while their home is down. */
  readonly topicsMade: number;
  readonly logs: Readonly<Record<'failed' | 'fetched' | 'replica', Transcript>>;
}

const topic = 'news';
const home = '100';
const homeBroker = 5;
const publisher = 'outage';
const published = `Message published to '${topic}' and the replicas ['101', '110', '000'].`;

const isRefused = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';

/**
 * Evaluations 3, 4 and 5 in one outage: the home of a topic is killed. Its replicas are found and used (5); topics that belong to it are made meanwhile (4);
 * started again it has the state from before and what it missed (3), and those topics (4).
 */
export async function runOutage(options: OutageOptions): Promise<Part> {
  const { cluster, messages, logs } = options;
  const wire = (label: string, request: Readonly<Record<string, unknown>>) =>
    askWire(cluster.brokers.wirePort(Number.parseInt(label, 2) + 1), request);
  await cluster.http.json(cluster.url(1), 'POST', '/v1/publishers', { id: publisher });
  await wire('000', { action: 'create_subscriber', subscriber_id: 'subscriber1' });
  const before = await publishSome(cluster, topic, 'before', messages, logs.failed);

  await cluster.brokers.kill(homeBroker);
  const killedMs = performance.now();
  logs.replica.say(`SIGKILL of ${home}, the home of ${topic}`);
  const replica = await useReplica(options, before.at(-1)?.value ?? '', wire);
  const during = [...replica.published, ...(await publishSome(cluster, topic, 'while the home was down', messages, logs.failed))];
  const late = await makeTopics(options);
  const downMs = performance.now() - killedMs;

  const restartedMs = performance.now();
  await cluster.brokers.restart(homeBroker);
  const readyMs = performance.now() - restartedMs;
  logs.failed.say(`${home} is started again, and ready after ${inMs(readyMs)} ms`);
  const expected = [...before, ...during];
  const haveMs = await cluster.until(`broker ${homeBroker} has all of ${topic}`, async () => {
    return (await readAll(cluster, homeBroker, topic, 'local')).length >= expected.length;
  });
  const damage = await compare(cluster, topic, expected);
  logs.failed.say(`${home} has what it missed after ${inMs(readyMs + haveMs)} ms: ${expected.length} records, ${damage} not as published`);
  const fetched = await fetchLate(cluster, late, logs.fetched);
  const ledMs = await cluster.until(`${topic} is led by its home`, async () => (await cluster.leaderOf(topic)) === homeBroker);
  for (const name of late.keys()) await cluster.ledBy(name, homeBroker);
  logs.failed.say(`${home} leads ${topic} again, ${inMs(readyMs + haveMs + ledMs)} ms after its start`);
  const row = (what: string, ms: number) => ({ part: '3-5. a home killed, and back', what, ms: inMs(ms) });
  return {
    results: [
      row('5. from the kill to the first message published at a neighbour', replica.firstMs),
      row('5. from the kill to the same records pulled at each of the seven others', replica.pulledMs),
      row('down in all', downMs),
      row('3. from its start until it answers', readyMs),
      row('3. from its start until it has what it missed', readyMs + haveMs),
      row(`4. from its start until it has all of ${late.size} topics made meanwhile`, readyMs + haveMs + fetched.ms),
      row('3. from its start until it leads its topic again', readyMs + haveMs + fetched.ms + ledMs),
    ],
    checks: [
      ...replica.checks,
      check('3. records that a copy lacks, has twice, elsewhere or of its own, after the outage', damage === 0, 0, damage),
      check('4. topics made while their home was down', late.size === options.topicsMade, options.topicsMade, late.size),
      check("4. records of these that a copy lacks, the home's too, has elsewhere or of its own", fetched.damage === 0, 0, fetched.damage),
    ],
    graphs: [],
  };
}

async function publishSome(cluster: Cluster, name: string, when: string, count: number, log: Transcript): Promise<readonly ReadRecord[]> {
  const records: ReadRecord[] = [];
  for (let index = 0; index < count; index++) {
    const broker = cluster.ids.filter((id) => cluster.brokers.isRunning(id))[index % 7] as number;
    const value = `${when} ${index}`;
    const offset = await publish(cluster, broker, publisher, name, value);
    records.push({ offset, value });
    log.say(`${labelOfBroker(broker)}: published "${value}" to ${name}, offset ${offset}`);
  }
  return records;
}

/** What an old client does, letter by letter, and what one of Cairn's does. */
async function useReplica(
  { cluster, logs: { replica: log } }: OutageOptions,
  last: string,
  wire: (label: string, request: Readonly<Record<string, unknown>>) => Promise<string>,
) {
  const startedMs = performance.now();
  const ask = async (label: string, request: Readonly<Record<string, unknown>>): Promise<string> => {
    const answer = await wire(label, request);
    log.say(`${label}: ${JSON.stringify(request)}: ${answer}`);
    return answer;
  };
  const pull = { action: 'pull', subscriber_id: 'subscriber1', topic };
  const isHomeRefused = await ask(home, pull).then(() => false, isRefused);
  log.say(`${home}: connection refused: ${String(isHomeRefused)}`);
  const neighbour = neighboursOf(home)[0] as string;
  const pulled = await ask(neighbour, { ...pull, action: 'replica_pull' });
  const subscribed = await ask(neighbour, { ...pull, action: 'replica_subscribe' });
  const value = 'published at a neighbour';
  const answer = await ask(neighbour, { action: 'replica_pull', publisher_id: publisher, topic, content: value });
  const firstMs = performance.now() - startedMs;
  const seen: string[] = [];
  for (const broker of cluster.ids.filter((id) => id !== homeBroker)) {
    const records = await readAll(cluster, broker, topic, 'linearizable');
    seen.push(records.map((record) => `${record.offset} ${record.value}`).join('\n'));
    log.say(`${labelOfBroker(broker)}: a linearizable read gives ${records.length} records of ${topic}`);
  }
  const pulledMs = performance.now() - startedMs;
  const different = new Set(seen).size - 1;
  const own = (await readAll(cluster, 1, topic, 'linearizable')).filter((record) => record.value === value);
  const said = [pulled, subscribed, answer];
  const expected = [
    `{"original_node": "${home}", "message": "${last}"}`,
    `Subscriber ID 'subscriber1' subscribed to '${topic}'.`,
    published,
  ];
  const wrong = said.filter((text, index) => text !== expected[index]).length;
  return {
    firstMs,
    pulledMs,
    published: own,
    checks: [
      check('5. the port of the dead home refuses connections', isHomeRefused, true, isHomeRefused),
      check(
        '5. answers of its first neighbour that are not letter by letter as in the contract',
        wrong === 0,
        0,
        wrong === 0 ? 0 : said.join(' | '),
      ),
      check('5. living peers that give other records than the first', different === 0, 0, different),
      check('5. a message published at the neighbour is in the topic', own.length === 1, 1, own.length),
    ],
  };
}

/** Topics of the dead home, made at the others, with records; by name. */
async function makeTopics({ cluster, topicsMade, messages, logs }: OutageOptions): Promise<ReadonlyMap<string, readonly ReadRecord[]>> {
  const made = new Map<string, readonly ReadRecord[]>();
  for (let index = 0; index < topicsMade; index++) {
    const name = topicHomedAt(homeBroker, `while-away-${index}`, brokerCount);
    await cluster.http.json(cluster.url(1), 'POST', '/v1/topics', { name, replicas: replicasOfContract });
    logs.fetched.say(`made ${name}, whose home ${home} is down`);
    made.set(name, await publishSome(cluster, name, 'made without its home', messages, logs.fetched));
  }
  return made;
}

async function fetchLate(cluster: Cluster, late: ReadonlyMap<string, readonly ReadRecord[]>, log: Transcript) {
  const startedMs = performance.now();
  let damage = 0;
  for (const [name, expected] of late) {
    await cluster.until(`broker ${homeBroker} has all of ${name}`, async () => {
      return (await readAll(cluster, homeBroker, name, 'local')).length >= expected.length;
    });
    damage += await compare(cluster, name, expected);
    log.say(`${home} has all of ${name}, ${expected.length} records`);
  }
  return { ms: performance.now() - startedMs, damage };
}

/** Records that are not on each replica as they were acknowledged, and those that nobody was told of. */
async function compare(cluster: Cluster, name: string, expected: readonly ReadRecord[]): Promise<number> {
  const wanted = new Set(expected.map(({ offset, value }) => `${offset} ${value}`));
  let wrong = 0;
  for (const broker of brokersOf(name, brokerCount, replicasOfContract)) {
    const found = (await readAll(cluster, broker, name, 'local')).map(({ offset, value }) => `${offset} ${value}`);
    wrong += found.filter((record) => !wanted.has(record)).length + (wanted.size - new Set(found).size);
  }
  return wrong;
}
