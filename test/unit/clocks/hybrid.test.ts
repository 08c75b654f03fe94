import { describe, expect, test } from 'vitest';
import { HybridClock, stampAheadMsMax } from '../../../src/clocks/index.ts';

const at = (wallMs: number): HybridClock => new HybridClock({ wallMs: () => wallMs });

describe('a hybrid clock', () => {
  test('follows a stamp that is ahead by the bound, and none that is ahead by more', () => {
    const clock = at(10_000);

    expect(clock.observe({ ms: 10_000 + stampAheadMsMax + 1, counter: 0 })).toBe(false);
    expect(clock.next()).toEqual({ ms: 10_000, counter: 0 });
    expect(clock.observe({ ms: 10_000 + stampAheadMsMax, counter: 3 })).toBe(true);
    expect(clock.next()).toEqual({ ms: 10_000 + stampAheadMsMax, counter: 4 });
  });

  test('takes the next millisecond when the counter is full', () => {
    const clock = at(10_000);
    clock.observe({ ms: 10_000, counter: 0xffff });

    expect(clock.next()).toEqual({ ms: 10_001, counter: 0 });
  });

  test('continues a log whose time is too far ahead, and does not follow it', () => {
    const clock = at(10_000);
    const logTime = { ms: 86_400_000, counter: 7 };

    expect(clock.nextAfter(logTime)).toEqual({ ms: 86_400_000, counter: 8 });
    // Messages, and the logs of other topics, keep the time of this broker.
    expect(clock.next().ms).toBe(10_000);
    expect(clock.nextAfter({ ms: 9000, counter: 0 }).ms).toBe(10_000);
  });

  test('has no time before 1970, whatever the wall clock says', () => {
    expect(at(-5).next()).toEqual({ ms: 0, counter: 1 });
  });
});
