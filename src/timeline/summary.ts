import { percentile } from '../base/percentile.ts';
import type { DelayFields, TimelineRun } from './format.ts';

/**
 * A run, or one connection of it, or some seconds of that, in one line. Medians and percentiles are those in the middle of the seconds' own: the events
 * themselves are not in a timeline.
 */
export interface RunSummary extends Omit<DelayFields, 'exact'> {
  readonly name: string;
  readonly address: string;
  /** Seconds with events. */
  readonly seconds: number;
}

export function summariseRun(run: TimelineRun): { readonly total: RunSummary; readonly nodes: readonly RunSummary[] } {
  const byNode = new Map<string, { name: string; address: string; rows: DelayFields[] }>();
  for (const row of run.nodes) {
    const key = `${row.node} ${row.address}`;
    const entry = byNode.get(key) ?? { name: row.node, address: row.address, rows: [] };
    byNode.set(key, entry);
    entry.rows.push(row);
  }
  return {
    total: summariseRows('all nodes', '', run.totals),
    nodes: [...byNode.values()].map(({ name, address, rows }) => summariseRows(name, address, rows)),
  };
}

export function summariseRows(name: string, address: string, rows: readonly DelayFields[]): RunSummary {
  const sum = (pick: (row: DelayFields) => number): number => rows.reduce((total, row) => total + pick(row), 0);
  const present = (pick: (row: DelayFields) => number | null): number[] => rows.flatMap((row) => pick(row) ?? []).toSorted((a, b) => a - b);
  const middle = (values: readonly number[]): number | null => (values.length === 0 ? null : percentile(values, 0.5));
  return {
    name,
    address,
    seconds: rows.filter((row) => row.events > 0).length,
    events: sum((row) => row.events),
    untimed: sum((row) => row.untimed),
    bytes: sum((row) => row.bytes),
    minMs: present((row) => row.minMs)[0] ?? null,
    medianMs: middle(present((row) => row.medianMs)),
    p90Ms: middle(present((row) => row.p90Ms)),
    maxMs: present((row) => row.maxMs).at(-1) ?? null,
    negative: sum((row) => row.negative),
  };
}
