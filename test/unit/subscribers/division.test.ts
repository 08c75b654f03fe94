import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { parseSubscriberCommand, type SubscriberCommand, SubscriberState } from '../../../src/subscribers/index.ts';
import { isAskedBack } from '../../../src/subscribers/membership.ts';
import { holderOf } from '../../../src/subscribers/subscriber.ts';

const limits = { subscriptionsMax: 9, cursorsMax: 999, groupCursorsMax: 999 };
const sessionMs = 10_000;

/** A subscriber with so many cursors; time goes on by a second with each command. */
class Machine {
  readonly state = new SubscriberState();
  readonly made: number;
  offset = 0;
  timeMs = 0;

  constructor(partitions: number) {
    this.apply({ type: 'createSubscriber', id: 's', nonce: '', max: 9 });
    this.made = this.offset;
    const cursors = Array.from({ length: partitions }, (_, partition) => ({ topic: 't', topicId: 1, partition, offset: 0 }));
    this.apply({ type: 'subscribe', ...this.of, topic: 't', topicId: 1, cursors, ...limits });
  }

  get of() {
    return { subscriber: 's', made: this.made };
  }

  get subscriber() {
    const known = this.state.subscriber('s');
    if (known === undefined) throw new Error('it is gone');
    return known;
  }

  get cursors() {
    return [...this.subscriber.cursors.values()];
  }

  apply(command: SubscriberCommand): string {
    const parsed = parseSubscriberCommand(JSON.stringify(command));
    if (parsed === null) throw new Error(`not a command: ${JSON.stringify(command)}`);
    this.timeMs += 1000;
    return this.state.apply(parsed, ++this.offset, this.timeMs);
  }

  join(worker: string, epoch: number | null = null, more = {}): string {
    return this.apply({ type: 'heartbeat', ...this.of, worker, epoch, sessionMs, workersMax: 9, ...more });
  }

  /** Everything that this one is asked for, it lets go of. */
  letGo(worker: string, waitedMs: number | null = null): string {
    const asked = this.cursors.filter((cursor) => holderOf(cursor) === worker && isAskedBack(cursor));
    const cursors = asked.map(({ topicId, partition, generation }) => ({ topicId, partition, generation, waitedMs }));
    return this.apply({ type: 'move', ...this.of, cursors });
  }

  /** How many each holds. */
  get held(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const cursor of this.cursors) counts[holderOf(cursor)] = (counts[holderOf(cursor)] ?? 0) + 1;
    return counts;
  }
}

