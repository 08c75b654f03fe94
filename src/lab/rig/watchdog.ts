import { LogError } from '../../eventlog/index.ts';

/**
 * Ends a run that stands still. Whatever shows that it goes on feeds the watchdog, with a word on what it is at; when nothing has for `timeMs`, the
 * promise given to `guard` is rejected with that word and what `describe` finds out.
 */
export class Watchdog {
  readonly #timeMs: number;
  readonly #describe: () => string;
  #at = 'the start';
  #timer: NodeJS.Timeout | null = null;
  #bark: ((error: unknown) => void) | null = null;
  #hasBarked = false;

  constructor(timeMs: number, describe: () => string) {
    this.#timeMs = timeMs;
    this.#describe = describe;
  }

  /** The run has failed, by itself or because it stood still; loops that wait or work look at this. */
  get hasBarked(): boolean {
    return this.#hasBarked;
  }

  /** Something went on. `at` says what comes next; without it only time is won. */
  feed(at?: string): void {
    if (at !== undefined) this.#at = at;
    this.#timer?.refresh();
  }

  /** Ends the run with this error. */
  fail(error: unknown): void {
    this.#hasBarked = true;
    this.#bark?.(error);
  }

  async guard<Value>(run: Promise<Value>): Promise<Value> {
    const barked = new Promise<never>((_resolve, reject) => {
      this.#bark = reject;
    });
    this.#timer = setTimeout(() => {
      const seconds = this.#timeMs / 1000;
      this.fail(new LogError('checkFailed', `Cannot go on: nothing happened for ${seconds} s at ${this.#at}: ${this.#describe()}`));
    }, this.#timeMs);
    try {
      return await Promise.race([run, barked]);
    } catch (error) {
      this.#hasBarked = true;
      throw error;
    } finally {
      clearTimeout(this.#timer);
      // Once it is over, nobody listens to what the rest of the run says.
      run.catch(() => undefined);
    }
  }
}

/** Rejects when the promise takes longer. */
export async function within<Value>(timeMs: number, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new LogError('checkFailed', `Cannot wait longer than ${timeMs} ms`)), timeMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
