import { broken } from '../base/assert.ts';
import { firstOffset, firstTerm, type Offset } from '../base/branded.ts';
import { noBytes } from '../base/bytes.ts';
import type { LogBatch } from './messages.ts';

const dropped: LogBatch = { offsetFrom: firstOffset, offsetTo: firstOffset, term: firstTerm, bytes: noBytes };

/**
 * The newest batches of a log, in memory: a suffix without gaps. One entry a batch, nothing per record, and the bytes are those that arrived.
 *
 * Invariant: the batches cover [offsetFrom, offsetTo) exactly.
 */
export class BatchCache {
  #batches: LogBatch[] = [];
  /** Entries below it are dropped already; the array is compacted now and then, so that dropping costs nothing on average. */
  #head = 0;
  #bytes = 0;
  #offsetFrom: Offset;
  #offsetTo: Offset;

  constructor(end: Offset) {
    this.#offsetFrom = end;
    this.#offsetTo = end;
  }

  get offsetFrom(): Offset {
    return this.#offsetFrom;
  }

  get offsetTo(): Offset {
    return this.#offsetTo;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(batch: LogBatch): void {
    if (batch.offsetFrom !== this.#offsetTo) broken(`a batch continues the log at ${this.#offsetTo}, not at ${batch.offsetFrom}`);
    if (batch.offsetFrom >= batch.offsetTo) broken(`a batch holds at least one record: [${batch.offsetFrom}, ${batch.offsetTo})`);
    this.#batches.push(batch);
    this.#bytes += batch.bytes.length;
    this.#offsetTo = batch.offsetTo;
  }

  /** Cuts the log at `end`, which may be older than the cache. */
  truncate(end: Offset): void {
    while (this.#batches.length > this.#head) {
      const last = this.#batches.at(-1) as LogBatch;
      if (last.offsetFrom < end) {
        if (last.offsetTo > end) broken(`the log is cut between batches: ${end} lies in [${last.offsetFrom}, ${last.offsetTo})`);
        break;
      }
      this.#batches.pop();
      this.#bytes -= last.bytes.length;
    }
    this.#offsetTo = end;
    if (end < this.#offsetFrom) this.#offsetFrom = end;
  }

  /** Drops the oldest batches until at most `bytesMax` are left, but none that ends above `limit`. */
  shrink(bytesMax: number, limit: Offset): void {
    while (this.#bytes > bytesMax) {
      const first = this.#batches[this.#head] as LogBatch;
      if (first.offsetTo > limit) break;
      // The slot stays until the next compaction, the bytes must not.
      this.#batches[this.#head++] = dropped;
      this.#bytes -= first.bytes.length;
      this.#offsetFrom = first.offsetTo;
    }
    if (this.#head > 64 && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Start of the batch that contains `at`; `at` itself when it is a boundary or older than the cache. */
  boundaryAtOrBelow(at: Offset): Offset {
    if (at <= this.#offsetFrom || at >= this.#offsetTo) return at;
    return (this.#batches[this.#indexOf(at)] as LogBatch).offsetFrom;
  }

  /** Whole batches from the one that contains `offsetFrom`, ending at or below `offsetTo`: at least one if there is one, then as many as fit. */
  slice(offsetFrom: Offset, offsetTo: Offset, bytesMax: number): LogBatch[] {
    if (offsetFrom < this.#offsetFrom) broken(`${offsetFrom} is still cached (from ${this.#offsetFrom})`);
    const found: LogBatch[] = [];
    if (offsetFrom >= this.#offsetTo) return found;
    let bytes = 0;
    for (let i = this.#indexOf(offsetFrom); i < this.#batches.length; i++) {
      const batch = this.#batches[i] as LogBatch;
      bytes += batch.bytes.length;
      if (batch.offsetTo > offsetTo || (bytes > bytesMax && found.length > 0)) break;
      found.push(batch);
    }
    return found;
  }

  /** Bytes of the cached batches that begin in [offsetFrom, offsetTo). */
  bytesBetween(offsetFrom: Offset, offsetTo: Offset): number {
    const from = offsetFrom < this.#offsetFrom ? this.#offsetFrom : offsetFrom;
    if (from >= this.#offsetTo) return 0;
    let bytes = 0;
    for (let i = this.#indexOf(from); i < this.#batches.length; i++) {
      const batch = this.#batches[i] as LogBatch;
      if (batch.offsetFrom >= offsetTo) break;
      if (batch.offsetFrom >= offsetFrom) bytes += batch.bytes.length;
    }
    return bytes;
  }

  /** Index of the batch that contains `at`; the caller has checked that the cache covers it. */
  #indexOf(at: number): number {
    let low = this.#head;
    let high = this.#batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#batches[middle] as LogBatch).offsetFrom <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
