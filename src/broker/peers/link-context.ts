import type { BrokerId } from '../../base/branded.ts';
import { getU16, getU32 } from '../../base/bytes.ts';
import type { Life } from '../../base/life.ts';
import type { Stamp } from '../../clocks/index.ts';
import type { Bytes, Lane, Logger, Network, Random, Timer } from '../../host/index.ts';
import type * as wire from '../../wire/index.ts';
import type { CausalLink, CausalRing } from '../causal-ring.ts';
import type { Counters } from '../counters.ts';
import type { LinkConditions } from './faults-by-hand.ts';
import type { PeerLives } from './peer-lives.ts';
import type { PeerProblems } from './peer-problems.ts';
import type { Strangers } from './strangers.ts';

/** What links need of their broker. */
export interface LinkContext {
  readonly bytes: Bytes;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly causes: CausalRing;
  readonly self: BrokerId;
  readonly clusterId: string;
  readonly version: string;
  readonly brokers: string;
  readonly problems: PeerProblems;
  readonly strangers: Strangers;
  /** Faults that were made by hand. */
  readonly conditions: LinkConditions;
  readonly lives: Pick<PeerLives, 'shownTo' | 'show' | 'meet' | 'confirmed'>;
  readonly secret: Uint8Array | null;
  readonly linkBytesMax: number;
  /** A link for bulk that was not used for so long is closed. */
  readonly linkIdleMs: number;
  startTimer(delayMs: number, fire: () => void): Timer;
  nowMs(): number;
  wallMs(): number;
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
  /** A frame of a peer that has proven itself, with the link that it came by. */
  onFrame(peer: BrokerId, frame: wire.WireFrame, isInOrder: boolean, link: CausalLink): void;
  /** What a peer that was dialled, and has proven itself, sent back. */
  onBack(frame: wire.WireFrame, link: CausalLink): void;
}

/** How both ends name a connection in traces: the first 48 bits of what whoever dialled drew for it. */
export const connectionOf = (nonce: Uint8Array): number => getU16(nonce, 0) * 0x1_0000_0000 + getU32(nonce, 2);
