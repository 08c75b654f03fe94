import { describeOffsets } from '../../eventlog/index.ts';
import { brokerId } from '../../base/branded.ts';
import { decodeRaftMessage, isRaftKind, type JoinedMessage, raftKinds, splitJoined, type WireFrame } from '../../wire/index.ts';
import { DurableState } from './durable-state.ts';
import { type SentAnswer, SentStreams } from './sent-streams.ts';
import type { TraceEvent } from './system-calls.ts';

export interface AuditFigures {
  /** Acknowledgements to clients. */
  readonly answers: number;
  /** Acknowledgements of followers to leaders that say more than the one before. */
  readonly acknowledgements: number;
  /** Votes granted, and candidacies, which are votes for oneself. */
  readonly votes: number;
  readonly syncs: number;
  /** Records acknowledged to clients. */
  readonly records: number;
  /** Sent before it was synced. */
  readonly violationCount: number;
  /** The first of each kind, in words. */
  readonly violations: readonly string[];
}

/** What can be wrong. */
type Kind = 'message' | 'minority' | 'answer' | 'acknowledgement' | 'term' | 'vote' | 'candidacy';

/** One defect breaks several promises, some far more often than others: each kind has room of its own, so that none hides another. */
const EXAMPLES_OF_A_KIND = 5;

/**
 * Holds what brokers sent against what was on their disks by then. Each broker's events are given in the order of its trace, one broker after the
 * other; answers to clients name several brokers and are judged at the end, by time: a tracer sees the end of a sync before the broker does.
 */
export class AuditJudge {
  readonly #groups: ReadonlyMap<string, number>;
  readonly #portOf: ReadonlyMap<number, number>;
  readonly #states = new Map<number, DurableState>();
  readonly #answers: { readonly broker: number; readonly answer: SentAnswer; readonly at: number }[] = [];
  readonly #examples: string[] = [];
  readonly #found = new Map<Kind, number>();
  #acknowledgements = 0;
  #votes = 0;

  /** Group of each topic; id of the broker that listens on each port. */
  constructor(groups: ReadonlyMap<string, number>, ports: ReadonlyMap<number, number>) {
    this.#groups = groups;
    this.#portOf = ports;
  }

  /** Takes one life of a broker: the events of one process from its start to its end. */
  life(broker: number): (event: TraceEvent) => void {
    const state = this.#states.get(broker) ?? new DurableState();
    this.#states.set(broker, state);
    const acknowledged = new Map<string, number>();
    const sent = new SentStreams({
      frame: (toPort, frame) => this.#frame(broker, this.#portOf.get(toPort) ?? 0, frame, state, acknowledged),
      answer: (answer, at) => void this.#answers.push({ broker, answer, at }),
    });
    return (event) => {
      state.take(event);
      sent.take(event);
    };
  }

  figures(): AuditFigures {
    for (const { broker, answer, at } of this.#answers.splice(0)) this.#judgeAnswer(broker, answer, at);
    let syncs = 0;
    for (const state of this.#states.values()) syncs += state.syncs;
    return {
      answers: this.#answerCount,
      acknowledgements: this.#acknowledgements,
      votes: this.#votes,
      syncs,
      records: this.#records,
      violationCount: [...this.#found.values()].reduce((sum, count) => sum + count, 0),
      violations: [...this.#examples],
    };
  }

  #answerCount = 0;
  #records = 0;

  #judgeAnswer(broker: number, { topic, offset, count, level, ackedBy }: SentAnswer, at: number): void {
    const group = this.#groups.get(topic);
    if (group === undefined || level === 'leader') return;
    this.#answerCount++;
    this.#records += count;
    const what = `broker ${broker} acknowledged ${describeOffsets(offset, offset + count)} of "${topic}"`;
    if (ackedBy.length * 2 <= this.#portOf.size) this.#violate('minority', `${what} and named ${ackedBy.join(', ') || 'nobody'} only`);
    for (const id of ackedBy) {
      const durable = this.#states.get(id)?.durableEnd(group, at) ?? 0;
      if (durable < offset + count) this.#violate('answer', `${what} when broker ${id}, which it named, had synced up to ${durable}`);
    }
  }

  #frame(broker: number, to: number, frame: WireFrame, state: DurableState, acknowledged: Map<string, number>): void {
    if (!isRaftKind(frame.kind)) return;
    const messages = frame.kind === raftKinds.joined ? splitJoined(frame.body) : [frame];
    if (messages === null) return this.#violate('message', `broker ${broker} sent joined messages that cannot be read`);
    for (const message of messages) this.#message(broker, to, message, state, acknowledged);
  }

  #message(broker: number, to: number, { kind, group, body }: JoinedMessage, state: DurableState, acknowledged: Map<string, number>): void {
    const message = decodeRaftMessage(kind, body, brokerId(broker), brokerId(Math.max(1, to)));
    if (message === null) return this.#violate('message', `broker ${broker} sent a message of kind ${kind} that cannot be read`);
    const stored = state.vote(group);
    if (message.type === 'appendEntriesResponse' && message.success) {
      const key = `${group}>${to}`;
      const before = acknowledged.get(key) ?? 0;
      acknowledged.set(key, Math.max(before, message.matchOffset));
      if (message.matchOffset > before) this.#acknowledgements++;
      const durable = state.durableEnd(group);
      if (message.matchOffset > durable) {
        this.#violate(
          'acknowledgement',
          `broker ${broker} acknowledged group ${group} up to ${message.matchOffset} to broker ${to}, with ${durable} synced`,
        );
      }
      if ((stored?.term ?? 0) < message.term) {
        this.#violate(
          'term',
          `broker ${broker} acknowledged in term ${message.term} of group ${group}, with term ${stored?.term ?? 0} synced`,
        );
      }
    }
    if (message.type === 'requestVoteResponse' && message.granted && !message.preVote) {
      this.#votes++;
      if (stored?.term !== message.term || stored.votedFor !== to) {
        this.#violate(
          'vote',
          `broker ${broker} gave broker ${to} its vote in term ${message.term} of group ${group}, with ${describe(stored)} synced`,
        );
      }
    }
    if (message.type === 'requestVote' && !message.preVote) {
      this.#votes++;
      if (stored?.term !== message.term || stored.votedFor !== broker) {
        this.#violate('candidacy', `broker ${broker} stood for term ${message.term} of group ${group}, with ${describe(stored)} synced`);
      }
    }
  }

  #violate(kind: Kind, what: string): void {
    const before = this.#found.get(kind) ?? 0;
    this.#found.set(kind, before + 1);
    if (before < EXAMPLES_OF_A_KIND) this.#examples.push(what);
  }
}

const describe = (vote: { readonly term: number; readonly votedFor: number | null } | null): string =>
  vote === null ? 'no vote' : `a vote for ${vote.votedFor === null ? 'nobody' : `broker ${vote.votedFor}`} in term ${vote.term}`;
