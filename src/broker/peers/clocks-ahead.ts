import type { BrokerId } from '../../base/branded.ts';
import type { Counters } from '../counters.ts';
import type { PeerProblems } from './peer-problems.ts';

/** A clock that is being put right, or a broker that was stopped for a moment, is no problem that anybody has to be told of. */
const staysMs = 2000;
/** By less than this the difference may change without being told again. */
const newsMs = 1000;

interface Ahead {
  readonly sinceMs: number;
  /** As it was last told. */
  toldMs: number | null;
}

/** Peers whose stamps are too far ahead of the clock here to be followed (`HybridClock.observe`): each is counted, and who stays so is named. */
export class ClocksAhead {
  readonly #problems: PeerProblems;
  readonly #counters: Counters;
  readonly #nowMs: () => number;
  readonly #ahead = new Map<BrokerId, Ahead>();

  constructor(problems: PeerProblems, counters: Counters, nowMs: () => number) {
    this.#problems = problems;
    this.#counters = counters;
    this.#nowMs = nowMs;
  }

  /** A stamp of the peer was `byMs` ahead, and the clock here did not follow. */
  refused(peer: BrokerId, byMs: number): void {
    this.#counters.stampsAhead++;
    const nowMs = this.#nowMs();
    const ahead = this.#ahead.get(peer) ?? { sinceMs: nowMs, toldMs: null };
    this.#ahead.set(peer, ahead);
    if (nowMs - ahead.sinceMs < staysMs) return;
    if (ahead.toldMs !== null && Math.abs(byMs - ahead.toldMs) < newsMs) return;
    ahead.toldMs = byMs;
    this.#problems.note(peer, 'clockAhead', `its stamps are ${(byMs / 1000).toFixed(1)} s ahead of the clock here, and are not followed`);
  }

  /** A stamp of the peer could be followed. */
  followed(peer: BrokerId): void {
    if (this.#ahead.size === 0 || !this.#ahead.delete(peer)) return;
    this.#problems.forget(peer, 'clockAhead');
  }
}
