/** One program, as who wanted it has it: its output as fast as it is taken, how it ended, and its end at once when the signal is aborted. */
import type { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { type Greeting, lineOf, type ProgramOrder, readLines, type Told } from './protocol.ts';

/** How the process that starts programs is reached. */
export interface Contact {
  readonly address: string;
  readonly token: string;
}

export interface ProgramOutcome {
  /** As the program says it; null when it was ended. */
  readonly status: number | null;
  /** What it said on stderr. */
  readonly said: string;
  /** Why it did not run, or did not run to its end, as the end of a sentence. */
  readonly problem: string | null;
  /** Of the file that it read. */
  readonly bytes: number;
}

type Take = (chunk: Buffer) => Promise<void> | undefined;

interface Options {
  readonly stream: Readable | null;
  readonly bytes?: number;
  readonly signal: AbortSignal;
}

export class Program {
  readonly ended: Promise<ProgramOutcome>;
  readonly #options: Options;
  #output: net.Socket | null = null;
  #take: Take | null = null;
  /** What came before anybody took it: one chunk, then it is read no further. */
  #held: Buffer[] = [];

  constructor(contact: Promise<Contact>, order: ProgramOrder, options: Options) {
    this.#options = options;
    this.ended = contact.then(
      (found) => this.#run(found, order),
      (error: Error) => this.#notRun(error.message),
    );
  }

  /** Its output, as fast as it is taken; ends when the program has. */
  consume(take: Take): Promise<ProgramOutcome> {
    this.#take = take;
    const held = this.#held;
    this.#held = [];
    for (const chunk of held) this.#give(chunk);
    return this.ended;
  }

  #give(chunk: Buffer): void {
    const output = this.#output as net.Socket;
    if (this.#take === null) {
      this.#held.push(chunk);
      output.pause();
      return;
    }
    const wait = this.#take(chunk);
    if (wait === undefined) {
      if (output.isPaused()) output.resume();
      return;
    }
    output.pause();
    void wait.then(() => output.resume());
  }

  #notRun(problem: string | null): ProgramOutcome {
    this.#options.stream?.destroy();
    return { status: null, said: '', problem, bytes: 0 };
  }

  async #run({ address, token }: Contact, order: ProgramOrder): Promise<ProgramOutcome> {
    const { stream, signal, bytes: streamBytes = 0 } = this.#options;
    if (signal.aborted) return this.#notRun(null);
    const id = randomUUID();
    const open = (greeting: Greeting): net.Socket => {
      const socket = net.connect({ path: address });
      // What goes wrong is told by the end of the connection.
      socket.on('error', () => undefined);
      socket.write(lineOf(greeting));
      return socket;
    };
    const output = open({ token, id, kind: 'output' });
    this.#output = output;
    output.on('data', (chunk) => this.#give(chunk));
    const input = stream === null ? null : open({ token, id, kind: 'input' });
    const control = open({ token, id, kind: 'run', order });
    let problem: string | null = null;
    let bytes = streamBytes;
    let ended: (Told & { readonly kind: 'ended' }) | null = null;
    readLines(control, (line) => {
      const told = JSON.parse(line) as Told;
      if (told.kind === 'ended') ended = told;
      else {
        bytes += told.bytes;
        if (stream === null || input === null) return true;
        const spoilt = (error: NodeJS.ErrnoException | null | undefined): void => {
          // A program that has seen enough stops reading.
          if (error !== null && error !== undefined && !isEnough(error)) problem ??= `it cannot be unpacked: ${error.message}`;
        };
        if (!input.destroyed && !stream.destroyed) pipeline(stream, input, spoilt);
        else {
          // A program that wants nothing of it may have ended before this is heard, and what cannot be unpacked have been found out.
          spoilt(stream.errored);
          stream.destroy();
          input.destroy();
        }
      }
      return true;
    });
    /** The starter ends it, and says when it is gone. */
    const kill = (): void => {
      control.end();
      output.destroy();
      stream?.destroy();
    };
    signal.addEventListener('abort', kill, { once: true });
    await closed(control);
    const last = ended as (Told & { readonly kind: 'ended' }) | null;
    // Nobody else has the other end of what did not start.
    if (last === null || last.problem !== null) output.destroy();
    input?.destroy();
    await closed(output);
    signal.removeEventListener('abort', kill);
    if (last === null) {
      stream?.destroy();
      return { status: null, said: '', problem: signal.aborted ? null : 'the process that starts programs was lost', bytes };
    }
    const { status, by, said } = last;
    if (by !== null && !signal.aborted) problem ??= `the program was ended by ${by}`;
    if (last.problem !== null) stream?.destroy();
    return { status, said, problem: problem ?? last.problem, bytes };
  }
}

const closed = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });

function isEnough(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE' || error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
