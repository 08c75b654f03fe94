// The labs on real brokers, in small. `npm run test:long` runs them at full size; `cairn lab kills` and `cairn lab restarts` print their figures.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runKillsLab, runRestartsLab } from '../../../src/lab/kills/index.ts';
import type { Check } from '../../../src/lab/report/index.ts';

describe('real brokers under load', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-kills-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('lose, move, double and reorder nothing acknowledged when they are killed', async () => {
    const { checks } = await runKillsLab({ kills: 2, brokers: 3, workers: 2, seed: 1, folder, onKill: () => undefined });

    expect(failed(checks)).toEqual([]);
  });

  it('fail no append in a rolling restart', async () => {
    const { checks } = await runRestartsLab({ stops: 0, rounds: 1, brokers: 3, workers: 2, folder, onRestart: () => undefined });

    // How long the gap is depends on what else this machine does.
    expect(failed(checks).filter((check) => check.name !== 'longest gap')).toEqual([]);
  });
});

const failed = (checks: readonly Check[]): Check[] => checks.filter((check) => !check.ok);
