/** A topic full of lines as logs have them, and the same lines in one file: what searches of topics are measured on. */
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { AppendStream, LineBatcher } from '../../src/client/index.ts';
import { writeLog, type WrittenLog } from '../../src/lab/grep/logs.ts';
import { findLeader, type LabBrokers, pause } from '../../src/lab/rig/index.ts';
import type { World } from '../world.ts';

const seed = 1;
const readBytes = 1024 * 1024;

export interface LineTopic {
  readonly topic: string;
  readonly leader: number;
  /** Holds all of it and leads nothing. */
  readonly follower: number;
  /** The same lines. */
  readonly file: string;
  readonly written: WrittenLog;
}

export const lineFile = ({ folder }: World, name: string): string => path.join(folder, `${name}.log`);

/** Appends the lines of a file, each a record, as `cairn append TOPIC -` does; every broker holds all of it in the end. */
export async function fillTopic(world: World, brokers: LabBrokers, bytes: number, name: string): Promise<LineTopic> {
  const { say } = world.settings;
  const file = lineFile(world, name);
  say(`${name}: writing ${Math.round(bytes / 1e6)} MB of lines`);
  const written = writeLog({ file, machine: 1, bytes, seed });
  const { topic, leader } = await world.freshTopic(brokers);
  say(`${name}: appending ${written.lines} records`);
  const client = brokers.client([leader]);
  try {
    const stream = new AppendStream(client, { topic, partition: 0, requestId: name, level: 'quorum', timeoutMs: 60_000 });
    const batcher = new LineBatcher();
    for await (const chunk of createReadStream(file, { highWaterMark: readBytes }) as AsyncIterable<Uint8Array>) {
      for (const { batch, count } of batcher.push(chunk)) await stream.append(batch, count);
    }
    for (const { batch, count } of batcher.end()) await stream.append(batch, count, true);
    const { acknowledged } = await stream.finish();
    if (acknowledged !== written.lines) throw new Error(`${acknowledged} of ${written.lines} lines are acknowledged`);
    await settle(brokers, topic, written.lines);
  } finally {
    client.close();
  }
  const now = await findLeader(brokers, topic);
  return { topic, leader: now, follower: brokers.ids.find((id) => id !== now) ?? now, file, written };
}

async function settle(brokers: LabBrokers, topic: string, records: number): Promise<void> {
  for (const id of brokers.ids) {
    const client = brokers.client([id]);
    while ((await client.end({ topic, freshness: 'local' })).offset < records) await pause(50);
    client.close();
  }
}

/** Of what lies below a folder and has a name that ends like this. */
export function bytesBelow(folder: string, suffix: string): number {
  let sum = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith(suffix)) sum += statSync(path.join(folder, name)).size;
  }
  return sum;
}

const ticksPerSecond = 100;

/** Processor time of the threads of a process that run at a lower priority: those that search (`search/topics/worker.ts`). */
export function readSearchCpuMs(pid: number): number {
  let ticks = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    // proc(5): behind the name, utime and stime are the 12th and 13th, nice the 17th.
    const fields = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    if (Number(fields[16]) > 0) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks / ticksPerSecond) * 1000;
}

/** Programs at work that a process has had started: by one that does nothing else. */
export const programsOf = (pid: number): readonly number[] => childrenOf(pid).flatMap(childrenOf);

/** Processes that a process has started and that are still there. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}
