import type { ModelEvent } from './machine.ts';

/** What one machine's log says of it. */
export interface MachineFigures {
  /** Ticks a second. */
  readonly rate: number;
  readonly ticks: number;
  /** At the end. */
  readonly clock: number;
  /** By how much the clock rose with a tick. */
  readonly meanJump: number;
  readonly largestJump: number;
  /** Messages that waited after the last tick, those that came after it included. */
  readonly queue: number;
  readonly largestQueue: number;
  readonly queueAtHalf: number;
  /** Messages that came. */
  readonly arrivals: number;
  /** In the second half of the run. */
  readonly lateArrivals: number;
  readonly sent: number;
}

interface Noted {
  readonly kind: ModelEvent['kind'];
  readonly clock: number;
  readonly queue: number;
}

/** Adds up what a machine does, tick by tick. */
export class FigureCounter {
  readonly #rate: number;
  readonly #halfSeconds: number;
  #ticks = 0;
  #clock = 0;
  #largestJump = 0;
  #queue = 0;
  #largestQueue = 0;
  #queueAtHalf = 0;
  #received = 0;
  #receivedByHalf = 0;
  #sent = 0;

  constructor(rate: number, seconds: number) {
    this.#rate = rate;
    this.#halfSeconds = seconds / 2;
  }

  /** `messages` is how many it sent. */
  note(atSeconds: number, event: Noted, messages: number): void {
    this.#ticks++;
    this.#largestJump = Math.max(this.#largestJump, event.clock - this.#clock);
    this.#clock = event.clock;
    this.#queue = event.queue;
    this.#largestQueue = Math.max(this.#largestQueue, event.queue);
    if (event.kind === 'receive') this.#received++;
    this.#sent += messages;
    if (atSeconds > this.#halfSeconds) return;
    this.#queueAtHalf = event.queue;
    this.#receivedByHalf = this.#received;
  }

  /** `queue` is its length at the very end; without it that after the last tick. */
  figures(queue: number = this.#queue): MachineFigures {
    const arrivals = this.#received + queue;
    return {
      rate: this.#rate,
      ticks: this.#ticks,
      clock: this.#clock,
      meanJump: this.#ticks === 0 ? 0 : this.#clock / this.#ticks,
      largestJump: this.#largestJump,
      queue,
      largestQueue: Math.max(this.#largestQueue, queue),
      queueAtHalf: this.#queueAtHalf,
      arrivals,
      lateArrivals: arrivals - this.#receivedByHalf - this.#queueAtHalf,
      sent: this.#sent,
    };
  }
}

export type FigureName = keyof MachineFigures;

/** Of one figure over many runs. */
export interface Spread {
  readonly mean: number;
  readonly least: number;
  readonly greatest: number;
}

export function spreadOf(values: readonly number[]): Spread {
  let [sum, least, greatest] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    sum += value;
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  return { mean: values.length === 0 ? 0 : sum / values.length, least, greatest };
}
