import { describe, expect, test } from 'vitest';
import { parseSubscriberCommand, type SubscriberCommand } from '../../../src/subscribers/index.ts';
import { matches } from '../../../src/subscribers/pattern.ts';
import { SubscriberState } from '../../../src/subscribers/state.ts';

const limits = { subscriptionsMax: 2, cursorsMax: 3, groupCursorsMax: 4 };
const at = { topicId: 7, partition: 0 };

const retrying = { triesMax: 3, waitMs: 1000, waitMsMax: 3000, retriesMax: 2, groupRetriesMax: 3 };
const failed = (offset: number, tries: number, generation: number | null) => ({ ...at, offset, tries, generation, reason: 'no' });

class Machine {
  readonly state = new SubscriberState();
  offset = 0;

  apply(command: SubscriberCommand): string {
    // As it travels: what is applied was written and read.
    const parsed = parseSubscriberCommand(JSON.stringify(command));
    if (parsed === null) throw new Error(`not a command: ${JSON.stringify(command)}`);
    return this.state.apply(parsed, ++this.offset, this.offset * 1000);
  }

  subscriber(id = 's'): number {
    this.apply({ type: 'createSubscriber', id, nonce: 'n', max: 10 });
    return this.offset;
  }

  cursor(id = 's', of = at) {
    return this.state.subscriber(id)?.cursors.get(`${of.topicId}/${of.partition}`);
  }
}

/** A subscriber `s` with a cursor at 10. */
function subscribed(): { readonly machine: Machine; readonly made: number; readonly generation: number } {
  const machine = new Machine();
  const made = machine.subscriber();
  const cursors = [{ topic: 't', ...at, offset: 10 }];
  expect(machine.apply({ type: 'subscribe', subscriber: 's', made, topic: 't', topicId: 7, cursors, ...limits })).toBe('created');
  return { machine, made, generation: machine.offset };
}

