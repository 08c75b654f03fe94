/**
 * How far the wall clocks of processes are apart, from the messages of a trace alone. A message that B receives `d` after A sent it, by their own clocks,
 * took no negative time: B is ahead of A by at most `d`. Each message is such a bound, those of the other direction bound from below, and bounds add up
 * along a way over others. What is left between the two is known; half its width is the error (the reasoning of NTP, RFC 5905 §8, with every message as a
 * sample).
 */
import type { OrderedTrace } from './trace-order.ts';

interface Skew {
  readonly process: string;
  /** Its clock is ahead of the first process's by this much, give or take `errorMs`. Null where no messages went both ways, over whomever. */
  readonly aheadMs: number | null;
  readonly errorMs: number | null;
}

export interface TraceSkew {
  readonly skews: readonly Skew[];
  /** A clock was set during the trace: no one offset fits all messages. Nothing is known then. */
  readonly isInconsistent: boolean;
}

/** Bounds of clocks that are read in whole milliseconds. */
const readingMs = 1;

export function skewOf(trace: OrderedTrace): TraceSkew {
  const { processes, events, processOf, sendOf } = trace;
  const width = processes.length;
  /** How far `to` is ahead of `from` at most. */
  const most = new Float64Array(width * width).fill(Number.POSITIVE_INFINITY);
  for (let at = 0; at < width; at++) most[at * width + at] = 0;
  events.forEach((received, index) => {
    const send = sendOf[index] as number;
    const sent = events[send];
    if (send < 0 || sent === undefined) return;
    const at = (processOf[send] as number) * width + (processOf[index] as number);
    most[at] = Math.min(most[at] as number, received.atMs - sent.atMs + readingMs);
  });
  for (let over = 0; over < width; over++) {
    for (let from = 0; from < width; from++) {
      for (let to = 0; to < width; to++) {
        const sum = (most[from * width + over] as number) + (most[over * width + to] as number);
        if (sum < (most[from * width + to] as number)) most[from * width + to] = sum;
      }
    }
  }
  const isInconsistent = processes.some((_, at) => (most[at * width + at] as number) < 0);
  const first = processes.findIndex((_, at) =>
    processes.some((_other, to) => to !== at && Number.isFinite(most[at * width + to] as number)),
  );
  const skews = processes.map((process, at): Skew => {
    if (at === Math.max(0, first)) return { process, aheadMs: 0, errorMs: 0 };
    const high = first < 0 ? Number.POSITIVE_INFINITY : (most[first * width + at] as number);
    const low = first < 0 ? Number.NEGATIVE_INFINITY : -(most[at * width + first] as number);
    if (isInconsistent || !Number.isFinite(high) || !Number.isFinite(low)) return { process, aheadMs: null, errorMs: null };
    return { process, aheadMs: (high + low) / 2, errorMs: (high - low) / 2 };
  });
  return { skews, isInconsistent };
}

/**
 * When each event was, in ms since the first: by the simulator's clock where the trace has that, else by the wall clock of its process, corrected by the
 * skew where that is known.
 */
export function correctedTimes(trace: OrderedTrace, { skews }: TraceSkew): Float64Array {
  const { events, processOf } = trace;
  const times = Float64Array.from(events, ({ trueMs, atMs }, index) => trueMs ?? atMs - (skews[processOf[index] as number]?.aheadMs ?? 0));
  let first = Number.POSITIVE_INFINITY;
  for (const time of times) if (time < first) first = time;
  return times.map((time) => time - first);
}
