// The course's test, restated, through the launcher, three times as fast as the course runs it. All its scenarios, and a server that is wrong on
// purpose: `npm run test:long lab-consistency`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runConsistencyLab } from '../../src/lab/consistency/index.ts';
import { needsPrograms } from '../support/needs.ts';

describe("the course's test", needsPrograms('python3'), () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-consistency-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('finds nothing wrong with our servers', async () => {
    const usual = { scenario: 1, servers: 5, runs: 1, speed: 3, parallel: 1, seed: 1, serverCommand: null, onRun: () => undefined };
    const { checks } = await runConsistencyLab({ ...usual, folder });

    // Puts that came before a server had started on a busy machine are no defect.
    expect(checks.filter((check) => !check.ok && !check.name.includes('unanswered'))).toEqual([]);
  });
});
