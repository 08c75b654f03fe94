import { expect, test } from 'vitest';
import {
  type Answer,
  type Outcome,
  type PullRequest,
  type PullResult,
  type ReadRequest,
  type ReadResult,
  type RecordService,
} from '../../../src/eventlog/index.ts';
import { Coordinator, type SubscriberCommand, SubscriberState } from '../../../src/subscribers/index.ts';
import { fewOfEach, noParking } from '../../support/no-parking.ts';

/** A coordinator of one subscriber with two cursors, over a log of no records; its time goes as it is told. */
function rig() {
  const state = new SubscriberState();
  const commands: SubscriberCommand[] = [];
  const time = { nowMs: 0, wallMs: 1_000_000, term: 1, confirmed: 0 };
  let at = 0;
  const apply = (command: SubscriberCommand) => {
    commands.push(command);
    return state.apply(command, ++at, time.wallMs);
  };
  apply({ type: 'createSubscriber', id: 's', nonce: '', max: 9 });
  const of = { subscriber: 's', made: at };
  const cursors = [0, 1].map((partition) => ({ topic: 't', topicId: 1, partition, offset: 0 }));
  apply({ type: 'subscribe', ...of, topic: 't', topicId: 1, cursors, subscriptionsMax: 9, cursorsMax: 9, groupCursorsMax: 9 });
  const topic = { name: 't', id: 1, groups: [7, 8] };
  const empty = {
    topic: 't',
    offsetFrom: 0,
    offsetNext: 0,
    batches: [],
    times: [],
    highWatermark: 0,
    logStartOffset: 0,
    asOfMs: 0,
    lag: 0,
  };
  const reads: ReadRequest[] = [];
  /** While `isOn`, reads are answered later, with this end. */
  const late = { isOn: false, answers: [] as ((highWatermark: number) => void)[] };
  const log = {
    read: (request: ReadRequest, answer: Answer<ReadResult>) => {
      reads.push(request);
      // For records that do not come.
      if (request.waitMs > 0) return;
      if (late.isOn) late.answers.push((highWatermark) => answer({ ok: true, value: { ...empty, highWatermark } }));
      else answer({ ok: true, value: empty });
    },
  };
  /** What a pull that has to ask first waits for. */
  const known = { isSure: true, later: [] as (() => void)[] };
  const coordinator = new Coordinator({
    state,
    clock: {
      monotonicMs: () => time.nowMs,
      wallMs: () => time.wallMs,
      defer: (run: () => void) => run(),
      startTimer: () => ({ cancel: () => undefined }),
    },
    log: log as unknown as RecordService,
    limits: fewOfEach,
    ...noParking,
    group: 0,
    self: 1,
    submit: (command, done) => done({ ok: true, value: apply(command) }),
    confirm: (done) => {
      time.confirmed++;
      done(null);
    },
    topic: (name) => (known.isSure && name === 't' ? topic : undefined),
    topics: () => [topic],
    topicsVersion: () => 0,
    whenTopicsKnown: (done) => (known.isSure ? done(true) : void known.later.push(() => done(true))),
    term: () => time.term,
    nonce: () => '',
  });
  const common = { subscriber: 's', topics: null, mode: 'explicit', number: null, acknowledge: [], recordsMax: 9, bytesMax: 9 } as const;
  const pull = (worker: string, more: Partial<PullRequest> = {}): PullResult => {
    const told: Outcome<PullResult>[] = [];
    coordinator.pull({ ...common, waitMs: 0, freshness: 'local', worker, ...more }, (outcome) => told.push(outcome));
    const [outcome] = told;
    if (outcome?.ok !== true) throw new Error(`it was refused: ${JSON.stringify(outcome)}`);
    return outcome.value;
  };
  const pass = (ms: number): void => {
    time.nowMs += ms;
    time.wallMs += ms;
  };
  return { state, commands, time, coordinator, pull, pass, reads, late, known };
}

test('a worker of which nothing is heard is taken for dead once another asks, a quarter of its session late at most', () => {
  const { pull, pass, state } = rig();
  pull('a', { sessionMs: 4000 });
  pull('b');
  pull('a');
  expect(pull('b').share).toMatchObject({ holds: 1, workers: 2 });
  pass(4999);
  expect(pull('b').share).toMatchObject({ holds: 1, workers: 2 });
  pass(1);
  expect(pull('b').share).toMatchObject({ holds: 2, workers: 1 });
  expect(state.subscriber('s')?.fencings).toMatchObject([{ worker: 'a', reason: 'silent', cursors: 1 }]);
});

