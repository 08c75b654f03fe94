import type { Graph } from '../src/lab/report/index.ts';
import type { Row, Target } from './figures.ts';
import type { World } from './world.ts';

/** One thing that is measured, with what it is measured against in the same run. */
export interface Scenario {
  readonly name: string;
  /** For `--help` and the report. */
  readonly about: string;
  /** Runs only when it is named. */
  readonly onlyWhenNamed?: boolean;
  readonly run: (world: World) => Promise<ScenarioResult>;
}

export interface ScenarioResult {
  readonly rows: readonly Row[];
  readonly targets: readonly Target[];
  /** What was acknowledged and what was there in the end, by party: a difference fails the run. */
  readonly counts: readonly Count[];
  /** In a sentence each: what was left out and why. */
  readonly notes?: readonly string[];
  readonly graphs?: readonly Graph[];
}

export interface Count {
  readonly of: string;
  readonly acknowledged: number;
  readonly readBack: number;
}
