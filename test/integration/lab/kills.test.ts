// The lab on real brokers, in small. `npm run test:long lab-kills` runs it at full size; `cairn lab kills` prints its figures.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runKillsLab } from '../../../src/lab/kills/index.ts';

describe('real brokers under load', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-kills-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  // Rolling restarts of real brokers are in test/long, of simulated ones in test/sim.
  it('lose, move, double and reorder nothing acknowledged when a leader is killed', async () => {
    const { checks } = await runKillsLab({ kills: 1, brokers: 3, workers: 1, seed: 1, folder, onKill: () => undefined });

    expect(checks.filter((check) => !check.ok)).toEqual([]);
  });
});
