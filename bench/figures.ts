import type { Figure } from '../src/lab/report/index.ts';

export type Row = Readonly<Record<string, Figure>>;

/** What was asked for, and what came out. One that is missed does not fail the run, since it depends on the machine's mood; a count that differs does. */
export interface Target {
  readonly name: string;
  readonly expected: string;
  readonly got: string;
  readonly met: boolean;
}

/** The one in the middle; of an even number the mean of the two there. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2;
}

/** Round by round, then the median: what slows the machine down for a while slows both sides of a round. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

export const atLeast = (name: string, got: number, least: number, unit = ''): Target => ({
  name,
  expected: `at least ${digits(least)}${unit}`,
  got: `${digits(got)}${unit}`,
  met: got >= least,
});

export const atMost = (name: string, got: number, most: number, unit = ''): Target => ({
  name,
  expected: `at most ${digits(most)}${unit}`,
  got: `${digits(got)}${unit}`,
  met: got <= most,
});

/** Three digits that count; whole numbers with their thousands apart. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
