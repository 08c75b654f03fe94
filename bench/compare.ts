/**
 * Those that are measured side by side: Cairn, the bare loop, etcd, JetStream. In each round every party is measured once, in turn; what counts is the
 * median of the rounds, and of their ratios.
 */
import type { LatencySummary } from '../src/lab/bench/latencies.ts';
import { type Count, type ScenarioResult } from './scenario.ts';
import { digits, median, medianRatio, type Row, type Target } from './figures.ts';

/** One measurement of one party. */
interface PartyRun {
  readonly recordsPerSecond: number;
  readonly latencyMs: LatencySummary;
  /** On all disks, while measured; null when nobody counted. */
  readonly syncs: number | null;
  readonly records: number;
  /** Processor time of the load, in per cent of a core, where it is in a process of its own. */
  readonly loadPercent: number | null;
}

export interface Party {
  readonly name: string;
  readonly inFlight: number;
  /** What its answer means, e.g. `a majority has synced it`. */
  readonly durability: string;
  readonly measure: () => Promise<PartyRun>;
  /** What it acknowledged over all rounds and what it holds now; null when there is nothing to read back. */
  readonly finish: () => Promise<Omit<Count, 'of'> | null>;
}

export interface Comparison {
  readonly scenario: string;
  readonly rounds: number;
  readonly parties: readonly Party[];
  readonly say: (line: string) => void;
  /** Told the runs by party. */
  readonly targets: (ratios: Ratios) => readonly (Target | null)[];
}

/** Ours over theirs, as the median over the rounds; null when that party is not there. */
interface Ratios {
  rate(theirs: string): number | null;
  p50(theirs: string): number | null;
}

export async function compare(comparison: Comparison): Promise<ScenarioResult> {
  const { scenario, rounds, parties, say } = comparison;
  const runs = new Map<string, PartyRun[]>(parties.map(({ name }) => [name, []]));
  const notes: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const party of parties) {
      const own = runs.get(party.name);
      if (own === undefined) continue;
      try {
        const run = await party.measure();
        own.push(run);
        say(
          `${scenario}, round ${round} of ${rounds}, ${party.name}: ${digits(run.recordsPerSecond)} records/s, p50 ${digits(run.latencyMs.p50)} ms`,
        );
      } catch (error) {
        // Whoever we are compared with may fail without taking our figures away.
        if (party === parties[0]) throw error;
        runs.delete(party.name);
        notes.push(`${party.name} is left out: ${(error as Error).message}`);
      }
    }
  }
  const rows: Row[] = [];
  const counts: Count[] = [];
  for (const party of parties) {
    const own = runs.get(party.name);
    if (own === undefined) continue;
    const count = await party.finish();
    if (count !== null) counts.push({ of: `${party.name}, ${scenario}`, ...count });
    rows.push(rowOf(scenario, party, own, count));
  }
  const of = (name: string, pick: (run: PartyRun) => number): readonly number[] | null => runs.get(name)?.map(pick) ?? null;
  const ours = parties[0]?.name ?? '';
  const ratio = (theirs: string, pick: (run: PartyRun) => number): number | null => {
    const values = of(theirs, pick);
    return values === null ? null : medianRatio(of(ours, pick) ?? [], values);
  };
  const ratios: Ratios = {
    rate: (theirs) => ratio(theirs, (run) => run.recordsPerSecond),
    p50: (theirs) => ratio(theirs, (run) => run.latencyMs.p50),
  };
  return { rows, counts, notes, targets: comparison.targets(ratios).filter((target) => target !== null) };
}

function rowOf(scenario: string, party: Party, runs: readonly PartyRun[], count: Omit<Count, 'of'> | null): Row {
  const middle = (pick: (run: PartyRun) => number): number => median(runs.map(pick));
  const syncs = runs.some((run) => run.syncs === null) ? null : runs.reduce((sum, run) => sum + (run.syncs ?? 0), 0);
  const records = runs.reduce((sum, run) => sum + run.records, 0);
  return {
    scenario,
    party: party.name,
    'in flight': party.inFlight,
    'records/s': Math.round(middle((run) => run.recordsPerSecond)),
    'p50 ms': middle((run) => run.latencyMs.p50),
    'p99 ms': middle((run) => run.latencyMs.p99),
    'load, % of a core': runs.some((run) => run.loadPercent === null) ? null : middle((run) => run.loadPercent ?? 0),
    'an answer means': party.durability,
    fsyncs: syncs,
    'records per fsync': syncs === null || syncs === 0 ? null : records / syncs,
    acknowledged: count?.acknowledged ?? null,
    'read back': count?.readBack ?? null,
  };
}