test('a heartbeat keeps a worker, and may give it longer', () => {
  const { pull, pass, coordinator } = rig();
  const epoch = pull('a', { sessionMs: 4000 }).share?.epoch ?? 0;
  pull('b', { sessionMs: 60_000 });
  pass(3000);
  coordinator.heartbeat({ subscriber: 's', worker: 'a', epoch, sessionMs: 20_000 }, () => undefined);
  pass(20_000);
  expect(pull('b').share).toMatchObject({ workers: 2 });
  pass(5000);
  expect(pull('b').share).toMatchObject({ workers: 1, holds: 2 });
});

test('an election, or a clock that jumps, kills nobody: whoever leads waits for a session of its own', () => {
  const { pull, pass, time } = rig();
  pull('a', { sessionMs: 4000 });
  pull('b', { sessionMs: 60_000 });
  time.wallMs += 3_600_000;
  expect(pull('b').share).toMatchObject({ workers: 2 });
  pull('a');
  pass(4900);
  time.term++;
  expect(pull('b').share).toMatchObject({ workers: 2 });
  pass(4900);
  expect(pull('b').share).toMatchObject({ workers: 2 });
  pass(200);
  expect(pull('b').share).toMatchObject({ workers: 1 });
});

test('not every sign of life is written, and of one that pulls alone none', () => {
  const { pull, pass, commands } = rig();
  pull('a', { sessionMs: 4000 });
  const before = commands.length;
  for (let i = 0; i < 30; i++) {
    pass(100);
    pull('a');
  }
  expect(commands.slice(before).map(({ type }) => type)).toEqual(['heartbeat', 'heartbeat', 'heartbeat']);
  const alone = rig();
  alone.pull('a', { worker: null });
  expect(alone.commands).toHaveLength(2);
});

test('what a worker does not let go of for its session goes to the other all the same', () => {
  const { pull, pass, state } = rig();
  pull('a', { sessionMs: 4000 });
  const [cursor] = state.subscriber('s')?.cursors.values() ?? [];
  const { generation = 0 } = cursor ?? {};
  // It goes on behind what it has not acknowledged, of both.
  const after = [0, 1].map((partition) => ({ topic: 't', partition, generation, offset: 3 }));
  pull('b');
  pass(3999);
  expect([pull('a', { after }).share, pull('b').share]).toMatchObject([{ holds: 2, askedBack: 1 }, { holds: 0 }]);
  pass(1);
  expect(pull('a', { after }).share).toMatchObject({ holds: 1, askedBack: 0 });
  expect(state.subscriber('s')?.fencings).toMatchObject([{ worker: 'a', reason: 'slow', cursors: 1 }]);
});

test('an acknowledgement that waits for the end of a partition counts under the generation that it had when it was asked', () => {
  const { state, coordinator, late } = rig();
  const cursorNow = () => [...(state.subscriber('s')?.cursors.values() ?? [])][0];
  const generation = cursorNow()?.generation ?? 0;
  const told: unknown[] = [];
  const codeOf = (outcome: Outcome<unknown>) => void told.push(outcome.ok ? 'done' : outcome.error.code);
  late.isOn = true;
  coordinator.ack({ subscriber: 's', positions: [{ topic: 't', partition: 0, offset: 5, generation }] }, codeOf);
  late.isOn = false;
  // Meanwhile somebody wants it all again.
  coordinator.seek({ subscriber: 's', topic: 't', partition: 0, to: { at: 'beginning' }, preview: false }, 'seek', codeOf);
  expect([told, late.answers.length, cursorNow()?.generation]).toEqual([['done'], 1, generation + 1]);

  late.answers[0]?.(9);

  expect([told, cursorNow()?.offset]).toEqual([['done', 'staleGeneration'], 0]);
});

test('a pull that waits to know its topics is given nothing of what another worker has got meanwhile', () => {
  const { state, coordinator, pull, pass, reads, known } = rig();
  pull('a', { sessionMs: 4000 });
  pull('b', { sessionMs: 60_000 });
  const waiting: Outcome<PullResult>[] = [];
  const request = { subscriber: 's', topics: null, mode: 'explicit', number: null, acknowledge: [], recordsMax: 9, bytesMax: 9 } as const;
  known.isSure = false;
  coordinator.pull({ ...request, waitMs: 0, freshness: 'local', worker: 'a' }, (outcome) => waiting.push(outcome));
  expect(waiting).toEqual([]);
  known.isSure = true;
  pass(5000);
  pull('b');
  expect(state.subscriber('s')?.workers.has('a')).toBe(false);

  reads.length = 0;
  for (const tell of known.later) tell();

  expect([waiting.length, reads]).toEqual([1, []]);
});

