import type { AgentAnswer, AgentLink, LineStamp, Stamp, TraceEvent, TraceFields, TraceLink, TraceSource } from '../clocks/index.ts';
import type { Clock } from '../host/index.ts';
import type { Role } from '../raft/index.ts';
import { kindName } from '../wire/index.ts';

/** One connection to or from a peer, as both ends name it. */
export interface CausalLink {
  readonly peer: number;
  /** 48 bits that whoever dialled drew for this connection. */
  readonly connection: number;
}

/** What happened to a broker beside its frames. Their order is their number in the ring, and nobody else's: they are told by their names. */
const kinds = [
  'send',
  'receive',
  'started',
  'role',
  'state',
  'append',
  'duplicate',
  'stored',
  'cut',
  'commit',
  'submit',
  'fault',
  'handover',
  'linkUp',
  'linkLost',
  'agentLines',
  'agentHere',
  'toAgentWait',
  'toAgentOk',
  'toAgentNo',
] as const;
type Kind = (typeof kinds)[number];

/** Messages of agents are sends and receives as any other; here they have kinds of their own, since what else they hold differs. */
const toldKinds: Partial<Readonly<Record<Kind, 'send' | 'receive'>>> = {
  agentLines: 'receive',
  agentHere: 'receive',
  toAgentWait: 'send',
  toAgentOk: 'send',
  toAgentNo: 'send',
};
const codeOf = Object.fromEntries(kinds.map((kind, code) => [kind, code])) as Readonly<Record<Kind, number>>;

const roles = ['follower', 'preCandidate', 'candidate', 'leader'] as const satisfies readonly Role[];

const faults = ['crashed', 'recovered', 'fenced', 'fatal', 'paused', 'partitioned', 'delayed', 'healed'] as const;
export type CausalFault = (typeof faults)[number];

export interface CausalRole {
  readonly role: Role;
  readonly term: number;
  readonly leader: number | null;
  readonly endOffset: number;
  readonly highWatermark: number;
}

const answerCodes: Readonly<Record<AgentAnswer, number>> = { wait: codeOf.toAgentWait, ok: codeOf.toAgentOk, no: codeOf.toAgentNo };
/** Peers above are agents. */
const agentFirst = 2 ** 31;
/** As many as may be connected; of others that are in the ring still, the name is their number. */
const agentNamesMax = 10_000;
/** In the place of a wall clock that is not known; beyond what a line can say. */
const behindUnknown = 0xffff;

/** Enough for some seconds at full load and for minutes without; 59 bytes each, 4 MB in all. */
const causalEventsMax = 65_536;

/**
 * What a broker did last and what it heard, for traces (docs/reference/trace.md): a ring of numbers in arrays that are made once, so that noting an event
 * makes no object and takes some tens of nanoseconds. What is overwritten is gone: numbers of events tell that some are missing.
 *
 * An event has the stamp that the broker's hybrid clock shows then. A frame that was received is noted after its stamp was taken up.
 */
export class CausalRing implements TraceSource {
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #last: () => Stamp;
  readonly #process: string;
  readonly #max: number;
  readonly #kind: Uint8Array;
  readonly #atMs: Float64Array;
  readonly #stampMs: Float64Array;
  readonly #counter: Uint16Array;
  readonly #group: Uint32Array;
  readonly #peer: Uint32Array;
  /** What else belongs to an event, by its kind. */
  readonly #a: Float64Array;
  readonly #b: Float64Array;
  readonly #c: Float64Array;
  readonly #d: Float64Array;
  readonly #agents = new Map<number, string>();
  #agentNext = agentFirst;
  #count = 0;
  /** When `state` was last said. */
  #statedAt = 0;
  /** Told of each event as it is noted; only where a run is recorded. */
  watch: ((event: TraceEvent) => void) | null = null;
  /** The topic of a group, for those who read. */
  topicOf: (group: number) => string | null = () => null;

  constructor(broker: number, clock: Pick<Clock, 'wallMs'>, last: () => Stamp, eventsMax = causalEventsMax) {
    this.#process = processName(broker);
    this.#clock = clock;
    this.#last = last;
    this.#max = eventsMax;
    this.#kind = new Uint8Array(eventsMax);
    this.#counter = new Uint16Array(eventsMax);
    this.#group = new Uint32Array(eventsMax);
    this.#peer = new Uint32Array(eventsMax);
    const numbers = (): Float64Array => new Float64Array(eventsMax);
    this.#atMs = numbers();
    this.#stampMs = numbers();
    this.#a = numbers();
    this.#b = numbers();
    this.#c = numbers();
    this.#d = numbers();
  }

