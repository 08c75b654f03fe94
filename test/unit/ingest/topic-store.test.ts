import { describe, expect, test } from 'vitest';
import { LogError, promised, type RecordService, withPromises } from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { type SessionPlace, TopicStore, type TopicStoreOptions } from '../../../src/ingest/index.ts';
import { partitionOfKey } from '../../../src/placement/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { testClock } from '../../support/clock.ts';
import { storedLines, testTopic } from '../../support/line-gateway.ts';

const source = { id: 1, name: Buffer.from('n') };

const memoryLog = (): MemoryLog => new MemoryLog({ clock: testClock(), bytes: systemBytes });

function storeOver(
  log: TopicStoreOptions['log'],
  tell: (sentence: string) => void = () => undefined,
  topicIsGone: () => void = () => undefined,
  sessionsBytesMax = 2 ** 26,
): TopicStore {
  return new TopicStore({
    log,
    clock: testClock(),
    bytes: systemBytes,
    topic: testTopic,
    limits: { pendingBytesMax: 2 ** 20, sessionBytesMax: 2 ** 20, sessionsBytesMax },
    whenFull: 'wait',
    tell: (_kind, sentence) => tell(sentence),
    topicIsGone,
    newId: () => crypto.randomUUID(),
  });
}

function add(store: TopicStore, text: string): void {
  const line = Buffer.from(text);
  store.addPlain(source, line, 0, line.length, 1.5);
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};

/** What is appended is answered with these, one after the other, and then as the log says. */
function failing(log: MemoryLog, errors: readonly LogError[], seen: (age: number | undefined) => void = () => undefined): RecordService {
  let count = 0;
  return {
    append(request, answer) {
      seen(request.firstAttemptMs);
      const error = errors[count++];
      if (error === undefined) log.append(request, answer);
      else setImmediate(() => answer({ ok: false, error }));
    },
    read: (request, answer) => log.read(request, answer),
    end: (request, answer) => log.end(request, answer),
    nextSequence: (request, answer) => log.nextSequence(request, answer),
  };
}

test('lines that come before their topic is there wait for it, and none is given up', async () => {
  const memory = memoryLog();
  const told: string[] = [];
  const store = storeOver(memory, (sentence) => told.push(sentence));

  add(store, '1.5 early');
  store.flushPlain(source);
  await new Promise((resolve) => setImmediate(resolve));
  expect(store).toMatchObject({ pendingCount: 1, stored: 0, unstored: 0 });

  await withPromises(memory).createTopic(testTopic, { retentionBytes: null });
  store.topicIsThere();
  await until(() => store.pendingCount === 0);

  expect(await storedLines(memory)).toEqual([{ key: 'n', value: '1.5 early', timestampMs: 1_500 }]);
  expect(told).toEqual([]);
});

test('a batch that is stored again says how old its first attempt is', async () => {
  const memory = memoryLog();
  await withPromises(memory).createTopic(testTopic, { retentionBytes: null });
  const ages: (number | undefined)[] = [];
  const lost = new LogError('connectionLost', 'gone');
  const store = storeOver(failing(memory, [lost, lost], (age) => ages.push(age)));

  store.topicIsThere();
  add(store, '1.5 x');
  store.flushPlain(source);
  await until(() => store.stored === 1);

  expect(ages).toEqual([undefined, expect.any(Number), expect.any(Number)]);
  expect(ages[2]).toBeGreaterThan(ages[1] as number);
});

test('lines go on where they went when partitions are added to their topic', async () => {
  const memory = memoryLog();
  const admin = withPromises(memory);
  await admin.createTopic(testTopic, { retentionBytes: null });
  const store = storeOver(memory);
  store.topicIsThere();
  const place = await promised<SessionPlace>((answer) => store.placeOf('s', source, answer));
  const failures: LogError[] = [];
  const session = store.openSession('s', place, { stored: () => undefined, failed: (error) => failures.push(error) });

  await admin.alterTopic(testTopic, { partitions: 4 });
  add(store, '1.5 plain');
  store.flushPlain(source);
  const line = Buffer.from('1.5 spooled');
  session.add(source, line, 0, line.length, 1.5);
  session.flush();
  await until(() => store.pendingCount === 0 || failures.length > 0);

  expect(failures).toEqual([]);
  expect(store).toMatchObject({ stored: 2, unstored: 0 });
  expect(await promised<SessionPlace>((answer) => store.placeOf('s', source, answer))).toEqual({ sequence: 1, partition: 0 });
});

