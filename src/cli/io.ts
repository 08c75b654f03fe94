import type { Readable, Writable } from 'node:stream';
import { exitCodes } from '../base/errors.ts';
import { isAtTerminal } from '../daemon/at-terminal.ts';

/** The outside of a command: `processIo` in the program, streams in memory in tests. */
export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Aborted by Ctrl-C (and SIGTERM). Asking for it the first time takes over the signals: until then they end the process as the machine does by
   * default. A second Ctrl-C ends the process at once.
   */
  readonly interrupt: () => AbortSignal;
  /**
   * Said by what runs until it is told to stop: from here on output that nobody takes is lost, and ends nothing, and SIGHUP ends only what was started at a
   * terminal.
   */
  readonly becomeService: () => void;
}

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

const signals = ['SIGINT', 'SIGTERM'] as const;

/** The machine's own. Output that fails ends the process, but diagnostics: those are lost. `end` ends it once all output has left. */
export function processIo(): CliIo & { readonly end: (exitCode: number) => void } {
  let isService = false;
  process.stderr.on('error', () => undefined);
  const failed = (error: NodeJS.ErrnoException): void => {
    if (isService) return;
    // A reader such as `head` that has seen enough is no failure: stop, and say nothing.
    if (error.code === 'EPIPE') process.exit(exitCodes.ok);
    process.stderr.write(`Cannot write the output: ${error.message}\n`);
    process.exit(exitCodes.io);
  };
  process.stdout.on('error', failed);
  let controller: AbortController | null = null;
  return {
    // Opened when it is read: that loads more of Node than most commands need.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    interrupt: () => {
      if (controller === null) controller = takeOverSignals();
      return controller.signal;
    },
    becomeService: () => {
      isService = true;
      if (!isAtTerminal()) process.on('SIGHUP', () => undefined);
    },
    // Not by running dry: connections kept open would hold the end up, and Node 24.21 was once seen to wait for one in its own clean-up for good, on a full core.
    end: (exitCode) => {
      process.stdout.write('', (error) => {
        if (error !== undefined && error !== null) failed(error);
        process.exit(exitCode === exitCodes.interrupted ? interruptedCode() : exitCode);
      });
    },
  };
}

/** The signal that has ended what a command was about. */
let endedBy: (typeof signals)[number] | null = null;

/** Of a command that has not come to its own end: 128 and the number of the signal, as a shell says it of one that the signal has ended. */
export const interruptedCode = (): number => (endedBy === 'SIGTERM' ? exitCodes.terminated : exitCodes.interrupted);

function takeOverSignals(): AbortController {
  const controller = new AbortController();
  for (const signal of signals) {
    process.once(signal, () => {
      endedBy = signal;
      controller.abort();
      // Whoever insists gets what the machine does by default.
      for (const other of signals) process.removeAllListeners(other);
    });
  }
  return controller;
}

/** What may wait for the other end: fewer would make it and us take turns instead of working side by side. */
const waitingBytesMax = 512 * 1024;

/** Writes and waits while the other end is slower than we are, so that memory stays bounded. */
export function write(output: Output, text: string | Uint8Array): Promise<void> | undefined {
  if (output.write(text) || output.writableLength < waitingBytesMax) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      output.off('drain', done);
      output.off('close', done);
      output.off('error', done);
      resolve();
    };
    output.once('drain', done);
    output.once('close', done);
    output.once('error', done);
  });
}

/** Colours are for people at a terminal who have not said otherwise (https://no-color.org). */
export const isColourful = (io: CliIo, output: Output): boolean =>
  output.isTTY === true && (io.env['NO_COLOR'] ?? '') === '' && io.env['TERM'] !== 'dumb';
