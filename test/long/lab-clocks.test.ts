// Trials of the scale model in real processes: exact ticks, and figures that virtual runs give. Those of the seed have the length that the contract gives
// them, and are left out where there is less time.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { presets, runClocksLab } from '../../src/lab/clocks/index.ts';
import { report, seedsWithinBudget, timeLeftMs } from './budget.ts';
import { failedChecks, tell } from './lab-report.ts';

/** The longest lasts two minutes. */
const nineTrialsMs = 140_000;
const common = { machines: 3, isVirtual: false, parallel: 8, second: 10, addresses: null, relayRate: null, say: () => undefined };

it('drawn trials hold, with pairwise sockets and through a relay', async () => {
  for (const seed of seedsWithinBudget({ countMax: 3, share: 0.5 })) {
    await inFolder(async (folder) => {
      const result = await runClocksLab({
        ...common,
        rates: null,
        range: 10,
        seconds: 10,
        trials: 2,
        presets: [],
        topology: 'relay',
        seed,
        folder,
      });
      tell(result, `cairn lab clocks --topology relay --seed ${seed}`);
      expect(failedChecks(result), `again: cairn lab clocks --topology relay --seed ${seed}`).toEqual([]);
    });
  }
});

it("the seed's nine trials are as it says", async () => {
  if (timeLeftMs() < nineTrialsMs) return report("the seed's nine trials: not reached, they take more than two minutes");
  for (const seed of seedsWithinBudget({ countMax: 3 })) {
    await Promise.all(
      presets.map((_, index) =>
        inFolder(async (folder) => {
          const preset = index + 1;
          const result = await runClocksLab({
            ...common,
            rates: null,
            range: 10,
            seconds: null,
            trials: 1,
            presets: [preset],
            topology: 'mesh',
            seed,
            folder,
          });
          tell(result, `cairn lab clocks --preset ${preset} --seed ${seed}`);
          expect(failedChecks(result), `again: cairn lab clocks --preset ${preset} --seed ${seed}`).toEqual([]);
        }),
      ),
    );
    report(`nine trials of seed ${seed}`);
  }
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-clocks-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
