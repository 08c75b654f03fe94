import { percentile } from '../../base/percentile.ts';
import type { TimelineRun } from '../format.ts';
import type { Chart } from '../../chart/index.ts';

const xTitle = 'time since the first connection (s)';
/** Where the greatest delay is so many times the typical one, equal steps would show nothing but the greatest. */
const decadesFrom = 20;

const bySecond = { kind: 'chart', xScale: 'exact' } as const;

const rateUnits = [
  { unit: 'Mbps', bitsPerSecond: 1e6 },
  { unit: 'kbps', bitsPerSecond: 1e3 },
  { unit: 'bps', bitsPerSecond: 1 },
] as const;

export const scenarioOf = ({ header }: TimelineRun): string => header.scenario ?? `logger on port ${header.port}`;

/** The seconds that were whole. One that the end of the run has cut short would look as if less had come; it is drawn where there is no other. */
function wholeSeconds({ totals }: TimelineRun): { readonly rows: TimelineRun['totals']; readonly note?: string } {
  const last = totals.at(-1);
  if (last?.part === undefined || totals.length === 1) return { rows: totals };
  const { part, events } = last;
  const what = events === 0 ? '' : events === 1 ? '; its 1 event is in the tables' : `; its ${events} events are in the tables`;
  const note = `The run ended ${part.toFixed(2)} s into its last second, which is not drawn${what}.`;
  return { rows: totals.slice(0, -1), note };
}

/** Bytes received in each second, as bits a second. */
export function bandwidthChart(run: TimelineRun): Chart {
  const { rows, ...note } = wholeSeconds(run);
  const rates = rows.map(({ bytes }) => bytes * 8);
  const greatest = rates.reduce((most, rate) => Math.max(most, rate), 0);
  const { unit, bitsPerSecond } = rateUnits.find((each) => greatest >= each.bitsPerSecond) ?? rateUnits[2];
  return {
    title: `Bandwidth: ${scenarioOf(run)}`,
    xTitle,
    yTitle: `bandwidth (${unit})`,
    ...bySecond,
    yScale: 'linear',
    series: [{ label: 'all nodes', marks: 'line', points: rates.map((rate, second) => [second, rate / bitsPerSecond]) }],
    ...note,
  };
}

/** Delays of the events of each second; 0 where there was none, as contract 1 wants it, with a mark that tells it from a delay of 0. */
export function delayChart(run: TimelineRun): Chart {
  const { rows, ...note } = wholeSeconds(run);
  const of = (pick: (row: TimelineRun['totals'][number]) => number | null): number[] => rows.map((row) => pick(row) ?? 0);
  const pointsOf = (pick: (row: TimelineRun['totals'][number]) => number | null): (readonly [number, number])[] =>
    of(pick).map((value, second) => [second, value]);
  const p90s = of((row) => row.p90Ms).filter((value) => value !== 0);
  const typical = percentile(
    p90s.toSorted((a, b) => a - b),
    0.5,
  );
  const greatest = of((row) => row.maxMs).reduce((most, value) => Math.max(most, value), 0);
  const isDecades = greatest > Math.abs(typical) * decadesFrom;
  return {
    title: `Delay: ${scenarioOf(run)}`,
    xTitle,
    yTitle: isDecades ? 'delay (ms), in powers of ten' : 'delay (ms)',
    ...bySecond,
    yScale: isDecades ? 'decades' : 'linear',
    series: [
      { label: 'minimum', marks: 'line', points: pointsOf((row) => row.minMs) },
      { label: 'median', marks: 'line', points: pointsOf((row) => row.medianMs) },
      { label: '90th percentile', marks: 'line', points: pointsOf((row) => row.p90Ms) },
      // Of a few events a second the greatest is the 90th percentile too.
      { label: 'maximum', marks: 'line', points: pointsOf((row) => row.maxMs), isUnder: true },
    ],
    bands: [{ label: 'from minimum to maximum', edges: rows.map(({ minMs, maxMs }, second) => [second, minMs ?? 0, maxMs ?? 0]) }],
    nothing: { label: 'no delay in this second: 0', xs: rows.flatMap(({ maxMs }, second) => (maxMs === null ? [second] : [])) },
    ...note,
  };
}
