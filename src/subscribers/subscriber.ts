/** What is kept of one subscriber: its subscriptions, its cursors, and the workers that share it. */
import type { GivenRange, PartitionOf } from './commands.ts';

/** What a cursor's holder is asked for: whom it is to go to, and since when. */
interface AskedBack {
  readonly worker: string;
  readonly sinceMs: number;
}

/** Which worker has a cursor. */
export interface Held {
  readonly worker: string;
  readonly sinceMs: number;
  next: AskedBack | null;
}

export interface Cursor extends PartitionOf {
  readonly topic: string;
  offset: number;
  pulledTo: number;
  generation: number;
  /** Null while there are no workers: it is the implicit one's, which has joined nothing. */
  held: Held | null;
  /** What was said beside its offset when that was acknowledged; null: nothing. */
  metadata: string | null;
  /** By offset, in the order in which they came to be; null where there are none. */
  retries: Map<number, Retry> | null;
}

/** A record whose processing has failed, and that is given again: one below its cursor's offset. */
export interface Retry {
  readonly offset: number;
  /** Offset of the command that put it here, which tells two times apart that the same record has failed. */
  readonly since: number;
  /** Of its copy, where it was parked before; null: it comes from its own topic. */
  readonly parkedAt: number | null;
  /** How often its processing has failed. */
  tries: number;
  /** Why, in the words of whoever said so. */
  reason: string;
  /** Log time of the last time, and how long it is to wait from then on. */
  failedMs: number;
  waitMs: number;
  /** It has failed too often: it is given no more. */
  isToBeParked: boolean;
  /** Nothing else of its partition is given meanwhile. */
  isOrdered: boolean;
  /** A numbered pull has given it, and it is neither acknowledged nor has failed since. */
  isGiven: boolean;
}

/** A record that has failed too often. */
export interface Parked extends PartitionOf {
  /** Offset of its copy in the topic of parked records. */
  readonly id: number;
  readonly topic: string;
  readonly offset: number;
  readonly tries: number;
  readonly reason: string;
  readonly parkedMs: number;
}

export interface Subscription {
  readonly topic: string;
  /** Null for a pattern. */
  readonly topicId: number | null;
  readonly createdMs: number;
}

/** Whoever pulls by numbers. */
export interface Puller {
  /** Number of the last pull that gave something. */
  lastPull: number;
  /** What it gave; null once another has come. */
  given: readonly GivenRange[] | null;
}

/** One of those that share a subscriber. */
export interface Worker extends Puller {
  /** `implicitWorker` for the one whose pulls bear no name: its numbers are the subscriber's. */
  readonly name: string;
  /** Offset of the command that took it in; its pulls are numbered from there on. */
  readonly epoch: number;
  readonly joinedMs: number;
  /** Its last sign of life that is in the log: offset, and log time. */
  heardAt: number;
  heardMs: number;
  sessionMs: number;
  /** Those that it pulls from, sorted; null: all. */
  topics: readonly string[] | null;
}

/** Something was taken from a worker. */
export interface Fencing {
  readonly worker: string;
  readonly epoch: number;
  readonly atMs: number;
  /** `silent`: nothing was heard of it for its session time; `slow`: for so long it did not let go of what it was asked for. */
  readonly reason: 'silent' | 'slow';
  readonly cursors: number;
}

/** What a seek did. */
export interface DoneSeek {
  readonly attempt: string | null;
  /** Of its cursors since, until they are moved again. */
  readonly generation: number;
  readonly puts: readonly { readonly partition: number; readonly from: number; readonly offset: number }[];
}

export interface Subscriber extends Puller {
  readonly id: string;
  /** Offset of the command that made it. */
  readonly made: number;
  readonly nonce: string;
  readonly createdMs: number;
  /** Log time of the last command about it. */
  usedMs: number;
  /** What the last seek did. */
  lastSeek: DoneSeek | null;
  readonly subscriptions: Map<string, Subscription>;
  /** By `cursorKey`. */
  readonly cursors: Map<string, Cursor>;
  /** By name, in the order in which they have come; none where nobody shares it. */
  readonly workers: Map<string, Worker>;
  /** The last ones. */
  fencings: readonly Fencing[];
  /** By id. */
  readonly parked: Map<number, Parked>;
}

/** No worker can give itself this name. */
export const implicitWorker = '';

export const cursorKey = ({ topicId, partition }: PartitionOf): string => `${topicId}/${partition}`;

/** Undefined where there is no such worker. */
export const pullerOf = (subscriber: Subscriber, worker: string): Puller | undefined =>
  worker === implicitWorker ? subscriber : subscriber.workers.get(worker);

export const holderOf = ({ held }: Cursor): string => held?.worker ?? implicitWorker;

/** Of what workers pull from, each sorted; null: all. */
export const areSame = (some: readonly string[] | null, others: readonly string[] | null): boolean =>
  some === null || others === null
    ? some === others
    : some.length === others.length && some.every((topic, index) => topic === others[index]);