test('what a worker acknowledges again, or of a topic that was let go of, is no problem of its pull', () => {
  const { pull, coordinator } = rig();
  const { share } = pull('a');
  const gone = { topic: 'gone', partition: 0, offset: 3, generation: 1 };
  const told: Outcome<unknown>[] = [];
  coordinator.ack({ subscriber: 's', positions: [gone], each: true }, (outcome) => told.push(outcome));

  expect(pull('a', { acknowledge: [gone] })).toMatchObject({ problems: [], acknowledged: null, share: { holds: share?.holds } });
  expect(told).toMatchObject([{ ok: true, value: { cursors: [] } }]);
});

test('what is asked back again, for the same worker, is waited for from then on', () => {
  const { pull, pass, state, coordinator } = rig();
  pull('a', { sessionMs: 4000 });
  const generation = [...(state.subscriber('s')?.cursors.values() ?? [])][0]?.generation ?? 0;
  const after = [0, 1].map((partition) => ({ topic: 't', partition, generation, offset: 3 }));
  const join = () => void pull('b', { sessionMs: 60_000 });
  join();
  pull('a', { after });
  const { epoch = 0 } = state.subscriber('s')?.workers.get('b') ?? {};
  coordinator.leave({ subscriber: 's', worker: 'b', epoch }, 'leave', () => undefined);
  for (let i = 0; i < 10; i++) {
    pass(1000);
    pull('a', { after });
  }
  join();
  pull('a', { after });
  expect(state.subscriber('s')?.fencings).toEqual([]);
  expect(pull('a', { after }).share).toMatchObject({ holds: 2, askedBack: 1 });
});

test('a worker that comes or goes wakes those alone that are asked for something, or get it', () => {
  const { pull, coordinator, time, state } = rig();
  pull('a', { sessionMs: 60_000 });
  pull('b', { sessionMs: 60_000 });
  pull('a');
  const common = { subscriber: 's', topics: null, mode: 'explicit', number: null, acknowledge: [], recordsMax: 9, bytesMax: 9 } as const;
  const wait = (worker: string) => coordinator.pull({ ...common, waitMs: 20_000, freshness: 'local', worker }, () => undefined);
  wait('a');
  wait('b');
  const woken = (change: () => void): number => {
    const before = time.confirmed;
    change();
    return time.confirmed - before;
  };
  // Two partitions, three workers: one more is to have nothing.
  expect(woken(() => wait('c'))).toBe(1);
  const { epoch = 0 } = state.subscriber('s')?.workers.get('a') ?? {};
  // The end of the one that goes, and those of which it had something: itself, and who gets it.
  expect(woken(() => coordinator.leave({ subscriber: 's', worker: 'a', epoch }, 'leave', () => undefined))).toBe(3);
  expect(new Set([...(state.subscriber('s')?.cursors.values() ?? [])].map(({ held }) => held?.worker))).toEqual(new Set(['b', 'c']));
});

test('a pull of level session reads each partition as new as it is told', () => {
  const { pull, reads } = rig();
  pull('a', { worker: null, freshness: 'session', session: [{ topic: 't', partition: 1, offset: 7 }] });
  expect(reads.map(({ partition, freshness, sessionOffset }) => [partition, freshness, sessionOffset])).toEqual([
    [0, 'session', 0],
    [1, 'session', 7],
  ]);
});

test('each partition of a worker comes first in its turn, whoever else pulls between its pulls', () => {
  const { pull, coordinator, reads } = rig();
  const ignore = () => undefined;
  coordinator.create('subscriber', { id: 'other', requestId: null }, 'create', ignore);
  coordinator.subscribe({ subscriber: 'other', topic: 't', start: { at: 'beginning' } }, 'subscribe', ignore);
  const first = new Set<number | undefined>();
  for (let i = 0; i < 4; i++) {
    reads.length = 0;
    pull('a', { recordsMax: 1 });
    first.add(reads[0]?.partition);
    pull('a', { subscriber: 'other', worker: null });
  }
  expect(first).toEqual(new Set([0, 1]));
});
