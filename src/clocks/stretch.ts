/** What of a trace a diagram shows: a stretch of its time, without the chatter of brokers that have nothing to say. */
import { failed, ok, type Result } from '../base/result.ts';
import type { OrderedTrace } from './trace-order.ts';
import type { TraceEvent } from './trace.ts';

export interface StretchOptions {
  /** In ms since the first event of the trace; null: from a little before the first thing that somebody would look for. */
  readonly fromMs: number | null;
  /** Null: as far as `eventsMax` reaches. */
  readonly toMs: number | null;
  readonly eventsMax: number;
  /** Events of other topics are left out; null: of all. */
  readonly topic: string | null;
  /** Heartbeats, their answers, pings and what says again what was said before. */
  readonly chatter: boolean;
}

export interface Stretch {
  /** Of the trace, in its order. */
  readonly events: readonly number[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Events that belong to the stretch and found no room. */
  readonly left: number;
}

/** Those that a person looks for, the most telling first. */
const tellingKinds: readonly (readonly string[])[] = [['violation'], ['killed', 'died'], ['fault'], ['role']];
/** What led to it is worth a look too. */
const beforeMs = 60;

/** Its fields alone are shorter than this, in any version of the frames, and with the smallest batch it is longer. */
const emptyAppendBytesMax = 128;

const topicsSaid = 10;

export function takeStretch(trace: OrderedTrace, times: Float64Array, options: StretchOptions): Result<Stretch, string> {
  const { events } = trace;
  if (options.fromMs !== null && options.toMs !== null && options.toMs < options.fromMs) return failed('it would end before it begins');
  if (options.topic !== null && !events.some(({ fields }) => fields['topic'] === options.topic)) {
    const topics = [...new Set(events.flatMap(({ fields }) => (typeof fields['topic'] === 'string' ? [fields['topic']] : [])))];
    const known = topics.length === 0 ? 'no topic at all' : topics.slice(0, topicsSaid).join(', ');
    return failed(`the trace has no event of topic "${options.topic}"; it has ${known}${topics.length > topicsSaid ? ', ...' : ''}`);
  }
  const shown = events.flatMap((event, index): Shown[] =>
    isShown(trace, index, options) ? [{ event, index, atMs: times[index] as number }] : [],
  );
  shown.sort((a, b) => a.atMs - b.atMs);
  const first = shown[0];
  const last = shown.at(-1);
  if (first === undefined || last === undefined) {
    const of = options.topic === null ? '' : ` of topic "${options.topic}"`;
    return failed(`the trace has ${events.length} events and none${of} that is shown`);
  }
  const fromMs = options.fromMs ?? beforeTrouble(shown, options.eventsMax);
  const toMs = options.toMs ?? Number.POSITIVE_INFINITY;
  const within = shown.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  if (within.length === 0) {
    return failed(
      `nothing happened from ${seconds(fromMs)} to ${seconds(toMs)}: the trace reaches from ${seconds(first.atMs)} to ${seconds(last.atMs)}`,
    );
  }
  const taken = within.slice(0, options.eventsMax);
  const end = taken.at(-1)?.atMs ?? fromMs;
  return ok({
    events: taken.map(({ index }) => index).sort((a, b) => a - b),
    fromMs,
    toMs: Number.isFinite(toMs) && taken.length === within.length ? toMs : end,
    left: Number.isFinite(toMs) ? within.length - taken.length : 0,
  });
}

interface Shown {
  readonly event: TraceEvent;
  readonly index: number;
  readonly atMs: number;
}

/** A little before what somebody would look for, yet not so early that what comes before it takes the room of that, and of what follows from it. */
function beforeTrouble(shown: readonly Shown[], eventsMax: number): number {
  const at = tellingAt(shown);
  const trouble = shown[at] as Shown;
  const early = shown[Math.max(0, at - Math.floor(eventsMax / 3))] as Shown;
  return Math.max(early.atMs, trouble.atMs - beforeMs);
}

/** Where in the list it is, else its beginning. */
function tellingAt(shown: readonly Shown[]): number {
  for (const kinds of tellingKinds) {
    // A broker that starts takes a role too.
    const at = shown.findIndex(({ event: { kind, fields } }) => kinds.includes(kind) && (kind !== 'role' || fields['role'] === 'leader'));
    if (at >= 0) return at;
  }
  return 0;
}

function isShown(trace: OrderedTrace, index: number, { topic, chatter }: StretchOptions): boolean {
  const event = trace.events[index] as TraceEvent;
  const { kind, fields } = event;
  if (topic !== null && fields['group'] !== undefined && fields['topic'] !== topic) return false;
  if (chatter) return true;
  if (kind === 'state') return false;
  if (kind !== 'send' && kind !== 'receive') return true;
  const send = kind === 'send' ? index : (trace.sendOf[index] as number);
  switch (fields['message']) {
    case 'ping':
    case 'pong':
    // Of all groups that are quiet.
    case 'pulse':
    case 'pulseAnswer':
    // Of agents: the question whether they live, and its answer.
    case 'wait':
    case 'here':
      return false;
    case 'appendEntries':
      return Number(fields['bytes']) > emptyAppendBytesMax;
    case 'appendEntriesResponse':
      // One that says that a batch is on the disk leaves right after that was noted.
      return send >= 0 && follows(trace, send, ['stored']);
    case 'joined':
      // Of several groups at once, most often nothing but heartbeats; a vote is asked for right after a role was taken.
      return send >= 0 && follows(trace, send, ['stored', 'role']);
    default:
      return true;
  }
}

/** Only sends stand between this one and an event of such a kind. */
function follows({ events, processOf }: OrderedTrace, send: number, kinds: readonly string[]): boolean {
  const process = processOf[send];
  for (let index = send - 1; index >= 0; index--) {
    if (processOf[index] !== process) continue;
    const { kind } = events[index] as TraceEvent;
    if (kind !== 'send') return kinds.includes(kind);
  }
  return false;
}

const seconds = (ms: number): string => (Number.isFinite(ms) ? `${(ms / 1000).toFixed(3)} s` : 'its end');
