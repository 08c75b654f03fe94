// The course's test, restated, through the launcher and against a server that is wrong on purpose; three times as fast as the course runs it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runConsistencyLab } from '../../src/lab/consistency/index.ts';
import type { LabResult } from '../../src/lab/report/index.ts';
import { needsPrograms } from '../support/needs.ts';

const BROKEN_SERVER = path.join(import.meta.dirname, 'broken-server.ts');

describe("the course's test", needsPrograms('python3'), () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-consistency-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function run(name: string, serverCommand: readonly string[] | null): Promise<LabResult> {
    const usual = { scenario: 1, servers: 5, runs: 1, speed: 3, parallel: 1, seed: 1, onRun: () => undefined };
    return runConsistencyLab({ ...usual, folder: path.join(folder, name), serverCommand });
  }

  it('finds nothing wrong with our servers, and finds out one that answers before anything is agreed', async () => {
    // Side by side: both mostly wait.
    const [ours, broken] = await Promise.all([run('ours', null), run('broken', [process.execPath, BROKEN_SERVER])]);

    // Puts that came before a server had started on a busy machine are no defect.
    expect(ours.checks.filter((check) => !check.ok && !check.name.includes('unanswered'))).toEqual([]);
    const unexcused = broken.checks.find((check) => check.name === 'failures that nothing excuses');
    expect(unexcused).toMatchObject({ ok: false, got: '1' });
  });
});
