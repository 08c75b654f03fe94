/**
 * What publishers and subscribers must do, run by each implementation: the in-memory twin, a broker, the HTTP client. Every test makes topics and subscribers of
 * its own.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EventLog, LogError, type PullRequest, type PullResult, type Subscriptions } from '../../src/eventlog/index.ts';
import { forEachRecord } from '../../src/record/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { batchOfValues } from './event-log.ts';

export interface OpenedSubscriptions {
  readonly log: EventLog;
  readonly subscriptions: Subscriptions;
  close(): Promise<void> | void;
}

/** What a pull gave, topic by topic: the records that its parts hold, and no others of their batches. */
export function pulledValues({ parts }: PullResult): string[] {
  const values: string[] = [];
  for (const { batches, offsetFrom, offsetTo } of parts) {
    for (const batch of batches) {
      forEachRecord(batch, (record) => {
        if (record.offset < offsetFrom || record.offset >= offsetTo) return;
        values.push(systemBytes.utf8Decode(record.value() ?? new Uint8Array(0)));
      });
    }
  }
  return values;
}

export function subscriptionConformance(name: string, open: () => Promise<OpenedSubscriptions>): void {
  describe(`publishers and subscribers of ${name}`, () => {
    let opened: OpenedSubscriptions;
    let log: EventLog;
    let subscriptions: Subscriptions;
    let count = 0;

    beforeAll(async () => {
      opened = await open();
      ({ log, subscriptions } = opened);
    });
    afterAll(async () => opened?.close());

    async function newTopic(prefix = 'pulled'): Promise<string> {
      const topic = `${prefix}-${++count}`;
      await log.createTopic(topic, { retentionBytes: null });
      return topic;
    }

    async function newSubscriber(...topics: string[]): Promise<string> {
      const id = `subscriber ${++count} ü`;
      await subscriptions.createSubscriber({ id, requestId: null });
      for (const topic of topics) await subscriptions.subscribe({ subscriber: id, topic, start: { at: 'beginning' } });
      return id;
    }

    async function append(topic: string, ...values: string[]): Promise<number> {
      const common = { level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
      return (await log.append({ topic, batch: batchOfValues(...values), ...common })).offset;
    }

    function pull(subscriber: string, more: Partial<PullRequest> = {}): Promise<PullResult> {
      return subscriptions.pull({
        subscriber,
        topics: null,
        mode: 'explicit',
        number: null,
        acknowledge: [],
        recordsMax: 1000,
        bytesMax: 1024 * 1024,
        waitMs: 0,
        freshness: 'linearizable',
        ...more,
      });
    }

    const automatic = (subscriber: string, number: number, more: Partial<PullRequest> = {}): Promise<PullResult> =>
      pull(subscriber, { mode: 'automatic', number, ...more });

    const codeOf = async (call: Promise<unknown>): Promise<string> => {
      try {
        await call;
        return 'nothing';
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        return /^[A-Z].*[^.]$/s.test(error.message) ? error.code : `${error.code} with the message ${JSON.stringify(error.message)}`;
      }
    };

    /** Where the only cursor stands. */
    const cursorOf = async (id: string): Promise<number | undefined> => (await subscriptions.describeSubscriber(id)).cursors[0]?.offset;

    describe('publishers', () => {
      test('are made once, listed, described and deleted', async () => {
        const id = `publisher ${++count}`;
        expect(await subscriptions.createPublisher({ id, requestId: 'one' })).toMatchObject({ id, created: true });
        expect(await subscriptions.createPublisher({ id, requestId: 'one' })).toMatchObject({ created: true });
        expect(await subscriptions.createPublisher({ id, requestId: 'another' })).toMatchObject({ created: false });
        const { publishers } = await subscriptions.listPublishers({ prefix: id, after: '', limit: 10 });
        expect(publishers.map((one) => one.id)).toEqual([id]);
        expect(await subscriptions.describePublisher(id)).toMatchObject({ id });
        await subscriptions.deletePublisher(id);
        expect(await codeOf(subscriptions.describePublisher(id))).toBe('unknownPublisher');
        expect(await codeOf(subscriptions.deletePublisher(id))).toBe('unknownPublisher');
      });

      test('append, idempotently under a request id, and who is none does not', async () => {
        const topic = await newTopic();
        const publisher = `publisher ${++count}`;
        const request = { publisher, topic, batch: batchOfValues('a'), level: 'quorum', timeoutMs: 5000, requestId: `r${count}` } as const;
        const publish = (): Promise<{ readonly offset: number; readonly duplicate: boolean }> =>
          subscriptions.publish({ ...request, sequence: 0, expectedOffset: null });
        expect(await codeOf(publish())).toBe('unknownPublisher');
        await subscriptions.createPublisher({ id: publisher, requestId: null });
        const { offset } = await publish();
        expect(await publish()).toMatchObject({ offset, duplicate: true });
      });
    });

    describe('subscribers', () => {
      test('are made once, listed page by page, and deleted with their cursors', async () => {
        const prefix = `page ${++count} `;
        for (const letter of ['c', 'a', 'b']) await subscriptions.createSubscriber({ id: prefix + letter, requestId: null });
        const first = await subscriptions.listSubscribers({ prefix, after: '', limit: 2 });
        expect(first.subscribers.map(({ id }) => id)).toEqual([`${prefix}a`, `${prefix}b`]);
        const second = await subscriptions.listSubscribers({ prefix, after: first.next ?? '', limit: 2 });
        expect(second).toMatchObject({ subscribers: [{ id: `${prefix}c` }], next: null });
        await subscriptions.deleteSubscriber(`${prefix}a`);
        expect(await codeOf(pull(`${prefix}a`))).toBe('unknownSubscriber');
        expect(await codeOf(subscriptions.deleteSubscriber(`${prefix}a`))).toBe('unknownSubscriber');
      });

      test('that are made again under a name begin without subscriptions', async () => {
        const topic = await newTopic();
        const id = await newSubscriber(topic);
        await subscriptions.deleteSubscriber(id);
        await subscriptions.createSubscriber({ id, requestId: null });
        expect(await subscriptions.describeSubscriber(id)).toMatchObject({ subscriptions: [], cursors: [], lastPull: 0 });
      });

      test.each(['', 'a\nb', 'x'.repeat(256), '\ud800'])('cannot be called %j', async (id) => {
        expect(await codeOf(subscriptions.createSubscriber({ id, requestId: null }))).toBe('invalidRequest');
      });
    });

    describe('a subscription', () => {
      test('begins at the beginning, the end, an offset or a time', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b', 'c');
        const starts = [
          [{ at: 'beginning' }, ['a', 'b', 'c']],
          [{ at: 'end' }, []],
          [{ at: 'offset', offset: first + 2 }, ['c']],
          [{ at: 'time', ms: 0 }, ['a', 'b', 'c']],
          [{ at: 'time', ms: Date.now() + 3_600_000 }, []],
        ] as const;
        for (const [start, values] of starts) {
          const id = await newSubscriber();
          expect(await subscriptions.subscribe({ subscriber: id, topic, start })).toMatchObject({ created: true });
          expect([start.at, pulledValues(await pull(id))]).toEqual([start.at, values]);
        }
      });

      test('that is made again moves nothing', async () => {
        const topic = await newTopic();
        const end = (await append(topic, 'a', 'b')) + 2;
        const id = await newSubscriber(topic);
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: end }] });
        expect(await subscriptions.subscribe({ subscriber: id, topic, start: { at: 'beginning' } })).toMatchObject({ created: false });
        expect(await cursorOf(id)).toBe(end);
      });

      test('is refused beyond the end, to no topic, and of nobody', async () => {
        const topic = await newTopic();
        const id = await newSubscriber();
        const to = (more: object) => codeOf(subscriptions.subscribe({ subscriber: id, topic, start: { at: 'beginning' }, ...more }));
        expect(await to({ start: { at: 'offset', offset: 1000 } })).toBe('offsetOutOfRange');
        expect(await to({ topic: 'there-is-none' })).toBe('unknownTopic');
        expect(await to({ topic: 'not/a/name' })).toBe('invalidTopicName');
        expect(await to({ subscriber: 'there is none' })).toBe('unknownSubscriber');
        expect(await codeOf(pull(id, { topics: [topic] }))).toBe('notSubscribed');
      });

      test('ends with its cursors', async () => {
        const [one, two] = [await newTopic(), await newTopic()];
        const id = await newSubscriber(one, two);
        await subscriptions.unsubscribe({ subscriber: id, topic: one });
        expect((await subscriptions.describeSubscriber(id)).cursors.map(({ topic }) => topic)).toEqual([two]);
        expect(await codeOf(subscriptions.unsubscribe({ subscriber: id, topic: one }))).toBe('notSubscribed');
      });

      test('to a pattern takes up topics that are made later, from their beginning', async () => {
        const prefix = `orders${++count}`;
        const [before, other] = [await newTopic(`${prefix}.a`), await newTopic(`other${count}`)];
        await append(before, 'old');
        const id = await newSubscriber();
        await subscriptions.subscribe({ subscriber: id, topic: `${prefix}.*`, start: { at: 'end' } });
        await append(other, 'nobody asked for it');
        expect(pulledValues(await pull(id))).toEqual([]);
        const later = await newTopic(`${prefix}.b`);
        await append(later, 'first');
        await append(before, 'new');
        expect(pulledValues(await pull(id)).sort()).toEqual(['first', 'new']);
        await log.deleteTopic(before);
        await pull(id);
        expect((await subscriptions.describeSubscriber(id)).cursors.map(({ topic }) => topic)).toEqual([later]);
        await subscriptions.unsubscribe({ subscriber: id, topic: `${prefix}.*` });
        expect((await subscriptions.describeSubscriber(id)).cursors).toEqual([]);
      });

      test('is to all partitions of its topic, those too that it is given later', async () => {
        const topic = `divided-${++count}`;
        await log.createTopic(topic, { retentionBytes: null, partitions: 2 });
        const common = { level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
        const appendTo = (partition: number) => log.append({ topic, partition, batch: batchOfValues(`in ${partition}`), ...common });
        const id = await newSubscriber(topic);
        for (const partition of [0, 1]) await appendTo(partition);
        const first = await automatic(id, 1);
        expect(pulledValues(first).sort()).toEqual(['in 0', 'in 1']);
        await log.alterTopic(topic, { partitions: 3 });
        for (const partition of [1, 2]) await appendTo(partition);
        expect(pulledValues(await automatic(id, 2)).sort()).toEqual(['in 1', 'in 2']);
        const { cursors } = await subscriptions.describeSubscriber(id);
        expect(cursors.map(({ partition }) => partition)).toEqual([0, 1, 2]);
      });

      test('to a topic that is deleted says so, and the next topic of that name inherits nothing', async () => {
        const topic = await newTopic();
        await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        await log.deleteTopic(topic);
        expect(await codeOf(pull(id))).toBe('unknownTopic');
        await log.createTopic(topic, { retentionBytes: null });
        await append(topic, 'c');
        expect(await codeOf(pull(id))).toBe('unknownTopic');
        expect(await codeOf(subscriptions.ack({ subscriber: id, positions: [{ topic, offset: 1000 }] }))).toBe('unknownTopic');
        expect(await subscriptions.subscribe({ subscriber: id, topic, start: { at: 'beginning' } })).toMatchObject({ created: true });
        expect(pulledValues(await pull(id))).toEqual(['c']);
      });
    });

    describe('a pull by hand', () => {
      test('gives what is not acknowledged, again and again', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b', 'c');
        const id = await newSubscriber(topic);
        expect(pulledValues(await pull(id))).toEqual(['a', 'b', 'c']);
        expect(pulledValues(await pull(id))).toEqual(['a', 'b', 'c']);
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: first + 1 }] });
        expect(pulledValues(await pull(id))).toEqual(['b', 'c']);
        // Cumulative, and never back.
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: first + 3 }] });
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: first }] });
        expect(await pull(id)).toMatchObject({ parts: [], problems: [], repeated: false, nextNumber: null });
        expect(await cursorOf(id)).toBe(first + 3);
      });

      test('acknowledges on the way', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        const result = await pull(id, { acknowledge: [{ topic, offset: first + 1 }] });
        expect([pulledValues(result), result.acknowledged]).toEqual([['b'], 'leader']);
        expect(pulledValues(await pull(id))).toEqual(['b']);
      });

      test('beyond the end, or of another generation, acknowledges nothing', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a');
        const id = await newSubscriber(topic);
        const ack = (more: object) => codeOf(subscriptions.ack({ subscriber: id, positions: [{ topic, offset: first + 1, ...more }] }));
        expect(await ack({ offset: first + 1000 })).toBe('offsetOutOfRange');
        expect(await ack({ generation: 1_000_000 })).toBe('staleGeneration');
        expect(await ack({ topic: 'log' })).toBe('notSubscribed');
        expect(pulledValues(await pull(id))).toEqual(['a']);
      });

      test('gives no more records than it was asked for, and at least one', async () => {
        const topic = await newTopic();
        await append(topic, 'a', 'b', 'c');
        await append(topic, 'd'.repeat(5000));
        const id = await newSubscriber(topic);
        const { parts } = await pull(id, { recordsMax: 2 });
        expect(pulledValues({ parts } as PullResult)).toEqual(['a', 'b']);
        const { offsetTo = 0 } = parts[0] ?? {};
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: offsetTo + 1 }] });
        expect(pulledValues(await pull(id, { bytesMax: 1 }))).toEqual(['d'.repeat(5000)]);
      });

      test('gives several topics at once, or the one that is named', async () => {
        const [one, two] = [await newTopic(), await newTopic()];
        await append(one, 'a');
        await append(two, 'b');
        const id = await newSubscriber(one, two);
        expect(pulledValues(await pull(id)).sort()).toEqual(['a', 'b']);
        expect(pulledValues(await pull(id, { topics: [two] }))).toEqual(['b']);
      });

      test('waits for the first record', async () => {
        const topic = await newTopic();
        const id = await newSubscriber(topic);
        const waiting = pull(id, { waitMs: 20_000 });
        await append(topic, 'a');
        expect(pulledValues(await waiting)).toEqual(['a']);
      });
    });

    describe('a numbered pull', () => {
      test('acknowledges the one before it, and gives the same again under the same number', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        const begun = await cursorOf(id);
        const one = await automatic(id, 1, { recordsMax: 1 });
        expect([pulledValues(one), one.nextNumber, one.repeated]).toEqual([['a'], 2, false]);
        await append(topic, 'c');
        const again = await automatic(id, 1);
        expect([pulledValues(again), again.nextNumber, again.repeated]).toEqual([['a'], 2, true]);
        expect(await cursorOf(id)).toBe(begun);
        expect(pulledValues(await automatic(id, 2))).toEqual(['b', 'c']);
        expect(await subscriptions.describeSubscriber(id)).toMatchObject({ lastPull: 2, cursors: [{ offset: first + 1 }] });
      });

      test('that finds nothing acknowledges, and leaves its number for the next', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a');
        const id = await newSubscriber(topic);
        await automatic(id, 1);
        const two = await automatic(id, 2);
        expect(two).toMatchObject({ parts: [], nextNumber: 2, acknowledged: 'quorum' });
        expect(await cursorOf(id)).toBe(first + 1);
        expect(await codeOf(automatic(id, 1))).toBe('pullOutOfOrder');
        await append(topic, 'b');
        expect(pulledValues(await automatic(id, 2))).toEqual(['b']);
      });

      test('is refused out of its order, and without a number', async () => {
        const id = await newSubscriber(await newTopic());
        expect(await codeOf(automatic(id, 2))).toBe('pullOutOfOrder');
        expect(await codeOf(automatic(id, 0))).toBe('invalidRequest');
        expect(await codeOf(pull(id, { mode: 'automatic' }))).toBe('invalidRequest');
        expect(await codeOf(pull(id, { mode: 'atMostOnce', number: 1 }))).toBe('invalidRequest');
      });

      test('by hand goes on behind the one before it, and acknowledges nothing', async () => {
        const topic = await newTopic();
        await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        const begun = await cursorOf(id);
        expect(pulledValues(await pull(id, { number: 1, recordsMax: 1 }))).toEqual(['a']);
        expect(pulledValues(await pull(id, { number: 2 }))).toEqual(['b']);
        expect(await cursorOf(id)).toBe(begun);
      });

      test('that comes twice at once is given once', async () => {
        const topic = await newTopic();
        await append(topic, 'a');
        const id = await newSubscriber(topic);
        const both = await Promise.all([automatic(id, 1), automatic(id, 1)]);
        expect(both.map(pulledValues)).toEqual([['a'], ['a']]);
        expect(both.filter(({ repeated }) => repeated)).toHaveLength(1);
      });

      test('at most once is acknowledged as it is given', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        const [one, two] = await Promise.all([pull(id, { mode: 'atMostOnce' }), pull(id, { mode: 'atMostOnce' })]);
        expect([...pulledValues(one), ...pulledValues(two)]).toEqual(['a', 'b']);
        expect(await cursorOf(id)).toBe(first + 2);
      });
    });

    describe('a seek', () => {
      test('says before what it would do', async () => {
        const topic = await newTopic();
        const end = (await append(topic, 'a', 'b', 'c')) + 3;
        const id = await newSubscriber(topic);
        const begun = (await cursorOf(id)) ?? 0;
        const seek = (to: 'beginning' | 'end', preview: boolean, more: object = {}) =>
          subscriptions.seek({ subscriber: id, topic, partition: null, to: { at: to }, preview, ...more });
        const shown = await seek('end', true);
        expect(shown).toMatchObject({ isDone: false, moves: [{ from: begun, offset: end, distance: end - begun }] });
        expect(await cursorOf(id)).toBe(begun);
        const generation = shown.moves[0]?.generation ?? 0;
        const done = await seek('end', false, { generation });
        expect(done).toMatchObject({ isDone: true, moves: [{ distance: end - begun }] });
        expect(done.moves[0]?.generation).toBeGreaterThan(generation);
        expect(pulledValues(await pull(id))).toEqual([]);
        expect(await codeOf(seek('beginning', false, { generation }))).toBe('staleGeneration');
        expect(await seek('beginning', false)).toMatchObject({ moves: [{ distance: begun - end }] });
        expect(pulledValues(await pull(id))).toEqual(['a', 'b', 'c']);
      });

      test('takes what a pull gave out of its hands', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        await automatic(id, 1);
        await subscriptions.seek({ subscriber: id, topic, partition: 0, to: { at: 'offset', offset: first + 1 }, preview: false });
        expect(pulledValues(await automatic(id, 2))).toEqual(['b']);
        expect(await cursorOf(id)).toBe(first + 1);
        const beyond = { at: 'offset', offset: 1_000_000 } as const;
        expect(await codeOf(subscriptions.seek({ subscriber: id, topic, partition: 0, to: beyond, preview: false }))).toBe(
          'offsetOutOfRange',
        );
        expect(await codeOf(subscriptions.seek({ subscriber: id, topic: 'log', partition: 0, to: beyond, preview: false }))).toBe(
          'notSubscribed',
        );
      });
    });

    test('a description says how far a subscriber is behind', async () => {
      const topic = await newTopic();
      const end = (await append(topic, 'a', 'b')) + 2;
      const id = await newSubscriber(topic);
      const begun = (await cursorOf(id)) ?? 0;
      const [cursor] = (await subscriptions.describeSubscriber(id)).cursors;
      expect(cursor).toMatchObject({ topic, partition: 0, offset: begun, end, lag: end - begun, problem: null });
      expect(cursor?.lagMs).toBeGreaterThan(0);
      await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: end }] });
      expect((await subscriptions.describeSubscriber(id)).cursors[0]).toMatchObject({ lag: 0, lagMs: 0 });
    });
  });
}
