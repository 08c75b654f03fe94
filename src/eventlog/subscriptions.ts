/**
 * Publishers and subscribers at the port. `SubscriptionService` is the callback form (a broker, the memory twin), `Subscriptions` the same with promises, as
 * `LogService` and `EventLog` are. A subscriber's cursor in a partition is the end of what it has acknowledged.
 */
import type { ErrorCode } from '../base/errors.ts';
import { promised } from './promises.ts';
import type { Answer } from './services.ts';
import type { AppendRequest, AppendResult, CancelSignal, Freshness, Level } from './types.ts';

/** Of a publisher or a subscriber: bytes of UTF-8. */
export const clientIdBytesMax = 255;

/** Positions that a pull goes on behind. */
export const afterMax = 10_000;

/** A worker is taken for dead so long after its last pull or heartbeat, unless it says another time. */
export const sessionMsDefault = 30_000;
export const sessionMsMin = 1000;
export const sessionMsMax = 3_600_000;
/** Of one subscriber. */
export const workersMax = 256;
/** Of one that does not pull from all. */
export const workerTopicsMax = 100;

/** Of a failed record: characters of the reason that is kept, and records of one negative acknowledgement. */
export const reasonLengthMax = 200;
export const nackedMax = 1000;

/** Of what is said beside an acknowledged place, in UTF-8. */
export const metadataBytesMax = 4096;

/** Parked records of one request. */
export const parkedIdsMax = 1000;

export const clientIdRule = `an id is 1-${clientIdBytesMax} bytes of UTF-8 without control characters`;

/** Where a cursor begins, or is put. `time`: the first record whose log time is at least `ms`. */
export type StartAt =
  | { readonly at: 'beginning' }
  | { readonly at: 'end' }
  | { readonly at: 'offset'; readonly offset: number }
  | { readonly at: 'time'; readonly ms: number };

/** A publisher or a subscriber is made. Repeated with the same request id it answers as it did the first time. */
export interface CreateRequest {
  readonly id: string;
  /** Tells a retry from somebody else who wants the same id; null: each call is one of its own. */
  readonly requestId: string | null;
}

export interface Created {
  readonly id: string;
  /** False: it was there already, and nothing has changed. (Not an error.) */
  readonly created: boolean;
  readonly createdMs: number;
}

export interface IdQuery {
  readonly prefix: string;
  readonly after: string;
  /** At most `topicPageMax`. */
  readonly limit: number;
}

export interface PublisherDescription {
  readonly id: string;
  readonly createdMs: number;
}

export interface PublisherPage {
  readonly publishers: readonly PublisherDescription[];
  readonly next: string | null;
}

export interface SubscriberSummary {
  readonly id: string;
  readonly createdMs: number;
  /** Log time of the last numbered pull, acknowledgement, subscribe or seek. */
  readonly usedMs: number;
  readonly subscriptions: number;
}

export interface SubscriberPage {
  readonly subscribers: readonly SubscriberSummary[];
  readonly next: string | null;
}

/** An append by a publisher that exists (`unknownPublisher` where it does not). The gateway of the old wire appends plainly: there any id may publish. */
export interface PublishRequest extends AppendRequest {
  readonly publisher: string;
}

/** Of a request that is done once, however often it is tried: an attempt that comes late, when others have undone it since, changes nothing. */
interface DoneOnce {
  /** The same for all its attempts; each is a request of its own where it is left out. */
  readonly requestId?: string;
}

export interface SubscribeRequest extends DoneOnce {
  readonly subscriber: string;
  /** A topic's name, or with `*` a pattern: `*` stands for any characters, none too. */
  readonly topic: string;
  readonly start: StartAt;
}

export interface Subscribed {
  readonly subscriber: string;
  readonly topic: string;
  /** False: it was subscribed already; nothing has changed, and no cursor moved, whatever `start` says. */
  readonly created: boolean;
  readonly cursors: readonly CursorPosition[];
}

export interface CursorPosition {
  readonly topic: string;
  readonly partition: number;
  /** All below it is acknowledged. */
  readonly offset: number;
  /** Grows whenever the cursor is moved by anything but an acknowledgement. */
  readonly generation: number;
}

export interface CommittedPosition extends CursorPosition {
  /** What was said beside the place when it was acknowledged; null: nothing, or the cursor has moved since. */
  readonly metadata: string | null;
}

/** A subscription ends, its cursors with it. */
export interface UnsubscribeRequest extends DoneOnce {
  readonly subscriber: string;
  readonly topic: string;
}

