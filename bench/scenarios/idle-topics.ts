/** What many topics cost that nobody uses, how soon they are led again after a kill, and how soon many brokers are ready. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { diskBytes, findFreePorts, makeTopics, pause, readCpuMs, readMemoryBytes, whenAllLed } from '../../src/lab/rig/index.ts';
import { digestOf, placeOnCube } from '../../src/placement/index.ts';
import { packageFolder } from '../../src/system/package.ts';
import { atMost, digits, median, type Row, type Target } from '../figures.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const topicCount = 1000;
/** Of a quick run. */
const topicCountQuick = 100;
/** Until all groups are quiet and what was compiled for their making is done with. */
const settleMs = 15_000;
const idleMs = 30_000;
const patienceMs = 60_000;
const brokersOfTopics = 3;
const victim = 2;

const isQuick = ({ settings }: World): boolean => settings.rounds === 1;
const countOf = (world: World): number => (isQuick(world) ? topicCountQuick : topicCount);

/** Topics in which nothing happens, on three brokers. */
const idle: Scenario = {
  name: 'topics-idle',
  about: '1,000 topics that nobody uses on three brokers: memory, disk and processor time of each',
  onlyWhenNamed: true,
  run: async (world) => {
    await world.quiet();
    const brokers = await world.startBrokers(brokersOfTopics);
    try {
      const prefix = 'bench-idle-';
      const count = countOf(world);
      await makeTopics(
        brokers,
        Array.from({ length: count }, (_, at) => `${prefix}${at}`),
      );
      for (const id of brokers.ids) await whenAllLed(brokers, id, { prefix, count }, patienceMs);
      await pause(isQuick(world) ? 1000 : settleMs);
      const pids = brokers.ids.map((id) => brokers.pid(id) ?? 0);
      const before = pids.map(readCpuMs);
      const beganMs = performance.now();
      await pause(isQuick(world) ? 1000 : idleMs);
      const tookMs = performance.now() - beganMs;
      const rows = brokers.ids.map((id, index) => {
        const pid = pids[index] as number;
        return {
          scenario: 'topics-idle',
          party: `broker ${id}, ${count} topics`,
          'memory MB': readMemoryBytes(pid) / 1e6,
          'disk MB': diskBytes(brokers.dataFolder(id)) / 1e6,
          'CPU % of a core': ((readCpuMs(pid) - (before[index] as number)) / tookMs) * 100,
        };
      });
      const most = (figure: (row: (typeof rows)[number]) => number): number => Math.max(...rows.map(figure));
      return {
        rows,
        targets: [
          atMost(
            `${count} idle topics: memory of the largest broker`,
            most((row) => row['memory MB']),
            250,
            ' MB',
          ),
          atMost(
            `${count} idle topics: disk of the largest broker`,
            most((row) => row['disk MB']),
            100,
            ' MB',
          ),
          atMost(
            `${count} idle topics: processor time of the busiest broker`,
            most((row) => row['CPU % of a core']),
            3,
            ' % of a core',
          ),
        ],
        counts: [],
      };
    } finally {
      await brokers.end();
    }
  },
};

/** Names of topics whose home is that broker. */
function namesAtHome(broker: number, count: number, prefix: string): readonly string[] {
  const names: string[] = [];
  for (let number = 0; names.length < count; number++) {
    const name = `${prefix}${number}`;
    const digest = digestOf(new TextEncoder().encode(name));
    const { replicas } = placeOnCube({ digest, partition: 0, brokers: brokersOfTopics, replication: brokersOfTopics });
    if (replicas[0]?.vertex === broker - 1) names.push(name);
  }
  return names;
}

