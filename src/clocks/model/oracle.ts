/**
 * What the model gives: the same trial many times on simulated time. Runs of real processes are compared with it, because a single run may be anything
 * within the spread of these, and nothing outside.
 */
import { type FigureName, type MachineFigures, type Spread, spreadOf } from './figures.ts';
import { type ModelRunOptions, runModel } from './virtual.ts';

export const oracleRuns = 300;
/** No trial has such a seed by itself, so no run is compared with itself. */
const firstSeed = 1_000_000_000;

export interface Oracle {
  /** By machine. */
  readonly means: readonly MachineFigures[];
  spread(machine: number, figure: FigureName): Spread;
}

export function askOracle(options: Omit<ModelRunOptions, 'seed'>, runs: number = oracleRuns): Oracle {
  const all = Array.from({ length: runs }, (_, run) => runModel({ ...options, seed: firstSeed + run }).machines);
  const spread = (machine: number, figure: FigureName): Spread =>
    spreadOf(all.map((machines) => (machines[machine] as MachineFigures)[figure]));
  const means = options.rates.map((_, machine) => {
    const names = Object.keys(all[0]?.[machine] ?? {}) as FigureName[];
    return Object.fromEntries(names.map((name) => [name, spread(machine, name).mean])) as unknown as MachineFigures;
  });
  return { means, spread };
}