/**
 * `automatic`: pull n + 1 acknowledges what pull n gave; it must bear a number, and the same number again gives the same records and acknowledges nothing.
 * `explicit`: nothing is acknowledged but what is said so (`acknowledge`, or `ack`). Without a number it gives what is behind the acknowledged end, again and
 * again until that moves; with numbers, pull n + 1 gives what is behind pull n.
 * `atMostOnce`: acknowledged as it is given, for the old wire of contract 3 only: an answer that is lost takes its records with it.
 */
export type PullMode = 'automatic' | 'explicit' | 'atMostOnce';

export interface PullRequest {
  readonly subscriber: string;
  /**
   * Null: of all that it is subscribed to. A topic that it is not subscribed to is refused: `notSubscribed`. A worker holds partitions of these alone from then
   * on, unless nobody pulls from the others; it names at most `workerTopicsMax`.
   */
  readonly topics: readonly string[] | null;
  readonly mode: PullMode;
  /**
   * One more than the last numbered pull that gave something (`PullResult.nextNumber`, `SubscriberDescription.lastPull`; 1 for the first), or that one again; any
   * other is `pullOutOfOrder`. Null only where the mode allows.
   */
  readonly number: number | null;
  /** With mode `explicit`, acknowledged on the way. The answer does not wait until it is on a majority: `acknowledged` tells. */
  readonly acknowledge: readonly AckPosition[];
  /** With mode `explicit` and no number: goes on behind these (at most `afterMax`), of whose generation the cursors still are, and acknowledges nothing. */
  readonly after?: readonly AckPosition[];
  /** At least one record is given where there is one. */
  readonly recordsMax: number;
  readonly bytesMax: number;
  /** When nothing is new, wait so long for the first record. */
  readonly waitMs: number;
  /** Where nothing is given and something is wrong, the others are waited for all the same, and the answer says what is wrong (`problems`). */
  readonly partial?: boolean;
  /** How topics are read; cursors are linearizable always. */
  readonly freshness: Freshness;
  /** With freshness `session`, and only then: of these partitions all below the offset is seen, as of what the caller has published itself; the others as `local`. */
  readonly session?: readonly AckPosition[];
  /** Which of the workers that share the subscriber asks: it is given what it holds alone. Null or left out: the implicit one. */
  readonly worker?: string | null;
  /** Its session time from now on; left out: as it was, `sessionMsDefault` at first. */
  readonly sessionMs?: number;
  /** With mode `explicit`, without a number, a worker and anything acknowledged: what is new, whoever holds it. It joins nothing. */
  readonly peek?: boolean;
  readonly cancel?: CancelSignal;
}

export interface PullResult {
  readonly subscriber: string;
  readonly number: number | null;
  /** For the next pull: an answer without records does not use its number up. Null without numbers. */
  readonly nextNumber: number | null;
  /** The answer to this number, given before. */
  readonly repeated: boolean;
  /** Partitions with something new; empty: nothing is. */
  readonly parts: readonly PulledPart[];
  /** Topics that could not be read: the others are given. Where nothing is given and something is wrong, the pull fails with the first of these instead, unless it is `partial`. */
  readonly problems: readonly PullProblem[];
  /** How sure what this pull acknowledged is: `quorum` on a majority, `leader` on its way; null: it acknowledged nothing. */
  readonly acknowledged: Level | null;
  /** What the worker that asked holds; null where nobody shares the subscriber. */
  readonly share: Share | null;
}

/** How a subscriber is divided, as one of its workers sees it. */
export interface Share {
  /** Null: the implicit one. */
  readonly worker: string | null;
  readonly epoch: number;
  readonly sessionMs: number;
  /** Partitions that it holds; 0: it stands by for the others. */
  readonly holds: number;
  /** Of those, so many are asked back: nothing more is given of them. */
  readonly askedBack: number;
  readonly workers: number;
  readonly partitions: number;
}

export interface PulledPart {
  readonly topic: string;
  readonly partition: number;
  readonly generation: number;
  /** [offsetFrom, offsetTo): records of `batches` outside of it are to be skipped. It may hold no record at all (control batches, revoked ones). */
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly batches: readonly Uint8Array[];
  readonly highWatermark: number;
  /** Of one record that comes again: how often its processing has failed. Whoever acknowledges it says so (`AckPosition.tries`), or says that it has failed again. */
  readonly tries?: number;
}

