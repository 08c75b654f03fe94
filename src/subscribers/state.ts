/**
 * Publishers and subscribers of one group as a state machine (docs/decisions/0030): synchronous, total, deterministic. It sees commands and where they stand in
 * the group's log, no settings, no clocks and no topics.
 *
 * A cursor stands in one partition for one subscriber. `offset` is its acknowledged end; it rises by acknowledgements and is put elsewhere by `seek` alone.
 * `pulledTo` is how far numbered pulls have given. `generation` is the offset of the command that put the cursor where it stands by anything but an
 * acknowledgement, so it never comes twice, and whoever holds an older one is told.
 */
import type { CommandOfSubscriber, CursorStart, GivenRange, PartitionOf, SubscriberCommand, SubscriberOutcome } from './commands.ts';
import { matches } from './pattern.ts';

export interface Publisher {
  readonly id: string;
  readonly nonce: string;
  readonly createdMs: number;
}

export interface Cursor extends PartitionOf {
  readonly topic: string;
  offset: number;
  pulledTo: number;
  generation: number;
}

interface Subscription {
  readonly topic: string;
  /** Null for a pattern. */
  readonly topicId: number | null;
  readonly createdMs: number;
}

export interface Subscriber {
  readonly id: string;
  /** Offset of the command that made it. */
  readonly made: number;
  readonly nonce: string;
  readonly createdMs: number;
  /** Log time of the last command about it. */
  usedMs: number;
  /** Number of the last numbered pull that gave something; 0 before there is one. */
  lastPull: number;
  /** What it gave; null once another has come. */
  given: readonly GivenRange[] | null;
  /** The last `seek`. */
  lastSeek: string | null;
  readonly subscriptions: Map<string, Subscription>;
  /** By `cursorKey`. */
  readonly cursors: Map<string, Cursor>;
}

export const cursorKey = ({ topicId, partition }: PartitionOf): string => `${topicId}/${partition}`;

interface SubscriberSnapshot extends Omit<Subscriber, 'subscriptions' | 'cursors'> {
  readonly subscriptions: readonly Subscription[];
  readonly cursors: readonly Cursor[];
}

interface Snapshot {
  readonly version: 1;
  readonly publishers: readonly Publisher[];
  readonly subscribers: readonly SubscriberSnapshot[];
}

export class SubscriberState {
  readonly #publishers = new Map<string, Publisher>();
  readonly #subscribers = new Map<string, Subscriber>();
  #cursorCount = 0;

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
      return { ...one, subscriptions, cursors };
    });
    return JSON.stringify({ version: 1, publishers: sorted([...this.#publishers.values()]), subscribers } satisfies Snapshot);
  }

  /** Takes over the state of a snapshot. False, and nothing has changed, where it is none, or of another version. */
  restore(text: string): boolean {
    const snapshot = parseSnapshot(text);
    if (snapshot === null) return false;
    this.#publishers.clear();
    this.#subscribers.clear();
    this.#cursorCount = 0;
    for (const publisher of snapshot.publishers) this.#publishers.set(publisher.id, publisher);
    for (const { subscriptions, cursors, ...one } of snapshot.subscribers) {
      const byTopic = new Map(subscriptions.map((subscription) => [subscription.topic, subscription]));
      const byKey = new Map(cursors.map((cursor) => [cursorKey(cursor), { ...cursor }]));
      this.#cursorCount += byKey.size;
      this.#subscribers.set(one.id, { ...one, subscriptions: byTopic, cursors: byKey });
    }
    return true;
  }

  /** The command that stands at offset `at` of the group's log, appended at `timeMs` of its leader's clock. */
  apply(command: SubscriberCommand, at: number, timeMs: number): SubscriberOutcome {
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
        this.#subscribers.delete(command.id);
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
    const begun = { lastPull: 0, given: null, lastSeek: null, subscriptions: new Map(), cursors: new Map() };
    this.#subscribers.set(id, { id, made: at, nonce, createdMs: timeMs, usedMs: timeMs, ...begun });
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
        return this.#addCursors(subscriber, { ...command, cursors }, at);
      }
      case 'dropTopics': {
        const named = new Set([...subscriber.subscriptions.values()].map(({ topicId }) => topicId));
        const gone = new Set(command.topicIds.filter((id) => !named.has(id)));
        this.#dropCursors(subscriber, ({ topicId }) => gone.has(topicId));
        return 'done';
      }
      case 'unsubscribe':
        if (!subscriber.subscriptions.delete(command.topic)) return 'notSubscribed';
        this.#dropCursors(subscriber, (cursor) => !isCovered(subscriber, cursor));
        return 'done';
      case 'pull':
        return pull(subscriber, command);
      case 'settle':
        if (command.number !== subscriber.lastPull || subscriber.given === null) return 'stale';
        acknowledgeGiven(subscriber);
        return 'done';
      case 'take':
        if (!areNext(subscriber, command.ranges)) return 'stale';
        for (const range of command.ranges) advance(subscriber, range, range.offsetTo);
        return 'done';
      case 'ack':
        return acknowledge(subscriber, command);
      case 'seek':
        return seek(subscriber, command, at);
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
    const refused = this.#addCursors(subscriber, command, at);
    if (refused !== 'done') return refused;
    subscriber.subscriptions.set(topic, { topic, topicId, createdMs: timeMs });
    // Of the topic that had this name before.
    if (known !== undefined) this.#dropCursors(subscriber, (cursor) => !isCovered(subscriber, cursor));
    return 'created';
  }

  #addCursors(
    subscriber: Subscriber,
    {
      cursors,
      cursorsMax,
      groupCursorsMax,
    }: { readonly cursors: readonly CursorStart[]; readonly cursorsMax: number; readonly groupCursorsMax: number },
    at: number,
  ): SubscriberOutcome {
    const added = new Map(cursors.map((start) => [cursorKey(start), start]));
    for (const key of subscriber.cursors.keys()) added.delete(key);
    if (subscriber.cursors.size + added.size > cursorsMax || this.#cursorCount + added.size > groupCursorsMax) return 'tooManyCursors';
    for (const [key, { topic, topicId, partition, offset }] of added)
      subscriber.cursors.set(key, { topic, topicId, partition, offset, pulledTo: offset, generation: at });
    this.#cursorCount += added.size;
    return 'done';
  }

  #dropCursors(subscriber: Subscriber, isDropped: (cursor: Cursor) => boolean): void {
    for (const [key, cursor] of subscriber.cursors) {
      if (!isDropped(cursor)) continue;
      subscriber.cursors.delete(key);
      this.#cursorCount--;
      forgetGiven(subscriber, key);
    }
  }
}

