/**
 * Where the time of an append goes: a CPU profile of the leader and of a follower under load, its samples given to stages by source file, and how long
 * syncs took meanwhile.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeAppendRequest, type RequestForm } from '../../src/lab/bench/append-request.ts';
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import type { LatencySummary } from '../../src/lab/bench/latencies.ts';
import { countRecords, countSyncs, type Load } from '../../src/lab/bench/measure.ts';
import { readCpuMs } from '../../src/lab/rig/index.ts';
import { describeMachine } from '../../src/lab/report/index.ts';
import { describeRun } from '../document.ts';
import { digits } from '../figures.ts';
import type { Driver, Profiled } from '../inside/orders.ts';
import { type Place, World, type WorldSettings } from '../world.ts';
import { attribute, type Stage, stageHelp, stages } from './stages.ts';

const intervalUs = 200;

interface ProfiledLoad {
  readonly name: string;
  readonly recordsPerAppend?: number;
  readonly start: (world: World, place: Place) => Promise<Load>;
}

const loads: readonly ProfiledLoad[] = [
  { name: 'HTTP, 1 connection', start: (world, place) => overHttp(world, place, 1) },
  { name: 'HTTP, 64 connections', start: (world, place) => overHttp(world, place, 64) },
  {
    name: '1,000 records as a RecordBatch over HTTP, 8 connections',
    start: (world, place) => overHttp(world, place, 8, 'batches', 1000),
    recordsPerAppend: 1000,
  },
  { name: 'inside the leader, 256 in flight', start: (world, place) => fromInside(world, place, 256) },
];

/** Of one process, for each append. */
interface Side {
  readonly stageUs: ReadonlyMap<Stage, number>;
  /** Of all its threads, as the system counts. */
  readonly cpuUs: number;
  readonly syncMs: LatencySummary;
}

interface ProfiledRun {
  readonly name: string;
  readonly recordsPerSecond: number;
  readonly latencyMs: LatencySummary;
  readonly recordsPerSync: number;
  readonly leader: Side;
  readonly follower: Side;
}

/** The table, in Markdown. The profiles themselves stay in `folder`, if one is named. */
export async function profileAppends(settings: WorldSettings, folder: string | null = null): Promise<string> {
  const world = new World(settings);
  const runs: ProfiledRun[] = [];
  try {
    for (const load of loads) {
      settings.say(`Profiling: ${load.name}`);
      runs.push(await profileLoad(world, load, folder));
    }
  } finally {
    await world.end();
  }
  return formatProfile(runs);
}

async function profileLoad(world: World, { name, start, recordsPerAppend = 1 }: ProfiledLoad, folder: string | null): Promise<ProfiledRun> {
  const { settings } = world;
  const place = await world.freshTopic();
  const { brokers, leader, topic } = place;
  const follower = brokers.ids.find((id) => id !== leader) ?? leader;
  const ids = [leader, follower];
  const load = await start(world, place);
  const warmUp = await load.run(settings.warmUpMs * 3);

  const drivers = ids.map((id) => world.driver(brokers, id));
  const pids = ids.map((id) => brokers.pid(id) ?? 0);
  const syncsBefore = await countSyncs(brokers);
  await Promise.all(drivers.map((driver) => driver.give({ type: 'profile', intervalUs })));
  const cpuBefore = pids.map(readCpuMs);
  const run = await load.run(settings.measureMs * 2);
  const cpuMs = pids.map((pid, index) => readCpuMs(pid) - (cpuBefore[index] ?? 0));
  const profiles = await Promise.all(drivers.map((driver) => driver.give({ type: 'profiled' }) as Promise<Profiled>));
  const syncs = (await countSyncs(brokers)) - syncsBefore;
  close(drivers, load);

  const client = brokers.client([leader]);
  const readBack = await countRecords(client, topic);
  client.close();
  const acknowledged = (run.answered + warmUp.answered) * recordsPerAppend;
  if (readBack !== acknowledged) throw new Error(`Cannot profile: ${readBack} records are there of ${acknowledged} acknowledged`);
  if (folder !== null) keepProfiles(folder, name, profiles);
  const [leaderSide, followerSide] = profiles.map(({ profile, syncMs }, index): Side => {
    const each = (us: number): number => us / run.answered;
    const stageUs = new Map([...attribute(profile)].map(([stage, us]) => [stage, each(us)]));
    return { stageUs, cpuUs: each((cpuMs[index] ?? 0) * 1000), syncMs };
  }) as [Side, Side];
  return {
    name,
    recordsPerSecond: (run.answered / run.tookMs) * 1000,
    latencyMs: run.latencyMs,
    recordsPerSync: run.answered / syncs,
    leader: leaderSide,
    follower: followerSide,
  };
}