export interface PullProblem {
  readonly topic: string;
  readonly partition: number;
  /** `cursorOutOfRange`, `unknownTopic` (deleted, or deleted and made again under its name), or what a read can fail with. */
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

export interface AckPosition {
  readonly topic: string;
  readonly partition?: number;
  /** Everything below it is acknowledged: one above the last record processed. Below the cursor it changes nothing; beyond the end it is `offsetOutOfRange`. */
  readonly offset: number;
  /** Where given, another than the cursor's is refused: `staleGeneration`. */
  readonly generation?: number;
  /** Only the record below `offset` is meant, one that came again: as its part said. Where it has failed again since, or was acknowledged, nothing changes. */
  readonly tries?: number;
}

/** What is kept beside the place belongs to it: it goes when the cursor moves. */
export interface PositionToAck extends AckPosition {
  /** At most `metadataBytesMax`; `''` takes away what is there, left out it stays as long as the cursor does. Not with `tries`. */
  readonly metadata?: string;
}

/** A record whose processing has failed. */
export interface NackRecord {
  readonly topic: string;
  readonly partition?: number;
  /** Its own. Where it comes for the first time all below is acknowledged. */
  readonly offset: number;
  readonly generation?: number;
  /** As its part said; 0, or left out, where it comes for the first time. */
  readonly tries?: number;
  /** Of which `reasonLengthMax` characters are kept. */
  readonly reason?: string;
}

/** Negative acknowledgement: these come again, after a wait that grows, and are parked where they fail too often. */
export interface NackRequest extends DoneOnce {
  readonly subscriber: string;
  /** At most `nackedMax`. */
  readonly records: readonly NackRecord[];
  /** Nothing else of their partitions is given until they are acknowledged or parked; what was given behind them comes again. */
  readonly ordered?: boolean;
}

/** On a majority. */
export interface Nacked {
  readonly subscriber: string;
  readonly records: readonly NackedRecord[];
}

export interface NackedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** `waits`: it comes again; `parks`: it has failed too often, and is parked or about to be; `done`: it was acknowledged, or is parked no more. */
  readonly state: 'waits' | 'parks' | 'done';
  /** How often it has failed; 0 where it is done. */
  readonly tries: number;
  /** When it comes again, by log time; null where it does not. */
  readonly dueMs: number | null;
}

export interface ParkedQuery {
  readonly subscriber: string;
  /** Only those of this topic; null: all. */
  readonly topic: string | null;
  /** Those with higher ids; -1 from the first on. */
  readonly after: number;
  /** At most `topicPageMax`. */
  readonly limit: number;
}

/** A record that has failed too often, with its place and why. */
export interface ParkedDescription {
  /** Offset of its copy in its partition of `cairn/parked`. */
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly tries: number;
  readonly parkedMs: number;
  readonly reason: string;
}

export interface ParkedPage {
  readonly parked: readonly ParkedDescription[];
  /** All that the query means, on other pages too. */
  readonly count: number;
  readonly next: number | null;
}

export interface ParkedRequest {
  readonly subscriber: string;
  readonly id: number;
}

/** With the record itself, at its place, in one part; with none where it was gone from its topic before it was parked. */
export interface ParkedRecord extends ParkedDescription {
  readonly parts: readonly PulledPart[];
}

/** `replay`: they come again, as if they had failed once; `drop`: they are forgotten. Nothing but what is named. */
export interface ParkedChange extends DoneOnce {
  readonly subscriber: string;
  readonly does: 'replay' | 'drop';
  /** At most `parkedIdsMax`. */
  readonly ids: readonly number[];
}

export interface ParkedChanged {
  readonly subscriber: string;
  /** How many of those that were named are parked no more. */
  readonly count: number;
  /** What stays parked, and why. */
  readonly left: readonly { readonly id: number; readonly reason: ParkedLeft }[];
}

/** `notSubscribed` to its topic any more; `comesAnyway`: the cursor stands below it, or it is in retry; `tooManyRetries` are there already. */
export type ParkedLeft = 'notSubscribed' | 'comesAnyway' | 'tooManyRetries';

export interface AckRequest {
  readonly subscriber: string;
  readonly positions: readonly PositionToAck[];
  /** Leaves out those of a generation of before, in place of refusing all: the answer says where each cursor stands, in which generation. */
  readonly each?: boolean;
}

/** On a majority. */
export interface Acked {
  readonly subscriber: string;
  readonly cursors: readonly CommittedPosition[];
}

/** A worker is alive, and joins where it is none yet. */
export interface HeartbeatRequest {
  readonly subscriber: string;
  readonly worker: string;
  /** Only while it is still that one: `unknownWorker` where it has been taken for dead since. */
  readonly epoch?: number;
  /** Its session time from now on, for a handler that takes long. */
  readonly sessionMs?: number;
  /** As of a pull; left out: as they were, all at first. */
  readonly topics?: readonly string[] | null;
}

