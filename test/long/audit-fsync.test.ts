// Real brokers under strace: nothing is sent before it is synced, and builds that leave out one kind of sync are found out.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type AuditFigures, runAudit } from '../../src/lab/audit/index.ts';
import { needs } from '../support/needs.ts';
import { report } from './budget.ts';

const HOOK = pathToFileURL(path.join(import.meta.dirname, '..', 'support', 'skip-sync.mjs')).href;
const canTrace = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']).status === 0;
const needsTrace = needs(canTrace ? null : 'strace cannot trace here');

async function audit(skipped: 'log' | 'votes' | null): Promise<AuditFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-audit-'));
  const env = skipped === null ? {} : { NODE_OPTIONS: `--import ${HOOK}`, CAIRN_TEST_SKIP_SYNC: skipped };
  try {
    return await runAudit({ folder, seconds: 2, kills: 1, workers: 8, env });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('every acknowledgement and every vote comes after a sync that covers it', needsTrace, async () => {
  const figures = await audit(null);

  const { answers, acknowledgements, votes, syncs, violationCount } = figures;
  report(`audit: ${answers} answers, ${acknowledgements} acknowledgements, ${votes} votes, ${syncs} syncs, ${violationCount} too early`);
  expect(figures.violations).toEqual([]);
  expect(Math.min(answers, acknowledgements, votes, syncs)).toBeGreaterThan(0);
});

test('a build that does not sync its log is found out', needsTrace, async () => {
  const { violations } = await audit('log');

  expect(violations.join('\n')).toMatch(/acknowledged group \d+ up to \d+ to broker \d, with 0 synced/);
});

test('a build that does not sync its votes is found out', needsTrace, async () => {
  const { violations } = await audit('votes');

  expect(violations.join('\n')).toMatch(/gave broker \d its vote in term \d+ of group \d+, with (no vote|a vote for)/);
});
