/** What brokers ask one another about what is appended later, as JSON text; answered as what is asked of subscribers. */
import type { ScheduledRecords, ScheduledTotals } from '../../eventlog/index.ts';

export type Call =
  | {
      readonly call: 'listScheduled';
      readonly topic: string | null;
      /** Behind this time and place. */
      readonly afterMs: number;
      readonly afterPlace: number;
      readonly limit: number;
    }
  | { readonly call: 'cancelScheduled'; readonly place: number };

/** Of one group. */
export interface Listed {
  /** By time and place. */
  readonly entries: readonly ListedEntry[];
  readonly isMore: boolean;
  readonly totals: ScheduledTotals;
}

export type ListedEntry = Omit<ScheduledRecords, 'id'> & { readonly place: number };

/** Null for what is none. */
export function decodeCall(text: string): Call | null {
  const value = parse(text);
  if (typeof value !== 'object' || value === null) return null;
  const { call, topic, afterMs, afterPlace, limit, place } = value as Readonly<Record<string, unknown>>;
  if (call === 'cancelScheduled') return isCount(place) ? { call, place } : null;
  const isList = call === 'listScheduled' && (topic === null || typeof topic === 'string');
  if (!isList || !Number.isSafeInteger(afterMs) || !Number.isSafeInteger(afterPlace) || !isCount(limit)) return null;
  return { call, topic, afterMs: afterMs as number, afterPlace: afterPlace as number, limit };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
