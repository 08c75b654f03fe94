/**
 * Publishers and subscribers of one group as a state machine (docs/decisions/0030): synchronous, total, deterministic. It sees commands and where they stand in
 * the group's log, no settings, no clocks and no topics.
 *
 * A cursor stands in one partition for one subscriber. `offset` is its acknowledged end; it rises by acknowledgements and is put elsewhere by `seek` alone.
 * `pulledTo` is how far numbered pulls have given. `generation` is the offset of the command that put the cursor where it stands by anything but an
 * acknowledgement, so it never comes twice, and whoever holds an older one is told. Where workers share a subscriber, `held` says whose it is (decision 0034).
 */
import type {
  AckedPosition,
  CommandOfSubscriber,
  CursorStart,
  GivenRange,
  PartitionOf,
  SubscriberCommand,
  SubscriberOutcome,
} from './commands.ts';
import { divide, give } from './division.ts';
import { matches } from './pattern.ts';
import { Metadata } from './metadata.ts';
import { hasGiven, readTo, Retries, takeBack } from './retries.ts';
import {
  areSame,
  type Cursor,
  cursorKey,
  type DoneSeek,
  type Fencing,
  type Held,
  holderOf,
  implicitWorker,
  type Parked,
  type Puller,
  pullerOf,
  type Retry,
  type Subscriber,
  type Subscription,
  type Worker,
} from './subscriber.ts';

/** Whoever has acknowledged least of a partition: all below `offset`. */
export interface FurthestBehind {
  readonly subscriber: string;
  readonly offset: number;
}

export interface Publisher {
  readonly id: string;
  readonly nonce: string;
  readonly createdMs: number;
}

/** Version 1 knows no workers, version 2 nothing that has failed, version 3 no metadata. */
interface CursorSnapshot extends Omit<Cursor, 'held' | 'metadata' | 'retries'> {
  readonly held?: Held | null;
  /** Left out where there is none; so below. */
  readonly metadata?: string;
  readonly retries?: readonly Retry[];
}

interface SubscriberSnapshot extends Omit<Subscriber, 'subscriptions' | 'cursors' | 'workers' | 'fencings' | 'parked'> {
  readonly subscriptions: readonly Subscription[];
  readonly cursors: readonly CursorSnapshot[];
  /** Those of before all pull from all topics. */
  readonly workers?: readonly (Omit<Worker, 'topics'> & { readonly topics?: readonly string[] | null })[];
  readonly fencings?: readonly Fencing[];
  readonly parked?: readonly Parked[];
}

interface Snapshot {
  readonly version: 1 | 2 | 3 | 4;
  readonly publishers: readonly Publisher[];
  readonly subscribers: readonly SubscriberSnapshot[];
  /** Oldest first; left out where there are none. */
  readonly attempts?: readonly (readonly [attempt: string, outcome: SubscriberOutcome])[];
}

/** Requests that were done, and are not done again by an attempt that comes late: so many, whosever they were. */
const attemptsMax = 1000;
/** Of one subscriber. */
const fencingsKept = 20;

export class SubscriberState {
  readonly #publishers = new Map<string, Publisher>();
  readonly #subscribers = new Map<string, Subscriber>();
  /** Who is subscribed to a topic by its id, and who to patterns. */
  readonly #named = new Map<number, Set<Subscriber>>();
  readonly #patterned = new Set<Subscriber>();
  #cursorCount = 0;
  /** What the last requests have done that change more than how far somebody is, oldest first. */
  readonly #attempts = new Map<string, SubscriberOutcome>();
  /** What was said beside acknowledged places. */
  readonly metadata = new Metadata();
  /** What has failed. */
  readonly retries = new Retries(this.metadata);

  /** This request was done, by an earlier attempt at it. */
  hasDone(attempt: string): boolean {
    return this.#attempts.has(attempt);
  }

  publisher(id: string): Publisher | undefined {
    return this.#publishers.get(id);
  }

  subscriber(id: string): Subscriber | undefined {
    return this.#subscribers.get(id);
  }

