import type { SeededRandom } from '../base/random.ts';
import type { Clock, Timer } from '../host/index.ts';
import type { SimProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** What a machine's clocks are worth; both may be changed while the machine runs. */
export class ClockError {
  /** Added to the true time. */
  wallSkewMs: number;
  #rate: number;
  /** Where the present rate began. */
  #trueMs = 0;
  #monotonicMs = 0;

  constructor(wallSkewMs: number, rate: number) {
    this.wallSkewMs = wallSkewMs;
    this.#rate = rate;
  }

  /** Monotonic milliseconds in a true millisecond; 1 is a perfect quartz. */
  get rate(): number {
    return this.#rate;
  }

  setRate(nowMs: number, rate: number): void {
    this.#monotonicMs = this.monotonicMs(nowMs);
    this.#trueMs = nowMs;
    this.#rate = rate;
  }

  monotonicMs(nowMs: number): number {
    return this.#monotonicMs + (nowMs - this.#trueMs) * this.#rate;
  }
}

/** 2026-01-01T00:00:00Z. */
export const wallAtStartMs = 1_767_225_600_000;
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
    this.#zeroMs = error.monotonicMs(scheduler.nowMs) - random.below(1_000_000);
  }

  monotonicMs(): number {
    return this.#error.monotonicMs(this.#scheduler.nowMs) - this.#zeroMs;
  }

  wallMs(): number {
    return Math.floor(wallAtStartMs + this.#scheduler.nowMs + this.#error.wallSkewMs);
  }

  startTimer(delayMs: number, fire: () => void): Timer {
    const dueMs = this.monotonicMs() + Math.max(0, delayMs);
    let cancelled = false;
    const elapsed = (): void => {
      // It may have been cancelled by input that waited with it through a pause.
      if (cancelled) return;
      const leftMs = dueMs - this.monotonicMs();
      // The clock may have become slower meanwhile.
      if (leftMs > 0.01) event = this.#process.schedule(leftMs / this.#error.rate, 'timer', elapsed);
      else fire();
    };
    const late = this.#random.float() * timerLateMsMax;
    let event = this.#process.schedule(Math.max(0, delayMs) / this.#error.rate + late, 'timer', elapsed);
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
