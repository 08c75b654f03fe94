import { encodePlaces, type PartitionPlace } from '../partitions/index.ts';
import type { LogRecord } from './log-record.ts';

/** Records that came together, and where to go on behind them. The first page of all may be empty and say where the reading begins. */
export interface Page {
  readonly records: readonly LogRecord[];
  /** In each partition; of one that was named, its place alone. */
  readonly after: readonly PartitionPlace[];
  /** Partitions that did not answer. */
  readonly missing: readonly MissingPartition[];
  /** Of the first one, of a reading by time: from this offset on times are so much ahead of the broker's clock. */
  readonly timesAhead?: TimesAhead;
}

export interface TimesAhead {
  readonly offset: number;
  readonly ms: number;
}

export interface MissingPartition {
  readonly partition: number;
  readonly reason: string;
}

/** Records one after another: `for await (const record of records)`. Nothing is read before the loop begins, and nothing beyond a page ahead of it. */
export class Records implements AsyncIterableIterator<LogRecord> {
  readonly #pages: AsyncIterator<Page>;
  /** The partition that was named, or null. */
  readonly #partition: number | null;
  #page: Page = { records: [], after: [], missing: [] };
  #at = 0;
  #places: PartitionPlace[] = [];
  #timesAhead: TimesAhead | null = null;
  #pending: Promise<unknown> | null = null;

  /** @internal */
  constructor(pages: AsyncIterator<Page>, partition: number | null) {
    this.#pages = pages;
    this.#partition = partition;
  }

  /**
   * What `from` takes to go on behind the last record that was given; null before the first answer. An offset where a partition was named, else text that says
   * a place in each.
   */
  get position(): number | string | null {
    const [first] = this.#places;
    if (first === undefined) return null;
    if (this.#partition === null) return encodePlaces(this.#places);
    return first.from === 'offset' ? first.offset : null;
  }

  /** Partitions that did not answer last: what they have comes later. */
  get missing(): readonly MissingPartition[] {
    return this.#page.missing;
  }

  /** How many partitions are read; 0 before the first answer. */
  get partitions(): number {
    return this.#places.length;
  }

  /** A broker with a wrong clock has led the topic: from this offset on its times are so much ahead. Told of a reading by time (`since`). */
  get timesAhead(): TimesAhead | null {
    return this.#timesAhead;
  }

  /** The same records as they come, many at once, for programs that write them out together; none where only something else of this has changed. */
  async *pages(): AsyncGenerator<readonly LogRecord[], void, undefined> {
    try {
      while (await this.#turnPage()) {
        const { records } = this.#page;
        for (const record of records) this.#give(record);
        if (this.#page.after.length > 0) this.#places = [...this.#page.after];
        yield records;
      }
    } finally {
      await this.return();
    }
  }

  next(): Promise<IteratorResult<LogRecord, undefined>> {
    // Asked again before it was answered.
    if (this.#pending !== null) return this.#pending.then(() => this.next());
    const record = this.#page.records[this.#at];
    return record === undefined ? this.#nextPage() : Promise.resolve({ done: false, value: this.#give(record) });
  }

  async return(): Promise<IteratorResult<LogRecord, undefined>> {
    this.#page = { ...this.#page, records: [] };
    await this.#pages.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(record: LogRecord): LogRecord {
    this.#at++;
    this.#places[this.#partition === null ? record.partition : 0] = { from: 'offset', offset: record.offset + 1 };
    return record;
  }

  #nextPage(): Promise<IteratorResult<LogRecord, undefined>> {
    const asked = this.#ask();
    // Whoever waits for it asks for himself, and meets the failure himself.
    const settled: Promise<void> = asked.then(
      () => undefined,
      () => undefined,
    );
    this.#pending = settled;
    void settled.then(() => (this.#pending = null));
    return asked;
  }

  async #ask(): Promise<IteratorResult<LogRecord, undefined>> {
    while (await this.#turnPage()) {
      const [record] = this.#page.records;
      if (record !== undefined) return { done: false, value: this.#give(record) };
    }
    return { done: true, value: undefined };
  }

  /** False behind the last one. */
  async #turnPage(): Promise<boolean> {
    if (this.#page.after.length > 0) this.#places = [...this.#page.after];
    const step = await this.#pages.next();
    this.#at = 0;
    this.#page = step.done === true ? { ...this.#page, records: [], after: [] } : step.value;
    this.#timesAhead ??= this.#page.timesAhead ?? null;
    return step.done !== true;
  }
}
