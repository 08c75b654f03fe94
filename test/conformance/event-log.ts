/**
 * What every `EventLog` must do, run by each implementation: the in-memory twin, a broker, the HTTP client. A test file calls
 * `eventLogConformance('the twin', open)`; `open` gives a log with a fresh cluster behind it, or one that other tests have used too: every
 * test makes topics of its own.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  AppendRequest,
  AppendResult,
  BrokerService,
  ReadRequest,
  ReadResult,
  ScanRequest,
  ScanResult,
  SearchableLog,
} from '../../src/eventlog/index.ts';
import { offsetMax, sequenceMax } from '../../src/base/branded.ts';
import { follow, LogError, promised, requestIdBytesMax } from '../../src/eventlog/index.ts';
import { forEachRecord, RecordBatchBuilder } from '../../src/record/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { queryOf } from '../support/grep-records.ts';

export interface OpenedEventLog {
  readonly log: SearchableLog;
  /** Who revokes, which is beside the port; left out only with `revokes: false`. */
  readonly revoking?: Pick<BrokerService, 'revoke'>;
  close(): Promise<void> | void;
}

export interface ConformanceOptions {
  /** Largest batch that the log takes. */
  readonly batchBytesMax?: number;
  /** False where nobody can be asked to revoke: the routes of /v1 never do. */
  readonly revokes?: boolean;
}

export function batchOfValues(...values: string[]): Uint8Array {
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.add(1_700_000_000_000, null, systemBytes.utf8Encode(value));
  return builder.finish(systemBytes);
}

/** The visible values at or above the offset that was asked for. */
export function valuesOf(result: ReadResult): string[] {
  const values: string[] = [];
  for (const batch of result.batches) {
    forEachRecord(batch, (record) => {
      if (record.offset >= result.offsetFrom) values.push(systemBytes.utf8Decode(record.value() ?? new Uint8Array(0)));
    });
  }
  return values;
}

const byNumber = (a: number, b: number): number => a - b;

