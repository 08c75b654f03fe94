import { Buffer } from 'node:buffer';
import { WordCopy } from '../../base/word-copy.ts';
import { defaultLineSettings } from '../../gateway/lines/settings.ts';
import { cutMark, LineSplitter } from '../../ingest/line-splitter.ts';

/** Lines on their way into a spool are handed on in pieces of this size at most. */
const pieceBytesMax = 256 * 1024;
/** What is cut here must not be cut again by the gateway. */
export const collectedBytesMax = defaultLineSettings.lineBytesMax - cutMark(defaultLineSettings.lineBytesMax).length;
/** What stands between the lines of a record that has several: a record is a line where it goes. */
const joint = Buffer.from('\\n');
const newline = 0x0a;

interface Lines {
  readonly lines: Uint8Array;
  readonly count: number;
}

/** Where collectors put their lines. Several may share one: each takes out what it has put in before another puts something in. */
export class LineBuffer {
  readonly #bytes = new Uint8Array(pieceBytesMax);
  readonly #copier = new WordCopy(this.#bytes);
  #pieces: Lines[] = [];
  #end = 0;
  #count = 0;

  add(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from + 1;
    if (this.#end + length > this.#bytes.length) this.#seal();
    this.#end = this.#copier.copy(bytes, from, to, this.#end);
    this.#bytes[this.#end++] = newline;
    this.#count++;
  }

  take(): readonly Lines[] {
    this.#seal();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #seal(): void {
    if (this.#count === 0) return;
    this.#pieces.push({ lines: this.#bytes.slice(0, this.#end), count: this.#count });
    this.#end = 0;
    this.#count = 0;
  }
}

export interface CollectorOptions {
  /** What comes first is the rest of a line that was taken, cut, by an earlier run. */
  readonly isWithinCutLine?: boolean;
  /** NUL bytes where a line begins are no text, but a hole that a cut left in a file. */
  readonly skipsHoles?: boolean;
  /** A line that matches begins a record, and those that do not go on with it; null: each line is one. */
  readonly firstLine?: RegExp | null;
}

/** Finds whole lines and puts each, with its \n, into a buffer. A line that is too long is cut and marked, as the gateway would. */
export class LineCollector {
  readonly #splitter: LineSplitter;
  readonly #skipsHoles: boolean;
  readonly #firstLine: RegExp | null;
  readonly #buffer: LineBuffer;
  #record: Buffer[] = [];
  #recordBytes = 0;
  /** Of the input: how much was pushed, where what is being pushed began, where whole lines ended before it, and where the record begins. */
  #pushedBytes = 0;
  #chunk: Uint8Array | null = null;
  #chunkFrom = 0;
  #linesTo = 0;
  #recordFrom = 0;
  #holeBytes = 0;

  constructor(buffer: LineBuffer, { isWithinCutLine = false, skipsHoles = false, firstLine = null }: CollectorOptions = {}) {
    this.#buffer = buffer;
    this.#skipsHoles = skipsHoles;
    this.#firstLine = firstLine;
    this.#splitter = new LineSplitter(collectedBytesMax, (bytes, from, to) => this.#line(bytes, from, to), isWithinCutLine);
  }

  /** Bytes of the input that wait for the end of their line. */
  get unfinishedBytes(): number {
    return this.#splitter.partialBytes;
  }

  get isWithinCutLine(): boolean {
    return this.#splitter.isPassingOver;
  }

  /** Lines wait for those that may belong to their record. */
  get hasRecord(): boolean {
    return this.#record.length > 0;
  }

  /** Bytes of the input from where that record begins. */
  get recordBytes(): number {
    return this.#pushedBytes - this.#recordFrom;
  }

  /** NUL bytes that were passed over. */
  get holeBytes(): number {
    return this.#holeBytes;
  }

  /** Lines that were cut. */
  get cutCount(): number {
    return this.#splitter.cutCount;
  }

  push(chunk: Uint8Array): void {
    if (!this.#skipsHoles || chunk.indexOf(0) === -1) this.#push(chunk, this.#pushedBytes);
    else this.#pushAroundHoles(chunk);
    this.#pushedBytes += chunk.length;
  }

  #push(chunk: Uint8Array, from: number): void {
    this.#chunk = chunk;
    this.#chunkFrom = from;
    this.#splitter.push(chunk);
    this.#linesTo = from + chunk.length - this.#splitter.partialBytes;
  }

  #pushAroundHoles(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#splitter.partialBytes === 0 && !this.#splitter.isPassingOver) {
        const begin = from;
        while (from < chunk.length && chunk[from] === 0) from++;
        this.#holeBytes += from - begin;
      }
      const end = chunk.indexOf(newline, from);
      const to = end === -1 ? chunk.length : end + 1;
      this.#push(chunk.subarray(from, to), this.#pushedBytes + from);
      from = to;
    }
  }

  /** The input is over: what there is of a line and of a record is one. */
  end(): void {
    this.#splitter.end();
    this.endRecord();
  }

  /** No more lines are waited for. */
  endRecord(): void {
    if (this.#record.length === 0) return;
    const record = Buffer.concat(this.#record);
    this.#record = [];
    this.#recordBytes = 0;
    this.#buffer.add(record, 0, record.length);
  }

  #line(bytes: Uint8Array, from: number, to: number): void {
    if (this.#firstLine === null) return this.#buffer.add(bytes, from, to);
    const line = Buffer.from(bytes.subarray(from, to));
    const isFirst = this.#firstLine.test(line.toString());
    if (isFirst || this.#recordBytes + joint.length + line.length > collectedBytesMax) this.endRecord();
    if (this.#record.length > 0) this.#record.push(joint);
    else this.#recordFrom = bytes === this.#chunk ? this.#chunkFrom + from : this.#linesTo;
    this.#record.push(line);
    this.#recordBytes += joint.length + line.length;
  }
}
