import type { Readable, Writable } from 'node:stream';
import { exitCodes } from '../base/errors.ts';

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
  /** Said by what runs until it is told to stop: from here on output that nobody takes is lost, and ends nothing. */
  readonly becomeService: () => void;
}

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

const signals = ['SIGINT', 'SIGTERM'] as const;

/** The machine's own. Output that fails ends the process, but diagnostics: those are lost. */
export function processIo(): CliIo {
  let isService = false;
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isService) return;
    // A reader such as `head` that has seen enough is no failure: stop, and say nothing.
    if (error.code === 'EPIPE') process.exit(exitCodes.ok);
    process.stderr.write(`Cannot write the output: ${error.message}\n`);
    process.exit(exitCodes.io);
  });
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
    },
  };
}

function takeOverSignals(): AbortController {
  const controller = new AbortController();
  for (const signal of signals) {
    process.once(signal, () => {
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
