import { expect, test } from 'vitest';
import { runSlowLine } from '../../src/sim/workloads/slow-line.ts';

// More seeds and lines: `npm run test:long sim-scenarios`.
test.each([[3, 500]])('what a broker lacks goes to it once, however slow its line is, seed %i at %i kB/s', (seed, bytesPerMs) => {
  const { reports, sentBytes, lackedBytes } = runSlowLine(seed, bytesPerMs, 24);

  expect(reports.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(lackedBytes).toBeGreaterThan(5_000_000);
  expect(sentBytes / lackedBytes).toBeLessThan(1.1);
});
