import { loadavg } from 'node:os';
import { describeMachine, type Graph, type Machine } from '../src/lab/report/index.ts';
import type { Row, Target } from './figures.ts';
import type { Count, Scenario } from './scenario.ts';
import { World, type WorldSettings } from './world.ts';

export interface BenchRun {
  /** All that was acknowledged was read back, no more and no less, and every scenario ran to its end. */
  readonly ok: boolean;
  readonly machine: Machine;
  readonly startedMs: number;
  /** Of the minute before: how much else the machine had to do. */
  readonly loadBefore: number;
  readonly tookMs: number;
  readonly settings: Omit<WorldSettings, 'say' | 'folder'>;
  readonly scenarios: readonly ScenarioRun[];
}

export interface ScenarioRun {
  readonly name: string;
  readonly about: string;
  readonly tookMs: number;
  readonly rows: readonly Row[];
  readonly targets: readonly Target[];
  readonly counts: readonly Count[];
  readonly notes: readonly string[];
  readonly graphs: readonly Graph[];
  /** Why it did not come to its end. */
  readonly failure: string | null;
}

/** One after the other. One that fails is named and fails the run, but does not take the others' figures away. */
export async function runScenarios(
  scenarios: readonly Scenario[],
  settings: WorldSettings,
  world = new World(settings),
): Promise<BenchRun> {
  const startedMs = Date.now();
  const loadBefore = Math.round((loadavg()[0] ?? 0) * 10) / 10;
  const runs: ScenarioRun[] = [];
  try {
    for (const scenario of scenarios) runs.push(await runScenario(scenario, world));
  } finally {
    await world.end();
  }
  const { say: _say, folder: _folder, ...shown } = settings;
  return {
    ok: runs.every((run) => run.failure === null && run.counts.every(isWhole)),
    machine: describeMachine(),
    startedMs,
    loadBefore,
    tookMs: Date.now() - startedMs,
    settings: shown,
    scenarios: runs,
  };
}

async function runScenario({ name, about, run }: Scenario, world: World): Promise<ScenarioRun> {
  const beganMs = performance.now();
  try {
    const { rows, targets, counts, notes = [], graphs = [] } = await run(world);
    return { name, about, tookMs: performance.now() - beganMs, rows, targets, counts, notes, graphs, failure: null };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    world.settings.say(`${name}: ${failure}`);
    return { name, about, tookMs: performance.now() - beganMs, rows: [], targets: [], counts: [], notes: [], graphs: [], failure };
  }
}

export const isWhole = ({ acknowledged, readBack }: Count): boolean => acknowledged === readBack;
