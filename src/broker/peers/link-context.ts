import type { BrokerId } from '../../base/branded.ts';
import type { Life } from '../../base/life.ts';
import type { Stamp } from '../../clocks/index.ts';
import type { Bytes, Lane, Logger, Network, Random, Timer } from '../../host/index.ts';
import type * as wire from '../../wire/index.ts';
import type { Counters } from '../counters.ts';
import type { PeerLives } from './peer-lives.ts';
import type { PeerProblems } from './peer-problems.ts';

/** What links need of their broker. */
export interface LinkContext {
  readonly bytes: Bytes;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly self: BrokerId;
  readonly clusterId: string;
  readonly version: string;
  readonly brokers: string;
  readonly problems: PeerProblems;
  readonly lives: Pick<PeerLives, 'shownTo' | 'show' | 'meet' | 'confirmed'>;
  readonly secret: Uint8Array | null;
  readonly linkBytesMax: number;
  startTimer(delayMs: number, fire: () => void): Timer;
  nowMs(): number;
  stamp(): Stamp;
  /** While true nothing leaves and nothing is dialled. */
  isClosed(): boolean;
  isPeer(id: number): boolean;
  /** Null if it was never heard. */
  sinceHeardMs(peer: BrokerId): number | null;
  onReady(peer: BrokerId, life: Life, lane: Lane): void;
  onLost(peer: BrokerId, lane: Lane): void;
  /** `isOfLife`: a peer that has proven itself remembers another broker under this id. */
  onRefused(peer: BrokerId, reason: string, isOfLife: boolean): void;
  onFrame(peer: BrokerId, frame: wire.WireFrame, isInOrder: boolean): void;
}
