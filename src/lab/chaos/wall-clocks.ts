import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** The wall clock of each broker, moved by faketime while the broker runs. The monotonic clock stays as it is, as on a machine whose time is set. */
export class WallClocks {
  readonly #library: string;
  readonly #folder: string;

  constructor(library: string, folder: string, ids: readonly number[]) {
    this.#library = library;
    this.#folder = folder;
    for (const id of ids) this.set(id, 0);
  }

  /** How far a broker's clock is ahead of the machine's. */
  set(id: number, seconds: number): void {
    writeFileSync(this.#file(id), `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }

  env(id: number): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file(id),
      // Looked at so often; a file read for each look at the clock would be felt.
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  #file = (id: number): string => path.join(this.#folder, `clock-${id}`);
}
