import { cpuPercent, type Load } from '../../src/lab/bench/measure.ts';
import type { Party } from '../compare.ts';
import type { World } from '../world.ts';

export const loopName = 'bare loop';
export const etcdName = 'etcd, JSON gateway';
export const jetStreamName = 'JetStream, npm client';

/** It has nobody to answer to and keeps nothing to be read back. */
export function bareLoop(world: World, inFlight: number, recordsPerAppend = 1): Party {
  return {
    name: loopName,
    inFlight,
    durability: 'synced by a majority',
    measure: async () => {
      const { recordsPerSecond, latencyMs, syncs, records } = await world.limit(inFlight, recordsPerAppend);
      return { recordsPerSecond, latencyMs, syncs, records, loadPercent: null };
    },
    finish: () => Promise.resolve(null),
  };
}

/** Null when it is not installed. */
export async function etcd(world: World, connections: number): Promise<Party | null> {
  const server = await world.etcd();
  if (server === null) return null;
  const prefix = `bench${connections}/`.padEnd(9, '/');
  const load = await server.load(prefix, connections, world.settings.recordBytes);
  return peer(world, etcdName, connections, 'synced by a majority', load, () => server.count(prefix));
}

/** Null when it is not installed. */
export async function jetStream(world: World, inFlight: number): Promise<Party | null> {
  const server = await world.jetStream();
  if (server === null) return null;
  const name = `bench${inFlight}`;
  const load = await server.load(name, inFlight, world.settings.recordBytes);
  return peer(world, jetStreamName, inFlight, 'in the memory of a majority', load, () => server.count(name));
}

function peer({ settings }: World, name: string, inFlight: number, durability: string, load: Load, count: () => Promise<number>): Party {
  let acknowledged = 0;
  return {
    name,
    inFlight,
    durability,
    measure: async () => {
      acknowledged += (await load.run(settings.warmUpMs)).answered;
      const cpu = process.cpuUsage();
      const { answered, tookMs, latencyMs } = await load.run(settings.measureMs);
      const loadPercent = cpuPercent(process.cpuUsage(cpu), tookMs);
      acknowledged += answered;
      return { recordsPerSecond: (answered / tookMs) * 1000, latencyMs, syncs: null, records: answered, loadPercent };
    },
    finish: async () => {
      load.close();
      return { acknowledged, readBack: await count() };
    },
  };
}
