import type { Clock, Timer } from '../host/index.ts';

/**
 * The real clock.
 *
 * libuv runs due timers before it polls the network, so after a pause of the process (SIGSTOP, a long collection, a suspended laptop) an election
 * timer would fire before the heartbeats that wait in the socket: measured in 6 of 6 runs, 0 of 6 with the guard below (trust E3, E3b). A due
 * timer therefore only joins a list that one `setImmediate` drains, after the poll of the same loop turn; a timer that was cancelled or replaced
 * by that input does not fire. Deferred work shares the mechanism: one immediate for all that a turn defers.
 */
export class SystemClock implements Clock {
  #due: (() => void)[] = [];
  #deferred: (() => void)[] = [];
  #scheduled = false;

  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  startTimer(delayMs: number, fire: () => void): Timer {
    const dueMs = performance.now() + delayMs;
    let cancelled = false;
    const expire = (): void => {
      this.#due.push(run);
      this.#schedule();
    };
    let handle = setTimeout(expire, Math.max(1, Math.ceil(delayMs)));
    const run = (): void => {
      if (cancelled) return;
      // setTimeout counts whole milliseconds of the loop's own time and can be early by one.
      if (performance.now() >= dueMs) fire();
      else handle = setTimeout(expire, 1);
    };
    return {
      cancel: () => {
        cancelled = true;
        clearTimeout(handle);
      },
    };
  }

  defer(run: () => void): void {
    this.#deferred.push(run);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#drain());
  }

  /** What is added during the drain waits for the next one, after another poll. */
  #drain(): void {
    this.#scheduled = false;
    const due = this.#due;
    const deferred = this.#deferred;
    this.#due = [];
    this.#deferred = [];
    for (const run of due) run();
    for (const run of deferred) run();
  }
}
