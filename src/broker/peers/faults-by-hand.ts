import type { BrokerId } from '../../base/branded.ts';
import { type LinkFault, type LinkFaults, refuseLinkFault } from '../../eventlog/index.ts';

export const cutOffReason = 'a partition by hand cuts it off';

/** What links ask before they send, take or dial. */
export interface LinkConditions {
  /** Nothing leaves, and nothing that comes is taken. */
  readonly isPaused: boolean;
  isCutOff(peer: BrokerId): boolean;
  /** How long each frame for this peer waits. */
  delayMs(peer: BrokerId): number;
}

/** Faults that were made by hand in the links of one broker (docs/decisions/0026): in memory, so that a restart forgets them. */
export class FaultsByHand implements LinkConditions {
  readonly #self: BrokerId;
  readonly #brokers: readonly BrokerId[];
  #isPaused = false;
  #cutOff: ReadonlySet<number> = new Set();
  #delays: ReadonlyMap<number, number> = new Map();

  /** @param brokers all that are configured */
  constructor(self: BrokerId, brokers: readonly BrokerId[]) {
    this.#self = self;
    this.#brokers = [...brokers].sort((a, b) => a - b);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  isCutOff(peer: BrokerId): boolean {
    return this.#cutOff.has(peer);
  }

  delayMs(peer: BrokerId): number {
    return this.#delays.get(peer) ?? 0;
  }

  /** Null where there are none. */
  get told(): LinkFaults | null {
    if (!this.#isPaused && this.#cutOff.size + this.#delays.size === 0) return null;
    const delays = [...this.#delays].map(([broker, ms]) => ({ broker, ms })).sort((a, b) => a.broker - b.broker);
    return { paused: this.#isPaused, cutOff: [...this.#cutOff], delays };
  }

  /** Why it cannot be done, as a sentence; null when it can. */
  refuse(fault: LinkFault): string | null {
    return refuseLinkFault(fault, this.#brokers, this.#self);
  }

  /** Takes one that is not refused. False when nothing is other than before. */
  take(fault: LinkFault): boolean {
    const before = JSON.stringify(this.told);
    const peers = this.#brokers.filter((id) => id !== this.#self);
    switch (fault.action) {
      case 'pause':
        this.#isPaused = true;
        break;
      case 'partition': {
        const own = fault.groups.find((group) => group.includes(this.#self)) ?? [];
        this.#cutOff = new Set(peers.filter((id) => !own.includes(id)));
        break;
      }
      case 'delay': {
        const delays = new Map(this.#delays);
        for (const peer of peers) {
          if (fault.link !== null && !fault.link.includes(peer)) continue;
          if (fault.ms > 0) delays.set(peer, fault.ms);
          else delays.delete(peer);
        }
        this.#delays = delays;
        break;
      }
      case 'heal':
        this.#isPaused = false;
        this.#cutOff = new Set();
        this.#delays = new Map();
    }
    return JSON.stringify(this.told) !== before;
  }
}

/** As it is told in events and lines. */
export function fieldsOf(fault: LinkFault): Readonly<Record<string, string | number | null>> {
  const { action: kind } = fault;
  if (kind === 'partition') return { kind, groups: fault.groups.map((group) => group.join(',')).join('|') };
  if (kind === 'delay') return { kind, ms: fault.ms, link: fault.link?.join('-') ?? null };
  return { kind };
}
