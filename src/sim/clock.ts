import type { SeededRandom } from '../base/random.ts';
import type { Clock, Timer } from '../host/index.ts';
import type { SimProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** What a machine's clocks are worth; the wall clock may be moved while the machine runs. */
export interface ClockError {
  /** Added to the true time. */
  wallSkewMs: number;
  /** Monotonic milliseconds in a true millisecond; 1 is a perfect quartz. */
  readonly rate: number;
}

/** 2026-01-01T00:00:00Z. */
const wallAtStartMs = 1_767_225_600_000;
/** Timers come late by up to this much, never early. */
const timerLateMsMax = 1;

export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #process: SimProcess;
  readonly #random: SeededRandom;
  readonly #error: ClockError;
  readonly #zeroMs: number;

  constructor(scheduler: Scheduler, process: SimProcess, random: SeededRandom, error: ClockError) {
    this.#scheduler = scheduler;
    this.#process = process;
    this.#random = random;
    this.#error = error;
    this.#zeroMs = scheduler.nowMs - random.below(1_000_000);
  }

  monotonicMs(): number {
    return (this.#scheduler.nowMs - this.#zeroMs) * this.#error.rate;
  }

  wallMs(): number {
    return Math.floor(wallAtStartMs + this.#scheduler.nowMs + this.#error.wallSkewMs);
  }

  startTimer(delayMs: number, fire: () => void): Timer {
    let cancelled = false;
    const late = this.#random.float() * timerLateMsMax;
    const event = this.#process.schedule(Math.max(0, delayMs) / this.#error.rate + late, 'timer', () => {
      // It may have been cancelled by input that waited with it through a pause.
      if (!cancelled) fire();
    });
    return {
      cancel: () => {
        cancelled = true;
        this.#scheduler.cancel(event);
      },
    };
  }

  defer(run: () => void): void {
    this.#process.schedule(0, 'defer', run);
  }
}
