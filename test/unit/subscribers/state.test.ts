import { describe, expect, test } from 'vitest';
import { parseSubscriberCommand, type SubscriberCommand } from '../../../src/subscribers/index.ts';
import { matches } from '../../../src/subscribers/pattern.ts';
import { SubscriberState } from '../../../src/subscribers/state.ts';

const limits = { subscriptionsMax: 2, cursorsMax: 3, groupCursorsMax: 4 };
const at = { topicId: 7, partition: 0 };

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

  test('what is made from a subscriber of before changes nothing of the next one of its name', () => {
    const { machine, made } = subscribed();
    machine.apply({ type: 'deleteSubscriber', id: 's' });
    machine.subscriber();
    expect(machine.apply({ type: 'ack', subscriber: 's', made, positions: [{ ...at, offset: 11, generation: null }] })).toBe(
      'unknownSubscriber',
    );
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

  test('a snapshot gives the whole state', () => {
    const { machine, made, generation } = subscribed();
    machine.subscriber('a');
    machine.apply({ type: 'createPublisher', id: 'p', nonce: 'n', max: 9 });
    const ranges = [{ ...at, generation, offsetFrom: 10, offsetTo: 12 }];
    machine.apply({ type: 'pull', subscriber: 's', made, number: 1, acknowledges: false, ranges });
    const copy = new SubscriberState();
    expect(copy.restore(machine.state.snapshot())).toBe(true);
    expect(copy.snapshot()).toBe(machine.state.snapshot());
    const next = { type: 'settle', subscriber: 's', made, number: 1 } as const;
    expect([copy.apply(next, 99, 99), machine.state.apply(next, 99, 99)]).toEqual(['done', 'done']);
    expect(copy.snapshot()).toBe(machine.state.snapshot());
    expect([copy.restore('{"version":2}'), copy.restore('no'), copy.cursorCount]).toEqual([false, false, 1]);
  });

  test.each([
    'no',
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
