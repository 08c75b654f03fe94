import { createWriteStream, type WriteStream } from 'node:fs';
import path from 'node:path';

/** The log of one experiment: what was done and what came of it, a line each, with milliseconds since its start. */
export class Transcript {
  readonly #file: WriteStream;
  readonly #startedMs = performance.now();

  constructor(folder: string, name: string) {
    this.#file = createWriteStream(path.join(folder, `${name}.log`));
  }

  say(line: string): void {
    this.#file.write(`${(performance.now() - this.#startedMs).toFixed(1).padStart(9)} ms  ${line}\n`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#file.end(resolve));
  }
}
