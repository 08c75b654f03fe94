import { type ChildProcessByStdio, spawn } from 'node:child_process';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { runCli } from '../../src/cli/run-cli.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

export const program = path.join(import.meta.dirname, '..', '..', 'bin', 'cairn.mjs');

export interface CairnOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface CairnRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export type CairnProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts the program as a user does, with nothing of this test's environment but the path. */
export function startCairn(args: readonly string[], options: CairnOptions = {}): CairnProcess {
  return spawn(process.execPath, [program, ...args], {
    cwd: options.cwd ?? import.meta.dirname,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Types a command and waits for its end. */
export function cairn(args: readonly string[], options: CairnOptions = {}): Promise<CairnRun> {
  const child = startCairn(args, options);
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return ended(child);
}

/** The same within this process, which costs a tenth: where signals, pipes and the end of a process do not matter. */
export async function cairnHere(args: readonly string[], options: Pick<CairnOptions, 'input' | 'env'> = {}): Promise<CairnRun> {
  const { io, stdin, out, err } = fakeIo({ env: { ...options.env } });
  stdin.end(options.input ?? '');
  const code = await runCli(args, io);
  return { code, out: out(), err: err() };
}

export function ended(child: CairnProcess): Promise<CairnRun> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }));
  });
}
