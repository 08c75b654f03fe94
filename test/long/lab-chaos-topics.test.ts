// Faults on eight real brokers with twenty topics, within what time there is. `cairn lab chaos --topics 20` is the same at full size.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runTopicsChaosLab } from '../../src/lab/chaos/index.ts';
import { report, seedsWithinBudget } from './budget.ts';
import { failedChecks, tell } from './lab-report.ts';

it('topics on some of eight brokers lose, move, double and reorder nothing acknowledged', async () => {
  let steps = 0;
  for (const seed of seedsWithinBudget({ countMax: 20 })) {
    await inFolder(async (folder) => {
      const set = { topics: 20, brokers: 8, kills: 3, pauses: 1, partitions: 1, restarts: 1, seed };
      const replay = `cairn lab chaos --topics 20 --kills 3 --pauses 1 --partitions 1 --restarts 1 --seed ${seed}`;
      const result = await runTopicsChaosLab({ ...set, folder, onStep: () => steps++ });
      tell(result, replay);
      expect(failedChecks(result), `again: ${replay}`).toEqual([]);
    });
  }
  report(`${steps} faults and restarts of lab chaos with 20 topics`);
});

async function inFolder<Value>(use: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-chaos-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
