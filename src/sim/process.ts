/**
 * One life of a simulated process: everything that happens to it passes `deliver`, so that a kill ends it between two instructions and a pause
 * holds what arrives. A dead process is never run again; its broker starts afresh as another `SimProcess` on what the disk kept.
 */
import type { EventKind, ScheduledEvent, Scheduler } from './scheduler.ts';

export class SimProcess {
  readonly id: number;
  readonly #scheduler: Scheduler;
  readonly #onException: (error: unknown) => void;
  #alive = true;
  /** What arrived during a pause, null while running. */
  #held: { readonly kind: EventKind; readonly run: () => void }[] | null = null;
  /** Of what arrived during a pause that is over: still to be delivered. */
  #leftOfPause = 0;
  #sleptMs = 0;
  #asleepSinceMs: number | null = null;
  readonly #onKilled: (() => void)[] = [];

  constructor(id: number, scheduler: Scheduler, onException: (error: unknown) => void) {
    this.id = id;
    this.#scheduler = scheduler;
    this.#onException = onException;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#held !== null;
  }

  /** On a clock that stands still while the process is paused. */
  get awakeMs(): number {
    return (this.#asleepSinceMs ?? this.#scheduler.nowMs) - this.#sleptMs;
  }

  /** Something that will happen to this process, if it still lives then. */
  schedule(delayMs: number, kind: EventKind, run: () => void): ScheduledEvent {
    return this.#scheduler.schedule(delayMs, kind, this.id, () => this.deliver(kind, run));
  }

  /** Happens now, or at the end of the pause, or never; behind whatever came before it. */
  deliver(kind: EventKind, run: () => void): void {
    if (this.#leftOfPause > 0) this.schedule(0, kind, run);
    else this.#take(kind, run);
  }

  #take(kind: EventKind, run: () => void): void {
    if (!this.#alive) return;
    if (this.#held !== null) {
      this.#held.push({ kind, run });
      return;
    }
    try {
      run();
    } catch (error) {
      if (this.#alive) this.#onException(error);
    }
  }

  onKilled(run: () => void): void {
    this.#onKilled.push(run);
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#held = null;
    for (const run of this.#onKilled.splice(0)) run();
  }

  pause(): void {
    if (!this.#alive || this.#held !== null) return;
    this.#held = [];
    this.#asleepSinceMs = this.#scheduler.nowMs;
  }

  /** Input that was waiting comes before the timers that ran out meanwhile, as the Clock promises. */
  resume(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    this.#sleptMs += this.#scheduler.nowMs - (this.#asleepSinceMs ?? this.#scheduler.nowMs);
    this.#asleepSinceMs = null;
    const timers = held.filter((event) => event.kind === 'timer');
    const input = held.filter((event) => event.kind !== 'timer');
    for (const { kind, run } of [...input, ...timers]) {
      this.#leftOfPause++;
      this.#scheduler.schedule(0, kind, this.id, () => {
        this.#leftOfPause--;
        this.#take(kind, run);
      });
    }
  }
}
