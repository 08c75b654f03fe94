import { LineTimer, type LineTimerOptions, type TimedPiece } from './line-timer.ts';

export interface TimeFilterOptions extends Omit<LineTimerOptions, 'onPiece'> {
  /** At or after, and before; null without a bound. A line before the first time of a file is older than every bound. */
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  /** What is kept, many lines at once where they are neighbours; valid as long as the chunk that they came in. */
  readonly onKept: (bytes: Uint8Array) => void;
}

/**
 * Passes on the lines of a file that are within a range of time, each by its own time. What searches behind it counts what it gets: `lines` and `bytes`
 * say which line and byte of the file that is.
 */
export class TimeFilter {
  readonly lines = new Places();
  readonly bytes = new Places();
  readonly #options: TimeFilterOptions;
  readonly #timer: LineTimer;
  /** Kept pieces that lie one behind the other. */
  #run: Uint8Array | null = null;
  /** Of the line that is read. */
  #isKept = false;

  constructor(options: TimeFilterOptions) {
    this.#options = options;
    this.#timer = new LineTimer({ ...options, onPiece: (piece) => this.#take(piece) });
  }

  push(chunk: Uint8Array): void {
    this.#timer.push(chunk);
    this.#giveRun();
  }

  end(): void {
    this.#timer.end();
    this.#giveRun();
  }

  #take({ timeMs, bytes, isBeginning, isEnd }: TimedPiece): void {
    const { sinceMs, untilMs } = this.#options;
    if (isBeginning) this.#isKept = (sinceMs === null || timeMs >= sinceMs) && (untilMs === null || timeMs < untilMs);
    this.bytes.pass(bytes.length, this.#isKept);
    if (isEnd) this.lines.pass(1, this.#isKept);
    if (!this.#isKept) return;
    const run = this.#run;
    if (run !== null && run.buffer === bytes.buffer && run.byteOffset + run.length === bytes.byteOffset) {
      this.#run = new Uint8Array(run.buffer, run.byteOffset, run.length + bytes.length);
      return;
    }
    this.#giveRun();
    this.#run = bytes;
  }

  #giveRun(): void {
    if (this.#run !== null) this.#options.onKept(this.#run);
    this.#run = null;
  }
}

/** Where things that were kept had stood among all, both counted from 0. Asked in ascending order: what lies before is forgotten. */
class Places {
  /** Runs of neighbours: where each begins among those kept and among all. */
  #runs: { readonly kept: number; readonly original: number }[] = [];
  #kept = 0;
  #original = 0;
  #wasKept = false;

  pass(count: number, isKept: boolean): void {
    if (isKept && !this.#wasKept) this.#runs.push({ kept: this.#kept, original: this.#original });
    this.#wasKept = isKept;
    this.#original += count;
    if (isKept) this.#kept += count;
  }

  of(kept: number): number {
    while (this.#runs.length > 1 && (this.#runs[1]?.kept ?? 0) <= kept) this.#runs.shift();
    const run = this.#runs[0];
    return run === undefined ? kept : run.original + kept - run.kept;
  }
}
