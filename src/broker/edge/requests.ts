import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { TraceContext } from '../../base/trace-context.ts';
import type { SpanFields } from '../../eventlog/index.ts';
import * as wire from '../../wire/index.ts';
import type { Core } from '../core.ts';
import { catalogGroup } from '../well-known.ts';
import type { Relays } from './relays.ts';

/** `lost`: whether the peer got it, and what it did, is not known. */
export type RequestOutcome = wire.PeerAnswer | { readonly type: 'lost' };

/** `hops`: how the request went, as far as the answer tells. */
type RequestDone = (outcome: RequestOutcome, hops: wire.HopList | null) => void;

/** A request that still lacks the number that its answer will name. */
export type UnnumberedRequest = DistributiveOmit<wire.PeerRequest, 'correlation'>;
type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

interface Pending {
  readonly peer: BrokerId;
  /** Over whose link it left: that of `peer` itself, or of the first on the way to it. */
  readonly via: BrokerId;
  /** By a link of its own, since by way of others it got no answer before. */
  readonly isDirect: boolean;
  readonly waitMs: number;
  deadlineMs: number;
  /** Where an append stands on the link, 0 for what is small. */
  readonly place: number;
  readonly done: RequestDone;
}

/** The asking side of what brokers ask one another. Every request ends once: with its answer, or as `lost`. */
export class Requests {
  readonly #core: Core;
  readonly #relays: Relays;
  readonly #pending = new Map<number, Pending>();
  #lastCorrelation: number;

  constructor(core: Core, relays: Relays) {
    this.#core = core;
    this.#relays = relays;
    // An answer to an earlier life of this broker must not meet a request of this one.
    this.#lastCorrelation = core.host.random.next() * 0x1000;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /**
   * False when there is no way to the peer: nothing was sent and `done` is never called. Members of a group ask one another by their own links, and by the
   * catalog's all brokers, whether they have it open or not; whoever has no replica of it asks along the edges of the cube.
   */
  send(
    peer: BrokerId,
    group: GroupId,
    request: UnnumberedRequest,
    waitMs: number,
    done: RequestDone,
    trace: TraceContext | null = null,
  ): boolean {
    const correlation = ++this.#lastCorrelation;
    const untraced = wire.encodeRequest(group, { ...request, correlation } as wire.PeerRequest);
    const { links } = this.#core;
    const isShared = group === catalogGroup || this.#core.replica(group) !== undefined;
    const isEdge = isShared || this.#relays.isNeighbour(peer);
    const isDirect = !isEdge && this.#relays.isDoubted(peer);
    const isByLink = isEdge || isDirect;
    const message = trace === null || !isByLink ? untraced : wire.withTraces(untraced, trace);
    const own = isByLink && links.send(peer, message) ? peer : null;
    const via = isByLink ? own : this.#relays.send(peer, message, { isLong: false, asked: null }, trace);
    if (via === null) return false;
    if (isDirect) this.#core.counters.relayedDirectly++;
    // One that goes by way of others may be swallowed there: that it has not arrived says nothing.
    const place = request.type === 'append' && via === peer ? links.placeOf(via) : 0;
    this.#pending.set(correlation, { peer, via, isDirect, waitMs, deadlineMs: this.#core.nowMs() + waitMs, place, done });
    return true;
  }

  answered(peer: BrokerId, answer: wire.PeerAnswer, asked: wire.HopList | null): void {
    const pending = this.#pending.get(answer.correlation);
    if (pending === undefined) return;
    // One on the way says that it got no further.
    const isBack = pending.peer !== peer && answer.type === 'error' && asked?.brokers.at(-1) === peer;
    if (pending.peer !== peer && !isBack) return;
    this.#pending.delete(answer.correlation);
    pending.done(answer, asked ?? { brokers: [this.#core.self, peer], isDirect: pending.isDirect });
  }

  /** A link from or to this peer broke. */
  lost(peer: BrokerId): void {
    for (const [correlation, pending] of this.#pending) if (pending.peer === peer || pending.via === peer) this.#lose(correlation, pending);
  }

  expire(nowMs: number): void {
    for (const [correlation, pending] of this.#pending) {
      if (nowMs < pending.deadlineMs) continue;
      // While it is still on its way nobody can have answered it, and sent again it would be on its way twice.
      if (this.#core.links.hasArrived(pending.via, pending.place)) {
        if (pending.via !== pending.peer) this.#relays.doubt(pending.peer);
        this.#lose(correlation, pending);
      } else pending.deadlineMs = nowMs + pending.waitMs;
    }
  }

  /** Nobody will answer any more. */
  loseAll(): void {
    for (const [correlation, pending] of this.#pending) this.#lose(correlation, pending);
  }

  #lose(correlation: number, pending: Pending): void {
    this.#pending.delete(correlation);
    pending.done({ type: 'lost' }, null);
  }
}

/** What the span of a request failed with. */
export function spanErrorOf(outcome: RequestOutcome): string | null {
  if (outcome.type === 'error') return outcome.code;
  return outcome.type === 'lost' ? 'timeout' : null;
}

/** By way of whom it went, as a span tells it. */
export const hopsOf = (hops: wire.HopList | null): SpanFields =>
  hops === null ? {} : { hops: hops.brokers.join(' '), ...(hops.isDirect ? { direct: true } : {}) };
