import type { GroupId, Offset, Term } from '../base/branded.ts';
import type { Result } from '../base/result.ts';
import type { DiskError } from '../host/index.ts';
import type { LogBatch, TermStart, Vote } from '../raft/index.ts';
import type { SegmentHeader } from './segment-format.ts';

/** What the broker needs of storage. One `GroupLog` a group, one `VoteJournal` and one identity a broker. */

/** Damage inside what was once synced (design, D5): the group is fenced until someone acts; its other groups go on. */
export interface Corruption {
  readonly path: string;
  readonly position: number;
  readonly expected: string;
  readonly found: string;
}

/** What opening a log found. */
export interface OpenedLog {
  readonly log: GroupLog;
  /** Newest state checkpoint that is whole and lies in the log, or null: replay from its `offsetTo`, else from `logStartOffset`. */
  readonly checkpoint: StateCheckpoint | null;
  /** An unacknowledged tail that was cut, for the operator's log. */
  readonly cut: { readonly path: string; readonly position: number; readonly bytes: number } | null;
  readonly cleanStop: boolean;
}

/** What was derived from a log up to a place that no cut goes below. Once the log before it is removed it is state, not an optimisation. */
export interface StateCheckpoint {
  /** The state covers all records below this offset. */
  readonly offsetTo: Offset;
  /** Of the frame that ends there; 0 where the log was empty. */
  readonly checksum: number;
  readonly bytes: Uint8Array;
}

/**
 * Three that are not one (docs/decisions/0015). `disk`: a write, a sync or a change of names failed, so what the disk holds is not known: fatal. `unreadable`:
 * the disk refused to read what is there; nothing that is written is in doubt. `corrupt`: it read other bytes than once were synced.
 */
export type OpenFailure =
  | { readonly kind: 'corrupt'; readonly corruption: Corruption }
  | { readonly kind: 'unreadable'; readonly error: DiskError }
  | { readonly kind: 'disk'; readonly error: DiskError };

export interface GroupLogOptions {
  readonly group: GroupId;
  /** Folder of this log inside the data directory; created when missing. */
  readonly path: string;
  readonly segmentBytesMin: number;
  readonly segmentBytesMax: number;
  /**
   * Called when a segment is sealed: the state derived from what is committed (producers, revokes), at or below what is synced. It is stored beside the
   * segments, and records are removed only below it. `sealedTo` is the end of the newest sealed segment, `checksum` that of its last frame. `isNeeded`: records are
   * to be removed that no checkpoint covers yet. Null: none this time.
   */
  readonly checkpoint: (sealedTo: Offset, checksum: number, isNeeded: boolean) => StateCheckpoint | null;
}

/** A log on disk. All positions are exclusive ends; `endOffset` moves when `write` is called, `syncedOffset` when it is done. */
export interface GroupLog {
  readonly logStartOffset: Offset;
  readonly endOffset: Offset;
  readonly syncedOffset: Offset;
  /** Term of the record before `logStartOffset`; `firstTerm` if there was none, or where a segment header of version 1 does not say. */
  readonly termBeforeStart: Term;
  readonly termStarts: readonly TermStart[];
  /** Checksum of the last frame, to chain the next one to; 0 for an empty log. */
  readonly lastChecksum: number;
  readonly sizeBytes: number;
  readonly segmentCount: number;
  /** Its sealed segments, oldest first: what can be removed, each as a whole. */
  readonly sealedParts: readonly SealedPart[];
  /** Ranges of its files that the disk has refused to read. */
  readonly unreadableRanges: number;
  /** True while the next segment could not be prepared: refuse appends with `diskFull`. Votes and reads go on. */
  readonly full: boolean;
  /**
   * Whether frames of so many bytes, all that are not synced yet together, find their place without waiting for the disk. Where they do not, a file
   * that is large enough is prepared and the answer may change soon: to yes, or to `full`. A leader asks before it appends, because an append
   * that waits for space would hold up its whole log.
   */
  hasRoomFor(bytes: number): boolean;

