import { LogError } from '../eventlog/index.ts';
import { RecordBatchBuilder, recordBytesMax, type RecordHeader } from '../record/index.ts';
import { clientBytes } from './batches.ts';

export interface LineBatch {
  readonly batch: Uint8Array;
  readonly count: number;
  /** Its lines arrived in an earlier run. */
  readonly isPassedOver: boolean;
}

/** What a line says where it is more than a value. */
export interface LineRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Event time; null: when it is appended. */
  readonly timestampMs: number | null;
}

export interface LineBatcherOptions {
  readonly key?: Uint8Array | null;
  /** Lines to pass over: they arrived in an earlier run. */
  readonly skip?: number;
  /** Give those in batches of their own, to be compared. */
  readonly givesSkipped?: boolean;
  readonly batchBytes?: number;
  readonly recordsMax?: number;
  readonly now?: () => number;
  /** Lines seen, where several count the lines of one text together. */
  readonly seen?: { lines: number };
}

/** The longest line taken. A record may have 1 MiB as encoded; key, request id and lengths need a part of it. */
export const lineBytesMax = recordBytesMax - 4096;

const batchBytesDefault = 256 * 1024;
const recordsMaxDefault = 16_384;
/** What a record takes beside its value, roughly: only to keep batches of short lines small. */
const overheadBytes = 8;
const newline = 0x0a;

/**
 * Cuts a text into lines and these into record batches. A record is the bytes before each \n, nothing taken away (a \r stays); a last line without
 * \n counts, an empty line is an empty record. Where a batch ends depends on the lines only, never on how the text was cut into chunks or on time:
 * a second run over the same text makes the same batches. `flush` is for input that pauses.
 */
export class LineBatcher {
  readonly #builder: RecordBatchBuilder;
  readonly #key: Uint8Array | null;
  readonly #batchBytes: number;
  readonly #recordsMax: number;
  readonly #now: () => number;
  readonly #givesSkipped: boolean;
  #skipLeft: number;
  readonly #seen: { lines: number };
  /** Of the batch under way. */
  #isPassedOver = false;
  #weight = 0;
  #timestampMs = 0;
  /** The beginning of a line whose end has not come yet. */
  #partial: Uint8Array[] = [];
  #partialBytes = 0;

  constructor(options: LineBatcherOptions = {}) {
    this.#key = options.key ?? null;
    this.#skipLeft = options.skip ?? 0;
    this.#givesSkipped = options.givesSkipped ?? false;
    this.#batchBytes = options.batchBytes ?? batchBytesDefault;
    this.#recordsMax = options.recordsMax ?? recordsMaxDefault;
    this.#now = options.now ?? Date.now;
    this.#seen = options.seen ?? { lines: 0 };
    this.#builder = new RecordBatchBuilder({ capacityBytes: this.#batchBytes * 2 });
  }

  /** Lines seen, those passed over included. */
  get lineCount(): number {
    return this.#seen.lines;
  }

  /** Gives a batch whenever one is full. Throws `recordTooLarge` at a line above the limit; the lines before it are then still in `flush`. */
  *push(chunk: Uint8Array): Generator<LineBatch, void, undefined> {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (;;) {
      const to = buffer.indexOf(newline, from);
      if (to === -1) break;
      if (this.#partialBytes > 0) {
        this.#keep(chunk.subarray(from, to));
        this.#addPartial();
      } else {
        this.#add(chunk, from, to);
      }
      from = to + 1;
      if (this.#isFull()) yield this.#take();
    }
    // A copy, since the caller may use the chunk's memory again; `slice` of a Buffer would be none.
    if (from < chunk.length) this.#keep(new Uint8Array(chunk.subarray(from)));
  }

  /** The rest, with a last line that has no \n. */
  *end(): Generator<LineBatch, void, undefined> {
    if (this.#partialBytes > 0) this.#addPartial();
    yield* this.flush();
  }

  /** What is complete so far. */
  *flush(): Generator<LineBatch, void, undefined> {
    if (this.#builder.recordCount > 0) yield this.#take();
  }

  #keep(part: Uint8Array): void {
    this.#partial.push(part);
    this.#partialBytes += part.length;
    if (this.#partialBytes > lineBytesMax) this.#refuse();
  }

  #addPartial(): void {
    const line = this.#partial.length === 1 ? (this.#partial[0] as Uint8Array) : Buffer.concat(this.#partial);
    this.#partial = [];
    this.#partialBytes = 0;
    this.#add(line, 0, line.length);
  }

  #add(source: Uint8Array, from: number, to: number): void {
    if (to - from > lineBytesMax) this.#refuse();
    if (!this.#isTaken()) return;
    this.#builder.addSlice(this.#timestampMs, source, from, to, this.#key);
    this.#weight += to - from + overheadBytes;
  }

  /** Takes what a line says where that is more than a value. */
  *add({ key, value, headers, timestampMs }: LineRecord): Generator<LineBatch, void, undefined> {
    if (!this.#isTaken()) return;
    this.#weight += RecordBatchBuilder.recordBytesBound(key, value, headers);
    this.#builder.add(timestampMs ?? this.#timestampMs, key, value, headers);
    if (this.#isFull()) yield this.#take();
  }

  /** Counts a line. False where it arrived in an earlier run and is not given. */
  #isTaken(): boolean {
    this.#seen.lines++;
    if (this.#skipLeft > 0) {
      this.#skipLeft--;
      if (!this.#givesSkipped) return false;
      this.#isPassedOver = true;
    }
    if (this.#builder.recordCount === 0) this.#timestampMs = this.#now();
    return true;
  }

  #refuse(): never {
    this.#partial = [];
    this.#partialBytes = 0;
    const line = this.#seen.lines + 1;
    throw new LogError('recordTooLarge', `Cannot append line ${line}: it is longer than ${lineBytesMax} bytes`, { line, lineBytesMax });
  }

  #isFull(): boolean {
    const isSkipEnd = this.#isPassedOver && this.#skipLeft === 0;
    return isSkipEnd || this.#weight >= this.#batchBytes || this.#builder.recordCount >= this.#recordsMax;
  }

  #take(): LineBatch {
    const count = this.#builder.recordCount;
    this.#weight = 0;
    const isPassedOver = this.#isPassedOver;
    this.#isPassedOver = false;
    return { batch: this.#builder.finish(clientBytes), count, isPassedOver };
  }
}
