// The labs at full size: real processes, real disks, real time. What they measure is printed; what must never happen fails.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runConsistencyLab } from '../../src/lab/consistency/index.ts';
import { runKillsLab, runRestartsLab } from '../../src/lab/kills/index.ts';
import type { LabResult } from '../../src/lab/report/report.ts';
import { report, seedsWithinBudget } from './budget.ts';

const SEED = Number(process.env['LONG_SEED'] ?? '1');

/** Figures that depend on what else the machine does: reported, not asserted. */
const MEASURED = new Set(['longest gap', 'puts that a running server left unanswered']);

describe('the labs at full size', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-labs-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('50 SIGKILLs lose, move, double and reorder nothing acknowledged', async () => {
    const result = await runKillsLab({ kills: 50, brokers: 3, workers: 8, seed: SEED, folder, onKill: () => undefined });

    tell(result);
    expect(failed(result)).toEqual([]);
  });

  it('stops of the leader and rolling restarts fail no append', async () => {
    const result = await runRestartsLab({ stops: 10, rounds: 3, brokers: 3, workers: 8, folder, onRestart: () => undefined });

    tell(result);
    expect(failed(result)).toEqual([]);
  });

  it("the course's scenarios 1, 3 and 4, three times as fast, have no failure that nothing excuses", async () => {
    for (const seed of seedsWithinBudget({ countMax: 10 })) {
      for (const scenario of [1, 3, 4]) {
        const result = await runConsistencyLab({
          scenario,
          servers: 5,
          runs: 1,
          speed: 3,
          parallel: 1,
          seed,
          folder: path.join(folder, `${scenario}-${seed}`),
          serverCommand: null,
          onRun: () => undefined,
        });
        tell({ ...result, results: result.results.slice(0, 1) });
        expect(failed(result), `cairn lab consistency --scenario ${scenario} --speed 3 --seed ${seed}`).toEqual([]);
      }
    }
  });
});

const failed = (result: LabResult): LabResult['checks'] => result.checks.filter((check) => !check.ok && !MEASURED.has(check.name));

function tell(result: LabResult): void {
  for (const row of result.results) {
    report(
      `${result.lab}: ${Object.entries(row)
        .map(([name, value]) => `${name} ${String(value)}`)
        .join(', ')}`,
    );
  }
  for (const check of result.checks) if (MEASURED.has(check.name)) report(`${result.lab}: ${check.name} ${check.got} (${check.expected})`);
}