  /** Events noted since the start; the last one has this number. */
  get count(): number {
    return this.#count;
  }

  /** Of the oldest event that is kept; 1 more than `count` where there is none. */
  get first(): number {
    return Math.max(1, this.#count - this.#max + 1);
  }

  // ---------------------------------------------------------------------------------------------------------------- frames

  /** `atMs` is read once for all frames of one call. */
  sent({ peer, connection }: CausalLink, kind: number, group: number, sequence: number, lengthBytes: number, atMs: number): void {
    this.#note(codeOf.send, atMs, peer, group, connection, sequence, kind, lengthBytes);
  }

  received({ peer, connection }: CausalLink, kind: number, group: number, sequence: number, lengthBytes: number, atMs: number): void {
    this.#note(codeOf.receive, atMs, peer, group, connection, sequence, kind, lengthBytes);
  }

  // ---------------------------------------------------------------------------------------------------------------- agents

  meetAgent(process: string): number {
    const agent = this.#agentNext++;
    if (this.#agentNext >= 2 ** 32) this.#agentNext = agentFirst;
    this.#agents.set(agent, process);
    for (const oldest of this.#agents.keys()) {
      if (this.#agents.size <= agentNamesMax) break;
      this.#agents.delete(oldest);
    }
    return agent;
  }

  /** `answers` is the message to it that it answers, where it brings no lines. */
  receivedOfAgent({ agent, connection }: AgentLink, sequence: number, { stamp, wallMs, lines }: LineStamp, answers: number): void {
    const kind = lines === 0 ? codeOf.agentHere : codeOf.agentLines;
    const behindMs = wallMs === null ? behindUnknown : stamp.ms - wallMs;
    this.#note(
      kind,
      this.#clock.wallMs(),
      agent,
      stamp.counter + behindMs * 0x1_0000,
      connection,
      sequence,
      stamp.ms,
      lines === 0 ? answers : lines,
    );
  }

  sentToAgent({ agent, connection }: AgentLink, sequence: number, answer: AgentAnswer, stored: number): void {
    this.#note(answerCodes[answer], this.#clock.wallMs(), agent, 0, connection, sequence, stored, 0);
  }

  // ----------------------------------------------------------------------------------------------------------- what it does

  started(incarnation: number): void {
    this.#noteNow(codeOf.started, 0, 0, incarnation);
  }

  /** A replica has another role, term or leader. */
  role(group: number, { role, term, leader, endOffset, highWatermark }: CausalRole): void {
    this.#noteNow(codeOf.role, leader ?? 0, group, roles.indexOf(role), term, endOffset, highWatermark);
  }

  /** Says all of them again once a quarter of the ring is new: whoever has only the last events knows where they began. */
  restate(replicas: () => Iterable<{ readonly group: number; readonly raft: CausalRole }>): void {
    if (this.#count - this.#statedAt < this.#max / 4) return;
    for (const { group, raft } of replicas()) this.#state(group, raft);
    this.#statedAt = this.#count;
  }

  #state(group: number, { role, term, leader, endOffset, highWatermark }: CausalRole): void {
    this.#noteNow(codeOf.state, leader ?? 0, group, roles.indexOf(role), term, endOffset, highWatermark);
  }

  /** A leader has put a batch into its log. */
  append(group: number, offsetFrom: number, offsetTo: number, producer: number, sequence: number): void {
    this.#noteNow(codeOf.append, 0, group, offsetFrom, offsetTo, producer, sequence);
  }

  /** A batch was in the log already: it was sent again. */
  duplicate(group: number, offsetFrom: number, producer: number, sequence: number): void {
    this.#noteNow(codeOf.duplicate, 0, group, offsetFrom, 0, producer, sequence);
  }

  /** The log up to here is on the disk. */
  stored(group: number, offsetTo: number): void {
    this.#noteNow(codeOf.stored, 0, group, offsetTo);
  }

  /** The log was cut to here: what stood above had no majority. */
  cut(group: number, offsetTo: number): void {
    this.#noteNow(codeOf.cut, 0, group, offsetTo);
  }

  commit(group: number, highWatermark: number): void {
    this.#noteNow(codeOf.commit, 0, group, highWatermark);
  }

  /** A batch goes to whoever leads; `attempt` counts from 1. */
  submit(group: number, leader: number, producer: number, sequence: number, attempt: number): void {
    this.#noteNow(codeOf.submit, leader, group, attempt, 0, producer, sequence);
  }

  fault(fault: CausalFault, group = 0): void {
    this.#noteNow(codeOf.fault, 0, group, faults.indexOf(fault));
  }

  /** A leader asks a peer to lead. */
  handover(group: number, to: number): void {
    this.#noteNow(codeOf.handover, to, group, 0);
  }

  linkUp(peer: number): void {
    this.#noteNow(codeOf.linkUp, peer, 0, 0);
  }

  linkLost(peer: number): void {
    this.#noteNow(codeOf.linkLost, peer, 0, 0);
  }

  #noteNow(kind: number, peer: number, group: number, a: number, b = 0, c = 0, d = 0): void {
    this.#note(kind, this.#clock.wallMs(), peer, group, a, b, c, d);
  }

  #note(kind: number, atMs: number, peer: number, group: number, a: number, b: number, c: number, d: number): void {
    const at = this.#count % this.#max;
    const { ms, counter } = this.#last();
    this.#count++;
    this.#kind[at] = kind;
    this.#atMs[at] = atMs;
    this.#stampMs[at] = ms;
    this.#counter[at] = counter;
    this.#group[at] = group;
    this.#peer[at] = peer;
    this.#a[at] = a;
    this.#b[at] = b;
    this.#c[at] = c;
    this.#d[at] = d;
    if (this.watch !== null) this.watch(this.event(this.#count));
  }

  // --------------------------------------------------------------------------------------------------------------- reading

  /** The event with this number, which is kept: `first` to `count`. */
  event(number: number): TraceEvent {
    const at = (number - 1) % this.#max;
    const kind = kinds[this.#kind[at] as number] as Kind;
    return {
      process: this.#process,
      seq: number,
      kind: toldKinds[kind] ?? kind,
      atMs: this.#atMs[at] as number,
      trueMs: null,
      stamp: { ms: this.#stampMs[at] as number, counter: this.#counter[at] as number },
      link: this.#linkOf(kind, at),
      fields: { ...this.#fieldsOf(kind, at), ...(toldKinds[kind] === undefined ? this.#placeOf(at) : {}) },
    };
  }

  #linkOf(kind: Kind, at: number): TraceLink | null {
    const told = toldKinds[kind] ?? kind;
    if (told !== 'send' && told !== 'receive') return null;
    const number = this.#peer[at] as number;
    const peer = number < agentFirst ? processName(number) : (this.#agents.get(number) ?? `agent-${number - agentFirst}`);
    const connection = (this.#a[at] as number).toString(16).padStart(12, '0');
    const sequence = this.#b[at] as number;
    return told === 'send' ? { to: peer, connection, sequence } : { from: peer, connection, sequence };
  }

  #placeOf(at: number): TraceFields {
    const group = this.#group[at] as number;
    return group === 0 ? {} : { group, topic: this.topicOf(group) };
  }

  #fieldsOf(kind: Kind, at: number): TraceFields {
    const peer = this.#peer[at] as number;
    const [a, b, c, d] = [this.#a[at], this.#b[at], this.#c[at], this.#d[at]] as [number, number, number, number];
    switch (kind) {
      case 'send':
      case 'receive':
        return { message: kindName(c), bytes: d };
      case 'started':
        return { incarnation: a };
      case 'role':
      case 'state':
        return { role: roles[a] as Role, term: b, leader: peer === 0 ? null : processName(peer), end: c, highWatermark: d };
      case 'append':
        return { offsetFrom: a, offsetTo: b, producer: c, sequence: d };
      case 'duplicate':
        return { offsetFrom: a, producer: c, sequence: d };
      case 'stored':
      case 'cut':
        return { end: a };
      case 'commit':
        return { highWatermark: a };
      case 'submit':
        return { leader: processName(peer), attempt: a, producer: c, sequence: d };
      case 'fault':
        return { fault: faults[a] as CausalFault };
      case 'handover':
        return { to: processName(peer) };
      case 'linkUp':
      case 'linkLost':
        return { peer: processName(peer) };
      case 'agentLines':
        return { message: 'lines', lines: d, ...this.#sentAt(at, c) };
      case 'agentHere':
        return { message: 'here', answers: d, ...this.#sentAt(at, c) };
      case 'toAgentOk':
        return { message: 'ok', stored: c };
      case 'toAgentWait':
        return { message: 'wait' };
      case 'toAgentNo':
        return { message: 'no' };
    }
  }

  /** By the agent's clocks, as its message told. */
  #sentAt(at: number, stampMs: number): TraceFields {
    const packed = this.#group[at] as number;
    const behindMs = Math.floor(packed / 0x1_0000);
    return { sentMs: behindMs === behindUnknown ? null : stampMs - behindMs, sentStampMs: stampMs, sentStampCounter: packed % 0x1_0000 };
  }
}

export const processName = (broker: number): string => `broker-${broker}`;
