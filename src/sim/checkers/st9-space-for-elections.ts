// ST9 space for elections
import { Findings } from './verdict.ts';

/** Brokers start again, find one another and elect within this, many election timeouts. */
const settledAfterMs = 10_000;
/** A broker that opens a new topic is not ready for a moment. */
const momentMs = 2000;

/** With every disk full brokers start, and elect: whatever an election writes has its space. */
export class SpaceForElections {
  readonly findings = new Findings('ST9');
  #lastReadyMs = 0;

  /** `onlyFullSinceMs`: since when all disks are full and nothing else happens to anybody; null when that is not so. */
  look(nowMs: number, onlyFullSinceMs: number | null, brokers: readonly ({ readonly ready: boolean } | null)[]): void {
    if (onlyFullSinceMs === null || nowMs - onlyFullSinceMs < settledAfterMs) return;
    this.findings.checked++;
    const ready = brokers.filter((broker) => broker?.ready === true).length;
    if (ready === brokers.length) this.#lastReadyMs = nowMs;
    if (nowMs - Math.max(this.#lastReadyMs, onlyFullSinceMs + settledAfterMs) < momentMs) return;
    const up = brokers.filter((broker) => broker !== null).length;
    this.findings.violate(
      `only ${ready} of ${brokers.length} brokers know a leader of "log" at ${nowMs.toFixed(0)} ms (${up} are up), though for ${(nowMs - onlyFullSinceMs).toFixed(0)} ms nothing was wrong but that all disks are full`,
    );
  }
}