describe('the state of subscribers', () => {
  test('a cursor rises by acknowledgements and goes back by a seek alone', () => {
    const { machine, made, generation } = subscribed();
    const ack = (offset: number, of: number | null = null) =>
      machine.apply({ type: 'ack', subscriber: 's', made, positions: [{ ...at, offset, generation: of }] });
    expect([ack(15), machine.cursor()?.offset]).toEqual(['done', 15]);
    expect([ack(12), machine.cursor()?.offset]).toEqual(['done', 15]);
    const seek = (attempt: string, of: number) =>
      machine.apply({ type: 'seek', subscriber: 's', made, attempt, puts: [{ ...at, generation: of, offset: 3 }] });
    expect([seek('one', generation), machine.cursor()?.offset]).toEqual(['done', 3]);
    expect(machine.cursor()?.generation).toBe(machine.offset);
    expect([ack(20, generation), machine.cursor()?.offset]).toEqual(['staleGeneration', 3]);
    // The same request again, after others have acknowledged.
    ack(8);
    expect([seek('one', generation), machine.cursor()?.offset]).toEqual(['done', 8]);
    expect([seek('two', generation), machine.cursor()?.offset]).toEqual(['staleGeneration', 8]);
  });

  test('a pull is recorded once, and acknowledged by the next one', () => {
    const { machine, made, generation } = subscribed();
    const pull = (number: number, offsetFrom: number, offsetTo: number, acknowledges: boolean) =>
      machine.apply({
        type: 'pull',
        subscriber: 's',
        made,
        number,
        acknowledges,
        ranges: [{ ...at, generation, offsetFrom, offsetTo }],
      });
    expect(pull(1, 10, 12, false)).toBe('done');
    expect(machine.cursor()).toMatchObject({ offset: 10, pulledTo: 12 });
    expect(pull(1, 10, 14, false)).toBe('stale');
    expect(pull(2, 10, 14, true)).toBe('stale');
    expect(pull(3, 12, 14, true)).toBe('stale');
    expect(pull(2, 12, 14, true)).toBe('done');
    expect(machine.cursor()).toMatchObject({ offset: 12, pulledTo: 14 });
    const settle = (number: number) => machine.apply({ type: 'settle', subscriber: 's', made, number });
    expect([settle(1), settle(2), settle(2)]).toEqual(['stale', 'done', 'stale']);
    expect(machine.cursor()).toMatchObject({ offset: 14, pulledTo: 14 });
    expect(machine.state.subscriber('s')).toMatchObject({ lastPull: 2, given: null });
  });

  test('what is given is forgotten where its cursor is put elsewhere', () => {
    const { machine, made, generation } = subscribed();
    const ranges = [{ ...at, generation, offsetFrom: 10, offsetTo: 12 }];
    machine.apply({ type: 'pull', subscriber: 's', made, number: 1, acknowledges: false, ranges });
    machine.apply({ type: 'seek', subscriber: 's', made, attempt: 'one', puts: [{ ...at, generation, offset: 0 }] });
    expect(machine.apply({ type: 'settle', subscriber: 's', made, number: 1 })).toBe('done');
    expect(machine.cursor()).toMatchObject({ offset: 0, pulledTo: 0 });
  });

  test('what is put elsewhere is forgotten at once for all of it', () => {
    const machine = new Machine();
    const made = machine.subscriber();
    const places = Array.from({ length: 50 }, (_, partition) => ({ topicId: 7, partition }));
    const cursors = places.map((place) => ({ topic: 't', ...place, offset: 0 }));
    const many = { subscriptionsMax: 1, cursorsMax: 50, groupCursorsMax: 50 };
    machine.apply({ type: 'subscribe', subscriber: 's', made, topic: 't', topicId: 7, cursors, ...many });
    const generation = machine.offset;
    let looked = 0;
    /** Counts how often what was given is looked at. */
    const ranges = places.map(({ topicId, partition }) => ({
      get topicId() {
        looked++;
        return topicId;
      },
      partition,
      generation,
      offsetFrom: 0,
      offsetTo: 5,
    }));
    machine.state.apply({ type: 'pull', subscriber: 's', made, number: 1, acknowledges: false, ranges }, ++machine.offset, 0);
    const puts = places.slice(1).map((place) => ({ ...place, generation, offset: 3 }));

    looked = 0;

    expect(machine.apply({ type: 'seek', subscriber: 's', made, puts })).toBe('done');

    expect([machine.state.subscriber('s')?.given?.length, looked]).toEqual([1, 50]);
  });

  test('what is made from a subscriber of before changes nothing of the next one of its name', () => {
    const { machine, made } = subscribed();
    machine.apply({ type: 'deleteSubscriber', id: 's' });
    machine.subscriber();
    expect(machine.apply({ type: 'ack', subscriber: 's', made, positions: [{ ...at, offset: 11, generation: null }] })).toBe(
      'unknownSubscriber',
    );
  });

  test('an attempt that comes late does not do again what others have undone since', () => {
    const { machine, made, generation } = subscribed();
    const seek = (attempt: string, offset: number, of: number | undefined) =>
      machine.apply({ type: 'seek', subscriber: 's', made, attempt, puts: [{ ...at, generation: of ?? 0, offset }] });
    expect(seek('1', 3, generation)).toBe('done');
    expect(seek('2', 7, machine.cursor()?.generation)).toBe('done');
    // Made from the state of now, as whoever leads makes it.
    expect([seek('1', 3, machine.cursor()?.generation), machine.cursor()?.offset]).toEqual(['done', 7]);

    const unsubscribe = { type: 'unsubscribe', subscriber: 's', made, topic: 't', attempt: '3' } as const;
    const cursors = [{ topic: 't', ...at, offset: 0 }];
    const subscribe = { type: 'subscribe', subscriber: 's', made, topic: 't', topicId: 7, cursors, ...limits } as const;
    expect([machine.apply(unsubscribe), machine.apply({ ...subscribe, attempt: '4' })]).toEqual(['done', 'created']);
    expect([machine.apply(unsubscribe), machine.cursor()?.offset]).toEqual(['done', 0]);
    machine.apply({ ...unsubscribe, attempt: '5' });
    expect([machine.apply({ ...subscribe, attempt: '4' }), machine.cursor()]).toEqual(['created', undefined]);

    for (const kind of ['Publisher', 'Subscriber'] as const) {
      const id = 'made again';
      const create = { type: `create${kind}`, id, nonce: 'n', max: 9, attempt: `${kind} 1` } as const;
      const remove = { type: `delete${kind}`, id, attempt: `${kind} 2` } as const;
      expect([create, remove, { ...create, attempt: `${kind} 3` }].map((one) => machine.apply(one))).toEqual([
        'created',
        'done',
        'created',
      ]);
      const isThere = () => (kind === 'Publisher' ? machine.state.publisher(id) : machine.state.subscriber(id)) !== undefined;
      expect([machine.apply(remove), isThere()]).toEqual(['done', true]);
      machine.apply({ ...remove, attempt: `${kind} 4` });
      expect([machine.apply(create), isThere()]).toEqual(['created', false]);
    }
  });

  test('of what was done so many requests are remembered, in a snapshot too', () => {
    const machine = new Machine();
    const create = (number: number) =>
      machine.apply({ type: 'createPublisher', id: 'p', nonce: `${number}`, max: 9, attempt: `create ${number}` });
    const remove = (number: number) => machine.apply({ type: 'deletePublisher', id: 'p', attempt: `delete ${number}` });
    for (let number = 0; number < 600; number++) expect([create(number), remove(number)]).toEqual(['created', 'done']);
    expect(machine.state.hasDone('delete 99')).toBe(false);
    const copy = new SubscriberState();
    expect(copy.restore(machine.state.snapshot())).toBe(true);
    for (const state of [machine.state, copy]) expect([state.hasDone('create 100'), state.hasDone('delete 599')]).toEqual([true, true]);
    expect(copy.snapshot()).toBe(machine.state.snapshot());
  });

  test('a topic that is made again under its name has a cursor of its own', () => {
    const { machine, made } = subscribed();
    const cursors = [{ topic: 't', topicId: 8, partition: 0, offset: 0 }];
    expect(machine.apply({ type: 'subscribe', subscriber: 's', made, topic: 't', topicId: 8, cursors, ...limits })).toBe('created');
    expect(machine.cursor()).toBeUndefined();
    expect(machine.cursor('s', { topicId: 8, partition: 0 })).toMatchObject({ offset: 0, generation: machine.offset });
  });

  test('a cursor ends with the last subscription that covers it', () => {
    const { machine, made } = subscribed();
    machine.apply({ type: 'subscribe', subscriber: 's', made, topic: 't*', topicId: null, cursors: [], ...limits });
    machine.apply({ type: 'unsubscribe', subscriber: 's', made, topic: 't' });
    expect(machine.cursor()).toBeDefined();
    expect(machine.apply({ type: 'unsubscribe', subscriber: 's', made, topic: 't*' })).toBe('done');
    expect([machine.cursor(), machine.state.cursorCount]).toEqual([undefined, 0]);
  });

  test('topics that are gone are dropped, but not those that were named', () => {
    const { machine, made } = subscribed();
    const cursors = [{ topic: 'u', topicId: 9, partition: 0, offset: 0 }];
    machine.apply({ type: 'subscribe', subscriber: 's', made, topic: 'u*', topicId: null, cursors, ...limits });
    machine.apply({ type: 'dropTopics', subscriber: 's', made, topicIds: [7, 9] });
    expect([...(machine.state.subscriber('s')?.cursors.keys() ?? [])]).toEqual(['7/0']);
  });

  test('what patterns lacked is not taken up once they are gone', () => {
    const { machine, made } = subscribed();
    machine.apply({ type: 'subscribe', subscriber: 's', made, topic: 'u*', topicId: null, cursors: [], ...limits });
    machine.apply({ type: 'unsubscribe', subscriber: 's', made, topic: 'u*' });
    const cursors = [{ topic: 'u', topicId: 9, partition: 0, offset: 0 }];
    expect(machine.apply({ type: 'takeUp', subscriber: 's', made, cursors, ...limits })).toBe('done');
    expect([...(machine.state.subscriber('s')?.cursors.keys() ?? [])]).toEqual(['7/0']);
    expect(machine.state.cursorCount).toBe(1);
  });

  test('limits travel in the commands', () => {
    const { machine, made } = subscribed();
    const cursors = [1, 2, 3].map((topicId) => ({ topic: `u${topicId}`, topicId, partition: 0, offset: 0 }));
    const subscribe = (topic: string, some: typeof cursors, groupCursorsMax = 4) =>
      machine.apply({ type: 'subscribe', subscriber: 's', made, topic, topicId: null, cursors: some, ...limits, groupCursorsMax });
    expect(subscribe('u*', cursors)).toBe('tooManyCursors');
    expect(subscribe('u*', cursors.slice(1), 2)).toBe('tooManyCursors');
    expect(subscribe('u*', [])).toBe('created');
    expect(subscribe('v*', [])).toBe('tooManySubscriptions');
    expect(machine.apply({ type: 'createSubscriber', id: 'b', nonce: '', max: 1 })).toBe('tooManySubscribers');
    expect(machine.apply({ type: 'createPublisher', id: 'p', nonce: '', max: 0 })).toBe('tooManyPublishers');
  });

  test('metadata belongs to the place that was acknowledged, and goes with whatever moves the cursor', () => {
    const { machine, made, generation } = subscribed();
    const ack = (offset: number, metadata?: string) => {
      const position = { ...at, offset, generation: null, ...(metadata === undefined ? {} : { metadata }) };
      machine.apply({ type: 'ack', subscriber: 's', made, positions: [position], groupMetadataMax: 100 });
      return machine.cursor()?.metadata;
    };
    // At the place where it stands, then further on, below, at the same place without and with another, without at another.
    expect(ack(10, 'a')).toBe('a');
    expect([ack(12, 'bü'), machine.state.metadata.bytes]).toEqual(['bü', 3]);
    expect([ack(11, 'late'), ack(12), ack(12, 'c'), ack(13)]).toEqual(['bü', 'bü', 'c', null]);
    expect([ack(14, 'd'), ack(14, '')]).toEqual(['d', null]);

    ack(15, 'failed behind it');
    machine.apply({ type: 'nack', subscriber: 's', made, records: [failed(15, 0, null)], isOrdered: false, ...retrying });
    expect([machine.cursor()?.offset, machine.cursor()?.metadata]).toEqual([16, null]);
    ack(17, 'given on');
    const ranges = [{ ...at, generation, offsetFrom: 17, offsetTo: 18 }];
    machine.apply({ type: 'pull', subscriber: 's', made, number: 1, acknowledges: false, ranges });
    expect(machine.cursor()?.metadata).toBe('given on');
    machine.apply({ type: 'settle', subscriber: 's', made, number: 1 });
    expect([machine.cursor()?.offset, machine.cursor()?.metadata]).toEqual([18, null]);
    ack(18, 'sought');
    machine.apply({ type: 'seek', subscriber: 's', made, puts: [{ ...at, generation, offset: 18 }] });
    expect([machine.cursor()?.metadata, machine.state.metadata.bytes]).toEqual([null, 0]);
  });

  test('metadata of a group is bounded: what there is no room for is not acknowledged, all of it or nothing', () => {
    const { machine, made } = subscribed();
    const other = machine.subscriber('other');
    const cursors = [{ topic: 't', ...at, offset: 10 }];
    machine.apply({ type: 'subscribe', subscriber: 'other', made: other, topic: 't', topicId: 7, cursors, ...limits });
    const ack = (subscriber: string, of: number, offset: number, metadata: string) => {
      const positions = [{ ...at, offset, generation: null, metadata }];
      return machine.apply({ type: 'ack', subscriber, made: of, positions, groupMetadataMax: 10 });
    };

    expect([ack('s', made, 11, '1234567'), ack('other', other, 11, '1234')]).toEqual(['done', 'tooMuchMetadata']);
    expect(machine.cursor('other')).toMatchObject({ offset: 10, metadata: null });
    // In place of what is there: no more than before.
    expect([ack('s', made, 12, '123456'), ack('other', other, 11, '1234')]).toEqual(['done', 'done']);
    machine.apply({ type: 'unsubscribe', subscriber: 's', made, topic: 't' });
    expect([machine.state.metadata.bytes, ack('other', other, 11, '12345678')]).toEqual([4, 'done']);
    machine.apply({ type: 'deleteSubscriber', id: 'other' });
    expect(machine.state.metadata.bytes).toBe(0);
  });

  test('a snapshot gives the whole state', () => {
    const { machine, made, generation } = subscribed();
    machine.subscriber('a');
    machine.apply({ type: 'createPublisher', id: 'p', nonce: 'n', max: 9 });
    const ranges = [{ ...at, generation, offsetFrom: 10, offsetTo: 12 }];
    machine.apply({ type: 'pull', subscriber: 's', made, number: 1, acknowledges: false, ranges });
    const positions = [{ ...at, offset: 11, generation: null, metadata: 'one' }];
    machine.apply({ type: 'ack', subscriber: 's', made, positions, groupMetadataMax: 9 });
    const copy = new SubscriberState();
    expect(copy.restore(machine.state.snapshot())).toBe(true);
    expect([copy.subscriber('s')?.cursors.get('7/0')?.metadata, copy.metadata.bytes]).toEqual(['one', 3]);
    expect(copy.snapshot()).toBe(machine.state.snapshot());
    const next = { type: 'settle', subscriber: 's', made, number: 1 } as const;
    expect([copy.apply(next, 99, 99), machine.state.apply(next, 99, 99)]).toEqual(['done', 'done']);
    expect(copy.snapshot()).toBe(machine.state.snapshot());
    expect([copy.restore('{"version":5}'), copy.restore('no'), copy.cursorCount]).toEqual([false, false, 1]);
  });

  test('a snapshot of before failures were known is read, and gives a state that goes on', () => {
    const { machine, made, generation } = subscribed();
    const { version, ...rest } = JSON.parse(machine.state.snapshot()) as { version: number };
    expect([version, JSON.stringify(rest)]).toEqual([4, expect.not.stringMatching('retries|metadata')]);
    const copy = new SubscriberState();
    expect(copy.restore(JSON.stringify({ version: 2, ...rest }))).toBe(true);
    expect(copy.snapshot()).toBe(machine.state.snapshot());
    const nack = { type: 'nack', subscriber: 's', made, records: [failed(10, 0, generation)], isOrdered: false, ...retrying } as const;
    expect([copy.apply(nack, 99, 99_000), copy.retries.retryCount]).toEqual(['done', 1]);
  });

  test.each([
    'no',
    '{"type":"nack","subscriber":"s","made":1,"records":[{"topicId":7,"partition":0,"offset":1,"generation":null}],"isOrdered":false}',
    '{"type":"park","subscriber":"s","made":1,"topicId":7,"partition":0,"offset":1}',
    'null',
    '[]',
    '{"type":"ack","subscriber":"s","made":1,"positions":[{"topicId":7,"partition":0,"offset":-1,"generation":null}]}',
    '{"type":"pull","subscriber":"s","made":1,"number":1.5,"acknowledges":true,"ranges":[]}',
    '{"type":"unheardOf","subscriber":"s","made":1}',
    '{"type":"createSubscriber","id":7,"nonce":"","max":1}',
  ])('%s is no command', (text) => {
    expect(parseSubscriberCommand(text)).toBeNull();
  });
});

