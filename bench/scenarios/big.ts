/** A log of many gigabytes next to a small one: what an append costs, how long a broker needs after a kill, and what it keeps in memory. */
import { countRecords, measureAppends } from '../../src/lab/bench/measure.ts';
import { findLeader, type LabBrokers, readCpuMs, readMemoryBytes } from '../../src/lab/rig/index.ts';
import { atMost, type Row } from '../figures.ts';
import type { Scenario } from '../scenario.ts';
import type { Place, World } from '../world.ts';

const inFlight = 64;
const smallBytes = 10e6;
const fillRecords = 1000;
const fillInFlight = 16;
const fillStepMs = 2_000;

export const bigScenario: Scenario = {
  name: 'big',
  about: 'a log of 10 GB next to one of 10 MB: cost of an append, time until ready after a kill, memory',
  onlyWhenNamed: true,
  section: 'big',
  run: async (world) => {
    const { settings } = world;
    await world.quiet();
    const brokers = await world.startBrokers();
    try {
      const place = await world.freshTopic(brokers);
      let acknowledged = await fill(world, place, smallBytes);
      const small = await measure(world, place);
      acknowledged += small.acknowledged;
      acknowledged += await fill(world, place, settings.bigBytes);
      const big = await measure(world, place);
      acknowledged += big.acknowledged;
      const readyMs = await killAndRestart(brokers, place.leader);
      const leader = await findLeader(brokers, place.topic);
      const after = await measure(world, { ...place, leader });
      acknowledged += after.acknowledged;
      const memoryMb = Math.max(...brokers.ids.map((id) => readMemoryBytes(brokers.pid(id) ?? 0))) / 1e6;
      settings.say('big: reading back');
      const client = brokers.client([leader]);
      const readBack = await countRecords(client, place.topic);
      client.close();
      return {
        rows: [
          row(`log of ${smallBytes / 1e6} MB`, small),
          row(`log of ${settings.bigBytes / 1e6} MB`, big),
          row(`log of ${settings.bigBytes / 1e6} MB, after a kill`, after),
          { scenario: 'big', party: 'Cairn, the broker that was killed', 'ready after ms': readyMs },
          { scenario: 'big', party: 'Cairn, the broker with the most', 'memory MB': memoryMb },
        ],
        targets: [
          atMost('cost of an append: processor time with the big log to that with the small one', big.cpuUs / small.cpuUs, 1.1),
          atMost('ready after SIGKILL', readyMs, 2000, ' ms'),
          atMost('memory', memoryMb, 250, ' MB'),
        ],
        counts: [{ of: 'big', acknowledged, readBack }],
      };
    } finally {
      await brokers.end();
    }
  },
};

interface Cost {
  readonly acknowledged: number;
  readonly recordsPerSecond: number;
  readonly p50Ms: number;
  /** Processor time of all brokers for each append. */
  readonly cpuUs: number;
}

async function measure(world: World, { brokers, topic, leader }: Place): Promise<Cost> {
  const driver = world.driver(brokers, leader);
  const load = driver.load({ topic, inFlight, recordBytes: world.settings.recordBytes, recordsPerAppend: 1 });
  const cpuMs = (): number => brokers.ids.reduce((sum, id) => sum + readCpuMs(brokers.pid(id) ?? 0), 0);
  const { warmUpMs, measureMs } = world.settings;
  const before = cpuMs();
  const figures = await measureAppends(brokers, load, { recordsPerRequest: 1, warmUpMs, measureMs: measureMs * 2 });
  const cpuUs = ((cpuMs() - before) / figures.acknowledgedInAll) * 1000;
  driver.close();
  return { acknowledged: figures.acknowledgedInAll, recordsPerSecond: figures.recordsPerSecond, p50Ms: figures.latencyMs.p50, cpuUs };
}

/** Until the leader's copy has so many bytes. */
async function fill(world: World, { brokers, topic, leader }: Place, bytes: number): Promise<number> {
  const client = brokers.client([leader]);
  const driver = world.driver(brokers, leader);
  const load = driver.load({ topic, inFlight: fillInFlight, recordBytes: world.settings.recordBytes, recordsPerAppend: fillRecords });
  let records = 0;
  try {
    for (;;) {
      const { sizeBytes } = (await client.describeTopic(topic)).partition;
      if (sizeBytes >= bytes) return records;
      world.settings.say(`big: ${Math.round(sizeBytes / 1e6)} of ${bytes / 1e6} MB`);
      const stepMs = Math.min(fillStepMs, Math.max(200, (bytes - sizeBytes) / 1e5));
      records += (await load.run(stepMs)).answered * fillRecords;
    }
  } finally {
    driver.close();
    client.close();
  }
}

async function killAndRestart(brokers: LabBrokers, id: number): Promise<number> {
  await brokers.kill(id, 'SIGKILL');
  const beganMs = performance.now();
  await brokers.restart(id);
  return performance.now() - beganMs;
}

const row = (party: string, cost: Cost): Row => ({
  scenario: 'big',
  party: `Cairn, ${party}`,
  'in flight': inFlight,
  'records/s': Math.round(cost.recordsPerSecond),
  'p50 ms': cost.p50Ms,
  'CPU us for each append': cost.cpuUs,
});