test('lines go among the partitions that were added to their topic once the store is told of them, and none is lost on the way', async () => {
  const memory = memoryLog();
  const admin = withPromises(memory);
  await admin.createTopic(testTopic, { retentionBytes: null });
  const store = storeOver(memory);
  store.topicIsThere();
  const { sources, addAll } = fourSources(store);
  addAll('1.5 0');
  await until(() => store.stored === 4);
  await admin.alterTopic(testTopic, { partitions: 4 });

  addAll('1.5 under way');
  addAll('1.5 waiting');
  store.topicIsThere([1, 4]);
  addAll('1.5 after');
  await until(() => store.pendingCount === 0);

  const stored = await Promise.all([0, 1, 2, 3].map((partition) => storedLines(memory, partition)));
  for (const { name } of sources) {
    const own = stored.map((lines) => lines.filter(({ key }) => key === name.toString()).map(({ value }) => value));
    expect(own.flat().toSorted()).toEqual(['1.5 0', '1.5 after', '1.5 under way', '1.5 waiting']);
    expect(own[partitionOfKey(name, 4)]).toEqual(expect.arrayContaining(['1.5 waiting', '1.5 after']));
  }
  expect(store).toMatchObject({ stored: 16, unstored: 0 });
});

describe('a topic that is deleted', () => {
  test.each([
    [1, 1],
    [1, 3],
    [3, 1],
    [3, 2],
  ])(
    'of %s partitions is said to be gone once, and made again with %s it gets every line in the order of its source',
    async (before, after) => {
      const memory = memoryLog();
      const admin = withPromises(memory);
      await admin.createTopic(testTopic, { retentionBytes: null, partitions: before });
      const told: string[] = [];
      let gone = 0;
      const store = storeOver(
        memory,
        (sentence) => told.push(sentence),
        () => gone++,
      );
      store.topicIsThere([before]);
      const { addAll } = fourSources(store);
      addAll('1.5 0');
      await until(() => store.stored === 4);
      await admin.deleteTopic(testTopic);

      addAll('1.5 1');
      addAll('1.5 2');
      await until(() => gone > 0);
      addAll('1.5 3');
      await admin.createTopic(testTopic, { retentionBytes: null, partitions: after });
      store.topicIsThere([after]);
      await until(() => store.pendingCount === 0);
      addAll('1.5 4');
      await until(() => store.pendingCount === 0);

      const found = new Map<string, string[]>();
      const stored = await Promise.all(Array.from({ length: after }, (_, partition) => storedLines(memory, partition)));
      for (const { key, value } of stored.flat()) found.set(key, [...(found.get(key) ?? []), value]);
      expect(Object.fromEntries(found)).toEqual(
        Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, ['1.5 1', '1.5 2', '1.5 3', '1.5 4']])),
      );
      expect(store).toMatchObject({ stored: 20, unstored: 0 });
      expect(gone).toBe(1);
      expect(told).toEqual([
        expect.stringContaining('was deleted: lines wait until it is made again'),
        expect.stringContaining('takes lines again'),
      ]);
    },
  );

  test('and made again by somebody else before anybody noticed gets the lines too', async () => {
    const memory = memoryLog();
    const admin = withPromises(memory);
    await admin.createTopic(testTopic, { retentionBytes: null });
    const store = storeOver(memory);
    store.topicIsThere();
    add(store, '1.5 before');
    store.flushPlain(source);
    await until(() => store.stored === 1);

    await admin.deleteTopic(testTopic);
    await admin.createTopic(testTopic, { retentionBytes: null });
    add(store, '1.5 behind');
    store.flushPlain(source);
    await until(() => store.pendingCount === 0);

    expect(store).toMatchObject({ stored: 2, unstored: 0 });
    expect(await storedLines(memory)).toMatchObject([{ value: '1.5 behind' }]);
  });

  test('does not get what may be in the one that was deleted', async () => {
    const memory = memoryLog();
    await withPromises(memory).createTopic(testTopic, { retentionBytes: null });
    const told: string[] = [];
    const log = failing(memory, [new LogError('timeout', 'late'), new LogError('unknownTopic', 'it was deleted')]);
    let isGone = false;
    const store = storeOver(
      log,
      (sentence) => told.push(sentence),
      () => (isGone = true),
    );
    store.topicIsThere();
    add(store, '1.5 first');
    store.flushPlain(source);
    add(store, '1.5 second');
    await until(() => isGone);

    store.topicIsThere();
    await until(() => store.pendingCount === 0);

    expect(await storedLines(memory)).toMatchObject([{ value: '1.5 second' }]);
    expect(told).toContainEqual(expect.stringContaining('A line may or may not be stored'));
  });
});

