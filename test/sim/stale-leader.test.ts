import { expect, test } from 'vitest';
import { runIsolatedLeader } from '../../src/sim/workloads/isolated-leader.ts';
import { runStaleLeader } from '../../src/sim/workloads/stale-leader.ts';

test.each([1, 2, 3, 4, 5, 6])('a leader that others have replaced never answers an old end as linearizable, seed %i', (seed) => {
  const { report, answers, acknowledgedEnd, isReplaced } = runStaleLeader(seed);

  expect(isReplaced).toBe(true);
  expect(acknowledgedEnd).toBeGreaterThan(0);
  expect(answers.length).toBeGreaterThan(0);
  expect(report.violations).toEqual([]);
});

test('a leader that is alone steps down by itself', () => {
  const reports = runIsolatedLeader(1);

  expect(reports.filter(({ status }) => status !== 'pass')).toEqual([]);
});
