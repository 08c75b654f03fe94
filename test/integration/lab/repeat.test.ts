import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from '../../../src/cli/run-cli.ts';
import { fakeIo } from '../../unit/cli/fake-io.ts';

test('the report of a lab says what was typed, with the seed, and without where it went', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-repeat-'));
  try {
    const { io } = fakeIo();
    const typed = [
      'lab',
      'placement',
      '--topics=100',
      '-o',
      folder,
      '--brokers',
      '2',
      '--replicas',
      '1',
      '--note',
      "a 'quick' look",
      '--json',
    ];

    await runCli(typed, io);

    const html = readFileSync(path.join(folder, 'report.html'), 'utf8');
    const said = /To repeat it: <code>(.*?)<\/code>/.exec(html)?.[1];
    expect(said).toBe(String.raw`cairn lab placement --topics 100 --brokers 2 --replicas 1 --note 'a '\''quick'\'' look' --seed 1`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
