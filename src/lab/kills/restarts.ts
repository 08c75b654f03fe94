import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { percentile } from '../../base/percentile.ts';
import {
  checkFigures,
  figuresOf,
  findLeader,
  type LoadedRun,
  type LoadedRunResult,
  longestGapMs,
  pause,
  runUnderLoad,
} from '../rig/index.ts';
import { check, type LabResult } from '../report/index.ts';

export interface RestartsOptions {
  /** SIGTERMs of whoever leads. */
  readonly stops: number;
  /** Times that all brokers are restarted, one after another. */
  readonly rounds: number;
  readonly brokers: number;
  readonly workers: number;
  readonly folder: string;
  readonly onRestart: (what: string, gapMs: number) => void;
}

const GAP_TARGET_MS = 100;
const APPEND_MS_MAX = 10_000;

interface Restart {
  readonly what: 'leader stopped' | 'broker of a rolling restart';
  readonly broker: number;
  readonly exitCode: number | null;
  /** Longest time without an acknowledgement between SIGTERM and the end of the process. */
  readonly gapMs: number;
  readonly stoppedInMs: number;
}

/** `cairn lab restarts`: brokers are asked to stop while clients append. Leadership is handed over first, so hardly a gap is seen and nothing fails. */
export async function runRestartsLab(options: RestartsOptions): Promise<LabResult> {
  const set = { ...options, brokers: { count: options.brokers }, appendMsMax: APPEND_MS_MAX };
  const result = await runUnderLoad(set, async (run) => {
    const restarts: Restart[] = [];
    for (let count = 0; count < options.stops; count++) {
      restarts.push(await restartOnce(run, await findLeader(run.brokers, run.topic), 'leader stopped', options));
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const id of run.brokers.ids) restarts.push(await restartOnce(run, id, 'broker of a rolling restart', options));
    }
    return restarts;
  });
  writeFileSync(path.join(options.folder, 'restarts.json'), `${JSON.stringify(result.value, null, 1)}\n`);
  return judge(options, result);
}

const AFTER_MS = 300;

async function restartOnce(
  { brokers, load, watchdog }: LoadedRun,
  id: number,
  what: Restart['what'],
  options: RestartsOptions,
): Promise<Restart> {
  watchdog.feed(`the restart of broker ${id}`);
  await pause(AFTER_MS);
  const stoppedMs = performance.now();
  const exit = await brokers.kill(id, 'SIGTERM');
  const goneMs = performance.now();
  // What was about to be answered as the process ended counts too.
  await pause(AFTER_MS);
  const gapMs = longestGapMs(load.attempts, stoppedMs, performance.now());
  await brokers.restart(id);
  options.onRestart(`${what} ${id}`, gapMs);
  return { what, broker: id, exitCode: exit.code, gapMs, stoppedInMs: goneMs - stoppedMs };
}

function judge(options: RestartsOptions, result: LoadedRunResult<readonly Restart[]>): LabResult {
  const restarts = result.value;
  const figures = figuresOf(result);
  const unclean = restarts.filter((restart) => restart.exitCode !== 0);
  const kinds: readonly Restart['what'][] = ['leader stopped', 'broker of a rolling restart'];
  const results = kinds.flatMap((what) => {
    const of = restarts.filter((restart) => restart.what === what);
    if (of.length === 0) return [];
    const gaps = of.map((restart) => restart.gapMs).toSorted((a, b) => a - b);
    return [
      {
        what,
        times: of.length,
        'gap p50 ms': Math.round(percentile(gaps, 0.5)),
        'gap max ms': Math.round(gaps.at(-1) ?? 0),
        'stopped in max ms': Math.round(Math.max(...of.map((restart) => restart.stoppedInMs))),
      },
    ];
  });
  const worst = Math.max(0, ...restarts.map((restart) => restart.gapMs));
  return {
    lab: 'restarts',
    about:
      'Brokers are stopped with SIGTERM while clients append: first whoever leads, then each broker in turn. Leadership is handed over before the process ends, so the longest time without an acknowledgement stays short and no append fails.',
    settings: {
      stops: options.stops,
      rounds: options.rounds,
      brokers: options.brokers,
      'appends in flight': options.workers,
    },
    results,
    graphs: [
      {
        name: 'gaps',
        kind: 'chart',
        title: 'Longest time without an acknowledgement while a broker stops',
        xTitle: 'restart',
        xScale: 'numbers',
        yTitle: 'time (ms)',
        series: kinds.flatMap((what) => {
          const points = restarts.flatMap((restart, index) => (restart.what === what ? [[index + 1, restart.gapMs] as const] : []));
          return points.length === 0 ? [] : [{ label: what, marks: 'points', points }];
        }),
      },
    ],
    checks: [
      check('longest gap', worst <= GAP_TARGET_MS, `at most ${GAP_TARGET_MS} ms`, `${Math.round(worst)} ms`),
      check('brokers that did not end with code 0', unclean.length === 0, 0, unclean.length),
      ...checkFigures(figures, options.brokers),
    ],
  };
}