/** All topics are led by one broker, which is killed. */
const ledAgain: Scenario = {
  name: 'topics-led-again',
  about: '1,000 topics all led by a broker that is killed: until all are led again, and until that broker knows a leader of each',
  onlyWhenNamed: true,
  run: async (world) => {
    await world.quiet();
    const { rounds, say } = world.settings;
    const count = countOf(world);
    const again: number[] = [];
    const back: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      // A cluster for each: leadership of a thousand topics comes home in minutes.
      const times = await timeKill(world, count);
      again.push(times.againMs);
      back.push(times.backMs);
      say(`topics-led-again, ${round} of ${rounds}: ${digits(times.againMs)} ms, back after ${digits(times.backMs)} ms`);
    }
    const row = (party: string, times: readonly number[]): Row => ({
      scenario: 'topics-led-again',
      party,
      topics: count,
      times: times.length,
      'p50 ms': median(times),
      'max ms': Math.max(...times),
    });
    return {
      rows: [row('from the kill until all are led again', again), row('from the next start until it knows a leader of each', back)],
      targets: [
        atMost(`${count} topics led again after a kill of their leader`, Math.max(...again), 3000, ' ms'),
        atMost(`a broker with ${count} topics that was killed knows a leader of each`, Math.max(...back), 3000, ' ms'),
      ],
      counts: [],
    };
  },
};

async function timeKill(world: World, count: number): Promise<{ readonly againMs: number; readonly backMs: number }> {
  const brokers = await world.startBrokers(brokersOfTopics);
  try {
    const prefix = 'bench-led-';
    const topics = { prefix, count };
    await makeTopics(brokers, namesAtHome(victim, count, prefix));
    const [other] = brokers.ids.filter((id) => id !== victim) as [number];
    await whenAllLed(brokers, other, topics, patienceMs, (leader) => leader === victim);
    await pause(isQuick(world) ? 1000 : settleMs);
    await brokers.kill(victim, 'SIGKILL');
    const againMs = await whenAllLed(brokers, other, topics, patienceMs, (leader) => leader !== victim);
    const startedMs = performance.now();
    void brokers.restart(victim).catch(() => undefined);
    await whenAllLed(brokers, victim, topics, patienceMs);
    return { againMs, backMs: performance.now() - startedMs };
  } finally {
    await brokers.end();
  }
}

/** `cairn up` of many brokers, from its start until it says that all are ready. */
const upReady: Scenario = {
  name: 'up-ready',
  about: '`cairn up` of 8 and of 16 brokers: until all are ready',
  onlyWhenNamed: true,
  run: async (world) => {
    await world.quiet();
    const rows: Row[] = [];
    const targets: Target[] = [];
    for (const [brokers, most] of [
      [8, 6],
      [16, 12],
    ] as const) {
      const times: number[] = [];
      for (let round = 1; round <= world.settings.rounds; round++) {
        times.push(await timeUp(brokers, world.settings.folder));
        world.settings.say(`up-ready, ${brokers} brokers, ${round} of ${world.settings.rounds}: ${digits(times.at(-1) ?? 0)} s`);
      }
      rows.push({
        scenario: 'up-ready',
        party: `${brokers} brokers`,
        times: times.length,
        'p50 s': median(times),
        'max s': Math.max(...times),
      });
      targets.push(atMost(`\`cairn up --brokers ${brokers}\` ready`, median(times), most, ' s'));
    }
    return { rows, targets, counts: [] };
  },
};

async function timeUp(brokers: number, parent: string): Promise<number> {
  const folder = mkdtempSync(path.join(parent, 'cairn-up-'));
  const args = ['up', '--brokers', String(brokers), '--port', String(await portsInARow(brokers)), '--data', path.join(folder, 'data')];
  const startedMs = performance.now();
  const child = spawn(process.execPath, [path.join(packageFolder, 'bin', 'cairn.mjs'), ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      void closed.then(() => reject(new Error(`cairn ${args.join(' ')} ended before its brokers were ready`)));
    });
    return (performance.now() - startedMs) / 1000;
  } finally {
    child.kill('SIGTERM');
    await closed;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first of so many free ports one after another. */
async function portsInARow(count: number): Promise<number> {
  for (;;) {
    const [first = 0] = await findFreePorts(1);
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)));
    if (free.every(Boolean)) return first;
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    if (port > 65_535) return resolve(false);
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

export const idleTopicsScenarios: readonly Scenario[] = [idle, ledAgain, upReady];
