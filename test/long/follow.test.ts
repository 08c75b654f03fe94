// Followed files as they are in the world: 10,000 random lives on simulated files, 2,000 with packed ones, 200 on real ones, and an agent beside what really rotates logs.
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runAgent } from '../../src/daemon/collect/agent.ts';
import type { FollowSettings } from '../../src/daemon/collect/follow.ts';
import type { MemoryLog } from '../../src/eventlog/memory-log.ts';
import { eventually } from '../support/curl.ts';
import { makeMemoryLog, startLineGateway, storedLines } from '../support/line-gateway.ts';
import { needs } from '../support/needs.ts';
import { runFollowing, runFollowingPacked } from '../unit/tail/follow-run.ts';
import { RealDisk } from '../unit/tail/real-disk.ts';
import { report, seedsWithinBudget } from './budget.ts';

let folder = '';
let memory: MemoryLog;
const open: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-follow-'));
  memory = await makeMemoryLog();
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true });
});

it('random lives of a log give every line once, or tell that something is lost', () => {
  let count = 0;
  let lines = 0;
  for (const seed of seedsWithinBudget({ countMax: 10_000, share: 0.6 })) {
    const { problems, written } = runFollowing(seed);
    expect(problems, `runFollowing(${seed})`).toEqual([]);
    count++;
    lines += written;
  }
  report(`followed files: ${count} of 10,000 sequences, ${lines} lines`);
});

it('the same with rotated files that are packed, and read all the same', async () => {
  let count = 0;
  let lines = 0;
  for (const seed of seedsWithinBudget({ countMax: 2_000, share: 0.6 })) {
    const { problems, written } = await runFollowingPacked(seed);
    expect(problems, `runFollowingPacked(${seed})`).toEqual([]);
    count++;
    lines += written;
  }
  report(`followed files, packed too: ${count} of 2,000 sequences, ${lines} lines`);
});

it('the same on real files', () => {
  let count = 0;
  for (const seed of seedsWithinBudget({ countMax: 200, share: 0.6 })) {
    const root = path.join(folder, String(seed));
    const { problems } = runFollowing(seed, { makeDisk: (schedule) => new RealDisk(root, schedule) });
    expect(problems, `runFollowing(${seed}) on real files`).toEqual([]);
    rmSync(root, { recursive: true });
    count++;
  }
  report(`followed files: ${count} of 200 sequences on real files`);
});

interface Agent {
  readonly said: string[];
  stop(): Promise<void>;
}

async function follow(file: string, more: Partial<FollowSettings> = {}): Promise<Agent> {
  const made = await startLineGateway(memory);
  open.push(() => made.close());
  const controller = new AbortController();
  const said: string[] = [];
  const ended = runAgent({
    name: 'n',
    host: '127.0.0.1',
    port: made.gateway.port,
    spool: path.join(folder, 'spool'),
    spoolBytesMax: 64 * 1024 * 1024,
    newSession: false,
    source: {
      kind: 'files',
      files: [file],
      include: [],
      exclude: [],
      isFromOldest: false,
      readsCompressed: false,
      firstLine: null,
      lastLineAfterMs: null,
      ...more,
    },
    say: (line) => void said.push(line),
    interrupt: controller.signal,
  });
  const stop = async (): Promise<void> => {
    controller.abort();
    await ended;
  };
  open.push(stop);
  return { said, stop };
}

const linesOf = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `line ${from + index}`);
const textOf = (from: number, to: number): string =>
  linesOf(from, to)
    .map((line) => `${line}\n`)
    .join('');
const stored = (lines: readonly string[]): Promise<void> =>
  eventually(async () => expect((await storedLines(memory)).map(({ value }) => value)).toEqual(lines));

it('mv, cp and truncate, with the agent away and there', async () => {
  const file = path.join(folder, 'app.log');
  writeFileSync(file, textOf(0, 5));
  const first = await follow(file);
  await stored(linesOf(0, 5));
  await first.stop();

  // Two rotations while it is away, the second by copying.
  appendFileSync(file, textOf(5, 10));
  renameSync(file, `${file}.2`);
  writeFileSync(file, textOf(10, 15));
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
  appendFileSync(file, textOf(15, 20));
  // A copy beside it, and another program's.
  copyFileSync(file, `${file}.bak`);
  writeFileSync(`${file}.err`, 'foreign\n');
  const second = await follow(file);
  await stored(linesOf(0, 20));

  copyFileSync(file, `${file}-20261130`);
  truncateSync(file);
  appendFileSync(file, textOf(20, 40));
  await stored(linesOf(0, 40));
  expect([first.said, second.said]).toEqual([[], []]);
});

it('Python’s RotatingFileHandler in bursts', async () => {
  const file = path.join(folder, 'app.log');
  writeFileSync(file, textOf(0, 1));
  const { said } = await follow(file);
  // What was rotated before its first look is not its.
  await stored(linesOf(0, 1));
  const program = `
import logging, logging.handlers, sys
handler = logging.handlers.RotatingFileHandler(sys.argv[1], maxBytes=1200, backupCount=500)
log = logging.getLogger(); log.addHandler(handler); log.setLevel(logging.INFO)
for i in range(int(sys.argv[2]), int(sys.argv[3])): log.info('line %d', i)
`;
  for (let from = 1; from < 3_000; from += 600) {
    await new Promise((resolve) =>
      spawn('python3', ['-c', program, file, String(from), String(Math.min(from + 600, 3_000))]).once('close', resolve),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  await stored(linesOf(0, 3_000));
  expect(said).toEqual([]);
});

it('a file that may not be read for a while', needs(process.getuid?.() === 0 ? 'root may read every file' : null), async () => {
  const file = path.join(folder, 'app.log');
  writeFileSync(file, textOf(0, 5));
  chmodSync(file, 0);
  const { said } = await follow(file);
  await eventually(async () => expect(said).toHaveLength(1));
  chmodSync(file, 0o600);

  await stored(linesOf(0, 5));
  expect(said).toEqual([expect.stringContaining(`Cannot read ${file}: EACCES`), `${file} can be read again`]);
});

it('a pipe and a folder are refused', async () => {
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const [what, words] of [
    [pipe, 'no regular file'],
    [folder, 'a folder'],
  ] as const) {
    const run = runAgent({
      name: 'n',
      host: '127.0.0.1',
      port: 9,
      spool: path.join(folder, 'spool'),
      spoolBytesMax: 64 * 1024 * 1024,
      newSession: false,
      source: {
        kind: 'files',
        files: [what],
        include: [],
        exclude: [],
        isFromOldest: false,
        readsCompressed: false,
        firstLine: null,
        lastLineAfterMs: null,
      },
      say: () => undefined,
      interrupt: new AbortController().signal,
    });
    await expect(run).rejects.toThrow(`Cannot follow ${what}: it is ${words}`);
  }
});
