import type { Graph } from '../src/lab/report/index.ts';
import type { Row, Target } from './figures.ts';
import type { World } from './world.ts';

/** One thing that is measured, with what it is measured against in the same run. */
export interface Scenario {
  readonly name: string;
  /** For `--help` and the report. */
  readonly about: string;
  /** Runs only when it, or its section, is asked for. */
  readonly onlyWhenNamed?: boolean;
  /** Of docs/performance.md: its tables stand there, not among those of what runs by default. */
  readonly section?: 'big' | 'soak' | 'grep';
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