function close(drivers: readonly Driver[], load: Load): void {
  for (const driver of drivers) driver.close();
  load.close();
}

/** For the profiler of a browser, which shows single functions. */
function keepProfiles(folder: string, load: string, profiles: readonly Profiled[]): void {
  mkdirSync(folder, { recursive: true });
  const name = load.replaceAll(/[^A-Za-z0-9]+/g, '-');
  for (const [index, { profile }] of profiles.entries()) {
    writeFileSync(path.join(folder, `${name}-${index === 0 ? 'leader' : 'follower'}.cpuprofile`), JSON.stringify(profile));
  }
}

function overHttp(
  { settings }: World,
  { brokers, leader, topic }: Place,
  connections: number,
  form: RequestForm = 'text',
  recordsPerRequest = 1,
): Promise<Load> {
  const url = brokers.url(leader);
  const request = makeAppendRequest(url, { topic, form, recordBytes: settings.recordBytes, recordsPerRequest });
  return HttpLoad.connect({ url, connections, request });
}

function fromInside(world: World, { brokers, leader, topic }: Place, inFlight: number): Promise<Load> {
  const driver = world.driver(brokers, leader);
  const load = driver.load({ topic, inFlight, recordBytes: world.settings.recordBytes, recordsPerAppend: 1 });
  return Promise.resolve({ run: (forMs: number) => load.run(forMs), close: () => driver.close() });
}

function formatProfile(runs: readonly ProfiledRun[]): string {
  const sides = runs.flatMap((run) => [run.leader, run.follower]);
  const row = (name: string, cells: readonly string[], what = ''): string => `| ${name} | ${cells.join(' | ')} | ${what} |`;
  const sum = (side: Side): number => [...side.stageUs.values()].reduce((total, us) => total + us, 0);
  const shown = (us: number): string => (us < 0.05 ? '' : us.toFixed(us < 10 ? 1 : 0));
  const both = (text: (run: ProfiledRun) => string): readonly string[] => runs.flatMap((run) => [text(run), '']);
  return [
    `Measured ${describeRun(describeMachine(), Date.now())}: microseconds of processor time for each append.`,
    '',
    row(
      '',
      runs.flatMap((run) => [`${run.name}: leader`, 'a follower']),
      'what it is',
    ),
    `|---|${sides.map(() => '--:').join('|')}|---|`,
    ...stages
      .filter((stage) => sides.some((side) => (side.stageUs.get(stage) ?? 0) >= 0.05))
      .map((stage) =>
        row(
          stage,
          sides.map((side) => shown(side.stageUs.get(stage) ?? 0)),
          stageHelp[stage],
        ),
      ),
    row(
      'main thread',
      sides.map((side) => `**${shown(sum(side))}**`),
      'the sum of the above',
    ),
    row(
      'other threads',
      sides.map((side) => shown(Math.max(0, side.cpuUs - sum(side)))),
      'the syncs themselves, compiler, garbage collector',
    ),
    row(
      'waiting for a sync, p50',
      sides.map((side) => `${digits(side.syncMs.p50 * 1000)}`),
      'not processor time; all that waits in one group waits together',
    ),
    row(
      'an append, p50',
      both((run) => digits(run.latencyMs.p50 * 1000)),
      'from asking to the answer, while profiled',
    ),
    row(
      'appends a second',
      both((run) => digits(run.recordsPerSecond)),
      'while profiled, which slows it down',
    ),
    row(
      'appends for each sync',
      both((run) => digits(run.recordsPerSync)),
      'syncs of all three brokers',
    ),
    '',
  ].join('\n');
}
