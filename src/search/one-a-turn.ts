/**
 * What many ask for in the same moment, beginning a search or starting a program, is done once in each turn of the loop, so that nobody else waits for all of
 * it. Work that would hold the loop for long is cut into slices of a few milliseconds, and of all that wait, whoever asked, one slice is done in each turn of
 * the loop: a leader that does not get round to its heartbeats loses its office.
 */
export class OneATurn {
  #waiting: (() => void)[] = [];
  #next = 0;
  /** Something was done in this turn. */
  #isOver = false;
  /** Slices done, for tests. */
  count = 0;

  /** Runs a slice: at once where none has been done in this turn, else in a later one. */
  take(slice: () => void): void {
    if (this.#isOver) {
      this.#waiting.push(slice);
      return;
    }
    this.#isOver = true;
    setImmediate(this.#turn);
    this.count++;
    slice();
  }

  /** Resolves in such a turn: what comes until the next pause is the slice. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.take(resolve));
  }

  readonly #turn = (): void => {
    const slice = this.#waiting[this.#next];
    this.#isOver = slice !== undefined;
    if (slice === undefined) {
      this.#waiting = [];
      this.#next = 0;
      return;
    }
    this.#next++;
    setImmediate(this.#turn);
    this.count++;
    slice();
  };
}
