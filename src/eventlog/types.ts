/**
 * The port between everything that speaks to people and programs (gateways, client, search, page) and whatever keeps the log (design, D9).
 *
 * `LogService` is the callback form that a broker implements and the simulator drives; `EventLog` (`promises.ts`) is the same with promises for
 * code outside the machine-free rooms. Records travel as RecordBatch v2 bytes (`record/`), never as objects. Offsets are plain numbers here:
 * they come from and go to JSON.
 */
import type { LogError } from './log-error.ts';

/** What an acknowledgement waits for (design, promise 1). */
export type Level = 'leader' | 'quorum' | 'all';

/** How fresh a read must be (design, promise 3). */
export type Freshness = 'linearizable' | 'session' | 'local';

/** A batch of this length is copied at less cost than its owner would have in giving it away. */
export const keptBatchBytesMax = 16 * 1024;

export const requestIdBytesMax = 255;

export interface AppendRequest {
  readonly topic: string;
  /**
   * One RecordBatch v2 with base offset 0, valid by `validateBatch` or made by `RecordBatchBuilder`, sealed or with checksum 0. It must not change until the answer
   * came. One of up to `keptBatchBytesMax` stays as it is and may be given again; a longer one is the service's from then on.
   */
  readonly batch: Uint8Array;
  readonly level: Level;
  /** Time until the caller gives up. Spent before the leader appends: `notAppendedInTime`, definite; after: `timeout`, indefinite. */
  readonly timeoutMs: number;
  /** Makes a retry safe: a second append with the same id and sequence answers with the first one's offset. At most `requestIdBytesMax` of UTF-8. */
  readonly requestId: string | null;
  /** Position of the batch's first record in the request's own stream, 0 for a request of one batch. A gap is refused (`sequenceGap`). */
  readonly sequence: number;
  /**
   * Milliseconds since this request was first tried, left out at the first attempt. A request id that is not known any more is then refused with
   * `unknownProducer` where it may have been forgotten; without it, it is a new one.
   */
  readonly firstAttemptMs?: number;
  /** Append only if the partition's end is exactly this (compare-and-append), else `offsetMismatch`. */
  readonly expectedOffset: number | null;
}

export interface AppendResult {
  readonly topic: string;
  readonly partition: 0;
  /** Offset of the first record; the others follow without a gap. */
  readonly offset: number;
  readonly count: number;
  readonly term: number;
  readonly level: Level;
  /** Brokers known to have it on their disks when the answer was given, the leader's own counted only after its sync. */
  readonly ackedBy: readonly number[];
  /** False at level `leader`: it may be lost. */
  readonly committed: boolean;
  /** False when brokers keep their log in memory. */
  readonly durable: boolean;
  /** The answer repeats that of an earlier append with this request id. */
  readonly duplicate: boolean;
  /** Log time, milliseconds since 1970. */
  readonly timestampMs: number;
}

export interface ReadRequest {
  readonly topic: string;
  /** First offset wanted, or null with `sinceMs`. */
  readonly offsetFrom: number | null;
  /** First record whose log time is at least this. */
  readonly sinceMs: number | null;
  readonly bytesMax: number;
  readonly freshness: Freshness;
  /** With `session`: answer only once this broker's high watermark is at least this. */
  readonly sessionOffset: number;
  /** When nothing is there yet, wait this long for the first record. 0 answers at once. */
  readonly waitMs: number;
  /** Stops the waiting; the answer is then empty. */
  readonly cancel?: CancelSignal;
}

/** A cancellation that needs no machine: `cancelled` turns true once and then `onCancel` runs. */
export interface CancelSignal {
  readonly cancelled: boolean;
  onCancel: (() => void) | null;
}

export interface ReadResult {
  readonly topic: string;
  /** Where this answer begins: `offsetFrom`, or what `sinceMs` found. */
  readonly offsetFrom: number;
  /** Where to go on: passes control and revoked batches too, so it may be past the last record given. */
  readonly offsetNext: number;
  /** RecordBatch v2, placed, verified, data batches only. The first may begin below `offsetFrom`: skip those records. */
  readonly batches: readonly Uint8Array[];
  readonly highWatermark: number;
  readonly logStartOffset: number;
  /** How old that knowledge is: all that was committed so many milliseconds ago is below `highWatermark` + `lag`. 0 on a confirmed leader. */
  readonly asOfMs: number;
  /** Records below the last high watermark heard that this broker cannot show yet. */
  readonly lag: number;
}