  /** Of the group, all subscribers together. */
  get cursorCount(): number {
    return this.#cursorCount;
  }

  /** Of those that are subscribed to a topic, who has acknowledged least of a partition; one without a cursor yet has nothing. Null: nobody is subscribed. */
  furthestBehind(topic: string, of: PartitionOf): FurthestBehind | null {
    const key = cursorKey(of);
    let found: FurthestBehind | null = null;
    const look = (one: Subscriber): void => {
      const offset = readTo(one.cursors.get(key));
      if (found === null || offset < found.offset) found = { subscriber: one.id, offset };
    };
    for (const one of this.#named.get(of.topicId) ?? []) look(one);
    for (const one of this.#patterned) if (isCovered(one, { topic, topicId: of.topicId })) look(one);
    return found;
  }

  publishers(): Iterable<Publisher> {
    return this.#publishers.values();
  }

  subscribers(): Iterable<Subscriber> {
    return this.#subscribers.values();
  }

  /** The whole state as text; equal where the same commands were applied. */
  snapshot(): string {
    const subscribers = sorted([...this.#subscribers.values()]).map((one): SubscriberSnapshot => {
      const subscriptions = [...one.subscriptions.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1));
      const cursors = [...one.cursors.values()].sort((a, b) => a.topicId - b.topicId || a.partition - b.partition);
      const { parked, ...rest } = one;
      const shown = { ...rest, subscriptions, cursors: cursors.map(cursorShown), workers: [...one.workers.values()] };
      return parked.size === 0 ? shown : { ...shown, parked: [...parked.values()] };
    });
    const attempts = this.#attempts.size === 0 ? {} : { attempts: [...this.#attempts] };
    return JSON.stringify({ version: 4, publishers: sorted([...this.#publishers.values()]), subscribers, ...attempts } satisfies Snapshot);
  }

  /** Takes over the state of a snapshot. False, and nothing has changed, where it is none, or of another version. */
  restore(text: string): boolean {
    const snapshot = parseSnapshot(text);
    if (snapshot === null) return false;
    this.#publishers.clear();
    this.#subscribers.clear();
    this.#named.clear();
    this.#patterned.clear();
    this.#attempts.clear();
    this.#cursorCount = 0;
    this.retries.clear();
    this.metadata.clear();
    for (const [attempt, outcome] of snapshot.attempts ?? []) this.#attempts.set(attempt, outcome);
    for (const publisher of snapshot.publishers) this.#publishers.set(publisher.id, publisher);
    for (const { subscriptions, cursors, workers = [], fencings = [], parked = [], ...one } of snapshot.subscribers) {
      const byTopic = new Map(subscriptions.map((subscription) => [subscription.topic, subscription]));
      const byKey = new Map(cursors.map((cursor) => [cursorKey(cursor), cursorOf(cursor)]));
      const byName = new Map(workers.map((worker) => [worker.name, { ...worker, topics: worker.topics ?? null }]));
      this.#cursorCount += byKey.size;
      const maps = { subscriptions: byTopic, cursors: byKey, workers: byName, parked: new Map(parked.map((each) => [each.id, each])) };
      const subscriber: Subscriber = { ...one, fencings, ...maps };
      this.#subscribers.set(one.id, subscriber);
      this.retries.restored(subscriber);
      for (const cursor of byKey.values()) this.metadata.restored(cursor);
      for (const subscription of subscriptions) this.#index(subscriber, subscription);
    }
    return true;
  }

  /** The command that stands at offset `at` of the group's log, appended at `timeMs` of its leader's clock. */
  apply(command: SubscriberCommand, at: number, timeMs: number): SubscriberOutcome {
    const attempt = 'attempt' in command ? command.attempt : undefined;
    if (attempt === undefined) return this.#apply(command, at, timeMs);
    const before = this.#attempts.get(attempt);
    if (before !== undefined) return before;
    const outcome = this.#apply(command, at, timeMs);
    // What was refused has changed nothing: it may be made anew from another state.
    if (outcome === 'done' || outcome === 'created') this.#remember(attempt, outcome);
    return outcome;
  }

  #remember(attempt: string, outcome: SubscriberOutcome): void {
    this.#attempts.set(attempt, outcome);
    const [oldest] = this.#attempts.size > attemptsMax ? this.#attempts.keys() : [];
    if (oldest !== undefined) this.#attempts.delete(oldest);
  }

  #apply(command: SubscriberCommand, at: number, timeMs: number): SubscriberOutcome {
    switch (command.type) {
      case 'createPublisher': {
        const { id, nonce, max } = command;
        const known = this.#publishers.get(id);
        if (known !== undefined) return known.nonce === nonce ? 'created' : 'existed';
        if (this.#publishers.size >= max) return 'tooManyPublishers';
        this.#publishers.set(id, { id, nonce, createdMs: timeMs });
        return 'created';
      }
      case 'deletePublisher':
        return this.#publishers.delete(command.id) ? 'done' : 'unknownPublisher';
      case 'createSubscriber':
        return this.#createSubscriber(command, at, timeMs);
      case 'deleteSubscriber': {
        const known = this.#subscribers.get(command.id);
        if (known === undefined) return 'unknownSubscriber';
        this.#cursorCount -= known.cursors.size;
        this.retries.forgetSubscriber(known);
        for (const cursor of known.cursors.values()) this.metadata.forget(cursor);
        this.#subscribers.delete(command.id);
        for (const subscription of known.subscriptions.values()) this.#unindex(known, subscription);
        return 'done';
      }
      default:
        return this.#applyTo(command, at, timeMs);
    }
  }

  #createSubscriber(
    { id, nonce, max }: SubscriberCommand & { readonly type: 'createSubscriber' },
    at: number,
    timeMs: number,
  ): SubscriberOutcome {
    const known = this.#subscribers.get(id);
    if (known !== undefined) return known.nonce === nonce ? 'created' : 'existed';
    if (this.#subscribers.size >= max) return 'tooManySubscribers';
    const begun = { lastPull: 0, given: null, lastSeek: null, fencings: [] };
    const maps = { subscriptions: new Map(), cursors: new Map(), workers: new Map(), parked: new Map() };
    this.#subscribers.set(id, { id, made: at, nonce, createdMs: timeMs, usedMs: timeMs, ...begun, ...maps });
    return 'created';
  }

  #applyTo(command: CommandOfSubscriber, at: number, timeMs: number): SubscriberOutcome {
    const subscriber = this.#subscribers.get(command.subscriber);
    if (subscriber === undefined || subscriber.made !== command.made) return 'unknownSubscriber';
    const outcome = this.#change(subscriber, command, at, timeMs);
    if (outcome === 'done' || outcome === 'created') subscriber.usedMs = Math.max(subscriber.usedMs, timeMs);
    return outcome;
  }

  #change(subscriber: Subscriber, command: CommandOfSubscriber, at: number, timeMs: number): SubscriberOutcome {
    switch (command.type) {
      case 'subscribe':
        return this.#subscribe(subscriber, command, at, timeMs);
      case 'takeUp': {
        // A subscription may have ended since it was looked what there is for it.
        const cursors = command.cursors.filter((start) => isCovered(subscriber, start));
        return this.#addCursors(subscriber, { ...command, cursors }, at, timeMs);
      }
      case 'dropTopics': {
        const named = new Set([...subscriber.subscriptions.values()].map(({ topicId }) => topicId));
        const gone = new Set(command.topicIds.filter((id) => !named.has(id)));
        this.#dropCursors(subscriber, ({ topicId }) => gone.has(topicId), at, timeMs);
        return 'done';
      }
      case 'unsubscribe':
        if (!this.#unsubscribe(subscriber, command.topic)) return 'notSubscribed';
        this.#dropCursors(subscriber, (cursor) => !isCovered(subscriber, cursor), at, timeMs);
        return 'done';
      case 'pull':
        return pull(subscriber, command, { at, timeMs, kept: this });
      case 'settle': {
        const puller = pullerOf(subscriber, command.worker ?? implicitWorker);
        if (puller === undefined || command.number !== puller.lastPull || puller.given === null) return 'stale';
        acknowledgeGiven(subscriber, puller, this);
        return 'done';
      }
      case 'take':
        if (!areNext(subscriber, command.ranges, command.worker)) return 'stale';
        for (const { offsetTo: offset, ...range } of command.ranges) advance(subscriber, { ...range, offset }, this);
        return 'done';
      case 'ack':
        return acknowledge(subscriber, command, this);
      case 'seek':
        return seek(subscriber, command, at, this);
      case 'heartbeat':
        return heartbeat(subscriber, command, at, timeMs);
      case 'leave':
        if (subscriber.workers.get(command.worker)?.epoch !== command.epoch) return 'unknownWorker';
        subscriber.workers.delete(command.worker);
        divide(subscriber, at, timeMs);
        return 'done';
      case 'expire':
        return expire(subscriber, command, at, timeMs);
      case 'move':
        return move(subscriber, command, at, timeMs);
      case 'nack':
        return this.retries.nack(subscriber, command, at, timeMs);
      case 'park':
        return this.retries.park(subscriber, command, timeMs);
      case 'replayParked':
        return this.retries.replay(subscriber, command, at, timeMs);
      case 'dropParked':
        return this.retries.drop(subscriber, command);
    }
  }

  #subscribe(
    subscriber: Subscriber,
    command: SubscriberCommand & { readonly type: 'subscribe' },
    at: number,
    timeMs: number,
  ): SubscriberOutcome {
    const { topic, topicId, subscriptionsMax } = command;
    const known = subscriber.subscriptions.get(topic);
    if (known !== undefined && known.topicId === topicId) return 'existed';
    if (known === undefined && subscriber.subscriptions.size >= subscriptionsMax) return 'tooManySubscriptions';
    const refused = this.#addCursors(subscriber, command, at, timeMs);
    if (refused !== 'done') return refused;
    this.#unsubscribe(subscriber, topic);
    const subscription = { topic, topicId, createdMs: timeMs };
    subscriber.subscriptions.set(topic, subscription);
    this.#index(subscriber, subscription);
    // Of the topic that had this name before.
    if (known !== undefined) this.#dropCursors(subscriber, (cursor) => !isCovered(subscriber, cursor), at, timeMs);
    return 'created';
  }

  #unsubscribe(subscriber: Subscriber, topic: string): boolean {
    const known = subscriber.subscriptions.get(topic);
    if (known === undefined) return false;
    subscriber.subscriptions.delete(topic);
    this.#unindex(subscriber, known);
    return true;
  }

  #index(subscriber: Subscriber, { topicId }: Subscription): void {
    if (topicId === null) return void this.#patterned.add(subscriber);
    this.#named.set(topicId, (this.#named.get(topicId) ?? new Set()).add(subscriber));
  }