describe('cursors divided among workers', () => {
  test('a move of one partition fences nobody who holds another', () => {
    const machine = new Machine(4);
    machine.join('a');
    const before = machine.cursors.map(({ generation }) => generation);
    machine.join('b');
    expect([machine.held, machine.cursors.map(({ generation }) => generation)]).toEqual([{ a: 4 }, before]);
    expect(machine.letGo('a')).toBe('done');
    expect(machine.held).toEqual({ a: 2, b: 2 });
    const stayed = machine.cursors.filter((cursor) => holderOf(cursor) === 'a').map(({ partition, generation }) => [partition, generation]);
    expect(stayed).toEqual([0, 1].map((partition) => [partition, before[partition]]));
    expect(machine.cursors.filter((cursor) => holderOf(cursor) === 'b').map(({ generation }) => generation)).toEqual([
      machine.offset,
      machine.offset,
    ]);
  });

  test('one that has given something lets go of it once that is acknowledged, or its session is over', () => {
    const machine = new Machine(2);
    machine.join('a');
    const { epoch } = machine.subscriber.workers.get('a') ?? {};
    const ranges = machine.cursors.map(({ topicId, partition, generation }) => ({
      topicId,
      partition,
      generation,
      offsetFrom: 0,
      offsetTo: 5,
    }));
    const number = (epoch ?? 0) + 1;
    expect(machine.apply({ type: 'pull', ...machine.of, worker: 'a', number, acknowledges: false, ranges })).toBe('done');
    machine.join('b');
    expect([machine.letGo('a'), machine.held]).toEqual(['stale', { a: 2 }]);
    expect([machine.letGo('a', sessionMs - 1), machine.held]).toEqual(['stale', { a: 2 }]);
    expect([machine.letGo('a', sessionMs), machine.held]).toEqual(['done', { a: 1, b: 1 }]);
    expect(machine.subscriber.fencings).toMatchObject([{ worker: 'a', epoch, reason: 'slow', cursors: 1 }]);
    // What it gave of the one that was taken is not acknowledged any more, of the other it is.
    expect(machine.apply({ type: 'settle', ...machine.of, worker: 'a', number })).toBe('done');
    expect(machine.cursors.map(({ offset }) => offset)).toEqual([5, 0]);
  });

  test('a pull gives nothing of what another holds, whatever generation it names', () => {
    const machine = new Machine(2);
    machine.join('a');
    machine.join('b');
    machine.letGo('a');
    const epochOf = (worker: string) => machine.subscriber.workers.get(worker)?.epoch ?? 0;
    const rangesOf = (worker: string) =>
      machine.cursors
        .filter((cursor) => holderOf(cursor) === worker)
        .map(({ topicId, partition, generation }) => ({ topicId, partition, generation, offsetFrom: 0, offsetTo: 5 }));
    const pull = (worker: string, ranges: ReturnType<typeof rangesOf>) =>
      machine.apply({ type: 'pull', ...machine.of, worker, number: epochOf(worker) + 1, acknowledges: false, ranges });
    expect(pull('b', rangesOf('a'))).toBe('stale');
    expect(machine.apply({ type: 'take', ...machine.of, ranges: rangesOf('a') })).toBe('stale');
    expect(machine.cursors.map(({ offset, pulledTo }) => [offset, pulledTo])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect([pull('b', rangesOf('b')), machine.apply({ type: 'take', ...machine.of, worker: 'a', ranges: rangesOf('a') })]).toEqual([
      'done',
      'done',
    ]);
  });

  test('what some workers pull from is divided among these, all that nobody pulls from among all, and stays where it is', () => {
    const random = new SeededRandom(11);
    for (let round = 0; round < 60; round++) {
      const machine = new Machine(random.below(5));
      for (const topicId of [2, 3, 4]) {
        const topic = `u${topicId}`;
        const cursors = Array.from({ length: random.below(6) }, (_, partition) => ({ topic, topicId, partition, offset: 0 }));
        machine.apply({ type: 'subscribe', ...machine.of, topic, topicId, cursors, ...limits });
      }
      for (let step = 0; step < 40; step++) {
        const worker = random.pick(['a', 'b', 'c', 'd', '']);
        const topics = random.chance(0.3) ? null : ['t', 'u2', 'u3', 'u4'].filter(() => random.chance(0.5));
        const { epoch = 0 } = machine.subscriber.workers.get(worker) ?? {};
        if (random.chance(0.2)) machine.apply({ type: 'leave', ...machine.of, worker, epoch });
        else if (random.chance(0.7)) machine.join(worker, null, { topics });
        else machine.letGo(worker);
        const { workers } = machine.subscriber;
        const meantFor = () => machine.cursors.map(({ held }) => held?.next?.worker ?? held?.worker ?? null);
        const before = meantFor();
        const wantersOf = (topic: string): string[] => {
          const some = [...workers.values()].filter((one) => one.topics === null || one.topics.includes(topic));
          return (some.length > 0 ? some : [...workers.values()]).map(({ name }) => name);
        };
        for (const [index, { topic }] of machine.cursors.entries())
          expect(workers.size === 0 || wantersOf(topic).includes(before[index] ?? 'nobody')).toBe(true);
        // Dividing again changes nothing.
        machine.apply({ type: 'dropTopics', ...machine.of, topicIds: [] });
        expect(meantFor()).toEqual(before);
      }
    }
  });

  test('whoever pulls from more has fewer of what others pull from too', () => {
    const machine = new Machine(4);
    const cursors = [0, 1].map((partition) => ({ topic: 'u', topicId: 2, partition, offset: 0 }));
    machine.apply({ type: 'subscribe', ...machine.of, topic: 'u', topicId: 2, cursors, ...limits });
    machine.join('a', null, { topics: ['t'] });
    machine.join('b', null, { topics: null });
    machine.letGo('a');
    const held = (worker: string) => machine.cursors.filter((cursor) => holderOf(cursor) === worker).map(({ topic }) => topic);
    expect([held('a'), held('b')]).toEqual([
      ['t', 't', 't'],
      ['t', 'u', 'u'],
    ]);
    machine.join('c', null, { topics: ['u'] });
    machine.letGo('a');
    machine.letGo('b');
    expect([held('a'), held('b'), held('c')]).toEqual([
      ['t', 't'],
      ['t', 't'],
      ['u', 'u'],
    ]);
  });

  test('a worker is dead by what the log says alone: for so long silent, and no sign of life since', () => {
    const machine = new Machine(3);
    machine.join('a');
    machine.join('b');
    machine.letGo('a');
    const heard = (worker: string) => {
      const { epoch = 0, heardAt = 0 } = machine.subscriber.workers.get(worker) ?? {};
      return { worker, epoch, heardAt, silentMs: sessionMs };
    };
    const expire = (workers: ReturnType<typeof heard>[]) => machine.apply({ type: 'expire', ...machine.of, workers });
    const early = heard('a');
    expect(expire([{ ...early, silentMs: sessionMs - 1 }])).toBe('stale');
    // Its sign of life has the log time of the one before: the clock of whoever leads is behind.
    machine.timeMs -= 1000;
    machine.join('a', early.epoch);
    expect(expire([early])).toBe('stale');
    expect(expire([{ ...heard('a'), silentMs: 0 }, heard('b')])).toBe('done');
    expect([machine.held, machine.subscriber.fencings]).toMatchObject([{ a: 3 }, [{ worker: 'b', reason: 'silent', cursors: 1 }]]);
    expect(machine.join('b', 2)).toBe('unknownWorker');
    machine.apply({ type: 'leave', ...machine.of, worker: 'a', epoch: early.epoch });
    expect([machine.held, machine.subscriber.workers.size]).toEqual([{ '': 3 }, 0]);
    expect(machine.cursors.every(({ generation }) => generation === machine.offset)).toBe(true);
  });

  test('as many workers join as may', () => {
    const machine = new Machine(1);
    expect(machine.join('a', null, { workersMax: 1 })).toBe('created');
    expect(machine.join('b', null, { workersMax: 1 })).toBe('tooManyWorkers');
    expect(machine.join('a', null, { workersMax: 1 })).toBe('done');
  });

  test('whatever comes, all is held, in the end evenly, and no generation has two holders; a copy goes on alike', () => {
    const random = new SeededRandom(7);
    const holders = new Map<string, string>();
    let machine = new Machine(0);
    for (let step = 0; step < 3000; step++) {
      if (step % 300 === 0) {
        machine = new Machine(random.below(12));
        holders.clear();
      }
      const name = random.pick(['a', 'b', 'c', 'd', '']);
      const { of } = machine;
      const { epoch = 0 } = machine.subscriber.workers.get(name) ?? {};
      const copy = new SubscriberState();
      expect(copy.restore(machine.state.snapshot())).toBe(true);
      const topicId = 2 + random.below(3);
      const topic = `u${topicId}`;
      const commands: (() => SubscriberCommand)[] = [
        () => ({ type: 'heartbeat', ...of, worker: name, epoch: null, sessionMs, workersMax: 9 }),
        () => ({ type: 'leave', ...of, worker: name, epoch }),
        () => ({
          type: 'move',
          ...of,
          cursors: machine.cursors.filter(() => random.chance(0.5)).map((cursor) => ({ ...cursor, waitedMs: null })),
        }),
        () => ({ type: 'subscribe', ...of, topic, topicId, cursors: [{ topic, topicId, partition: 0, offset: 0 }], ...limits }),
        () => ({ type: 'unsubscribe', ...of, topic }),
      ];
      const command = random.pick(commands)();
      machine.apply(command);
      copy.apply(command, machine.offset, machine.timeMs);
      expect(copy.snapshot()).toBe(machine.state.snapshot());
      const { workers } = machine.subscriber;
      for (const cursor of machine.cursors) {
        const key = `${cursor.topicId}/${cursor.partition}/${cursor.generation}`;
        expect(holders.get(key) ?? holderOf(cursor)).toBe(holderOf(cursor));
        holders.set(key, holderOf(cursor));
        expect(cursor.held !== null).toBe(workers.size > 0);
        const meantFor = cursor.held?.next?.worker ?? cursor.held?.worker;
        expect(meantFor === undefined || workers.has(meantFor)).toBe(true);
      }
      const meant = [...workers.keys()].map(
        (worker) => machine.cursors.filter((cursor) => (cursor.held?.next?.worker ?? cursor.held?.worker) === worker).length,
      );
      expect(Math.max(0, ...meant) - Math.min(...meant, Math.max(0, ...meant))).toBeLessThanOrEqual(1);
    }
  });

  test('what was kept before there were workers is taken over as it was', () => {
    const cursor = { topic: 't', topicId: 1, partition: 0, offset: 4, pulledTo: 6, generation: 2 };
    const given = [{ topicId: 1, partition: 0, generation: 2, offsetFrom: 4, offsetTo: 6 }];
    const one = { id: 's', made: 1, nonce: 'n', createdMs: 5, usedMs: 9, lastPull: 3, given };
    const subscriptions = [{ topic: 't', topicId: 1, createdMs: 6 }];
    const state = new SubscriberState();
    const before = { version: 1, publishers: [], subscribers: [{ ...one, subscriptions, cursors: [cursor] }] };
    expect(state.restore(JSON.stringify(before))).toBe(true);
    const command = parseSubscriberCommand('{"type":"settle","subscriber":"s","made":1,"number":3}');
    expect(command === null ? null : state.apply(command, 10, 10)).toBe('done');
    expect(state.subscriber('s')).toMatchObject({ given: null, fencings: [] });
    expect([...(state.subscriber('s')?.cursors.values() ?? [])]).toEqual([
      { ...cursor, offset: 6, held: null, metadata: null, retries: null },
    ]);
  });
});
