// ST9 space for elections
import { Findings } from './verdict.ts';

/** Brokers start again, find one another and elect within this, many election timeouts. */
const settledAfterMs = 10_000;
/** A broker that starts opens its topics before it is ready: some syncs, each of 400 ms and more where disks are slow too. */
const openingMs = 5000;

/** With every disk full brokers start, and elect: whatever an election writes has its space. */
export class SpaceForElections {
  readonly findings = new Findings('ST9');
  /** When each broker was ready last. */
  readonly #readyMs: number[] = [];

  /** `onlyFullSinceMs`: since when all disks are full and nothing else happens to anybody; null when that is not so. */
  look(nowMs: number, onlyFullSinceMs: number | null, brokers: readonly ({ readonly ready: boolean } | null)[]): void {
    for (const [index, broker] of brokers.entries()) if (broker?.ready === true) this.#readyMs[index] = nowMs;
    if (onlyFullSinceMs === null || nowMs - onlyFullSinceMs < settledAfterMs) return;
    this.findings.checked++;
    // Whoever was not ready until all was settled has had its time.
    const leastMs = onlyFullSinceMs + settledAfterMs - openingMs;
    const late = brokers.filter((_, index) => nowMs - Math.max(this.#readyMs[index] ?? 0, leastMs) >= openingMs).length;
    if (late === 0) return;
    const up = brokers.filter((broker) => broker !== null).length;
    this.findings.violate(
      `${late} of ${brokers.length} brokers know no leader of "log" at ${nowMs.toFixed(0)} ms (${up} are up), though for ${(nowMs - onlyFullSinceMs).toFixed(0)} ms nothing was wrong but that all disks are full`,
    );
  }
}