export interface EndResult {
  readonly topic: string;
  readonly offset: number;
  readonly freshness: Freshness;
  readonly asOfMs: number;
}

export interface TopicSettings {
  /** Oldest whole segments are removed above this size, null keeps everything. */
  readonly retentionBytes: number | null;
}

export interface TopicDescription {
  readonly name: string;
  readonly group: number;
  readonly settings: TopicSettings;
  readonly createdMs: number;
  /** `log` and `cairn.events` belong to Cairn and cannot be deleted. */
  readonly builtIn: boolean;
  /** As this broker knows it. */
  readonly partition: PartitionStatus;
}

export interface PartitionStatus {
  readonly group: number;
  readonly role: 'leader' | 'follower' | 'candidate' | 'fenced';
  readonly leader: number | null;
  readonly term: number;
  readonly replicas: readonly number[];
  readonly logStartOffset: number;
  readonly highWatermark: number;
  readonly endOffset: number;
  readonly syncedOffset: number;
  readonly sizeBytes: number;
  readonly segmentCount: number;
  /** On the leader: how far each other replica is known to be. */
  readonly followers: readonly { readonly broker: number; readonly matchOffset: number }[];
  /** Why the partition is fenced, else null. */
  readonly fenced: string | null;
}

/** One broker about itself. */
export interface BrokerStatus {
  readonly id: number;
  readonly clusterId: string;
  readonly incarnation: number;
  readonly version: string;
  readonly address: string;
  readonly durable: boolean;
  readonly crashed: boolean;
  readonly startedMs: number;
  readonly catalog: PartitionStatus;
  readonly partitions: readonly ({ readonly topic: string } & PartitionStatus)[];
  readonly peers: readonly PeerStatus[];
  readonly counters: BrokerCounters;
}

export interface PeerStatus {
  readonly id: number;
  readonly address: string;
  readonly connected: boolean;
  /** Milliseconds since the last frame from it, null if never. */
  readonly lastHeardMs: number | null;
  readonly bytesQueued: number;
  /** Why there is no link to or from it, or what is wrong with its configuration, as a sentence; null when nothing is known to be. */
  readonly problem: string | null;
}

/** Since the start of the process; the metrics page shows the same numbers. */
export interface BrokerCounters {
  readonly appends: number;
  readonly appendedRecords: number;
  readonly appendedBytes: number;
  readonly refusedAppends: number;
  readonly duplicateAppends: number;
  readonly revokes: number;
  readonly diskWrites: number;
  readonly diskSyncs: number;
  readonly elections: number;
  readonly leaderChanges: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly refusedLinks: number;
  readonly loopLagMsMax: number;
  readonly syncMsP99: number;
  readonly queuedAppendBytes: number;
}

export type Outcome<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: LogError };
export type Answer<Value> = (outcome: Outcome<Value>) => void;

export interface LogService {
  append(request: AppendRequest, answer: Answer<AppendResult>): void;
  /** Poisons a request id: appended before, its records are skipped by later readers; not yet appended, it never will be. Retried until it is in the log. */
  revoke(topic: string, requestId: string, answer: Answer<undefined>): void;
  read(request: ReadRequest, answer: Answer<ReadResult>): void;
  end(topic: string, freshness: Freshness, answer: Answer<EndResult>): void;
  /** The next sequence that the leader would accept from this request id (0 when it never heard of it): where an interrupted stream resumes. */
  nextSequence(topic: string, requestId: string, answer: Answer<number>): void;
  createTopic(name: string, settings: TopicSettings, answer: Answer<TopicDescription>): void;
  deleteTopic(name: string, answer: Answer<undefined>): void;
  listTopics(answer: Answer<readonly TopicDescription[]>): void;
  describeTopic(name: string, answer: Answer<TopicDescription>): void;
  /** This broker. */
  status(answer: Answer<BrokerStatus>): void;
  /** Every configured broker; one that does not answer in time is named with `status: null` (promise 5). */
  brokers(answer: Answer<readonly { readonly id: number; readonly address: string; readonly status: BrokerStatus | null }[]>): void;
}

/** The switch of contract 2: while crashed nothing leaves the broker and everything in memory stays. */
export interface FaultSwitch {
  readonly crashed: boolean;
  crash(): void;
  recover(): void;
}