describe('lines that are given up', () => {
  const timeout = new LogError('timeout', 'late');
  const refused = new LogError('invalidRequest', 'it is wrong');

  test.each([
    ['refused at once', [refused], ['2 lines are not stored in topic "lines": it is wrong']],
    [
      'refused after an attempt without an answer',
      [timeout, refused],
      [
        'A line may or may not be stored in topic "lines": the outcome of an attempt is not known, and then: it is wrong',
        'A line is not stored in topic "lines": it is wrong',
      ],
    ],
    [
      'refused for all attempts',
      [timeout, new LogError('requestIdReused', 'other lines', { requestOutcome: 'notAppended' })],
      ['2 lines are not stored in topic "lines": other lines'],
    ],
  ])('%s are told as what is known of them', async (_when, errors, expected) => {
    const told: string[] = [];
    const store = storeOver(failing(memoryLog(), errors), (sentence) => told.push(sentence));
    store.topicIsThere();
    add(store, '1.5 first');
    store.flushPlain(source);
    add(store, '1.5 second');
    await until(() => store.unstored === 2);

    expect(told.filter((sentence) => !sentence.startsWith('Cannot store'))).toEqual(expected);
  });

  test('because it is closed: what is under way may be stored yet', async () => {
    const memory = memoryLog();
    await withPromises(memory).createTopic(testTopic, { retentionBytes: null });
    memory.stall();
    const told: string[] = [];
    const store = storeOver(memory, (sentence) => told.push(sentence));
    store.topicIsThere();
    add(store, '1.5 first');
    store.flushPlain(source);
    add(store, '1.5 second');

    await new Promise<void>((resolve) => store.close(1, resolve));
    memory.resume();

    expect(told).toEqual([
      'A line may or may not be stored in topic "lines": the outcome of an attempt is not known, and then: the logger was stopped',
      'A line is not stored in topic "lines": the logger was stopped',
    ]);
    expect(await storedLines(memory)).toMatchObject([{ value: '1.5 first' }]);
  });
});

test('who closes waits for what is under way, and no longer than that takes', async () => {
  const memory = memoryLog();
  await withPromises(memory).createTopic(testTopic, { retentionBytes: null });
  const store = storeOver(memory);
  store.topicIsThere();
  for (let i = 0; i < 10; i++) add(store, `1.5 ${i}`);

  await new Promise<void>((resolve) => store.close(1_000_000, resolve));

  expect(store).toMatchObject({ stored: 10, unstored: 0, pendingCount: 0 });
});

/** Four that say the same, each for itself. */
function fourSources(store: ReturnType<typeof storeOver>) {
  const sources = ['a', 'b', 'c', 'd'].map((name, id) => ({ id, name: Buffer.from(name) }));
  const addAll = (text: string): void => {
    const line = Buffer.from(text);
    for (const each of sources) {
      store.addPlain(each, line, 0, line.length, 1.5);
      store.flushPlain(each);
    }
  };
  return { sources, addAll };
}

test('sessions of a topic that takes nothing hold so much all together, each an equal part', () => {
  const stuck: TopicStoreOptions['log'] = { append: () => undefined, nextSequence: () => undefined };
  const store = storeOver(stuck, undefined, undefined, 2 ** 20);
  store.topicIsThere();
  const place: SessionPlace = { sequence: 0, partition: 0 };
  const handlers = { stored: () => undefined, failed: () => undefined };
  const line = Buffer.alloc(1_000, 'x');
  const sessions = Array.from({ length: 32 }, (_, id) => store.openSession(`s${id}`, place, handlers));

  const held = sessions.map((session) => {
    let bytes = 0;
    for (; !session.isFull; bytes += line.length) session.add(source, line, 0, line.length, 1.5);
    return bytes;
  });
  const [first] = sessions;
  for (const session of sessions.slice(1)) session.close();

  for (const bytes of held) expect(bytes).toBeLessThanOrEqual(2 ** 20 / 32 + line.length);
  // Of those that are left each has more.
  expect(first?.isFull).toBe(false);
});
