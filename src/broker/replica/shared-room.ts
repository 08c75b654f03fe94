/**
 * What all groups that a broker leads may hold together. A group may hold as much as is left beside all of it (the dynamic thresholds of Choudhury and
 * Hahne, 1998): alone it may have half, two that fill at once a third each. Those that get stuck one after another take a half, a quarter, an eighth, and
 * in the end all of it: so a group that holds nothing may always have one addition, and one that is well goes on. What is held passes the bound by no more
 * than one addition of each group.
 */
export class SharedRoom {
  readonly max: number;
  #held = 0;

  constructor(max: number) {
    this.max = max;
  }

  get held(): number {
    return this.#held;
  }

  get free(): number {
    return Math.max(0, this.max - this.#held);
  }

  /** Whether a group that holds `own` of it may take more: the first addition always. */
  admits(own: number): boolean {
    return own === 0 || own < this.max - this.#held;
  }

  /** A group holds so much more than it did, or less. */
  add(more: number): void {
    this.#held += more;
  }

  /** The size that nobody may have more of, so that all of these together have no more than this part of the bound. */
  levelOf(sizes: readonly number[], part: number): number {
    const sorted = sizes.toSorted((a, b) => a - b);
    let left = this.max * part;
    for (const [at, size] of sorted.entries()) {
      const share = left / (sorted.length - at);
      if (size > share) return Math.floor(share);
      left -= size;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/** The rooms of one broker. */
export interface Rooms {
  /** Bytes in the logs of leaders that no majority has yet. */
  readonly uncommitted: SharedRoom;
  /** Request ids of one batch, as leaders remember them. */
  readonly requestIds: SharedRoom;
  /** Request ids of more. */
  readonly sessions: SharedRoom;
}
