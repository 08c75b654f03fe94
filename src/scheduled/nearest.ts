export interface Due {
  readonly timeMs: number;
  readonly place: number;
}

/** The nearest of many, by time and then by place, as many as there is room for; what is beyond them is asked for again once they are taken. */
export class Nearest {
  readonly #most: number;
  /** The next one last, where it is sorted. At most twice `most`. */
  #kept: Due[] = [];
  #isSorted = true;
  /** All below this that were offered are here; null: all. */
  #bound: Due | null = null;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#kept.length;
  }

  /** Nothing that was offered is left out. */
  get isWhole(): boolean {
    return this.#bound === null;
  }

  offer(timeMs: number, place: number): void {
    const due = { timeMs, place };
    if (this.#bound !== null && byTime(due, this.#bound) >= 0) return;
    this.#kept.push(due);
    this.#isSorted = false;
    if (this.#kept.length >= 2 * this.#most) this.#cut();
  }

  get first(): Due | undefined {
    this.#sort();
    return this.#kept.at(-1);
  }

  take(): Due | undefined {
    this.#sort();
    return this.#kept.pop();
  }

  #cut(): void {
    this.#sort();
    this.#kept = this.#kept.slice(-this.#most - 1);
    // One is left out for the bound, so that those of the same time are told apart by their places.
    this.#bound = this.#kept.shift() as Due;
  }

  #sort(): void {
    if (this.#isSorted) return;
    this.#kept.sort((a, b) => byTime(b, a));
    this.#isSorted = true;
  }
}

export const byTime = (a: Due, b: Due): number => a.timeMs - b.timeMs || a.place - b.place;
