import { cpuPercent, type Load } from '../../src/lab/bench/measure.ts';
import type { Party } from '../compare.ts';
import { type BuildName, buildNames } from '../peers/builds.ts';
import type { World } from '../world.ts';

export const loopName = 'bare loop';

/** Somebody else's program, with what its rates are called in a target. */
export interface Peer {
  readonly party: Party;
  readonly called: string;
  /** Its answer means as much as ours. */
  readonly syncsFirst: boolean;
}

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

/** Each build of etcd that is there. */
export async function etcds(world: World, connections: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const build of buildNames) {
    const server = await world.etcd(build);
    if (server === null) continue;
    const prefix = `bench${connections}/`.padEnd(9, '/');
    const load = await server.load(prefix, connections, world.settings.recordBytes);
    const name = `etcd ${server.version}, JSON gateway`;
    const party = peer(world, name, connections, 'synced by a majority', load, () => server.count(prefix));
    peers.push({ party, called: `etcd ${server.version}'s JSON gateway`, syncsFirst: true });
  }
  return peers;
}

/** Each build of NATS that is there, with its defaults, and the newest also syncing before it answers. */
export async function jetStreams(world: World, inFlight: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const { build, syncsAlways } of jetStreamSettings) {
    const server = await world.jetStream(build, syncsAlways);
    if (server === null) continue;
    const name = `bench${inFlight}`;
    const load = await server.load(name, inFlight, world.settings.recordBytes);
    const [suffix, durability] = syncsAlways ? [', syncs always', 'synced by a majority'] : ['', 'in the memory of a majority'];
    const party = peer(world, `JetStream ${server.version}, npm client${suffix}`, inFlight, durability, load, () => server.count(name));
    const called = `JetStream ${server.version}'s npm client, ${syncsAlways ? 'with sync_interval: always' : 'which does not sync'}`;
    peers.push({ party, called, syncsFirst: syncsAlways });
  }
  return peers;
}

export const jetStreamSettings: readonly { readonly build: BuildName; readonly syncsAlways: boolean }[] = [
  { build: 'newest', syncsAlways: true },
  { build: 'newest', syncsAlways: false },
  { build: 'installed', syncsAlways: false },
];

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
