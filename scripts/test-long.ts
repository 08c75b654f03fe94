// `npm run test:long [-- --minutes N] [-- NAME ...]`: the tests of test/long, in a circle by their names, within a time budget.
//
// The budget (--minutes, else LONG_MINUTES, else 10) is shared out: each file may use an equal part of what is left, and what it
// does not use goes to those after it. A file learns its end from LONG_DEADLINE_MS (see test/long/budget.ts) and stops by itself
// after the seed that it is at; one that goes on far beyond it is ended and counts as failed. What was not reached is printed,
// and is no failure. The seeds of a run begin at LONG_SEED (default 1), and its files with the one of that number, so that every
// night can try others and reach others.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(import.meta.dirname);
const LONG = path.join(ROOT, 'test', 'long');
const GRACE_MS = 180_000;

const { values, positionals } = parseArgs({ options: { minutes: { type: 'string' } }, allowPositionals: true });
const minutes = Number(values.minutes ?? process.env['LONG_MINUTES'] ?? '10');
if (!(minutes > 0)) {
  console.error(`Cannot run the long tests: --minutes is not a positive number`);
  process.exit(2);
}

const files = (existsSync(LONG) ? readdirSync(LONG, { recursive: true, encoding: 'utf8' }) : [])
  .filter((file) => file.endsWith('.test.ts') && (positionals.length === 0 || positionals.some((name) => file.includes(name))))
  .toSorted((a, b) => (a < b ? -1 : 1));

if (files.length === 0) {
  console.error(`Cannot run the long tests: ${positionals.length === 0 ? 'there are none' : `none is called ${positionals.join(' or ')}`}`);
  process.exit(2);
}

const seed = Number(process.env['LONG_SEED'] ?? '1');
if (!Number.isSafeInteger(seed) || seed < 1) {
  console.error('Cannot run the long tests: LONG_SEED is not a whole number from 1 on');
  process.exit(2);
}
const first = (seed - 1) % files.length;
files.push(...files.splice(0, first));

const endsAtMs = Date.now() + minutes * 60_000;
const reportFolder = mkdtempSync(path.join(tmpdir(), 'cairn-long-'));
const passed: string[] = [];
const failed: string[] = [];
const notReached: string[] = [];

for (const [index, file] of files.entries()) {
  const leftMs = endsAtMs - Date.now();
  if (leftMs <= 0) {
    notReached.push(file);
    continue;
  }
  const startedAtMs = Date.now();
  const outcome = await runFile(file, startedAtMs + leftMs / (files.length - index));
  (outcome === 'passed' ? passed : failed).push(file);
  console.log(
    `${outcome === 'passed' ? 'ok  ' : 'FAIL'} ${file} ${((Date.now() - startedAtMs) / 1000).toFixed(0)} s${outcome === 'stuck' ? ': ended, it did not stop at its deadline' : ''}`,
  );
}

for (const file of notReached) console.log(`not reached within ${minutes} minutes: ${file}`);
rmSync(reportFolder, { recursive: true });
console.log(`long tests: ${passed.length} passed, ${failed.length} failed, ${notReached.length} not reached`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** Runs one file. Shows what it reports (`report()` of budget.ts) and what it skips, and its whole output when it fails. */
async function runFile(file: string, deadlineMs: number): Promise<'passed' | 'failed' | 'stuck'> {
  const vitest = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const report = path.join(reportFolder, 'report');
  const child = spawn(process.execPath, [vitest, 'run', '--config', 'vitest.long.config.ts', path.join('test', 'long', file)], {
    cwd: ROOT,
    env: { ...process.env, LONG_DEADLINE_MS: String(Math.floor(deadlineMs)), LONG_REPORT: report },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));

  let isStuck = false;
  const endStuck = (): void => {
    isStuck = true;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(endStuck, deadlineMs - Date.now() + GRACE_MS);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);

  if (existsSync(report)) {
    process.stdout.write(readFileSync(report));
    rmSync(report);
  }
  const said = Buffer.concat(output).toString();
  if (code === 0) {
    // What was skipped, and why (`test/support/reporter.ts`).
    for (const [skipped] of said.matchAll(/^skipped: .*\n(?: {2}.*\n)*/gm)) process.stdout.write(skipped);
    return 'passed';
  }
  process.stdout.write(said);
  return isStuck ? 'stuck' : 'failed';
}
