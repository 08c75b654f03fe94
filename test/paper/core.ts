import { type BrokerId, brokerId, offset, type Term, term } from '../../src/base/branded.ts';
import {
  type AppendEntries,
  type AppendEntriesResponse,
  type Input,
  type LogBatch,
  type Message,
  type Persist,
  Raft,
  type RaftConfig,
  type Ready,
  type RequestVote,
  type RequestVoteResponse,
  type TermStart,
} from '../../src/raft/index.ts';

export const electionTicks = 10;
export const heartbeatTicks = 2;

export interface CoreOptions {
  readonly id?: number;
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  readonly term?: number;
  readonly votedFor?: number;
  /** The term of each record; every record is a batch of its own. */
  readonly log?: readonly number[];
  /** Where the log begins, when retention has removed what was before. */
  readonly logStart?: number;
  /** Of the record before it; left out where that is not known. */
  readonly termBeforeStart?: number;
  readonly randomBelow?: (limit: number) => number;
  readonly config?: Partial<RaftConfig>;
}

/** One core, and what it owed so far. Its disk syncs when the test says so. */
export class Core {
  readonly raft: Raft;
  readonly readies: Ready[] = [];
  #persist: Persist | null = null;
  #sent: Message[] = [];

  constructor(options: CoreOptions = {}) {
    const id = brokerId(options.id ?? 1);
    const log = options.log ?? [];
    const logStart = options.logStart ?? 0;
    const config: RaftConfig = {
      id,
      membership: {
        voters: (options.voters ?? [1, 2, 3]).map(brokerId),
        votersOutgoing: [],
        learners: (options.learners ?? []).map(brokerId),
      },
      electionTicks,
      heartbeatTicks,
      randomBelow: options.randomBelow ?? (() => 0),
      noOp: (offsetFrom, inTerm) => batch(offsetFrom, inTerm),
      appendBytesMax: 1000,
      bulkBytesMin: 1000,
      inFlightBytesMax: 1000,
      uncommittedBytesMax: 1000,
      cacheBytesMax: () => 1000,
      ...options.config,
    };
    const termStarts: TermStart[] = [];
    for (const [i, logTerm] of log.entries()) {
      if (termStarts.at(-1)?.term !== logTerm) termStarts.push({ term: term(logTerm), offsetFrom: offset(logStart + i) });
    }
    this.raft = new Raft(config, {
      vote: { term: term(options.term ?? log.at(-1) ?? 0), votedFor: options.votedFor === undefined ? null : brokerId(options.votedFor) },
      logStartOffset: offset(logStart),
      logEndOffset: offset(logStart + log.length),
      termBeforeStart: term(options.termBeforeStart ?? 0),
      termStarts,
    });
  }

  /** Steps, and gives the messages that leave at once. */
  step(input: Input): Message[] {
    this.#sent = [];
    this.raft.step(input);
    this.#take();
    return this.#sent;
  }

  /** Ends the outstanding write, and gives the messages that leave then. */
  sync(): Message[] {
    const persist = this.#persist;
    if (persist === null) return [];
    this.#persist = null;
    this.#sent = [...persist.then];
    this.raft.step({ type: 'persisted', id: persist.id });
    this.#take();
    return this.#sent;
  }

  /** Steps on an instant disk, and gives all messages that leave. */
  run(input: Input): Message[] {
    const sent = this.step(input);
    while (this.#persist !== null) sent.push(...this.sync());
    return sent;
  }

  get isWriting(): boolean {
    return this.#persist !== null;
  }

  tick(count = 1): Message[] {
    const sent: Message[] = [];
    for (let i = 0; i < count; i++) sent.push(...this.run({ type: 'tick' }));
    return sent;
  }

  receive(message: Message): Message[] {
    return this.run({ type: 'receive', message });
  }

  /** Ticks until it campaigns, grants its pre-vote, and gives the requests of the election. */
  campaign(): Message[] {
    while (this.raft.role === 'follower' || this.raft.role === 'candidate') this.tick();
    const sent: Message[] = [];
    for (const voter of this.raft.membership.voters) {
      if (voter !== this.raft.id && this.raft.role === 'preCandidate') sent.push(...this.receive(vote(this, voter, { preVote: true })));
    }
    return sent;
  }

  /** Makes it the leader of its next term with the votes of all. */
  lead(): Message[] {
    const sent = this.campaign();
    for (const voter of this.raft.membership.voters) {
      if (voter !== this.raft.id && this.raft.role === 'candidate') sent.push(...this.receive(vote(this, voter)));
    }
    return sent;
  }

  propose(count = 1): Message[] {
    const sent: Message[] = [];
    for (let i = 0; i < count; i++) sent.push(...this.run({ type: 'propose', batch: batch(this.raft.endOffset, this.raft.term) }));
    return sent;
  }

  #take(): void {
    const ready = this.raft.ready();
    if (ready === null) return;
    this.readies.push(ready);
    this.#sent.push(...ready.send);
    if (ready.persist !== null) this.#persist = ready.persist;
  }
}