export function eventLogConformance(name: string, open: () => Promise<OpenedEventLog>, options: ConformanceOptions = {}): void {
  describe(`the event log of ${name}`, () => {
    let opened: OpenedEventLog;
    let log: SearchableLog;
    let topicCount = 0;

    beforeAll(async () => {
      opened = await open();
      log = opened.log;
    });
    afterAll(async () => opened?.close());

    async function revoke(topic: string, requestId: string): Promise<void> {
      const { revoking } = opened;
      if (revoking === undefined) throw new Error('nobody revokes');
      await promised<undefined>((answer) => revoking.revoke({ topic }, requestId, answer));
    }

    async function newTopic(): Promise<string> {
      const topic = `conformance-${++topicCount}`;
      await log.createTopic(topic, { retentionBytes: null });
      return topic;
    }

    function append(topic: string, values: string[], more: Partial<AppendRequest> = {}): Promise<AppendResult> {
      const usual = { level: 'quorum', timeoutMs: 10_000, requestId: null, sequence: 0, expectedOffset: null } as const;
      return log.append({ topic, ...usual, ...more, batch: more.batch ?? batchOfValues(...values) });
    }

    function read(topic: string, more: Partial<ReadRequest> = {}): Promise<ReadResult> {
      const usual = {
        offsetFrom: 0,
        sinceMs: null,
        bytesMax: 1024 * 1024,
        freshness: 'linearizable',
        sessionOffset: 0,
        waitMs: 0,
      } as const;
      return log.read({ topic, ...usual, ...more });
    }

    /** Reads from `offsetFrom` until nothing more comes. */
    async function readAll(topic: string, bytesMax = 1024 * 1024): Promise<string[]> {
      const values: string[] = [];
      for (let offsetFrom = 0; ; ) {
        const result = await read(topic, { offsetFrom, bytesMax });
        values.push(...valuesOf(result));
        if (result.offsetNext === offsetFrom) return values;
        expect(result.offsetNext).toBeGreaterThan(offsetFrom);
        offsetFrom = result.offsetNext;
      }
    }

    async function codeOf(call: Promise<unknown>): Promise<string> {
      try {
        await call;
        return 'no error';
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        // One sentence without a final period.
        return /^[A-Z].*[^.]$/s.test(error.message) ? error.code : `${error.code} with the message ${JSON.stringify(error.message)}`;
      }
    }

    test.each<[string, (topic: string) => Promise<unknown>]>([
      ['an append', (topic) => append(topic, ['a'], { partition: 1 })],
      ['a read', (topic) => read(topic, { partition: 1 })],
      ['a look at the end', (topic) => log.end({ topic, partition: 1, freshness: 'linearizable' })],
      ['a look at a request', (topic) => log.nextSequence({ topic, partition: 1, requestId: 'r' })],
    ])('%s of a partition that the topic does not have is refused', async (_what, ask) => {
      const topic = await newTopic();
      const refused: unknown = await ask(topic).catch((error: unknown) => error);

      expect(refused).toMatchObject({ code: 'invalidRequest', message: expect.stringMatching(/it has no partition 1, only partition 0$/) });
      expect(await readAll(topic)).toEqual([]);
    });

    test('partition 0 is the one that is meant where none is named', async () => {
      const topic = await newTopic();
      await append(topic, ['a'], { partition: 0 });

      expect(valuesOf(await read(topic, { partition: 0 }))).toEqual(['a']);
      expect((await log.end({ topic, partition: 0, freshness: 'linearizable' })).offset).toBe(
        (await log.end({ topic, freshness: 'linearizable' })).offset,
      );
      expect(await log.nextSequence({ topic, partition: 0, requestId: 'r' })).toBe(0);
    });

    describe('a topic of several partitions', () => {
      async function newPartitioned(partitions: number): Promise<string> {
        const topic = `conformance-${++topicCount}`;
        await log.createTopic(topic, { retentionBytes: null, partitions });
        return topic;
      }

      test('has logs of its own, each with offsets and request ids of its own', async () => {
        const topic = await newPartitioned(3);

        const first = await append(topic, ['a0'], { partition: 0, requestId: 'r' });
        const third = await append(topic, ['a2', 'b2'], { partition: 2, requestId: 'r' });
        const again = await append(topic, ['a2', 'b2'], { partition: 2, requestId: 'r' });

        expect([first, third, again]).toMatchObject([
          { topic, partition: 0, count: 1, duplicate: false },
          { topic, partition: 2, count: 2, duplicate: false },
          { topic, partition: 2, count: 2, duplicate: true, offset: third.offset },
        ]);
        const values = await Promise.all([0, 1, 2].map(async (partition) => valuesOf(await read(topic, { partition }))));
        expect(values).toEqual([['a0'], [], ['a2', 'b2']]);
        expect(await log.nextSequence({ topic, partition: 1, requestId: 'r' })).toBe(0);
        expect(await log.nextSequence({ topic, partition: 2, requestId: 'r' })).toBe(2);
      });

      test.each<[string, (topic: string) => Promise<unknown>]>([
        ['a read', (topic) => read(topic)],
        ['a look at the end', (topic) => log.end({ topic, freshness: 'linearizable' })],
        ['a look at a request', (topic) => log.nextSequence({ topic, requestId: 'r' })],
        ['an append with an expected offset', (topic) => append(topic, ['a'], { expectedOffset: 0 })],
        ['an append in a stream', (topic) => append(topic, ['a'], { requestId: 's', isSession: true })],
      ])('needs one to be named for %s', async (_what, ask) => {
        const topic = await newPartitioned(2);

        expect(await codeOf(ask(topic))).toBe('partitionNeeded');
      });

      test('has none beyond the last', async () => {
        const topic = await newPartitioned(2);
        const refused: unknown = await read(topic, { partition: 2 }).catch((error: unknown) => error);

        expect(refused).toMatchObject({
          code: 'invalidRequest',
          message: expect.stringMatching(/it has no partition 2, only partitions 0 to 1$/),
        });
      });

      test('is described with all of them, and counts for so many in a page', async () => {
        const topic = await newPartitioned(4);
        await append(topic, ['a'], { partition: 3 });

        const { settings, partition, partitions = [] } = await log.describeTopic(topic);

        expect(settings.partitions).toBe(4);
        expect(partitions).toHaveLength(4);
        expect(partition).toEqual(partitions[0]);
        expect(new Set(partitions.map(({ group }) => group)).size).toBe(4);
        const { brokers } = { brokers: await log.brokers({ prefix: topic, after: '', limit: 10 }) };
        const kept = brokers.flatMap(({ status }) => status?.partitions ?? []).filter((each) => each.topic === topic);
        expect(new Set(kept.map(({ partition: number }) => number))).toEqual(new Set([0, 1, 2, 3]));
      });

      test('may get more and never fewer', async () => {
        const topic = await newTopic();
        await append(topic, ['before'], { partition: 0 });

        const altered = await log.alterTopic(topic, { partitions: 3 });
        await append(topic, ['behind'], { partition: 2 });

        expect(altered.settings).toMatchObject({ partitions: 3, partitionsBefore: [1] });
        expect(altered.partitions).toHaveLength(3);
        expect(valuesOf(await read(topic, { partition: 0 }))).toEqual(['before']);
        expect(valuesOf(await read(topic, { partition: 2 }))).toEqual(['behind']);
        expect(await codeOf(log.alterTopic(topic, { partitions: 2 }))).toBe('invalidRequest');
        expect((await log.describeTopic(topic)).partitions).toHaveLength(3);
      });

      test('may keep more or less, whatever its partitions are', async () => {
        const topic = await newPartitioned(2);

        await log.alterTopic(topic, { retentionBytes: 1_000_000 });
        const { settings } = await log.alterTopic(topic, { partitions: 3 });

        expect(settings).toMatchObject({ retentionBytes: 1_000_000, partitions: 3 });
      });

      test.each([0, 257, 1.5])('%d partitions are refused', async (partitions) => {
        const name = `conformance-${++topicCount}`;

        expect(await codeOf(log.createTopic(name, { retentionBytes: null, partitions }))).toBe('invalidRequest');
        expect(await codeOf(log.describeTopic(name))).toBe('unknownTopic');
      });

      test.each(['log', 'cairn.events'])('%s is not altered', async (name) => {
        expect(await codeOf(log.alterTopic(name, { partitions: 2 }))).toBe('topicProtected');
      });
    });

    describe('an append', () => {
      test('gives consecutive offsets, and reads give the records back in that order', async () => {
        const topic = await newTopic();

        const first = await append(topic, ['a', 'b']);
        const second = await append(topic, ['c']);

        expect(first).toMatchObject({ topic, count: 2, level: 'quorum', committed: true, duplicate: false });
        expect(second.offset).toBeGreaterThanOrEqual(first.offset + 2);
        expect(await readAll(topic)).toEqual(['a', 'b', 'c']);
      });

      test('leaves a short batch as it is, so that it can be given again, alone and among others', async () => {
        const topic = await newTopic();
        const batch = batchOfValues('the same');
        const before = batch.slice();

        await append(topic, [], { batch });
        await Promise.all([1, 2, 3].map(() => append(topic, [], { batch })));
        await append(topic, [], { batch, requestId: `kept-${topic}` });

        expect(batch).toEqual(before);
        expect(await readAll(topic)).toEqual(Array.from({ length: 5 }, () => 'the same'));
      });

      test('names the brokers that have it', async () => {
        const topic = await newTopic();

        const result = await append(topic, ['a']);

        expect(result.ackedBy.length).toBeGreaterThanOrEqual(1);
        expect(result.term).toBeGreaterThanOrEqual(1);
      });

      test('at level all is answered when every voter has it', async () => {
        const topic = await newTopic();

        const result = await append(topic, ['a'], { level: 'all' });

        const { partition } = await log.describeTopic(topic);
        expect([...result.ackedBy].toSorted(byNumber)).toEqual([...partition.replicas].toSorted(byNumber));
      });

      test('keeps every byte of keys, values and headers', async () => {
        const topic = await newTopic();
        const value = Uint8Array.from({ length: 256 }, (_, index) => index);
        const builder = new RecordBatchBuilder();
        builder.add(1_700_000_000_123, value.slice(0, 3), value, [{ key: systemBytes.utf8Encode('h'), value: value.slice(250) }]);
        builder.add(1_700_000_000_456, null, null);

        const usual = { level: 'quorum', timeoutMs: 10_000, requestId: null, sequence: 0, expectedOffset: null } as const;
        await log.append({ topic, batch: builder.finish(systemBytes), ...usual });

        const seen: unknown[] = [];
        for (const batch of (await read(topic)).batches) {
          forEachRecord(batch, (record) => {
            const copy = (part: Uint8Array | null): Uint8Array | null => (part === null ? null : Uint8Array.from(part));
            seen.push([record.timestampMs, copy(record.key()), copy(record.value()), record.headerCount]);
          });
        }
        expect(seen).toEqual([
          [1_700_000_000_123, value.slice(0, 3), value, 1],
          [1_700_000_000_456, null, null, 0],
        ]);
      });

      test('to an unknown topic is refused', async () => {
        expect(await codeOf(append('conformance-nowhere', ['a']))).toBe('unknownTopic');
      });

      test.each<[string, Partial<AppendRequest>]>([
        ['an expected offset', { expectedOffset: Number.MAX_SAFE_INTEGER }],
        ['an expected offset', { expectedOffset: offsetMax + 1 }],
        ['an expected offset', { expectedOffset: -1 }],
        ['an expected offset', { expectedOffset: 0.5 }],
        ['a sequence', { requestId: 'edge', sequence: sequenceMax }],
        ['a sequence', { requestId: 'edge', sequence: -1 }],
        ['a request id', { requestId: 'x'.repeat(requestIdBytesMax + 1) }],
      ])('with %s that no later step could hold is refused: %j', async (_what, more) => {
        const topic = await newTopic();

        expect(await codeOf(append(topic, ['a', 'b'], more))).toBe('invalidRequest');

        expect((await append(topic, ['c'])).count).toBe(1);
        expect(await codeOf(append(topic, ['d'], { expectedOffset: offsetMax }))).toBe('offsetMismatch');
      });

      test('with an expected offset succeeds for exactly one of two', async () => {
        const topic = await newTopic();
        const end = (await log.end({ topic, freshness: 'linearizable' })).offset;

        const codes = await Promise.all([
          codeOf(append(topic, ['a'], { expectedOffset: end })),
          codeOf(append(topic, ['b'], { expectedOffset: end })),
        ]);

        expect(codes.toSorted()).toEqual(['no error', 'offsetMismatch']);
        expect(await readAll(topic)).toHaveLength(1);
      });

      if (options.batchBytesMax !== undefined) {
        const limit = options.batchBytesMax;
        test('above the limit is refused', async () => {
          const topic = await newTopic();

          const value = 'x'.repeat(Math.min(1_000_000, limit));
          const values = Array.from({ length: Math.ceil(limit / value.length) + 1 }, () => value);

          expect(await codeOf(append(topic, values))).toBe('recordTooLarge');
        });
      }
    });

    describe('a request id', () => {
      test('makes a second append answer with the first offset', async () => {
        const topic = await newTopic();

        const first = await append(topic, ['a', 'b'], { requestId: 'once' });
        await append(topic, ['c']);
        const second = await append(topic, ['a', 'b'], { requestId: 'once' });

        expect(second).toMatchObject({ offset: first.offset, count: 2, duplicate: true });
        expect(await readAll(topic)).toEqual(['a', 'b', 'c']);
      });

      test('counts its sequence on, and tells where to go on', async () => {
        const topic = await newTopic();

        expect(await log.nextSequence({ topic, requestId: 'stream' })).toBe(0);
        await append(topic, ['a', 'b'], { requestId: 'stream', sequence: 0 });
        await append(topic, ['c'], { requestId: 'stream', sequence: 2 });

        expect(await log.nextSequence({ topic, requestId: 'stream' })).toBe(3);
        expect(await readAll(topic)).toEqual(['a', 'b', 'c']);
      });

      test('with a gap in its sequence is refused', async () => {
        const topic = await newTopic();

        await append(topic, ['a'], { requestId: 'gap', sequence: 0 });

        expect(await codeOf(append(topic, ['c'], { requestId: 'gap', sequence: 2 }))).toBe('sequenceGap');
      });

      test('that comes again in other batches says what is missing', async () => {
        const topic = await newTopic();
        await append(topic, ['a', 'b'], { requestId: 'cut', sequence: 0 });

        const whole = await append(topic, ['b'], { requestId: 'cut', sequence: 1 }).catch((error: unknown) => error);
        const half = await append(topic, ['b', 'c'], { requestId: 'cut', sequence: 1 }).catch((error: unknown) => error);

        expect(whole).toMatchObject({ code: 'duplicateSequence', requestOutcome: 'appended', details: { expectedSequence: 2 } });
        expect(half).toMatchObject({ code: 'duplicateSequence', requestOutcome: 'unknown', details: { expectedSequence: 2, missing: 1 } });
        expect(await readAll(topic)).toEqual(['a', 'b']);
      });

      test('that nobody knows cannot go on from the middle', async () => {
        const topic = await newTopic();

        expect(await codeOf(append(topic, ['c'], { requestId: 'stranger', sequence: 7 }))).toBe('unknownProducer');
      });

      if (options.revokes !== false) {
        test('revoked after its append hides the records from every later read', async () => {
          const topic = await newTopic();
          await append(topic, ['before']);
          await append(topic, ['hidden'], { requestId: 'regret' });
          await append(topic, ['after']);

          await revoke(topic, 'regret');

          expect(await readAll(topic)).toEqual(['before', 'after']);
          expect(await codeOf(append(topic, ['hidden'], { requestId: 'regret' }))).toBe('revoked');
        });

        test('revoked before its append is refused for ever', async () => {
          const topic = await newTopic();

          await revoke(topic, 'never');

          expect(await codeOf(append(topic, ['a'], { requestId: 'never' }))).toBe('revoked');
          expect(await readAll(topic)).toEqual([]);
        });
      }
    });

    describe('a read', () => {
      test('of an empty topic is empty and stands still', async () => {
        const topic = await newTopic();

        const end = (await log.end({ topic, freshness: 'linearizable' })).offset;
        const result = await read(topic, { offsetFrom: end });

        expect(result).toMatchObject({ offsetNext: end, batches: [] });
      });

      test('in small steps gives the same records as one in large', async () => {
        const topic = await newTopic();
        for (let i = 0; i < 20; i++) await append(topic, [`first ${i}`, `second ${i}`]);

        expect(await readAll(topic, 1)).toEqual(await readAll(topic));
        expect(await readAll(topic)).toHaveLength(40);
      });

      test('from the middle of a batch gives the whole batch, for the reader to skip in', async () => {
        const topic = await newTopic();
        const { offset } = await append(topic, ['a', 'b', 'c']);

        const result = await read(topic, { offsetFrom: offset + 1 });

        expect(result.offsetFrom).toBe(offset + 1);
        expect(valuesOf(result)).toEqual(['b', 'c']);
      });

      test.each<[string, Partial<ReadRequest>]>([
        ['an offset', { offsetFrom: -1 }],
        ['an offset', { offsetFrom: Number.MAX_SAFE_INTEGER }],
        ['a session', { freshness: 'session', sessionOffset: Number.MAX_SAFE_INTEGER }],
        ['a time', { offsetFrom: null, sinceMs: 2 ** 60 }],
      ])('from %s that no later step could hold is refused: %j', async (_what, more) => {
        expect(await codeOf(read(await newTopic(), more))).toBe('invalidRequest');
      });

      test('beyond the end is refused, and says what there is', async () => {
        const topic = await newTopic();
        await append(topic, ['a']);

        const error: unknown = await read(topic, { offsetFrom: 1000 }).catch((reason: unknown) => reason);

        expect(error).toMatchObject({ code: 'offsetOutOfRange', definite: true });
        expect((error as LogError).details).toMatchObject({ logStartOffset: 0, endOffset: expect.any(Number) });
      });

      test('of an unknown topic is refused', async () => {
        expect(await codeOf(read('conformance-nowhere'))).toBe('unknownTopic');
      });

      test('since a time begins with the first record appended at or after it', async () => {
        const topic = await newTopic();
        await append(topic, ['old']);
        let last = await append(topic, ['between']);
        const mark = last.timestampMs + 1;
        while (last.timestampMs < mark) last = await append(topic, ['new']);

        const result = await read(topic, { offsetFrom: null, sinceMs: mark });

        expect(result.offsetFrom).toBe(last.offset);
        expect(valuesOf(result)).toEqual(['new']);
      });

      test('that waits is answered when something comes', async () => {
        const topic = await newTopic();
        const end = (await log.end({ topic, freshness: 'linearizable' })).offset;

        const waiting = read(topic, { offsetFrom: end, waitMs: 20_000 });
        await append(topic, ['a']);

        expect(valuesOf(await waiting)).toEqual(['a']);
      });

      test('that waits in vain is answered empty', async () => {
        const topic = await newTopic();
        const end = (await log.end({ topic, freshness: 'linearizable' })).offset;

        const result = await read(topic, { offsetFrom: end, waitMs: 20 });

        expect(result).toMatchObject({ offsetNext: end, batches: [] });
      });

      test('that waits is answered empty at once when cancelled', async () => {
        const topic = await newTopic();
        const end = (await log.end({ topic, freshness: 'linearizable' })).offset;
        const cancel: { cancelled: boolean; onCancel: (() => void) | null } = { cancelled: false, onCancel: null };

        const waiting = read(topic, { offsetFrom: end, waitMs: 20_000, cancel });
        cancel.cancelled = true;
        cancel.onCancel?.();

        expect((await waiting).batches).toEqual([]);
      });

      test('at level session is at least as new as the offset that the caller brings', async () => {
        const topic = await newTopic();
        const { offset } = await append(topic, ['a']);

        const result = await read(topic, { freshness: 'session', sessionOffset: offset + 1 });

        expect(result.highWatermark).toBeGreaterThanOrEqual(offset + 1);
        expect(valuesOf(result)).toEqual(['a']);
      });

      test('that follows gives what is there and what comes, until cancelled', async () => {
        const topic = await newTopic();
        await append(topic, ['a']);
        const cancel: { cancelled: boolean; onCancel: (() => void) | null } = { cancelled: false, onCancel: null };

        const seen: string[] = [];
        for await (const result of follow(log, { topic, offsetFrom: 0, bytesMax: 4096, freshness: 'local', waitMs: 20_000, cancel })) {
          seen.push(...valuesOf(result));
          if (seen.at(-1) === 'a') await append(topic, ['b', 'c']);
          if (seen.at(-1) === 'c') {
            cancel.cancelled = true;
            cancel.onCancel?.();
          }
        }

        expect(seen).toEqual(['a', 'b', 'c']);
      });
    });

    describe('the end', () => {
      test('read after an append covers it', async () => {
        const topic = await newTopic();
        const { offset } = await append(topic, ['a', 'b']);

        const end = await log.end({ topic, freshness: 'linearizable' });

        expect(end).toMatchObject({ topic, freshness: 'linearizable' });
        expect(end.offset).toBeGreaterThanOrEqual(offset + 2);
      });

      test('of an unknown topic is refused', async () => {
        expect(await codeOf(log.end({ topic: 'conformance-nowhere', freshness: 'linearizable' }))).toBe('unknownTopic');
      });
    });

    describe('topics', () => {
      test('are created, described, listed and deleted', async () => {
        const topic = await newTopic();

        expect(await log.describeTopic(topic)).toMatchObject({ name: topic, builtIn: false });
        expect((await log.listTopics({ prefix: '', after: '', limit: 1000 })).topics.map(({ name: listed }) => listed)).toContain(topic);
        await log.deleteTopic(topic);

        expect(await codeOf(log.describeTopic(topic))).toBe('unknownTopic');
        expect(await codeOf(append(topic, ['a']))).toBe('unknownTopic');
      });

      test('begin empty when created again', async () => {
        const topic = await newTopic();
        await append(topic, ['old']);
        await log.deleteTopic(topic);

        await log.createTopic(topic, { retentionBytes: null });

        expect(await readAll(topic)).toEqual([]);
      });

      test('of one name exist once', async () => {
        const topic = await newTopic();

        expect(await codeOf(log.createTopic(topic, { retentionBytes: null }))).toBe('topicExists');
      });

      test.each(['', '.', '..', 'a/b', 'a b', 'ä', 'a\0', 'x'.repeat(250), 'x'.repeat(2000)])('are not called %j', async (name) => {
        expect(await codeOf(log.createTopic(name, { retentionBytes: null }))).toBe('invalidTopicName');
      });

      test('that belong to Cairn are there and stay', async () => {
        expect((await log.describeTopic('log')).builtIn).toBe(true);
        expect((await log.describeTopic('cairn.events')).builtIn).toBe(true);
        expect(await codeOf(log.deleteTopic('log'))).toBe('topicProtected');
      });

      test('that do not exist are not deleted', async () => {
        expect(await codeOf(log.deleteTopic('conformance-nowhere'))).toBe('unknownTopic');
      });
    });

    describe('a search', () => {
      async function scan(topic: string, more: Partial<ScanRequest> = {}): Promise<{ readonly text: string; readonly result: ScanResult }> {
        const chunks: Uint8Array[] = [];
        const request: ScanRequest = {
          topic,
          offsetFrom: null,
          offsetTo: null,
          sinceMs: null,
          untilMs: null,
          query: queryOf(['hit'], {}, { lineNumbers: false }),
          freshness: 'linearizable',
          sessionOffset: 0,
          timeoutMs: 10_000,
          ...more,
        };
        const take = (chunk: { readonly bytes: Uint8Array }, next: () => void): void => {
          chunks.push(chunk.bytes);
          setImmediate(next);
        };
        const result = await log.scan(request, { take });
        return { text: Buffer.concat(chunks).toString(), result };
      }

      test('gives the records that match, and says that it is complete to the end', async () => {
        const topic = await newTopic();
        for (let i = 0; i < 10; i++) await append(topic, [`hit ${i}`, `miss ${i}`]);
        const end = (await log.end({ topic, freshness: 'linearizable' })).offset;

        const found = await scan(topic);

        expect(found.text).toBe(Array.from({ length: 10 }, (_, i) => `hit ${i}\n`).join(''));
        expect(found.result).toMatchObject({ topic, partition: 0, offsetTo: end, gaps: [], selected: 10, highWatermark: end });
      });

      test('shows context, numbers by offset, and stops at a limit', async () => {
        const topic = await newTopic();
        const { offset } = await append(topic, ['a', 'b hit', 'c', 'd hit', 'e']);

        const found = await scan(topic, { query: queryOf(['hit'], {}, { before: 1, after: 1, maxCount: 1 }) });

        expect(found.text).toBe(`${offset}-a\n${offset + 1}:b hit\n${offset + 2}-c\n`);
        expect(found.result).toMatchObject({ offsetTo: offset + 3, gaps: [], selected: 1 });
      });

      test('keeps to a range of offsets', async () => {
        const topic = await newTopic();
        const { offset } = await append(topic, ['hit 0', 'hit 1', 'hit 2', 'hit 3']);

        const found = await scan(topic, { offsetFrom: offset + 1, offsetTo: offset + 3 });

        expect(found.text).toBe('hit 1\nhit 2\n');
        expect(found.result).toMatchObject({ offsetFrom: offset + 1, offsetTo: offset + 3 });
      });

      test('does not show what was revoked', async () => {
        if (opened.revoking === undefined) return;
        const topic = await newTopic();
        await append(topic, ['hit before'], { requestId: 'kept' });
        await append(topic, ['hit revoked'], { requestId: 'revoked' });
        await append(topic, ['hit after']);
        await revoke(topic, 'revoked');

        expect((await scan(topic)).text).toBe('hit before\nhit after\n');
      });

      test('of what is not there is refused', async () => {
        const topic = await newTopic();

        expect(await codeOf(scan('conformance-nowhere'))).toBe('unknownTopic');
        expect(await codeOf(scan(topic, { partition: 1 }))).toBe('invalidRequest');
        expect(await codeOf(scan(topic, { query: queryOf(['x'], {}, { byteOffsets: true }) }))).toBe('invalidRequest');
      });

      test('that is cancelled says so', async () => {
        const topic = await newTopic();
        for (let i = 0; i < 5; i++) await append(topic, ['hit'.padEnd(40_000, '.')]);
        const cancel: { cancelled: boolean; onCancel: (() => void) | null } = { cancelled: false, onCancel: null };
        const request = { topic, offsetFrom: null, offsetTo: null, sinceMs: null, untilMs: null, query: queryOf(['hit']) } as const;

        const result = await log.scan(
          { ...request, freshness: 'linearizable', sessionOffset: 0, timeoutMs: 10_000, cancel },
          {
            // Takes one chunk, asks for no more, and goes away.
            take: () => {
              cancel.cancelled = true;
              cancel.onCancel?.();
            },
          },
        );

        expect(result.gaps).toMatchObject([{ reason: 'stopped', offsetTo: result.highWatermark }]);
      });
    });

    describe('the state', () => {
      test('of the broker names it and its partitions', async () => {
        const status = await log.status();

        expect(status.id).toBeGreaterThanOrEqual(1);
        expect(status.crashed).toBe(false);
        expect(status.partitions.map(({ topic }) => topic)).toContain('log');
      });

      test('of all brokers includes the one that was asked', async () => {
        const { id } = await log.status();

        expect((await log.brokers()).map((broker) => broker.id)).toContain(id);
      });
    });
  });
}
