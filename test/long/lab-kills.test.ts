// 50 SIGKILLs of real brokers with their data on disk, five on each cluster: real processes, real disks, real time.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runKillsLab, runRestartsLab } from '../../src/lab/kills/index.ts';
import { report, seedsWithinBudget } from './budget.ts';
import { failedChecks, tell } from './lab-report.ts';

const KILLS = 5;

it('SIGKILLs under load lose, move, double and reorder nothing acknowledged', async () => {
  let killed = 0;
  for (const seed of seedsWithinBudget({ countMax: 10, share: 0.6 })) {
    await inFolder(async (folder) => {
      const replay = `cairn lab kills --kills ${KILLS} --seed ${seed}`;
      const result = await runKillsLab({ kills: KILLS, brokers: 3, workers: 8, seed, folder, onKill: () => undefined });
      tell(result, replay);
      expect(failedChecks(result), `again: ${replay}`).toEqual([]);
      killed += KILLS;
    });
  }
  report(`${killed} of 50 kills`);
});

it('stops of the leader and rolling restarts fail no append', async () => {
  for (const seed of seedsWithinBudget({ countMax: 4 })) {
    await inFolder(async (folder) => {
      const result = await runRestartsLab({ stops: 2, rounds: 1, brokers: 3, workers: 8, folder, onRestart: () => undefined });
      tell(result, `cairn lab restarts --stops 2 --rounds 1 (${seed})`);
      expect(failedChecks(result)).toEqual([]);
    });
  }
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-kills-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
