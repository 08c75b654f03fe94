import { describe, expect, test } from 'vitest';
import { CairnClient, type CairnClientOptions, LogError, type LogRecord, type Records } from '../../../src/library/index.ts';
import { certificate } from '../../support/certificate.ts';
import { startLibrary } from '../../support/library.ts';
import { startMemoryBroker } from '../../support/memory-broker.ts';

const { client, broker, freshTopic } = await startLibrary();

async function textsOf(records: Records): Promise<string[]> {
  const texts: string[] = [];
  for await (const record of records) texts.push(record.text());
  return texts;
}

/** One append each, and each in a millisecond of its own: those of one have no order among partitions. */
async function appendEach(topic: string, texts: readonly string[]): Promise<void> {
  for (const [index, text] of texts.entries()) {
    const { timestampMs } = await client.append(topic, { key: `k${index}`, value: text });
    while (Date.now() <= timestampMs) await new Promise(setImmediate);
  }
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `r${index}`);

describe('append', () => {
  test('takes text, bytes, a record, and an array of any of them with consecutive offsets', async () => {
    const topic = await freshTopic();

    const first = await client.append(topic, 'text');
    await client.append(topic, Uint8Array.of(0, 255));
    await client.append(topic, { key: 'k', value: 'v', headers: { h: 'x', none: null }, timestamp: 1_790_000_000_000 });
    const array = await client.append(topic, ['a', { key: Uint8Array.of(9), value: null }]);

    expect(first).toMatchObject({ topic, offset: 0, count: 1, committed: true });
    expect(array).toMatchObject({ offset: 3, count: 2 });
    const records: LogRecord[] = [];
    for await (const record of client.read(topic)) records.push(record);
    expect(records.map(({ offset, partition }) => [offset, partition])).toEqual([0, 1, 2, 3, 4].map((offset) => [offset, 0]));
    expect(records[1]?.value).toEqual(Uint8Array.of(0, 255));
    expect(records[2]?.timestamp).toBe(1_790_000_000_000);
    expect([records[2]?.keyText(), records[2]?.header('h'), records[2]?.header('none'), records[2]?.header('other')]).toEqual([
      'k',
      'x',
      null,
      null,
    ]);
    expect([records[4]?.key, records[4]?.value, records[4]?.text()]).toEqual([Uint8Array.of(9), null, '']);
  });

  test('under a request id appends nothing twice, and with an expected offset nothing elsewhere', async () => {
    const topic = await freshTopic();

    await client.append(topic, 'a', { requestId: 'job-1' });
    const again = await client.append(topic, 'a', { requestId: 'job-1' });

    expect(again).toMatchObject({ offset: 0, duplicate: true });
    await expect(client.append(topic, 'b', { expectedOffset: 0 })).rejects.toMatchObject({ code: 'offsetMismatch', definite: true });
    expect(await client.append(topic, 'b', { expectedOffset: 1 })).toMatchObject({ offset: 1 });
  });

  test('takes again what was read', async () => {
    const [from, to] = [await freshTopic(), await freshTopic()];
    await client.append(from, { key: 'k', value: 'v', headers: { h: 'x' }, timestamp: 5 });

    for await (const record of client.read(from)) await client.append(to, record);

    for await (const { key, value, headers, timestamp } of client.read(to))
      expect({ key, value, headers: { ...headers }, timestamp }).toEqual({
        key: new Uint8Array(Buffer.from('k')),
        value: new Uint8Array(Buffer.from('v')),
        headers: { h: new Uint8Array(Buffer.from('x')) },
        timestamp: 5,
      });
  });

  test.each([
    ['a number', 7, 'a record is 7'],
    ['an object without a value', { key: 'k' }, 'a record has no value'],
    ['an object that was meant as JSON', { value: 'x', id: 7 }, 'no field "id"'],
    ['half of a surrogate pair', '\ud800', 'surrogate'],
    ['a header of ours', { value: 'x', headers: { 'cairn.request-id': 'x' } }, "Cairn's own"],
    ['no record', [], 'no record in the array'],
    ['a time that is none', { value: 'x', timestamp: new Date(Number.NaN) }, 'its timestamp'],
  ])('refuses %s', async (_what, value, reason) => {
    await expect(client.append('log', value as string)).rejects.toMatchObject({
      name: 'LogError',
      code: 'invalidRequest',
      definite: true,
      message: expect.stringContaining(reason) as string,
    });
  });

  test('refuses what is larger than a record, or than an array, may be, before it is sent', async () => {
    await expect(client.append('log', 'x'.repeat(1024 * 1024 + 1))).rejects.toMatchObject({ code: 'recordTooLarge' });
    await expect(client.append('log', new Array<string>(65_537).fill(''))).rejects.toMatchObject({ code: 'recordTooLarge' });
    await expect(client.append('log', new Array<string>(9).fill('x'.repeat(1_000_000)))).rejects.toMatchObject({ code: 'recordTooLarge' });
  });

  test('refuses an option that there is not', async () => {
    await expect(client.append('log', 'x', { patition: 1 } as object)).rejects.toMatchObject({
      code: 'invalidRequest',
      message: 'Cannot append to topic "log": there is no option "patition"',
    });
  });
});

