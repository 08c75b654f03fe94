import { type GroupId, type Offset, offset } from '../../base/branded.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { Level } from '../../eventlog/index.ts';
import type { Bytes, Clock } from '../../host/index.ts';
import { type LogBatch, type Raft, termBefore } from '../../raft/index.ts';
import { producerIdOf, producerKind, revokeBatch } from '../../record/index.ts';
import type { GroupLog } from '../../storage/index.ts';
import type { Appended, ErrorDetails } from '../../wire/index.ts';
import type { CausalRing } from '../causal-ring.ts';
import type { TraceContext } from '../../base/trace-context.ts';
import type { Counters } from '../counters.ts';
import type { LogSpans } from '../log-spans.ts';
import type { Spans } from '../spans.ts';
import type { LogAges } from './log-ages.ts';
import type { Verdict } from './producers.ts';
import type { BrokerSettings } from '../settings.ts';
import type { Rooms } from './shared-room.ts';
import { sequencedOf, type Tail } from './tail.ts';
import { holdsTerm } from './terms.ts';

/** What a leader answers; the same for an append of this broker and one that a peer forwarded. */
export type AppendOutcome = { readonly ok: true; readonly value: Appended } | { readonly ok: false; readonly error: Refused };

export interface Refused {
  readonly code: ErrorCode;
  /** The state, as the end of a sentence. */
  readonly reason: string;
  readonly details: ErrorDetails;
}

export interface LeaderAppend {
  /** Carries its producer and sequence. */
  readonly batch: Uint8Array;
  readonly level: Level;
  readonly expectedOffset: number | null;
  /** Since it was first tried, by clocks that only count; null where this is the first attempt. */
  readonly triedForMs: number | null;
  /** Log time before which it is not appended; null where that does not matter. */
  readonly deliverAtMs: number | null;
  /** On the monotonic clock. Spent before it is appended: it never will be. */
  readonly deadlineMs: number;
  /** What the leader does about it is part of this; null where it is not traced. */
  readonly trace: TraceContext | null;
  readonly answer: (outcome: AppendOutcome) => void;
}

/** The replica that leads, as far as an append has to do with it. */
export interface AppendTarget {
  readonly group: GroupId;
  readonly raft: Raft;
  readonly log: Pick<GroupLog, 'full'>;
  readonly tail: Tail;
  readonly ages: LogAges;
  /** Log time of what is appended next is this or later. */
  readonly nextStampMs: number;
  /** Derived state covers the whole log; false while it is being built again. */
  sync(): boolean;
  hasRoomFor(batch: Uint8Array): boolean;
  /** Appends a batch; the caller has seen that it may. */
  propose(batch: Uint8Array): LogBatch;
}

export interface AppendContext {
  readonly clock: Clock;
  readonly bytes: Bytes;
  readonly settings: Pick<BrokerSettings, 'requestSessionsMax'>;
  readonly counters: Counters;
  readonly causes: CausalRing;
  readonly spans: Spans;
  readonly logSpans: LogSpans;
  /** What all groups that this broker leads share. */
  readonly rooms: Rooms;
  /** A request id found no room. */
  requestIdsWanted(): void;
  /** Whether this replica still leads, asked of a majority. */
  confirmOffice(deadlineMs: number, done: (isConfirmed: boolean) => void): void;
}

interface Waiting {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly term: number;
  readonly timestampMs: number;
  readonly isDuplicate: boolean;
  readonly level: Level;
  readonly deadlineMs: number;
  readonly answer: (outcome: AppendOutcome) => void;
}

/** The leader's half of an append: decides, appends, and answers when the level is reached. On a follower it only refuses. */
export class LeaderAppends {
  readonly #replica: AppendTarget;
  readonly #context: AppendContext;
  /** Appended here and waiting for a majority, in log order. */
  #quorum: Waiting[] = [];
  #head = 0;
  /** Waiting for something else: this broker's own disk, all voters, or what was in the log already. */
  #others: Waiting[] = [];
  /** No deadline of what waits is before this. */
  #nextDeadlineMs = Number.POSITIVE_INFINITY;
  /** Why no more is taken of this producer now, by whoever follows this log with a state that has bounds; null where nobody does. */
  admits: ((producerId: number) => Refused | null) | null = null;

  constructor(replica: AppendTarget, context: AppendContext) {
    this.#replica = replica;
    this.#context = context;
  }

  get waitingCount(): number {
    return this.#quorum.length - this.#head + this.#others.length;
  }

