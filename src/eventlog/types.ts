/**
 * What is asked and answered at the port (`services.ts`, `promises.ts`). Records travel as RecordBatch v2 bytes (`record/`), never as objects. Offsets are
 * plain numbers here: they come from and go to JSON.
 */

import type { TraceContext } from '../base/trace-context.ts';
import type { RecordQuery } from '../query/index.ts';

/** What an acknowledgement waits for (design, promise 1). */
export type Level = 'leader' | 'quorum' | 'all';

/** How fresh a read must be (design, promise 3). */
export type Freshness = 'linearizable' | 'session' | 'local';

/** A batch of this length is copied at less cost than its owner would have in giving it away. */
export const keptBatchBytesMax = 16 * 1024;

export const requestIdBytesMax = 255;

/** Of a cluster. */
export const brokersMax = 16;

/** Of a topic. */
export const partitionsMax = 256;

/** Whose records are meant. */
export interface RecordsOf {
  readonly topic: string;
  /** From 0. Left out, the only one; of a topic that has several, one must be named (`partitionNeeded`). */
  readonly partition?: number;
}

export interface AppendRequest extends RecordsOf {
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
  /** More batches follow under this request id: it is not pushed out by others from its first one on. Left out, from its second one on. */
  readonly isSession?: boolean;
  /**
   * Milliseconds since this request was first tried, left out at the first attempt. A request id that is not known any more is then refused with
   * `unknownProducer` where it may have been forgotten; without it, it is a new one.
   */
  readonly firstAttemptMs?: number;
  /** Append only if the partition's end is exactly this (compare-and-append), else `offsetMismatch`. */
  readonly expectedOffset: number | null;
  /**
   * Appended when the log time of the partition is this, or later, in milliseconds since 1970, at most `scheduledAheadMsMax` ahead; until then it waits elsewhere,
   * and the answer has `scheduled` in place of an offset. Never with an expected offset, at level `leader`, or of more than `scheduledBytesMax`.
   */
  readonly deliverAtMs?: number;
  /** The answer is to say by way of whom the request came to the leader. */
  readonly tellHops?: boolean;
  /** What becomes of it is recorded as part of this span; left out where it is not traced. */
  readonly trace?: TraceContext;
}

/** The brokers that a request passed, the one that was asked first, the one that answered last. */
export interface HopList {
  readonly brokers: readonly number[];
  /** No edges of the cube led on somewhere, and a direct link stood in for them. */
  readonly isDirect: boolean;
}

export interface AppendResult {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first record; the others follow without a gap. -1 of what is `scheduled`: it has none yet. */
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
  /** Over HTTP, of records that fell into several partitions: each of them, of which this is the first. */
  readonly parts?: readonly AppendResult[];
  /** Where it was asked for. */
  readonly hops?: HopList;
  /** What was given to be appended later; level, brokers and all else are of where it waits. */
  readonly scheduled?: Scheduled;
}

export interface Scheduled {
  /** By which it is cancelled. */
  readonly id: string;
  readonly deliverAtMs: number;
}

export interface ReadRequest extends RecordsOf {
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
  /** Over HTTP, the answer is to say `times`, which it does by itself elsewhere. */
  readonly tellTimes?: boolean;
  /** What an earlier answer said: where another topic has the name by now, that one is not read on in its place (`unknownTopic`). */
  readonly group?: number;
  /** The answer is to say by way of whom the request came to the broker that read. */
  readonly tellHops?: boolean;
  /** As of an append. */
  readonly trace?: TraceContext;
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
  /** Log time of each batch, ms since 1970; left out where the answer came over HTTP and it was not asked for (`tellTimes`). */
  readonly times?: readonly number[];
  /** Of an answer over HTTP to a read by time that begins where log time is ahead of the broker's clock: by so much. It holds all that came since then. */
  readonly timesAheadMs?: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
  /** How old that knowledge is: all that was committed so many milliseconds ago is below `highWatermark` + `lag`. 0 on a confirmed leader. */
  readonly asOfMs: number;
  /** Records below the last high watermark heard that this broker cannot show yet. */
  readonly lag: number;
  /** Whose records they are: a topic that is deleted and made again has another one. Left out where the answer came over HTTP. */
  readonly group?: number;
  /** Where it was asked for. */
  readonly hops?: HopList;
}

