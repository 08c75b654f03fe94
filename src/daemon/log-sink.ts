import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { LogError } from '../eventlog/index.ts';
import { makeFolder } from './make-folder.ts';
import { folderReason } from './reasons.ts';

const stderrDescriptor = 2;
/** Names of topics and addresses of clients stand in it: not for everybody. */
const logMode = 0o640;

/** As `writeSync`: how much was written, which may be less than all. */
type WriteSome = (descriptor: number, bytes: Uint8Array, from: number) => number;

/**
 * Where lines of diagnostics go: a file, or stderr. Each is written before `write` returns, so that the last one of a process is there. One that cannot be
 * written, because the disk is full or nobody reads the pipe, is dropped and counted: a broker whose data is sound does not end for its diagnostics, and
 * does not wait for them.
 */
export class LogSink {
  readonly #writeSome: WriteSome;
  readonly #file: string | null;
  #descriptor: number;
  #droppedCount = 0;
  /** A line was cut off: the next one begins a line of its own. */
  #isTorn = false;

  constructor(file: string | null, writeSome: WriteSome = writeSync) {
    this.#writeSome = writeSome;
    this.#file = file;
    if (file === null) {
      this.#descriptor = stderrDescriptor;
      return;
    }
    try {
      makeFolder(path.dirname(path.resolve(file)), 0o755);
      this.#descriptor = openSync(file, 'a', logMode);
    } catch (error) {
      throw new LogError('invalidConfig', `Cannot write the log file ${file}: ${folderReason(error)}`, {}, { cause: error });
    }
  }

  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Goes on in a new file of the same name: the old one was renamed, to be kept or packed. Where that cannot be made, the old one goes on. */
  reopen(): void {
    if (this.#file === null) return;
    try {
      const descriptor = openSync(this.#file, 'a', logMode);
      closeSync(this.#descriptor);
      this.#descriptor = descriptor;
      this.#isTorn = false;
    } catch {
      this.#droppedCount++;
    }
  }

  /** One line, with its line feed. */
  write(line: string): void {
    const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line);
    let written = 0;
    try {
      while (written < bytes.length) written += this.#writeSome(this.#descriptor, bytes, written);
      this.#isTorn = false;
    } catch {
      this.#droppedCount++;
      this.#isTorn ||= written > 0;
    }
  }
}
