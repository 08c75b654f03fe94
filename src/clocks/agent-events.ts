/**
 * Spooling agents as processes of a trace. They cannot be asked; but a broker that hears one notes when the message was sent by the agent's own clocks,
 * and of an answer which message it answers. What the agent did follows from that: it sent each message that came, in the order of its connections and
 * of their messages, and had received what it answered before. What it has heard beside that nobody knows: such sends stay unpaired.
 */
import { ok, type Result } from '../base/result.ts';
import { type OrderedTrace, orderTrace } from './trace-order.ts';
import type { TraceEvent } from './trace.ts';

interface ToldAgents {
  readonly events: readonly TraceEvent[];
  /** Agents that were heard and found no room: what is of them stays unpaired. */
  readonly left: number;
}

interface Heard {
  readonly event: TraceEvent;
  readonly connection: string;
  readonly sequence: number;
}

interface TraceWithAgents {
  readonly trace: OrderedTrace;
  /** Why agents that were heard are no processes of it, as a sentence without its full stop; null where all are. */
  readonly note: string | null;
}

/** Beside brokers: a trace has a bounded number of processes. */
const agentsMax = 24;

/** Ordered by cause, with what follows of the agents that brokers have heard. */
export function orderWithAgents(events: readonly TraceEvent[]): Result<TraceWithAgents, string> {
  const told = tellAgents(events, agentsMax);
  const trace = orderTrace(told.events);
  if (trace.ok) {
    return ok({ trace: trace.value, note: told.left === 0 ? null : `${told.left} more agents were heard, and are no processes here` });
  }
  if (told.events === events) return trace;
  // Whoever can send lines can send what contradicts itself; that must not hide what brokers did.
  const brokers = orderTrace(events);
  return brokers.ok
    ? ok({ trace: brokers.value, note: `agents are no processes here, for what they sent contradicts itself: ${trace.error}` })
    : brokers;
}

/** With the events of at most `most` agents, those of which most was heard. A process that the trace has itself is not told again. */
function tellAgents(events: readonly TraceEvent[], most: number): ToldAgents {
  const known = new Set(events.map(({ process }) => process));
  const heard = new Map<string, Heard[]>();
  for (const event of events) {
    const { kind, link, fields } = event;
    if (kind !== 'receive' || link?.from === undefined || known.has(link.from) || typeof fields['sentStampMs'] !== 'number') continue;
    const { connection, sequence } = link;
    const own = heard.get(link.from);
    if (own === undefined) heard.set(link.from, [{ event, connection, sequence }]);
    else own.push({ event, connection, sequence });
  }
  const agents = [...heard].sort(([, a], [, b]) => b.length - a.length);
  const told = agents.slice(0, most).flatMap(([process, messages]) => eventsOf(process, messages));
  return { events: told.length === 0 ? events : [...events, ...told], left: Math.max(0, agents.length - most) };
}

/** Connections of one life are called by numbers of 12 hex digits that rise. */
function eventsOf(process: string, messages: Heard[]): TraceEvent[] {
  messages.sort((a, b) => (a.connection === b.connection ? a.sequence - b.sequence : a.connection < b.connection ? -1 : 1));
  const events: TraceEvent[] = [];
  for (const { event, connection, sequence } of messages) {
    const { sentMs, sentStampMs, sentStampCounter, answers, ...fields } = event.fields;
    const stamp = { ms: Number(sentStampMs), counter: Number(sentStampCounter) };
    const atMs = typeof sentMs === 'number' ? sentMs : stamp.ms;
    const common = { process, atMs, trueMs: null, stamp } as const;
    const toldBy = event.process;
    if (Number(answers) > 0) {
      const link = { from: toldBy, connection, sequence: Number(answers) };
      events.push({ ...common, seq: events.length + 1, kind: 'receive', link, fields: { message: 'wait', toldBy } });
    }
    const link = { to: toldBy, connection, sequence };
    events.push({ ...common, seq: events.length + 1, kind: 'send', link, fields: { ...fields, toldBy } });
  }
  return events;
}