  #unindex(subscriber: Subscriber, { topicId }: Subscription): void {
    if (topicId === null) {
      const isLeft = [...subscriber.subscriptions.values()].some((one) => one.topicId === null);
      if (!isLeft || !this.#subscribers.has(subscriber.id)) this.#patterned.delete(subscriber);
      return;
    }
    const all = this.#named.get(topicId);
    all?.delete(subscriber);
    if (all?.size === 0) this.#named.delete(topicId);
  }

  #addCursors(
    subscriber: Subscriber,
    {
      cursors,
      cursorsMax,
      groupCursorsMax,
    }: { readonly cursors: readonly CursorStart[]; readonly cursorsMax: number; readonly groupCursorsMax: number },
    at: number,
    timeMs: number,
  ): SubscriberOutcome {
    const added = new Map(cursors.map((start) => [cursorKey(start), start]));
    for (const key of subscriber.cursors.keys()) added.delete(key);
    if (subscriber.cursors.size + added.size > cursorsMax || this.#cursorCount + added.size > groupCursorsMax) return 'tooManyCursors';
    const begun = { generation: at, held: null, metadata: null, retries: null };
    for (const [key, { topic, topicId, partition, offset }] of added)
      subscriber.cursors.set(key, { topic, topicId, partition, offset, pulledTo: offset, ...begun });
    this.#cursorCount += added.size;
    if (added.size > 0) divide(subscriber, at, timeMs);
    return 'done';
  }

  #dropCursors(subscriber: Subscriber, isDropped: (cursor: Cursor) => boolean, at: number, timeMs: number): void {
    const dropped = [...subscriber.cursors.values()].filter(isDropped);
    for (const cursor of dropped) {
      subscriber.cursors.delete(cursorKey(cursor));
      this.metadata.forget(cursor);
      this.retries.forgetFrom(subscriber, cursor, 0);
    }
    this.#cursorCount -= dropped.length;
    forgetGiven(subscriber, dropped);
    divide(subscriber, at, timeMs);
  }
}

