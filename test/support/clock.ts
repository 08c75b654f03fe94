import type { Clock } from '../../src/host/index.ts';

/** The machine's time for tests that need timers but none of the care that a broker's clock takes. */
export function testClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    startTimer(delayMs, fire) {
      const timer = setTimeout(fire, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
    defer: (run) => void setImmediate(run),
  };
}