describe('read', () => {
  test('gives what is asked for: from an offset, a position, a time, so many, the last', async () => {
    const topic = await freshTopic();
    await appendEach(topic, numbered(6));
    const { timestamp } = (await client.read(topic, { from: 3 }).next()).value as LogRecord;

    expect(await textsOf(client.read(topic))).toEqual(numbered(6));
    expect(await textsOf(client.read(topic, { from: 4 }))).toEqual(['r4', 'r5']);
    expect(await textsOf(client.read(topic, { from: 'end' }))).toEqual([]);
    expect(await textsOf(client.read(topic, { max: 2 }))).toEqual(['r0', 'r1']);
    expect(await textsOf(client.read(topic, { last: 2 }))).toEqual(['r4', 'r5']);
    expect(await textsOf(client.read(topic, { last: 100 }))).toEqual(numbered(6));
    expect(await textsOf(client.read(topic, { since: new Date(timestamp), from: undefined }))).toContain('r3');
    const some = client.read(topic, { max: 4 });
    await textsOf(some);
    expect(await textsOf(client.read(topic, { from: some.position as string }))).toEqual(['r4', 'r5']);
  });

  test('gives all partitions in order of log time, the last of all of them, and goes on from a position in the middle', async () => {
    const topic = await freshTopic(3);
    await appendEach(topic, numbered(20));

    expect(await textsOf(client.read(topic))).toEqual(numbered(20));
    expect(await textsOf(client.read(topic, { last: 5 }))).toEqual(numbered(20).slice(15));
    const first = client.read(topic);
    for (let count = 0; count < 7; count++) await first.next();
    expect(await textsOf(client.read(topic, { from: first.position as string }))).toEqual(numbered(20).slice(7));
    const one: LogRecord[] = [];
    for await (const record of client.read(topic, { partition: 1 })) one.push(record);
    expect(one.length).toBeGreaterThan(0);
    expect(one.every(({ partition }, index) => partition === 1 && one[index]?.offset === index)).toBe(true);
    expect(await textsOf(client.read(topic, { partition: 1, last: 1 }))).toEqual([one.at(-1)?.text()]);
    await expect(client.read(topic, { from: 3 }).next()).rejects.toMatchObject({ code: 'partitionNeeded' });
  });

  test.each([1, 3])(
    'says when the leader took a record, ends before a time, and counts from the end, with %i partitions',
    async (partitions) => {
      const topic = await freshTopic(partitions);
      await appendEach(topic, numbered(12));
      const records: LogRecord[] = [];
      for await (const record of client.read(topic, { logTime: true })) records.push(record);
      const times = records.map(({ logTime }) => logTime as number);

      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(Math.abs((times[0] ?? 0) - Date.now())).toBeLessThan(600_000);
      expect((await client.read(topic).next()).value).toMatchObject({ logTime: null });
      const until = times[7] as number;
      expect(await textsOf(client.read(topic, { until }))).toEqual(numbered(7));
      expect(await textsOf(client.read(topic, { until: new Date(until), last: 2 }))).toEqual(['r5', 'r6']);
      expect(await textsOf(client.read(topic, { since: times[5] as number, until }))).toEqual(['r5', 'r6']);
      expect(await textsOf(client.read(topic, { since: until, until: times[5] as number }))).toEqual([]);
      expect(await textsOf(client.read(topic, { until: 0 }))).toEqual([]);
      const lastOfEach = Array.from(
        { length: partitions },
        (_, number) => records.findLast(({ partition }) => partition === number)?.text() ?? '',
      );
      expect((await textsOf(client.read(topic, { from: -1 }))).toSorted()).toEqual(lastOfEach.filter((text) => text !== '').toSorted());
      expect(await textsOf(client.read(topic, { from: -1000 }))).toEqual(numbered(12));
    },
  );

  test.each([1, 3])('in pages, says where to go on behind each, with %i partitions', async (partitions) => {
    const topic = await freshTopic(partitions);
    await appendEach(topic, numbered(9));
    const reading = client.read(topic, { max: 5 });

    const given: string[] = [];
    for await (const page of reading.pages()) given.push(...page.map((record) => record.text()));

    expect(given).toEqual(numbered(5));
    expect(reading.partitions).toBe(partitions);
    expect(await textsOf(client.read(topic, { from: reading.position as string }))).toEqual(numbered(9).slice(5));
    for await (const page of client.read(topic).pages()) if (page.length > 0) break;
  });

  test('ends at the end that there was when it began', async () => {
    const topic = await freshTopic();
    await client.append(topic, ['a', 'b']);

    const texts: string[] = [];
    for await (const record of client.read(topic)) {
      texts.push(record.text());
      await client.append(topic, 'later');
    }

    expect(texts).toEqual(['a', 'b']);
  });

  test('gives each record once to two that ask at once', async () => {
    const topic = await freshTopic();
    await client.append(topic, numbered(4));
    const records = client.read(topic);

    const given = await Promise.all([records.next(), records.next(), records.next(), records.next(), records.next()]);

    expect(given.map(({ value }) => (value as LogRecord | undefined)?.text())).toEqual([...numbered(4), undefined]);
  });

  test('a record is JSON, or says which is not', async () => {
    const topic = await freshTopic();
    await client.append(topic, ['{"id": 7}', 'no json']);

    const [good, bad] = [client.read(topic, { max: 1 }), client.read(topic, { from: 1 })];

    expect(((await good.next()).value as LogRecord).json()).toEqual({ id: 7 });
    const record = (await bad.next()).value as LogRecord;
    expect(() => record.json()).toThrow(`Cannot read the record at offset 1 of partition 0 of topic "${topic}" as JSON`);
  });

  test('refuses what excludes itself', () => {
    expect(() => client.read('log', { from: 1, last: 2 })).toThrow('from and last exclude each other');
    expect(() => client.read('log', { from: -0.5 })).toThrow('it must be an offset, a negative number of records before the end');
    expect(() => client.follow('log', { until: 5 } as never)).toThrow('there is no option "until"');
    expect(() => client.read('log', { partition: 1, from: 'v1.3.4' })).toThrow('partition names one');
  });

  test('of a topic that is not there fails as the broker says', async () => {
    await expect(client.read('missing').next()).rejects.toMatchObject({
      code: 'unknownTopic',
      remedy: 'Create it: `cairn topic create NAME`.',
    });
  });
});

