import { concatBytes, noBytes } from '../base/bytes.ts';
import type { Output } from './request.ts';
import { isDigit } from './time-parts.ts';

export interface PlaceRewriterOptions {
  /** What stands before each line where names are asked for. */
  readonly label: Uint8Array;
  readonly output: Pick<Output, 'withName' | 'lineNumbers' | 'byteOffsets' | 'nullData' | 'color'>;
  /** What a line that is counted so, from 0, is in its file, and a byte. */
  readonly lineOf: (line: number) => number;
  readonly byteOf: (byte: number) => number;
}

/** Beyond its label and this the head of a line is never: two numbers, blanks before them, and colours around all. */
const headBytesMax = 256;

/** Corrects numbers in what grep printed of a part of a file: it counts from the beginning of what it was given. */
export class PlaceRewriter {
  readonly #options: PlaceRewriterOptions;
  readonly #places: readonly ((printed: number) => number)[];
  readonly #lineEnd: number;
  #held: Uint8Array = noBytes;
  /** The head of the line was corrected, and its end has not come. */
  #isWithinLine = false;

  constructor(options: PlaceRewriterOptions) {
    const { lineOf, byteOf, output } = options;
    this.#options = options;
    this.#lineEnd = output.nullData ? 0 : 0x0a;
    const places: ((printed: number) => number)[] = [];
    if (output.lineNumbers) places.push((printed) => lineOf(printed - 1) + 1);
    if (output.byteOffsets) places.push(byteOf);
    this.#places = places;
  }

  take(chunk: Uint8Array): Uint8Array {
    return this.#rewrite(chunk, false);
  }

  /** What is left when the output has ended. */
  rest(): Uint8Array {
    return this.#rewrite(noBytes, true);
  }

  #rewrite(chunk: Uint8Array, isLast: boolean): Uint8Array {
    const bytes = this.#held.length === 0 ? chunk : concatBytes([this.#held, chunk]);
    this.#held = noBytes;
    const pieces: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      const end = bytes.indexOf(this.#lineEnd, at);
      const to = end === -1 ? bytes.length : end + 1;
      if (this.#isWithinLine) pieces.push(bytes.subarray(at, to));
      else {
        if (end === -1 && !isLast && to - at < this.#options.label.length + headBytesMax) {
          this.#held = bytes.subarray(at);
          break;
        }
        this.#rewriteLine(bytes, at, to, pieces);
      }
      this.#isWithinLine = end === -1;
      at = to;
    }
    return concatBytes(pieces);
  }

  #rewriteLine(bytes: Uint8Array, from: number, to: number, pieces: Uint8Array[]): void {
    const { label, output } = this.#options;
    let at = from;
    let kept = from;
    if (output.withName) {
      at = passMarks(bytes, at, to);
      // What stands between groups has no name and no number.
      if (to - at < label.length || label.some((byte, index) => bytes[at + index] !== byte))
        return void pieces.push(bytes.subarray(from, to));
      at = passSeparator(bytes, at + label.length, to);
    }
    for (const place of this.#places) {
      at = passMarks(bytes, at, to);
      const padded = at;
      while (at < to && bytes[at] === 0x20) at++;
      const digitsFrom = at;
      let printed = 0;
      while (at < to && isDigit(bytes[at] as number)) printed = printed * 10 + (bytes[at++] as number) - 0x30;
      if (at === digitsFrom) break;
      const digits = String(place(printed)).padStart(digitsFrom > padded ? at - padded : 0);
      pieces.push(
        bytes.subarray(kept, padded),
        Uint8Array.from(digits, (character) => character.charCodeAt(0)),
      );
      kept = at;
      at = passSeparator(bytes, at, to);
    }
    pieces.push(bytes.subarray(kept, to));
  }
}

/** Over a colon, a hyphen or NUL, with what colours it. */
function passSeparator(bytes: Uint8Array, from: number, to: number): number {
  return Math.min(to, passMarks(bytes, from, to) + 1);
}

/** Over `ESC [ ... m` and `ESC [ K`. */
function passMarks(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at + 1 < to && bytes[at] === 0x1b && bytes[at + 1] === 0x5b) {
    at += 2;
    while (at < to && (isDigit(bytes[at] as number) || bytes[at] === 0x3b)) at++;
    at++;
  }
  return Math.min(at, to);
}
