/**
 * A trace: what processes did and what they told one another, one event a line of NDJSON. The same format comes from brokers (`GET /v1/trace`), from a
 * simulated run (`cairn sim --record`) and from whatever else has processes and messages. A line stands for itself: it says its version, whose it is and
 * which one of that process, and a message is named the same way at both ends. `docs/reference/trace.md` is for people.
 *
 *     {"v":1,"process":"broker-1","seq":7,"kind":"send","atMs":1767225600123,"stamp":{"ms":1767225600123,"counter":2},
 *      "link":{"to":"broker-2","connection":"5be0c1a27f03","sequence":4},"message":"appendEntries","group":2}
 *
 * What is not named here is a field of the event: text, number, true, false or null. A reader skips nothing and guesses nothing: a line that is not such
 * an event is an error that names the line.
 */
import { failed, ok, type Result } from '../base/result.ts';
import type { Stamp } from './hybrid.ts';

const traceVersion = 1;

/** One message of a link, named alike by whoever sent it (`to`) and whoever received it (`from`). */
export interface TraceLink {
  readonly to?: string;
  readonly from?: string;
  /** One life of the link: a new connection counts from 1 again. */
  readonly connection: string;
  readonly sequence: number;
}

type TraceValue = string | number | boolean | null;
export type TraceFields = Readonly<Record<string, TraceValue>>;

export interface TraceEvent {
  readonly process: string;
  /** Rises within a process; a gap means that what stood there is not kept any more. */
  readonly seq: number;
  readonly kind: string;
  /** By the wall clock of that process, which may be wrong. */
  readonly atMs: number;
  /** In a simulated run: by the clock of the simulator, ms since its start. */
  readonly trueMs: number | null;
  /** What the hybrid clock of that process showed; null where it has none. */
  readonly stamp: Stamp | null;
  readonly link: TraceLink | null;
  readonly fields: TraceFields;
}

/** Events that a process keeps: those from `first` to `count`, by their `seq`. */
export interface TraceSource {
  readonly first: number;
  readonly count: number;
  event(seq: number): TraceEvent;
}

export function formatTraceEvent({ process, seq, kind, atMs, trueMs, stamp, link, fields }: TraceEvent): string {
  const optional = { ...(trueMs === null ? {} : { trueMs }), ...(stamp === null ? {} : { stamp }), ...(link === null ? {} : { link }) };
  return `${JSON.stringify({ v: traceVersion, process, seq, kind, atMs, ...optional, ...fields })}\n`;
}

const textBytesMax = 200;
const fieldsMax = 40;
const lineCharactersMax = 20_000;
/** More of them are not looked at together: their vector clocks alone would be larger than the trace. */
const processesMax = 64;
/** Two hours of a simulated run, and what a program can hold beside the text. */
const eventsMax = 2_000_000;
/** What a date can be. */
const timeMax = 8.64e15;

/** One line; the reason is the end of a sentence. */
export function parseTraceEvent(line: string): Result<TraceEvent, string> {
  if (line.length > lineCharactersMax) return failed(`it is longer than ${lineCharactersMax} characters`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return failed('it is not JSON');
  }
  if (!isObject(value)) return failed('it is not an object');
  const { v, process, seq, kind, atMs, trueMs, stamp, link, ...rest } = value;
  if (v !== traceVersion) return failed(`its version is ${shown(v)}, only ${traceVersion} is understood`);
  if (!isText(process) || !/^[\w.:-]+$/.test(process)) return failed(`its process is ${shown(process)}, not a name`);
  if (!isCount(seq)) return failed(`its seq is ${shown(seq)}, not a count`);
  if (!isText(kind) || !/^\w+$/.test(kind)) return failed(`its kind is ${shown(kind)}, not a word`);
  if (!isTime(atMs)) return failed(`its atMs is ${shown(atMs)}, not a time`);
  if (trueMs !== undefined && !isTime(trueMs)) return failed(`its trueMs is ${shown(trueMs)}, not a time`);
  if (stamp !== undefined && !isStamp(stamp)) return failed('its stamp is not {"ms":...,"counter":...}');
  if (link !== undefined && !isLink(link)) return failed('its link is not {"to" or "from":...,"connection":...,"sequence":...}');
  const entries = Object.entries(rest);
  if (entries.length > fieldsMax) return failed(`it has more than ${fieldsMax} fields`);
  const wrong = entries.find(([, field]) => !isValue(field));
  if (wrong !== undefined) return failed(`its field ${shown(wrong[0])} is neither text nor number, true, false or null`);
  if (kind === 'send' && (link === undefined || link.to === undefined)) return failed('it is a send without a link to anybody');
  if (kind === 'receive' && (link === undefined || link.from === undefined)) return failed('it is a receive without a link from anybody');
  return ok({
    process,
    seq,
    kind,
    atMs,
    trueMs: trueMs ?? null,
    stamp: stamp ?? null,
    link: link ?? null,
    fields: Object.fromEntries(entries) as TraceFields,
  });
}

/** A whole file. The error names the line; nothing is given of a file that has one, because what is missing would look like something that did not happen. */
export function parseTrace(text: string, most = eventsMax): Result<TraceEvent[], string> {
  const events: TraceEvent[] = [];
  const names = new Set<string>();
  let number = 0;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const to = newline < 0 ? text.length : newline;
    const line = text.slice(at, to);
    at = to + 1;
    number++;
    if (line.trim() === '') continue;
    const parsed = parseTraceEvent(line);
    if (!parsed.ok) return failed(`line ${number} is no event of a trace: ${parsed.error}`);
    if (events.length === most) return failed(`it holds more than ${most} events`);
    events.push(parsed.value);
    names.add(parsed.value.process);
    if (names.size > processesMax) return failed(`line ${number} names one more than ${processesMax} processes`);
  }
  return events.length === 0 ? failed('it holds no event') : ok(events);
}

type Plain = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= textBytesMax;
const isFinite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isTime = (value: unknown): value is number => isFinite(value) && Math.abs(value) <= timeMax;
const isStamp = (value: unknown): value is Stamp => isObject(value) && isTime(value['ms']) && isCount(value['counter']);

function isLink(value: unknown): value is TraceLink {
  if (!isObject(value)) return false;
  const { to, from, connection, sequence } = value;
  return (isText(to) ? from === undefined : to === undefined && isText(from)) && isText(connection) && isCount(sequence);
}

const isValue = (value: unknown): value is TraceValue =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || isFinite(value);

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, 60);