describe('follow', () => {
  test('gives what comes, and ends with its signal', async () => {
    const topic = await freshTopic();
    await client.append(topic, 'a');
    const ending = new AbortController();

    const texts: string[] = [];
    for await (const record of client.follow(topic, { signal: ending.signal })) {
      texts.push(record.text());
      if (texts.length === 1) void client.append(topic, ['b', 'c']);
      if (texts.length === 3) ending.abort();
    }

    expect(texts).toEqual(['a', 'b', 'c']);
  });

  test.each([1, 3])('begins with the last ones and ends with enough, with %i partitions', async (partitions) => {
    const topic = await freshTopic(partitions);
    await appendEach(topic, numbered(6));
    const records = client.follow(topic, { last: 2, max: 4, logTime: true });

    const texts: string[] = [];
    for await (const record of records) {
      texts.push(record.text());
      expect(record.logTime).toBeGreaterThan(0);
      if (texts.length === 2) await appendEach(topic, ['a', 'b', 'c']);
    }

    expect(texts).toEqual(['r4', 'r5', 'a', 'b']);
  });

  test('goes on among the partitions that a topic gets', async () => {
    const topic = await freshTopic();
    await appendEach(topic, ['a', 'b']);
    const records = client.follow(topic);
    const next = async (): Promise<string> => ((await records.next()).value as LogRecord).text();
    expect([await next(), await next()]).toEqual(['a', 'b']);

    await client.topics.alter(topic, { partitions: 4 });
    await appendEach(topic, numbered(8));

    const later: string[] = [];
    while (later.length < 8) later.push(await next());
    expect(later.toSorted()).toEqual(numbered(8));
    await records.return();
  });
});

