import { type Task, wait } from '../base/task.ts';
import type { Answer, LogError, Outcome, PullProblem, RecordService } from '../eventlog/index.ts';
import type { Bytes, Clock } from '../host/index.ts';
import type { SubscriberCommand, SubscriberOutcome } from './commands.ts';
import { type CursorFinder, finderOf } from './cursors.ts';
import { refused } from './refusals.ts';
import type { SubscriberState } from './state.ts';
import type { Cursor, Subscriber } from './subscriber.ts';
import { type KnownTopic, TopicReads, type Wanted } from './topic-reads.ts';

/** Most of each kind in one group; `cursors` of one subscriber, `groupCursors` of all together. */
export interface SubscriberLimits {
  readonly publishers: number;
  readonly subscribers: number;
  readonly subscriptions: number;
  readonly cursors: number;
  readonly groupCursors: number;
  /** In retry: of one partition, and of all together. */
  readonly retries: number;
  readonly groupRetries: number;
  /** Of one subscriber, and of all together. */
  readonly parked: number;
  readonly groupParked: number;
  /** Bytes of what is kept beside acknowledged places, of all together. */
  readonly groupMetadata: number;
}

/** When what has failed comes again, and how often. */
export interface RetrySchedule {
  /** After the first failure; twice as long after each further one, at most `waitMsMax`. */
  readonly waitMs: number;
  readonly waitMsMax: number;
  /** At so many failures it is parked. */
  readonly triesMax: number;
}

/** The topic of parked records, as far as one group has to do with it. */
export interface ParkedLog {
  /** The partition that copies go to; null where retention has nothing to do with it. */
  readonly place: { readonly topic: string; readonly partition: number } | null;
  /** Appends a batch of one record, and comes back with its offset: the same for each attempt under one request id. */
  append(batch: Uint8Array, requestId: string, done: Answer<number>): void;
  /** Batches from the one on that has the offset. */
  read(offset: number, done: Answer<readonly Uint8Array[]>): void;
}

export interface CoordinatorContext {
  readonly state: SubscriberState;
  readonly clock: Clock;
  readonly log: RecordService;
  readonly bytes: Bytes;
  readonly limits: SubscriberLimits;
  readonly retrying: RetrySchedule;
  readonly parkedLog: ParkedLog;
  /** Of the group, and who leads it: for descriptions. */
  readonly group: number;
  readonly self: number;
  /** Puts a command into the group's log; comes back with what it did, once it is on a majority and has taken effect here. */
  submit(command: SubscriberCommand, done: Answer<SubscriberOutcome>): void;
  /** Comes back once everything that was committed when this was called has taken effect here, where this is still who leads; else with why not. */
  confirm(done: (refusal: LogError | null) => void): void;
  /** Undefined where no such topic is known here. */
  topic(name: string): KnownTopic | undefined;
  /** All of them; another number where they have changed since. */
  topics(): Iterable<KnownTopic>;
  topicsVersion(): number;
  /** Comes back once all topics are known that were there when this was called, with false where that could not be had. */
  whenTopicsKnown(done: (isCurrent: boolean) => void): void;
  /** Of whoever leads the group: another one where it was led by others since. */
  term(): number;
  /** Not to be had by guessing; differs for every call. */
  nonce(): string;
}

/** So many tries at a change that others keep making at the same moment. */
export const triesMax = 16;
/** Partitions that are looked at beside one another. */
export const atOnce = 16;

/** The group as whoever leads it sees it: what all that is asked of it stands on. */
export class Group {
  readonly context: CoordinatorContext;
  readonly reads: TopicReads;

  constructor(context: CoordinatorContext) {
    this.context = context;
    this.reads = new TopicReads(context.log, context.clock);
  }

  subscriber(id: string): Subscriber | undefined {
    return this.context.state.subscriber(id);
  }

  /** The subscriber as all that was committed before has left it. */
  *current(doing: string, id: string): Task<Outcome<Subscriber>> {
    const refusal = yield* wait<LogError | null>((done) => this.context.confirm(done));
    if (refusal !== null) return { ok: false, error: refusal };
    const subscriber = this.context.state.subscriber(id);
    return subscriber === undefined ? refused(doing, 'unknownSubscriber') : { ok: true, value: subscriber };
  }

  submit(command: SubscriberCommand): Task<Outcome<SubscriberOutcome>> {
    return wait((done) => this.context.submit(command, done));
  }

  /** With false where that could not be had: what is not known here may be there then. */
  whenTopicsKnown(): Task<boolean> {
    return wait((done) => this.context.whenTopicsKnown(done));
  }

  isKnown(cursor: Cursor): boolean {
    return this.context.topic(cursor.topic)?.id === cursor.topicId;
  }

  /** Whether what is not known here is not there: only who knows all topics can tell. */
  *areKnown(cursors: readonly Cursor[]): Task<boolean> {
    return cursors.every((cursor) => this.isKnown(cursor)) || (yield* this.whenTopicsKnown());
  }

  /** Of a subscriber as it is now. */
  finderOf(subscriber: Subscriber): CursorFinder {
    return finderOf(subscriber, (name) => this.context.topic(name));
  }

  knownAs(name: string, id: number | null): KnownTopic | undefined {
    const known = this.context.topic(name);
    return id !== null && known?.id === id ? known : undefined;
  }

  /** A topic that has the name of one that is gone is not read in its place. */
  wanted(cursor: Cursor, offsetFrom: number): Wanted | PullProblem {
    const { topic, topicId, partition, generation } = cursor;
    const known = this.context.topic(topic);
    const group = known?.id === topicId ? known.groups[partition] : undefined;
    if (group !== undefined) return { topic, topicId, partition, group, generation, offsetFrom };
    const isAnother = known !== undefined && known.id !== topicId;
    const reason = isAnother ? 'was deleted, and another topic has its name: subscribe to that' : 'was deleted, or is not known here yet';
    return { topic, partition, code: 'unknownTopic', message: `topic "${topic}" ${reason}`, details: {} };
  }
}
