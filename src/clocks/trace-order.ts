/**
 * Which event of a trace happened before which (Lamport 1978): in one process by its own count, between processes by messages alone. A receive is paired
 * with its send by link, connection and sequence; no clock is asked, so clocks that are wrong by hours change nothing. Each event then has a vector clock
 * (Fidge, Mattern): for every process, how many of its events are in its past.
 */
import { failed, ok, type Result } from '../base/result.ts';
import { agentWord } from './agent-causes.ts';
import type { TraceEvent } from './trace.ts';

export interface OrderedTrace {
  readonly processes: readonly string[];
  /** Each event stands behind all that happened before it, those of one time mostly in the order of their times. */
  readonly events: readonly TraceEvent[];
  /** Index of its process, by event. */
  readonly processOf: Int32Array;
  /** Its place among the events of its process that the trace has, from 1, by event. */
  readonly placeOf: Int32Array;
  /** Of a receive the index of its send; -1 where there is none. */
  readonly sendOf: Int32Array;
  /** Of a send the index of its first receive; -1 where it was lost, or its receive is not kept. */
  readonly receiveOf: Int32Array;
  /** Receives whose send the trace does not have. */
  readonly unpairedReceives: number;
  readonly unpairedSends: number;
  /** How many events of the process with that index happened before this event or are it. */
  knows(event: number, process: number): number;
  happenedBefore(earlier: number, later: number): boolean;
}

/** Fails where a message is received before it was sent: what the trace says of itself cannot be. */
export function orderTrace(given: readonly TraceEvent[]): Result<OrderedTrace, string> {
  const processes = [...new Set(given.map(({ process }) => process))].sort(byName);
  const own = processes.map((name) => given.filter(({ process }) => process === name).sort((a, b) => a.seq - b.seq));
  const twice = own.map((events) => events.find(({ seq }, index) => events[index - 1]?.seq === seq)).find((event) => event !== undefined);
  if (twice !== undefined) return failed(`event ${twice.seq} of ${twice.process} is there twice: are these two recordings?`);
  const names = new Set<string>();
  for (const event of given) if (event.kind === 'send') names.add(messageName(event));

  const count = given.length;
  const width = processes.length;
  const events: TraceEvent[] = [];
  const [processOf, placeOf] = [new Int32Array(count), new Int32Array(count)];
  const [sendOf, receiveOf] = [new Int32Array(count).fill(-1), new Int32Array(count).fill(-1)];
  const clocks = new Int32Array(count * width);
  const heads = processes.map(() => 0);
  const lastOf: (number | undefined)[] = [];
  const sends = new Map<string, number>();
  let [unpairedReceives, unpairedSends] = [0, 0];

  while (events.length < count) {
    const at = nextProcess(own, heads, names, sends);
    if (at < 0) return failed(`messages are received before they were sent: ${describeCircle(own, heads)}`);
    const place = heads[at] as number;
    const event = own[at]?.[place] as TraceEvent;
    const index = events.length;
    heads[at] = place + 1;
    events.push(event);
    processOf[index] = at;
    placeOf[index] = place + 1;
    const base = index * width;
    const before = lastOf[at];
    if (before !== undefined) clocks.copyWithin(base, before * width, (before + 1) * width);
    lastOf[at] = index;
    if (event.kind === 'send') sends.set(messageName(event), index);
    else if (event.kind === 'receive') {
      const send = sends.get(messageName(event)) ?? -1;
      sendOf[index] = send;
      if (send < 0) unpairedReceives++;
      else {
        if (receiveOf[send] === -1) receiveOf[send] = index;
        for (let i = 0; i < width; i++) clocks[base + i] = Math.max(clocks[base + i] as number, clocks[send * width + i] as number);
      }
    }
    clocks[base + at] = place + 1;
  }
  for (let index = 0; index < count; index++) if (events[index]?.kind === 'send' && receiveOf[index] === -1) unpairedSends++;
  const knows = (event: number, process: number): number => clocks[event * width + process] as number;
  return ok({
    processes,
    events,
    processOf,
    placeOf,
    sendOf,
    receiveOf,
    unpairedReceives,
    unpairedSends,
    knows,
    happenedBefore: (earlier, later) => earlier !== later && knows(later, processOf[earlier] as number) >= (placeOf[earlier] as number),
  });
}

/** A send whose receive the trace does not have, or a receive whose send it does not have. */
export function isUnpaired({ events, sendOf, receiveOf }: OrderedTrace, index: number): boolean {
  const kind = events[index]?.kind;
  return (kind === 'send' && receiveOf[index] === -1) || (kind === 'receive' && sendOf[index] === -1);
}

/** The process whose next event may stand next: of several the one with the earliest time. -1 where each waits for a send that is still to come. */
function nextProcess(
  own: readonly (readonly TraceEvent[])[],
  heads: readonly number[],
  names: ReadonlySet<string>,
  sends: ReadonlyMap<string, number>,
): number {
  let best = -1;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let at = 0; at < own.length; at++) {
    const event = own[at]?.[heads[at] as number];
    if (event === undefined) continue;
    const timeMs = event.trueMs ?? event.atMs;
    if (best >= 0 && timeMs >= bestMs) continue;
    if (event.kind === 'receive' && isStillToCome(messageName(event), names, sends)) continue;
    best = at;
    bestMs = timeMs;
  }
  return best;
}

const isStillToCome = (name: string, names: ReadonlySet<string>, sends: ReadonlyMap<string, number>): boolean =>
  names.has(name) && !sends.has(name);

function describeCircle(own: readonly (readonly TraceEvent[])[], heads: readonly number[]): string {
  const waiting = own.flatMap((events, at) => events[heads[at] as number] ?? []);
  return waiting.map(({ process, seq }) => `event ${seq} of ${process}`).join(', ');
}

/** The same for a send and its receive. */
function messageName({ process, link }: TraceEvent): string {
  if (link === null) return '';
  const [from, to] = link.to === undefined ? [link.from ?? '', process] : [process, link.to];
  return `${from} ${to} ${link.connection} ${link.sequence}`;
}

/** broker-2 before broker-10, and agents, of which others told, behind whoever told: the first is what times are compared with. */
function byName(a: string, b: string): number {
  const told = Number(a.startsWith(agentWord)) - Number(b.startsWith(agentWord));
  if (told !== 0) return told;
  const [, wordA = a, numberA = ''] = /^(.*?)(\d*)$/.exec(a) ?? [];
  const [, wordB = b, numberB = ''] = /^(.*?)(\d*)$/.exec(b) ?? [];
  if (wordA !== wordB) return wordA < wordB ? -1 : 1;
  return Number(numberA) - Number(numberB);
}
