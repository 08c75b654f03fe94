import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

const waitingBytesMax = 1024 * 1024;

/**
 * Lines for whoever started a peer, on a descriptor that may be a terminal, a file, or a pipe that nobody reads. Nothing waits for it: what a pipe does not
 * take is kept up to a megabyte, the rest is dropped, and so is everything once the other end is gone.
 */
export class LineOutput {
  readonly #descriptor: number;
  readonly #pipe: Socket | null;
  #isLost = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    const kind = fstatSync(descriptor);
    this.#pipe = kind.isFIFO() || kind.isSocket() ? new Socket({ fd: descriptor, readable: false, writable: true }) : null;
    this.#pipe?.on('error', () => {
      this.#isLost = true;
    });
  }

  /** Whole lines. */
  write(lines: string | Uint8Array): void {
    if (this.#isLost) return;
    if (this.#pipe !== null) {
      if (this.#pipe.writableLength <= waitingBytesMax) this.#pipe.write(lines);
      return;
    }
    const bytes = Buffer.from(lines);
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#descriptor, bytes, written);
    } catch {
      // A full disk under the redirected output is no reason to end.
    }
  }
}
