// More seeds of the scenarios that test/sim tries with one seed, and runs that have found a defect once.
import { expect, test } from 'vitest';
import { describeViolation, parseFaults, run } from '../../src/sim/run.ts';
import { runCatalogWithoutMajority } from '../../src/sim/workloads/catalog-without-majority.ts';
import { runRollingRestart } from '../../src/sim/workloads/rolling-restart.ts';
import { runSlowLine } from '../../src/sim/workloads/slow-line.ts';
import { report, seedsWithinBudget } from './budget.ts';

// Found before brokers wrote down whom they have met.
test.each([
  [3, 0.5, 'rollback,crash,linkBreak'],
  [1, 0.5, 'rollback,wipe,crash'],
])('cairn sim --seed %i --brokers 3 --topics 2 --minutes %f --faults %s', (seed, minutes, text) => {
  const parsed = parseFaults(text);
  const { violations, coverage } = run({ seed, brokers: 3, minutes, faults: 'faults' in parsed ? parsed.faults : [] });

  expect(violations.map(describeViolation)).toEqual([]);
  expect((coverage['damage.wipe'] ?? 0) + (coverage['damage.rollback'] ?? 0)).toBeGreaterThan(0);
});

test('log takes appends and elects while the catalog has no majority', () => {
  let count = 0;
  for (const seed of seedsWithinBudget({ countMax: 50, share: 1 / 3 })) {
    const { appendsBefore, appendsWithout, longestGapMs, creation, checks } = runCatalogWithoutMajority({ seed });

    expect(
      checks.filter(({ status }) => status !== 'pass'),
      `seed ${seed}`,
    ).toEqual([]);
    expect(creation, `seed ${seed}`).not.toBe('created');
    expect(appendsWithout, `seed ${seed}`).toBeGreaterThan(appendsBefore);
    expect(longestGapMs, `seed ${seed}`).toBeLessThan(4000);
    count++;
  }
  report(`catalog without a majority: ${count} of 50 seeds`);
});

test('a rolling restart fails no append', () => {
  let count = 0;
  for (const seed of seedsWithinBudget({ countMax: 50, share: 1 / 2 })) {
    const { failed, checks } = runRollingRestart({ seed, brokers: 3 });

    expect(
      checks.filter(({ status }) => status !== 'pass'),
      `seed ${seed}`,
    ).toEqual([]);
    expect(failed, `seed ${seed}`).toEqual([]);
    count++;
  }
  report(`rolling restarts: ${count} of 50 seeds`);
});

test('what a broker lacks goes to it once, however slow its line is', () => {
  let count = 0;
  for (const seed of seedsWithinBudget({ countMax: 50 })) {
    const bytesPerMs = [500, 1000, 2000, 4000][seed % 4] ?? 500;
    const { reports, sentBytes, lackedBytes } = runSlowLine(seed, bytesPerMs);

    expect(
      reports.filter(({ status }) => status !== 'pass'),
      `seed ${seed}, ${bytesPerMs} kB/s`,
    ).toEqual([]);
    expect(sentBytes / lackedBytes, `seed ${seed}, ${bytesPerMs} kB/s`).toBeLessThan(1.1);
    count++;
  }
  report(`slow lines: ${count} of 50 seeds`);
});
