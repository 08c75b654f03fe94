import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../base/random.ts';
import { LogError } from '../../eventlog/index.ts';
import { LabBrokers } from '../brokers.ts';
import { check, type LabResult } from '../report/report.ts';
import { checkCopies, type Copy } from './check.ts';
import { Load, percentile, readCopy } from './load.ts';

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

const TOPIC = 'log';
/** Longer than any election, restart and catch-up: a failed append would say that something stands still. */
const APPEND_TIMEOUT_MS = 30_000;

/** `cairn lab kills`: SIGKILL of real brokers under load, then every acknowledged record is looked for on every broker. */
export async function runKillsLab(options: KillsOptions): Promise<LabResult> {
  const random = new SeededRandom(options.seed);
  mkdirSync(options.folder, { recursive: true });
  const brokers = await LabBrokers.start({ count: options.brokers });
  const load = new Load({ brokers, topic: TOPIC, workers: options.workers, timeoutMs: APPEND_TIMEOUT_MS });
  const kills: Kill[] = [];
  try {
    load.start();
    for (let killed = 0; killed < options.kills; ) {
      const kill = await killOnce(brokers, load, random, kills.length, options.kills - killed);
      kills.push(kill);
      killed += kill.brokers.length;
      options.onKill(kill, killed);
    }
    await load.stop();

    const reader = brokers.client();
    const end = (await reader.end(TOPIC, 'linearizable')).offset;
    reader.close();
    const copies: Copy[] = [];
    for (const id of brokers.ids) copies.push(await readCopy(brokers, id, TOPIC, end));
    writeRaw(options.folder, load, kills, copies);
    return judge(options, load, kills, copies);
  } catch (error) {
    keepOutputs(brokers, options.folder);
    throw error;
  } finally {
    await brokers.end();
  }
}

/** Far longer than any election and restart on a busy machine. */
const STANDSTILL_MS = 120_000;

async function withinTime<Value>(promise: Promise<Value>, describe: () => string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new LogError('checkFailed', describe())), STANDSTILL_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function standstill(brokers: LabBrokers, killed: readonly number[]): string {
  const gone = brokers.ids.filter((id) => !isRunning(brokers.pid(id)));
  const state = gone.length === 0 ? 'all of them run' : `broker ${gone.join(', ')} ended by itself`;
  return `Cannot go on: nothing was acknowledged for ${STANDSTILL_MS / 1000} s after broker ${killed.join(', ')} was killed and started again: ${state}`;
}

function isRunning(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** What the brokers said last, for whoever has to find out. Their folder goes with them. */
export function keepOutputs(brokers: LabBrokers, folder: string): void {
  for (const id of brokers.ids) {
    const output = path.join(brokers.folder, `broker-${id}`, 'output');
    if (existsSync(output)) copyFileSync(output, path.join(folder, `broker-${id}.output`));
  }
}

async function killOnce(brokers: LabBrokers, load: Load, random: SeededRandom, index: number, killsLeft: number): Promise<Kill> {
  await pause(random.between(100, 800));
  const leader = await findLeader(brokers);
  const { victims, ids } = chooseVictims(brokers.ids, leader, random, index, killsLeft);
  while (load.inFlight === 0) await pause(1);

  const killedMs = performance.now();
  const inFlight = load.inFlight;
  const recovered = load.acknowledgedAfter(killedMs);
  await Promise.all(ids.map((id) => brokers.kill(id, 'SIGKILL')));
  await pause(random.between(0, 600));
  await Promise.all(ids.map((id) => brokers.restart(id)));
  const first = await withinTime(recovered, () => standstill(brokers, ids));
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

export async function findLeader(brokers: LabBrokers): Promise<number> {
  const client = brokers.client();
  try {
    for (let attempt = 0; attempt < 200; attempt++) {
      const { partition } = await client.describeTopic(TOPIC);
      if (partition.leader !== null) return partition.leader;
      await pause(25);
    }
  } finally {
    client.close();
  }
  throw new Error(`no leader of topic "${TOPIC}" was found in 5 s`);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function writeRaw(folder: string, load: Load, kills: readonly Kill[], copies: readonly Copy[]): void {
  writeFileSync(path.join(folder, 'kills.json'), `${JSON.stringify(kills, null, 1)}\n`);
  writeFileSync(path.join(folder, 'appends.ndjson'), load.attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join(''));
  for (const { broker, records } of copies) {
    writeFileSync(path.join(folder, `broker-${broker}.tsv`), records.map(({ offset, value }) => `${offset}\t${value}\n`).join(''));
  }
}

function judge(options: KillsOptions, load: Load, kills: readonly Kill[], copies: readonly Copy[]): LabResult {
  const damage = checkCopies(load.attempts, copies);
  const acknowledged = load.attempts.filter((attempt) => attempt.offset !== null).length;
  const failed = load.attempts.filter((attempt) => attempt.failure !== null);
  const killed = kills.reduce((sum, kill) => sum + kill.brokers.length, 0);
  const inFlightLeast = Math.min(...kills.map((kill) => kill.inFlight));
  const kinds: readonly Victims[] = ['leader', 'follower', 'two', 'all'];
  return {
    lab: 'kills',
    about:
      'Brokers with their data on disk are killed with SIGKILL while clients append, and started again. In the end every record that was acknowledged is looked for on every broker: it must be there once, at the offset that was told, in the order of the acknowledgements.',
    settings: { kills: options.kills, brokers: options.brokers, 'appends in flight': options.workers, seed: options.seed, topic: TOPIC },
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
        title: 'From SIGKILL to the next acknowledgement',
        xTitle: 'kill',
        yTitle: 'ms',
        series: kinds.flatMap((victims) => {
          const points = kills.flatMap((kill, index) => (kill.victims === victims ? [[index + 1, kill.recoveredMs] as const] : []));
          return points.length === 0 ? [] : [{ label: victims, points }];
        }),
      },
    ],
    checks: [
      check('brokers killed', killed === options.kills, options.kills, killed),
      check('appends in flight at each kill', inFlightLeast >= 1, 'at least 1', inFlightLeast),
      check('appends acknowledged', acknowledged > options.kills, `more than ${options.kills}`, acknowledged),
      check('copies read back', copies.length === options.brokers, options.brokers, copies.length),
      check('acknowledged and lost', damage.lost === 0, 0, damage.lost),
      check('acknowledged and moved', damage.moved === 0, 0, damage.moved),
      check('doubled', damage.doubled === 0, 0, damage.doubled),
      check('reordered', damage.reordered === 0, 0, damage.reordered),
      check('refused or never sent, and there', damage.ghosts === 0, 0, damage.ghosts),
      check('copies that differ', damage.differing === 0, 0, [damage.differing, ...damage.examples].join('; ')),
      check(
        'appends without an answer in 30 s',
        failed.length === 0,
        0,
        [failed.length, ...new Set(failed.map((attempt) => attempt.failure?.code ?? ''))].join(' '),
      ),
    ],
  };
}
