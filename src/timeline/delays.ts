import { nearestRank } from '../base/percentile.ts';

/** Delays of one second: exact up to so many, above it within 1 %. */
export const exactEventsMax = 100_000;

export interface DelaySummary {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p90: number;
  readonly max: number;
  readonly exact: boolean;
  readonly negative: number;
}

/**
 * Buckets are the exponent and the first 7 bits of the mantissa of a double, so that the middle of one is within 0.4 % of what is in it, and finding it is
 * two shifts; from 2^-17 (8 ns) to 2^44 milliseconds (500 years).
 */
const mantissaBits = 7;
const exponentFirst = -17;
const exponentEnd = 44;
const bucketCount = (exponentEnd - exponentFirst) << mantissaBits;
const exponentBias = 1023;
const zeroBucket = bucketCount;

/** Percentiles are nearest-rank: the p-th of n is the value at place ceil(p n), counted from 1. Negative delays are delays. */
export class DelayCollector {
  #values = new Float64Array(16);
  #count = 0;
  #negative = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  /** Counts by bucket: negative values mirrored below `zeroBucket`, positive ones above. Null while everything is kept exactly. */
  #buckets: Uint32Array | null = null;

  get count(): number {
    return this.#count;
  }

  add(delayMs: number): void {
    if (delayMs < 0) this.#negative++;
    if (delayMs < this.#min) this.#min = delayMs;
    if (delayMs > this.#max) this.#max = delayMs;
    const count = this.#count++;
    if (this.#buckets !== null) {
      countIn(this.#buckets, delayMs);
      return;
    }
    if (count < exactEventsMax) {
      if (count === this.#values.length) this.#grow();
      this.#values[count] = delayMs;
      return;
    }
    this.#toBuckets();
    countIn(this.#buckets as unknown as Uint32Array, delayMs);
  }

  /** Adds all of another one. */
  merge(other: DelayCollector): void {
    if (other.#buckets === null) {
      for (let i = 0; i < other.#count; i++) this.add(other.#values[i] as number);
      return;
    }
    this.#toBuckets();
    const mine = this.#buckets as unknown as Uint32Array;
    for (let i = 0; i < mine.length; i++) mine[i] = (mine[i] as number) + (other.#buckets[i] as number);
    this.#count += other.#count;
    this.#negative += other.#negative;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** Null when there was none. */
  summarise(): DelaySummary | null {
    if (this.#count === 0) return null;
    const exact = this.#buckets === null;
    if (exact) this.#values.subarray(0, this.#count).sort();
    return {
      count: this.#count,
      min: this.#min,
      median: this.#at(0.5),
      p90: this.#at(0.9),
      max: this.#max,
      exact,
      negative: this.#negative,
    };
  }

  clear(): void {
    this.#count = 0;
    this.#negative = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
    this.#buckets = null;
    // A burst must not be remembered as memory.
    if (this.#values.length > 4_096) this.#values = new Float64Array(16);
  }

  /** The value at a rank; `summarise` has sorted. */
  #at(part: number): number {
    const rank = nearestRank(this.#count, part);
    if (this.#buckets === null) return this.#values[rank - 1] as number;
    let seen = 0;
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      seen += this.#buckets[bucket] as number;
      if (seen >= rank) return Math.min(this.#max, Math.max(this.#min, middleOf(bucket)));
    }
    return this.#max;
  }

  #grow(): void {
    const larger = new Float64Array(Math.min(exactEventsMax, this.#values.length * 4));
    larger.set(this.#values);
    this.#values = larger;
  }

  #toBuckets(): void {
    if (this.#buckets !== null) return;
    this.#buckets = new Uint32Array(2 * bucketCount + 1);
    for (let i = 0; i < this.#count && i < exactEventsMax; i++) countIn(this.#buckets, this.#values[i] as number);
    this.#values = new Float64Array(16);
  }
}

function countIn(buckets: Uint32Array, delayMs: number): void {
  const bucket = bucketOf(delayMs);
  buckets[bucket] = (buckets[bucket] as number) + 1;
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
/** Where a double's sign, exponent and first 20 bits of the mantissa stand. */
const highWord = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;
const stepOfFirst = (exponentBias + exponentFirst) << mantissaBits;

function bucketOf(delayMs: number): number {
  double[0] = Math.abs(delayMs);
  const step = Math.min(bucketCount, ((words[highWord] as number) >>> (20 - mantissaBits)) - stepOfFirst + 1);
  if (step <= 0) return zeroBucket;
  return delayMs < 0 ? zeroBucket - step : zeroBucket + step;
}

function middleOf(bucket: number): number {
  if (bucket === zeroBucket) return 0;
  const step = Math.abs(bucket - zeroBucket) - 1;
  const exponent = exponentFirst + (step >> mantissaBits);
  const mantissa = 1 + ((step & ((1 << mantissaBits) - 1)) + 0.5) / (1 << mantissaBits);
  const middle = mantissa * 2 ** exponent;
  return bucket < zeroBucket ? -middle : middle;
}
