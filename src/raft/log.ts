import { assert, broken } from '../base/assert.ts';
import { firstOffset, firstTerm, type Offset, offset, type Term } from '../base/branded.ts';
import { BatchCache } from './batch-cache.ts';
import type { AppendEntries, LogBatch } from './messages.ts';
import { TermTable } from './term-table.ts';
import type { RestoredState, TermStart } from './types.ts';

/** Kept in memory of what nobody is known to lack. */
const heldBytesMax = 256 * 1024;

/** Where to ask whether two logs meet. */
export interface ProbePoint {
  readonly offset: Offset;
  /** False when only the disk can tell where the batch around `offset` begins. */
  readonly isBoundary: boolean;
  /** The two logs are equal up to `offset`. */
  readonly isCertain: boolean;
}

/**
 * A replica's log as the core sees it: where it starts and ends, the term of every record, its newest batches, and how far it is committed.
 *
 * Invariant: logStartOffset <= highWatermark <= endOffset; the high watermark never falls and nothing below it is cut (R9, R10).
 */
export class ReplicaLog {
  readonly #terms: TermTable;
  readonly #cache: BatchCache;
  readonly #logStartOffset: Offset;
  #highWatermark: Offset;
  #uncommittedBytes = 0;

  constructor(restored: RestoredState) {
    assert(restored.logStartOffset <= restored.logEndOffset, 'a log starts at or before its end');
    this.#terms = new TermTable(restored.termStarts, restored.logStartOffset, restored.termBeforeStart);
    assert((restored.termStarts.at(-1)?.offsetFrom ?? -1) < restored.logEndOffset, 'the last term starts inside the log');
    this.#cache = new BatchCache(restored.logEndOffset);
    this.#logStartOffset = restored.logStartOffset;
    this.#highWatermark = restored.logStartOffset;
  }

  get endOffset(): Offset {
    return this.#cache.offsetTo;
  }

  get highWatermark(): Offset {
    return this.#highWatermark;
  }

  /** Older batches have to be loaded. */
  get cachedFrom(): Offset {
    return this.#cache.offsetFrom;
  }

  get lastTerm(): Term {
    return this.#terms.lastTerm;
  }

  get termStarts(): readonly TermStart[] {
    return this.#terms.starts;
  }

  /** Bytes of the cached batches above the high watermark. */
  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  get cachedBytes(): number {
    return this.#cache.bytes;
  }

  termBefore(end: Offset): Term {
    return this.#terms.termBefore(end);
  }

  append(batch: LogBatch): void {
    this.#cache.append(batch);
    this.#terms.append(batch.term, batch.offsetFrom);
    this.#uncommittedBytes += batch.bytes.length;
  }

  truncate(end: Offset): void {
    if (end < this.#highWatermark) broken(`nothing committed is cut: ${end} is below the high watermark ${this.#highWatermark}`);
    this.#cache.truncate(end);
    this.#terms.truncate(end);
    this.#uncommittedBytes = this.#cache.bytesBetween(this.#highWatermark, end);
  }

  /** Raises the high watermark. */
  commit(to: Offset): void {
    if (to < this.#highWatermark || to > this.endOffset)
      broken(`the high watermark rises within the log: ${this.#highWatermark} to ${to} of ${this.endOffset}`);
    this.#uncommittedBytes -= this.#cache.bytesBetween(this.#highWatermark, to);
    this.#highWatermark = to;
  }

  /** The same batch in two logs has the same start and term (Log Matching, Raft §5.3). */
  holds(batch: LogBatch): boolean {
    if (batch.offsetTo <= this.#logStartOffset) return true;
    return batch.offsetFrom < this.endOffset && this.#terms.termBefore(batch.offsetFrom + 1) === batch.term;
  }

  /** The consistency check of Raft §5.3. What is committed is equal in every leader's log and needs none. */
  continuesFrom(request: AppendEntries): boolean {
    if (request.offsetFrom <= this.#highWatermark) return true;
    if (request.offsetFrom > this.endOffset) return false;
    return this.#terms.termBefore(request.offsetFrom) === request.previousTerm;
  }

  /** Where a follower whose log failed the check suggests to go on. */
  hintFor(request: AppendEntries): { readonly hintOffset: Offset; readonly hintTerm: Term } {
    const limit = offset(Math.min(request.offsetFrom, this.endOffset));
    // A leader whose log begins there may not know the term before it: then it is told ours (`learnsStartFrom`).
    const hintOffset = request.previousTerm === firstTerm ? limit : this.#terms.backUp(limit, request.previousTerm);
    return { hintOffset, hintTerm: this.#terms.termBefore(hintOffset) };
  }

  /**
   * Whether a follower has just told of which term the record before this log's start is, which a log of before version 2 of the segment header does not
   * know after a start. Retention removed what stood there because it was committed and every replica had acknowledged it (decision 0005), so they agree.
   */
  learnsStartFrom(hintOffset: Offset, hintTerm: Term): boolean {
    if (hintOffset !== this.#logStartOffset || hintTerm === firstTerm) return false;
    return this.#terms.learnTermBeforeStart(hintTerm);
  }

  /**
   * Where a leader probes next after such a hint: past no term that the follower cannot have, and rounded down to a batch boundary as far as
   * boundaries are in memory.
   */
  backUp(hintOffset: Offset, hintTerm: Term): ProbePoint {
    const limit = offset(Math.min(hintOffset, this.endOffset));
    const found = this.#terms.backUp(limit, hintTerm);
    // A term start is a boundary. A hint is one of the follower's log, and of ours if the batch before it is the same.
    const isBoundary = found >= this.cachedFrom || found < limit || this.#terms.termBefore(found) === hintTerm;
    const at = this.#cache.boundaryAtOrBelow(found);
    // The same term before the same offset: the same log up to there (Log Matching, Raft §5.3).
    const isCertain = isBoundary && at === hintOffset && this.#terms.termBefore(at) === hintTerm;
    return { offset: at, isBoundary, isCertain };
  }

  /** Raft §5.4.1: a later last term wins; with equal last terms the longer log. */
  isUpToDate(endOffset: Offset, lastTerm: Term): boolean {
    if (lastTerm !== this.lastTerm) return lastTerm > this.lastTerm;
    return endOffset >= this.endOffset;
  }

  /** Cached batches, at least one if there is one; see BatchCache. */
  slice(offsetFrom: Offset, offsetTo: Offset, bytesMax: number): LogBatch[] {
    return this.#cache.slice(offsetFrom, offsetTo, bytesMax);
  }

  /**
   * Keeps at most `bytesMax` in memory, and always what is not committed or not synced. Of what every peer has (`heldByAll`) only a little is kept, for
   * what a change of leaders asks for: buffers that live for long cost the garbage collector more than they are worth, and the disk still has them.
   */
  shrinkCache(bytesMax: number, syncedOffset: Offset, heldByAll: Offset): void {
    const settled = Math.max(firstOffset, Math.min(this.#highWatermark, syncedOffset));
    this.#cache.shrink(Math.min(bytesMax, heldBytesMax), offset(Math.min(settled, heldByAll)));
    this.#cache.shrink(bytesMax, offset(settled));
  }
}
