import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Programs of the machine that some faults are made with. */
export type Tool = 'strace' | 'faketime' | 'prlimit';

export interface Tools {
  /** Why a tool cannot be used here; empty when all can. */
  readonly missing: ReadonlyMap<Tool, string>;
  /** The library that faketime preloads. */
  readonly faketimeLibrary: string | null;
}

const FAKETIME_LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '.'].map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`);

export function findTools(): Tools {
  const missing = new Map<Tool, string>();
  const straceProblem = tryStrace();
  if (straceProblem !== null) missing.set('strace', straceProblem);
  if (spawnSync('prlimit', ['--version']).status !== 0) missing.set('prlimit', 'prlimit is not installed');
  const faketimeLibrary = FAKETIME_LIBRARIES.find((file) => existsSync(file)) ?? null;
  if (faketimeLibrary === null) missing.set('faketime', 'faketime is not installed');
  return { missing, faketimeLibrary };
}

/** Installed is not allowed: in some containers nobody may trace. */
function tryStrace(): string | null {
  const run = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
  if (run.error !== undefined) return 'strace is not installed';
  return run.status === 0 ? null : `strace cannot trace here: ${run.stderr.trim().split('\n')[0] ?? ''}`;
}

export interface Injection {
  /** Resolves when strace has left the process, also because that has ended. */
  end(): Promise<void>;
}

const DETACH_MS_MAX = 5_000;

/** Tampers with system calls of a process that runs, until `end`; on one file, or on all. `inject` as strace takes it, such as `fdatasync:error=EIO:when=1`. */
export async function injectIntoSystemCalls(pid: number, inject: string, file: string | null = null): Promise<Injection> {
  const calls = inject.split(':', 1)[0] ?? '';
  const only = file === null ? [] : ['-P', file];
  const args = ['-f', '-p', String(pid), '-o', '/dev/null', ...only, '-e', `trace=${calls}`, '-e', `inject=${inject}`];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => {
    tracer.once('exit', () => resolve());
    tracer.once('error', () => resolve());
  });
  // It says so once every thread is attached.
  await new Promise<void>((resolve) => {
    tracer.stderr.on('data', (text: Buffer) => {
      if (text.includes('attached')) resolve();
    });
    void ended.then(resolve);
  });
  return {
    async end() {
      tracer.kill('SIGTERM');
      const hard = setTimeout(() => tracer.kill('SIGKILL'), DETACH_MS_MAX);
      await ended;
      clearTimeout(hard);
    },
  };
}

export type Limit = 'fsize' | 'nofile';

/** Sets a soft limit of a process that runs; null lifts it to what the hard limit allows. Nothing happens when the process is gone. */
export function setLimit(pid: number, limit: Limit, value: number | null): void {
  try {
    const [, hard = 'unlimited'] = execFileSync(
      'prlimit',
      ['--pid', String(pid), `--${limit}`, '--raw', '--noheadings', '-o', 'SOFT,HARD'],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
      .trim()
      .split(/\s+/);
    execFileSync('prlimit', ['--pid', String(pid), `--${limit}=${value ?? hard}:${hard}`], { stdio: 'ignore' });
  } catch (error) {
    // It may have ended meanwhile; a limit that stays would spoil all that follows.
    if (isAlive(pid)) throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
