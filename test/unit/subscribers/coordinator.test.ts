import { expect, test } from 'vitest';
import {
  type Answer,
  type LogService,
  LogError,
  type Outcome,
  type PullResult,
  type ReadRequest,
  type ReadResult,
  type RecordService,
  withPromises,
  withSubscriptionPromises,
} from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { Coordinator, type SubscriberCommand, SubscriberState } from '../../../src/subscribers/index.ts';
import { memorySubscriptions } from '../../../src/subscribers/memory.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { batchOfValues } from '../../conformance/event-log.ts';
import { pulledValues } from '../../conformance/subscriptions.ts';
import { testClock } from '../../support/clock.ts';
import { fewOfEach, noParking } from '../../support/no-parking.ts';

/** A log that can forget the beginning of one topic, as retention does. */
class Trimmable extends MemoryLog {
  topic = '';
  logStart = 0;

  override read(...[request, answer]: Parameters<LogService['read']>): void {
    const { topic, offsetFrom } = request;
    if (topic !== this.topic || (offsetFrom ?? this.logStart) >= this.logStart)
      return super.read(topic === this.topic && offsetFrom === null ? { ...request, offsetFrom: this.logStart } : request, answer);
    const details = { logStartOffset: this.logStart, endOffset: 3 };
    const error = new LogError('offsetOutOfRange', `Cannot read topic "${topic}": it begins at ${this.logStart}`, details);
    setImmediate(() => answer({ ok: false, error }));
  }
}

