/** A recorded trace at any of its moments: what each broker was and held, what was on its way, what was wrong. */
import {
  correctedTimes,
  describeTraceEvent,
  orderWithAgents,
  parseTrace,
  type OrderedTrace,
  skewOf,
  type TraceEvent,
  type TraceSkew,
} from '../../../src/clocks/index.ts';

/** One replica of a broker, as far as the trace has told until then. */
interface ReplicaMoment {
  readonly role: string;
  readonly term: number | null;
  readonly leader: string | null;
  readonly end: number | null;
  readonly stored: number | null;
  readonly highWatermark: number | null;
}

interface BrokerMoment {
  readonly name: string;
  readonly state: 'up' | 'down' | 'crashed' | 'unknown';
  /** Why it is down, or what lasts on it. */
  readonly trouble: string;
  readonly replica: ReplicaMoment | null;
}

export interface InFlight {
  readonly from: string;
  readonly to: string;
  readonly message: string;
  /** From 0, just sent, to 1, just received; a lost one stays at the middle. */
  readonly progress: number;
  readonly isLost: boolean;
}

export interface Moment {
  readonly atMs: number;
  readonly brokers: readonly BrokerMoment[];
  readonly inFlight: readonly InFlight[];
  readonly faults: readonly string[];
  /** Checks found violated up to now, the first places. */
  readonly violations: readonly string[];
  /** The last things that happened, the newest last. */
  readonly latest: readonly { readonly atMs: number; readonly process: string; readonly text: string }[];
}

/** What is worth jumping to. */
export interface Mark {
  readonly atMs: number;
  readonly kind: 'violation' | 'fault' | 'leader';
  readonly text: string;
}

/** A lost message is shown for so long. */
const lostMs = 40;
const latestMax = 14;
const snapshotEvery = 4096;
const inFlightMax = 200;
/** Anybody's file may be opened: what it names is followed and shown up to here. */
const topicsMax = 500;
const lastingMax = 100;
const violationsMax = 100;
const simulator = 'simulator';
const nothing: ReplicaMoment = { role: 'unknown', term: null, leader: null, end: null, stored: null, highWatermark: null };

interface BrokerState {
  readonly state: BrokerMoment['state'];
  readonly trouble: string;
  /** By topic, or group where no topic is known. */
  readonly replicas: ReadonlyMap<string, ReplicaMoment>;
}

interface State {
  readonly brokers: ReadonlyMap<string, BrokerState>;
  /** What lasts, by its name. */
  readonly faults: ReadonlyMap<string, string>;
  readonly violations: readonly string[];
}

export class Replay {
  readonly trace: OrderedTrace;
  readonly skew: TraceSkew;
  readonly spanMs: number;
  readonly topics: readonly string[];
  readonly marks: readonly Mark[];
  /** What the first line says of the run, null where it is none of the simulator. */
  readonly about: string | null;
  readonly isSimulated: boolean;
  readonly #times: Float64Array;
  /** Indexes of the trace by time. */
  readonly #order: Int32Array;
  readonly #snapshots: State[] = [];
  /** Longest time that any message took: how far back one that is in flight can have been sent. */
  readonly #longestMs: number;

