// The whole lab of contract 3, as `cairn lab pubsub --quick` runs it.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parts, quickExtent, runPubsubLab } from '../../src/lab/pubsub/index.ts';
import { writeReport } from '../../src/lab/report/index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cairn-pubsub-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('every part of the lab of contract 3 holds, and its report quotes figures and nothing in their place', async () => {
  const startedMs = Date.now();

  const result = await runPubsubLab({ parts, extent: quickExtent, seed: 1, folder, say: () => undefined });
  const summary = await writeReport(result, { folder, version: '1.2.3', startedMs });

  expect(summary.checks.filter(({ ok }) => !ok)).toEqual([]);
  // Each API on each broker, with one client, eight and 64.
  expect(summary.results.filter(({ part }) => part === '6. each API on each broker')).toHaveLength(56);
  expect(summary.graphs.length).toBeGreaterThan(12);
  expect(readdirSync(folder)).toContain('report.html');
  const said = JSON.stringify(result.discussion?.(summary));
  expect(said).not.toMatch(/undefined|NaN|Infinity|not measured/);
});
