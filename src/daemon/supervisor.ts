/**
 * `cairn up`: one child process per broker, so that a `kill -9` is a real one. A child that dies is started again after a pause that grows, except
 * when starting it again cannot help (disk failed, data in use or unusable, configuration wrong) or when that was asked for. The children die with
 * the supervisor, unless they are to outlive it: each holds a channel to it and stops when that closes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import module from 'node:module';
import type { Readable } from 'node:stream';
import { type ErrorCode, errorCatalogue, exitCodes } from '../base/errors.ts';
import { LogError } from '../eventlog/index.ts';
import type { DaemonConfig } from './config.ts';
import { brokerNodeFlags } from './node-flags.ts';
import { ownModule } from '../system/package.ts';

/** What a child says. */
export type ChildMessage =
  | { readonly type: 'listening' }
  | { readonly type: 'ready' }
  | { readonly type: 'fatal'; readonly code: ErrorCode; readonly message: string };

/** The first and only thing that a child is told. */
export interface StartMessage {
  readonly config: DaemonConfig;
  readonly outlivesSupervisor: boolean;
}

export interface SupervisorOptions {
  readonly configs: readonly DaemonConfig[];
  /** File for a child's own output, by broker id: where a crash of Node itself leaves its trace. */
  readonly outputFile: (id: number) => string;
  readonly restart: boolean;
  /** Children whose supervisor was killed go on by themselves, and do not stop. */
  readonly outlivesSupervisor: boolean;
  /** Takes whole lines of what children write to their standard output; null: that goes to their files. */
  readonly onOutput: ((lines: Uint8Array) => void) | null;
  /** The first of them is ready, so the cluster has a leader. */
  readonly onLed: () => void;
  /** All brokers are ready for the first time. */
  readonly onReady: () => void;
  /** For the person at the terminal, a line each. */
  readonly say: (line: string) => void;
}

interface Child {
  readonly config: DaemonConfig;
  process: ChildProcess | null;
  startedMs: number;
  pauseMs: number;
  isReady: boolean;
  fatal: { readonly code: ErrorCode; readonly message: string } | null;
  timer: NodeJS.Timeout | null;
}

