/** The wall clock may be set while we run: beyond this difference we follow it. */
const departureMsMax = 2;

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
    const coarseMs = this.#coarseMs();
    const departure = coarseMs - (this.#anchorMs + fineMs);
    // The coarse clock has dropped up to a millisecond.
    if (departure > departureMsMax || departure < -1 - departureMsMax) this.#anchorMs = coarseMs + 0.5 - fineMs;
    return (this.#anchorMs + fineMs) / 1000;
  }
}

const machine = { fineMs: () => performance.now(), coarseMs: () => Date.now(), anchorMs: performance.timeOrigin };
