/**
 * Work that would hold the loop for long is cut into slices of a few milliseconds, and of all that wait, whoever asked, one slice is done in each turn of
 * the loop: a leader that does not get round to its heartbeats loses its office.
 */
export class Turns {
  #waiting: (() => void)[] = [];
  #next = 0;
  /** Slices done, for tests. */
  count = 0;

  /** Runs a slice in a later turn of the loop. */
  take(slice: () => void): void {
    this.#waiting.push(slice);
    if (this.#waiting.length - this.#next === 1) setImmediate(this.#turn);
  }

  /** Resolves in such a turn: what comes until the next pause is the slice. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.take(resolve));
  }

  readonly #turn = (): void => {
    const slice = this.#waiting[this.#next++] as () => void;
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    } else {
      setImmediate(this.#turn);
    }
    this.count++;
    slice();
  };
}