const pauseMsMin = 200;
const pauseMsMax = 10_000;
/** A child that lived so long is not one that cannot start. */
const healthyMs = 10_000;
const killAfterMs = 4_500;
/** Exit codes after which another start would end the same way. */
const finalExitCodes: readonly number[] = [exitCodes.io, exitCodes.cannotCreate, exitCodes.config];

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children: readonly Child[];
  #wasReady = false;
  #wasLed = false;
  #isStopping = false;
  #failure: LogError | null = null;
  #onEnd: (() => void) | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#children = options.configs.map((config) => {
      return { config, process: null, startedMs: 0, pauseMs: pauseMsMin, isReady: false, fatal: null, timer: null };
    });
  }

  /** Process ids of the children that run, by broker id. */
  get pids(): ReadonlyMap<number, number> {
    const pids = new Map<number, number>();
    for (const { config, process: child } of this.#children) if (child?.pid !== undefined) pids.set(config.self.id, child.pid);
    return pids;
  }

  /** Runs until `stop`, or until no child is left; rejects with the reason when the brokers could not start. */
  async run(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#onEnd = resolve;
    });
    for (const child of this.#children) this.#start(child);
    await ended;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Ends all children: gently at first. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const child of this.#children) {
      if (child.timer !== null) clearTimeout(child.timer);
      child.process?.kill('SIGTERM');
    }
    setTimeout(() => this.kill(), killAfterMs).unref();
    this.#endWhenEmpty();
  }

  /** Each child goes on in a new file. */
  reopenLogs(): void {
    for (const child of this.#children) child.process?.kill('SIGHUP');
  }

  kill(): void {
    for (const child of this.#children) child.process?.kill('SIGKILL');
  }

  #start(child: Child): void {
    child.startedMs = performance.now();
    child.fatal = null;
    try {
      this.#spawn(child);
    } catch (error) {
      // Its output cannot be opened, for one: what holds for a moment only must not take the others along.
      this.#childEnded(child, `it cannot be started: ${(error as Error).message}`, null);
    }
  }

  #spawn(child: Child): void {
    const { config } = child;
    const { onOutput, outlivesSupervisor } = this.#options;
    const output = openSync(this.#options.outputFile(config.self.id), 'a', 0o600);
    const env = { UV_THREADPOOL_SIZE: '16', ...process.env, ...compileCache() };
    const started = spawn(process.execPath, [...brokerNodeFlags, ownModule('daemon/main')], {
      env,
      stdio: ['ignore', onOutput === null ? output : 'pipe', output, 'ipc'],
    });
    closeSync(output);
    if (onOutput !== null) takeLines(started.stdout as Readable, onOutput);
    child.process = started;
    started.on('message', (message: ChildMessage) => this.#hear(child, message));
    // One that could not be started has no exit.
    started.on('error', (error) => {
      if (started.pid === undefined) this.#childEnded(child, `it cannot be started: ${error.message}`, null);
    });
    started.on('exit', (code, signal) => {
      const reason = signal === null ? `it ended with exit code ${code ?? 'unknown'}` : `it was ended by ${signal}`;
      const end = (): void => this.#childEnded(child, reason, code);
      // What it has said last may still be on its way.
      if (started.connected) started.once('disconnect', end);
      else end();
    });
    started.send({ config, outlivesSupervisor } satisfies StartMessage, () => {});
  }

  #hear(child: Child, message: ChildMessage): void {
    if (message.type === 'fatal') child.fatal = message;
    if (message.type !== 'ready') return;
    child.isReady = true;
    if (!this.#wasLed) {
      this.#wasLed = true;
      this.#options.onLed();
    }
    if (this.#wasReady || !this.#children.every(({ isReady }) => isReady)) return;
    this.#wasReady = true;
    this.#options.onReady();
  }

  /** @param what has happened to it, as the end of a sentence, where it has not said so itself */
  #childEnded(child: Child, what: string, code: number | null): void {
    child.process = null;
    child.isReady = false;
    if (this.#isStopping) {
      this.#endWhenEmpty();
      return;
    }
    const name = `broker ${child.config.self.id}`;
    const reason = child.fatal?.message ?? what;
    const isFinal = code !== null && finalExitCodes.includes(code);
    if (!this.#wasReady && (isFinal || child.fatal?.code === 'portInUse')) {
      // A cluster that has never run as a whole is not left half started.
      this.#failure ??= new LogError(child.fatal?.code ?? 'internal', child.fatal?.message ?? `Cannot start ${name}: ${reason}`);
      this.stop();
      return;
    }
    if (isFinal || !this.#options.restart) {
      const advice = isFinal && child.fatal !== null ? `: ${errorCatalogue[child.fatal.code].remedy}` : '';
      this.#options.say(`${name} is down and stays down: ${reason}${advice}`);
      if (this.#children.every((other) => other.process === null && other.timer === null)) this.stop();
      return;
    }
    if (performance.now() - child.startedMs > healthyMs) child.pauseMs = pauseMsMin;
    this.#options.say(`${name} is started again in ${child.pauseMs / 1000} s: ${reason}`);
    child.timer = setTimeout(() => {
      child.timer = null;
      this.#start(child);
    }, child.pauseMs);
    child.pauseMs = Math.min(child.pauseMs * 2, pauseMsMax);
  }

  #endWhenEmpty(): void {
    if (this.#children.every((child) => child.process === null)) this.#onEnd?.();
  }
}

/** Lines of several children do not run into one another; of one that ends in the middle of a line, that is lost. */
function takeLines(from: Readable, take: (lines: Uint8Array) => void): void {
  let rest = Buffer.alloc(0);
  from.on('data', (chunk: Buffer) => {
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end > 0) take(Buffer.concat([rest, chunk.subarray(0, end)]));
    rest = end > 0 ? Buffer.from(chunk.subarray(end)) : Buffer.concat([rest, chunk]);
  });
}

/** Children compile nothing that this process, or an earlier start, has compiled. */
function compileCache(): Record<string, string> {
  const folder = module.getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}
