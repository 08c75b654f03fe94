import type { Clock, Timer } from '../host/index.ts';
import type { BrokerSettings } from './settings.ts';

/** What time does to a broker. */
export interface TickerEvents {
  /** One tick of a rest is over: it counts, and nothing else. */
  pass(nowMs: number): void;
  tick(nowMs: number): void;
  /** Whether a tick within `restMs` would bring anything to anybody. */
  mayRest(nowMs: number, restMs: number): boolean;
  /** Whether time counts at all: not while the broker acts as crashed. */
  counts(): boolean;
  lag(ms: number): void;
}

/** The ticks of a broker, joined while it is at rest (docs/decisions/0007). */
export class Ticker {
  readonly #clock: Clock;
  readonly #settings: Pick<BrokerSettings, 'tickMs' | 'heartbeatMs'>;
  readonly #events: TickerEvents;
  #timer: Timer | null = null;
  #dueMs = 0;
  #count = 0;
  /** Ticks from the last timer to the next, more than one while nothing needs each of them, and how many of them are counted already. */
  #span = 1;
  #passed = 0;

  constructor(clock: Clock, settings: Pick<BrokerSettings, 'tickMs' | 'heartbeatMs'>, events: TickerEvents) {
    this.#clock = clock;
    this.#settings = settings;
    this.#events = events;
  }

  /** Ticks since the start. */
  get count(): number {
    return this.#count;
  }

  start(): void {
    this.#schedule(1);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #schedule(span: number): void {
    const { tickMs } = this.#settings;
    this.#span = span;
    this.#passed = 0;
    this.#dueMs = this.#clock.monotonicMs() + span * tickMs;
    this.#timer = this.#clock.startTimer(span * tickMs, () => this.#tick());
  }

  /** Ticks of a rest that are over count before anything that comes is looked at: a heartbeat puts off only what is still ahead. */
  passTime(): void {
    if (this.#span === 1 || !this.#events.counts()) return;
    const aheadMs = this.#dueMs - this.#clock.monotonicMs();
    // The last one belongs to the timer.
    const passed = Math.min(this.#span - 1, this.#span - Math.ceil(Math.max(0, aheadMs) / this.#settings.tickMs));
    for (; this.#passed < passed; this.#passed++) this.#pass();
  }

  #pass(): void {
    this.#count++;
    this.#events.pass(this.#clock.monotonicMs());
  }

  /** Somebody asks for something: from here on every tick is needed again. */
  stir(): void {
    if (this.#span === 1 || this.#timer === null) return;
    this.passTime();
    // The next tick comes when it would have come.
    const aheadMs = Math.max(0, this.#dueMs - this.#clock.monotonicMs()) % this.#settings.tickMs;
    this.#timer.cancel();
    this.#span = 1;
    this.#passed = 0;
    this.#dueMs = this.#clock.monotonicMs() + aheadMs;
    this.#timer = this.#clock.startTimer(aheadMs, () => this.#tick());
  }

  /** However late it comes, it counts what it was set for and no more: a process that was paused reads its sockets before it thinks that its leader is gone. */
  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#events.lag(Math.max(0, nowMs - this.#dueMs));
    const counts = this.#events.counts();
    if (counts) for (; this.#passed < this.#span - 1; this.#passed++) this.#pass();
    this.#count++;
    if (counts) this.#events.tick(nowMs);
    this.#schedule(this.#restTicks(nowMs));
  }

  /**
   * How many ticks until something is due: one while anybody waits for anything, else up to the next heartbeat that this broker sends or would send. A
   * broker that nobody uses wakes ten times a second in place of forty.
   */
  #restTicks(nowMs: number): number {
    const { tickMs, heartbeatMs } = this.#settings;
    const heartbeatTicks = Math.max(1, Math.round(heartbeatMs / tickMs));
    const span = heartbeatTicks - (this.#count % heartbeatTicks);
    return this.#events.mayRest(nowMs, span * tickMs) ? span : 1;
  }
}