test('a cursor below what is kept is an error with the choices, moves nowhere by itself, and holds up no other topic', async () => {
  const clock = testClock();
  const memory = new Trimmable({ clock, bytes: systemBytes });
  const log = withPromises(memory);
  const subscriptions = withSubscriptionPromises(memorySubscriptions({ log: memory, clock, bytes: systemBytes }));
  await subscriptions.createSubscriber({ id: 's', requestId: null });
  for (const topic of ['trimmed', 'whole']) {
    await log.createTopic(topic, { retentionBytes: null });
    await subscriptions.subscribe({ subscriber: 's', topic, start: { at: 'beginning' } });
    const common = { level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
    for (const value of ['a', 'b', 'c']) await log.append({ topic, batch: batchOfValues(`${topic} ${value}`), ...common });
  }
  memory.topic = 'trimmed';
  memory.logStart = 2;
  const request = { subscriber: 's', mode: 'explicit', number: null, acknowledge: [], recordsMax: 9, bytesMax: 9999 } as const;
  const pull = (topics: readonly string[] | null) => subscriptions.pull({ ...request, topics, waitMs: 0, freshness: 'linearizable' });

  const both = await pull(null);
  expect(pulledValues(both)).toEqual(['whole a', 'whole b', 'whole c']);
  expect(both.problems).toMatchObject([
    { topic: 'trimmed', code: 'cursorOutOfRange', details: { logStartOffset: 2, endOffset: 3, cursor: 0 } },
  ]);
  await expect(pull(['trimmed'])).rejects.toMatchObject({ code: 'cursorOutOfRange', message: expect.stringContaining('seek') as string });
  const described = await subscriptions.describeSubscriber('s');
  expect(described.cursors.map(({ topic, offset, problem }) => [topic, offset, problem !== null])).toEqual([
    ['trimmed', 0, true],
    ['whole', 0, false],
  ]);

  // What was processed before it was removed can be acknowledged all the same, with a pull too.
  await expect(subscriptions.ack({ subscriber: 's', positions: [{ topic: 'trimmed', offset: 1 }] })).resolves.toMatchObject({
    cursors: [{ offset: 1 }],
  });

  await subscriptions.seek({ subscriber: 's', topic: 'trimmed', partition: null, to: { at: 'beginning' }, preview: false });
  expect(pulledValues(await pull(['trimmed']))).toEqual(['trimmed c']);
});

test('many pulls of one subscriber at once are served one after another, and beyond a limit refused', async () => {
  const clock = testClock();
  const memory = new MemoryLog({ clock, bytes: systemBytes });
  const subscriptions = withSubscriptionPromises(memorySubscriptions({ log: memory, clock, bytes: systemBytes }));
  await subscriptions.createSubscriber({ id: 's', requestId: null });
  await subscriptions.subscribe({ subscriber: 's', topic: 'log', start: { at: 'end' } });
  const request = {
    subscriber: 's',
    topics: null,
    mode: 'explicit',
    number: null,
    acknowledge: [],
    recordsMax: 9,
    bytesMax: 9999,
  } as const;
  const cancel = { cancelled: false, onCancel: null as (() => void) | null };
  const waiting = Array.from({ length: 16 }, (_, index) =>
    subscriptions.pull({ ...request, waitMs: 20_000, freshness: 'local', ...(index === 0 ? { cancel } : {}) }),
  );
  await expect(subscriptions.pull({ ...request, waitMs: 0, freshness: 'local' })).rejects.toMatchObject({ code: 'overloaded' });
  const common = { level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  await withPromises(memory).append({ topic: 'log', batch: batchOfValues('a'), ...common });
  expect((await Promise.all(waiting)).map(pulledValues)).toEqual(waiting.map(() => ['a']));
});

/** A log of which some topics cannot be read for now. */
class Unreadable extends MemoryLog {
  readonly topics = new Set<string>();

  override read(...[request, answer]: Parameters<LogService['read']>): void {
    const { topic } = request;
    if (!this.topics.has(topic)) return super.read(request, answer);
    setImmediate(() => answer({ ok: false, error: new LogError('noLeader', `Cannot read topic "${topic}": nobody leads it`) }));
  }
}

test('a numbered pull that is repeated gives all of what it gave, or fails: the next one acknowledges it', async () => {
  const clock = testClock();
  const memory = new Unreadable({ clock, bytes: systemBytes });
  const log = withPromises(memory);
  const subscriptions = withSubscriptionPromises(memorySubscriptions({ log: memory, clock, bytes: systemBytes }));
  await subscriptions.createSubscriber({ id: 's', requestId: null });
  const common = { level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  for (const topic of ['a', 'b']) {
    await log.createTopic(topic, { retentionBytes: null });
    await subscriptions.subscribe({ subscriber: 's', topic, start: { at: 'beginning' } });
    await log.append({ topic, batch: batchOfValues(topic), ...common });
  }
  const request = { subscriber: 's', topics: null, mode: 'automatic', acknowledge: [], recordsMax: 9, bytesMax: 9999, waitMs: 0 } as const;
  const pull = (number: number) => subscriptions.pull({ ...request, number, freshness: 'linearizable' });
  expect(pulledValues(await pull(1)).sort()).toEqual(['a', 'b']);
  memory.topics.add('a');
  await expect(pull(1)).rejects.toMatchObject({ code: 'noLeader' });
  memory.topics.clear();
  const again = await pull(1);
  expect([again.repeated, pulledValues(again).sort()]).toEqual([true, ['a', 'b']]);

  // Whose records nobody can have any more does not hold up the others.
  await log.deleteTopic('a');
  const without = await pull(1);
  expect([pulledValues(without), without.problems.map(({ code }) => code)]).toEqual([['b'], ['unknownTopic']]);
});

test('a topic that cannot be read when it is taken up holds up none of the others that a pattern matches', async () => {
  const clock = testClock();
  const memory = new Unreadable({ clock, bytes: systemBytes });
  const log = withPromises(memory);
  const subscriptions = withSubscriptionPromises(memorySubscriptions({ log: memory, clock, bytes: systemBytes }));
  await subscriptions.createSubscriber({ id: 's', requestId: null });
  await subscriptions.subscribe({ subscriber: 's', topic: 'o.*', start: { at: 'beginning' } });
  const common = { level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  for (const topic of ['o.a', 'o.b']) {
    await log.createTopic(topic, { retentionBytes: null });
    await log.append({ topic, batch: batchOfValues(topic), ...common });
  }
  const request = { subscriber: 's', topics: null, mode: 'automatic', acknowledge: [], recordsMax: 9, bytesMax: 9999, waitMs: 0 } as const;
  const pull = (number: number) => subscriptions.pull({ ...request, number, freshness: 'linearizable' });
  memory.topics.add('o.a');
  const first = await pull(1);
  expect([pulledValues(first), first.problems.map(({ topic, code }) => [topic, code])]).toEqual([['o.b'], [['o.a', 'noLeader']]]);
  memory.topics.clear();
  expect(pulledValues(await pull(2))).toEqual(['o.a']);
});

test('a topic for which there are too many cursors is named, and the others that its pattern matches go on', async () => {
  const clock = testClock();
  const memory = new MemoryLog({ clock, bytes: systemBytes });
  const log = withPromises(memory);
  const limits = { publishers: 9, subscribers: 9, subscriptions: 9, cursors: 3, groupCursors: 9 };
  const subscriptions = withSubscriptionPromises(memorySubscriptions({ log: memory, clock, bytes: systemBytes, limits }));
  await subscriptions.createSubscriber({ id: 's', requestId: null });
  await subscriptions.subscribe({ subscriber: 's', topic: 'o.*', start: { at: 'beginning' } });
  const common = { level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  for (const [topic, partitions] of [
    ['o.a', 1],
    ['o.b', 3],
    ['o.c', 2],
  ] as const) {
    await log.createTopic(topic, { retentionBytes: null, partitions });
    await log.append({ topic, partition: 0, batch: batchOfValues(topic), ...common });
  }
  const request = { subscriber: 's', topics: null, mode: 'automatic', acknowledge: [], recordsMax: 9, bytesMax: 9999, waitMs: 0 } as const;
  const pull = (number: number) => subscriptions.pull({ ...request, number, freshness: 'linearizable' });
  const named = ({ problems }: PullResult) =>
    problems.map(({ topic, code, message }) => [topic, code, message.includes('limits.cursorsMax')]);
  const first = await pull(1);
  expect([pulledValues(first).sort(), named(first)]).toEqual([['o.a', 'o.c'], [['o.b', 'tooManySubscribers', true]]]);
  // Nothing is new, and that is no failure.
  const idle = await pull(2);
  expect([idle.parts, named(idle)]).toEqual([[], [['o.b', 'tooManySubscribers', true]]]);
  await log.deleteTopic('o.a');
  await log.deleteTopic('o.c');
  const after = await pull(2);
  expect([pulledValues(after), named(after)]).toEqual([['o.b'], []]);
});

test('a pull that finds nothing acknowledges what the one before it gave, not what it has given itself elsewhere meanwhile', async () => {
  const clock = testClock();
  const state = new SubscriberState();
  const topic = { name: 't', id: 1, groups: [7] };
  let at = 0;
  const apply = (command: SubscriberCommand) => state.apply(command, ++at, at);
  apply({ type: 'createSubscriber', id: 's', nonce: '', max: 9 });
  const of = { subscriber: 's', made: at };
  const cursors = [{ topic: 't', topicId: 1, partition: 0, offset: 0 }];
  apply({ type: 'subscribe', ...of, topic: 't', topicId: 1, cursors, subscriptionsMax: 9, cursorsMax: 9, groupCursorsMax: 9 });
  const place = { topicId: 1, partition: 0, generation: at };
  apply({ type: 'pull', ...of, number: 1, acknowledges: false, ranges: [{ ...place, offsetFrom: 0, offsetTo: 1 }] });

  // Whoever leads by then has found a record that came after this read, and has given it.
  const reading: Answer<ReadResult>[] = [];
  const log = { read: (_request: ReadRequest, answer: Answer<ReadResult>) => void reading.push(answer) } as unknown as RecordService;
  const coordinator = new Coordinator({
    state,
    clock,
    log,
    limits: fewOfEach,
    ...noParking,
    group: 0,
    self: 1,
    submit: (command, done) => done({ ok: true, value: apply(command) }),
    confirm: (done) => done(null),
    topic: () => topic,
    topics: () => [topic],
    topicsVersion: () => 0,
    whenTopicsKnown: (done) => done(true),
    term: () => 1,
    nonce: () => '',
  });
  const request = { subscriber: 's', topics: null, mode: 'automatic', acknowledge: [], recordsMax: 9, bytesMax: 9, waitMs: 0 } as const;
  const outcomes: Outcome<PullResult>[] = [];
  coordinator.pull({ ...request, number: 2, freshness: 'linearizable' }, (outcome) => outcomes.push(outcome));
  apply({ type: 'pull', ...of, number: 2, acknowledges: true, ranges: [{ ...place, offsetFrom: 1, offsetTo: 2 }] });
  const empty = {
    topic: 't',
    offsetFrom: 1,
    offsetNext: 1,
    batches: [],
    times: [],
    highWatermark: 1,
    logStartOffset: 0,
    asOfMs: 0,
    lag: 0,
  };
  reading.shift()?.({ ok: true, value: empty });
  expect(state.subscriber('s')?.cursors.get('1/0')).toMatchObject({ offset: 1, pulledTo: 2 });
  reading.shift()?.({ ok: true, value: { ...empty, offsetNext: 2, highWatermark: 2 } });
  expect(outcomes).toMatchObject([{ ok: true, value: { repeated: true, number: 2 } }]);
});

test('what a pull acknowledges again changes nothing, and the answer says when it is on a majority', async () => {
  const state = new SubscriberState();
  let at = 0;
  const apply = (command: SubscriberCommand) => state.apply(command, ++at, at);
  apply({ type: 'createSubscriber', id: 's', nonce: '', max: 9 });
  const of = { subscriber: 's', made: at };
  const cursors = [{ topic: 't', topicId: 1, partition: 0, offset: 0 }];
  apply({ type: 'subscribe', ...of, topic: 't', topicId: 1, cursors, subscriptionsMax: 9, cursorsMax: 9, groupCursorsMax: 9 });
  const generation = at;
  const ends = { batches: [], times: [], highWatermark: 2, logStartOffset: 0, asOfMs: 0, lag: 0 };
  const read = ({ topic, offsetFrom }: ReadRequest, answer: Answer<ReadResult>): void =>
    answer({ ok: true, value: { topic, offsetFrom: offsetFrom ?? 0, offsetNext: offsetFrom ?? 0, ...ends } });
  const submitted: (() => void)[] = [];
  const coordinator = new Coordinator({
    state,
    clock: testClock(),
    log: { read } as unknown as RecordService,
    limits: fewOfEach,
    ...noParking,
    group: 0,
    self: 1,
    submit: (command, done) => void submitted.push(() => done({ ok: true, value: apply(command) })),
    confirm: (done) => done(null),
    topic: () => ({ name: 't', id: 1, groups: [7] }),
    topics: () => [],
    topicsVersion: () => 0,
    whenTopicsKnown: (done) => done(true),
    term: () => 1,
    nonce: () => '',
  });
  const request = { subscriber: 's', topics: null, mode: 'explicit', number: null, recordsMax: 9, bytesMax: 99, waitMs: 0 } as const;
  const pull = (offset: number): Promise<PullResult['acknowledged']> =>
    new Promise((resolve, reject) =>
      coordinator.pull({ ...request, acknowledge: [{ topic: 't', offset, generation }], freshness: 'local' }, (outcome) =>
        outcome.ok ? resolve(outcome.value.acknowledged) : reject(outcome.error),
      ),
    );
  expect(await pull(1)).toBe('leader');
  // The command of the pull before was lost: this one has its own.
  submitted.length = 0;
  expect(await pull(1)).toBe('leader');
  expect(submitted).toHaveLength(1);
  submitted.shift()?.();
  expect(await pull(1)).toBe('quorum');
  expect(submitted).toEqual([]);
});

test('a partition that nobody can read does not hold up what a pull acknowledges of the others', async () => {
  const state = new SubscriberState();
  let at = 0;
  const apply = (command: SubscriberCommand) => state.apply(command, ++at, at);
  apply({ type: 'createSubscriber', id: 's', nonce: '', max: 9 });
  const of = { subscriber: 's', made: at };
  const cursors = [0, 1].map((partition) => ({ topic: 't', topicId: 1, partition, offset: 0 }));
  apply({ type: 'subscribe', ...of, topic: 't', topicId: 1, cursors, subscriptionsMax: 9, cursorsMax: 9, groupCursorsMax: 9 });
  const generation = at;
  const ends = { batches: [], times: [], highWatermark: 2, logStartOffset: 0, asOfMs: 0, lag: 0 };
  let canBeRead = false;
  const read = ({ topic, partition, offsetFrom }: ReadRequest, answer: Answer<ReadResult>): void =>
    answer(
      partition === 1 && !canBeRead
        ? { ok: false, error: new LogError('notCurrent', 'Cannot read topic "t": no leader confirmed its end in time') }
        : { ok: true, value: { topic, offsetFrom: offsetFrom ?? 0, offsetNext: offsetFrom ?? 0, ...ends } },
    );
  const acknowledged: number[][] = [];
  const coordinator = new Coordinator({
    state,
    clock: testClock(),
    log: { read } as unknown as RecordService,
    limits: fewOfEach,
    ...noParking,
    group: 0,
    self: 1,
    submit: (command, done) => {
      if (command.type === 'ack') acknowledged.push(command.positions.map(({ partition }) => partition));
      done({ ok: true, value: apply(command) });
    },
    confirm: (done) => done(null),
    topic: () => ({ name: 't', id: 1, groups: [7, 8] }),
    topics: () => [],
    topicsVersion: () => 0,
    whenTopicsKnown: (done) => done(true),
    term: () => 1,
    nonce: () => '',
  });
  const request = { subscriber: 's', topics: null, mode: 'explicit', number: null, recordsMax: 9, bytesMax: 99, waitMs: 0 } as const;
  const acknowledge = [0, 1].map((partition) => ({ topic: 't', partition, offset: 1, generation }));
  const pull = (): Promise<PullResult> =>
    new Promise((resolve, reject) =>
      coordinator.pull({ ...request, acknowledge, partial: true, freshness: 'linearizable' }, (outcome) =>
        outcome.ok ? resolve(outcome.value) : reject(outcome.error),
      ),
    );
  const first = await pull();
  expect([first.acknowledged, acknowledged]).toEqual(['leader', [[0]]]);
  expect(first.problems).toMatchObject([{ partition: 1, code: 'notCurrent' }]);
  canBeRead = true;
  expect([(await pull()).acknowledged, acknowledged]).toEqual(['quorum', [[0], [1]]]);
});

/** A log that counts the reads that wait. */
class Counting extends MemoryLog {
  waiting = 0;
  most = 0;

  override read(...[request, answer]: Parameters<LogService['read']>): void {
    if (request.waitMs === 0) return super.read(request, answer);
    this.waiting++;
    this.most = Math.max(this.most, this.waiting);
    super.read(request, (outcome) => {
      this.waiting--;
      answer(outcome);
    });
  }
}

test('pulls that wait for the same share one read, and so many reads wait at most', async () => {
  const clock = testClock();
  const memory = new Counting({ clock, bytes: systemBytes });
  const log = withPromises(memory);
  const subscriptions = withSubscriptionPromises(memorySubscriptions({ log: memory, clock, bytes: systemBytes }));
  const ids = Array.from({ length: 20 }, (_, index) => `s${index}`);
  for (const id of ids) {
    await subscriptions.createSubscriber({ id, requestId: null });
    await subscriptions.subscribe({ subscriber: id, topic: 'log', start: { at: 'end' } });
  }
  const request = { topics: null, mode: 'explicit', number: null, acknowledge: [], recordsMax: 9, bytesMax: 9999 } as const;
  const pulls = ids.map((subscriber) => subscriptions.pull({ ...request, subscriber, waitMs: 20_000, freshness: 'local' }));
  while (memory.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  const common = { level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  await log.append({ topic: 'log', batch: batchOfValues('a'), ...common });
  expect((await Promise.all(pulls)).map(pulledValues)).toEqual(ids.map(() => ['a']));
  expect([memory.most, memory.waiting]).toEqual([1, 0]);

  // Each of three watches 60 topics that the others do not.
  const signals = [];
  const waits = [];
  for (const id of ids.slice(0, 3)) {
    for (let number = 0; number < 60; number++) await log.createTopic(`${id}.${number}`, { retentionBytes: null });
    await subscriptions.unsubscribe({ subscriber: id, topic: 'log' });
    await subscriptions.subscribe({ subscriber: id, topic: `${id}.*`, start: { at: 'end' } });
    const cancel = { cancelled: false, onCancel: null as (() => void) | null };
    signals.push(cancel);
    waits.push(subscriptions.pull({ ...request, subscriber: id, waitMs: 20_000, freshness: 'local', cancel }));
  }
  while (memory.waiting < 100) await new Promise((resolve) => setImmediate(resolve));
  for (const cancel of signals) {
    cancel.cancelled = true;
    cancel.onCancel?.();
  }
  await Promise.all(waits);
  expect([memory.most, memory.waiting]).toEqual([100, 0]);
});
