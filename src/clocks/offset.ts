/** How far a clock is ahead of another: what is certain is `low` to `high`. */
export interface ClockBounds {
  readonly low: number;
  readonly high: number;
}

/** One question for the time: when it was asked and answered by the own clock, and the whole ms that the other one showed in between. */
export interface ClockSample {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly wallMs: number;
}

/**
 * What the samples say together (RFC 5905 §8 for one of them): the other clock was read between the question and the answer, and shows whole milliseconds
 * only. Each sample bounds its offset, and what all of them leave is kept. Null where they leave nothing: a clock was set meanwhile.
 */
export function boundClock(samples: readonly ClockSample[]): ClockBounds | null {
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const { askedMs, answeredMs, wallMs } of samples) {
    low = Math.max(low, wallMs - answeredMs);
    high = Math.min(high, wallMs + 1 - askedMs);
  }
  return samples.length > 0 && low <= high ? { low, high } : null;
}

/** As a number and its error: half of what the bounds leave. */
export const offsetWithin = ({ low, high }: ClockBounds): { readonly aheadMs: number; readonly errorMs: number } => ({
  aheadMs: (low + high) / 2,
  errorMs: (high - low) / 2,
});

/** How far `of` is ahead of `than`, where both are known against a third clock. */
export const boundsBetween = (of: ClockBounds, than: ClockBounds): ClockBounds => ({ low: of.low - than.high, high: of.high - than.low });

/** How far A is ahead of C, from A ahead of B and B ahead of C. */
export const boundsAlong = (first: ClockBounds, then: ClockBounds): ClockBounds => ({
  low: first.low + then.low,
  high: first.high + then.high,
});
