import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { LogError } from '../../eventlog/index.ts';
import type { LabBrokers } from './brokers.ts';
import { pause } from './pause.ts';

/** Work on each value, on so many at a time, in their order. */
export async function inTurns<Value>(values: readonly Value[], atOnce: number, work: (value: Value) => Promise<unknown>): Promise<void> {
  const left = [...values];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, values.length) }, worker));
}

const madeAtOnce = 64;
/** On a machine that is busy with other things. */
const madeMsMost = 60_000;

export async function makeTopics(brokers: LabBrokers, names: readonly string[]): Promise<void> {
  const client = brokers.client(brokers.ids, { timeoutMs: madeMsMost, attemptMs: madeMsMost });
  try {
    await inTurns(names, madeAtOnce, (name) => client.createTopic(name, { retentionBytes: null }));
  } finally {
    client.close();
  }
}

const pageTopics = 1000;

/** Whom one broker takes for the leader of each topic whose name begins so; null where it knows none. */
async function leadersAt(brokers: LabBrokers, broker: number, prefix: string): Promise<ReadonlyMap<string, number | null>> {
  const client = brokers.client([broker], { timeoutMs: 2000 });
  const leaders = new Map<string, number | null>();
  try {
    for (let after = ''; ; ) {
      const { topics, count } = await client.listTopics({ prefix, after, limit: pageTopics });
      for (const { name, partition } of topics) leaders.set(name, partition.leader);
      after = topics.at(-1)?.name ?? '';
      if (leaders.size >= count || topics.length === 0) return leaders;
    }
  } finally {
    client.close();
  }
}

const lookEveryMs = 50;

/** Time until one broker lists so many topics, each with a leader that will do. */
export async function whenAllLed(
  brokers: LabBrokers,
  broker: number,
  topics: { readonly prefix: string; readonly count: number },
  limitMs: number,
  isLeader: (leader: number) => boolean = () => true,
): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    let trouble = '';
    const leaders = await leadersAt(brokers, broker, topics.prefix).catch((error: unknown) => {
      trouble = `: ${String(error)}`;
      return null;
    });
    const led = [...(leaders?.values() ?? [])].filter((leader) => leader !== null && isLeader(leader)).length;
    const tookMs = performance.now() - startedMs;
    if (led === topics.count) return tookMs;
    if (tookMs > limitMs)
      throw new LogError(
        'noLeader',
        `Cannot go on: broker ${broker} knows a leader of ${led} of ${topics.count} topics after ${limitMs / 1000} s${trouble}`,
      );
    await pause(lookEveryMs);
  }
}

const sectorBytes = 512;

/** What a folder takes up on its disk. */
export function diskBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    try {
      bytes += lstatSync(file).blocks * sectorBytes;
      if (entry.isDirectory()) bytes += diskBytes(file);
    } catch (error) {
      // A file that was there a moment ago.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return bytes;
}
