/**
 * The log of one topic after a run as the checkers of the history use it: the longest of what the brokers show, with prefix counts, so that each
 * question about a range of offsets costs a binary search.
 */
import type { FinalLog } from '../history.ts';

export class TopicLog {
  readonly topic: string;
  /** Log start. */
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly #offsets: readonly number[];
  readonly #values: readonly number[];
  readonly #offsetOfValue = new Map<number, number>();

  constructor(final: FinalLog) {
    this.topic = final.topic;
    this.offsetFrom = final.offsetFrom;
    this.offsetTo = final.offsetTo;
    const offsets: number[] = [];
    const values: number[] = [];
    for (let i = 0; i < final.records.length; i += 2) {
      const offset = final.records[i] as number;
      const value = final.records[i + 1] as number;
      offsets.push(offset);
      values.push(value);
      if (!this.#offsetOfValue.has(value)) this.#offsetOfValue.set(value, offset);
    }
    this.#offsets = offsets;
    this.#values = values;
  }

  static longest(finals: readonly FinalLog[]): Map<string, TopicLog> {
    const logs = new Map<string, TopicLog>();
    for (const final of finals) {
      if ((logs.get(final.topic)?.offsetTo ?? -1) < final.offsetTo) logs.set(final.topic, new TopicLog(final));
    }
    return logs;
  }

  get length(): number {
    return this.#offsets.length;
  }

  /** First offset of a value, undefined if it is not shown. */
  offsetOf(value: number): number | undefined {
    return this.#offsetOfValue.get(value);
  }

  valueAt(offset: number): number | undefined {
    const index = this.indexFrom(offset);
    return this.#offsets[index] === offset ? this.#values[index] : undefined;
  }

  /** Index of the first record at or above an offset. */
  indexFrom(offset: number): number {
    let from = 0;
    let to = this.#offsets.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#offsets[middle] as number) < offset) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  offsetAtIndex(index: number): number {
    return this.#offsets[index] ?? this.offsetTo;
  }

  valueAtIndex(index: number): number | undefined {
    return this.#values[index];
  }
}
