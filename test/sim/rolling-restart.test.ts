import { expect, test } from 'vitest';
import { runRollingRestart } from '../../src/sim/workloads/rolling-restart.ts';

// More seeds: `npm run test:long sim-scenarios`.
test.each([1])('a rolling restart fails no append and stops nobody for long, seed %i', (seed) => {
  const { appends, failed, gapsMs, checks } = runRollingRestart({ seed, brokers: 3 });

  expect(checks.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(failed).toEqual([]);
  expect(appends).toBeGreaterThan(500);
  expect(Math.max(...gapsMs), `gaps ${gapsMs.join(', ')} ms`).toBeLessThanOrEqual(100);
});
