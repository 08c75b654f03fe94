import type { BrokerId } from '../../base/branded.ts';
import type { Logger } from '../../host/index.ts';
import type { Counters } from '../counters.ts';

/**
 * `refused`: this broker will not deal with the peer. `refusedByPeer`: the peer will not with this one. `distrusted`: this broker does not dial the peer
 * because of its certificate. `distrustedByPeer`: the peer does not dial this one because of its. `unreachable`: nobody answers at its address.
 * `listsDiffer`: it is linked, and its list of brokers gives other addresses. `clockAhead`: it is linked, and its stamps have been too far ahead to be
 * followed for a while.
 */
export type ProblemKind = 'refused' | 'refusedByPeer' | 'distrusted' | 'distrustedByPeer' | 'unreachable' | 'listsDiffer' | 'clockAhead';

const events: Readonly<Record<ProblemKind, string>> = {
  refused: 'peerRefused',
  refusedByPeer: 'refusedByPeer',
  distrusted: 'peerRefused',
  distrustedByPeer: 'refusedByPeer',
  unreachable: 'peerUnreachable',
  listsDiffer: 'peerListDiffers',
  clockAhead: 'peerClockAhead',
};
/** Two lines about one peer and kind are so far apart at least. */
const apartMs = 1000;
/** What says most first: a connection that was refused is then lost as well. */
const order: readonly ProblemKind[] = [
  'refusedByPeer',
  'refused',
  'distrustedByPeer',
  'distrusted',
  'listsDiffer',
  'unreachable',
  'clockAhead',
];
const refusals: ReadonlySet<ProblemKind> = new Set(['refused', 'refusedByPeer', 'distrusted', 'distrustedByPeer'] as const);

/**
 * What stands between this broker and each peer. It dials again every second, so each cause is logged once until it changes or a link stands; the counter
 * of refusals counts each. Whoever is not configured, or will not say who it is, is one more.
 */
export class PeerProblems {
  readonly #logger: Logger;
  readonly #counters: Counters;
  readonly #byPeer = new Map<number, Map<ProblemKind, string>>();
  readonly #peers: readonly BrokerId[];
  readonly #nowMs: () => number;
  /** Peer and kind -> when a line was last written. */
  readonly #loggedMs = new Map<string, number>();

  constructor(logger: Logger, counters: Counters, peers: readonly BrokerId[], nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#logger = logger;
    this.#counters = counters;
    this.#peers = peers;
  }

  /** `peer` is who it claims to be, null when it did not say. */
  note(peer: number | null, kind: ProblemKind, reason: string): void {
    if (refusals.has(kind)) this.#counters.refusedLinks++;
    const key = this.#keyOf(peer);
    const problems = this.#of(key);
    if (problems.get(kind) === reason) return;
    problems.set(kind, reason);
    // What follows from a refusal is no news.
    if (kind === 'unreachable' && order.some((one) => refusals.has(one) && problems.has(one))) return;
    // Whoever has not proven itself can say what it likes, as often as it likes.
    const place = `${key} ${kind}`;
    const nowMs = this.#nowMs();
    if (nowMs - (this.#loggedMs.get(place) ?? Number.NEGATIVE_INFINITY) < apartMs) return;
    this.#loggedMs.set(place, nowMs);
    this.#logger.log(kind === 'unreachable' ? 'info' : 'warn', events[kind], { peer, reason });
  }

  /** A link that this broker dialled (`out`), or the peer (`in`), stands: what spoke against it is over. */
  linked(peer: BrokerId, direction: 'in' | 'out'): void {
    const problems = this.#byPeer.get(peer);
    if (problems === undefined) return;
    if (direction === 'out') {
      problems.delete('unreachable');
      problems.delete('refusedByPeer');
      problems.delete('distrusted');
    } else {
      problems.delete('refused');
      problems.delete('distrustedByPeer');
    }
  }

  of(peer: BrokerId): string | null {
    const problems = this.#byPeer.get(peer);
    const kind = order.find((one) => problems?.has(one) === true);
    if (kind === undefined) return null;
    const reason = problems?.get(kind) as string;
    if (kind === 'refusedByPeer' || kind === 'distrustedByPeer') return `broker ${peer} refuses it: ${reason}`;
    return refusals.has(kind) ? `it refuses broker ${peer}: ${reason}` : reason;
  }

  forget(peer: BrokerId, kind: ProblemKind): void {
    this.#byPeer.get(peer)?.delete(kind);
  }

  /** 0 for all who are not configured here. */
  #keyOf(peer: number | null): number {
    return this.#peers.find((id) => id === peer) ?? 0;
  }

  #of(key: number): Map<ProblemKind, string> {
    let problems = this.#byPeer.get(key);
    if (problems === undefined) this.#byPeer.set(key, (problems = new Map()));
    return problems;
  }
}
