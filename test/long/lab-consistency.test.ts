// The course's test with its scenarios 1, 3 and 4 in turn, three times as fast, against real servers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runConsistencyLab } from '../../src/lab/consistency/index.ts';
import { report, seedsWithinBudget } from './budget.ts';
import { failedChecks, tell } from './lab-report.ts';

const BROKEN_SERVER = path.join(import.meta.dirname, '..', 'compat', 'broken-server.ts');

/** What a run takes at this speed, generously: one that would not end in time is not begun. */
const RUN_MS: Readonly<Record<number, number>> = { 1: 40_000, 3: 120_000, 4: 120_000 };
const DEADLINE_MS = Number(process.env['LONG_DEADLINE_MS'] ?? Number.POSITIVE_INFINITY);
const GRACE_MS = 30_000;

it('a server that answers before anything is agreed is found out', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-consistency-'));
  const usual = { scenario: 1, servers: 5, runs: 1, speed: 3, parallel: 1, seed: 1, onRun: () => undefined };
  const { checks } = await runConsistencyLab({ ...usual, folder, serverCommand: [process.execPath, BROKEN_SERVER] });
  rmSync(folder, { recursive: true });

  const unexcused = checks.find((check) => check.name === 'failures that nothing excuses');
  expect(unexcused).toMatchObject({ ok: false, got: '1' });
});

it("the course's scenarios 1, 3 and 4 have no failure that nothing excuses", async () => {
  let runs = 0;
  for (const seed of seedsWithinBudget({ countMax: 30 })) {
    const scenario = [1, 3, 4][runs % 3] ?? 1;
    if (runs > 0 && Date.now() + (RUN_MS[scenario] ?? 0) > DEADLINE_MS + GRACE_MS) break;
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-consistency-'));
    const replay = `cairn lab consistency --scenario ${scenario} --speed 3 --seed ${seed}`;
    const usual = { servers: 5, runs: 1, speed: 3, parallel: 1, serverCommand: null, onRun: () => undefined };
    const result = await runConsistencyLab({ ...usual, scenario, seed, folder });
    rmSync(folder, { recursive: true });
    tell({ ...result, results: result.results.slice(0, 1) }, replay);
    expect(failedChecks(result), `again: ${replay}`).toEqual([]);
    runs++;
  }
  report(`${runs} of 30 runs of the course's test`);
});
