/** A line, or a piece of one: the pieces of a line follow one another. */
export interface Timed {
  readonly timeMs: number;
  /** False when more pieces of the same line follow. */
  readonly isEnd: boolean;
}

interface Source<Item> {
  readonly items: Item[];
  /** What was given already lies before it. */
  at: number;
  hasEnded: boolean;
}

/**
 * Merges lines of several sources in order of their times. It holds what it was given and could not give yet: a caller that gives a piece of one source at a
 * time, and only when `advance` asks for it, bounds its memory whatever the sources hold. Within a source nothing is ever moved: what is older than the
 * line before it follows at once. Of lines of one time those of the first source come first.
 */
export class TimeMerge<Item extends Timed> {
  readonly #sources: readonly Source<Item>[];
  readonly #onItem: (item: Item, source: number) => void;
  /** In the middle of whose line the merge stands. */
  #open: number | null = null;

  constructor(sources: number, onItem: (item: Item, source: number) => void) {
    this.#sources = Array.from({ length: sources }, () => ({ items: [], at: 0, hasEnded: false }));
    this.#onItem = onItem;
  }

  push(source: number, item: Item): void {
    this.#source(source).items.push(item);
  }

  /** Nothing more comes from a source. */
  end(source: number): void {
    this.#source(source).hasEnded = true;
  }

  /** Gives what is certain. Which source is waited for, or null when all have ended and everything was given. */
  advance(): number | null {
    for (;;) {
      if (this.#open !== null) {
        const waited = this.#give(this.#open, Number.POSITIVE_INFINITY, true);
        if (waited !== null) return waited;
      }
      let first: number | null = null;
      let second: number | null = null;
      for (let index = 0; index < this.#sources.length; index++) {
        const head = this.#headMs(index);
        if (head === null) {
          if (this.#source(index).hasEnded) continue;
          return index;
        }
        if (first === null || head < (this.#headMs(first) as number)) {
          second = first;
          first = index;
        } else if (second === null || head < (this.#headMs(second) as number)) second = index;
      }
      if (first === null) return null;
      const untilMs = second === null ? Number.POSITIVE_INFINITY : (this.#headMs(second) as number);
      const waited = this.#give(first, untilMs, second === null || first < second);
      if (waited !== null) return waited;
    }
  }

  /** Gives lines of one source as long as they come before what is next of the others. Gives the source if it has too little for that. */
  #give(index: number, untilMs: number, isFirstOfEqual: boolean): number | null {
    const source = this.#source(index);
    for (;;) {
      const item = source.items[source.at];
      if (item === undefined) {
        source.items.length = 0;
        source.at = 0;
        if (!source.hasEnded) return index;
        this.#open = null;
        return null;
      }
      if (this.#open === null && (item.timeMs > untilMs || (item.timeMs === untilMs && !isFirstOfEqual))) return null;
      source.at++;
      const wasOpen = this.#open !== null;
      this.#open = item.isEnd ? null : index;
      this.#onItem(item, index);
      // A line that was begun earlier has no place among the others: who is next is asked anew.
      if (wasOpen && item.isEnd) return null;
    }
  }

  #headMs(index: number): number | null {
    const { items, at } = this.#source(index);
    return items[at]?.timeMs ?? null;
  }

  #source(index: number): Source<Item> {
    return this.#sources[index] as Source<Item>;
  }
}
