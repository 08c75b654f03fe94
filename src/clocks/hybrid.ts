import type { Clock } from '../host/index.ts';

/**
 * A hybrid logical time (Kulkarni et al. 2014): milliseconds since 1970, close to the wall clock, and a counter for what happens within one of them.
 * Like Lamport's it orders what caused what; stamps are for people, for log time and for traces, and nothing that must be safe depends on them.
 */
export interface Stamp {
  readonly ms: number;
  /** Below 65,536. */
  readonly counter: number;
}

/**
 * A stamp from elsewhere that is farther ahead than this comes from a broken clock, and following it would drag the time of everybody along. It is the
 * one bound of log time, of what `--since` finds by it, and of traces: clocks that differ by less are brought together, stamps never stand farther from
 * their broker's own clock on account of others.
 */
export const stampAheadMsMax = 500;

const counterMax = 0xffff;

/** Before every stamp that is given out. */
export const stampStart: Stamp = { ms: 0, counter: 0 };

export const isStampBefore = (a: Stamp, b: Stamp): boolean => a.ms < b.ms || (a.ms === b.ms && a.counter < b.counter);

/** The stamp of the next event after `last`, at `wallMs` by the own wall clock: that time, or the least that is later than `last`. */
function nextStamp(last: Stamp, wallMs: number): Stamp {
  const ms = Math.max(0, Math.floor(wallMs));
  if (ms > last.ms) return { ms, counter: 0 };
  return last.counter < counterMax ? { ms: last.ms, counter: last.counter + 1 } : { ms: last.ms + 1, counter: 0 };
}

/** A broker's own: it never goes back, and is later than every stamp that was received and can be believed. */
export class HybridClock {
  readonly #clock: Pick<Clock, 'wallMs'>;
  #last = stampStart;

  constructor(clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock;
  }

  /** The latest that was given out or followed. */
  get last(): Stamp {
    return this.#last;
  }

  next(): Stamp {
    this.#last = nextStamp(this.#last, this.#clock.wallMs());
    return this.#last;
  }

  /**
   * A stamp later than `floor`: log time is monotone per partition, whoever leads it. Where a broken clock has driven the time of one log too far ahead,
   * that log goes on from there by itself: neither other logs nor messages follow.
   */
  nextAfter(floor: Stamp): Stamp {
    const wallMs = this.#clock.wallMs();
    if (floor.ms <= wallMs + stampAheadMsMax && isStampBefore(this.#last, floor)) this.#last = floor;
    this.#last = nextStamp(this.#last, wallMs);
    return isStampBefore(floor, this.#last) ? this.#last : nextStamp(floor, wallMs);
  }

  /** What came with a message. False: it is too far ahead, and the clock does not follow. */
  observe(stamp: Stamp): boolean {
    if (!isStampBefore(this.#last, stamp)) return true;
    if (stamp.ms > this.#clock.wallMs() + stampAheadMsMax) return false;
    this.#last = stamp;
    return true;
  }
}
