/** What `cairn bench append` and `npm run bench` share: a load for so long, what the disks did meanwhile, and what is there afterwards. */
import type { Client } from '../../client/index.ts';
import { recordCount } from '../../record/index.ts';
import type { LabBrokers } from '../rig/index.ts';
import type { LatencySummary } from './latencies.ts';

/** Keeps something busy, from wherever it may be: so many requests in flight, each begun as soon as one is answered. */
export interface Load {
  /** For so long; ends when the last request is answered. Rejects when one fails. */
  run(forMs: number): Promise<LoadRun>;
  close(): void;
}

export interface LoadRun {
  readonly tookMs: number;
  readonly answered: number;
  readonly latencyMs: LatencySummary;
}

export interface AppendFigures {
  /** While measured; the warm-up is not in it. */
  readonly recordsAcknowledged: number;
  readonly tookMs: number;
  readonly recordsPerSecond: number;
  readonly latencyMs: LatencySummary;
  /** Syncs that all brokers counted while measured. */
  readonly syncs: number;
  readonly recordsPerSync: number;
  /** Processor time of this process while measured, in per cent of a core: what the load costs, where it is here. */
  readonly cpuPercent: number;
  /** The warm-up too: so much more must be in the topic than before. */
  readonly acknowledgedInAll: number;
}

export interface MeasureOptions {
  readonly recordsPerRequest: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export async function measureAppends(brokers: LabBrokers, load: Load, options: MeasureOptions): Promise<AppendFigures> {
  const warmUp = await load.run(options.warmUpMs);
  const syncsBefore = await countSyncs(brokers);
  const cpu = process.cpuUsage();
  const run = await load.run(options.measureMs);
  const spent = process.cpuUsage(cpu);
  const syncs = (await countSyncs(brokers)) - syncsBefore;
  const recordsAcknowledged = run.answered * options.recordsPerRequest;
  return {
    recordsAcknowledged,
    tookMs: run.tookMs,
    recordsPerSecond: (recordsAcknowledged / run.tookMs) * 1000,
    latencyMs: run.latencyMs,
    syncs,
    recordsPerSync: recordsAcknowledged / syncs,
    cpuPercent: cpuPercent(spent, run.tookMs),
    acknowledgedInAll: recordsAcknowledged + warmUp.answered * options.recordsPerRequest,
  };
}

export const cpuPercent = ({ user, system }: NodeJS.CpuUsage, tookMs: number): number => (user + system) / 10 / tookMs;

/** By all brokers since their start, by their own count. */
export async function countSyncs(brokers: LabBrokers): Promise<number> {
  const counts = await Promise.all(
    brokers.ids.map(async (id) => {
      const client = brokers.client([id]);
      const { counters } = await client.status();
      client.close();
      return counters['diskSyncs'] ?? 0;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** What the topic holds, read from the broker that the client asks; every batch's checksum is looked at. */
export async function countRecords(client: Client, topic: string): Promise<number> {
  let count = 0;
  for (let offsetFrom = 0; ; ) {
    const usual = { topic, sinceMs: null, bytesMax: 4 * 1024 * 1024, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 } as const;
    const result = await client.read({ ...usual, offsetFrom });
    for (const batch of result.batches) count += recordCount(batch);
    if (result.offsetNext <= offsetFrom) return count;
    offsetFrom = result.offsetNext;
  }
}