export interface WorkerState extends Share {
  readonly subscriber: string;
  /** Number of the last numbered pull that gave something, or its epoch: the next has one more. */
  readonly lastPull: number;
  /** At most `topicPageMax`. */
  readonly cursors: readonly HeldCursor[];
}

export interface HeldCursor extends CommittedPosition {
  readonly isAskedBack: boolean;
}

/** What it holds goes to the others at once. */
export interface LeaveRequest extends DoneOnce {
  readonly subscriber: string;
  readonly worker: string;
  /** Which one of that name: what comes late does not end the next. */
  readonly epoch: number;
}

export interface SeekRequest extends DoneOnce {
  readonly subscriber: string;
  readonly topic: string;
  /** Null: all of them. */
  readonly partition: number | null;
  readonly to: StartAt;
  /** Says what it would do, and does nothing. */
  readonly preview: boolean;
  /** Where given, and a cursor's is another one, nothing is moved: `staleGeneration`. */
  readonly generation?: number;
}

export interface Seeked {
  readonly subscriber: string;
  readonly isDone: boolean;
  readonly moves: readonly CursorMove[];
}

export interface CursorMove extends CursorPosition {
  /** Where it stands, or stood; `offset` is where it goes. */
  readonly from: number;
  /** Below 0: so many offsets are pulled again; above: so many are passed over. */
  readonly distance: number;
}

export interface SubscriberDescription {
  readonly id: string;
  readonly createdMs: number;
  readonly usedMs: number;
  /** Number of the last numbered pull; 0: none yet. */
  readonly lastPull: number;
  /** The group that keeps it, and who leads that. */
  readonly group: number;
  readonly coordinator: number | null;
  readonly subscriptions: readonly { readonly topic: string; readonly isPattern: boolean; readonly createdMs: number }[];
  /** At most `topicPageMax`, by topic and partition. */
  readonly cursors: readonly CursorDescription[];
  readonly cursorCount: number;
  /** Those that share it, as they have come; none: nobody but the implicit one, which holds all. */
  readonly workers: readonly WorkerDescription[];
  /** The last times that something was taken from a worker. */
  readonly fencings: readonly FencingDescription[];
  /** Records that have failed too often. */
  readonly parked: number;
}

export interface WorkerDescription {
  /** Null: the implicit one. */
  readonly worker: string | null;
  readonly epoch: number;
  readonly joinedMs: number;
  /** Those that it pulls from; null: all. */
  readonly topics: readonly string[] | null;
  /** Log time of its last pull or heartbeat that is in the log; of those that follow only some are. */
  readonly heardMs: number;
  readonly sessionMs: number;
  readonly lastPull: number;
  readonly holds: number;
}

export interface FencingDescription {
  readonly worker: string | null;
  readonly epoch: number;
  readonly atMs: number;
  /** `silent` for its session time, so that it was taken for dead; `slow`: so long it did not let go of what it was asked for. */
  readonly reason: 'silent' | 'slow';
  readonly cursors: number;
}

export interface CursorDescription extends CommittedPosition {
  /** Who holds it; null where nobody shares the subscriber. */
  readonly held: CursorHolder | null;
  /** Given by the last numbered pull and not acknowledged: up to here. */
  readonly pulledTo: number;
  /** Null where the topic could not be asked. */
  readonly end: number | null;
  /** Offsets behind the end. */
  readonly lag: number | null;
  /** Age of the first record that is not acknowledged, by log time and the broker's wall clock; 0 with none. */
  readonly lagMs: number | null;
  /** Its topic is kept until all subscribers have read it, and this one has not: so much is kept for it, unless a bound of the topic wins. */
  readonly holdsBack: boolean;
  /** Records below it that have failed and come again. */
  readonly retries: number;
  /** What keeps it from being pulled, as a sentence without its full stop. */
  readonly problem: string | null;
}

export interface CursorHolder {
  /** Null: the implicit one. */
  readonly worker: string | null;
  readonly sinceMs: number;
  /** It is asked for it, for another one. */
  readonly askedBack: { readonly for: string | null; readonly sinceMs: number } | null;
}

