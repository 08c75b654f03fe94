import { describe, expect, test, vi } from 'vitest';
import { runCutOff } from '../../src/sim/workloads/cut-off.ts';

vi.setConfig({ testTimeout: 180_000 });

describe('a broker that is cut off, or whose disk hangs, just after it was asked', () => {
  test.each([1, 2])('of seed %i answers every call within its deadline', (seed) => {
    const reports = runCutOff({ seed, rounds: 6 });

    expect(reports.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(reports.find(({ id }) => id === 'A4')?.checked).toBeGreaterThan(50);
  });
});
