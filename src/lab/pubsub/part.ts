/** What one experiment of the lab comes to; the lab puts them together. */
import type { Check, Figure, Graph } from '../report/index.ts';

export type Row = Readonly<Record<string, Figure>>;

export interface Part {
  readonly results: readonly Row[];
  readonly checks: readonly Check[];
  /** Figures that depend on the machine's mood. */
  readonly targets?: readonly Check[];
  readonly graphs: readonly Graph[];
}

/** Milliseconds as a report needs them. */
export const inMs = (ms: number): number => Number(ms.toFixed(ms >= 100 ? 0 : 2));
export const inRate = (rate: number): number => Number(rate.toFixed(rate >= 100 ? 0 : 1));
