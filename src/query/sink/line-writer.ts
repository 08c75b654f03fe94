/** Records as the lines that GNU grep would print of a file: name, number and text, with its separators and its colours. */
import type { Bytes } from '../../host/index.ts';
import type { Output } from '../request.ts';

const lineFeed = 10;
const tab = 9;
const nul = 0;
/** As GNU grep pads numbers in front of a tab stop (`-T`). */
const numberWidth = 19;

const escape = '\u001b[';
const erase = `${escape}K`;
const sgr = (colour: string): string => `${escape}${colour}m${erase}`;
const reset = `${escape}m${erase}`;

/** In front of a line that comes with its time: milliseconds since 1970 as a double, and its length, both big endian. */
const timeBytes = 12;

/** Lines that were written with their times, one behind the other. */
export function forEachTimedLine(bytes: Uint8Array, visit: (timeMs: number, line: Uint8Array) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const from = at + timeBytes;
    const to = from + view.getUint32(at + 8);
    visit(view.getFloat64(at), bytes.subarray(from, to));
    at = to;
  }
}

export interface LineParts {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly offset: number;
  /** The time that the record bears, where lines come with it. */
  readonly timeMs: number;
}

/** Gathers lines; taken away whenever enough has come together. */
export class LineWriter {
  readonly #output: Output;
  readonly #host: Bytes;
  readonly #name: Uint8Array | null;
  readonly #separators: Readonly<Record<'selected' | 'context' | 'group', Uint8Array>>;
  readonly #matchColour: readonly [Uint8Array, Uint8Array] | null;
  #bytes = new Uint8Array(8 * 1024);
  #length = 0;
  lineCount = 0;
  readonly #isTimed: boolean;
  /** Where the time of the line stands that is being written. */
  #timeAt = 0;

  /** `name` stands in front of each line, where the output is to have one; with `isTimed` its time does too. */
  constructor({ output, name, isTimed }: { readonly output: Output; readonly name: string; readonly isTimed: boolean }, host: Bytes) {
    const painted = (text: string, colour: string): Uint8Array =>
      host.utf8Encode(output.color && text !== '' ? sgr(colour) + text + reset : text);
    this.#output = output;
    this.#isTimed = isTimed;
    this.#host = host;
    this.#name = output.withName ? painted(name, '35') : null;
    this.#separators = { selected: painted(':', '36'), context: painted('-', '36'), group: painted(output.groupSeparator ?? '', '36') };
    this.#matchColour = output.color ? [host.utf8Encode(sgr('01;31')), host.utf8Encode(reset)] : null;
  }

  get length(): number {
    return this.#length;
  }

  /** What has come together, which is the caller's from now on. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    this.lineCount = 0;
    return taken;
  }

  groupSeparator(timeMs: number): void {
    this.#begin();
    this.#write(this.#separators.group);
    this.#end(timeMs);
  }

  /** `spans`: what is painted, as pairs of positions. */
  line(kind: 'selected' | 'context', parts: LineParts, spans: readonly number[]): void {
    this.#begin();
    this.#head(kind, parts, parts.to > parts.from);
    const { bytes, from, to } = parts;
    let at = from;
    if (this.#matchColour !== null) {
      for (let i = 0; i < spans.length; i += 2) {
        this.#writeRange(bytes, at, spans[i] as number);
        this.#painted(bytes, spans[i] as number, spans[i + 1] as number);
        at = spans[i + 1] as number;
      }
    }
    this.#writeRange(bytes, at, to);
    this.#end(parts.timeMs);
    this.lineCount++;
  }

  /** A part of a line (`-o`). */
  part(kind: 'selected' | 'context', parts: LineParts, from: number, to: number): void {
    this.#begin();
    this.#head(kind, parts, to > from);
    this.#painted(parts.bytes, from, to);
    this.#end(parts.timeMs);
    this.lineCount++;
  }

  /** A line of one's own making, such as one of JSON. */
  text(text: string, timeMs: number): void {
    this.#begin();
    this.#write(this.#host.utf8Encode(text));
    this.#end(timeMs);
    this.lineCount++;
  }

  #begin(): void {
    if (!this.#isTimed) return;
    this.#reserve(timeBytes);
    this.#timeAt = this.#length;
    this.#length += timeBytes;
  }

  #end(timeMs: number): void {
    this.#writeByte(lineFeed);
    if (!this.#isTimed) return;
    const view = new DataView(this.#bytes.buffer, this.#timeAt, timeBytes);
    view.setFloat64(0, timeMs);
    view.setUint32(8, this.#length - this.#timeAt - timeBytes);
  }

  #head(kind: 'selected' | 'context', { offset }: LineParts, hasText: boolean): void {
    const { lineNumbers, nullAfterName, initialTab, color } = this.#output;
    const separator = this.#separators[kind];
    if (this.#name !== null) {
      this.#write(this.#name);
      if (nullAfterName) this.#writeByte(nul);
      else this.#write(separator);
    }
    if (lineNumbers) {
      const number = initialTab ? String(offset).padStart(numberWidth) : String(offset);
      this.#write(this.#host.utf8Encode(color ? sgr('32') + number + reset : number));
      this.#write(separator);
    }
    if (initialTab && (this.#name !== null || lineNumbers) && hasText) this.#writeByte(tab);
  }

  #painted(bytes: Uint8Array, from: number, to: number): void {
    if (this.#matchColour !== null) this.#write(this.#matchColour[0]);
    this.#writeRange(bytes, from, to);
    if (this.#matchColour !== null) this.#write(this.#matchColour[1]);
  }

  #write(bytes: Uint8Array): void {
    this.#writeRange(bytes, 0, bytes.length);
  }

  #writeRange(bytes: Uint8Array, from: number, to: number): void {
    const count = to - from;
    if (count <= 0) return;
    this.#reserve(count);
    if (count < 24) for (let i = 0; i < count; i++) this.#bytes[this.#length + i] = bytes[from + i] as number;
    else this.#bytes.set(bytes.subarray(from, to), this.#length);
    this.#length += count;
  }

  #writeByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    // In place where that is possible, and nothing is left for the collector.
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(needed, this.#bytes.length * 2)));
  }
}