export function batch(offsetFrom: number, inTerm: number): LogBatch {
  return { offsetFrom: offset(offsetFrom), offsetTo: offset(offsetFrom + 1), term: term(inTerm), bytes: new Uint8Array(10) };
}

/** The answer of a voter to this core's campaign. */
export function vote(core: Core, voter: BrokerId | number, { preVote = false, granted = true } = {}): RequestVoteResponse {
  const inTerm = preVote && granted ? core.raft.term + 1 : core.raft.term;
  return { type: 'requestVoteResponse', from: brokerId(voter), to: core.raft.id, term: term(inTerm), preVote, granted };
}

/** A candidate's request to this core. */
export function requestVote(
  core: Core,
  request: { from?: number; term: number; end?: number; lastTerm?: number; preVote?: boolean; transfer?: boolean },
): RequestVote {
  return {
    type: 'requestVote',
    from: brokerId(request.from ?? 2),
    to: core.raft.id,
    term: term(request.term),
    preVote: request.preVote ?? false,
    transfer: request.transfer ?? false,
    endOffset: offset(request.end ?? 0),
    lastTerm: term(request.lastTerm ?? 0),
  };
}

/** A leader's request to this core; `terms` are those of the batches that follow `after`. */
export function append(
  core: Core,
  request: {
    from?: number;
    term: number;
    after?: number;
    previousTerm?: number;
    terms?: readonly number[];
    hw?: number;
    context?: number;
    number?: number;
  },
): AppendEntries {
  const after = request.after ?? 0;
  return {
    type: 'appendEntries',
    from: brokerId(request.from ?? 2),
    to: core.raft.id,
    term: term(request.term),
    offsetFrom: offset(after),
    previousTerm: term(request.previousTerm ?? 0),
    batches: (request.terms ?? []).map((batchTerm, i) => batch(after + i, batchTerm)),
    highWatermark: offset(request.hw ?? 0),
    readContext: request.context ?? 0,
    number: request.number ?? 1,
    isNews: false,
    asOfContext: 0,
  };
}

/** A follower's answer to this leader, by itself to the newest message. */
export function answer(
  core: Core,
  response: {
    from?: number;
    term?: number;
    match?: number;
    hint?: number;
    hintTerm?: number;
    request?: number;
    context?: number;
    number?: number;
  },
): AppendEntriesResponse {
  return {
    type: 'appendEntriesResponse',
    from: brokerId(response.from ?? 2),
    to: core.raft.id,
    term: term(response.term ?? core.raft.term),
    success: response.match !== undefined,
    matchOffset: offset(response.match ?? 0),
    hintOffset: offset(response.hint ?? 0),
    hintTerm: term(response.hintTerm ?? 0),
    requestOffset: offset(response.request ?? 0),
    readContext: response.context ?? 0,
    number: response.number ?? Number.MAX_SAFE_INTEGER,
  };
}

export function ofType<Type extends Message['type']>(messages: readonly Message[], type: Type): Extract<Message, { type: Type }>[] {
  return messages.filter((message): message is Extract<Message, { type: Type }> => message.type === type);
}

/** The terms of a core's whole log, record by record, as far as it is in memory. */
export function logTerms(core: Core): Term[] {
  const starts = core.raft.termStarts;
  return Array.from({ length: core.raft.endOffset }, (_, i) => starts.findLast(({ offsetFrom }) => offsetFrom <= i)?.term ?? term(0));
}
