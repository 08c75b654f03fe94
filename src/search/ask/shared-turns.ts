/** Who has a turn. More than one release does no harm. */
export interface SharedTurn {
  release(): void;
  /** Runs once, as soon as others wait for a turn: at once where they do. */
  whenWanted(run: () => void): void;
}

interface Given extends SharedTurn {
  want(): void;
}

/** So many at once, the others in the order in which they came. Whoever cannot use his turn for now hears that others want it. */
export class SharedTurns {
  readonly #most: number;
  readonly #waiting: ((turn: SharedTurn) => void)[] = [];
  readonly #given = new Set<Given>();

  constructor(most: number) {
    this.#most = most;
  }

  take(): Promise<SharedTurn> {
    if (this.#given.size < this.#most) return Promise.resolve(this.#give());
    const turn = new Promise<SharedTurn>((resolve) => this.#waiting.push(resolve));
    for (const one of this.#given) one.want();
    return turn;
  }

  #give(): SharedTurn {
    let onWanted: (() => void) | null = null;
    const turn: Given = {
      release: () => {
        if (!this.#given.delete(turn)) return;
        this.#waiting.shift()?.(this.#give());
      },
      whenWanted: (run) => {
        onWanted = run;
        if (this.#waiting.length > 0) turn.want();
      },
      want: () => {
        const run = onWanted;
        onWanted = null;
        run?.();
      },
    };
    this.#given.add(turn);
    return turn;
  }
}
