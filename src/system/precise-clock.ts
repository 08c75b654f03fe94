/** The wall clock may be set while we run: beyond this difference we follow it. */
const departureMsMax = 2;
/** Two clocks read one behind the other are compared only if nothing came in between: a process that has to wait for its turn may lose tens of milliseconds there. */
const betweenMsMax = 0.1;
const attemptsMax = 20;
/** Date.now() goes on within a millisecond; this many readings take longer. */
const readingsMax = 100_000;

/**
 * Wall time in seconds with fractions of a microsecond. `Date.now()` counts whole milliseconds, where the delays to be measured are tenths of one; the
 * monotonic clock has the fractions but does not follow when the wall clock is set, so it is anchored anew when the two depart.
 */
export class PreciseClock {
  readonly #fineMs: () => number;
  readonly #coarseMs: () => number;
  #anchorMs: number;

  constructor(sources: { readonly fineMs: () => number; readonly coarseMs: () => number; readonly anchorMs: number } = machine) {
    this.#fineMs = sources.fineMs;
    this.#coarseMs = sources.coarseMs;
    this.#anchorMs = sources.anchorMs;
  }

  nowS(): number {
    const fineMs = this.#fineMs();
    if (!this.#hasDeparted(this.#coarseMs(), fineMs)) return (this.#anchorMs + fineMs) / 1000;
    this.#follow();
    return (this.#anchorMs + this.#fineMs()) / 1000;
  }

  #hasDeparted(coarseMs: number, fineMs: number): boolean {
    const departure = coarseMs - (this.#anchorMs + fineMs);
    // The coarse clock has dropped up to a millisecond.
    return departure > departureMsMax || departure < -1 - departureMsMax;
  }

  /** Looks again, closely; anchors anew where the coarse clock goes on, which is when it is exact. */
  #follow(): void {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      let lastFineMs = this.#fineMs();
      const lastMs = this.#coarseMs();
      let fineMs = this.#fineMs();
      if (!this.#hasDeparted(lastMs, fineMs)) return;
      for (let reading = 0; reading < readingsMax; reading++) {
        const coarseMs = this.#coarseMs();
        const afterMs = this.#fineMs();
        if (coarseMs !== lastMs) {
          // It went on between the reading of it before and this one.
          if (afterMs - lastFineMs > betweenMsMax) break;
          this.#anchorMs = coarseMs - fineMs;
          return;
        }
        [lastFineMs, fineMs] = [fineMs, afterMs];
      }
    }
  }
}

const machine = { fineMs: () => performance.now(), coarseMs: () => Date.now(), anchorMs: performance.timeOrigin };
