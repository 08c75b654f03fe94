import { LogError } from '../eventlog/index.ts';
import { LineBatcher, type LineBatch, type LineRecord } from './line-batcher.ts';
import { batchBytesFor, linesPerTurn, type PartitionBatch } from './round-batcher.ts';

export interface RecordBatcherOptions {
  /** What a line says; its number counts from 1. Throws what is wrong with it. */
  readonly parse: (line: Uint8Array, number: number) => LineRecord;
  /** Which of the partitions a key belongs to. */
  readonly indexOf: (key: Uint8Array) => number;
  /** Of each partition, how many of its lines arrived in an earlier run; the first lines without a key are for the first of them. */
  readonly skips: readonly number[];
  /** Longest line taken. */
  readonly lineBytesMax: number;
}

const newline = 0x0a;

/**
 * A text cut into lines, each of them a record with a key and headers of its own, and these into batches of several partitions: by the key, and those
 * without one in turn. Which record is for which partition depends on the text only, so a second run over it passes over what arrived.
 */
export class RecordBatcher {
  readonly #options: RecordBatcherOptions;
  readonly #batchers: readonly LineBatcher[];
  readonly #seen = { lines: 0 };
  #keyless = 0;
  /** The beginning of a line whose end has not come yet. */
  #partial: Uint8Array[] = [];
  #partialBytes = 0;

  constructor(options: RecordBatcherOptions) {
    this.#options = options;
    const { skips } = options;
    const batchBytes = batchBytesFor(skips.length);
    this.#batchers = skips.map((skip) => new LineBatcher({ skip, givesSkipped: true, seen: this.#seen, ...batchBytes }));
  }

  /** Lines seen, those passed over included. */
  get lineCount(): number {
    return this.#seen.lines;
  }

  *push(chunk: Uint8Array): Generator<PartitionBatch, void, undefined> {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let to = buffer.indexOf(newline); to !== -1; to = buffer.indexOf(newline, from)) {
      this.#keep(chunk.subarray(from, to));
      from = to + 1;
      yield* this.#addPartial();
    }
    // A copy, since the caller may use the chunk's memory again; `slice` of a Buffer would be none.
    if (from < chunk.length) this.#keep(new Uint8Array(chunk.subarray(from)));
  }

  /** The rest, with a last line that has no \n. */
  *end(): Generator<PartitionBatch, void, undefined> {
    if (this.#partialBytes > 0) yield* this.#addPartial();
    yield* this.flush();
  }

  /** What is complete so far. */
  *flush(): Generator<PartitionBatch, void, undefined> {
    for (const [index, batcher] of this.#batchers.entries()) yield* placed(index, batcher.flush());
  }

  #keep(part: Uint8Array): void {
    this.#partial.push(part);
    this.#partialBytes += part.length;
    const { lineBytesMax } = this.#options;
    if (this.#partialBytes <= lineBytesMax) return;
    const line = this.#seen.lines + 1;
    throw new LogError('recordTooLarge', `Cannot append line ${line}: it is longer than ${lineBytesMax} bytes`, { line, lineBytesMax });
  }

  *#addPartial(): Generator<PartitionBatch, void, undefined> {
    const line = this.#partial.length === 1 ? (this.#partial[0] as Uint8Array) : Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    const record = this.#options.parse(line, this.#seen.lines + 1);
    const index = record.key === null ? this.#nextIndex() : this.#options.indexOf(record.key);
    yield* placed(index, (this.#batchers[index] as LineBatcher).add(record));
  }

  #nextIndex(): number {
    return Math.floor(this.#keyless++ / linesPerTurn) % this.#batchers.length;
  }
}

function* placed(index: number, batches: Generator<LineBatch, void, undefined>): Generator<PartitionBatch, void, undefined> {
  for (const batch of batches) yield { ...batch, index };
}
