/**
 * The yardstick: the least that a replicated log on this machine must do, in Node and as fast as Node can. So many processes, each with a file that was written
 * full of zeros before; one of them leads, with the load inside; what is in flight travels as one group over TCP, every process writes it and
 * waits for fdatasync, and it counts as committed when a majority has. No Raft, no checksums, no index, nobody to answer to: a real log does more.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LeaderOrder, LeaderResult } from './leader.ts';
import { prepareLog } from './log.ts';

export interface LimitOptions {
  readonly replicas: number;
  readonly inFlight: number;
  readonly recordBytes: number;
  readonly recordsPerAppend: number;
  readonly seconds: number;
  /** Where the files are made: that disk is measured. */
  readonly parent?: string;
}

export interface LimitResult extends LeaderResult {
  readonly recordsPerSecond: number;
}

const warmUpMs = 1_000;

/** Processes that stay for several measurements. */
export class Limit {
  readonly #folder: string;
  readonly #followers: readonly ChildProcess[];
  readonly #ports: readonly number[];
  readonly #leader: ChildProcess;

  private constructor(folder: string, followers: readonly ChildProcess[], ports: readonly number[]) {
    this.#folder = folder;
    this.#followers = followers;
    this.#ports = ports;
    this.#leader = fork(replica, ['lead']);
  }

  static async start(replicas: number, parent = tmpdir()): Promise<Limit> {
    const folder = mkdtempSync(path.join(parent, 'cairn-limit-'));
    for (let index = 0; index < replicas; index++) prepareLog(path.join(folder, `log-${index}`));
    const followers = Array.from({ length: replicas - 1 }, (_, index) => fork(replica, [path.join(folder, `log-${index + 1}`)]));
    const ports = await Promise.all(followers.map(async (child) => (await answerOf<{ port: number }>(child)).port));
    return new Limit(folder, followers, ports);
  }

  async measure(options: Omit<LimitOptions, 'replicas' | 'parent'>): Promise<LimitResult> {
    const order: LeaderOrder = {
      file: path.join(this.#folder, 'log-0'),
      ports: this.#ports,
      inFlight: options.inFlight,
      recordBytes: options.recordBytes,
      recordsPerAppend: options.recordsPerAppend,
      warmUpMs,
      measureMs: options.seconds * 1000,
    };
    this.#leader.send(order);
    const result = await answerOf<LeaderResult>(this.#leader);
    return { ...result, recordsPerSecond: (result.records / result.tookMs) * 1000 };
  }

  end(): void {
    for (const child of [this.#leader, ...this.#followers]) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const replica = path.join(import.meta.dirname, 'replica.ts');

function answerOf<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Message));
    child.once('exit', (code, signal) => reject(new Error(`Cannot measure the bare loop: a process of it ended with ${code ?? signal}`)));
  });
}
