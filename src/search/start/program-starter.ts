/** The process that starts programs, as who wants them has it: begun with the first one, ended when there has been none for a while, begun anew when it is lost. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, rm } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { type Contact, Program } from './program.ts';
import { lineOf, type ProgramOrder, readLines, type StarterReady } from './protocol.ts';

const idleMs = 300_000;
/** It holds little: the less memory it has, the quicker it starts programs. */
const nodeFlags = ['--max-semi-space-size=1', '--max-old-space-size=64'];

interface Reached extends Contact {
  /** Null where there is no place for one. */
  readonly folder: string | null;
}

interface Starter {
  readonly child: ChildProcess;
  readonly contact: Promise<Reached>;
}

export interface ProgramOptions {
  /** What the program reads, where the order says that it is a stream. */
  readonly stream: Readable | null;
  /** Of the file that the stream is made of. */
  readonly bytes?: number;
  /** Ends the program. */
  readonly signal: AbortSignal;
}

export interface Hold {
  release(): void;
}

export class ProgramStarter {
  readonly #module: string;
  #starter: Starter | null = null;
  #holds = 0;
  #idle: NodeJS.Timeout | null = null;

  /** @param module `starter-process.ts`, or what was built from it */
  constructor(module: string) {
    this.#module = module;
  }

  /** Starts the process, so that the first program does not wait for it. */
  prepare(): void {
    const hold = this.hold();
    const ready = (): void => hold.release();
    // The first program says why there is none.
    this.#contact().then(ready, ready);
  }

  /** While it lasts the process goes on, and with it what stands in its folder. */
  hold(): Hold {
    this.#holds++;
    if (this.#idle !== null) clearTimeout(this.#idle);
    return {
      release: () => {
        this.#holds--;
        if (this.#holds === 0) this.#idle = setTimeout(() => this.close(), idleMs).unref();
      },
    };
  }

  /** A folder of the process's own, which goes with it; fails where there can be none. */
  async folder(): Promise<string> {
    const { folder } = await this.#contact();
    if (folder === null) throw new Error('there is no place for a folder');
    const there = lstatSync(folder, { throwIfNoEntry: false });
    // Whatever clears folders for temporary files may have been here, and somebody else behind it.
    if (there === undefined) mkdirSync(folder, { mode: 0o700 });
    else if (there.uid !== process.getuid?.()) throw new Error(`${folder} is somebody else's`);
    return folder;
  }

  start(order: ProgramOrder, options: ProgramOptions): Program {
    const hold = this.hold();
    const program = new Program(this.#contact(), order, options);
    void program.ended.then(() => hold.release());
    return program;
  }

  /** Ends the process, and with it every program. */
  close(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#starter?.child.stdin?.end();
    this.#starter = null;
  }

  #contact(): Promise<Reached> {
    this.#starter ??= this.#begin();
    return this.#starter.contact;
  }

  #begin(): Starter {
    // A session of its own: what ends the terminal's does not end it before who wants programs, and it can be ended with all that it has started.
    const child = spawn(process.execPath, [...nodeFlags, this.#module], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {},
      cwd: '/',
      detached: true,
    });
    const token = randomBytes(32).toString('hex');
    const name = randomBytes(16).toString('hex');
    const address = addressOf(name);
    const folder = path.join(tmpdir(), `${folderPrefix}${process.pid}-${name}`);
    const contact = new Promise<Reached>((resolve, reject) => {
      const lost = (reason: string): void => {
        if (this.#starter?.child === child) this.#starter = null;
        reject(new Error(`the process that starts programs ${reason}`));
      };
      child.once('error', (error: NodeJS.ErrnoException) => lost(`cannot be started: ${error.code ?? error.message}`));
      child.once('exit', (code, signal) => {
        lost(`has ended: ${signal ?? `exit code ${code ?? 'unknown'}`}`);
        endGroup(child.pid);
        // It removes it itself, if it can.
        rm(folder, { recursive: true, force: true }, () => undefined);
      });
      // It says so when it listens.
      readLines(child.stdout, (line) => {
        const { hasFolder } = JSON.parse(line) as StarterReady;
        resolve({ address, token, folder: hasFolder ? folder : null });
        return false;
      });
    });
    contact.catch(() => {
      // Who waits for a program hears it.
    });
    child.stdin.on('error', () => undefined);
    child.stdin.write(lineOf({ address, token, folder, folderPrefix }));
    // Nobody goes on for its sake.
    child.unref();
    for (const stream of [child.stdin, child.stdout] as unknown as readonly Socket[]) stream.unref();
    return { child, contact };
  }
}

/** Behind it stands who wants the programs, so that those of processes that are gone can be told. */
const folderPrefix = 'cairn-grep-';

/**
 * A name that stands in no folder, so nothing is left of it, where the system knows such names. Anybody on the machine may connect to one: whoever does not
 * know the token is not heard.
 */
const addressOf = (name: string): string =>
  process.platform === 'linux' ? `\0cairn-programs-${name}` : path.join(tmpdir(), `cairn-programs-${name}`);

/** What a starter that was ended from outside has left at work. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // There is nothing left.
  }
}