/** A search of what is committed, made where the records are. */
export interface ScanRequest extends RecordsOf {
  /** First offset wanted; null from the start of the log. What is below the log start is told as a gap. */
  readonly offsetFrom: number | null;
  /** End of what is wanted; null up to the high watermark, and never beyond it. */
  readonly offsetTo: number | null;
  /** From the first record whose log time is at least this; null without a bound. */
  readonly sinceMs: number | null;
  /** Up to, and without, the first record whose log time is at least this; null without a bound. */
  readonly untilMs: number | null;
  readonly query: RecordQuery;
  readonly freshness: Freshness;
  /** With `session`: only once this broker's high watermark is at least this. */
  readonly sessionOffset: number;
  /** When it is spent the search ends with what it has found, marked as partial. */
  readonly timeoutMs: number;
  readonly cancel?: CancelSignal;
}

/** Lines as `query` asks for them, whole ones. */
export interface ScanChunk {
  readonly bytes: Uint8Array;
  readonly lines: number;
  /** With this chunk all is given that was found below this offset. */
  readonly offsetTo: number;
}

/** Takes what a search finds. The next chunk comes after `next` was called: a slow taker slows the search, and nothing is buffered for it. */
export interface ScanSink {
  /** Before anything is searched; not called where the search is refused. */
  begin?(begun: ScanBegun): void;
  take(chunk: ScanChunk, next: () => void): void;
}

/** What is about to be searched. */
export interface ScanBegun {
  readonly partition: number;
  /** [offsetFrom, offsetTo), as far as no limit ends it. */
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
  /** As in `ReadResult`. */
  readonly asOfMs: number;
  readonly lag: number;
}

/** Offsets that were not searched, [offsetFrom, offsetTo), and why. */
export interface ScanGap {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly reason: ScanGapReason;
  /** For people, where there is more to say. */
  readonly detail: string | null;
}

/**
 * `removed`: by retention, or with its topic. `damaged`: other bytes than once were written. `unreadable`: the disk refuses. `stopped`: the time was spent, the
 * caller went away, or whoever had to be asked did not answer. `context`: records that were searched, of which less context is shown than there is.
 */
export type ScanGapReason = 'removed' | 'damaged' | 'unreadable' | 'stopped' | 'context';

/**
 * All of [offsetFrom, offsetTo) was searched, but for the gaps. With a limit (`-m`, `-l`, `-q`) it ends behind the last record that counted. The high watermark is
 * that of when the search began; a search without bounds ends there.
 */
export interface ScanResult extends ScanBegun {
  readonly topic: string;
  /** Ascending. Empty: the answer is complete. */
  readonly gaps: readonly ScanGap[];
  readonly selected: number;
  readonly stats: ScanStats;
}

export interface ScanStats {
  /** `text`, `linear` or `grep`: what decided which records match. */
  readonly engine: string;
  /** Records of which GNU grep was asked. */
  readonly asked: number;
  readonly bytesRead: number;
  /** Bytes that an index told not to read. */
  readonly bytesSkipped: number;
  readonly blocksSkipped: number;
  readonly blocksRead: number;
  readonly indexBytes: number;
}

export interface EndRequest extends RecordsOf {
  readonly freshness: Freshness;
}

export interface SequenceRequest extends RecordsOf {
  readonly requestId: string;
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
  /** And those whose last record is older, by log time and the clock of whoever leads. Null or left out: whatever their age, and so below. */
  readonly retentionMs?: number | null;
  /** And those behind which so many more offsets stand. */
  readonly retentionRecords?: number | null;
  /** And those that all subscribers have read; with nobody subscribed none. The bounds above win: they remove what is not read too. */
  readonly retentionUntilRead?: boolean;
  /** Brokers that keep each partition; left out, as many as the cluster is configured for. Fixed when it is made. */
  readonly replicas?: number;
  /** How they are chosen: by the hypercube's rules, which is the default, by consistent hashing, or all of them. Fixed when it is made. */
  readonly placement?: 'hypercube' | 'ring' | 'all';
  /**
   * What it is called where any text is a topic's name (`compat/cs550`), and its own name only stands for that: it is placed by this text. At most
   * `originalNameLengthMax`. Fixed when it is made.
   */
  readonly originalName?: string;
  /** 1 to `partitionsMax`; left out, one. */
  readonly partitions?: number;
  /** Of a topic that was given more: how many there were when it was made, and after each time but the last. */
  readonly partitionsBefore?: readonly number[];
}

/** What may be changed of a topic; what is left out stays. */
export interface TopicChanges {
  readonly retentionBytes?: number | null;
  readonly retentionMs?: number | null;
  readonly retentionRecords?: number | null;
  readonly retentionUntilRead?: boolean;
  /** As many as it has, or more: keys move. */
  readonly partitions?: number;
}

/** In UTF-16 units: however they are escaped, the command that makes the topic fits a record. */
export const originalNameLengthMax = 128 * 1024;