const isCovered = ({ subscriptions }: Subscriber, { topic, topicId }: Pick<Cursor, 'topic' | 'topicId'>): boolean => {
  for (const one of subscriptions.values()) if (one.topicId === null ? matches(one.topic, topic) : one.topicId === topicId) return true;
  return false;
};

/** Each begins where its cursor's numbered pulls go on, and no cursor was moved since. */
function areNext(subscriber: Subscriber, ranges: readonly GivenRange[]): boolean {
  return ranges.every((range) => {
    const cursor = subscriber.cursors.get(cursorKey(range));
    return cursor?.generation === range.generation && cursor.pulledTo === range.offsetFrom && range.offsetTo > range.offsetFrom;
  });
}

function pull(subscriber: Subscriber, command: SubscriberCommand & { readonly type: 'pull' }): SubscriberOutcome {
  const { number, acknowledges, ranges } = command;
  if (number !== subscriber.lastPull + 1 || ranges.length === 0 || !areNext(subscriber, ranges)) return 'stale';
  if (acknowledges) acknowledgeGiven(subscriber);
  for (const range of ranges) (subscriber.cursors.get(cursorKey(range)) as Cursor).pulledTo = range.offsetTo;
  subscriber.lastPull = number;
  subscriber.given = ranges;
  return 'done';
}

function acknowledgeGiven(subscriber: Subscriber): void {
  for (const range of subscriber.given ?? []) {
    if (subscriber.cursors.get(cursorKey(range))?.generation === range.generation) advance(subscriber, range, range.offsetTo);
  }
  subscriber.given = null;
}

function advance(subscriber: Subscriber, of: PartitionOf, offset: number): void {
  const cursor = subscriber.cursors.get(cursorKey(of)) as Cursor;
  cursor.offset = Math.max(cursor.offset, offset);
  cursor.pulledTo = Math.max(cursor.pulledTo, cursor.offset);
}

function acknowledge(subscriber: Subscriber, { positions }: SubscriberCommand & { readonly type: 'ack' }): SubscriberOutcome {
  for (const position of positions) {
    const cursor = subscriber.cursors.get(cursorKey(position));
    if (cursor === undefined) return 'notSubscribed';
    if (position.generation !== null && position.generation !== cursor.generation) return 'staleGeneration';
  }
  for (const position of positions) advance(subscriber, position, position.offset);
  return 'done';
}

function seek(subscriber: Subscriber, { attempt, puts }: SubscriberCommand & { readonly type: 'seek' }, at: number): SubscriberOutcome {
  if (subscriber.lastSeek === attempt) return 'done';
  for (const put of puts) {
    const cursor = subscriber.cursors.get(cursorKey(put));
    if (cursor === undefined) return 'notSubscribed';
    if (put.generation !== cursor.generation) return 'staleGeneration';
  }
  for (const put of puts) {
    const key = cursorKey(put);
    const cursor = subscriber.cursors.get(key) as Cursor;
    cursor.offset = put.offset;
    cursor.pulledTo = put.offset;
    cursor.generation = at;
    forgetGiven(subscriber, key);
  }
  subscriber.lastSeek = attempt;
  return 'done';
}

/** What a pull has given of it is not given again, and not acknowledged by the next one. */
function forgetGiven(subscriber: Subscriber, key: string): void {
  if (subscriber.given !== null) subscriber.given = subscriber.given.filter((range) => cursorKey(range) !== key);
}

const sorted = <One extends { readonly id: string }>(all: One[]): One[] => all.sort((a, b) => (a.id < b.id ? -1 : 1));

function parseSnapshot(text: string): Snapshot | null {
  try {
    const value = JSON.parse(text) as Snapshot | null;
    return value?.version === 1 ? value : null;
  } catch {
    return null;
  }
}
