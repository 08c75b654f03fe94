/** Machines that search, each a process of its own as `cairn serve --role search` starts it, and what the kernel says of such processes. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findFreePorts } from '../../src/lab/rig/index.ts';
import { untilListening } from '../../src/lab/collect/ports.ts';
import { type CairnProcess, startCairn } from './cairn.ts';

export interface SearchProcess {
  readonly name: string;
  readonly address: string;
  readonly folder: string;
  readonly process: CairnProcess;
}

export interface SearchProcesses {
  readonly all: readonly SearchProcess[];
  readonly on: string;
  end(): Promise<void>;
}

/** One for each set of files, all exposed as `app`; `oracle/` holds the names that stand before their lines. */
export async function startSearchProcesses(
  sets: readonly Readonly<Record<string, Uint8Array | string>>[],
  flags: readonly string[] = [],
): Promise<SearchProcesses> {
  const root = mkdtempSync(path.join(tmpdir(), 'cairn-grep-test-'));
  const ports = await findFreePorts(sets.length);
  const all = sets.map((files, index): SearchProcess => {
    const name = `m${index + 1}`;
    const folder = path.join(root, name);
    mkdirSync(path.join(folder, 'oracle'), { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      writeFileSync(path.join(folder, file), content);
      symlinkSync(path.join(folder, file), path.join(folder, 'oracle', `${name}:${file}`));
    }
    const address = `127.0.0.1:${ports[index] ?? 0}`;
    const args = ['serve', '--role', 'search', '--listen', address, '--name', name, '--files', `app=${folder}/*.log`, ...flags];
    const child = startCairn(args);
    child.stdout.resume();
    return { name, address, folder, process: child };
  });
  const end = async (): Promise<void> => {
    // The launcher cannot tell the process below it that it was killed.
    await Promise.all(all.map(({ process: child }) => killed(child, 'SIGTERM')));
    rmSync(root, { recursive: true, force: true });
  };
  try {
    await Promise.all(all.map(({ process: child }, index) => Promise.race([listening(ports[index] as number), failed(child)])));
  } catch (error) {
    await end();
    throw error;
  }
  return { all, on: all.map(({ address }) => address).join(','), end };
}

/** However long a busy machine takes to start it. */
const listening = (port: number): Promise<void> => untilListening(port).catch(() => listening(port));

/** Rejects when a process ends, with what it said. */
function failed(child: CairnProcess): Promise<never> {
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 4096) said += chunk.toString();
  });
  return new Promise((_resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a machine has ended with ${code ?? 'a signal'}: ${said}`)));
  });
}

export function killed(child: CairnProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

/** The process that does the work: of a server the launcher stands before it, which gives it flags of Node. */
export function workerOf(child: CairnProcess): number {
  const pid = child.pid as number;
  // What Node calls its first thread.
  const [below] = childrenOf(pid).filter((each) => nameOf(each) === 'MainThread' || nameOf(each) === 'node');
  return below ?? pid;
}

/** Search programs at work below a process. */
export const searchPrograms = (pid: number): string[] =>
  descendantsOf(pid)
    .map(nameOf)
    .filter((name) => /^(rg|grep|prlimit)$/.test(name));

function childrenOf(pid: number): number[] {
  return readEach(`/proc/${pid}/task`, (thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')).flatMap((text) =>
    text
      .split(' ')
      .filter((word) => word !== '')
      .map(Number),
  );
}

const descendantsOf = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);

const nameOf = (pid: number): string => readEach('', () => readFileSync(`/proc/${pid}/comm`, 'utf8').trim())[0] ?? '';

/** Processes come and go between a look and the next. */
function readEach<Value>(folder: string, read: (name: string) => Value): Value[] {
  const attempt = <Result>(run: () => Result, otherwise: Result): Result => {
    try {
      return run();
    } catch {
      return otherwise;
    }
  };
  const names = folder === '' ? [''] : attempt(() => readdirSync(folder), []);
  return names.flatMap((name) => attempt(() => [read(name)], []));
}

const megabyte = 1024 * 1024;

/** Memory that a process has in use, and the most that it had since `forgetPeak`, in MB. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  // Of one that has just ended nothing is said any more.
  const of = (field: string): number => (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024) / megabyte;
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** GNU grep on each file by itself: what it prints, one file behind the other, and the status of all. */
export function grepByHand(
  args: readonly string[],
  machines: readonly Pick<SearchProcess, 'name' | 'folder'>[],
): { readonly stdout: string; readonly status: number } {
  const outputs: Buffer[] = [];
  const statuses: number[] = [];
  for (const { folder } of machines) {
    const oracle = path.join(folder, 'oracle');
    for (const file of readdirSync(oracle).toSorted()) {
      const ran = runGrepOn(args, file, oracle);
      outputs.push(ran.stdout);
      statuses.push(ran.status);
    }
  }
  const status = statuses.includes(2) ? 2 : statuses.includes(0) ? 0 : 1;
  return { stdout: Buffer.concat(outputs).toString('latin1'), status };
}

/** On one file, as the contract has it. */
export function runGrepOn(args: readonly string[], file: string, folder: string): { readonly stdout: Buffer; readonly status: number } {
  try {
    const options = {
      cwd: folder,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'ignore'],
    } as const;
    return { stdout: execFileSync('grep', ['-a', '-H', ...args, file], { ...options, stdio: ['ignore', 'pipe', 'ignore'] }), status: 0 };
  } catch (error) {
    const { status, stdout } = error as { readonly status: number | null; readonly stdout: Buffer };
    return { stdout, status: status ?? 2 };
  }
}
