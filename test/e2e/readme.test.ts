/** The tour of the README: its very commands, typed in its order at three fresh brokers, print what it shows. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { needsPrograms } from '../support/needs.ts';

const root = path.join(import.meta.dirname, '..', '..');
let brokers: LabBrokers;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3 });
});
afterAll(() => brokers.end());

interface Step {
  readonly command: string;
  readonly shown: string;
}

/** Commands and what follows them, of all `console` blocks. */
function stepsOf(readme: string): Step[] {
  const blocks = [...readme.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...shown] = step.split('\n');
        return { command, shown: shown.join('\n') };
      }),
  );
}

/** Numbers, who leads and how wide a column is are another time's; all words and their order are not. */
function normalized(text: string): string {
  return text
    .replaceAll(/\d+(?:[.,]\d+)*/g, '#')
    .replaceAll(/#(?:, #)+/g, '#')
    .replaceAll(/(?:#[dhms] ?)+(?=\s|$)/gm, '#s')
    .replaceAll(/# (?:B|[KMG]iB)/g, '# KiB')
    .replaceAll(/#:(?:leader|follows|-#)/g, '#:role')
    .replaceAll(/[ \t]+/g, ' ')
    .trim();
}

/** In one shell in the checkout's folder, where `npx cairn` is this checkout and the addresses are those of the test's brokers. */
function type(command: string): Promise<string> {
  const here = [0, 1, 2].reduce(
    (text, vertex) => text.replaceAll(`127.0.0.1:800${vertex}`, new URL(brokers.urls[vertex] ?? '').host),
    command,
  );
  const npx = `npx() { shift; '${process.execPath}' '${path.join(root, 'bin', 'cairn.mjs')}' "$@"; }\n`;
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], CAIRN_SERVER: brokers.urls[0] };
  const shell = spawn('bash', ['-c', `${npx}{ ${here}\n} 2>&1`], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const printed: Buffer[] = [];
  shell.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  return new Promise((resolve, reject) => {
    shell.once('error', reject);
    shell.once('close', () => resolve(Buffer.concat(printed).toString()));
  });
}

test("each command of the README's tour prints what the README shows", needsPrograms('bash', 'curl', 'cmp'), async () => {
  const steps = stepsOf(readFileSync(path.join(root, 'README.md'), 'utf8'));

  expect(steps.length).toBeGreaterThan(10);
  for (const { command, shown } of steps) expect(normalized(await type(command)), command).toBe(normalized(shown));
});
