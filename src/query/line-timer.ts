import { concatBytes, noBytes } from '../base/bytes.ts';
import { timeWithinBytes } from './line-time.ts';

/**
 * A line, its end included, or a piece of one that is too long to wait for its end: the pieces follow one another and bear the time of the first.
 * `timeMs` is that of the line, of the last line before it that has one, or -Infinity.
 */
export interface TimedPiece {
  readonly timeMs: number;
  readonly bytes: Uint8Array;
  readonly isBeginning: boolean;
  readonly isEnd: boolean;
}

export interface LineTimerOptions {
  /** Milliseconds since 1970 of the line from `from` to `to`, NaN for one without a time; a long line is shown as far as `timeWithinBytes`. */
  readonly timeOf: (bytes: Uint8Array, from: number, to: number) => number;
  /** What ends a line: a line feed, or NUL. */
  readonly lineEnd: number;
  /** The bytes lie in a chunk that was given; valid for as long as that is. */
  readonly onPiece: (piece: TimedPiece) => void;
}

/** Finds the lines of a stream of chunks and the time of each. It holds less than `timeWithinBytes` of a line whose end has not come. */
export class LineTimer {
  readonly #options: LineTimerOptions;
  #held: Uint8Array = noBytes;
  #timeMs = Number.NEGATIVE_INFINITY;
  /** The beginning of the line was given, and its end was not. */
  #isWithinLine = false;

  constructor(options: LineTimerOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    const bytes = this.#held.length === 0 ? chunk : concatBytes([this.#held, chunk]);
    this.#held = noBytes;
    let from = 0;
    while (from < bytes.length) {
      const end = bytes.indexOf(this.#options.lineEnd, from);
      if (end === -1 && !this.#isWithinLine && bytes.length - from < timeWithinBytes) {
        this.#held = bytes.subarray(from);
        return;
      }
      const to = end === -1 ? bytes.length : end + 1;
      this.#give(bytes, from, to, end !== -1);
      from = to;
    }
  }

  /** The stream is over: a last line without its end is a line. */
  end(): void {
    const held = this.#held;
    this.#held = noBytes;
    if (held.length > 0 || this.#isWithinLine) this.#give(held, 0, held.length, true);
  }

  #give(bytes: Uint8Array, from: number, to: number, isEnd: boolean): void {
    const isBeginning = !this.#isWithinLine;
    if (isBeginning) {
      const { timeOf, lineEnd } = this.#options;
      const ms = timeOf(bytes, from, to > from && bytes[to - 1] === lineEnd ? to - 1 : to);
      if (!Number.isNaN(ms)) this.#timeMs = ms;
    }
    this.#isWithinLine = !isEnd;
    this.#options.onPiece({ timeMs: this.#timeMs, bytes: bytes.subarray(from, to), isBeginning, isEnd });
  }
}
