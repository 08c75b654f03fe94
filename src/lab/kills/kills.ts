import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { percentile } from '../../base/percentile.ts';
import { SeededRandom } from '../../base/random.ts';
import { checkFigures, figuresOf, findLeader, type LoadedRun, type LoadedRunResult, pause, runUnderLoad } from '../rig/index.ts';
import { check, type LabResult } from '../report/index.ts';

export interface KillsOptions {
  readonly kills: number;
  readonly brokers: number;
  readonly workers: number;
  readonly seed: number;
  readonly folder: string;
  readonly onKill: (kill: Kill, index: number) => void;
}

type Victims = 'leader' | 'follower' | 'two' | 'all';

interface Kill {
  readonly victims: Victims;
  readonly brokers: readonly number[];
  readonly inFlight: number;
  /** Term of the first acknowledgement after it: unchanged when the leader lived. */
  readonly term: number | null;
  /** From the signal to the acknowledgement of an append that was sent after it. */
  readonly recoveredMs: number;
}

/** `cairn lab kills`: SIGKILL of real brokers under load, then every acknowledged record is looked for on every broker. */
export async function runKillsLab(options: KillsOptions): Promise<LabResult> {
  const random = new SeededRandom(options.seed);
  const result = await runUnderLoad({ ...options, brokers: { count: options.brokers } }, async (run) => {
    const kills: Kill[] = [];
    for (let killed = 0; killed < options.kills; ) {
      const kill = await killOnce(run, random, kills.length, options.kills - killed);
      kills.push(kill);
      killed += kill.brokers.length;
      options.onKill(kill, killed);
    }
    return kills;
  });
  writeFileSync(path.join(options.folder, 'kills.json'), `${JSON.stringify(result.value, null, 1)}\n`);
  return judge(options, result);
}

async function killOnce(run: LoadedRun, random: SeededRandom, index: number, killsLeft: number): Promise<Kill> {
  const { brokers, load, watchdog } = run;
  await pause(random.between(100, 800));
  const leader = await findLeader(brokers, run.topic);
  const { victims, ids } = chooseVictims(brokers.ids, leader, random, index, killsLeft);
  watchdog.feed(`kill ${index + 1}, of broker ${ids.join(', ')}`);
  while (load.inFlight === 0) await pause(1);

  const killedMs = performance.now();
  const inFlight = load.inFlight;
  const recovered = load.acknowledgedAfter(killedMs);
  await Promise.all(ids.map((id) => brokers.kill(id, 'SIGKILL')));
  await pause(random.between(0, 600));
  await Promise.all(ids.map((id) => brokers.restart(id)));
  const first = await recovered;
  return { victims, brokers: ids, inFlight, term: first.term, recoveredMs: first.endedMs - killedMs };
}

const FIRST_LEADER = 0.5;
const THEN_FOLLOWER = 0.9;

/** The leader, then a follower, so that a short run has both; then mostly one, mostly the leader, now and then a majority, or all at once. */
function chooseVictims(
  all: readonly number[],
  leader: number,
  random: SeededRandom,
  index: number,
  killsLeft: number,
): { readonly victims: Victims; readonly ids: readonly number[] } {
  const followers = all.filter((id) => id !== leader);
  const chance = index === 0 ? FIRST_LEADER : index === 1 ? THEN_FOLLOWER : random.float();
  if (chance < 0.06 && killsLeft >= all.length) return { victims: 'all', ids: all };
  if (chance < 0.14 && killsLeft >= 2) return { victims: 'two', ids: [leader, random.pick(followers)] };
  if (chance < 0.6) return { victims: 'leader', ids: [leader] };
  return { victims: 'follower', ids: [random.pick(followers)] };
}

function judge(options: KillsOptions, result: LoadedRunResult<readonly Kill[]>): LabResult {
  const kills = result.value;
  const figures = figuresOf(result);
  const killed = kills.reduce((sum, kill) => sum + kill.brokers.length, 0);
  const inFlightLeast = Math.min(...kills.map((kill) => kill.inFlight));
  const kinds: readonly Victims[] = ['leader', 'follower', 'two', 'all'];
  return {
    lab: 'kills',
    about:
      'Brokers with their data on disk are killed with SIGKILL while clients append, and started again. In the end every record that was acknowledged is looked for on every broker: it must be there once, at the offset that was told, in the order of the acknowledgements.',
    settings: { kills: options.kills, brokers: options.brokers, 'appends in flight': options.workers, seed: options.seed },
    results: kinds.flatMap((victims) => {
      const times = kills.filter((kill) => kill.victims === victims).map((kill) => kill.recoveredMs);
      if (times.length === 0) return [];
      times.sort((a, b) => a - b);
      return [
        {
          killed: victims,
          times: times.length,
          'next acknowledged p50 ms': Math.round(percentile(times, 0.5)),
          'p99 ms': Math.round(percentile(times, 0.99)),
          'max ms': Math.round(times.at(-1) ?? 0),
        },
      ];
    }),
    graphs: [
      {
        name: 'next-acknowledged',
        kind: 'chart',
        title: 'From SIGKILL to the next acknowledgement',
        xTitle: 'kill',
        xScale: 'numbers',
        yTitle: 'time (ms)',
        series: kinds.flatMap((victims) => {
          const points = kills.flatMap((kill, index) => (kill.victims === victims ? [[index + 1, kill.recoveredMs] as const] : []));
          return points.length === 0 ? [] : [{ label: victims, marks: 'points', points }];
        }),
      },
    ],
    checks: [
      check('brokers killed', killed === options.kills, options.kills, killed),
      check('appends in flight at each kill', inFlightLeast >= 1, 'at least 1', inFlightLeast),
      ...checkFigures(figures, options.brokers),
    ],
  };
}
