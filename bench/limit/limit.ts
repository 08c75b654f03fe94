/**
 * The yardstick: the least that a replicated log on this machine must do, in Node and as fast as Node can. So many processes, each with a file that was written
 * full of zeros before; one of them leads, with the load inside; what is in flight travels as one group over TCP, every process writes it and
 * waits for fdatasync, and it counts as committed when a majority has. No Raft, no checksums, no index, nobody to answer to: a real log does more.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Children } from '../../src/lab/rig/index.ts';
import type { LeaderOrder, LeaderResult } from './leader.ts';
import { prepareLog } from './log.ts';

export interface LimitOptions {
  readonly replicas: number;
  readonly inFlight: number;
  readonly recordBytes: number;
  readonly recordsPerAppend: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Where the files are made: that disk is measured. */
  readonly parent?: string;
}

export interface LimitResult extends LeaderResult {
  readonly records: number;
  readonly recordsPerSecond: number;
}

/** Processes that stay for several measurements. */
export class Limit {
  readonly #folder: string;
  readonly #children: Children;
  readonly #ports: readonly number[];
  readonly #leader: ChildProcess;

  private constructor(folder: string, children: Children, ports: readonly number[]) {
    this.#folder = folder;
    this.#children = children;
    this.#ports = ports;
    this.#leader = start(children, 'lead');
  }

  static async start(replicas: number, parent = tmpdir()): Promise<Limit> {
    const folder = mkdtempSync(path.join(parent, 'cairn-limit-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const files = Array.from({ length: replicas }, (_, index) => path.join(folder, `log-${index}`));
    files.forEach(prepareLog);
    const children = new Children();
    const followers = files.slice(1).map((file) => start(children, file));
    const ports = await Promise.all(followers.map(async (child) => (await answerOf<{ port: number }>(child)).port));
    return new Limit(folder, children, ports);
  }

  async measure(options: Omit<LimitOptions, 'replicas' | 'parent'>): Promise<LimitResult> {
    const order: LeaderOrder = {
      file: path.join(this.#folder, 'log-0'),
      ports: this.#ports,
      inFlight: options.inFlight,
      recordBytes: options.recordBytes,
      recordsPerAppend: options.recordsPerAppend,
      warmUpMs: options.warmUpMs,
      measureMs: options.measureMs,
    };
    this.#leader.send(order);
    const result = await answerOf<LeaderResult>(this.#leader);
    const records = result.answered * options.recordsPerAppend;
    return { ...result, records, recordsPerSecond: (records / result.tookMs) * 1000 };
  }

  async end(): Promise<void> {
    await this.#children.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** `task` is `lead`, or the file of a replica that follows. */
const start = (children: Children, task: string): ChildProcess =>
  children.start(process.execPath, [path.join(import.meta.dirname, 'replica.ts'), task], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });

function answerOf<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: NodeJS.Signals | null): void =>
      reject(new Error(`Cannot measure the bare loop: a process of it ended with ${code ?? signal}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as Message);
    });
  });
}
