import type { Clock } from '../host/index.ts';
import type { Stamp } from '../wire/index.ts';

/** Beyond this a stamp from elsewhere is a broken clock, and following it would drag the log time of every topic along. */
const trustedAheadMs = 60_000;
const counterMax = 0xffff;

/**
 * A hybrid logical clock (Kulkarni et al. 2014): close to the wall clock, never goes back, and later than every stamp that was received. Stamps are
 * for people and for log time; nothing that must be safe depends on them.
 */
export class HybridClock {
  readonly #clock: Clock;
  #ms = 0;
  #counter = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): Stamp {
    const wallMs = Math.max(0, Math.floor(this.#clock.wallMs()));
    if (wallMs > this.#ms) {
      this.#ms = wallMs;
      this.#counter = 0;
    } else {
      this.#advance();
    }
    return { ms: this.#ms, counter: this.#counter };
  }

  /** A stamp later than `floor`: log time is monotone per partition, whoever leads it. */
  nextAfter(floor: Stamp): Stamp {
    if (isBefore(this.#ms, this.#counter, floor)) {
      this.#ms = floor.ms;
      this.#counter = floor.counter;
    }
    return this.next();
  }

  observe(stamp: Stamp): void {
    if (stamp.ms > this.#clock.wallMs() + trustedAheadMs) return;
    if (!isBefore(this.#ms, this.#counter, stamp)) return;
    this.#ms = stamp.ms;
    this.#counter = stamp.counter;
  }

  #advance(): void {
    if (this.#counter < counterMax) {
      this.#counter++;
      return;
    }
    this.#ms++;
    this.#counter = 0;
  }
}

const isBefore = (ms: number, counter: number, other: Stamp): boolean => ms < other.ms || (ms === other.ms && counter < other.counter);
