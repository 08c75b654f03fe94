import type { TopicDescription } from '../api.ts';
import { formatBytes, formatCount, formatDuration } from '../format.ts';

/** A topic as a row of the table. */
export interface TopicRow {
  readonly name: string;
  readonly builtIn: boolean;
  readonly partitions: number;
  /** Offsets that it holds: records, and a few entries of Cairn's own. */
  readonly count: number;
  /** Behind the last one; of several partitions their sum. */
  readonly end: number;
  /** Of one replica of each partition. */
  readonly sizeBytes: number;
  /** Brokers that lead its partitions, ascending. */
  readonly leaders: readonly number[];
  /** Partitions that nobody leads, as far as this broker knows. */
  readonly leaderless: number;
  readonly replicas: readonly number[];
  readonly retention: string;
  /** Records per second since the answer before; null until there were two. */
  readonly recordsPerSecond: number | null;
}

export type Column = 'name' | 'partitions' | 'end' | 'recordsPerSecond' | 'sizeBytes';

export interface Order {
  readonly column: Column;
  readonly isDescending: boolean;
}

const distinct = (ids: readonly number[]): number[] => [...new Set(ids)].toSorted((a, b) => a - b);

export function rowOf(topic: TopicDescription, recordsPerSecond: number | null): TopicRow {
  const partitions = topic.partitions ?? [topic.partition];
  const sum = (of: (each: (typeof partitions)[number]) => number): number => partitions.reduce((total, each) => total + of(each), 0);
  return {
    name: topic.name,
    builtIn: topic.builtIn,
    partitions: partitions.length,
    count: sum(({ highWatermark, logStartOffset }) => highWatermark - logStartOffset),
    end: endOf(topic),
    sizeBytes: sum(({ sizeBytes }) => sizeBytes),
    leaders: distinct(partitions.flatMap(({ leader }) => (leader === null ? [] : [leader]))),
    leaderless: partitions.filter(({ leader }) => leader === null).length,
    replicas: distinct(partitions.flatMap(({ replicas }) => replicas)),
    retention: retentionText(topic),
    recordsPerSecond,
  };
}

const endOf = ({ partition, partitions = [partition] }: TopicDescription): number =>
  partitions.reduce((total, { highWatermark }) => total + highWatermark, 0);

/** What bounds it, each partition by itself; the first bound that is met removes. */
function retentionText({ settings }: TopicDescription): string {
  const { retentionBytes, retentionMs = null, retentionRecords = null, retentionUntilRead = false } = settings;
  const bounds = [
    ...(retentionBytes === null ? [] : [formatBytes(retentionBytes)]),
    ...(retentionMs === null ? [] : [formatDuration(retentionMs)]),
    ...(retentionRecords === null ? [] : [`${formatCount(retentionRecords)} records`]),
    ...(retentionUntilRead ? ['until all have read'] : []),
  ];
  return bounds.length === 0 ? 'keeps all' : bounds.join(', ');
}

/** Names decide between rows that are equal otherwise, so that rows do not jump about. */
export function sorted(rows: readonly TopicRow[], { column, isDescending }: Order): TopicRow[] {
  const sign = isDescending ? -1 : 1;
  const byName = (a: TopicRow, b: TopicRow): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  if (column === 'name') return rows.toSorted((a, b) => sign * byName(a, b));
  return rows.toSorted((a, b) => sign * ((a[column] ?? -1) - (b[column] ?? -1)) || byName(a, b));
}

/** How fast topics grow, from one answer to the next. */
export class GrowthWatch {
  #before = new Map<string, { readonly timeMs: number; readonly end: number }>();

  /** Rates of these topics; what is not among them any more is forgotten. A topic that was made anew is not said to shrink. */
  add(timeMs: number, topics: readonly TopicDescription[]): ReadonlyMap<string, number> {
    const rates = new Map<string, number>();
    const now = new Map<string, { readonly timeMs: number; readonly end: number }>();
    for (const topic of topics) {
      const end = endOf(topic);
      const before = this.#before.get(topic.name);
      if (before !== undefined && timeMs > before.timeMs && end >= before.end)
        rates.set(topic.name, ((end - before.end) * 1000) / (timeMs - before.timeMs));
      now.set(topic.name, { timeMs, end });
    }
    this.#before = now;
    return rates;
  }
}
