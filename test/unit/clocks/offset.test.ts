import { describe, expect, test } from 'vitest';
import { boundClock, boundsAlong, boundsBetween, type ClockSample } from '../../../src/clocks/index.ts';

/** Asked at `askedMs`, on the way for `thereMs` and `backMs`, of a clock that is `aheadMs` ahead and shows whole milliseconds. */
const sampled = (aheadMs: number, askedMs: number, thereMs: number, backMs: number): ClockSample => ({
  askedMs,
  answeredMs: askedMs + thereMs + backMs,
  wallMs: Math.floor(askedMs + thereMs + aheadMs),
});

describe('the offset of a clock that was asked', () => {
  test.each([0, 0.4, -3.7, 10_000, -86_400_000])('of %d ms lies within its bounds, however slow the answers are', (aheadMs) => {
    const samples = [sampled(aheadMs, 1000.3, 20, 1), sampled(aheadMs, 2000.9, 0.2, 30), sampled(aheadMs, 3000.1, 5, 5)];

    const bounds = boundClock(samples);

    expect(bounds?.low).toBeLessThanOrEqual(aheadMs);
    expect(bounds?.high).toBeGreaterThanOrEqual(aheadMs);
    // Closer than the quickest answer alone: one was quick on its way there, another on its way back.
    expect((bounds?.high ?? 0) - (bounds?.low ?? 0)).toBeLessThan(4);
  });

  test('is not known where the clock was set in between', () => {
    expect(boundClock([sampled(0, 1000, 1, 1), sampled(500, 2000, 1, 1)])).toBeNull();
  });

  test('against another one has the errors of both', () => {
    expect(boundsBetween({ low: 9, high: 11 }, { low: -2, high: 2 })).toEqual({ low: 7, high: 13 });
    expect(boundsAlong({ low: 9, high: 11 }, { low: -2, high: 2 })).toEqual({ low: 7, high: 13 });
  });
});
