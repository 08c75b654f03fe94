/**
 * What publishers and subscribers must do, run by each implementation: the in-memory twin, a broker, the HTTP client. Every test makes topics and subscribers of
 * its own.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type EventLog,
  LogError,
  type NackRecord,
  type PullRequest,
  type PullResult,
  type Subscriptions,
} from '../../src/eventlog/index.ts';
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

      test('to one that is deleted, a pull that is partial says so and waits for the others', async () => {
        const [gone, quiet] = [await newTopic(), await newTopic()];
        const id = await newSubscriber(gone, quiet);
        await log.deleteTopic(gone);

        expect(await codeOf(pull(id))).toBe('unknownTopic');
        const now = await pull(id, { partial: true });
        expect([now.parts, now.problems.map(({ topic, code }) => [topic, code])]).toEqual([[], [[gone, 'unknownTopic']]]);
        const waiting = pull(id, { partial: true, waitMs: 30_000 });
        await append(quiet, 'a');
        const then = await waiting;
        expect([pulledValues(then), then.problems.map(({ topic }) => topic)]).toEqual([['a'], [gone]]);
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
        // It is there by now, or not yet.
        expect([pulledValues(result), result.acknowledged]).toEqual([['b'], expect.stringMatching(/^(leader|quorum)$/)]);
        expect(pulledValues(await pull(id))).toEqual(['b']);
      });

      test('says once what it acknowledges is on a majority', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        const [given] = (await pull(id)).parts;
        const acknowledge = [{ topic, offset: first + 1, generation: given?.generation as number }];
        let told = await pull(id, { acknowledge });
        while (told.acknowledged === 'leader') told = await pull(id, { acknowledge });
        expect([pulledValues(told), told.acknowledged]).toEqual([['b'], 'quorum']);
        expect(await cursorOf(id)).toBe(first + 1);
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

      test('is acknowledged with metadata, which is shown until the cursor moves', async () => {
        const topic = await newTopic();
        const subscriber = await newSubscriber(topic);
        await append(topic, 'a', 'b', 'c');
        const ack = (offset: number, metadata?: string) =>
          subscriptions.ack({ subscriber, positions: [{ topic, offset, ...(metadata === undefined ? {} : { metadata }) }] });
        const shown = async () => (await subscriptions.describeSubscriber(subscriber)).cursors[0]?.metadata;

        expect(await shown()).toBeNull();
        expect((await ack(2, 'invoice 7 ü')).cursors).toMatchObject([{ offset: 2, metadata: 'invoice 7 ü' }]);
        expect((await ack(1, 'late')).cursors).toMatchObject([{ offset: 2, metadata: 'invoice 7 ü' }]);
        expect(await shown()).toBe('invoice 7 ü');
        expect((await ack(3)).cursors).toMatchObject([{ offset: 3, metadata: null }]);
        expect(await codeOf(ack(3, 'ü'.repeat(2049)))).toBe('metadataTooLarge');
        expect(await codeOf(ack(3, '\ud800'))).toBe('invalidRequest');
        const again = [{ topic, offset: 3, tries: 1, metadata: 'x' }];
        expect(await codeOf(subscriptions.ack({ subscriber, positions: again }))).toBe('invalidRequest');
        expect((await ack(3, 'ü'.repeat(2048))).cursors).toMatchObject([{ metadata: 'ü'.repeat(2048) }]);
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
      test('in a topic of a pattern that was deleted and made again is of the one that there is', async () => {
        const topic = await newTopic('again');
        await append(topic, 'a', 'b');
        const id = await newSubscriber(topic, `${topic}*`);
        const pattern = await newSubscriber(`${topic}*`);
        await log.deleteTopic(topic);
        await log.createTopic(topic, { retentionBytes: null });
        const first = await append(topic, 'c', 'd');
        for (const subscriber of [id, pattern]) {
          const to = { at: 'offset', offset: first + 1 } as const;
          const { moves } = await subscriptions.seek({ subscriber, topic, partition: null, to, preview: false });
          expect(moves).toMatchObject([{ topic, partition: 0, offset: first + 1 }]);
          expect(pulledValues(await pull(subscriber))).toEqual(['d']);
        }
      });

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

    test('a seek that comes again says what it has done, though the end is another by then', async () => {
      const topic = await newTopic();
      const first = await append(topic, 'a', 'b');
      const id = await newSubscriber(topic);
      const seek = () =>
        subscriptions.seek({ subscriber: id, topic, partition: null, to: { at: 'end' }, preview: false, requestId: 'to the end' });
      const done = await seek();
      expect(done.moves).toMatchObject([{ offset: first + 2 }]);
      await append(topic, 'c');
      expect(await seek()).toEqual(done);
      expect(pulledValues(await pull(id))).toEqual(['c']);
    });

    test('a request that bears an id is done once, though it comes again when others have undone it', async () => {
      const topic = await newTopic();
      const first = await append(topic, 'a', 'b', 'c');
      const id = await newSubscriber(topic);
      const seek = (offset: number, requestId?: string) => {
        const to = { at: 'offset', offset } as const;
        return subscriptions.seek({
          subscriber: id,
          topic,
          partition: 0,
          to,
          preview: false,
          ...(requestId === undefined ? {} : { requestId }),
        });
      };
      await seek(first + 2, 'first seek');
      await seek(first + 1);
      expect(await seek(first + 2, 'first seek')).toMatchObject({ isDone: true });
      expect(await cursorOf(id)).toBe(first + 1);

      const common = { subscriber: id, topic, requestId: 'one end' };
      await subscriptions.unsubscribe(common);
      await subscriptions.subscribe({ subscriber: id, topic, start: { at: 'offset', offset: first + 3 } });
      await subscriptions.unsubscribe(common);
      expect(await cursorOf(id)).toBe(first + 3);

      await subscriptions.deleteSubscriber(id, 'one deletion');
      await subscriptions.createSubscriber({ id, requestId: null });
      await subscriptions.deleteSubscriber(id, 'one deletion');
      expect(await subscriptions.describeSubscriber(id)).toMatchObject({ id, cursors: [] });
      await subscriptions.deleteSubscriber(id);
      expect(await codeOf(subscriptions.describeSubscriber(id))).toBe('unknownSubscriber');
    });

    describe('workers that share a subscriber', () => {
      /** A topic of so many partitions, each with one record that bears its number, and a subscriber of it. */
      async function shared(partitions: number): Promise<{ readonly topic: string; readonly id: string }> {
        const topic = `shared-${++count}`;
        await log.createTopic(topic, { retentionBytes: null, partitions });
        for (let partition = 0; partition < partitions; partition++) await appendTo(topic, partition, `in ${partition}`);
        return { topic, id: await newSubscriber(topic) };
      }

      async function appendTo(topic: string, partition: number, value: string): Promise<void> {
        const common = { level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
        await log.append({ topic, partition, batch: batchOfValues(value), ...common });
      }

      const ackOf = ({ parts }: PullResult) =>
        parts.map(({ topic, partition, generation, offsetTo: offset }) => ({ topic, partition, generation, offset }));
      const holdersOf = async (id: string) => (await subscriptions.describeSubscriber(id)).cursors.map(({ held }) => held?.worker);

      test('move partitions one by one, each when its holder has nothing of it any more', async () => {
        const { id } = await shared(4);
        const first = await pull(id, { worker: 'a' });
        expect([pulledValues(first).sort(), first.share?.holds]).toEqual([['in 0', 'in 1', 'in 2', 'in 3'], 4]);
        // What is to go to the new one is still where it was.
        expect(await pull(id, { worker: 'b' })).toMatchObject({ parts: [], share: { worker: 'b', holds: 0, workers: 2, partitions: 4 } });
        expect(await holdersOf(id)).toEqual(['a', 'a', 'a', 'a']);
        const { cursors } = await subscriptions.describeSubscriber(id);
        expect(cursors.filter(({ held }) => held?.askedBack?.for === 'b')).toHaveLength(2);

        const again = await pull(id, { worker: 'a', acknowledge: ackOf(first).slice(0, 1) });
        expect([again.problems, again.share]).toMatchObject([[], { holds: 2, askedBack: 0 }]);
        expect((await holdersOf(id)).filter((worker) => worker === 'a')).toHaveLength(2);
        const now = (await subscriptions.describeSubscriber(id)).cursors;
        expect(first.parts.filter(({ partition, generation }) => now[partition]?.generation === generation)).toHaveLength(2);
        const other = await pull(id, { worker: 'b' });
        expect(other.share).toMatchObject({ holds: 2, askedBack: 0 });
        expect(new Set([...other.parts, ...again.parts].map(({ partition }) => partition)).size).toBe(
          again.parts.length + other.parts.length,
        );
      });

      test('are fenced: what was given before a partition went to another is not acknowledged by whoever had it', async () => {
        const { id, topic } = await shared(2);
        const before = await pull(id, { worker: 'a' });
        await pull(id, { worker: 'b' });
        const stayed = (await pull(id, { worker: 'a' })).parts[0]?.partition;
        const taken = before.parts.find(({ partition }) => partition !== stayed);
        if (taken === undefined) throw new Error('nothing has moved');
        const stale = ackOf({ ...before, parts: [taken] });
        expect(await codeOf(subscriptions.ack({ subscriber: id, positions: stale }))).toBe('staleGeneration');
        // Nor by somebody who does not say which: it could be anybody's.
        const anybody = [{ topic, partition: taken.partition, offset: taken.offsetTo }];
        expect(await codeOf(subscriptions.ack({ subscriber: id, positions: anybody }))).toBe('staleGeneration');
        // It does not keep the rest from being acknowledged.
        const both = await pull(id, { worker: 'a', acknowledge: ackOf(before) });
        expect([pulledValues(both), both.problems]).toMatchObject([[], [{ partition: taken.partition, code: 'staleGeneration' }]]);
        expect(pulledValues(await pull(id, { worker: 'b' }))).toEqual([`in ${taken.partition}`]);
        const acked = await subscriptions.ack({ subscriber: id, positions: ackOf(before), each: true });
        const generation = (await subscriptions.describeSubscriber(id)).cursors[taken.partition]?.generation;
        expect(acked.cursors).toContainEqual({ metadata: null, topic, partition: taken.partition, offset: taken.offsetFrom, generation });
        expect(generation).toBeGreaterThan(taken.generation);
      });

      test('that are more than there are partitions are told that they hold nothing, until one leaves', async () => {
        const { id } = await shared(1);
        expect(pulledValues(await pull(id, { worker: 'a' }))).toEqual(['in 0']);
        expect(await pull(id, { worker: 'b' })).toMatchObject({ parts: [], problems: [], share: { holds: 0, workers: 2, partitions: 1 } });
        const waiting = pull(id, { worker: 'b', waitMs: 20_000 });
        const { epoch = 0 } = (await subscriptions.describeSubscriber(id)).workers[0] ?? {};
        await subscriptions.leave({ subscriber: id, worker: 'a', epoch });
        expect(pulledValues(await waiting)).toEqual(['in 0']);
        expect(await codeOf(subscriptions.leave({ subscriber: id, worker: 'a', epoch }))).toBe('unknownWorker');
        expect((await subscriptions.describeSubscriber(id)).workers).toMatchObject([{ worker: 'b', holds: 1 }]);
      });

      test('pull by numbers that go on from their epochs, and the next one acknowledges before anything moves', async () => {
        const { id, topic } = await shared(2);
        const a = await subscriptions.heartbeat({ subscriber: id, worker: 'a' });
        expect(a).toMatchObject({ worker: 'a', holds: 2, lastPull: a.epoch, sessionMs: 30_000 });
        expect(a.cursors.map(({ partition, isAskedBack }) => [partition, isAskedBack])).toEqual([
          [0, false],
          [1, false],
        ]);
        expect(await codeOf(automatic(id, 1, { worker: 'a' }))).toBe('pullOutOfOrder');
        const first = await automatic(id, a.epoch + 1, { worker: 'a' });
        expect(pulledValues(first).sort()).toEqual(['in 0', 'in 1']);
        const b = await subscriptions.heartbeat({ subscriber: id, worker: 'b' });
        // Repeated it acknowledges nothing, and so lets go of nothing.
        expect(await automatic(id, a.epoch + 1, { worker: 'a' })).toMatchObject({ repeated: true, share: { holds: 2, askedBack: 1 } });
        const second = await automatic(id, a.epoch + 2, { worker: 'a' });
        expect(second).toMatchObject({ parts: [], share: { holds: 1 }, acknowledged: 'quorum' });
        expect(await automatic(id, b.epoch + 1, { worker: 'b' })).toMatchObject({ parts: [], share: { holds: 1 } });
        for (const partition of [0, 1]) await appendTo(topic, partition, `more in ${partition}`);
        const [one, two] = [await automatic(id, a.epoch + 2, { worker: 'a' }), await automatic(id, b.epoch + 1, { worker: 'b' })];
        expect([...pulledValues(one), ...pulledValues(two)].sort()).toEqual(['more in 0', 'more in 1']);
      });

      test('share with whoever gives no name, who alone has everything and joins nothing', async () => {
        const { id } = await shared(2);
        const alone = await pull(id);
        expect([alone.share, alone.parts.length]).toEqual([null, 2]);
        await pull(id, { worker: 'a' });
        expect(await pull(id)).toMatchObject({ parts: [], share: { worker: null, holds: 0, workers: 2 } });
        await pull(id, { worker: 'a' });
        expect(await pull(id)).toMatchObject({ parts: [{ offsetFrom: alone.parts[0]?.offsetFrom }], share: { holds: 1 } });
        expect(new Set(await holdersOf(id))).toEqual(new Set(['a', null]));
      });

      test('that leave do not join again by a pull that waits', async () => {
        const { id } = await shared(1);
        const first = await pull(id, { worker: 'a' });
        const waiting = codeOf(pull(id, { worker: 'a', acknowledge: ackOf(first), waitMs: 20_000 }));
        await expect.poll(() => cursorOf(id)).toBe(first.parts[0]?.offsetTo);
        await subscriptions.leave({ subscriber: id, worker: 'a', epoch: first.share?.epoch ?? 0 });
        expect([await waiting, (await subscriptions.describeSubscriber(id)).workers]).toEqual(['unknownWorker', []]);
      });

      test('say when they have been taken for dead, and are refused where nobody can be called so', async () => {
        const { id } = await shared(1);
        const { epoch } = await subscriptions.heartbeat({ subscriber: id, worker: 'a', sessionMs: 60_000 });
        expect(await subscriptions.heartbeat({ subscriber: id, worker: 'a', epoch })).toMatchObject({ epoch, sessionMs: 60_000 });
        await subscriptions.leave({ subscriber: id, worker: 'a', epoch });
        expect(await codeOf(subscriptions.heartbeat({ subscriber: id, worker: 'a', epoch }))).toBe('unknownWorker');
        const next = await subscriptions.heartbeat({ subscriber: id, worker: 'a' });
        expect(next.epoch).toBeGreaterThan(epoch);
        // An end that comes late is not of the next one of that name.
        expect(await codeOf(subscriptions.leave({ subscriber: id, worker: 'a', epoch }))).toBe('unknownWorker');
        expect((await subscriptions.describeSubscriber(id)).workers).toMatchObject([{ worker: 'a', epoch: next.epoch }]);
        expect(await codeOf(pull(id, { worker: 'a\nb' }))).toBe('invalidRequest');
        expect(await codeOf(subscriptions.heartbeat({ subscriber: id, worker: 'a', sessionMs: 1 }))).toBe('invalidRequest');
        expect(await codeOf(subscriptions.heartbeat({ subscriber: 'there is none', worker: 'a' }))).toBe('unknownSubscriber');
      });
    });

    describe('workers that pull from some topics', () => {
      /** A subscriber of two topics with two partitions and a record in each of these. */
      async function ofTwo(): Promise<{ readonly id: string; readonly one: string; readonly other: string }> {
        const [one, other] = [`some-${++count}`, `some-${++count}`];
        const common = { level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
        for (const topic of [one, other]) {
          await log.createTopic(topic, { retentionBytes: null, partitions: 2 });
          for (const partition of [0, 1]) await log.append({ topic, partition, batch: batchOfValues(topic), ...common });
        }
        const id = await newSubscriber(one);
        await subscriptions.subscribe({ subscriber: id, topic: other, start: { at: 'beginning' } });
        return { id, one, other };
      }

      test('hold partitions of these, and of the others where nobody pulls from them', async () => {
        const { id, one, other } = await ofTwo();
        expect(pulledValues(await pull(id, { worker: 'a', topics: [one] }))).toEqual([one, one]);
        const holdersOf = async (topic: string) =>
          (await subscriptions.describeSubscriber(id)).cursors.flatMap((cursor) => (cursor.topic === topic ? [cursor.held?.worker] : []));
        expect(await holdersOf(other)).toEqual(['a', 'a']);
        // It has pulled nothing of those, and does not want any: they go with its next pull.
        await pull(id, { worker: 'b', topics: [other] });
        await pull(id, { worker: 'a', topics: [one] });
        expect(pulledValues(await pull(id, { worker: 'b', topics: [other] }))).toEqual([other, other]);
        expect([await holdersOf(one), await holdersOf(other)]).toEqual([
          ['a', 'a'],
          ['b', 'b'],
        ]);
        const { workers } = await subscriptions.describeSubscriber(id);
        expect(workers.map(({ topics }) => topics)).toEqual([[one], [other]]);
        expect(await codeOf(pull(id, { worker: 'a', topics: ['none of its'] }))).toBe('notSubscribed');
        expect((await subscriptions.describeSubscriber(id)).workers).toMatchObject([{ topics: [one] }, {}]);
      });

      test('share what both pull from, and take over all of it from one that leaves', async () => {
        const { id, one, other } = await ofTwo();
        const a = await subscriptions.heartbeat({ subscriber: id, worker: 'a', topics: [one] });
        expect([a.holds, (await subscriptions.heartbeat({ subscriber: id, worker: 'b', topics: null })).holds]).toEqual([4, 0]);
        await pull(id, { worker: 'a', topics: [one] });
        // Those of the other topic are its alone, and make up for the one that both want.
        expect((await subscriptions.heartbeat({ subscriber: id, worker: 'b' })).cursors.map(({ topic }) => topic)).toEqual([other, other]);
        await subscriptions.leave({ subscriber: id, worker: 'a', epoch: a.epoch });
        expect((await subscriptions.heartbeat({ subscriber: id, worker: 'b' })).holds).toBe(4);
      });

      test('are not joined by whoever only looks: that is shown what is new, whoever holds it', async () => {
        const { id, one, other } = await ofTwo();
        await pull(id, { worker: 'a' });
        const looked = await pull(id, { peek: true, topics: [one] });
        expect([pulledValues(looked), looked.share]).toEqual([[one, one], null]);
        expect(pulledValues(await pull(id, { peek: true })).sort()).toEqual([one, one, other, other].sort());
        expect((await subscriptions.describeSubscriber(id)).workers).toMatchObject([{ worker: 'a', holds: 4 }]);
        expect(await codeOf(pull(id, { peek: true, worker: 'a' }))).toBe('invalidRequest');
      });
    });

    describe('records that fail', () => {
      const nack = (subscriber: string, topic: string, offset: number, more: Partial<NackRecord> & { ordered?: boolean } = {}) => {
        const { ordered, ...record } = more;
        const records = [{ topic, offset, reason: 'no such customer', ...record }];
        return subscriptions.nack({ subscriber, records, ...(ordered === undefined ? {} : { ordered }) });
      };
      const parkedOf = (subscriber: string, topic: string | null = null) =>
        subscriptions.listParked({ subscriber, topic, after: -1, limit: 100 });
      /** Fails it until it is parked. */
      async function park(subscriber: string, topic: string, offset: number): Promise<number> {
        const before = (await parkedOf(subscriber)).count;
        for (let tries = 0; ; tries++) {
          const { records } = await nack(subscriber, topic, offset, { tries });
          if (records[0]?.state === 'parks') break;
        }
        await expect.poll(async () => (await parkedOf(subscriber)).count).toBe(before + 1);
        return (await parkedOf(subscriber)).parked[before]?.id ?? -1;
      }
      /** Waits until something comes again. */
      async function again(subscriber: string, more: Partial<PullRequest> = {}): Promise<PullResult> {
        const result = await pull(subscriber, { waitMs: 20_000, ...more });
        expect(result.parts.map(({ tries }) => tries)).toEqual([expect.any(Number)]);
        return result;
      }

      test('are passed, come again with the number of their failures, and are acknowledged by it', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b', 'c');
        const id = await newSubscriber(topic);
        const { records } = await nack(id, topic, first + 1);
        expect(records).toMatchObject([{ topic, partition: 0, offset: first + 1, state: 'waits', tries: 1 }]);
        expect(await cursorOf(id)).toBe(first + 2);
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: first + 3 }] });
        const result = await again(id);
        expect([pulledValues(result), result.parts[0]]).toMatchObject([['b'], { offsetFrom: first + 1, offsetTo: first + 2, tries: 1 }]);
        expect((await subscriptions.describeSubscriber(id)).cursors[0]).toMatchObject({ retries: 1, offset: first + 3 });
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: first + 2, tries: 1 }] });
        expect((await subscriptions.describeSubscriber(id)).cursors[0]).toMatchObject({ retries: 0, offset: first + 3 });
      });

      test('come again by number, and the next pull acknowledges them', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        expect(pulledValues(await automatic(id, 1))).toEqual(['a', 'b']);
        await nack(id, topic, first);
        const result = await automatic(id, 2, { waitMs: 20_000 });
        expect([pulledValues(result), result.parts[0]?.tries, await cursorOf(id)]).toEqual([['a'], 1, first + 2]);
        expect(await automatic(id, 2)).toMatchObject({ repeated: true, parts: [{ offsetFrom: first, tries: 1 }] });
        expect(await automatic(id, 3)).toMatchObject({ parts: [], acknowledged: 'quorum' });
        expect((await subscriptions.describeSubscriber(id)).cursors[0]).toMatchObject({ retries: 0 });
      });

      test('hold their partition where that is wanted', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b', 'c');
        const id = await newSubscriber(topic);
        await nack(id, topic, first, { ordered: true });
        expect(pulledValues(await again(id))).toEqual(['a']);
        expect(pulledValues(await pull(id, { acknowledge: [{ topic, offset: first + 1, tries: 1 }] }))).toEqual(['b', 'c']);
      });

      test('are counted once, and not where they are done', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        await nack(id, topic, first);
        expect((await nack(id, topic, first)).records).toMatchObject([{ state: 'waits', tries: 1 }]);
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: first + 1, tries: 1 }] });
        expect((await nack(id, topic, first, { tries: 1 })).records).toMatchObject([{ state: 'done', tries: 0, dueMs: null }]);
        expect(await codeOf(nack(id, topic, first + 5))).toBe('offsetOutOfRange');
        expect(await codeOf(nack(id, topic, first + 1, { generation: 1 }))).toBe('staleGeneration');
        expect(await codeOf(nack(id, 'log', 0))).toBe('notSubscribed');
        expect(await codeOf(subscriptions.nack({ subscriber: id, records: [] }))).toBe('invalidRequest');
      });

      test('too often are parked as they were, with the reason, and listed, shown, replayed and dropped by their ids', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b', 'c');
        const id = await newSubscriber(topic);
        const parked = await park(id, topic, first + 1);
        await subscriptions.ack({ subscriber: id, positions: [{ topic, offset: first + 3 }] });
        const tries = expect.any(Number) as number;
        const described = { id: parked, topic, partition: 0, offset: first + 1, tries, reason: 'no such customer' };
        expect(await parkedOf(id)).toMatchObject({ count: 1, next: null, parked: [described] });
        expect(await parkedOf(id, 'another')).toMatchObject({ count: 0, parked: [] });
        const shown = await subscriptions.showParked({ subscriber: id, id: parked });
        expect([shown, pulledValues({ parts: shown.parts } as PullResult)]).toMatchObject([described, ['b']]);
        expect(await subscriptions.describeSubscriber(id)).toMatchObject({ parked: 1, cursors: [{ retries: 0 }] });

        const change = (does: 'replay' | 'drop', ids: number[]) => subscriptions.changeParked({ subscriber: id, does, ids });
        expect(await codeOf(change('replay', [parked, parked + 1000]))).toBe('notParked');
        expect(await change('replay', [parked])).toEqual({ subscriber: id, count: 1, left: [] });
        expect(pulledValues(await again(id))).toEqual(['b']);
        expect(await parkedOf(id)).toMatchObject({ count: 0 });
      });

      test('stay parked where they cannot come again, and are gone once they are dropped', async () => {
        const topic = await newTopic();
        const first = await append(topic, 'a', 'b');
        const id = await newSubscriber(topic);
        const parked = await park(id, topic, first);
        await subscriptions.unsubscribe({ subscriber: id, topic });
        const change = (does: 'replay' | 'drop') => subscriptions.changeParked({ subscriber: id, does, ids: [parked] });
        expect(await change('replay')).toEqual({ subscriber: id, count: 0, left: [{ id: parked, reason: 'notSubscribed' }] });
        expect(await change('drop')).toEqual({ subscriber: id, count: 1, left: [] });
        expect(await codeOf(subscriptions.showParked({ subscriber: id, id: parked }))).toBe('notParked');
        expect(await codeOf(change('drop'))).toBe('notParked');
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
