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

export interface LineParts {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly offset: number;
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

  /** @param name stands in front of each line, where the output is to have one */
  constructor(output: Output, name: string, host: Bytes) {
    const painted = (text: string, colour: string): Uint8Array =>
      host.utf8Encode(output.color && text !== '' ? sgr(colour) + text + reset : text);
    this.#output = output;
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

  groupSeparator(): void {
    this.#write(this.#separators.group);
    this.#writeByte(lineFeed);
  }

  /** `spans`: what is painted, as pairs of positions. */
  line(kind: 'selected' | 'context', parts: LineParts, spans: readonly number[]): void {
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
    this.#writeByte(lineFeed);
    this.lineCount++;
  }

  /** A part of a line (`-o`). */
  part(kind: 'selected' | 'context', parts: LineParts, from: number, to: number): void {
    this.#head(kind, parts, to > from);
    this.#painted(parts.bytes, from, to);
    this.#writeByte(lineFeed);
    this.lineCount++;
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

  /** A text of one's own making, such as a line of JSON. */
  writeText(text: string): void {
    this.#write(this.#host.utf8Encode(text));
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
