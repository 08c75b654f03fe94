// The course's way with a logger and its nodes (contract 1), through compat/mp0.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { pause } from '../../src/lab/rig/index.ts';

export const launchers = path.join(import.meta.dirname, '..', '..', 'compat', 'mp0');

export interface Running {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

export function run(command: string, args: readonly string[], cwd: string): Running {
  // A group of its own, so that it can be killed with its children, as graders do.
  const child = spawn(command, args, { cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  return {
    child,
    out: () => Buffer.concat(out).toString('latin1'),
    err: () => Buffer.concat(err).toString('latin1'),
    ended: new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal))),
  };
}

export function killGroup({ child }: Running): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, 'SIGKILL');
}

export async function inFolder<Value>(use: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-mp0-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The grader's procedure: one event from one node, SIGKILL the node and its children, then the logger; gives what stdout held. */
export async function gradeOnce(
  folder: string,
  port: number,
  pauseMs: number,
): Promise<{ readonly event: string; readonly out: string; readonly err: string }> {
  const logger = run(path.join(launchers, 'logger'), [String(port)], folder);
  await pause(pauseMs);
  await until(() => listens(port));
  const node = run(path.join(launchers, 'node'), ['test', '127.0.0.1', String(port)], folder);
  const timestamp = String(Date.now() / 1000);
  const event = `${timestamp} ${'0123456789abcdef'.repeat(4)}`;
  node.child.stdin?.write(`${event}\n`);
  await pause(pauseMs);
  await printed(logger, event);
  killGroup(node);
  await pause(pauseMs);
  await printed(logger, 'disconnected');
  killGroup(logger);
  await Promise.all([node.ended, logger.ended]);
  return { event: `${timestamp} test ${'0123456789abcdef'.repeat(4)}`, out: logger.out(), err: logger.err() + node.err() };
}

const printed = (logger: Running, text: string): Promise<void> => until(() => logger.out().includes(text.slice(-32)));

/** A machine that is busy takes longer than the grader waits. */
async function until(holds: () => boolean): Promise<void> {
  const waitMs = 50;
  for (let waits = 0; waits < 400 && !holds(); waits++) await pause(waitMs);
}

/** As the system tells it: a connection made to find out would be one that the logger sees. */
function listens(port: number): boolean {
  const listening = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} [0-9A-F]+:0000 0A `);
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((file) => listening.test(readFileSync(file, 'latin1')));
}

export const timelinesIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('cairn-timeline-'));

// Written from the description of the course's script in contract 1.
const generator = `
import hashlib, os, random, sys, time
rate = float(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else None
while count is None or count > 0:
    print("%s %s" % (time.time(), hashlib.sha256(os.urandom(20)).hexdigest()))
    if count is not None:
        count -= 1
    time.sleep(random.expovariate(rate))
`;

/** The published command lines, with two nodes: generators in Python pipe ten events each into nodes; gives what each sent and how its node ended. */
export async function generateOnce(
  folder: string,
  port: number,
): Promise<readonly { readonly name: string; readonly sent: readonly string[]; readonly exit: number | NodeJS.Signals | null }[]> {
  writeFileSync(path.join(folder, 'generator.py'), generator);
  const shell = (name: string): string =>
    `python3 -u generator.py 20 10 | tee ${name}.txt | ${path.join(launchers, 'node')} ${name} 127.0.0.1 ${port}`;
  const shells = ['node1', 'node2'].map((name) => ({ name, shell: run('/bin/sh', ['-c', shell(name)], folder) }));
  const exits = await Promise.all(shells.map(({ shell: { ended } }) => ended));
  return shells.map(({ name }, index) => ({
    name,
    sent: readFileSync(path.join(folder, `${name}.txt`), 'latin1')
      .trimEnd()
      .split('\n'),
    exit: exits[index] ?? null,
  }));
}

/** The events of a node as it sent them, from what a logger printed. */
export const printedBy = (out: string, name: string): readonly string[] =>
  out
    .split('\n')
    .filter((line) => line.split(' ')[1] === name)
    .map((line) => line.replace(` ${name} `, ' '));
