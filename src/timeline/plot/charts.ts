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

/** Bytes received in each second, as bits a second. */
export function bandwidthChart(run: TimelineRun): Chart {
  const rates = run.totals.map(({ bytes }) => bytes * 8);
  const greatest = rates.reduce((most, rate) => Math.max(most, rate), 0);
  const { unit, bitsPerSecond } = rateUnits.find((each) => greatest >= each.bitsPerSecond) ?? rateUnits[2];
  return {
    title: `Bandwidth: ${scenarioOf(run)}`,
    xTitle,
    yTitle: `bandwidth (${unit})`,
    ...bySecond,
    yScale: 'linear',
    series: [{ label: 'all nodes', marks: 'line', points: rates.map((rate, second) => [second, rate / bitsPerSecond]) }],
  };
}

/** Delays of the events of each second; 0 where there was none, as contract 1 wants it. */
export function delayChart(run: TimelineRun): Chart {
  const of = (pick: (row: TimelineRun['totals'][number]) => number | null): number[] => run.totals.map((row) => pick(row) ?? 0);
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
      { label: 'maximum', marks: 'line', points: pointsOf((row) => row.maxMs) },
    ],
    bands: [{ label: 'from minimum to maximum', edges: run.totals.map(({ minMs, maxMs }, second) => [second, minMs ?? 0, maxMs ?? 0]) }],
  };
}