  private constructor(trace: OrderedTrace) {
    this.trace = trace;
    this.skew = skewOf(trace);
    this.#times = correctedTimes(trace, this.skew);
    const times = this.#times;
    this.#order = Int32Array.from(trace.events.keys()).sort((a, b) => (times[a] as number) - (times[b] as number) || a - b);
    this.spanMs = times[this.#order.at(-1) ?? 0] ?? 0;
    this.isSimulated = trace.events.every(({ trueMs }) => trueMs !== null);
    const first = trace.events.find(({ kind }) => kind === 'run');
    this.about =
      first === undefined
        ? null
        : `seed ${String(first.fields['seed'])}, ${String(first.fields['brokers'])} brokers, ${String(first.fields['minutes'])} minutes`;
    const topics = new Set<string>();
    const marks: Mark[] = [];
    let longestMs = 0;
    let state: State = { brokers: new Map(), faults: new Map(), violations: [] };
    for (let at = 0; at < this.#order.length; at++) {
      const index = this.#order[at] as number;
      const event = trace.events[index] as TraceEvent;
      const atMs = times[index] as number;
      if (at % snapshotEvery === 0) this.#snapshots.push(state);
      state = next(state, event);
      const { topic } = event.fields;
      if (typeof topic === 'string' && topics.size < topicsMax) topics.add(topic);
      const mark = markOf(event, atMs);
      if (mark !== null) marks.push(mark);
      const received = trace.receiveOf[index] as number;
      if (event.kind === 'send' && received >= 0) longestMs = Math.max(longestMs, (times[received] as number) - atMs);
    }
    this.topics = [...topics].sort();
    this.marks = marks;
    this.#longestMs = Math.max(longestMs, lostMs);
  }

  /** Of the text of a file; else why it cannot be shown, as a sentence. */
  static open(text: string, name: string): { readonly replay: Replay } | { readonly problem: string } {
    const parsed = parseTrace(text);
    if (!parsed.ok) return { problem: `${name} cannot be shown: ${parsed.error}` };
    const ordered = orderWithAgents(parsed.value);
    return ordered.ok ? { replay: new Replay(ordered.value.trace) } : { problem: `${name} cannot be shown: ${ordered.error}` };
  }

  /** Processes that are brokers, or whatever else sends and receives. */
  get names(): readonly string[] {
    return this.trace.processes.filter((name) => name !== simulator);
  }

  at(atMs: number, topic: string): Moment {
    const count = this.#countUntil(atMs);
    const base = Math.floor(Math.max(0, count - 1) / snapshotEvery);
    let state = this.#snapshots[base] as State;
    for (let at = base * snapshotEvery; at < count; at++) state = next(state, this.#event(at));
    const latest = Array.from({ length: Math.min(latestMax, count) }, (_, index) => count - Math.min(latestMax, count) + index).map(
      (at) => {
        const event = this.#event(at);
        return { atMs: this.#times[this.#order[at] as number] as number, process: event.process, text: describeTraceEvent(event) };
      },
    );
    return {
      atMs,
      brokers: this.names.map((name) => {
        const broker = state.brokers.get(name);
        return { name, state: broker?.state ?? 'unknown', trouble: broker?.trouble ?? '', replica: broker?.replicas.get(topic) ?? null };
      }),
      inFlight: this.#inFlight(atMs, count, topic),
      faults: [...state.faults.values()],
      violations: state.violations,
      latest,
    };
  }

  #isProcess(name: string): boolean {
    return this.trace.processes.includes(name);
  }

  #event(at: number): TraceEvent {
    return this.trace.events[this.#order[at] as number] as TraceEvent;
  }

  /** How many events have happened by then. */
  #countUntil(atMs: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[this.#order[middle] as number] as number) <= atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #inFlight(atMs: number, count: number, topic: string): InFlight[] {
    const found: InFlight[] = [];
    for (let at = count - 1; at >= 0 && found.length < inFlightMax; at--) {
      const index = this.#order[at] as number;
      const sentMs = this.#times[index] as number;
      if (atMs - sentMs > this.#longestMs) break;
      const { kind, process, link, fields } = this.trace.events[index] as TraceEvent;
      if (
        kind !== 'send' ||
        link?.to === undefined ||
        !this.#isProcess(link.to) ||
        (fields['group'] !== undefined && topicOf(fields) !== topic)
      )
        continue;
      const received = this.trace.receiveOf[index] as number;
      const common = { from: process, to: link.to, message: String(fields['message'] ?? 'message') };
      if (received < 0) {
        if (atMs - sentMs <= lostMs) found.push({ ...common, progress: 0.5, isLost: true });
        continue;
      }
      const tookMs = (this.#times[received] as number) - sentMs;
      if (atMs < sentMs + tookMs) found.push({ ...common, progress: tookMs <= 0 ? 1 : (atMs - sentMs) / tookMs, isLost: false });
    }
    return found;
  }
}

const topicOf = (fields: TraceEvent['fields']): string =>
  typeof fields['topic'] === 'string' ? fields['topic'] : `group ${String(fields['group'])}`;

const textMax = 400;
const violationText = ({ check, message }: TraceEvent['fields']): string => {
  const text = `${String(check)}: ${String(message)}`;
  return text.length > textMax ? `${text.slice(0, textMax)}…` : text;
};

function markOf({ kind, process, fields }: TraceEvent, atMs: number): Mark | null {
  if (kind === 'violation') return { atMs, kind, text: violationText(fields) };
  if (kind === 'killed' || kind === 'died' || kind === 'stopped') return { atMs, kind: 'fault', text: `${process} ${kind}` };
  if (kind === 'begins') return { atMs, kind: 'fault', text: String(fields['what']) };
  if (kind === 'fault')
    return { atMs, kind: 'fault', text: process === simulator ? String(fields['fault']) : `${process} ${String(fields['fault'])}` };
  if (kind === 'role' && fields['role'] === 'leader')
    return { atMs, kind: 'leader', text: `${process} leads ${topicOf(fields)} in term ${String(fields['term'])}` };
  return null;
}

function next(state: State, event: TraceEvent): State {
  const { process, kind, fields } = event;
  if (process === simulator) return nextOfSimulator(state, kind, fields);
  const before = state.brokers.get(process) ?? { state: 'up', trouble: '', replicas: new Map<string, ReplicaMoment>() };
  const after = nextOfBroker(before, kind, fields);
  if (after === before && state.brokers.has(process)) return state;
  return { ...state, brokers: new Map(state.brokers).set(process, after) };
}

function nextOfSimulator(state: State, kind: string, fields: TraceEvent['fields']): State {
  const what = String(fields['what']);
  if (kind === 'begins') return state.faults.size >= lastingMax ? state : { ...state, faults: new Map(state.faults).set(what, what) };
  if (kind === 'healed') return { ...state, faults: new Map() };
  if (kind === 'violation' && state.violations.length >= violationsMax) return state;
  if (kind === 'violation') return { ...state, violations: [...state.violations, violationText(fields)] };
  if (kind !== 'ends') return state;
  const faults = new Map(state.faults);
  faults.delete(what);
  return { ...state, faults };
}

function nextOfBroker(broker: BrokerState, kind: string, fields: TraceEvent['fields']): BrokerState {
  switch (kind) {
    case 'start':
    case 'started':
      return { ...broker, state: 'up', trouble: '' };
    case 'killed':
    case 'died':
    case 'stopped':
      // What it was is not what it will be; what it has on its disk is told when it starts.
      return { state: 'down', trouble: kind, replicas: new Map() };
    case 'fault':
      if (fields['fault'] === 'healed') return broker.state === 'crashed' ? broker : { ...broker, trouble: '' };
      if (fields['fault'] === 'crashed') return { ...broker, state: 'crashed', trouble: 'acts as crashed' };
      return fields['fault'] === 'recovered' ? { ...broker, state: 'up', trouble: '' } : { ...broker, trouble: String(fields['fault']) };
    case 'role':
    case 'state':
    case 'append':
    case 'stored':
    case 'cut':
    case 'commit': {
      const name = topicOf(fields);
      if (broker.replicas.size >= topicsMax && !broker.replicas.has(name)) return broker;
      const replica = nextOfReplica(broker.replicas.get(name) ?? nothing, kind, fields);
      return { ...broker, replicas: new Map(broker.replicas).set(name, replica) };
    }
    default:
      return broker;
  }
}

function nextOfReplica(replica: ReplicaMoment, kind: string, fields: TraceEvent['fields']): ReplicaMoment {
  const number = (name: string): number | null => (typeof fields[name] === 'number' ? fields[name] : null);
  switch (kind) {
    case 'append':
      return { ...replica, end: number('offsetTo') };
    case 'stored':
      return { ...replica, stored: number('end'), end: Math.max(replica.end ?? 0, number('end') ?? 0) };
    case 'cut':
      return { ...replica, end: number('end'), stored: Math.min(replica.stored ?? 0, number('end') ?? 0) };
    case 'commit':
      return { ...replica, highWatermark: number('highWatermark') };
    default:
      return {
        ...replica,
        role: String(fields['role']),
        term: number('term'),
        leader: typeof fields['leader'] === 'string' ? fields['leader'] : null,
        end: number('end'),
        highWatermark: number('highWatermark'),
      };
  }
}
