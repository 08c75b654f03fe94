import { SeededRandom } from '../../base/random.ts';
import { check } from '../report/index.ts';
import { type Cluster, brokerCount } from './cluster.ts';
import { RequestFailed } from './http.ts';
import type { Part } from './part.ts';
import { publish, pull, type ReadRecord } from './records.ts';
import { labelOfBroker, replicasOfContract, topicHomedAt } from './topics.ts';
import type { Transcript } from './transcript.ts';

export interface PeersAtOnceOptions {
  readonly cluster: Cluster;
  /** Of each publisher. */
  readonly messages: number;
  readonly seed: number;
  readonly log: Transcript;
}

/** A subscriber for which nothing new comes for so long gives up, and what it lacks is counted. */
const quietPullsMax = 20;
const pullWaitMs = 500;

interface Sent extends ReadRecord {
  readonly topic: string;
}

/** Evaluation 1: at each of the eight peers a publisher and a subscriber use all APIs at the same time, each subscriber being subscribed to all topics. */
export async function runPeersAtOnce({ cluster, messages, seed, log }: PeersAtOnceOptions): Promise<Part> {
  const topics = await Promise.all(cluster.ids.map((broker) => createAll(cluster, broker, log)));
  const random = new SeededRandom(seed);
  const randoms = cluster.ids.map(() => random.fork());
  const startedMs = performance.now();
  await Promise.all(cluster.ids.map((broker) => subscribeToAll(cluster, broker, topics, log)));
  const sending = Promise.all(
    cluster.ids.map((broker, index) => publishAll(cluster, broker, topics, { messages, random: randoms[index] as SeededRandom, log })),
  );
  const receiving = Promise.all(cluster.ids.map((broker) => pullAll(cluster, broker, messages * brokerCount, log)));
  const [sent, received] = [(await sending).flat(), await receiving];
  const tookMs = performance.now() - startedMs;
  const deleted = await Promise.all(cluster.ids.map((broker, index) => deleteTopic(cluster, broker, topics[index] as string, log)));
  return judgeAtOnce({
    sent,
    received,
    expected: messages * brokerCount,
    tookMs,
    undeleted: deleted.filter((isGone) => !isGone).length,
  });
}

const publisherAt = (broker: number): string => `publisher-${labelOfBroker(broker)}`;
const subscriberAt = (broker: number): string => `subscriber-${labelOfBroker(broker)}`;

async function createAll(cluster: Cluster, broker: number, log: Transcript): Promise<string> {
  const { http } = cluster;
  const origin = cluster.url(broker);
  const topic = topicHomedAt(broker, 'at-once', brokerCount);
  await http.json(origin, 'POST', '/v1/publishers', { id: publisherAt(broker) });
  await http.json(origin, 'POST', '/v1/subscribers', { id: subscriberAt(broker) });
  await http.json(origin, 'POST', '/v1/topics', { name: topic, replicas: replicasOfContract });
  log.say(`peer ${labelOfBroker(broker)}: made ${publisherAt(broker)}, ${subscriberAt(broker)} and the topic ${topic}`);
  return topic;
}

async function subscribeToAll(cluster: Cluster, broker: number, topics: readonly string[], log: Transcript): Promise<void> {
  for (const topic of topics) {
    await cluster.http.ask(cluster.url(broker), 'PUT', `/v1/subscribers/${subscriberAt(broker)}/topics/${topic}`);
    log.say(`peer ${labelOfBroker(broker)}: subscribed ${subscriberAt(broker)} to ${topic}`);
  }
}

async function publishAll(
  cluster: Cluster,
  broker: number,
  topics: readonly string[],
  { messages, random, log }: { readonly messages: number; readonly random: SeededRandom; readonly log: Transcript },
): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  for (let index = 0; index < messages; index++) {
    const topic = random.pick(topics);
    const value = `${publisherAt(broker)} says ${index}`;
    const offset = await publish(cluster, broker, publisherAt(broker), topic, value);
    sent.push({ topic, offset, value });
    log.say(`peer ${labelOfBroker(broker)}: published "${value}" to ${topic}, offset ${offset}`);
  }
  return sent;
}

async function pullAll(cluster: Cluster, broker: number, expected: number, log: Transcript): Promise<readonly Sent[]> {
  const received: Sent[] = [];
  let number = 1;
  for (let quiet = 0; received.length < expected && quiet < quietPullsMax; ) {
    const { nextNumber, parts } = await pull(cluster, broker, subscriberAt(broker), number, pullWaitMs);
    number = nextNumber;
    const before = received.length;
    for (const { topic, records } of parts) received.push(...records.map(({ offset, value }) => ({ topic, offset, value })));
    log.say(`peer ${labelOfBroker(broker)}: ${subscriberAt(broker)} pulled ${received.length - before} records of ${parts.length} topics`);
    quiet = received.length === before ? quiet + 1 : 0;
  }
  return received;
}

/** Whether it is gone: nothing can be published to it any more. */
async function deleteTopic(cluster: Cluster, broker: number, topic: string, log: Transcript): Promise<boolean> {
  await cluster.http.ask(cluster.url(broker), 'DELETE', `/v1/topics/${topic}`);
  try {
    await publish(cluster, broker, publisherAt(broker), topic, 'too late');
    log.say(`peer ${labelOfBroker(broker)}: deleted ${topic}, and it takes records all the same`);
    return false;
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error;
    log.say(`peer ${labelOfBroker(broker)}: deleted ${topic}; a publish to it is answered ${error.code}`);
    return error.code === 'unknownTopic';
  }
}

interface Outcome {
  readonly sent: readonly Sent[];
  readonly received: readonly (readonly Sent[])[];
  readonly expected: number;
  readonly tookMs: number;
  readonly undeleted: number;
}

const keyOf = ({ topic, offset, value }: Sent): string => `${topic} ${offset} ${value}`;

/** What each subscriber was given, in the order of the peers, against what was acknowledged. */
export function judgeAtOnce({ sent, received, expected, tookMs, undeleted }: Outcome): Part {
  const published = new Set(sent.map(keyOf));
  const rows = received.map((records, index) => {
    const keys = new Set(records.map(keyOf));
    const ends = new Map<string, number>();
    let disorder = 0;
    for (const { topic, offset } of records) {
      if (offset <= (ends.get(topic) ?? -1)) disorder++;
      ends.set(topic, offset);
    }
    const missing = [...published].filter((key) => !keys.has(key)).length;
    const foreign = [...keys].filter((key) => !published.has(key)).length;
    return {
      peer: labelOfBroker(index + 1),
      pulled: records.length,
      missing,
      twice: records.length - keys.size,
      foreign,
      disorder,
    };
  });
  const sum = (figure: 'missing' | 'twice' | 'foreign' | 'disorder'): number => rows.reduce((total, row) => total + row[figure], 0);
  const zero = (name: string, got: number) => check(`1. ${name}`, got === 0, 0, got);
  return {
    results: rows.map((row) => ({ part: '1. all peers at once', ...row, 'all of them took ms': Math.round(tookMs) })),
    checks: [
      check('1. records published by eight publishers at once and acknowledged', sent.length === expected, expected, sent.length),
      zero('acknowledged and not pulled by one of the eight subscribers', sum('missing')),
      zero('pulled twice', sum('twice')),
      zero('pulled and never published', sum('foreign')),
      zero('pulled out of the order of their topic', sum('disorder')),
      zero('deleted topics that take records', undeleted),
    ],
    graphs: [],
  };
}
