import type { SeededRandom } from '../../base/random.ts';
import type { LoadedRun, Surroundings } from '../rig/index.ts';
import type { LinkProxy } from './link-proxy.ts';
import type { Tool } from './tools.ts';
import type { WallClocks } from './wall-clocks.ts';

export type Family = 'kill' | 'pause' | 'clock' | 'partition' | 'network' | 'disk' | 'limit';

/** One way of disturbing a cluster. `inject` returns once the fault is over; brokers that ended on the way are started again by the caller. */
export interface Fault {
  /** As `--faults` takes it. */
  readonly name: string;
  readonly family: Family;
  /** Without these it cannot be made. */
  readonly tools: readonly Tool[];
  inject(field: Field): Promise<Injected>;
}

/** What a fault works on. */
export interface Field extends LoadedRun {
  readonly random: SeededRandom;
  readonly proxy: LinkProxy;
  /** Null without faketime. */
  readonly clocks: WallClocks | null;
  /** Who led when the fault was chosen. */
  readonly leader: number;
  readonly followers: readonly number[];
  /** How often this fault was injected before, over all clusters: a sweep goes on with it. */
  readonly index: number;
  /** What the next starts of a broker happen in; null is as usual. */
  startIn(id: number, surroundings: Surroundings | null): void;
}

export interface Injected {
  /** Whom it was done to. */
  readonly brokers: readonly number[];
  /** Processes that SIGKILL ended. */
  readonly kills: number;
  /** The exit code that each of the brokers must end with because of it. */
  readonly exitCode?: number;
  /** Appends tried on brokers cut off from any majority, and those of them that were acknowledged. */
  readonly minority?: { readonly tried: number; readonly acknowledged: number };
  /** Only where the leader could keep its majority all the time. */
  readonly leaderChanges?: number;
  /** What else is worth knowing. */
  readonly note?: string;
}