describe('a client', () => {
  test('refuses once it is closed, and ends what it is asked by then', async () => {
    const own = new CairnClient({ servers: [broker.url] });
    const topic = await freshTopic();
    const records = own.follow(topic, { from: 'end' });
    const waiting = records.next();
    await own.topics.describe(topic);

    await own.close();

    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    const refused = { name: 'LogError', code: 'clientClosed', definite: true, retriable: false };
    await expect(own.append(topic, 'x')).rejects.toMatchObject(refused);
    await expect(own.read(topic).next()).rejects.toMatchObject(refused);
    await expect(own.follow(topic).next()).rejects.toMatchObject(refused);
    await expect(own.topics.list().next()).rejects.toMatchObject(refused);
    await expect(own.status()).rejects.toMatchObject(refused);
  });

  test('ends a call by its signal', async () => {
    const signal = AbortSignal.abort();

    await expect(client.append('log', 'x', { signal })).rejects.toMatchObject({ code: 'interrupted' });
    await expect(client.read('log', { signal }).next()).rejects.toMatchObject({ code: 'interrupted' });
    await expect(client.topics.describe('log', { signal })).rejects.toMatchObject({ code: 'interrupted' });
    expect(await client.follow('log', { signal }).next()).toEqual({ done: true, value: undefined });
  });

  test('brings its token over TLS to whatever it asks, and says which of both is wrong', async () => {
    const token = 't'.repeat(32);
    const guarded = await startMemoryBroker({ token, tls: certificate });
    const [servers, ca] = [[guarded.url], certificate.cert];
    const seen: string[] = [];
    {
      await using own = new CairnClient({ servers, token, ca });
      await own.topics.create('orders');
      await own.append('orders', 'a');
      await using producer = own.producer('orders');
      await producer.append('b');
      await producer.flush();
      for await (const record of own.read('orders')) seen.push(`read ${record.text()}`);
      for await (const record of own.grep('orders', 'b')) seen.push(`found ${record.text()}`);
      await using subscription = own.subscribe('s', 'orders', (record) => {
        seen.push(`given ${record.text()}`);
        if (record.text() === 'b') void subscription.close();
      });
      await subscription.done;
    }
    const refusal = async (options: Partial<CairnClientOptions>): Promise<unknown> => {
      await using own = new CairnClient({ servers, ...options });
      return await own.status().catch((error: LogError) => [error.code, error.definite, error.remedy]);
    };

    expect(seen).toEqual(['read a', 'read b', 'found b', 'given a', 'given b']);
    expect(await refusal({ ca })).toEqual(['unauthorized', true, expect.stringContaining('`token` of the client')]);
    expect(await refusal({ token })).toEqual(['unreachable', true, expect.stringContaining('`servers` of the client')]);
    await guarded.close();
  });

  test('says in one error what is wrong with how it is made', () => {
    const make = (options: unknown): unknown => new CairnClient(options as { servers: string[] });

    expect(() => make(undefined)).toThrow('Cannot connect: no server is named');
    expect(() => make({ servers: [] })).toThrow('servers is an array, it must be an array of URLs, of 1 to 1000');
    expect(() => make({ servers: ['ftp://x'] })).toThrow(
      new LogError('invalidRequest', 'Cannot connect: "ftp://x" is no server such as http://127.0.0.1:8000'),
    );
    expect(() => make({ servers: ['a:1'], token: 'a b' })).toThrow('token is "a b"');
  });

  test('knows the topics and the brokers', async () => {
    const topic = await freshTopic(2);
    await client.append(topic, 'x', { partition: 1 });

    expect((await client.topics.describe(topic)).settings.partitions).toBe(2);
    expect(await client.topics.ends(topic)).toEqual([0, 1]);
    expect(await client.topics.ends('log')).toHaveLength(1);
    const names: string[] = [];
    for await (const { name } of client.topics.list({ prefix: topic })) names.push(name);
    expect(names).toEqual([topic]);
    await expect(client.topics.create(topic)).rejects.toMatchObject({ code: 'topicExists' });
    await client.topics.delete(topic);
    await expect(client.topics.describe(topic)).rejects.toMatchObject({ code: 'unknownTopic' });
    expect((await client.status()).version).toBe('0.0.0');
    expect(await client.brokers()).toHaveLength(1);
    expect(await client.history({ withinMs: 60_000 })).toMatchObject([{ id: 1, samples: [] }]);
    await expect(client.history({ withinMs: 1e9 })).rejects.toMatchObject({ code: 'invalidRequest' });
  });
});