  /** May answer during the call. */
  submit(append: LeaderAppend): void {
    if (append.trace === null) return this.#decide(append);
    const { spans, logSpans } = this.#context;
    const { raft, group } = this.#replica;
    const span = spans.begin('append', append.trace, { term: raft.term });
    const { endOffset } = raft;
    let isAnswered = false;
    let isFollowed = false;
    this.#decide({
      ...append,
      answer: (outcome) => {
        isAnswered = true;
        if (isFollowed) logSpans.answered(group, endOffset);
        if (outcome.ok) spans.end(span, null, { offset: outcome.value.offset, ackedBy: outcome.value.ackedBy.join(' ') });
        else spans.end(span, outcome.error.code);
        append.answer(outcome);
      },
    });
    isFollowed = raft.endOffset > endOffset && !isAnswered;
    if (isFollowed) logSpans.appended(group, endOffset, span.context);
  }

  #decide(append: LeaderAppend): void {
    const refused = this.refusal();
    if (refused !== null) return append.answer({ ok: false, error: refused });
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs >= append.deadlineMs) {
      return append.answer(refuse('notAppendedInTime', 'its time was spent before the leader could append it'));
    }
    const { raft, tail } = this.#replica;
    const sequenced = sequencedOf(append.batch, this.#context.bytes);
    const { deliverAtMs } = append;
    if (deliverAtMs !== null && this.#replica.nextStampMs < deliverAtMs) {
      return append.answer(refuse('notYetDue', `its log time is ${this.#replica.nextStampMs}, and it is for ${deliverAtMs}`));
    }
    const triedMs = this.#triedMs(append, nowMs);
    const { rooms, settings } = this.#context;
    const verdict = tail.producers.check(sequenced, triedMs, settings.requestSessionsMax, rooms.sessions);
    if (verdict.kind === 'refused') return this.#refuseOnceSure(append, verdict);
    if (verdict.kind === 'duplicate') return this.#waitForKnown(append, verdict);
    if (append.expectedOffset !== null && append.expectedOffset !== raft.endOffset) {
      const reason = `its end is ${raft.endOffset}, not ${append.expectedOffset}`;
      return this.#refuseOnceSure(append, { code: 'offsetMismatch', reason, details: { endOffset: raft.endOffset } });
    }
    if (this.#isOneTooMany(sequenced.producerId)) {
      this.#context.requestIdsWanted();
      return append.answer(refuse('overloaded', `broker ${raft.id} remembers ${rooms.requestIds.held} request ids already`));
    }
    const notAdmitted = this.admits?.(sequenced.producerId) ?? null;
    if (notAdmitted !== null) return append.answer({ ok: false, error: notAdmitted });
    const noRoom = this.#noRoomFor(append.batch);
    if (noRoom !== null) return append.answer(noRoom);
    const placed = this.#replica.propose(append.batch);
    const { level, deadlineMs, answer } = append;
    const { counters, causes } = this.#context;
    counters.appends++;
    counters.appendedRecords += sequenced.count;
    counters.appendedBytes += append.batch.length;
    const { offsetFrom, offsetTo, term } = placed;
    causes.append(this.#replica.group, offsetFrom, offsetTo, sequenced.producerId, sequenced.sequence);
    this.#wait({ offsetFrom, offsetTo, term, timestampMs: tail.lastStamp.ms, isDuplicate: false, level, deadlineMs, answer });
  }

  /** How old the log was at least when this was first tried; null for a first attempt, and for what cannot be in it. */
  #triedMs({ triedForMs, deliverAtMs, expectedOffset }: LeaderAppend, nowMs: number): number | null {
    const { tail, ages, raft } = this.#replica;
    // Whoever delivers what was scheduled names the end that he has looked through all up to.
    if (deliverAtMs !== null && expectedOffset === raft.endOffset) return null;
    // Log time rises, and no attempt was appended before its time: it is younger than that, and the log ages no faster than its time goes by.
    if (deliverAtMs !== null) return tail.lastStamp.ms < deliverAtMs ? null : tail.producers.ageMs - (tail.lastStamp.ms - deliverAtMs);
    return triedForMs === null ? null : ages.before(nowMs, triedForMs);
  }

  /** Answers once a revoke of this id is committed, and appends one unless it is in the log already; refused where there is no room for one. */
  revoke(requestId: Uint8Array, deadlineMs: number, answer: (outcome: AppendOutcome) => void): void {
    const refused = this.refusal();
    if (refused !== null) return answer({ ok: false, error: refused });
    const { tail, raft } = this.#replica;
    const producerId = producerIdOf(requestId);
    const at = tail.producers.revokedAt(producerId);
    const common = { timestampMs: tail.lastStamp.ms, level: 'quorum' as const, deadlineMs, answer };
    if (at !== null) {
      if (at < raft.highWatermark)
        return answer({
          ok: true,
          value: { offset: at, count: 1, term: raft.term, timestampMs: 0, committed: true, duplicate: true, ackedBy: [] },
        });
      // Wherever the revoke is, it is committed once everything that is in the log now is.
      return this.#wait({ ...common, offsetFrom: raft.endOffset - 1, offsetTo: raft.endOffset, term: tail.lastTerm, isDuplicate: true });
    }
    const timestampMs = Math.floor(this.#context.clock.wallMs());
    const batch = revokeBatch(timestampMs, producerId, requestId, this.#context.bytes);
    const noRoom = this.#noRoomFor(batch);
    if (noRoom !== null) return answer(noRoom);
    const placed = this.#replica.propose(batch);
    this.#context.counters.revokes++;
    this.#wait({ ...common, offsetFrom: placed.offsetFrom, offsetTo: placed.offsetTo, term: placed.term, isDuplicate: false });
  }

  /**
   * A refusal that rests on the log is told only where this log was the group's when it was looked at. A leader that slept may have been replaced
   * without knowing, and what it holds above its high watermark may yet be cut: so a round of messages that begins now has to find that it still
   * leads (thesis §6.4), and all that the log held then has to be committed. What is appended at once pays nothing for this.
   */
  #refuseOnceSure({ deadlineMs, answer }: LeaderAppend, error: Refused): void {
    const { raft } = this.#replica;
    const { term, endOffset } = raft;
    const tell = (isSure: boolean): void => {
      if (isSure) answer({ ok: false, error });
      else if (this.#context.clock.monotonicMs() >= deadlineMs)
        answer(refuse('notAppendedInTime', `its leader could not make sure in time that ${error.reason}`));
      else answer(refuse('notLeader', `broker ${raft.id} leads it no more`, { leader: raft.leader }));
    };
    this.#context.confirmOffice(deadlineMs, (isConfirmed) => {
      if (isConfirmed && raft.term === term) this.whenCommitted(deadlineMs, tell, endOffset);
      else tell(false);
    });
  }

  /** Once everything below `end`, which is in the log now, is committed. */
  whenCommitted(deadlineMs: number, done: (isCommitted: boolean) => void, end: Offset = this.#replica.raft.endOffset): void {
    const { raft } = this.#replica;
    const answer = (outcome: AppendOutcome): void => done(outcome.ok);
    if (raft.highWatermark >= end) return done(true);
    this.#wait({
      offsetFrom: end - 1,
      offsetTo: end,
      term: termBefore(raft.termStarts, end),
      timestampMs: 0,
      isDuplicate: true,
      level: 'quorum',
      deadlineMs,
      answer,
    });
  }

  /** Why nothing can be appended here now; retried by whoever asked. */
  refusal(): Refused | null {
    const refusal = this.#replica.raft.refusal();
    if (refusal === null) {
      if (!this.#replica.sync()) return { code: 'starting', reason: 'its leader is still reading its log', details: {} };
      const { uncommitted } = this.#context.rooms;
      if (uncommitted.admits(this.#replica.raft.uncommittedBytes)) return null;
      const reason = `${uncommitted.held} bytes wait for their majorities on broker ${this.#replica.raft.id} already`;
      return { code: 'overloaded', reason, details: {} };
    }
    if (refusal.reason === 'uncommittedFull') return { code: 'overloaded', reason: 'too much of it waits for a majority', details: {} };
    const { leader } = refusal;
    return { code: 'notLeader', reason: leader === null ? 'no leader is known' : `its leader is broker ${leader}`, details: { leader } };
  }

  /** A request id that nobody knows yet, where the groups led here remember as many as they may together. */
  #isOneTooMany(producerId: number): boolean {
    if (producerKind(producerId) !== 'requestId') return false;
    const { producers } = this.#replica.tail;
    return producers.growsBy(producerId) && !this.#context.rooms.requestIds.admits(producers.singleCount);
  }

  /** Why a batch finds no place on this leader's disk now: what is left there is for the first batches of leaders to come. */
  #noRoomFor(batch: Uint8Array): ReturnType<typeof refuse> | null {
    const { raft, log } = this.#replica;
    if (log.full) return refuse('diskFull', `broker ${raft.id} has no space for its next segment`);
    return this.#replica.hasRoomFor(batch) ? null : refuse('overloaded', `broker ${raft.id} is preparing its next segment`);
  }

  #waitForKnown(append: LeaderAppend, verdict: Verdict & { readonly kind: 'duplicate' }): void {
    this.#context.counters.duplicateAppends++;
    const { offsetFrom, count, term, timestampMs, producerId, sequence } = verdict.batch;
    this.#context.causes.duplicate(this.#replica.group, offsetFrom, producerId, sequence);
    const { deadlineMs, answer } = append;
    // Even to whoever would be content with less: "it was appended before" is a fact only once it cannot be cut any more.
    const level = append.level === 'leader' ? 'quorum' : append.level;
    this.#wait({ offsetFrom, offsetTo: offsetFrom + count, term, timestampMs, isDuplicate: true, level, deadlineMs, answer });
  }

  #wait(waiting: Waiting): void {
    if (this.#isReached(waiting)) return this.#reached(waiting);
    this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, waiting.deadlineMs);
    this.#keep(waiting);
  }

  /**
   * Answers what has been reached. After a change of role the log may have been cut, so each batch is looked for again, and what is still waiting is
   * given back: the next leader decides. So is what the next leader has committed already: only a leader knows who has it.
   */
  settle(hasRoleChanged: boolean): void {
    if (hasRoleChanged) return this.#settleStrictly();
    while (this.#head < this.#quorum.length) {
      const first = this.#quorum[this.#head] as Waiting;
      if (first.offsetTo > this.#replica.raft.highWatermark) break;
      this.#head++;
      this.#reached(first);
    }
    if (this.#head === this.#quorum.length && this.#head > 0) {
      this.#quorum = [];
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#quorum = this.#quorum.slice(this.#head);
      this.#head = 0;
    }
    if (this.#others.length === 0) return;
    const waiting = this.#others;
    this.#others = [];
    for (const one of waiting) {
      if (this.#isReached(one)) this.#reached(one);
      else this.#others.push(one);
    }
  }

  #settleStrictly(): void {
    const { raft } = this.#replica;
    const stillLeads = raft.role === 'leader';
    for (const one of this.#take()) {
      const isThere = holdsTerm(raft, one.offsetFrom, one.term);
      if (isThere && this.#isReached(one) && (one.level === 'leader' || this.#isOnMajority(one))) this.#reached(one);
      else if (isThere && stillLeads && one.term === raft.term) this.#wait(one);
      else one.answer(refuse('leadershipLost', `broker ${raft.id} lost its leadership after it had appended`, { leader: raft.leader }));
    }
  }

  /** Answers what has waited too long. */
  expire(nowMs: number): void {
    if (nowMs < this.#nextDeadlineMs) return;
    this.#nextDeadlineMs = Number.POSITIVE_INFINITY;
    for (const one of this.#take()) {
      if (nowMs < one.deadlineMs) {
        this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, one.deadlineMs);
        this.#keep(one);
      } else if (one.level === 'all') {
        const ackedBy = this.#replica.raft.acknowledgedBy(offset(one.offsetTo));
        const committed = one.offsetTo <= this.#replica.raft.highWatermark;
        const reason = `it is at offset ${one.offsetFrom} on broker ${ackedBy.join(', ') || 'none'} only`;
        one.answer(refuse('levelNotReached', reason, { committed, offset: one.offsetFrom, ackedBy: ackedBy.join(',') }));
      } else {
        one.answer(refuse('timeout', 'no majority confirmed it in time'));
      }
    }
  }

  /** Gives back everything that waits. */
  abandon(code: ErrorCode, reason: string): void {
    for (const one of this.#take()) one.answer(refuse(code, reason));
  }

  #keep(one: Waiting): void {
    if (one.level === 'quorum' && !one.isDuplicate) this.#quorum.push(one);
    else this.#others.push(one);
  }

  #take(): Waiting[] {
    const taken = [...this.#quorum.slice(this.#head), ...this.#others];
    this.#quorum = [];
    this.#head = 0;
    this.#others = [];
    return taken;
  }

  #isReached(one: Waiting): boolean {
    const { raft } = this.#replica;
    const isCommitted = one.offsetTo <= raft.highWatermark;
    switch (one.level) {
      case 'quorum':
        // A new leader knows that an older entry is committed before it knows who has it, and the answer names a majority.
        return isCommitted && (!one.isDuplicate || this.#isOnMajority(one));
      case 'leader':
        // Whoever has just stopped leading may hear that it is committed before it has synced it, and then knows nobody who has it.
        return one.offsetTo <= raft.syncedOffset || (isCommitted && this.#isOnMajority(one));
      case 'all':
        return isCommitted && raft.acknowledgedBy(offset(one.offsetTo)).length === raft.membership.voters.length;
    }
  }

  #isOnMajority(one: Waiting): boolean {
    return this.#replica.raft.isOnQuorum(offset(one.offsetTo));
  }

  #reached(one: Waiting): void {
    const { raft } = this.#replica;
    one.answer({
      ok: true,
      value: {
        offset: one.offsetFrom,
        count: one.offsetTo - one.offsetFrom,
        term: one.term,
        timestampMs: one.timestampMs,
        committed: one.offsetTo <= raft.highWatermark,
        duplicate: one.isDuplicate,
        ackedBy: raft.acknowledgedBy(offset(one.offsetTo)),
      },
    });
  }
}

const refuse = (code: ErrorCode, reason: string, details: ErrorDetails = {}): { readonly ok: false; readonly error: Refused } => ({
  ok: false,
  error: { code, reason, details },
});
