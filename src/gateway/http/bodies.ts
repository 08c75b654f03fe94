/**
 * What bodies of requests that are on their way hold in this broker, all together: whoever sends many and ends none of them takes no more than this, and is
 * told to come back. The first 64 KiB of each are not counted, so that small requests go on whatever large ones do; connections are limited elsewhere.
 */
export class BodiesInFlight {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False where there is no room for so many more. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

export const uncountedBytes = 64 * 1024;
