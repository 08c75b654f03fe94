import { expect, test } from 'vitest';
import { PreciseClock } from '../../../src/system/precise-clock.ts';

/** A machine whose clocks go on by `stepMs` with each reading, and whose process may have to wait for its turn between two readings. */
function rig(): {
  readonly clock: PreciseClock;
  readonly trueMs: () => number;
  readonly set: (byMs: number) => void;
  readonly waitAfter: (readings: number, ms: number) => void;
} {
  let fineMs = 0;
  let wallMs = 1_000_000.4;
  const waits = new Map<number, number>();
  let readings = 0;
  const read = (): void => {
    const ms = 0.000_2 + (waits.get(readings++) ?? 0);
    fineMs += ms;
    wallMs += ms;
  };
  const clock = new PreciseClock({
    fineMs: () => {
      read();
      return fineMs;
    },
    coarseMs: () => {
      read();
      return Math.floor(wallMs);
    },
    anchorMs: 1_000_000.4,
  });
  return {
    clock,
    trueMs: () => wallMs,
    set: (byMs) => void (wallMs += byMs),
    waitAfter: (count, ms) => void waits.set(readings + count, ms),
  };
}

test('has fractions of a millisecond', () => {
  const { clock, trueMs } = rig();

  for (let i = 0; i < 10_000; i++) expect(Math.abs(clock.nowS() * 1000 - trueMs())).toBeLessThan(0.001);
});

test('follows a wall clock that is set, to a thousandth of a millisecond', () => {
  const { clock, trueMs, set } = rig();

  for (const byMs of [3_600_000, -7_200_000.7, 5.3, -4.9]) {
    set(byMs);
    expect(Math.abs(clock.nowS() * 1000 - trueMs())).toBeLessThan(0.01);
    expect(Math.abs(clock.nowS() * 1000 - trueMs())).toBeLessThan(0.01);
  }
});

test.each([0, 1, 2, 3, 4, 5, 6, 50, 51])('is not led astray by a pause of its process between two readings (after %i of them)', (count) => {
  for (const isSet of [false, true]) {
    const { clock, trueMs, set, waitAfter } = rig();
    clock.nowS();
    if (isSet) set(1_000);

    waitAfter(count, 30);
    for (let i = 0; i < 100; i++) clock.nowS();

    expect(Math.abs(clock.nowS() * 1000 - trueMs())).toBeLessThan(0.01);
  }
});