/** Of one group, with counts of it. */
type Kept = Pick<SubscriberState, 'retries' | 'metadata'>;

const cursorShown = ({ metadata, retries, ...cursor }: Cursor): CursorSnapshot => ({
  ...cursor,
  ...(metadata === null ? {} : { metadata }),
  ...(retries === null ? {} : { retries: [...retries.values()] }),
});

const cursorOf = ({ held = null, metadata, retries, ...cursor }: CursorSnapshot): Cursor => ({
  ...cursor,
  held,
  metadata: metadata ?? null,
  retries: retries === undefined ? null : new Map(retries.map((retry) => [retry.offset, retry])),
});

const isCovered = ({ subscriptions }: Subscriber, { topic, topicId }: Pick<Cursor, 'topic' | 'topicId'>): boolean => {
  for (const one of subscriptions.values()) if (one.topicId === null ? matches(one.topic, topic) : one.topicId === topicId) return true;
  return false;
};

/**
 * Each begins where its cursor's numbered pulls go on, or is of a record in retry that is not out; no cursor was moved since, and all are that worker's: a second
 * lock beside the generation.
 */
function areNext(subscriber: Subscriber, ranges: readonly GivenRange[], worker = implicitWorker): boolean {
  return ranges.every((range) => {
    const cursor = subscriber.cursors.get(cursorKey(range));
    if (cursor?.generation !== range.generation || holderOf(cursor) !== worker) return false;
    if (range.tries === undefined) return cursor.pulledTo === range.offsetFrom && range.offsetTo > range.offsetFrom;
    const retry = retryOf(cursor, range);
    return retry !== undefined && !retry.isGiven && !retry.isToBeParked;
  });
}

