import { LabBrokers, pause, readCpuMs, readMemoryBytes } from './rig/index.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { clientBytes, forEachRead } from '../client/index.ts';
import { check, type LabResult } from './report/index.ts';

export interface IdleOptions {
  readonly brokers: number;
  readonly settleSeconds: number;
  readonly seconds: number;
  readonly folder: string;
}

const MEMORY_TARGET_MB = 130;
const CPU_TARGET_PERCENT = 1;
/** Start-up and the first election are work. */
const START_MS = 8_000;

/** `cairn lab idle`: what brokers cost that nobody uses. Reads /proc, so it runs on Linux only. */
export async function runIdleLab(options: IdleOptions): Promise<LabResult> {
  mkdirSync(options.folder, { recursive: true });
  const brokers = await LabBrokers.start({ count: options.brokers });
  try {
    await pause(START_MS);
    const pids = brokers.ids.map((id) => brokers.pid(id) ?? 0);
    // The machine-code compiler is what an idle broker spends most on at first.
    const settling = await measureCpu(pids, () => pause(options.settleSeconds * 1000));
    const memory = pids.map(() => 0);
    const cpuBefore = pids.map(readCpuMs);
    const before = await readCounters(brokers);
    const beganWallMs = Date.now();
    const beganMs = performance.now();
    const curves = pids.map((): [number, number][] => []);
    while (performance.now() - beganMs < options.seconds * 1000) {
      await pause(1000);
      const second = Math.round((performance.now() - beganMs) / 1000);
      for (const [index, pid] of pids.entries()) {
        const bytes = readMemoryBytes(pid);
        memory[index] = Math.max(memory[index] ?? 0, bytes);
        curves[index]?.push([second, bytes / 1e6]);
      }
    }
    const tookS = (performance.now() - beganMs) / 1000;
    const cpuMs = pids.map((pid, index) => readCpuMs(pid) - (cpuBefore[index] ?? 0));
    const after = await readCounters(brokers);
    const events = (await readEvents(brokers)).filter(({ atMs }) => atMs >= beganWallMs);
    writeFileSync(path.join(options.folder, 'events.ndjson'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    const grownBy = (index: number, counter: Counter): number => (after[index]?.[counter] ?? 0) - (before[index]?.[counter] ?? 0);
    const results = brokers.ids.map((id, index) => ({
      broker: id,
      'memory MB': Math.round((memory[index] ?? 0) / 1e5) / 10,
      'CPU % of a core': percent((cpuMs[index] ?? 0) / 1000 / tookS),
      'CPU % while settling': settling[index] ?? 0,
      // What brokers tell one another, and what they write: their own events, once a second.
      'frames sent/s': tenths(grownBy(index, 'framesSent') / tookS),
      'bytes sent/s': Math.round(grownBy(index, 'bytesSent') / tookS),
      'syncs/s': tenths(grownBy(index, 'diskSyncs') / tookS),
      // Of the event loop, which a busy machine holds up too.
      'held up ms': Math.round(Math.max(0, ...events.filter(({ broker }) => broker === id).map(({ loopLagMs = 0 }) => loopLagMs))),
      elections: grownBy(index, 'elections'),
    }));
    const elections = results.reduce((sum, result) => sum + result.elections, 0);
    writeFileSync(path.join(options.folder, 'idle.json'), `${JSON.stringify(results, null, 1)}\n`);
    const memoryWorst = Math.max(...results.map((result) => result['memory MB']));
    const cpuWorst = Math.max(...results.map((result) => result['CPU % of a core']));
    return {
      lab: 'idle',
      about: `What brokers cost that nobody uses: largest resident memory and processor time of each, what they send one another, and elections, over ${options.seconds} s, after ${START_MS / 1000} s to start and ${options.settleSeconds} s to settle.`,
      settings: { brokers: options.brokers, 'settle seconds': options.settleSeconds, seconds: options.seconds },
      results,
      graphs: [
        {
          name: 'memory',
          kind: 'chart',
          title: 'Resident memory of idle brokers',
          xTitle: 'time (s)',
          yTitle: 'memory (MB)',
          series: brokers.ids.map((id, index) => ({ label: `broker ${id}`, marks: 'line', points: curves[index] ?? [] })),
        },
      ],
      checks: [
        check('resident memory of the largest', memoryWorst <= MEMORY_TARGET_MB, `at most ${MEMORY_TARGET_MB} MB`, `${memoryWorst} MB`),
        check(
          'processor time of the busiest',
          cpuWorst <= CPU_TARGET_PERCENT,
          `at most ${CPU_TARGET_PERCENT} % of a core`,
          `${cpuWorst} %`,
        ),
        check(`elections in ${options.seconds} s`, elections === 0, 0, elections),
      ],
    };
  } finally {
    await brokers.end();
  }
}

const tenths = (value: number): number => Math.round(value * 10) / 10;
const percent = (share: number): number => Math.round(share * 10_000) / 100;

/** Processor time of each process meanwhile, in percent of a core. */
async function measureCpu(pids: readonly number[], meanwhile: () => Promise<unknown>): Promise<number[]> {
  const beganMs = performance.now();
  const before = pids.map(readCpuMs);
  await meanwhile();
  const tookMs = performance.now() - beganMs;
  return pids.map((pid, index) => percent((readCpuMs(pid) - (before[index] ?? 0)) / Math.max(1, tookMs)));
}

interface BrokerEvent {
  readonly atMs: number;
  readonly broker: number;
  readonly event: string;
  readonly loopLagMs?: number;
}

const READ_BYTES = 1024 * 1024;

/** What the brokers have told of themselves (`docs/events.md`). */
async function readEvents(brokers: LabBrokers): Promise<readonly BrokerEvent[]> {
  const client = brokers.client();
  const topic = 'cairn.events';
  const events: BrokerEvent[] = [];
  const end = (await client.end({ topic, freshness: 'linearizable' })).offset;
  const common = { topic, sinceMs: null, bytesMax: READ_BYTES, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;
  let offsetFrom: number = (await client.describeTopic(topic)).partition.logStartOffset;
  while (offsetFrom < end) {
    const result = await client.read({ ...common, offsetFrom });
    forEachRead(result, (record) => {
      events.push(JSON.parse(clientBytes.utf8Decode(record.value() ?? new Uint8Array())) as BrokerEvent);
    });
    // Another broker may be a little behind.
    if (result.offsetNext === offsetFrom) await pause(20);
    offsetFrom = result.offsetNext;
  }
  client.close();
  return events;
}

type Counter = 'elections' | 'framesSent' | 'bytesSent' | 'diskSyncs';

/** What each broker has counted since it started; elections are those that it began, of all groups. */
async function readCounters(brokers: LabBrokers): Promise<readonly Readonly<Record<Counter, number>>[]> {
  return Promise.all(
    brokers.ids.map(async (id) => {
      const client = brokers.client([id]);
      const { counters } = await client.status();
      client.close();
      return counters;
    }),
  );
}
