/**
 * The machine behind `host/`: clock, disk, network, randomness, bytes, over Node. `daemon/` and `lab/` make a host of these and nobody else does.
 * What takes long to load or is not always needed (the disk with its lock) is imported where it is used.
 */
import type { Disk, Host, Logger } from '../host/index.ts';
import { MemoryDisk } from '../storage/index.ts';
import { systemBytes } from './bytes.ts';
import { SystemClock } from './clock.ts';
import { type NetworkOptions, SystemNetwork } from './network.ts';
import { systemRandom } from './random.ts';

export interface SystemHost extends Host {
  readonly network: SystemNetwork;
}

export interface SystemHostOptions extends NetworkOptions {
  /** The data directory, which must exist, or null for the disk in memory. */
  readonly data: string | null;
  readonly logger: Logger;
}

export async function createSystemHost({ data, logger, ...network }: SystemHostOptions): Promise<SystemHost> {
  const clock = new SystemClock();
  const disk: Disk = data === null ? new MemoryDisk(clock) : await systemDisk(data, logger);
  return { clock, disk, logger, random: systemRandom, bytes: systemBytes, network: new SystemNetwork(network) };
}

async function systemDisk(data: string, logger: Logger): Promise<Disk> {
  const { SystemDisk } = await import('./disk.ts');
  return new SystemDisk(data, logger);
}
