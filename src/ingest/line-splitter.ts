const newline = 0x0a;

/** What stands at the end of a line that was cut. */
export const cutMark = (lineBytesMax: number): string => ` [cut at ${lineBytesMax} bytes]`;

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Bytes kept for the first piece of an unfinished line; doubled as it grows. */
const partialBytesMin = 512;

/** Takes a line: `bytes` from `from` to `to`, without its \n. Valid during the call only. */
export type OnLine = (bytes: Uint8Array, from: number, to: number) => void;

/**
 * Finds lines in a stream of chunks. A line that lies in one chunk is given where it lies. Only what a chunk leaves unfinished is copied, once, to a
 * buffer that grows by doubling up to the longest line taken: no chunk is ever joined with what came before it, which would make a long line cost
 * the square of its length. A line that reaches the cap is given at once, cut and marked, and what follows up to its \n is passed over. It is not cut within a
 * character of UTF-8.
 */
export class LineSplitter {
  readonly #lineBytesMax: number;
  readonly #mark: Uint8Array;
  readonly #onLine: OnLine;
  #partial: Uint8Array | null = null;
  #partialBytes = 0;
  #isPassingOver: boolean;
  #cutCount = 0;

  /** `isPassingOver`: the stream begins within a line that was cut. */
  constructor(lineBytesMax: number, onLine: OnLine, isPassingOver = false) {
    this.#isPassingOver = isPassingOver;
    this.#lineBytesMax = lineBytesMax;
    this.#mark = ascii(cutMark(lineBytesMax));
    this.#onLine = onLine;
  }

  /** Lines that were cut so far. */
  get cutCount(): number {
    return this.#cutCount;
  }

  /** Bytes held of a line whose end has not come. */
  get partialBytes(): number {
    return this.#partialBytes;
  }

  /** Memory that is held for it. */
  get heldBytes(): number {
    return this.#partialBytes === 0 ? 0 : (this.#partial as Uint8Array).length;
  }

  /** The line at which the stream stands was given, cut; the rest of it is passed over. */
  get isPassingOver(): boolean {
    return this.#isPassingOver;
  }

  push(chunk: Uint8Array, offset = 0): void {
    let from = offset;
    if (this.#isPassingOver) {
      const end = chunk.indexOf(newline, from);
      if (end === -1) return;
      this.#isPassingOver = false;
      from = end + 1;
    }
    if (this.#partialBytes > 0) {
      const end = chunk.indexOf(newline, from);
      const to = end === -1 ? chunk.length : end;
      if (!this.#keep(chunk, from, to)) {
        this.#isPassingOver = end === -1;
      } else if (end === -1) {
        return;
      } else {
        this.#givePartial();
      }
      if (end === -1) return;
      from = end + 1;
    }
    const lineBytesMax = this.#lineBytesMax;
    const onLine = this.#onLine;
    for (let end = chunk.indexOf(newline, from); end !== -1; end = chunk.indexOf(newline, from)) {
      if (end - from <= lineBytesMax) onLine(chunk, from, end);
      else this.#keep(chunk, from, end);
      from = end + 1;
    }
    if (from < chunk.length) this.#isPassingOver = !this.#keep(chunk, from, chunk.length);
  }

  /** Gives what there is of an unfinished line, cut and marked: what follows of it is passed over. */
  cut(): void {
    if (this.#partialBytes === 0) return;
    const mark = ascii(cutMark(this.#partialBytes));
    const line = new Uint8Array(this.#partialBytes + mark.length);
    line.set((this.#partial as Uint8Array).subarray(0, this.#partialBytes));
    line.set(mark, this.#partialBytes);
    this.#partial = null;
    this.#partialBytes = 0;
    this.#isPassingOver = true;
    this.#cutCount++;
    this.#onLine(line, 0, line.length);
  }

  /** The stream is over: gives a last line that has no \n. */
  end(): void {
    if (this.#partialBytes > 0) this.#givePartial();
    this.#isPassingOver = false;
  }

  /** Adds to the unfinished line. False when that reached the cap: the line was given, cut. */
  #keep(chunk: Uint8Array, from: number, to: number): boolean {
    const room = this.#lineBytesMax - this.#partialBytes;
    const isTooLong = to - from > room;
    const taken = isTooLong ? room : to - from;
    this.#reserve(this.#partialBytes + taken + (isTooLong ? this.#mark.length : 0));
    const partial = this.#partial as Uint8Array;
    partial.set(chunk.subarray(from, from + taken), this.#partialBytes);
    this.#partialBytes += taken;
    if (!isTooLong) return true;
    if (isContinuation(chunk[from + taken] as number)) this.#partialBytes = beforeCharacter(partial, this.#partialBytes);
    partial.set(this.#mark, this.#partialBytes);
    this.#partialBytes += this.#mark.length;
    this.#cutCount++;
    this.#givePartial();
    return false;
  }

  #givePartial(): void {
    const partial = this.#partial as Uint8Array;
    const bytes = this.#partialBytes;
    this.#partialBytes = 0;
    this.#onLine(partial, 0, bytes);
    // Thousands of connections that once had a long line must not hold its memory.
    if (partial.length > partialBytesMin) this.#partial = null;
  }

  #reserve(bytes: number): void {
    if (this.#partial !== null && this.#partial.length >= bytes) return;
    const longest = this.#lineBytesMax + this.#mark.length;
    const size = Math.min(Math.max(bytes, (this.#partial?.length ?? 0) * 2, partialBytesMin), Math.max(longest, bytes));
    const larger = new Uint8Array(size);
    if (this.#partial !== null) larger.set(this.#partial.subarray(0, this.#partialBytes));
    this.#partial = larger;
  }
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

/** Where the character begins that ends beyond `end`; `end` itself where the bytes are no UTF-8. */
function beforeCharacter(bytes: Uint8Array, end: number): number {
  for (let at = end - 1; at >= 0 && at >= end - 3; at--) {
    const byte = bytes[at] as number;
    if (isContinuation(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return at + length > end ? at : end;
  }
  return end;
}