/** Which topics are asked for. They come by name. */
export interface TopicQuery {
  /** What their names begin with; '' for all. */
  readonly prefix: string;
  /** Only names behind this one; '' from the first. */
  readonly after: string;
  readonly limit: number;
}

/** Most topics of one answer, with descriptions; a topic of several partitions counts for each of them. */
export const topicPageMax = 1000;

export interface TopicPage {
  readonly topics: readonly TopicDescription[];
  /** Topics whose names begin so, in all. */
  readonly count: number;
  /** What to give as `after` for those that follow; null where these are the last. */
  readonly next: string | null;
}

export interface TopicDescription {
  readonly name: string;
  readonly group: number;
  readonly settings: TopicSettings;
  readonly createdMs: number;
  /** `log` and `cairn.events` belong to Cairn and cannot be deleted. */
  readonly builtIn: boolean;
  /** As this broker knows it; the first where there are several. */
  readonly partition: PartitionStatus;
  /** All of them by number, where there are several. */
  readonly partitions?: readonly PartitionStatus[];
}

/** What is removed next of a partition, as its leader sees it. */
export interface NextRemoval {
  /** Its oldest whole segment, [offsetFrom, offsetTo). */
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly sizeBytes: number;
  /** When its age takes it; null where the topic has no such bound. */
  readonly dueMs: number | null;
  /** Which of those that have not read all of it is furthest behind, and when the first record that it lacks was written; null where that holds nothing back. */
  readonly unreadBy: { readonly subscriber: string; readonly offset: number; readonly sinceMs: number | null } | null;
  /** Brokers that do not have all of it: before they do nothing is removed, whatever bound there is. */
  readonly missing: readonly number[];
}

export interface PartitionStatus {
  readonly group: number;
  /** `elsewhere`: this broker has no replica of it, and `leader` is whom it asks. */
  readonly role: 'leader' | 'follower' | 'candidate' | 'fenced' | 'elsewhere';
  readonly leader: number | null;
  /** When this broker heard of that leader, by its wall clock; null without a leader. */
  readonly leaderSinceMs: number | null;
  readonly term: number;
  readonly replicas: readonly number[];
  readonly logStartOffset: number;
  readonly highWatermark: number;
  readonly endOffset: number;
  readonly syncedOffset: number;
  readonly sizeBytes: number;
  readonly segmentCount: number;
  /** Ranges of its files that this broker's disk has refused to read: what stands there has one copy less, and is read elsewhere. */
  readonly unreadableRanges: number;
  /** On the leader: how far each other replica is known to be. */
  readonly followers: readonly { readonly broker: number; readonly matchOffset: number }[];
  /** Why the partition is fenced, else null. */
  readonly fenced: string | null;
  /** In the description of a topic that does not keep everything, where its leader could be asked; null: no segment is whole yet. */
  readonly nextRemoval?: NextRemoval | null;
}

/** One of those that a broker keeps. */
export interface KeptPartition extends PartitionStatus {
  readonly topic: string;
  /** Left out where the topic has one only. */
  readonly partition?: number;
}

/** What it is called where one word must do: no topic's name has a slash. */
export const partitionName = ({ topic, partition }: Pick<KeptPartition, 'topic' | 'partition'>): string =>
  partition === undefined ? topic : `${topic}/${partition}`;

/** Where a topic is, and why (contract 3). */
export interface TopicPlacement {
  readonly topic: string;
  readonly placement: 'hypercube' | 'ring' | 'all';
  /** SHA-256 of the topic's name, or of its original name where it has one, hexadecimal: what placement begins with. */
  readonly hash: string;
  /** Of the cube: brokers are its vertices, in the order of their ids. */
  readonly dimensions: number;
  /** The broker that says this, and what it can reach. */
  readonly asked: number;
  readonly brokers: readonly { readonly id: number; readonly vertex: number; readonly reachable: boolean }[];
  readonly partitions: readonly PartitionPlacement[];
}

export interface PartitionPlacement {
  readonly partition: number;
  readonly group: number;
  /** The vertex that the hash names, and those that were missing on the way from it to the home; null and empty where placement has none. */
  readonly vertex: number | null;
  readonly folded: readonly number[];
  /** The home first. */
  readonly replicas: readonly PlacedReplica[];
  /** When it was made no majority of those lived that its name assigns it to. */
  readonly awayFromHome: boolean;
  readonly leader: number | null;
  readonly term: number;
  readonly leaderSinceMs: number | null;
  /** Why the home does not lead, as a sentence without its full stop; null where it does. */
  readonly notLedByHome: string | null;
  /** So many more of its replicas can be lost, of those that can be reached, and it still takes appends; -1: it takes none now. */
  readonly lossesSurvived: number;
  /** Brokers that a request passes from the one that is asked to the leader, both included; null where there is no leader. */
  readonly route: readonly number[] | null;
}

