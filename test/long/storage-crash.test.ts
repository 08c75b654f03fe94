import { expect, test } from 'vitest';
import { phases, runEveryCall, runRandomLives } from '../unit/storage/crash-workload.ts';
import { report, seedsWithinBudget } from './budget.ts';

test('the log survives a crash at every host call of many lives', () => {
  let count = 0;
  let calls = 0;
  for (const seed of seedsWithinBudget({ countMax: 100, share: 1 / 2 })) {
    for (const phase of phases) calls += runEveryCall(seed, phase, 30);
    count++;
  }
  report(`storage: ${count} of 100 lives, each crashed at every host call: ${calls} crashes`);
  expect(count).toBeGreaterThan(0);
});

test('the log survives many lives that end at random host calls', () => {
  let count = 0;
  let acknowledged = 0;
  for (const seed of seedsWithinBudget({ countMax: 5000 })) {
    acknowledged += runRandomLives(seed + 1_000_000, 40).acknowledgedCount;
    count++;
  }
  report(`storage: ${count} of 5000 seeds of 40 lives, ${acknowledged} acknowledged batches checked`);
  expect(count).toBeGreaterThan(0);
});
