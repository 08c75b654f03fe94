/**
 * What a machine writes of itself, in two files: the seed's lines for people (`machine-1.txt`) and a trace for programs (`machine-1.ndjson`, the format of
 * docs/reference/trace.md). A message to each of several machines is one line of the trace; those of one tick have one `tick` and one clock.
 *
 *     Message received! Global time: 2026-11-30T10:00:00.512Z
 *     Message queue length: 2
 *     Logical clock time: 17
 */
import { formatTraceEvent, type ModelEvent, type TraceEvent } from '../../clocks/index.ts';

export interface LoggedTick {
  readonly event: ModelEvent;
  /** Counted from 1. */
  readonly tick: number;
  /** Since the start of the trial, when the tick was made. */
  readonly atSeconds: number;
  /** By the wall clock. */
  readonly atMs: number;
  /** For a message that is sent: which one it is of those to that machine. */
  readonly sequenceTo: (machine: number) => number;
  /** For a message that is received: when it came into the queue, since the start of the trial. */
  readonly arrivedSeconds: number | null;
}

export const processName = (index: number): string => `machine-${index + 1}`;
const linkName = '1';

export interface MachineLogOptions {
  readonly index: number;
  /** Of each machine; in virtual time its number stands for it. */
  readonly ports: readonly number[];
  readonly writeText: (text: string) => void;
  readonly writeTrace: (text: string) => void;
}

export class MachineLog {
  readonly #options: MachineLogOptions;
  #seq = 0;

  constructor(options: MachineLogOptions) {
    this.#options = options;
  }

  note(logged: LoggedTick): readonly TraceEvent[] {
    this.#options.writeText(this.#seedLines(logged));
    const events = this.#traceEvents(logged);
    this.#options.writeTrace(events.map(formatTraceEvent).join(''));
    return events;
  }

  /** Something came that is no message, or a connection ended. */
  problem(problem: string, atMs: number, atSeconds: number): void {
    this.#options.writeText(`Error! Global time: ${isoTime(atMs)}\n${problem}\n`);
    this.#options.writeTrace(formatTraceEvent({ ...this.#common('error', atMs), fields: { seconds: atSeconds, problem } }));
  }

  #common(kind: string, atMs: number): Omit<TraceEvent, 'fields'> {
    return { process: processName(this.#options.index), seq: ++this.#seq, kind, atMs, trueMs: null, stamp: null, link: null };
  }

  #traceEvents({ event, tick, atSeconds, atMs, sequenceTo, arrivedSeconds }: LoggedTick): readonly TraceEvent[] {
    const fields = { seconds: atSeconds, tick, clock: event.clock, queue: event.queue };
    if (event.kind === 'internal') return [{ ...this.#common('internal', atMs), fields: { ...fields, drawn: event.drawn } }];
    if (event.kind === 'receive') {
      const { from, sequence, clock } = event.message;
      const link = { from: processName(from), connection: linkName, sequence };
      return [{ ...this.#common('receive', atMs), link, fields: { ...fields, carried: clock, arrived: arrivedSeconds } }];
    }
    return event.to.map((to) => {
      const link = { to: processName(to), connection: linkName, sequence: sequenceTo(to) };
      return { ...this.#common('send', atMs), link, fields: { ...fields, drawn: event.drawn } };
    });
  }

  #seedLines({ event, atMs }: LoggedTick): string {
    const time = `Global time: ${isoTime(atMs)}`;
    const clock = `Logical clock time: ${event.clock}`;
    if (event.kind === 'receive') return `Message received! ${time}\nMessage queue length: ${event.queue}\n${clock}\n`;
    if (event.kind === 'internal') return `Internal event! ${time}\n${clock}\n`;
    const ports = event.to.map((to) => String(this.#options.ports[to]));
    const last = ports.at(-1) as string;
    const names = ports.length === 1 ? `port ${last}` : `ports ${ports.slice(0, -1).join(', ')} and ${last}`;
    return `Message sent to ${names}! ${time}\n${clock}\n`;
  }
}

const isoTime = (atMs: number): string => new Date(atMs).toISOString();