export interface PlacedReplica {
  readonly broker: number;
  /** `home`, `neighbour` over a bit, `filled` to make the number full, `ring` or `all` by that placement, `living` in place of one that did not live. */
  readonly why: 'home' | 'neighbour' | 'filled' | 'ring' | 'all' | 'living';
  /** Of a neighbour. */
  readonly bit: number | null;
  readonly reachable: boolean;
  /** How much of the log it is known to have; null where the leader could not be asked. */
  readonly matchOffset: number | null;
}

/** Most topics that a status shows; of so many it shows all. A topic of several partitions counts for each of them, here and in what follows. */
export const statusTopicsMax = 200;
/** Where there are more it shows so many in trouble, so many whose followers are furthest behind, and so many of the largest. */
export const worstTopicsMax = 10;

/** Of all topics that a broker knows, or keeps, whichever of them its status shows. */
export interface TopicTotals {
  /** Topics of the cluster, whoever keeps them. */
  readonly count: number;
  /** Those whose names begin as was asked for. */
  readonly matching: number;
  /** Those that this status is about: of them it shows what this broker keeps. */
  readonly shown: number;
  /** What to ask for as `after` for those that follow by name; null where these are the last, or nothing was asked for. */
  readonly next: string | null;
  readonly leads: number;
  /** Without a leader that this broker knows. */
  readonly leaderless: number;
  readonly fenced: number;
  /** With ranges that its disk has refused to read. */
  readonly unreadable: number;
  readonly sizeBytes: number;
  /** By how many offsets each follower is behind in the topics that this broker leads, all together. */
  readonly behind: readonly { readonly broker: number; readonly offsets: number }[];
  /** How old the sums are: with many topics they are not counted anew for each question. */
  readonly asOfMs: number;
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
  /** Left out where there are none. */
  readonly linkFaults?: LinkFaults;
  readonly startedMs: number;
  /** Its wall clock when it said this. */
  readonly wallMs: number;
  readonly catalog: PartitionStatus;
  /** Left out by brokers before December 2026, which show all topics. */
  readonly topics?: TopicTotals;
  /** Of all topics where they are at most `statusTopicsMax`. Else of those asked for, by name; where nothing was asked for, of the worst, those first. */
  readonly partitions: readonly KeptPartition[];
  readonly peers: readonly PeerStatus[];
  /** What it has counted since it started, by name: whoever keeps the log decides what is worth counting. */
  readonly counters: Readonly<Record<string, number>>;
}

/** What was done to a broker's links by hand (docs/decisions/0026), as far as it lasts. */
export interface LinkFaults {
  /** Nothing leaves, and nothing that comes is taken. */
  readonly paused: boolean;
  /** Peers to which a partition has cut the links. */
  readonly cutOff: readonly number[];
  /** Peers for which each frame waits. */
  readonly delays: readonly { readonly broker: number; readonly ms: number }[];
}

/** What can be done to them. */
export type LinkFault =
  | { readonly action: 'pause' | 'heal' }
  /** All brokers of the cluster, each in one group. */
  | { readonly action: 'partition'; readonly groups: readonly (readonly number[])[] }
  /** 0 ms ends it; where `link` is null, all links are meant. */
  | { readonly action: 'delay'; readonly ms: number; readonly link: readonly [number, number] | null };

export interface PeerStatus {
  readonly id: number;
  readonly address: string;
  readonly connected: boolean;
  /** Milliseconds since the last frame from it, null if never. */
  readonly lastHeardMs: number | null;
  readonly bytesQueued: number;
  /** Why there is no link to or from it, or what is wrong with its configuration or its clock, as a sentence; null when nothing is known to be. */
  readonly problem: string | null;
}

/** A broker as the others of its cluster know it. */
export interface KnownBroker {
  readonly id: number;
  readonly address: string;
  /** Null where it did not answer in time (promise 5). */
  readonly status: BrokerStatus | null;
  /** Its wall clock against that of the broker that was asked; null where it did not answer, left out by brokers before November 2026. */
  readonly clock?: ClockOffset | null;
}

/** How far one wall clock is ahead of another, as one question and its answer bound it. */
export interface ClockOffset {
  readonly aheadMs: number;
  /** It is within so much of that. */
  readonly errorMs: number;
}