/** While it has failed as often as whoever was given it knows. */
function retryOf(cursor: Cursor | undefined, { offsetFrom, tries }: Pick<GivenRange, 'offsetFrom' | 'tries'>): Retry | undefined {
  const retry = cursor?.retries?.get(offsetFrom);
  return retry?.tries === tries ? retry : undefined;
}

function pull(
  subscriber: Subscriber,
  command: SubscriberCommand & { readonly type: 'pull' },
  { at, timeMs, kept }: { readonly at: number; readonly timeMs: number; readonly kept: Kept },
): SubscriberOutcome {
  const { number, acknowledges, ranges, worker = implicitWorker } = command;
  const puller = pullerOf(subscriber, worker);
  if (puller === undefined || number !== puller.lastPull + 1) return 'stale';
  if (ranges.length === 0 || !areNext(subscriber, ranges, worker)) return 'stale';
  if (acknowledges) acknowledgeGiven(subscriber, puller, kept);
  for (const range of ranges) {
    const cursor = subscriber.cursors.get(cursorKey(range)) as Cursor;
    const retry = range.tries === undefined ? undefined : retryOf(cursor, range);
    if (retry !== undefined) retry.isGiven = true;
    else if (range.tries === undefined) cursor.pulledTo = range.offsetTo;
  }
  puller.lastPull = number;
  puller.given = ranges;
  const member = subscriber.workers.get(worker);
  if (member !== undefined) hear(member, at, timeMs);
  return 'done';
}

