/** Takes what was held, in order of time; `isLate` when something newer has been given before. */
type OnOrdered<Item> = (item: Item, isLate: boolean) => void;

export interface TimeWindowOptions<Item> {
  /** How long everything is held, from when it came. */
  readonly windowMs: number;
  /** Above so many bytes the oldest are given before their time. */
  readonly bytesMax: number;
  readonly onItem: OnOrdered<Item>;
}

interface Held<Item> {
  readonly item: Item;
  readonly timeMs: number;
  readonly source: number;
  /** In which order they came. */
  readonly sequence: number;
  readonly bytes: number;
  readonly dueMs: number;
  isGiven: boolean;
}

/** So many that were given may wait to be forgotten. */
const forgetCount = 1024;

/**
 * Puts in order of time what several sources tell as it happens. Each item is held for a stated time after it came; what comes later than that and is older
 * than something that was given is late: it is given at once and marked. By the time of arrival, not by that of the events: a machine whose clock is
 * ahead holds nobody up.
 */
export class TimeWindow<Item> {
  readonly #options: TimeWindowOptions<Item>;
  /** A heap: the oldest on top. */
  readonly #heap: Held<Item>[] = [];
  /** In the order of arrival, from `#dueAt` on; what was given already is passed over. */
  #arrived: Held<Item>[] = [];
  #dueAt = 0;
  #sequence = 0;
  #givenMs = Number.NEGATIVE_INFINITY;
  #heldBytes = 0;
  #lateCount = 0;
  #hurriedCount = 0;

  constructor(options: TimeWindowOptions<Item>) {
    this.#options = options;
  }

  /** Items that came too late for their place. */
  get lateCount(): number {
    return this.#lateCount;
  }

  /** Items that were given before their time, for want of memory: what came after them may be late for that. */
  get hurriedCount(): number {
    return this.#hurriedCount;
  }

  get heldCount(): number {
    return this.#heap.length;
  }

  add(
    item: Item,
    { timeMs, source, bytes }: { readonly timeMs: number; readonly source: number; readonly bytes: number },
    nowMs: number,
  ): void {
    if (timeMs < this.#givenMs) {
      this.#lateCount++;
      this.#options.onItem(item, true);
      return;
    }
    const held = { item, timeMs, source, sequence: this.#sequence++, bytes, dueMs: nowMs + this.#options.windowMs, isGiven: false };
    this.#arrived.push(held);
    this.#insert(held);
    this.#heldBytes += bytes;
    while (this.#heldBytes > this.#options.bytesMax) {
      this.#hurriedCount++;
      this.#giveOldest();
    }
    // What was given is forgotten, at a cost that each item bears once.
    if (this.#arrived.length > 2 * this.#heap.length + forgetCount) {
      this.#arrived = this.#arrived.slice(this.#dueAt).filter(({ isGiven }) => !isGiven);
      this.#dueAt = 0;
    }
  }

  /** Gives what was held long enough, and what is older than that. Milliseconds until something is due; null when nothing is held. */
  advance(nowMs: number): number | null {
    for (;;) {
      const next = this.#arrived[this.#dueAt];
      if (next === undefined) {
        this.#arrived = [];
        this.#dueAt = 0;
        return null;
      }
      if (!next.isGiven && next.dueMs > nowMs) return next.dueMs - nowMs;
      while (!next.isGiven) this.#giveOldest();
      this.#dueAt++;
    }
  }

  /** Gives everything: nothing more will come. */
  flush(): void {
    while (this.#heap.length > 0) this.#giveOldest();
    this.#arrived = [];
    this.#dueAt = 0;
  }

  #giveOldest(): void {
    const oldest = this.#heap[0] as Held<Item>;
    const last = this.#heap.pop() as Held<Item>;
    if (last !== oldest) this.#refill(last);
    oldest.isGiven = true;
    this.#heldBytes -= oldest.bytes;
    this.#givenMs = oldest.timeMs;
    this.#options.onItem(oldest.item, false);
  }

  /** Puts a new one into its place. */
  #insert(held: Held<Item>): void {
    const heap = this.#heap;
    let at = heap.push(held) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent] as Held<Item>, held)) break;
      heap[at] = heap[parent] as Held<Item>;
      at = parent;
    }
    heap[at] = held;
  }

  /** Fills the top, which is free, with one that was below. */
  #refill(held: Held<Item>): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Held<Item>, heap[child] as Held<Item>)) child++;
      if (isBefore(held, heap[child] as Held<Item>)) break;
      heap[at] = heap[child] as Held<Item>;
      at = child;
    }
    heap[at] = held;
  }
}

/** Of one time each source's stay together, in the order in which they came. */
function isBefore<Item>(a: Held<Item>, b: Held<Item>): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs;
  return a.source === b.source ? a.sequence < b.sequence : a.source < b.source;
}
