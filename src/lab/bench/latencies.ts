import { nearestRank } from '../../base/percentile.ts';

/**
 * Delays of a run in buckets that grow by half a per cent: percentiles are that exact, the memory does not grow, and a group of answers that came
 * together is one entry with a weight.
 */
export class Latencies {
  readonly #counts = new Float64Array(bucketCount);
  #count = 0;
  #maxMs = 0;

  record(ms: number, weight = 1): void {
    const bucket = ms <= leastMs ? 0 : Math.min(bucketCount - 1, Math.ceil(Math.log(ms / leastMs) / logGrowth));
    this.#counts[bucket] = (this.#counts[bucket] as number) + weight;
    this.#count += weight;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** All 0 when nothing was recorded. */
  summary(): LatencySummary {
    return { p50: this.#percentile(50), p99: this.#percentile(99), max: this.#maxMs };
  }

  /** The least delay that so many per cent of all stay within (nearest rank). */
  #percentile(percent: number): number {
    let left = nearestRank(this.#count, percent / 100);
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      left -= this.#counts[bucket] as number;
      if (left <= 0) return Math.min(this.#maxMs, leastMs * growth ** bucket);
    }
    return 0;
  }
}

const leastMs = 0.001;
const growth = 1.005;
const logGrowth = Math.log(growth);
/** Up to a quarter of an hour. */
const bucketCount = Math.ceil(Math.log(1e6 / leastMs) / logGrowth) + 1;

/** Milliseconds. */
export interface LatencySummary {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