/** Of those that were moved since, nothing is acknowledged. */
function acknowledgeGiven(subscriber: Subscriber, puller: Puller, kept: Kept): void {
  for (const { offsetTo: offset, ...range } of puller.given ?? []) {
    if (subscriber.cursors.get(cursorKey(range))?.generation === range.generation) advance(subscriber, { ...range, offset }, kept);
  }
  puller.given = null;
}

/** All below the offset, or the one record in retry that is meant. */
function advance(
  subscriber: Subscriber,
  { offset, tries, metadata, ...of }: PartitionOf & Pick<AckedPosition, 'offset' | 'tries' | 'metadata'>,
  kept: Kept,
): void {
  const cursor = subscriber.cursors.get(cursorKey(of)) as Cursor;
  if (tries !== undefined) {
    if (retryOf(cursor, { offsetFrom: offset - 1, tries })?.isToBeParked === false) kept.retries.done(subscriber, cursor, offset - 1);
    return;
  }
  if (offset < cursor.offset) return;
  if (offset > cursor.offset) kept.metadata.forget(cursor);
  if (metadata !== undefined) kept.metadata.say(cursor, metadata);
  cursor.offset = offset;
  cursor.pulledTo = Math.max(cursor.pulledTo, offset);
}

function acknowledge(
  subscriber: Subscriber,
  { positions, each = false, groupMetadataMax = 0 }: SubscriberCommand & { readonly type: 'ack' },
  kept: Kept,
): SubscriberOutcome {
  const meant: AckedPosition[] = [];
  for (const position of positions) {
    const cursor = subscriber.cursors.get(cursorKey(position));
    const refusal = cursor === undefined ? 'notSubscribed' : isOfBefore(position, cursor) ? 'staleGeneration' : null;
    if (refusal === null) meant.push(position);
    else if (!each) return refusal;
  }
  if (!kept.metadata.isRoomFor(subscriber, meant, groupMetadataMax)) return 'tooMuchMetadata';
  for (const position of meant) advance(subscriber, position, kept);
  return 'done';
}

const isOfBefore = ({ generation }: AckedPosition, cursor: Cursor): boolean => generation !== null && generation !== cursor.generation;

function seek(
  subscriber: Subscriber,
  command: SubscriberCommand & { readonly type: 'seek' },
  at: number,
  { retries, metadata }: Kept,
): SubscriberOutcome {
  const { puts } = command;
  for (const put of puts) {
    const cursor = subscriber.cursors.get(cursorKey(put));
    if (cursor === undefined) return 'notSubscribed';
    if (put.generation !== cursor.generation) return 'staleGeneration';
  }
  const done: DoneSeek['puts'][number][] = [];
  const moved: Cursor[] = [];
  for (const put of puts) {
    const cursor = subscriber.cursors.get(cursorKey(put)) as Cursor;
    const { partition, offset } = put;
    done.push({ partition, from: cursor.offset, offset });
    cursor.offset = offset;
    cursor.pulledTo = offset;
    cursor.generation = at;
    metadata.forget(cursor);
    // What is in retry below stays there: it was passed, and is not done.
    retries.forgetFrom(subscriber, cursor, offset);
    takeBack(cursor);
    moved.push(cursor);
  }
  forgetGiven(subscriber, moved);
  subscriber.lastSeek = { attempt: command.attempt ?? null, generation: at, puts: done };
  return 'done';
}

/** What pulls have given of these is not given again, and not acknowledged by the next ones. */
function forgetGiven(subscriber: Subscriber, cursors: readonly Cursor[]): void {
  const keys = new Set(cursors.map(cursorKey));
  for (const holder of new Set(cursors.map(holderOf))) {
    const puller = pullerOf(subscriber, holder);
    if (puller !== undefined && puller.given !== null) puller.given = puller.given.filter((range) => !keys.has(cursorKey(range)));
  }
}

