/** What the lab and the processes of a trial say to each other, over the channel that a process and its child have. */
import type { HostPort } from '../../base/host-port.ts';

export interface Role {
  readonly part: 'machine' | 'relay';
  /** Of a machine; that of the relay is one more than the last. */
  readonly index: number;
  readonly rates: readonly number[];
  readonly range: number;
  readonly seconds: number;
  readonly seed: number;
  readonly relayRate: number | null;
  /** Null for a machine to which nobody connects, because all goes through a relay. */
  readonly listenOn: HostPort | null;
  /** Where its log goes. */
  readonly folder: string;
  /** Whoever knows it takes part in this trial. */
  readonly nonce: string;
}

/** Each is said once, in this order. */
export type ToPart =
  | { readonly type: 'be'; readonly role: Role }
  /** Everything listens; `relay` is null where machines connect to one another. */
  | { readonly type: 'connect'; readonly machines: readonly (HostPort | null)[]; readonly relay: HostPort | null }
  /** At this moment by the monotonic clock, in nanoseconds. */
  | { readonly type: 'begin'; readonly startNs: string }
  | { readonly type: 'stop' };

export type FromPart =
  | { readonly type: 'listening'; readonly port: number | null }
  /** It can go no further, and why. */
  | { readonly type: 'failed'; readonly reason: string }
  /** All its connections stand, to others and from others. */
  | { readonly type: 'connected' }
  /** All its ticks are made. */
  | { readonly type: 'done' }
  | { readonly type: 'ended'; readonly report: PartReport };

export interface PartReport {
  /** Messages that wait. */
  readonly queue: number;
  readonly lateTicks: number;
  readonly latestMs: number;
  readonly badMessages: number;
  /** Connections that it made, and messages that it wrote. */
  readonly connections: number;
  readonly writes: number;
}
