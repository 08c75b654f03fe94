import type { BrokerId, GroupId } from '../../base/branded.ts';
import * as wire from '../../wire/index.ts';
import type { Core } from '../core.ts';

/** `lost`: whether the peer got it, and what it did, is not known. */
export type RequestOutcome = wire.PeerAnswer | { readonly type: 'lost' };

/** A request that still lacks the number that its answer will name. */
export type UnnumberedRequest = DistributiveOmit<wire.PeerRequest, 'correlation'>;
type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

interface Pending {
  readonly peer: BrokerId;
  readonly waitMs: number;
  deadlineMs: number;
  /** Where an append stands on the link, 0 for what is small. */
  readonly place: number;
  readonly done: (outcome: RequestOutcome) => void;
}

/** The asking side of what brokers ask one another. Every request ends once: with its answer, or as `lost`. */
export class Requests {
  readonly #core: Core;
  readonly #pending = new Map<number, Pending>();
  #lastCorrelation: number;

  constructor(core: Core) {
    this.#core = core;
    // An answer to an earlier life of this broker must not meet a request of this one.
    this.#lastCorrelation = core.host.random.next() * 0x1000;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** False when there is no way to the peer: nothing was sent and `done` is never called. */
  send(peer: BrokerId, group: GroupId, request: UnnumberedRequest, waitMs: number, done: (outcome: RequestOutcome) => void): boolean {
    const correlation = ++this.#lastCorrelation;
    const numbered = { ...request, correlation } as wire.PeerRequest;
    if (!this.#core.links.send(peer, wire.encodeRequest(group, numbered))) return false;
    const place = request.type === 'append' ? this.#core.links.placeOf(peer) : 0;
    this.#pending.set(correlation, { peer, waitMs, deadlineMs: this.#core.nowMs() + waitMs, place, done });
    return true;
  }

  answered(peer: BrokerId, answer: wire.PeerAnswer): void {
    const pending = this.#pending.get(answer.correlation);
    if (pending === undefined || pending.peer !== peer) return;
    this.#pending.delete(answer.correlation);
    pending.done(answer);
  }

  /** A link from or to this peer broke. */
  lost(peer: BrokerId): void {
    for (const [correlation, pending] of this.#pending) if (pending.peer === peer) this.#lose(correlation, pending);
  }

  expire(nowMs: number): void {
    for (const [correlation, pending] of this.#pending) {
      if (nowMs < pending.deadlineMs) continue;
      // While it is still on its way nobody can have answered it, and sent again it would be on its way twice.
      if (this.#core.links.hasArrived(pending.peer, pending.place)) this.#lose(correlation, pending);
      else pending.deadlineMs = nowMs + pending.waitMs;
    }
  }

  /** Nobody will answer any more. */
  loseAll(): void {
    for (const [correlation, pending] of this.#pending) this.#lose(correlation, pending);
  }

  #lose(correlation: number, pending: Pending): void {
    this.#pending.delete(correlation);
    pending.done({ type: 'lost' });
  }
}
