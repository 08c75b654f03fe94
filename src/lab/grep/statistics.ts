/** What trials of one thing gave, in milliseconds. */
export interface Spread {
  readonly mean: number;
  /** Of the trials, not of the mean: with n - 1 in the denominator. */
  readonly deviation: number;
  readonly count: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)), count: values.length };
}

export interface Difference {
  /** Of the means: the first less the second. */
  readonly ms: number;
  /** Within so much on both sides of it the difference of the true means lies, in 19 of 20 such experiments. */
  readonly noiseMs: number;
  readonly exceedsNoise: boolean;
}

/** Whether two means differ by more than their trials explain (Welch's t interval, 95 %). */
export function differenceOf(a: Spread, b: Spread): Difference {
  const [va, vb] = [a.deviation ** 2 / Math.max(1, a.count), b.deviation ** 2 / Math.max(1, b.count)];
  const ms = a.mean - b.mean;
  const denominator = va ** 2 / Math.max(1, a.count - 1) + vb ** 2 / Math.max(1, b.count - 1);
  const degrees = denominator === 0 ? Number.POSITIVE_INFINITY : (va + vb) ** 2 / denominator;
  // One trial says nothing of how much others would differ.
  const noiseMs = Math.min(a.count, b.count) < 2 ? Number.POSITIVE_INFINITY : studentT(degrees) * Math.sqrt(va + vb);
  return { ms, noiseMs, exceedsNoise: Math.abs(ms) > noiseMs };
}

/** The 0.975 quantile of Student's t, from the table of any textbook; between its rows the one of fewer degrees of freedom counts. */
function studentT(degrees: number): number {
  return (quantiles.findLast(([least]) => degrees >= least) ?? quantiles[0])[1];
}

const quantiles: readonly [readonly [number, number], ...(readonly [number, number])[]] = [
  [1, 12.71],
  [2, 4.3],
  [3, 3.18],
  [4, 2.78],
  [5, 2.57],
  [6, 2.45],
  [7, 2.36],
  [8, 2.31],
  [9, 2.26],
  [10, 2.23],
  [12, 2.18],
  [15, 2.13],
  [20, 2.09],
  [30, 2.04],
  [60, 2],
  [120, 1.98],
];
