import { expect, test } from 'vitest';
import { runCatalogWithoutMajority } from '../../src/sim/workloads/catalog-without-majority.ts';

// More seeds: `npm run test:long sim-scenarios`.
test.each([1])('log takes appends and elects while the catalog has no majority, seed %i', (seed) => {
  const { appendsBefore, appendsWithout, longestGapMs, creation, checks } = runCatalogWithoutMajority({ seed });

  expect(checks.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(creation).not.toBe('created');
  expect(appendsBefore).toBeGreaterThan(50);
  expect(appendsWithout).toBeGreaterThan(2 * appendsBefore);
  expect(longestGapMs).toBeLessThan(2000);
});
