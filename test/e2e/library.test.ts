/** docs/library.md: its examples are one program, which prints at three fresh brokers what the page shows. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { compared, examplesOf, programOf } from '../../scripts/examples.mjs';

const root = path.join(import.meta.dirname, '..', '..');
let brokers: LabBrokers;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3 });
});
afterAll(() => brokers.end());

test('the examples of docs/library.md print what the page shows', async () => {
  const examples = examplesOf(readFileSync(path.join(root, 'docs', 'library.md'), 'utf8'));
  const library = pathToFileURL(path.join(root, 'src', 'library', 'index.ts')).href;
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-library-'));
  try {
    const file = path.join(folder, 'example.mjs');
    writeFileSync(file, programOf(examples, { library, servers: brokers.urls, last: 'await client.close();' }));

    const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', file]);

    expect(examples.length).toBeGreaterThan(6);
    const { printed, shown } = compared(stdout, examples);
    expect(printed).toEqual(shown);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
