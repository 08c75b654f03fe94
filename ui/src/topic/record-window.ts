import type { RecordRow } from './row.ts';

/** Where a stretch of a topic begins or ends: an offset in each partition, in their order; one where the topic has one, or one was chosen. */
export type Places = readonly number[];

/** What stands in the list. */
export type Line =
  | { readonly kind: 'record'; readonly id: string; readonly row: RecordRow }
  /** Offsets of a partition that hold no record that is shown: [offsetFrom, offsetTo). */
  | {
      readonly kind: 'gap';
      readonly id: string;
      readonly partition: number | null;
      readonly offsetFrom: number;
      readonly offsetTo: number;
    };

/**
 * A stretch of a topic without a hole, of at most so many rows: what is added at one end pushes out what is at the other.
 *
 * Invariant: the rows are all records of each partition in [from, to), and no others.
 */
export class RecordWindow {
  #rows: readonly RecordRow[] = [];
  #from: number[];
  #to: number[];

  constructor(places: Places) {
    this.#from = [...places];
    this.#to = [...places];
  }

  get rows(): readonly RecordRow[] {
    return this.#rows;
  }

  get from(): Places {
    return this.#from;
  }

  get to(): Places {
    return this.#to;
  }

  /** Takes the records that follow, up to `to`. A partition that `to` names and that was not there before begins at its beginning. */
  append(rows: readonly RecordRow[], to: Places, rowsMax: number): void {
    this.#to = [...to];
    while (this.#from.length < to.length) this.#from.push(0);
    const all = [...this.#rows, ...rows];
    const dropped = all.slice(0, Math.max(0, all.length - rowsMax));
    for (const row of dropped) this.#from[this.#indexOf(row)] = row.offset + 1;
    this.#rows = all.slice(dropped.length);
  }

  /** The same for records that were not kept: the stretch begins behind them. */
  passOver(places: Places): void {
    this.#rows = [];
    this.#from = [...places];
    this.#to = [...places];
  }

  /** Takes the records before it, from `from` on; true where it lost some at its end. */
  prepend(rows: readonly RecordRow[], from: Places, rowsMax: number): boolean {
    this.#from = [...from];
    const all = [...rows, ...this.#rows];
    const dropped = all.slice(rowsMax);
    for (const row of dropped.toReversed()) this.#to[this.#indexOf(row)] = row.offset;
    this.#rows = all.slice(0, rowsMax);
    return dropped.length > 0;
  }

  /** The rows, and between them what of the offsets holds none. */
  lines(): Line[] {
    const next = [...this.#from];
    const lines: Line[] = [];
    const passTo = (index: number, partition: number | null, offset: number): void => {
      const offsetFrom = next[index] ?? 0;
      if (offset > offsetFrom) lines.push({ kind: 'gap', id: `gap ${index}/${offsetFrom}`, partition, offsetFrom, offsetTo: offset });
    };
    for (const row of this.#rows) {
      const index = this.#indexOf(row);
      passTo(index, row.partition, row.offset);
      next[index] = row.offset + 1;
      lines.push({ kind: 'record', id: row.id, row });
    }
    for (const [index, offset] of this.#to.entries()) passTo(index, this.#to.length > 1 ? index : null, offset);
    return lines;
  }

  #indexOf({ partition }: RecordRow): number {
    return this.#to.length > 1 ? (partition ?? 0) : 0;
  }
}
