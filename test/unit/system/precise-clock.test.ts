import { expect, test } from 'vitest';
import { PreciseClock } from '../../../src/system/precise-clock.ts';

test('has fractions of a millisecond and follows a wall clock that is set', () => {
  let fineMs = 0;
  let coarseMs = 1_000_000;
  const clock = new PreciseClock({ fineMs: () => fineMs, coarseMs: () => coarseMs, anchorMs: 1_000_000.4 });

  fineMs = 0.25;
  expect(clock.nowS()).toBeCloseTo(1000.00065, 9);
  coarseMs += 3_600_000;
  fineMs = 1;
  expect(clock.nowS()).toBeCloseTo(4600.0005, 9);
  coarseMs -= 7_200_000;
  fineMs = 2;
  expect(clock.nowS()).toBeCloseTo(-2599.9995, 9);
});
