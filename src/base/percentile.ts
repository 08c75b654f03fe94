/**
 * Percentiles by nearest rank: the least value that at least so great a part of all stay within. Always one that was measured; of two values the median is
 * the lower one.
 */

/** Which of `count` sorted values it is, counted from 1; `part` is 0.5 for the median. */
export function nearestRank(count: number, part: number): number {
  // 0.9 * 10 is 9.000000000000002 in some orders of rounding; the rank is meant for the exact product.
  return Math.max(1, Math.ceil(part * count - 1e-9));
}

/** 0 when there is none. */
export function percentile(sorted: ArrayLike<number>, part: number): number {
  return sorted[nearestRank(sorted.length, part) - 1] ?? 0;
}
