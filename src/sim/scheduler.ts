/**
 * Virtual time: a queue of events in the order of their time and, at one time, of their scheduling. `step` jumps to the next event and runs it, so
 * a simulated minute costs only what happens in it. Time is kept in whole microseconds, which makes sums exact and the trace hash portable.
 */
import { assert } from '../base/assert.ts';

/** What an event is, for the trace: the same seed must execute the same kinds at the same targets at the same times. */
export type EventKind = keyof typeof kindCodes;

const kindCodes = {
  timer: 1,
  defer: 2,
  network: 3,
  link: 4,
  disk: 5,
  client: 6,
  fault: 7,
  lifecycle: 8,
  check: 9,
} as const;

/** A program that always has something to do at once would keep a real machine busy for ever, and this one too. */
const eventsAtOnceMax = 300_000;

export interface ScheduledEvent {
  readonly atUs: number;
  readonly sequence: number;
  readonly kind: EventKind;
  /** A broker's id, a client's number or 0. */
  readonly target: number;
  /** Null once run or cancelled. */
  run: (() => void) | null;
}

export class Scheduler {
  #nowUs = 0;
  #sequence = 0;
  readonly #heap: ScheduledEvent[] = [];
  readonly #trace = new TraceHash();
  #eventCount = 0;
  #eventsNow = 0;
  /** Called before each event; for printing a run. */
  onEvent: ((event: ScheduledEvent) => void) | null = null;

  get nowMs(): number {
    return this.#nowUs / 1000;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  /** Over every event so far: its time, kind and target. */
  get traceHash(): string {
    return this.#trace.digest();
  }

  schedule(delayMs: number, kind: EventKind, target: number, run: () => void): ScheduledEvent {
    assert(delayMs >= 0, 'an event lies in the future');
    const event: ScheduledEvent = { atUs: this.#nowUs + Math.round(delayMs * 1000), sequence: this.#sequence++, kind, target, run };
    this.#push(event);
    return event;
  }

  cancel(event: ScheduledEvent): void {
    event.run = null;
  }

  /** Runs the next event. False when nothing is left. */
  step(): boolean {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return false;
      const run = event.run;
      if (run === null) continue;
      event.run = null;
      this.#execute(event, run);
      return true;
    }
  }

  /** Runs everything up to and including that time, which then is the present. */
  runUntil(untilMs: number, stop: () => boolean = () => false): void {
    const untilUs = Math.round(untilMs * 1000);
    while (!stop()) {
      const first = this.#heap[0];
      if (first === undefined || first.atUs > untilUs) {
        this.#nowUs = Math.max(this.#nowUs, untilUs);
        return;
      }
      this.#pop();
      const run = first.run;
      if (run === null) continue;
      first.run = null;
      this.#execute(first, run);
    }
  }

  /** Mixes a fact that is not an event (a choice, a result) into the trace hash. */
  note(fact: number): void {
    this.#trace.mix(fact >>> 0);
  }

  #execute(event: ScheduledEvent, run: () => void): void {
    this.#eventsNow = event.atUs === this.#nowUs ? this.#eventsNow + 1 : 0;
    assert(this.#eventsNow < eventsAtOnceMax, `time goes on: ${eventsAtOnceMax} events at ${this.nowMs} ms, the last for ${event.target}`);
    this.#nowUs = event.atUs;
    this.#eventCount++;
    this.#trace.mix(event.atUs % 0x1_0000_0000);
    this.#trace.mix(((event.atUs / 0x1_0000_0000) | 0) ^ (kindCodes[event.kind] << 24) ^ event.target);
    this.onEvent?.(event);
    run();
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as ScheduledEvent;
      if (isBefore(parent, event)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  #pop(): ScheduledEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    const length = heap.length;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= length) break;
      let child = heap[childAt] as ScheduledEvent;
      const right = heap[childAt + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childAt++;
      }
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (a: ScheduledEvent, b: ScheduledEvent): boolean => a.atUs < b.atUs || (a.atUs === b.atUs && a.sequence < b.sequence);

/** Two lanes of 32-bit multiply-and-shift mixing: not cryptographic, enough that two different runs do not look equal. */
class TraceHash {
  #a = 0x9e3779b9;
  #b = 0x85ebca6b;

  mix(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0xcc9e2d51);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul(this.#b + word, 0x1b873593);
    this.#b ^= this.#b >>> 13;
  }

  digest(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0');
  }
}
