import { FigureCounter, type MachineFigures, type TraceEvent } from '../../clocks/index.ts';
import type { HostPort } from '../../base/host-port.ts';

export type Topology = 'mesh' | 'relay';

/** One run of the scale model. */
export interface TrialPlan {
  /** Also the name of its folder. */
  readonly name: string;
  /** The seed's trial that it is, from 1; null for none. */
  readonly preset: number | null;
  readonly rates: readonly number[];
  readonly range: number;
  readonly seconds: number;
  readonly seed: number;
  readonly topology: Topology;
  /** Messages a second that a relay passes on, one at each tick of its own; null: at once. */
  readonly relayRate: number | null;
  /** Where the machines listen; null: on free ports of this computer. */
  readonly addresses: readonly HostPort[] | null;
}

export interface MachineResult {
  readonly figures: MachineFigures;
  /** Its whole log. */
  readonly trace: readonly TraceEvent[];
  /** Ticks that were made after the next was due, and how late the latest of all was. */
  readonly lateTicks: number;
  readonly latestMs: number;
  /** What came and was no message. */
  readonly badMessages: number;
  /** Why it ended before the trial did; null: it did not. */
  readonly died: string | null;
}

export interface TrialResult {
  readonly plan: TrialPlan;
  readonly machines: readonly MachineResult[];
  /** Messages that the relay had still to pass on; 0 without one. */
  readonly relayQueue: number;
  /** What the machines were connected by; null in virtual time. */
  readonly wires: Wires | null;
}

/** What pairwise sockets and a relay cost. */
export interface Wires {
  readonly connections: number;
  /** From the first connection asked for until every machine had all of its own. */
  readonly setUpMs: number;
  /** Messages written to sockets, by machines and the relay. */
  readonly writes: number;
  /** From a tick that sends until the message is in the queue, ascending. */
  readonly delaysMs: readonly number[];
  readonly relayDied: string | null;
}

/** One event for each tick: what is sent to several machines has a line for each. */
export const ticksOf = (trace: readonly TraceEvent[]): readonly TraceEvent[] =>
  trace.filter(({ kind, fields }, index) => kind !== 'error' && trace[index - 1]?.fields['tick'] !== fields['tick']);

/** The figures of a machine from its own log; `queue` is the length at the very end, left out where nobody could tell any more. */
export function figuresOf(trace: readonly TraceEvent[], rate: number, seconds: number, queue?: number): MachineFigures {
  const counter = new FigureCounter(rate, seconds);
  for (let index = 0; index < trace.length; ) {
    const event = trace[index] as TraceEvent;
    let next = index + 1;
    while (event.kind === 'send' && trace[next]?.kind === 'send' && trace[next]?.fields['tick'] === event.fields['tick']) next++;
    if (event.kind !== 'error') {
      const { seconds: atSeconds, clock, queue: waiting } = event.fields as Readonly<Record<'seconds' | 'clock' | 'queue', number>>;
      const kind = event.kind as 'receive' | 'send' | 'internal';
      counter.note(atSeconds, { kind, clock, queue: waiting }, kind === 'send' ? next - index : 0);
    }
    index = next;
  }
  return counter.figures(queue);
}
