/** The horizontal axis of a chart, in seconds: how far it reaches, and where it says how long ago that was. */

/** A cluster just started shows its first minute over the whole width. */
const SPAN_S_MIN = 60;

/** Of times in ascending order; the end is the newest of them. Of none it is a minute that ends at no time in particular. */
export function timeRange(times: ArrayLike<number>): [number, number] {
  const to = times[times.length - 1] ?? 0;
  return [to - Math.max(SPAN_S_MIN, to - (times[0] ?? to)), to];
}

export function timeSplits(from: number, to: number): number[] {
  const step = to - from > 420 ? 300 : to - from > 150 ? 60 : 30;
  return [0, 1, 2, 3, 4, 5, 6].map((count) => to - count * step).filter((time) => time > from + 4);
}

export function agoOf(seconds: number): string {
  const rounded = Math.round(seconds);
  if (rounded === 0) return 'now';
  return rounded % 60 === 0 ? `−${rounded / 60} min` : `−${rounded} s`;
}
