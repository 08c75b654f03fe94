/**
 * How brokers ask one another what they did lately: a request for the status whose text is no query of topics, `{"historyMs": 900000}`, so that a broker of
 * before answers with its status, in which no history is found. The answer is `{"history": [...]}`, samples as they are kept, oldest first.
 */
import type { AgedSample, HistorySample } from '../eventlog/index.ts';
import type { Bytes } from '../host/index.ts';

export const encodeHistoryQuery = (withinMs: number, bytes: Bytes): Uint8Array => bytes.utf8Encode(JSON.stringify({ historyMs: withinMs }));

/** Null where something else is asked for. */
export function decodeHistoryQuery(asked: Uint8Array, bytes: Bytes): number | null {
  if (asked.length === 0) return null;
  try {
    const { historyMs } = JSON.parse(bytes.utf8Decode(asked)) as { readonly historyMs?: unknown };
    return typeof historyMs === 'number' && historyMs >= 0 ? historyMs : null;
  } catch {
    return null;
  }
}

/** Null where a broker has answered with something else. */
export function parseHistory(json: string): readonly AgedSample[] | null {
  try {
    const { history } = JSON.parse(json) as { readonly history?: unknown };
    return Array.isArray(history) && history.every(isSample) ? history : null;
  } catch {
    return null;
  }
}

const isSample = (value: unknown): value is AgedSample =>
  typeof value === 'object' && value !== null && typeof (value as Partial<AgedSample>).agoMs === 'number';

/** On the wall clock of whoever asked. */
export const datedSamples = (samples: readonly AgedSample[], wallMs: number): readonly HistorySample[] =>
  samples.map(({ agoMs, ...counts }) => ({ endMs: Math.round(wallMs - agoMs), ...counts }));
