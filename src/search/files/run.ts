/** One search program over one file: started with an argument vector, never by a shell, and gone when its signal is aborted. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Buffer } from 'node:buffer';
import { pipeline, type Readable } from 'node:stream';
import { searchEnvironment } from './programs.ts';

export interface RunOptions {
  readonly program: string;
  readonly arguments: readonly string[];
  /** Its standard input: an open file, or a stream of what is in one. */
  readonly input: number | Readable;
  readonly folder: string;
  readonly signal: AbortSignal;
}

export interface RunOutcome {
  /** As grep and ripgrep say it: 0 a line is selected, 1 none, 2 trouble; null when it was ended. */
  readonly status: number | null;
  /** What it said on stderr. */
  readonly said: string;
  /** Why it did not run, or did not run to its end, as the end of a sentence. */
  readonly problem: string | null;
}

const saidBytesMax = 4096;

export class Run {
  readonly #child: ChildProcess;
  readonly #closed: Promise<RunOutcome>;
  #take: ((chunk: Buffer) => Promise<void> | undefined) | null = null;
  /** What came before anybody took it: no more than Node reads when a process ends. */
  #held: Buffer[] = [];

  constructor(options: RunOptions) {
    const { program, input, folder, signal } = options;
    const stdin = typeof input === 'number' ? input : 'pipe';
    this.#child = spawn(program, options.arguments, { stdio: [stdin, 'pipe', 'pipe'], env: searchEnvironment, cwd: folder });
    const { stdout } = this.#child;
    stdout?.on('data', (chunk: Buffer) => this.#give(chunk));
    this.#closed = this.#watch(input, signal);
  }

  /** Its output, as fast as it is taken; ends when the program has. */
  consume(take: (chunk: Buffer) => Promise<void> | undefined): Promise<RunOutcome> {
    this.#take = take;
    const held = this.#held;
    this.#held = [];
    for (const chunk of held) this.#give(chunk);
    if (held.length === 0) this.#child.stdout?.resume();
    return this.#closed;
  }

  #give(chunk: Buffer): void {
    const stdout = this.#child.stdout as Readable;
    if (this.#take === null) {
      this.#held.push(chunk);
      stdout.pause();
      return;
    }
    const wait = this.#take(chunk);
    if (wait === undefined) {
      if (stdout.isPaused()) stdout.resume();
      return;
    }
    stdout.pause();
    void wait.then(() => stdout.resume());
  }

  #watch(input: number | Readable, signal: AbortSignal): Promise<RunOutcome> {
    const child = this.#child;
    let said = '';
    let problem: string | null = null;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < saidBytesMax) said += text.slice(0, saidBytesMax - said.length);
    });
    if (typeof input !== 'number' && child.stdin !== null) {
      pipeline(input, child.stdin, (error) => {
        // A program that has seen enough stops reading.
        if (error !== null && error !== undefined && !isEnough(error)) problem ??= `it cannot be unpacked: ${error.message}`;
      });
    }
    const kill = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    return new Promise((resolve) => {
      const finish = (outcome: RunOutcome): void => {
        signal.removeEventListener('abort', kill);
        resolve(outcome);
      };
      child.on('error', (error: NodeJS.ErrnoException) => {
        if (child.pid === undefined)
          finish({ status: null, said, problem: `the program cannot be started: ${error.code ?? error.message}` });
      });
      child.on('close', (status, by) => {
        if (by !== null && !signal.aborted) problem ??= `the program was ended by ${by}`;
        finish({ status, said, problem });
      });
    });
  }
}

function isEnough(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE' || error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
