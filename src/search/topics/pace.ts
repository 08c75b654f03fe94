/**
 * Turns of the thread that searches: one stretch of work after another, and behind each a rest that is as long as it must be for the thread to take no more
 * of a core than it is left. What it took is measured by the clock, so that time in which the system lets others run counts as its own.
 */
export interface PaceHost {
  readonly nowMs: () => number;
  /** Runs it from the loop, at once or after a delay. */
  readonly after: (delayMs: number, run: () => void) => void;
  /** Of a core, in (0, 1]. */
  readonly share: () => number;
}

/** A stretch should be no longer: whoever shares the core with it waits so long. */
const stretchMs = 2;
/** Shorter rests are saved up: a timer takes longer than that. */
const restMsMin = 1;

export class Pace {
  readonly #host: PaceHost;
  readonly #waiting: (() => void)[] = [];
  #isUnderWay = false;
  #beganMs = 0;
  #owedMs = 0;

  constructor(host: PaceHost) {
    this.#host = host;
  }

  /** The stretch that is being worked on has been long enough. */
  get isDue(): boolean {
    return this.#host.nowMs() - this.#beganMs >= stretchMs;
  }

  /** Works on it when all that came before had their turns. */
  add(stretch: () => void): void {
    this.#waiting.push(stretch);
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    this.#host.after(0, this.#turn);
  }

  readonly #turn = (): void => {
    const { nowMs, share } = this.#host;
    this.#beganMs = nowMs();
    this.#waiting.shift()?.();
    this.#owedMs += (nowMs() - this.#beganMs) * (1 / share() - 1);
    if (this.#owedMs < restMsMin) return this.#next();
    const restFromMs = nowMs();
    this.#host.after(this.#owedMs, () => {
      // Whoever wakes late has rested longer.
      this.#owedMs = Math.max(0, this.#owedMs - (nowMs() - restFromMs));
      this.#next();
    });
  };

  #next(): void {
    if (this.#waiting.length > 0) this.#host.after(0, this.#turn);
    else this.#isUnderWay = false;
  }
}
