/** What many ask for in the same moment is done once in each turn of the loop, so that nobody else waits for all of it: beginning a search, starting a program. */
export class OneATurn {
  readonly #waiting: (() => void)[] = [];
  /** Something was done in this turn. */
  #isOver = false;

  /** Resolves at once where nothing has been done in this turn; what is to be done follows without another wait. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isOver) {
        this.#waiting.push(resolve);
        return;
      }
      this.#isOver = true;
      setImmediate(this.#next);
      resolve();
    });
  }

  readonly #next = (): void => {
    const go = this.#waiting.shift();
    this.#isOver = go !== undefined;
    if (go === undefined) return;
    setImmediate(this.#next);
    go();
  };
}
