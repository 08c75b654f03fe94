import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../base/random.ts';
import { percentile } from '../../base/percentile.ts';
import { checkFigures, figuresOf, findLeader, type LoadedRun, pause, runUnderLoad } from '../rig/index.ts';
import { check, type LabResult } from '../report/index.ts';
import { type Forgotten, ForgetfulDisk } from './forgetful-disk.ts';

export interface PowerLossOptions {
  /** Times that the power fails. */
  readonly rounds: number;
  readonly brokers: number;
  readonly workers: number;
  readonly seed: number;
  readonly folder: string;
  /** For tests: what brokers are started with besides, such as a hook that skips a sync. */
  readonly env?: Readonly<Record<string, string>>;
  /** For tests: how long nothing may go on before the run is given up. */
  readonly standstillMs?: number;
  readonly onRound: (round: PowerLoss, done: number) => void;
}

type Victims = 'one' | 'minority' | 'all';

interface PowerLoss {
  readonly victims: Victims;
  readonly brokers: readonly number[];
  readonly inFlight: number;
  /** Whether some of what was not synced survived, as on a real disk, or nothing. */
  readonly kept: 'nothing' | 'some';
  /** From the failure to the acknowledgement of an append that was sent after it. */
  readonly recoveredMs: number;
}

/**
 * `cairn lab power-loss`: the data of each broker is on a disk that forgets what was not synced. The power of one, of a minority, of all brokers
 * fails under load, again and again; in the end every acknowledged record is looked for on every broker.
 */
export async function runPowerLossLab(options: PowerLossOptions): Promise<LabResult> {
  const random = new SeededRandom(options.seed);
  const disks = new Map<number, ForgetfulDisk>();
  const lost: Forgotten[] = [];
  const { env = {} } = options;
  const brokers = {
    count: options.brokers,
    surroundings: () => ({ env }),
    makeDataFolder: async (id: number, folder: string) => void disks.set(id, await ForgetfulDisk.mount(folder)),
    releaseDataFolders: async () => {
      for (const disk of disks.values()) {
        lost.push(disk.forgotten);
        await disk.unmount();
      }
      disks.clear();
    },
  };
  const result = await runUnderLoad({ ...options, brokers }, async (run) => {
    const rounds: PowerLoss[] = [];
    for (let round = 0; round < options.rounds; round++) {
      rounds.push(await failOnce(run, disks, random, round));
      options.onRound(rounds.at(-1) as PowerLoss, rounds.length);
    }
    return rounds;
  });
  writeFileSync(path.join(options.folder, 'power-losses.json'), `${JSON.stringify(result.value, null, 1)}\n`);
  const sum = (figure: (each: Forgotten) => number): number => lost.reduce((total, each) => total + figure(each), 0);
  const bytesLost = sum((each) => each.bytesLost);
  const namesLost = sum((each) => each.namesLost);
  return {
    lab: 'power-loss',
    about:
      "Each broker's data is on a file system that forgets what was not synced. While clients append, the power of brokers fails: they are killed, their disks forget, they start again. In the end every record that was acknowledged is looked for on every broker.",
    settings: { 'power failures': options.rounds, brokers: options.brokers, 'appends in flight': options.workers, seed: options.seed },
    results: (['one', 'minority', 'all'] as const).flatMap((victims) => resultsOf(victims, result.value)),
    graphs: [
      {
        name: 'next-acknowledged',
        kind: 'chart',
        title: 'From the failure of the power to the next acknowledgement',
        xTitle: 'power failure',
        xScale: 'numbers',
        yTitle: 'time (ms)',
        series: (['one', 'minority', 'all'] as const).flatMap((victims) => {
          const points = result.value.flatMap((each, index) => (each.victims === victims ? [[index + 1, each.recoveredMs] as const] : []));
          return points.length === 0 ? [] : [{ label: victims, marks: 'points', points }];
        }),
      },
    ],
    checks: [
      check('power failures', result.value.length === options.rounds, options.rounds, result.value.length),
      // A disk that never had anything to forget would prove nothing.
      check('bytes that were forgotten', bytesLost > 0, 'more than 0', bytesLost),
      { name: 'names that were forgotten', expected: 'any number', got: String(namesLost), ok: true },
      ...checkFigures(figuresOf(result), options.brokers),
    ],
  };
}

const DOWN_MS_MAX = 400;

async function failOnce(
  run: LoadedRun,
  disks: ReadonlyMap<number, ForgetfulDisk>,
  random: SeededRandom,
  round: number,
): Promise<PowerLoss> {
  const { brokers, load, watchdog, topic } = run;
  await pause(random.between(150, 900));
  watchdog.feed(`power failure ${round + 1}`);
  const leader = await findLeader(brokers, topic);
  const victims = (['one', 'all', 'minority'] as const)[round % 3] ?? 'one';
  const ids = choose(victims, leader, brokers.ids, random);
  const keepsSome = random.chance(0.4);
  while (load.inFlight === 0) await pause(1);

  const failedMs = performance.now();
  const inFlight = load.inFlight;
  const recovered = load.acknowledgedAfter(failedMs);
  await Promise.all(ids.map((id) => brokers.kill(id, 'SIGKILL')));
  for (const id of ids) disks.get(id)?.loseWhatWasNotSynced(keepsSome ? random.below(1_000_000) : null);
  await pause(random.between(0, DOWN_MS_MAX));
  await Promise.all(ids.map((id) => brokers.restart(id)));
  const first = await recovered;
  return { victims, brokers: ids, inFlight, kept: keepsSome ? 'some' : 'nothing', recoveredMs: first.endedMs - failedMs };
}

function choose(victims: Victims, leader: number, all: readonly number[], random: SeededRandom): readonly number[] {
  const followers = all.filter((id) => id !== leader);
  if (victims === 'all') return all;
  const first = random.chance(0.6) ? leader : random.pick(followers);
  if (victims === 'one') return [first];
  const minority = Math.floor((all.length - 1) / 2);
  return [first, ...all.filter((id) => id !== first)].slice(0, minority);
}

function resultsOf(victims: Victims, rounds: readonly PowerLoss[]): LabResult['results'] {
  const of = rounds.filter((each) => each.victims === victims);
  if (of.length === 0) return [];
  const times = of.map((each) => each.recoveredMs).toSorted((a, b) => a - b);
  return [
    {
      'power of': victims,
      times: of.length,
      'something unsynced survived': of.filter((each) => each.kept === 'some').length,
      'next acknowledged p50 ms': Math.round(percentile(times, 0.5)),
      'p99 ms': Math.round(percentile(times, 0.99)),
      'max ms': Math.round(times.at(-1) ?? 0),
    },
  ];
}
