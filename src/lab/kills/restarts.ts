import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LabBrokers } from '../brokers.ts';
import { check, type LabResult } from '../report/report.ts';
import { checkCopies, type Copy } from './check.ts';
import { findLeader, keepOutputs } from './kills.ts';
import { Load, longestGapMs, percentile, readCopy } from './load.ts';

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

const TOPIC = 'log';
const GAP_TARGET_MS = 100;
const APPEND_TIMEOUT_MS = 10_000;

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
  mkdirSync(options.folder, { recursive: true });
  const brokers = await LabBrokers.start({ count: options.brokers });
  const load = new Load({ brokers, topic: TOPIC, workers: options.workers, timeoutMs: APPEND_TIMEOUT_MS });
  const restarts: Restart[] = [];
  try {
    load.start();
    await load.acknowledgedAfter(performance.now());
    for (let count = 0; count < options.stops; count++) {
      restarts.push(await restartOnce(brokers, load, await findLeader(brokers), 'leader stopped', options));
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const id of brokers.ids) restarts.push(await restartOnce(brokers, load, id, 'broker of a rolling restart', options));
    }
    await load.stop();
    const reader = brokers.client();
    const end = (await reader.end(TOPIC, 'linearizable')).offset;
    reader.close();
    const copies: Copy[] = [];
    for (const id of brokers.ids) copies.push(await readCopy(brokers, id, TOPIC, end));
    writeFileSync(path.join(options.folder, 'restarts.json'), `${JSON.stringify(restarts, null, 1)}\n`);
    writeFileSync(path.join(options.folder, 'appends.ndjson'), load.attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join(''));
    if (restarts.some((restart) => restart.exitCode !== 0)) keepOutputs(brokers, options.folder);
    return judge(options, load, restarts, copies);
  } finally {
    await brokers.end();
  }
}

const AFTER_MS = 300;

async function restartOnce(brokers: LabBrokers, load: Load, id: number, what: Restart['what'], options: RestartsOptions): Promise<Restart> {
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

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function judge(options: RestartsOptions, load: Load, restarts: readonly Restart[], copies: readonly Copy[]): LabResult {
  const damage = checkCopies(load.attempts, copies);
  const failed = load.attempts.filter((attempt) => attempt.failure !== null);
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
  const wrong = damage.lost + damage.moved + damage.doubled + damage.reordered + damage.ghosts + damage.differing;
  return {
    lab: 'restarts',
    about:
      'Brokers are stopped with SIGTERM while clients append: first whoever leads, then each broker in turn. Leadership is handed over before the process ends, so the longest time without an acknowledgement stays short and no append fails.',
    settings: {
      stops: options.stops,
      rounds: options.rounds,
      brokers: options.brokers,
      'appends in flight': options.workers,
      topic: TOPIC,
    },
    results,
    graphs: [
      {
        name: 'gaps',
        title: 'Longest time without an acknowledgement while a broker stops',
        xTitle: 'restart',
        yTitle: 'ms',
        series: kinds.flatMap((what) => {
          const points = restarts.flatMap((restart, index) => (restart.what === what ? [[index + 1, restart.gapMs] as const] : []));
          return points.length === 0 ? [] : [{ label: what, points }];
        }),
      },
    ],
    checks: [
      check('longest gap', worst <= GAP_TARGET_MS, `at most ${GAP_TARGET_MS} ms`, `${Math.round(worst)} ms`),
      check(
        'appends that failed',
        failed.length === 0,
        0,
        [failed.length, ...new Set(failed.map((attempt) => attempt.failure?.code ?? ''))].join(' '),
      ),
      check('brokers that did not end with code 0', unclean.length === 0, 0, unclean.length),
      check('records lost, moved, doubled, reordered or differing', wrong === 0, 0, [wrong, ...damage.examples].join('; ')),
    ],
  };
}
