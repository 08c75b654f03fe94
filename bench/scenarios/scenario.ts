import type { Figure } from '../../src/lab/report/report.ts';
import type { World } from '../world.ts';

/** One thing that is measured, with what it is measured against in the same run. */
export interface Scenario {
  readonly name: string;
  /** For `--help` and the report. */
  readonly about: string;
  readonly run: (world: World) => Promise<ScenarioResult>;
}

export interface ScenarioResult {
  /** One for each party: ours, the bare loop, a peer. */
  readonly rows: readonly Row[];
  readonly targets: readonly Target[];
}

export type Row = Readonly<Record<string, Figure>>;

/** What issue 3 asks for, and what came out. A target that was missed does not fail the run: it depends on the machine's mood; a count that differs does. */
export interface Target {
  readonly name: string;
  readonly expected: string;
  readonly got: string;
  readonly met: boolean;
}