function heartbeat(
  subscriber: Subscriber,
  { worker: name, epoch, sessionMs, workersMax, topics }: SubscriberCommand & { readonly type: 'heartbeat' },
  at: number,
  timeMs: number,
): SubscriberOutcome {
  const known = subscriber.workers.get(name);
  if (epoch !== null && known?.epoch !== epoch) return 'unknownWorker';
  if (known !== undefined) {
    hear(known, at, timeMs);
    known.sessionMs = sessionMs;
    if (topics === undefined || areSame(topics, known.topics)) return 'done';
    known.topics = topics;
    divide(subscriber, at, timeMs);
    return 'done';
  }
  if (subscriber.workers.size >= workersMax) return 'tooManyWorkers';
  const begun = { heardAt: at, heardMs: timeMs, lastPull: at, given: null };
  subscriber.workers.set(name, { name, epoch: at, joinedMs: timeMs, sessionMs, topics: topics ?? null, ...begun });
  divide(subscriber, at, timeMs);
  return 'created';
}

function hear(worker: Worker, at: number, timeMs: number): void {
  worker.heardAt = at;
  worker.heardMs = Math.max(worker.heardMs, timeMs);
}

/** Only those that have given no sign of life since. */
function expire(
  subscriber: Subscriber,
  { workers }: SubscriberCommand & { readonly type: 'expire' },
  at: number,
  timeMs: number,
): SubscriberOutcome {
  const silent = workers.flatMap(({ worker, epoch, heardAt, silentMs }) => {
    const known = subscriber.workers.get(worker);
    const isSilent = known?.epoch === epoch && known.heardAt === heardAt && silentMs >= known.sessionMs;
    return isSilent ? [known] : [];
  });
  if (silent.length === 0) return 'stale';
  for (const worker of silent) {
    const held = [...subscriber.cursors.values()].filter((cursor) => cursor.held?.worker === worker.name);
    subscriber.workers.delete(worker.name);
    note(subscriber, worker, 'silent', held.length, timeMs);
  }
  divide(subscriber, at, timeMs);
  return 'done';
}

/** One by one: the others stay as they are. */
function move(
  subscriber: Subscriber,
  { cursors }: SubscriberCommand & { readonly type: 'move' },
  at: number,
  timeMs: number,
): SubscriberOutcome {
  const taken = new Map<Worker, number>();
  let moved = 0;
  for (const one of cursors) {
    const cursor = subscriber.cursors.get(cursorKey(one));
    const { held = null } = cursor ?? {};
    const holder = held === null ? undefined : subscriber.workers.get(held.worker);
    if (cursor?.generation !== one.generation || held === null || held.next === null || holder === undefined) continue;
    const { waitedMs } = one;
    if (waitedMs === null ? cursor.pulledTo > cursor.offset || hasGiven(cursor) : waitedMs < holder.sessionMs) continue;
    give(cursor, held.next.worker, at, timeMs);
    moved++;
    if (waitedMs !== null) taken.set(holder, (taken.get(holder) ?? 0) + 1);
  }
  for (const [worker, count] of taken) note(subscriber, worker, 'slow', count, timeMs);
  return moved === 0 ? 'stale' : 'done';
}

function note(subscriber: Subscriber, { name, epoch }: Worker, reason: Fencing['reason'], cursors: number, atMs: number): void {
  subscriber.fencings = [...subscriber.fencings, { worker: name, epoch, atMs, reason, cursors }].slice(-fencingsKept);
}

const sorted = <One extends { readonly id: string }>(all: One[]): One[] => all.sort((a, b) => (a.id < b.id ? -1 : 1));

function parseSnapshot(text: string): Snapshot | null {
  try {
    const value = JSON.parse(text) as Snapshot | null;
    return [1, 2, 3, 4].includes(value?.version ?? 0) ? value : null;
  } catch {
    return null;
  }
}
