/**
 * `cairn bench append`: records a second through HTTP into three brokers that each sync before they count, next to what the disk allows in the same
 * run. The sketch beforehand: with n appends in flight the leader joins about n of them into one write and sync, so records per sync should grow with
 * n; with one in flight every append pays a sync on two disks one after the other and the way there and back, so it stays below half of the bare
 * rate. Load generator and brokers share the machine, and the generator takes as much of it as a broker.
 */
import type { Client } from '../../client/index.ts';
import { findLeader, LabBrokers } from '../rig/index.ts';
import { describeMachine, type Machine } from '../report/index.ts';
import { type DiskLimit, measureDisk } from './disk-limit.ts';
import { makeAppendRequest } from './append-request.ts';
import { HttpLoad } from './http-load.ts';
import { type AppendFigures, countRecords, measureAppends } from './measure.ts';

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

export interface AppendBenchResult extends AppendFigures {
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
  /** Records a second over bare syncs a second of one process. */
  readonly ratioToDisk: number;
  /** What the topic held in the end: as much as was acknowledged in all. */
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
    const leader = await findLeader(brokers, topic);
    const { inFlight, recordBytes, recordsPerRequest } = options;
    const url = brokers.url(leader);
    const request = makeAppendRequest(url, { topic, form: 'batches', recordBytes, recordsPerRequest });
    const load = await HttpLoad.connect({ url, connections: inFlight, request, ...signal });
    say(`Appending for ${options.seconds} s with ${inFlight} in flight`);
    const figures = await measureAppends(brokers, load, { recordsPerRequest, warmUpMs, measureMs: options.seconds * 1000 });
    load.close();
    const client = brokers.client([leader], signal);
    try {
      await options.beforeCheck?.(client, topic);
      say('Reading back');
      const readBack = await countRecords(client, topic);
      return {
        ok: readBack === figures.acknowledgedInAll,
        machine: describeMachine(),
        settings: { brokers: options.brokers, inFlight, recordBytes, recordsPerRequest, level: 'quorum', seconds: options.seconds },
        disk,
        ...figures,
        ratioToDisk: figures.recordsPerSecond / disk.syncsPerSecond,
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
