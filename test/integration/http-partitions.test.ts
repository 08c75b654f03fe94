// A topic of several partitions as programs and commands meet it, over the real gateway.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitCodes } from '../../src/base/errors.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { appendDefaults, batchOf, Client } from '../../src/client/index.ts';
import { LogError } from '../../src/eventlog/index.ts';
import { partitionOfKey } from '../../src/placement/index.ts';
import { type MemoryBroker, startMemoryBroker } from '../support/memory-broker.ts';
import { runGrep } from '../support/grep-rig.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

let broker: MemoryBroker;
let topics = 0;

beforeAll(async () => {
  broker = await startMemoryBroker();
});
afterAll(() => broker.close());

async function newTopic(partitions: number): Promise<string> {
  const topic = `parted-${++topics}`;
  await broker.log.createTopic(topic, { retentionBytes: null, partitions });
  return topic;
}

/** Keys of partitions 0 to 3 of four. */
const keys = [0, 1, 2, 3].map((wanted) => {
  for (let number = 0; ; number++) if (partitionOfKey(Buffer.from(`k${number}`), 4) === wanted) return `k${number}`;
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${broker.url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

const recordsOf = ({ body }: Answer): [number, string][] =>
  (body['records'] as { readonly partition: number; readonly value: string }[]).map(({ partition, value }) => [partition, value]);

async function run(
  args: readonly string[],
  input: string | null = null,
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const { io, out, err, stdin } = fakeIo({ env: { CAIRN_SERVER: broker.url } });
  if (input !== null) stdin.end(input);
  const code = await runCli([...args], io);
  return { code, out: out(), err: err() };
}

describe('records for a topic of several partitions', () => {
  test('fall into those of their keys, and the answer is a list', async () => {
    const topic = await newTopic(4);
    const records = [2, 0, 2].map((index) => ({ key: keys[index], value: `of ${index}` }));

    const several = await ask('POST', `/v1/topics/${topic}/records`, records);
    const one = await ask('POST', `/v1/topics/${topic}/records`, { key: keys[1], value: 'of 1' });

    expect(several).toMatchObject({
      status: 200,
      body: {
        topic,
        partial: false,
        partitions: [
          { partition: 0, count: 1 },
          { partition: 2, count: 2 },
        ],
        session: 'v1.1.0.2.0',
      },
    });
    expect(one).toMatchObject({ status: 200, body: { topic, partition: 1, offset: 0, count: 1, session: 'v1.0.1.0.0' } });
  });

  test('with a request id are taken once, by either way to append', async () => {
    const topic = await newTopic(4);
    const records = keys.map((key) => ({ key, value: 'once' }));
    const path = `/v1/topics/${topic}/records`;

    await ask('POST', path, records, { 'Cairn-Request-Id': 'r' });
    const { body } = await ask('POST', path, records, { 'Cairn-Request-Id': 'r' });

    expect(body['partitions']).toMatchObject(keys.map((_, partition) => ({ partition, duplicate: true })));
    expect(recordsOf(await ask('GET', path))).toHaveLength(4);
  });

  test.each(['expectedOffset=0', 'partition=4'])('are refused with ?%s', async (query) => {
    const topic = await newTopic(4);

    const { status, body } = await ask('POST', `/v1/topics/${topic}/records?${query}`, { value: 'x' });

    expect(status).toBe(400);
    expect((body['error'] as { readonly code: string }).code).toBe(query.startsWith('partition') ? 'invalidRequest' : 'partitionNeeded');
  });

  test('are one append, byte for byte as ever, where the topic has one', async () => {
    const topic = await newTopic(1);

    const { body } = await ask('POST', `/v1/topics/${topic}/records`, [
      { key: 'a', value: 'x' },
      { key: 'b', value: 'y' },
    ]);

    expect(Object.keys(body)).toEqual([
      'topic',
      'partition',
      'offset',
      'count',
      'term',
      'level',
      'ackedBy',
      'committed',
      'durable',
      'duplicate',
      'timestampMs',
    ]);
  });

  test('are counted by the client library too', async () => {
    const topic = await newTopic(4);
    const client = new Client({ servers: [broker.url] });

    const result = await client.append({ ...appendDefaults, topic, batch: batchOf(keys.map((key) => ({ key: key ?? null, value: 'x' }))) });

    expect(result.parts).toHaveLength(4);
    client.close();
  });
});

describe('a topic of several partitions that is read as a whole', () => {
  async function filled(): Promise<string> {
    const topic = await newTopic(4);
    for (const [index, key] of [...keys, ...keys].entries()) await ask('POST', `/v1/topics/${topic}/records`, { key, value: `v${index}` });
    return topic;
  }

  test('is merged, says so, and goes on where an answer ended', async () => {
    const topic = await filled();
    const path = `/v1/topics/${topic}/records`;

    const first = await ask('GET', `${path}?max=3`);
    const second = await ask('GET', `${path}?from=${String(first.body['next'])}`);
    const last = await ask('GET', `${path}?from=${String(second.body['next'])}&level=session&session=${String(second.body['next'])}`);

    expect(first.body).toMatchObject({ topic, partitions: 4, order: 'logTime', partial: false, missing: [] });
    const shown = [...recordsOf(first), ...recordsOf(second)].map(([partition, value]) => `${partition} ${value}`);
    expect(shown.toSorted()).toEqual(Array.from({ length: 8 }, (_, index) => `${index % 4} v${index}`).toSorted());
    expect(recordsOf(first)).toHaveLength(3);
    expect(recordsOf(last)).toEqual([]);
  });

  test('is one partition where one is named', async () => {
    const topic = await filled();

    const { body } = await ask('GET', `/v1/topics/${topic}/records?partition=2`);

    expect(body).toMatchObject({
      topic,
      offsetFrom: 0,
      offsetNext: 2,
      records: [
        { offset: 0, value: 'v2' },
        { offset: 1, value: 'v6' },
      ],
    });
  });

  test.each(['from=1', 'session=1&level=session', 'format=batches'])('is refused with ?%s', async (query) => {
    const { status, body } = await ask('GET', `/v1/topics/${await filled()}/records?${query}`);

    expect({ status, code: (body['error'] as { readonly code: string }).code }).toEqual({ status: 400, code: 'partitionNeeded' });
  });

  test.each(['from=v1.1.1.1.1.1', 'from=v1.01', 'from=v1.1.1&partition=0'])('knows no place ?%s', async (query) => {
    const { status } = await ask('GET', `/v1/topics/${await filled()}/records?${query}`);

    expect(status).toBe(400);
  });

  test('has an end in each partition', async () => {
    const topic = await filled();

    const { body } = await ask('GET', `/v1/topics/${topic}/end`);

    expect(body).toMatchObject({
      topic,
      partial: false,
      session: 'v1.2.2.2.2',
      partitions: keys.map((_, partition) => ({ partition, offset: 2 })),
    });
  });

  test('is followed as events whose ids say where to go on', async () => {
    const topic = await filled();
    const path = `${broker.url}/v1/topics/${topic}/records`;
    const abort = new AbortController();
    const headers = { accept: 'text/event-stream' };
    const eventsOf = async (count: number, more: Record<string, string>): Promise<{ readonly id: string; readonly value: string }[]> => {
      const response = await fetch(`${path}?max=${count}`, { headers: { ...headers, ...more }, signal: abort.signal });
      const text = await response.text();
      return text
        .split('\n\n')
        .filter((event) => event.startsWith('id: '))
        .map((event) => {
          const [id = '', data = ''] = event.split('\n');
          return { id: id.slice(4), value: (JSON.parse(data.slice(6)) as { readonly value: string }).value };
        });
    };

    const first = await eventsOf(5, {});
    const rest = await eventsOf(3, { 'last-event-id': first.at(-1)?.id ?? '' });

    expect([...first, ...rest].map(({ value }) => value).toSorted()).toEqual(Array.from({ length: 8 }, (_, index) => `v${index}`));
    const coming = eventsOf(1, { 'last-event-id': rest.at(-1)?.id ?? '' });
    await ask('POST', `/v1/topics/${topic}/records`, { key: keys[3], value: 'new' });
    expect((await coming).map(({ value }) => value)).toEqual(['new']);
  });
});

test('an event stream of all partitions is resumed while none of them can be read, and waits for them', async () => {
  const topic = await newTopic(2);
  const { memory, url } = broker;
  const nobody = new LogError('notCurrent', 'Cannot read it: no leader confirmed it');
  memory.read = (_request, answer) => void setImmediate(() => answer({ ok: false, error: nobody }));
  const headers = { accept: 'text/event-stream', 'last-event-id': 'v1.0.0' };
  let response: Response;
  try {
    response = await fetch(`${url}/v1/topics/${topic}/records?max=1`, { headers });
  } finally {
    Reflect.deleteProperty(memory, 'read');
  }
  await ask('POST', `/v1/topics/${topic}/records?partition=1`, { value: 'back' });

  expect(response.status).toBe(200);
  expect(await response.text()).toContain('"value":"back"');
});

test('a place that names more partitions than a broker has heard of is read on once it has', async () => {
  const topic = await newTopic(4);
  const { memory } = broker;
  const list = memory.listTopics.bind(memory);
  memory.partitionsOf = () => [2];
  memory.listTopics = (query, answer) => {
    Reflect.deleteProperty(memory, 'partitionsOf');
    list(query, answer);
  };

  const known = await ask('GET', `/v1/topics/${topic}/records?from=v1.0.0.0.0`);
  Reflect.deleteProperty(memory, 'listTopics');

  expect(known).toMatchObject({ status: 200, body: { partitions: 4 } });
});

test('a command reads up to the ends without a partition that is missing, however much is appended meanwhile', async () => {
  const topic = await newTopic(2);
  await ask('POST', `/v1/topics/${topic}/records?partition=0`, { value: 'first' });
  const { memory } = broker;
  const read = memory.read.bind(memory);
  const nobody = new LogError('notCurrent', 'Cannot read it: no leader confirmed it');
  let reads = 0;
  memory.read = (request, answer) => {
    if (request.partition === 1) return void setImmediate(() => answer({ ok: false, error: nobody }));
    read(request, (outcome) => {
      answer(outcome);
      if (++reads < 20) memory.append({ ...appendDefaults, topic, partition: 0, batch: batchOf([{ value: 'more' }]) }, () => undefined);
    });
  };

  const { code, out } = await run(['read', topic]);
  Reflect.deleteProperty(memory, 'read');

  expect({ code, out }).toEqual({ code: exitCodes.failed, out: 'first\n' });
  expect(reads).toBeLessThan(5);
});

test('what a publisher publishes to it is divided too, and a subscriber pulls all of it', async () => {
  const topic = await newTopic(4);
  const client = new Client({ servers: [broker.url] });
  const { subscriptions } = client;
  await subscriptions.createPublisher({ id: `p ${topic}`, requestId: topic });
  await subscriptions.createSubscriber({ id: `s ${topic}`, requestId: topic });
  await subscriptions.subscribe({ subscriber: `s ${topic}`, topic, start: { at: 'beginning' } });

  const batch = batchOf(keys.map((key, index) => ({ key: key ?? null, value: `v${index}` })));
  const published = await subscriptions.publish({ ...appendDefaults, publisher: `p ${topic}`, topic, batch });
  const pull = {
    subscriber: `s ${topic}`,
    topics: null,
    mode: 'automatic',
    number: 1,
    acknowledge: [],
    recordsMax: 100,
    bytesMax: 1e6,
    waitMs: 0,
  } as const;
  const { parts } = await subscriptions.pull({ ...pull, freshness: 'linearizable' });

  expect(published.parts?.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
  expect(parts.map(({ partition, offsetTo }) => [partition, offsetTo])).toEqual([0, 1, 2, 3].map((partition) => [partition, 1]));
  client.close();
});

describe('a topic that gets more partitions', () => {
  /** Events of a stream, as far as they have come. */
  async function follow(topic: string, count: number, query = ''): Promise<{ readonly events: Promise<readonly [string, string][]> }> {
    const response = await fetch(`${broker.url}/v1/topics/${topic}/records?max=${count}${query}`, {
      headers: { accept: 'text/event-stream' },
    });
    const events = response.text().then((text) =>
      text
        .split('\n\n')
        .filter((event) => !/^(retry|:)/.test(event) && event !== '')
        .map((event): [string, string] => {
          const [first = '', data = ''] = event.split('\n');
          return [first, (JSON.parse(data.slice(6)) as { readonly value: string }).value];
        }),
    );
    return { events };
  }
  const append = (topic: string, index: number, value: string): Promise<Answer> =>
    ask('POST', `/v1/topics/${topic}/records`, { key: keys[index], value });

  test.each([1, 2])('is followed on in all of them, from %i', async (before) => {
    const topic = await newTopic(before);
    await ask('POST', `/v1/topics/${topic}/records?partition=0`, { value: 'old' });
    const { events } = await follow(topic, 4);

    await broker.log.alterTopic(topic, { partitions: 4 });
    await append(topic, 0, 'wakes it');
    await append(topic, 3, 'added');
    await append(topic, 0, 'and more');

    const values = (await events).map(([, value]) => value);
    expect(values.toSorted()).toEqual(['added', 'and more', 'old', 'wakes it'].toSorted());
    expect((await events).at(-1)?.[0]).toMatch(/^id: v1\.[0-9]\.[-0-9]\.[-0-9]\.[-0-9]$/);
  });

  test('is resumed behind an event of the time when it had one', async () => {
    const topic = await newTopic(1);
    await ask('POST', `/v1/topics/${topic}/records`, [{ value: 'a' }, { value: 'b' }]);
    await broker.log.alterTopic(topic, { partitions: 4 });
    await append(topic, 2, 'c');

    const headers = { accept: 'text/event-stream', 'last-event-id': '0' };
    const text = await (await fetch(`${broker.url}/v1/topics/${topic}/records?max=2`, { headers })).text();

    expect([...text.matchAll(/"value":"(.)"/g)].map(([, value]) => value)).toEqual(['b', 'c']);
  });

  test('is read on by a command that follows it, nothing twice', async () => {
    const topic = await newTopic(1);
    await run(['append', topic, 'a', 'b']);
    const { io, out } = fakeIo({ env: { CAIRN_SERVER: broker.url } });
    const running = runCli(['read', topic, '--follow', '--max', '4'], io);
    await expect.poll(out).toContain('b');

    await broker.log.alterTopic(topic, { partitions: 4 });
    await run(['append', topic, 'c', '--partition', '0']);
    await run(['append', topic, 'd', '--partition', '3']);

    expect(await running).toBe(0);
    expect(out().trim().split('\n').toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('commands', () => {
  test('make, describe, list, explain and show a topic of several partitions', async () => {
    const topic = `parted-${++topics}`;

    expect(await run(['topic', 'create', topic, '--partitions', '3'])).toEqual({
      code: 0,
      out: `Created topic "${topic}" (3 partitions)\n`,
      err: '',
    });
    const described = await run(['topic', 'describe', topic]);
    expect(described.out.match(/^partition {2}[012]$/gm)).toHaveLength(3);
    expect((await run(['topic', 'list', '--prefix', topic])).out).toContain(`${topic} (3 partitions)`);
    expect((await run(['explain', topic])).out).toContain('Partition 2:');
    const { out } = await run(['status', '--prefix', topic]);
    for (const partition of [0, 1, 2]) expect(out).toContain(`${topic}/${partition}`);
  });

  test('append to it and read it back, all partitions or one', async () => {
    const topic = await newTopic(4);

    const keyed = await run(['append', topic, 'a', 'b', '--key', String(keys[2])]);
    const read = await run(['read', topic]);
    const one = await run(['read', topic, '--partition', '2']);
    const other = await run(['read', topic, '--partition', '1']);

    expect(keyed.out).toMatch(/^Appended 2 records at offsets 0 to 1/);
    expect(read).toEqual({ code: 0, out: 'a\nb\n', err: 'All 4 partitions, in order of log time\nGo on with --from v1.0.0.2.0\n' });
    expect(one).toEqual({ code: 0, out: 'a\nb\n', err: '' });
    expect(other.out).toBe('');
    expect(await run(['read', topic, '--from', 'v1.0.0.1.0', '--json'])).toMatchObject({
      out: expect.stringContaining('"partition":2,"offset":1'),
    });
  });

  test('stream lines to all of it, and go on where an earlier run stopped', async () => {
    const topic = await newTopic(3);
    const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`);

    const first = await run(['append', topic, '-', '--request-id', 'job', '--json'], lines.slice(0, 2500).join(''));
    const second = await run(['append', topic, '-', '--request-id', 'job', '--json'], lines.join(''));
    const third = await run(['append', topic, '-', '--request-id', 'job'], lines.join(''));

    expect(JSON.parse(first.out)).toMatchObject({ appended: 2500, skipped: 0, partitions: 3 });
    expect(JSON.parse(second.out)).toMatchObject({ appended: 2500, skipped: 2500 });
    expect(third.out).toContain('Nothing was left to append');
    const { out } = await run(['read', topic, '--raw']);
    expect(out.split('\n').toSorted()).toEqual([...lines.map((line) => line.trimEnd()), ''].toSorted());
  });

  test('go on among the partitions that an input was begun with when some were added meanwhile', async () => {
    const topic = await newTopic(2);
    const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`);
    await run(['append', topic, '-', '--request-id', 'job'], lines.slice(0, 3000).join(''));

    const altered = await run(['topic', 'alter', topic, '--partitions', '5', '--yes']);
    const rest = await run(['append', topic, '-', '--request-id', 'job', '--json'], lines.join(''));

    expect(altered.out).toBe(`Altered topic "${topic}" (5 partitions)\n`);
    expect(JSON.parse(rest.out)).toMatchObject({ appended: 2000, skipped: 3000 });
    const { out } = await run(['read', topic, '--raw']);
    expect(out.split('\n').toSorted()).toEqual([...lines.map((line) => line.trimEnd()), ''].toSorted());
  });

  test('add partitions only where keys may move, and never take any away', async () => {
    const topic = await newTopic(2);

    const unasked = await run(['topic', 'alter', topic, '--partitions', '4']);
    const fewer = await run(['topic', 'alter', topic, '--partitions', '1', '--yes']);
    const nothing = await run(['topic', 'alter', topic]);
    const kept = await run(['topic', 'alter', topic, '--retention-bytes', '5000']);

    expect(unasked).toMatchObject({ code: exitCodes.usage, err: expect.stringContaining('records of most keys') });
    expect(fewer.err).toBe(
      `Cannot alter topic "${topic}": it has 2 partitions, and none is ever removed (invalidRequest). Mend what the message names.\n`,
    );
    expect(nothing.code).toBe(exitCodes.usage);
    expect(kept.code).toBe(0);
    expect((await broker.log.describeTopic(topic)).settings).toMatchObject({ retentionBytes: 5000, partitions: 2 });
  });

  test('grep every partition, each record once', async () => {
    const topic = await newTopic(4);
    for (let index = 0; index < 40; index++)
      await ask('POST', `/v1/topics/${topic}/records`, { key: `key ${index}`, value: `needle ${index}` });

    const { status, stdout } = await runGrep(['needle', '--topic', topic, '--server', broker.url, '-h']);
    const counted = await runGrep(['-c', 'needle', '--topic', topic, '--server', broker.url]);

    expect(status).toBe(0);
    expect(String(stdout).trim().split('\n').toSorted()).toEqual(Array.from({ length: 40 }, (_, index) => `needle ${index}`).toSorted());
    const counts = String(counted.stdout)
      .trim()
      .split('\n')
      .map((line) => /^machine:parted-\d+\/([0-3]):(\d+)$/.exec(line)?.slice(1).map(Number) ?? []);
    expect(new Set(counts.map(([partition]) => partition))).toEqual(new Set([0, 1, 2, 3]));
    expect(counts.reduce((sum, [, count = 0]) => sum + count, 0)).toBe(40);
  });
});
