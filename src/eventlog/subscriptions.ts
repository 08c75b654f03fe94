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

export interface SubscribeRequest {
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

/** A subscription ends, its cursors with it. */
export interface UnsubscribeRequest {
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
  /** Null: of all that it is subscribed to. A topic that it is not subscribed to is refused: `notSubscribed`. */
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
  readonly freshness: Freshness;
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
  /** Topics that could not be read: the others are given. Where nothing is given and something is wrong, the pull fails with the first of these instead. */
  readonly problems: readonly PullProblem[];
  /** How sure what this pull acknowledged is: `quorum` on a majority, `leader` on its way; null: it acknowledged nothing. */
  readonly acknowledged: Level | null;
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
}

export interface AckRequest {
  readonly subscriber: string;
  readonly positions: readonly AckPosition[];
}

/** On a majority. */
export interface Acked {
  readonly subscriber: string;
  readonly cursors: readonly CursorPosition[];
}

export interface SeekRequest {
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
}

export interface CursorDescription extends CursorPosition {
  /** Given by the last numbered pull and not acknowledged: up to here. */
  readonly pulledTo: number;
  /** Null where the topic could not be asked. */
  readonly end: number | null;
  /** Offsets behind the end. */
  readonly lag: number | null;
  /** Age of the first record that is not acknowledged, by log time and the broker's wall clock; 0 with none. */
  readonly lagMs: number | null;
  /** What keeps it from being pulled, as a sentence without its full stop. */
  readonly problem: string | null;
}

export interface SubscriptionService {
  createPublisher(request: CreateRequest, answer: Answer<Created>): void;
  listPublishers(query: IdQuery, answer: Answer<PublisherPage>): void;
  describePublisher(id: string, answer: Answer<PublisherDescription>): void;
  /** `unknownPublisher` where there is none. */
  deletePublisher(id: string, answer: Answer<undefined>): void;
  publish(request: PublishRequest, answer: Answer<AppendResult>): void;
  createSubscriber(request: CreateRequest, answer: Answer<Created>): void;
  listSubscribers(query: IdQuery, answer: Answer<SubscriberPage>): void;
  /** Every call below: `unknownSubscriber` where there is none. */
  describeSubscriber(id: string, answer: Answer<SubscriberDescription>): void;
  deleteSubscriber(id: string, answer: Answer<undefined>): void;
  /** `unknownTopic` where there is no such topic (a pattern may match none). */
  subscribe(request: SubscribeRequest, answer: Answer<Subscribed>): void;
  /** `notSubscribed` where it was not. */
  unsubscribe(request: UnsubscribeRequest, answer: Answer<undefined>): void;
  pull(request: PullRequest, answer: Answer<PullResult>): void;
  ack(request: AckRequest, answer: Answer<Acked>): void;
  seek(request: SeekRequest, answer: Answer<Seeked>): void;
}

/** `SubscriptionService` with promises. Failures reject with a `LogError`. */
export interface Subscriptions {
  createPublisher(request: CreateRequest): Promise<Created>;
  listPublishers(query: IdQuery): Promise<PublisherPage>;
  describePublisher(id: string): Promise<PublisherDescription>;
  deletePublisher(id: string): Promise<undefined>;
  publish(request: PublishRequest): Promise<AppendResult>;
  createSubscriber(request: CreateRequest): Promise<Created>;
  listSubscribers(query: IdQuery): Promise<SubscriberPage>;
  describeSubscriber(id: string): Promise<SubscriberDescription>;
  deleteSubscriber(id: string): Promise<undefined>;
  subscribe(request: SubscribeRequest): Promise<Subscribed>;
  unsubscribe(request: UnsubscribeRequest): Promise<undefined>;
  pull(request: PullRequest): Promise<PullResult>;
  ack(request: AckRequest): Promise<Acked>;
  seek(request: SeekRequest): Promise<Seeked>;
}

export function withSubscriptionPromises(service: SubscriptionService): Subscriptions {
  return {
    createPublisher: (request) => promised((answer) => service.createPublisher(request, answer)),
    listPublishers: (query) => promised((answer) => service.listPublishers(query, answer)),
    describePublisher: (id) => promised((answer) => service.describePublisher(id, answer)),
    deletePublisher: (id) => promised((answer) => service.deletePublisher(id, answer)),
    publish: (request) => promised((answer) => service.publish(request, answer)),
    createSubscriber: (request) => promised((answer) => service.createSubscriber(request, answer)),
    listSubscribers: (query) => promised((answer) => service.listSubscribers(query, answer)),
    describeSubscriber: (id) => promised((answer) => service.describeSubscriber(id, answer)),
    deleteSubscriber: (id) => promised((answer) => service.deleteSubscriber(id, answer)),
    subscribe: (request) => promised((answer) => service.subscribe(request, answer)),
    unsubscribe: (request) => promised((answer) => service.unsubscribe(request, answer)),
    pull: (request) => promised((answer) => service.pull(request, answer)),
    ack: (request) => promised((answer) => service.ack(request, answer)),
    seek: (request) => promised((answer) => service.seek(request, answer)),
  };
}
