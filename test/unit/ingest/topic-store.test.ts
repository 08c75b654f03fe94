import { describe, expect, test } from 'vitest';
import { LogError, promised, type RecordService, withPromises } from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { type SessionPlace, TopicStore, type TopicStoreOptions } from '../../../src/ingest/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { testClock } from '../../support/clock.ts';
import { storedLines, testTopic } from '../../support/line-gateway.ts';

const source = { id: 1, name: Buffer.from('n') };

const memoryLog = (): MemoryLog => new MemoryLog({ clock: testClock(), bytes: systemBytes });

function storeOver(log: TopicStoreOptions['log'], tell: (sentence: string) => void = () => undefined): TopicStore {
  return new TopicStore({
    log,
    clock: testClock(),
    bytes: systemBytes,
    topic: testTopic,
    limits: { pendingBytesMax: 2 ** 20, sessionBytesMax: 2 ** 20 },
    whenFull: 'wait',
    tell: (_kind, sentence) => tell(sentence),
    newId: () => 'id',
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

describe('lines that are given up', () => {
  const timeout = new LogError('timeout', 'late');
  const deleted = new LogError('unknownTopic', 'it was deleted');

  test.each([
    ['refused at once', [deleted], ['2 lines are not stored in topic "lines": it was deleted']],
    [
      'refused after an attempt without an answer',
      [timeout, deleted],
      [
        'A line may or may not be stored in topic "lines": the outcome of an attempt is not known, and then: it was deleted',
        'A line is not stored in topic "lines": it was deleted',
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