  /**
   * Truncates (if asked), writes and syncs. At most one call is outstanding. The batches continue the log: contiguous, chained.
   * A failure is final for this log. `disk`: the broker stops with exit code 74 (design, D5). The others come of reading where a cut falls.
   */
  write(request: LogWrite, done: (result: Result<undefined, OpenFailure>) => void): void;
  /**
   * Whole batches from the one that contains `offsetFrom`, below `offsetTo`, at least one and then as many as fit `bytesMax`, up to what cannot be read.
   * Checksums are verified. Also gives what is written and not yet synced. Bad bytes: `corrupt`. What the disk has refused to read is `unreadable` for some
   * seconds without asking it again.
   */
  read(request: LogRead, done: (result: Result<readonly LogBatch[], ReadFailure>) => void): void;
  /**
   * Where the batches are of [offsetFrom, offsetTo), which is committed: for whoever reads the files without this log. What is below the log start is left
   * out. Nothing is kept for that reader: retention and deletion go on, and it has to tell what it does not find.
   */
  locate(offsetFrom: Offset, offsetTo: Offset): LogRange;
  /** First offset whose batch has log time >= `timeMs`, or `endOffset`. */
  offsetSince(timeMs: number, done: (result: Result<Offset, ReadFailure>) => void): void;
  /** A checkpoint up to here is durable, 0 when there is none: what was derived from records below it is not lost with them. */
  readonly checkpointedTo: Offset;
  /** Makes a checkpoint now, beside what else is done. A failure ends nothing: what is below the last one can still go. */
  storeCheckpoint(done: (result: Result<undefined, OpenFailure>) => void): void;
  /**
   * Removes whole sealed segments that end at or below `offset`, with a checkpoint first that covers them; those that none covers stay. Housekeeping: after a
   * failure the log goes on, and the next call tries again.
   */
  deleteBefore(offset: Offset, done: (result: Result<undefined, OpenFailure>) => void): void;
  /** Records the synced position (design, D5: after 100 ms without traffic, and at a clean stop). No-op while a write is outstanding or when nothing is new. */
  mark(done: (result: Result<undefined, OpenFailure>) => void): void;
  /** Waits for what is outstanding, reads too, marks, closes. */
  close(done: () => void): void;
  /** Waits for what is outstanding, reads too, closes and removes the files. What a crash leaves of them is removed at the next open. */
  remove(done: (result: Result<undefined, OpenFailure>) => void): void;
}

export interface LogWrite {
  readonly truncateTo: Offset | null;
  readonly batches: readonly LogBatch[];
}

export interface LogRead {
  readonly offsetFrom: Offset;
  readonly offsetTo: Offset;
  readonly bytesMax: number;
}

/** What stands in a sealed segment: [offsetFrom, offsetTo). */
export interface SealedPart {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly sizeBytes: number;
  /** Log time of its last record. */
  readonly lastStampMs: number;
}

/** A part of a log in one segment file, as another thread can find it. Numbers and texts only: it is sent there. */
export interface SegmentPart {
  readonly path: string;
  readonly header: SegmentHeader;
  /** What is wanted of it: [offsetFrom, offsetTo). */
  readonly offsetFrom: number;
  readonly offsetTo: number;
  /** Where a frame begins that is in front of what is wanted or its first; 0 where the index beside a sealed segment may tell. */
  readonly position: number;
  /** It is all of a sealed segment. */
  readonly isWhole: boolean;
  /** Nothing wanted stands behind it. */
  readonly endPosition: number;
}

/** Everything of [offsetFrom, offsetTo) that there is: in files, and behind them what is not in a file yet. */
export interface LogRange {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly parts: readonly SegmentPart[];
  readonly rest: readonly LogBatch[];
}

export type ReadFailure =
  | { readonly kind: 'belowLogStart' }
  /** It was asked after `close` or `remove`. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'corrupt'; readonly corruption: Corruption }
  | { readonly kind: 'unreadable'; readonly error: DiskError };

/** Terms and votes of all groups: one append-only file, one sync per write. */
export interface VoteJournal {
  readonly votes: ReadonlyMap<GroupId, Vote>;
  /** At most one call is outstanding. A failure is final. */
  write(votes: readonly GroupVote[], done: (result: Result<undefined, DiskError>) => void): void;
  close(done: () => void): void;
}

export interface GroupVote {
  readonly group: GroupId;
  readonly vote: Vote;
}

/** Who this data directory belongs to (design, D11): checksummed, written and synced before the first turn of every start. */
export interface Identity {
  /** 32 hex digits; brokers of different clusters refuse one another. */
  readonly clusterId: string;
  readonly brokerId: number;
  /** Names the data directory: drawn when it was made, 32 hex digits; `noDisk` where nothing survives the process. */
  readonly disk: string;
  /** Raised by one at every start. */
  readonly incarnation: number;
}
