import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { LogError } from '../../eventlog/index.ts';
import { ownFile } from '../../system/package.ts';
import { pause } from '../rig/index.ts';

/** What a disk has lost so far. */
export interface Forgotten {
  readonly powerFailures: number;
  readonly bytesLost: number;
  /** Names that were lost or came back, because their folder was not synced. */
  readonly namesLost: number;
}

const PROGRAM = ownFile('lab/power-loss/forgetful-disk.py');
const MOUNT_MS_MAX = 10_000;

/** Why no such disk can be made here, or null. */
export function forgetfulDiskProblem(): string | null {
  try {
    // It may be there and yet be denied, as in a container.
    closeSync(openSync('/dev/fuse', 'r+'));
  } catch (error) {
    return `/dev/fuse cannot be opened: ${(error as Error).message}`;
  }
  if (spawnSync('fusermount3', ['--version']).status !== 0) return 'fuse3 is not installed';
  return findPython() === null ? 'python3 with fusepy is not installed' : null;
}

/** The first python that has fusepy: a python of one's own often stands before the system's. */
function findPython(): string | null {
  const has = (python: string): boolean =>
    spawnSync(python, ['-c', 'try:\n import fusepy\nexcept ImportError:\n import fuse']).status === 0;
  return ['python3', '/usr/bin/python3'].find(has) ?? null;
}

/** A file system in memory that forgets what was not synced; see `forgetful-disk.py`. */
export class ForgetfulDisk {
  readonly folder: string;
  readonly #stats: string;
  readonly #process: ChildProcess;
  #failures = 0;

  private constructor(folder: string, stats: string, process_: ChildProcess) {
    this.folder = folder;
    this.#stats = stats;
    this.#process = process_;
    process.on('exit', this.#unmountNow);
  }

  /** Mounts one on an empty folder. */
  static async mount(folder: string): Promise<ForgetfulDisk> {
    mkdirSync(folder, { recursive: true });
    const stats = `${folder}.forgotten.json`;
    const before = statSync(folder).dev;
    const child = spawn(findPython() ?? 'python3', [PROGRAM, folder, stats], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    const disk = new ForgetfulDisk(folder, stats, child);
    for (const untilMs = performance.now() + MOUNT_MS_MAX; statSync(folder).dev === before; await pause(20)) {
      if (child.exitCode === null && performance.now() < untilMs) continue;
      await disk.unmount();
      throw new LogError(
        'dataUnusable',
        `Cannot mount a disk that forgets at ${folder}: ${said.trim().split('\n').at(-1) ?? 'no reason given'}`,
      );
    }
    return disk;
  }

  /** Turns the power off and on. Whoever had files open must be dead. `seed`: some of what was not synced survives; null: nothing does. */
  loseWhatWasNotSynced(seed: number | null): void {
    this.#failures++;
    mkdirSync(path.join(this.folder, `.forget-${seed === null ? 'all' : 'some'}-${seed ?? this.#failures}`));
  }

  get forgotten(): Forgotten {
    if (!existsSync(this.#stats)) return { powerFailures: 0, bytesLost: 0, namesLost: 0 };
    return JSON.parse(readFileSync(this.#stats, 'utf8')) as Forgotten;
  }

  async unmount(): Promise<void> {
    process.off('exit', this.#unmountNow);
    this.#unmountNow();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise((resolve) => void this.#process.once('exit', resolve));
      await Promise.race([ended, pause(2_000)]);
    }
    this.#process.kill('SIGKILL');
  }

  readonly #unmountNow = (): void => void spawnSync('fusermount3', ['-u', '-z', this.folder], { stdio: 'ignore' });
}
