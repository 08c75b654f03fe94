import { type LineBatch, LineBatcher } from './line-batcher.ts';

export interface PartitionBatch extends LineBatch {
  /** Which of the partitions it is for. */
  readonly index: number;
}

export interface RoundBatcherOptions {
  readonly key?: Uint8Array | null;
  /** Of each partition, how many of its lines arrived in an earlier run; the first lines are for the first of them. */
  readonly skips: readonly number[];
  /** Give those in batches of their own, to be compared. */
  readonly givesSkipped?: boolean;
}

/** So many lines go to one partition before it is the next one's turn. */
export const linesPerTurn = 1024;
/** What is gathered for all partitions together, and for each at least. */
const gatheredBytes = 1024 * 1024;
const batchBytesMin = 16 * 1024;
const newline = 0x0a;

/** Options of the batcher of each of so many partitions. */
export const batchBytesFor = (partitions: number): { readonly batchBytes?: number } =>
  partitions === 1 ? {} : { batchBytes: Math.max(batchBytesMin, Math.floor(gatheredBytes / partitions)) };

/**
 * A text cut into lines and these into batches, as `LineBatcher` does, for several partitions in turn. Which line is for which partition depends on its
 * number only, so a second run over the same text gives each partition the same lines and passes over those that arrived.
 */
export class RoundBatcher {
  readonly #batchers: readonly LineBatcher[];
  readonly #seen = { lines: 0 };
  #index = 0;
  #left = linesPerTurn;

  constructor({ key = null, skips, givesSkipped = false }: RoundBatcherOptions) {
    const share = batchBytesFor(skips.length);
    this.#batchers = skips.map((skip) => new LineBatcher({ key, skip, givesSkipped, seen: this.#seen, ...share }));
  }

  /** Lines seen, those passed over included. */
  get lineCount(): number {
    return this.#seen.lines;
  }

  *push(chunk: Uint8Array): Generator<PartitionBatch, void, undefined> {
    for (let from = 0; from < chunk.length; ) {
      const to = this.#batchers.length === 1 ? chunk.length : this.#turnTo(chunk, from);
      yield* this.#of(this.#index, (batcher) => batcher.push(chunk.subarray(from, to)));
      from = to;
      if (this.#left > 0) continue;
      this.#left = linesPerTurn;
      this.#index = (this.#index + 1) % this.#batchers.length;
    }
  }

  /** The rest, with a last line that has no \n. */
  *end(): Generator<PartitionBatch, void, undefined> {
    for (let index = 0; index < this.#batchers.length; index++) yield* this.#of(index, (batcher) => batcher.end());
  }

  /** What is complete so far. */
  *flush(): Generator<PartitionBatch, void, undefined> {
    for (let index = 0; index < this.#batchers.length; index++) yield* this.#of(index, (batcher) => batcher.flush());
  }

  /** Where the chunk, or the turn, ends. */
  #turnTo(chunk: Uint8Array, from: number): number {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let to = from;
    while (this.#left > 0) {
      const found = buffer.indexOf(newline, to);
      if (found === -1) return chunk.length;
      to = found + 1;
      this.#left--;
    }
    return to;
  }

  *#of(
    index: number,
    batches: (batcher: LineBatcher) => Generator<LineBatch, void, undefined>,
  ): Generator<PartitionBatch, void, undefined> {
    for (const batch of batches(this.#batchers[index] as LineBatcher)) yield { ...batch, index };
  }
}