describe('a record that fails', () => {
  /** With its cursor at 10, and what can be done to it. */
  function failing() {
    const { machine, made, generation } = subscribed();
    const of = { subscriber: 's', made } as const;
    const nack = (offset: number, tries = 0, more: { isOrdered?: boolean; generation?: number | null } = {}) => {
      const { isOrdered = false, generation: under = generation } = more;
      return machine.apply({ type: 'nack', ...of, records: [failed(offset, tries, under)], isOrdered, ...retrying });
    };
    const ack = (offset: number, tries?: number) => {
      const position = { ...at, offset, generation: null, ...(tries === undefined ? {} : { tries }) };
      return machine.apply({ type: 'ack', ...of, positions: [position] });
    };
    const retry = (offset: number) => machine.cursor()?.retries?.get(offset);
    const park = (offset: number, id: number, more: object = {}) => {
      const { since = 0, tries = 0 } = retry(offset) ?? {};
      const most = { parkedMax: 2, groupParkedMax: 2 };
      return machine.apply({ type: 'park', ...of, ...at, offset, since, tries, id, ...most, ...more });
    };
    const pull = (number: number, ranges: { offsetFrom: number; offsetTo: number; tries?: number }[], acknowledges = number > 1) => {
      const given = ranges.map((range) => ({ ...at, generation, ...range }));
      return machine.apply({ type: 'pull', ...of, number, acknowledges, ranges: given });
    };
    const parked = () => [...(machine.state.subscriber('s')?.parked.values() ?? [])];
    return { machine, made, generation, of, nack, ack, retry, park, pull, parked };
  }

  test('is passed by its cursor and waits, twice as long each time and no longer than the most', () => {
    const { machine, nack, retry } = failing();
    expect([nack(12), machine.cursor()?.offset]).toEqual(['done', 13]);
    expect(retry(12)).toMatchObject({ tries: 1, waitMs: 1000, failedMs: machine.offset * 1000, since: machine.offset, reason: 'no' });
    const since = machine.offset;
    expect([nack(12, 1), retry(12)]).toMatchObject(['done', { tries: 2, waitMs: 2000, since, isToBeParked: false }]);
    expect([nack(12, 2), retry(12)]).toMatchObject(['done', { tries: 3, isToBeParked: true }]);
    expect([...machine.state.retries.toPark]).toMatchObject([{ subscriber: 's', offset: 12 }]);
    expect(machine.cursor()?.offset).toBe(13);
  });

  test('is counted once however often that is said, and not where it was acknowledged', () => {
    const { machine, nack, ack, retry } = failing();
    nack(12);
    expect([nack(12), retry(12)?.tries]).toEqual(['done', 1]);
    nack(12, 1);
    expect([nack(12, 1), retry(12)?.tries]).toEqual(['done', 2]);
    // An acknowledgement of the time before comes late.
    expect([ack(13, 1), retry(12)?.tries]).toEqual(['done', 2]);
    expect([ack(13, 2), retry(12)]).toEqual(['done', undefined]);
    expect([nack(12, 2), nack(11), machine.cursor()?.retries]).toEqual(['done', 'done', null]);
    expect(machine.cursor()?.offset).toBe(13);
  });

  test('is not done by what is acknowledged behind it', () => {
    const { machine, nack, ack, retry } = failing();
    nack(12);
    expect([ack(20), machine.cursor()?.offset, retry(12)?.tries]).toEqual(['done', 20, 1]);
  });

  test('is refused where it is fenced, or there is no room, and nothing has changed then', () => {
    const { machine, nack } = failing();
    expect(nack(12, 0, { generation: 1 })).toBe('staleGeneration');
    expect([nack(12), nack(13)]).toEqual(['done', 'done']);
    expect([nack(14), machine.cursor()?.offset, machine.state.retries.retryCount]).toEqual(['tooManyRetries', 14, 2]);
    // One that is there already fails as often as it does.
    expect(nack(12, 1)).toBe('done');
  });

  test('is given once by numbered pulls, and acknowledged by the next one', () => {
    const { nack, pull, retry } = failing();
    nack(12);
    expect(pull(1, [{ offsetFrom: 12, offsetTo: 13, tries: 2 }])).toBe('stale');
    expect(
      pull(1, [
        { offsetFrom: 12, offsetTo: 13, tries: 1 },
        { offsetFrom: 13, offsetTo: 15 },
      ]),
    ).toBe('done');
    expect(retry(12)?.isGiven).toBe(true);
    expect(pull(2, [{ offsetFrom: 12, offsetTo: 13, tries: 1 }])).toBe('stale');
    expect([pull(2, [{ offsetFrom: 15, offsetTo: 16 }]), retry(12)]).toEqual(['done', undefined]);
  });

  test('that fails again while it is given is not acknowledged by the next pull', () => {
    const { machine, made, nack, pull, retry } = failing();
    nack(12);
    pull(1, [{ offsetFrom: 12, offsetTo: 13, tries: 1 }]);
    nack(12, 1);
    expect(machine.apply({ type: 'settle', subscriber: 's', made, number: 1 })).toBe('done');
    expect(retry(12)).toMatchObject({ tries: 2, isGiven: false });
  });

  test('holds its partition where that is wanted: what was given behind it is not acknowledged by the next pull', () => {
    const { machine, made, nack, pull } = failing();
    pull(1, [{ offsetFrom: 10, offsetTo: 16 }]);
    nack(12, 0, { isOrdered: true });
    expect(machine.cursor()).toMatchObject({ offset: 13, pulledTo: 13 });
    machine.apply({ type: 'settle', subscriber: 's', made, number: 1 });
    expect(machine.cursor()).toMatchObject({ offset: 13, pulledTo: 13 });
  });

  test('holds its partition too where that is said again, of what a repeated pull has given', () => {
    const { machine, made, nack, pull, retry } = failing();
    pull(1, [{ offsetFrom: 10, offsetTo: 16 }]);
    nack(12);
    expect([nack(12, 0, { isOrdered: true }), retry(12)]).toMatchObject(['done', { tries: 1, isOrdered: true }]);
    machine.apply({ type: 'settle', subscriber: 's', made, number: 1 });
    expect(machine.cursor()).toMatchObject({ offset: 13, pulledTo: 13 });
  });

  test('is parked once, under what it was made from, and is replayed as one that comes again', () => {
    const { machine, of, nack, retry, park, parked } = failing();
    nack(12);
    const { since = 0 } = retry(12) ?? {};
    expect([park(12, 70, { since: since + 1 }), park(12, 70, { tries: 2 }), park(12, 70), park(12, 70)]).toEqual([
      'stale',
      'stale',
      'done',
      'stale',
    ]);
    expect([parked(), retry(12)]).toMatchObject([[{ id: 70, topic: 't', offset: 12, tries: 1, reason: 'no' }], undefined]);
    const replay = { type: 'replayParked', ...of, ids: [70, 71], retriesMax: 2, groupRetriesMax: 3 } as const;
    expect([machine.apply(replay), parked()]).toEqual(['done', []]);
    expect(retry(12)).toMatchObject({ tries: 1, waitMs: 0, parkedAt: 70, since: machine.offset });
    expect([park(12, 80), machine.apply({ type: 'dropParked', ...of, ids: [80] }), parked()]).toEqual(['done', 'done', []]);
  });

  test('stays parked where there is no room for it, or its cursor stands below it', () => {
    const { machine, made, of, nack, park, parked } = failing();
    for (const offset of [12, 13]) {
      nack(offset);
      park(offset, offset + 60);
    }
    nack(14);
    expect([park(14, 74), parked().length]).toEqual(['tooManyParked', 2]);
    const replay = (retriesMax: number) => machine.apply({ type: 'replayParked', ...of, ids: [72, 73], retriesMax, groupRetriesMax: 9 });
    expect([replay(1), parked().length]).toEqual(['done', 2]);
    const { generation = 0 } = machine.cursor() ?? {};
    machine.apply({ type: 'seek', subscriber: 's', made, attempt: 'back', puts: [{ ...at, generation, offset: 13 }] });
    expect([replay(9), parked()]).toMatchObject(['done', [{ id: 73 }]]);
    const refusal = (id: number) => {
      const subscriber = machine.state.subscriber('s');
      const one = subscriber?.parked.get(id);
      return subscriber === undefined || one === undefined ? null : machine.state.retries.refusalOf(subscriber, one, retrying);
    };
    expect(refusal(73)).toBe('comesAnyway');
    machine.apply({ type: 'unsubscribe', subscriber: 's', made, topic: 't' });
    expect([refusal(73), parked().length, machine.state.retries.retryCount]).toEqual(['notSubscribed', 1, 0]);
  });

  test('comes again by itself where a seek goes below it, and stays where it was passed', () => {
    const { machine, made, generation, nack, retry } = failing();
    nack(12);
    nack(15);
    machine.apply({ type: 'seek', subscriber: 's', made, attempt: 'back', puts: [{ ...at, generation, offset: 14 }] });
    expect([retry(12)?.tries, retry(15), machine.state.retries.retryCount]).toEqual([1, undefined, 1]);
    machine.apply({ type: 'deleteSubscriber', id: 's' });
    expect(machine.state.retries.retryCount).toBe(0);
  });

  test('goes with its partition to another worker, and is not let go of while it is given', () => {
    const { machine, made, nack, pull, retry } = failing();
    const join = (worker: string) =>
      machine.apply({ type: 'heartbeat', subscriber: 's', made, worker, epoch: null, sessionMs: 1000, workersMax: 9 });
    nack(12);
    pull(1, [{ offsetFrom: 12, offsetTo: 13, tries: 1 }]);
    join('');
    expect(retry(12)?.isGiven).toBe(false);
    const { generation = 0 } = machine.cursor() ?? {};
    const ranges = [{ ...at, generation, offsetFrom: 12, offsetTo: 13, tries: 1 }];
    expect(machine.apply({ type: 'pull', subscriber: 's', made, number: 2, acknowledges: false, ranges })).toBe('done');
    join('b');
    const held = machine.cursor()?.held ?? null;
    if (held === null) throw new Error('nobody holds it');
    held.next = { worker: 'b', sinceMs: 0 };
    const move = () => machine.apply({ type: 'move', subscriber: 's', made, cursors: [{ ...at, generation, waitedMs: null }] });
    expect(move()).toBe('stale');
    nack(12, 1, { generation });
    expect([move(), machine.cursor()?.held?.worker, retry(12)?.tries]).toEqual(['done', 'b', 2]);
  });

  test('is in a snapshot, with what is to be parked', () => {
    const { machine, nack, park } = failing();
    nack(12);
    park(12, 70);
    nack(13);
    nack(13, 1);
    nack(13, 2);
    const copy = new SubscriberState();
    expect(copy.restore(machine.state.snapshot())).toBe(true);
    expect(copy.snapshot()).toBe(machine.state.snapshot());
    expect([copy.retries.retryCount, [...copy.retries.toPark]]).toEqual([1, [...machine.state.retries.toPark]]);
    copy.apply({ type: 'deleteSubscriber', id: 's' }, 99, 99);
    expect([copy.retries.retryCount, copy.retries.toParkCount]).toEqual([0, 0]);
  });
});

test.each([
  ['orders.*', 'orders.a', true],
  ['orders.*', 'orders.', true],
  ['orders.*', 'orders', false],
  ['*', 'anything', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['ab*ba', 'aba', false],
  ['*x*x*', 'x', false],
  ['plain', 'plain', true],
])('the pattern %s and the name %s: %s', (pattern, name, does) => {
  expect(matches(pattern, name)).toBe(does);
});