export interface SubscriptionService {
  createPublisher(request: CreateRequest, answer: Answer<Created>): void;
  listPublishers(query: IdQuery, answer: Answer<PublisherPage>): void;
  describePublisher(id: string, answer: Answer<PublisherDescription>): void;
  /** `unknownPublisher` where there is none. `requestId` as in `SeekRequest`, here and below. */
  deletePublisher(id: string, answer: Answer<undefined>, requestId?: string): void;
  publish(request: PublishRequest, answer: Answer<AppendResult>): void;
  createSubscriber(request: CreateRequest, answer: Answer<Created>): void;
  listSubscribers(query: IdQuery, answer: Answer<SubscriberPage>): void;
  /** Every call below: `unknownSubscriber` where there is none. */
  describeSubscriber(id: string, answer: Answer<SubscriberDescription>): void;
  deleteSubscriber(id: string, answer: Answer<undefined>, requestId?: string): void;
  /** `unknownTopic` where there is no such topic (a pattern may match none). */
  subscribe(request: SubscribeRequest, answer: Answer<Subscribed>): void;
  /** `notSubscribed` where it was not. */
  unsubscribe(request: UnsubscribeRequest, answer: Answer<undefined>): void;
  pull(request: PullRequest, answer: Answer<PullResult>): void;
  ack(request: AckRequest, answer: Answer<Acked>): void;
  nack(request: NackRequest, answer: Answer<Nacked>): void;
  listParked(query: ParkedQuery, answer: Answer<ParkedPage>): void;
  /** `notParked` where there is none. */
  showParked(request: ParkedRequest, answer: Answer<ParkedRecord>): void;
  changeParked(request: ParkedChange, answer: Answer<ParkedChanged>): void;
  seek(request: SeekRequest, answer: Answer<Seeked>): void;
  heartbeat(request: HeartbeatRequest, answer: Answer<WorkerState>): void;
  /** `unknownWorker` where there is none. */
  leave(request: LeaveRequest, answer: Answer<undefined>): void;
}

/** `SubscriptionService` with promises. Failures reject with a `LogError`. */
export interface Subscriptions {
  createPublisher(request: CreateRequest): Promise<Created>;
  listPublishers(query: IdQuery): Promise<PublisherPage>;
  describePublisher(id: string): Promise<PublisherDescription>;
  deletePublisher(id: string, requestId?: string): Promise<undefined>;
  publish(request: PublishRequest): Promise<AppendResult>;
  createSubscriber(request: CreateRequest): Promise<Created>;
  listSubscribers(query: IdQuery): Promise<SubscriberPage>;
  describeSubscriber(id: string): Promise<SubscriberDescription>;
  deleteSubscriber(id: string, requestId?: string): Promise<undefined>;
  subscribe(request: SubscribeRequest): Promise<Subscribed>;
  unsubscribe(request: UnsubscribeRequest): Promise<undefined>;
  pull(request: PullRequest): Promise<PullResult>;
  ack(request: AckRequest): Promise<Acked>;
  nack(request: NackRequest): Promise<Nacked>;
  listParked(query: ParkedQuery): Promise<ParkedPage>;
  showParked(request: ParkedRequest): Promise<ParkedRecord>;
  changeParked(request: ParkedChange): Promise<ParkedChanged>;
  seek(request: SeekRequest): Promise<Seeked>;
  heartbeat(request: HeartbeatRequest): Promise<WorkerState>;
  leave(request: LeaveRequest): Promise<undefined>;
}

export function withSubscriptionPromises(service: SubscriptionService): Subscriptions {
  return {
    createPublisher: (request) => promised((answer) => service.createPublisher(request, answer)),
    listPublishers: (query) => promised((answer) => service.listPublishers(query, answer)),
    describePublisher: (id) => promised((answer) => service.describePublisher(id, answer)),
    deletePublisher: (id, requestId) => promised((answer) => service.deletePublisher(id, answer, requestId)),
    publish: (request) => promised((answer) => service.publish(request, answer)),
    createSubscriber: (request) => promised((answer) => service.createSubscriber(request, answer)),
    listSubscribers: (query) => promised((answer) => service.listSubscribers(query, answer)),
    describeSubscriber: (id) => promised((answer) => service.describeSubscriber(id, answer)),
    deleteSubscriber: (id, requestId) => promised((answer) => service.deleteSubscriber(id, answer, requestId)),
    subscribe: (request) => promised((answer) => service.subscribe(request, answer)),
    unsubscribe: (request) => promised((answer) => service.unsubscribe(request, answer)),
    pull: (request) => promised((answer) => service.pull(request, answer)),
    ack: (request) => promised((answer) => service.ack(request, answer)),
    nack: (request) => promised((answer) => service.nack(request, answer)),
    listParked: (query) => promised((answer) => service.listParked(query, answer)),
    showParked: (request) => promised((answer) => service.showParked(request, answer)),
    changeParked: (request) => promised((answer) => service.changeParked(request, answer)),
    seek: (request) => promised((answer) => service.seek(request, answer)),
    heartbeat: (request) => promised((answer) => service.heartbeat(request, answer)),
    leave: (request) => promised((answer) => service.leave(request, answer)),
  };
}
