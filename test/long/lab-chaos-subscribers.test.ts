// Publishers and subscribers on five real brokers while those and processes that pull are killed, within what time there is.
// `cairn lab chaos --subscribers 20 --kills 100 --partitions 100` is the same at full size.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runSubscribersChaosLab } from '../../src/lab/chaos/index.ts';
import { report, seedsWithinBudget } from './budget.ts';
import { failedChecks, tell } from './lab-report.ts';

it('subscribers are given everything that was acknowledged, once, but for what a killed one had', async () => {
  let steps = 0;
  for (const seed of seedsWithinBudget({ countMax: 20 })) {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-chaos-'));
    try {
      const set = { publishers: 20, subscribers: 20, shared: 3, workers: 3, brokers: 5, kills: 3, partitions: 3, seed };
      const replay = `cairn lab chaos --subscribers 20 --shared 3 --kills 3 --partitions 3 --seed ${seed}`;
      const result = await runSubscribersChaosLab({ ...set, folder, onStep: () => steps++ });
      tell(result, replay);
      expect(failedChecks(result), `again: ${replay}`).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  report(`${steps} faults of lab chaos with subscribers`);
});
