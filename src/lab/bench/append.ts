/**
 * `cairn bench append`: records a second through HTTP into three brokers that each sync before they count, next to what the disk allows in the same
 * run. The sketch beforehand: with n appends in flight the leader joins about n of them into one write and sync, so records per sync should grow with
 * n; with one in flight every append pays a sync on two disks one after the other and the way there and back, so it stays below half of the bare
 * rate. Load generator and brokers share the machine, and the generator takes as much of it as a broker.
 */
import { createHistogram } from 'node:perf_hooks';
import { type Client, clientBytes, forEachRead } from '../../client/index.ts';
import { LogError } from '../../eventlog/index.ts';
import { RecordBatchBuilder } from '../../record/index.ts';
import { LabBrokers } from '../brokers.ts';
import { describeMachine, type Machine } from '../report/machine.ts';
import { type DiskLimit, measureDisk } from './disk-limit.ts';

export interface AppendBenchOptions {
  readonly inFlight: number;
  readonly seconds: number;
  readonly brokers: number;
  readonly recordBytes: number;
  readonly recordsPerRequest: number;
  /** Where the temporary folder is made: its disk is measured. */
  readonly parent?: string;
  readonly signal?: AbortSignal;
  readonly say?: (line: string) => void;
  /** Before the reading back: here a test makes something wrong. */
  readonly beforeCheck?: (client: Client, topic: string) => Promise<void>;
}

export interface AppendBenchResult {
  readonly ok: boolean;
  readonly machine: Machine;
  readonly settings: {
    readonly brokers: number;
    readonly inFlight: number;
    readonly recordBytes: number;
    readonly recordsPerRequest: number;
    readonly level: 'quorum';
    readonly seconds: number;
  };
  readonly disk: DiskLimit;
  /** While measured; the warm-up is not in it. */
  readonly recordsAcknowledged: number;
  readonly tookMs: number;
  readonly recordsPerSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Syncs that all brokers counted while measured. */
  readonly syncs: number;
  readonly recordsPerSync: number;
  /** Records a second over bare syncs a second of one process. */
  readonly ratioToDisk: number;
  /** All acknowledged, the warm-up too, and what the topic held in the end: they must be equal. */
  readonly acknowledgedInAll: number;
  readonly readBack: number;
}

const topic = 'bench';
const warmUpMs = 1_000;
const diskMs = 1_500;

export async function benchAppend(options: AppendBenchOptions): Promise<AppendBenchResult> {
  const say = options.say ?? (() => undefined);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const brokers = await LabBrokers.start({
    count: options.brokers,
    ...(options.parent === undefined ? {} : { parent: options.parent }),
    ...signal,
  });
  try {
    // The brokers are up and idle now, so both are measured on the same machine in the same state.
    say(`Measuring the disk below ${brokers.folder}`);
    const disk = measureDisk(brokers.folder, diskMs);
    const all = brokers.client(brokers.ids, signal);
    await all.createTopic(topic, { retentionBytes: null });
    const leader = await findLeader(brokers, all);
    // Without request ids: brokers may then pack what waits, as they do for everybody who does not ask for more.
    const client = brokers.client([leader], { requestIds: false, ...signal });
    try {
      const load = new Load(client, options);
      say(`Appending for ${options.seconds} s with ${options.inFlight} in flight`);
      await load.run(warmUpMs);
      const before = await countSyncs(brokers);
      load.reset();
      const tookMs = await load.run(options.seconds * 1000);
      const syncs = (await countSyncs(brokers)) - before;
      await options.beforeCheck?.(client, topic);
      say('Reading back');
      const readBack = await countRecords(client);
      const recordsPerSecond = (load.records / tookMs) * 1000;
      return {
        ok: readBack === load.recordsInAll,
        machine: describeMachine(),
        settings: {
          brokers: options.brokers,
          inFlight: options.inFlight,
          recordBytes: options.recordBytes,
          recordsPerRequest: options.recordsPerRequest,
          level: 'quorum',
          seconds: options.seconds,
        },
        disk,
        recordsAcknowledged: load.records,
        tookMs,
        recordsPerSecond,
        latencyMs: load.latencyMs(),
        syncs,
        recordsPerSync: load.records / syncs,
        ratioToDisk: recordsPerSecond / disk.syncsPerSecond,
        acknowledgedInAll: load.recordsInAll,
        readBack,
      };
    } finally {
      client.close();
      all.close();
    }
  } finally {
    await brokers.end();
  }
}

/** Keeps so many appends in flight, each begun as soon as one is answered. */
class Load {
  readonly #client: Client;
  readonly #options: AppendBenchOptions;
  #histogram = createHistogram();
  #next = 0;
  records = 0;
  recordsInAll = 0;

  constructor(client: Client, options: AppendBenchOptions) {
    this.#client = client;
    this.#options = options;
  }

  reset(): void {
    this.#histogram = createHistogram();
    this.records = 0;
  }

  /** Returns the time until the last append was answered. */
  async run(forMs: number): Promise<number> {
    const startedMs = performance.now();
    const untilMs = startedMs + forMs;
    await Promise.all(Array.from({ length: this.#options.inFlight }, () => this.#worker(untilMs)));
    return performance.now() - startedMs;
  }

  latencyMs(): AppendBenchResult['latencyMs'] {
    const ms = (nanoseconds: number): number => nanoseconds / 1e6;
    return { p50: ms(this.#histogram.percentile(50)), p99: ms(this.#histogram.percentile(99)), max: ms(this.#histogram.max) };
  }

  async #worker(untilMs: number): Promise<void> {
    const builder = new RecordBatchBuilder();
    const { recordBytes, recordsPerRequest } = this.#options;
    while (performance.now() < untilMs) {
      for (let i = 0; i < recordsPerRequest; i++) builder.add(Date.now(), null, Buffer.from(String(this.#next++).padEnd(recordBytes, '.')));
      const batch = builder.finish(clientBytes);
      const sentMs = performance.now();
      await this.#client.append({ topic, batch, level: 'quorum', timeoutMs: 10_000, requestId: null, sequence: 0, expectedOffset: null });
      this.#histogram.record(Math.max(1, Math.round((performance.now() - sentMs) * 1e6)));
      this.records += recordsPerRequest;
      this.recordsInAll += recordsPerRequest;
    }
  }
}

async function findLeader(brokers: LabBrokers, all: Client): Promise<number> {
  for (let i = 0; i < 500; i++) {
    const { partition } = await all.describeTopic(topic);
    if (partition.leader !== null) return partition.leader;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new LogError('noLeader', `Cannot measure: topic "${topic}" on ${brokers.ids.length} brokers has no leader after 10 s`);
}

async function countSyncs(brokers: LabBrokers): Promise<number> {
  let sum = 0;
  for (const id of brokers.ids) {
    const client = brokers.client([id]);
    sum += (await client.status()).counters.diskSyncs;
    client.close();
  }
  return sum;
}

async function countRecords(client: Client): Promise<number> {
  let count = 0;
  for (let offsetFrom = 0; ; ) {
    const usual = { topic, sinceMs: null, bytesMax: 4 * 1024 * 1024, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 } as const;
    const result = await client.read({ ...usual, offsetFrom });
    forEachRead(result, () => void count++);
    if (result.offsetNext <= offsetFrom) return count;
    offsetFrom = result.offsetNext;
  }
}
