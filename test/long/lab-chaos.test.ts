// Faults of every kind on real brokers, and loss of power, within what time there is. `cairn lab chaos` and `cairn lab power-loss` are the same at full size.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { runChaosLab } from '../../src/lab/chaos/index.ts';
import { forgetfulDiskProblem, type PowerLossOptions, runPowerLossLab } from '../../src/lab/power-loss/index.ts';
import type { LabResult } from '../../src/lab/report/index.ts';
import { needs } from '../support/needs.ts';
import { report, seedsWithinBudget } from './budget.ts';
import { failedChecks, tell } from './lab-report.ts';

const HOOK = pathToFileURL(path.join(import.meta.dirname, '..', 'support', 'skip-sync.mjs')).href;
const needsForgetfulDisk = needs(forgetfulDiskProblem());

it('faults of every kind lose, move, double and reorder nothing acknowledged', async () => {
  let faults = 0;
  for (const seed of seedsWithinBudget({ countMax: 20, share: 0.4 })) {
    await inFolder(async (folder) => {
      const replay = `cairn lab chaos --kills 3 --partitions 2 --seconds 20 --seed ${seed}`;
      const set = { kills: 3, partitions: 2, others: 0, faults: null, brokers: 3, workers: 8, seed, seconds: 20, faultsPerRound: 60 };
      const result = await runChaosLab({ ...set, folder, onFault: () => faults++ });
      tell({ ...result, results: result.results.slice(-1) }, replay);
      expect(failedChecks(result), `again: ${replay}`).toEqual([]);
    });
  }
  report(`${faults} faults of lab chaos`);
});

it('losses of power lose nothing acknowledged', needsForgetfulDisk, async () => {
  let rounds = 0;
  for (const seed of seedsWithinBudget({ countMax: 10 })) {
    const replay = `cairn lab power-loss --rounds 3 --seed ${seed}`;
    const result = await powerLoss(seed);
    tell(result, replay);
    expect(failedChecks(result), `again: ${replay}`).toEqual([]);
    rounds += 3;
  }
  report(`${rounds} losses of power`);
});

it('a build that acknowledges before the sync is found out by a loss of power', needsForgetfulDisk, async () => {
  // Where its brokers no longer come back or agree, that too is found out, and soon: those that sync are back within seconds.
  const env = { NODE_OPTIONS: `--import ${HOOK}`, CAIRN_TEST_SKIP_SYNC: 'log' };
  const found = await powerLoss(1, { env, standstillMs: 30_000 }).then(
    ({ checks }) => checks.filter((check) => !check.ok).map((check) => `${check.name}: ${check.got}`),
    (error: unknown) => [error instanceof Error ? error.message : String(error)],
  );

  report(`power loss on a build that does not sync: ${found.join('; ').slice(0, 300)}`);
  expect(found).not.toEqual([]);
});

function powerLoss(seed: number, more: Pick<PowerLossOptions, 'env' | 'standstillMs'> = {}): Promise<LabResult> {
  return inFolder((folder) => runPowerLossLab({ rounds: 3, brokers: 3, workers: 8, seed, folder, onRound: () => undefined, ...more }));
}

async function inFolder<Value>(use: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-chaos-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
