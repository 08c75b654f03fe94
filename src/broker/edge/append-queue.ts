import { type BrokerId, type GroupId, sequenceMax } from '../../base/branded.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { TraceContext } from '../../base/trace-context.ts';
import {
  type Answer,
  type AppendRequest,
  type AppendResult,
  isTriedAmongBrokers,
  judge,
  keptBatchBytesMax,
  type OpenSpan,
  requestOutcomeOf,
} from '../../eventlog/index.ts';
import {
  batchHeaderBytes,
  packBatches,
  type Producer,
  producerId,
  producerIdOf,
  recordsPerBatchMax,
  sealForProducer,
  takeRoom,
} from '../../record/index.ts';
import type { Appended, ErrorDetails, HopList } from '../../wire/index.ts';
import type { Core } from '../core.ts';
import { brokerWindow } from '../replica/index.ts';
import { hopsOf, type RequestOutcome, type Requests, spanErrorOf } from './requests.ts';
import type { Whereabouts } from './whereabouts.ts';

/** One caller's append, until it is answered. Plain fields: there is one for every append that is under way. */
export interface PendingAppend {
  readonly request: AppendRequest;
  readonly count: number;
  readonly deadlineMs: number;
  readonly answer: Answer<AppendResult>;
  /** How many records of its unit stand before its own. */
  recordFrom: number;
  /** Its time here, until it is first sent to a leader; null where it is not traced. */
  queued: OpenSpan | null;
}

/** Who answers callers. */
export interface AppendEdge {
  /** All appends of one unit together; `value` is of the whole unit. */
  reached(appends: readonly PendingAppend[], value: Appended, duplicate: boolean, hops: HopList | null): void;
  failed(append: PendingAppend, code: ErrorCode, reason: string, details: ErrorDetails): void;
}

/**
 * A batch that was sent towards a leader at least once: it keeps its producer and sequence from then on, so that whatever becomes of one attempt, another
 * attempt cannot append it a second time.
 */
interface Unit {
  readonly batch: Uint8Array;
  members: PendingAppend[];
  readonly isOwn: boolean;
  readonly sequence: number;
  attempts: number;
  /** When it was first sent. */
  firstMs: number;
  /** When it was last. */
  lastMs: number;
  outstanding: number;
  /** Some attempt's outcome is not known: the batch may be in a log, or get there yet. */
  isUnknown: boolean;
  isDone: boolean;
  /** It was refused cleanly, and what it held waits again. */
  isDissolved: boolean;
  /** The leader that the newest attempt went to. */
  target: BrokerId | null;
  /** Of the one member that is traced; null where none is. */
  readonly trace: TraceContext | null;
}

/** Units of this broker's own producer that may be unanswered at once: retries stay within what the leader remembers. */
const ownUnitsMax = brokerWindow / 4;
const unitsMax = 2048;
/** A forwarded append whose answer does not come is sent again. */
const resendMs = 1000;
/** One that goes by way of others, of whom one may hang, in half of what its caller still waits where that is sooner; but not before this. */
const resendMsMin = 100;
/**
 * A forwarded append that has no answer after this may have gone to one that leads no more. Less than a caller gives a broker before it asks another one, which
 * may know no better; and to ask costs little.
 */
const doubtAfterMs = 150;
/** The leader's own `levelNotReached` says more than a timeout here: it is waited for a little. */
const levelGraceMs = 250;

/** The edge's half of appending to one partition: waits for a leader, packs, sends or hands over, tries again, and keeps the caller's deadline. */
export class AppendQueue {
  readonly group: GroupId;
  readonly #core: Core;
  readonly #requests: Requests;
  readonly #edge: AppendEdge;
  readonly #producerId: number;
  /** Not sent anywhere yet: certainly in no log. */
  #waiting: PendingAppend[] = [];
  /** Entries below it are taken; the array is compacted now and then. */
  #head = 0;
  #units: Unit[] = [];
  #ownUnits = 0;
  #sequence = 0;
  #epoch = 0;
  #nextDeadlineMs = Number.POSITIVE_INFINITY;
  /** Set when another try makes sense: the leader changed, a link came up, a tick passed. */
  #mayRetry = true;
  /** The leader refused the last one at once. */
  #isHeldBack = false;
  readonly #whereabouts: Whereabouts;
  /** Why its leader had no room, when it last had none; null since something was appended, or another one leads. */
  #fullBecause: string | null = null;

  constructor(group: GroupId, producerId: number, core: Core, requests: Requests, whereabouts: Whereabouts, edge: AppendEdge) {
    this.group = group;
    this.#whereabouts = whereabouts;
    this.#edge = edge;
    this.#core = core;
    this.#requests = requests;
    this.#producerId = producerId;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === this.#head && this.#units.length === 0;
  }

  /** Nothing waits, and what comes next would be sent at once. */
  get isAtRest(): boolean {
    return this.isEmpty && !this.#isHeldBack;
  }

  add(append: PendingAppend): void {
    this.#waiting.push(append);
    if (append.deadlineMs < this.#nextDeadlineMs) this.#nextDeadlineMs = append.deadlineMs;
  }

  /** What was tried in vain may be tried again. `leaderChanged`: what is on its way to an earlier leader need not be waited for. */
  retry(leaderChanged: boolean): void {
    this.#mayRetry = true;
    this.#isHeldBack = false;
    if (!leaderChanged) return;
    this.#fullBecause = null;
    for (const unit of this.#units) {
      if (unit.outstanding === 0 || unit.target === this.#leader) continue;
      unit.isUnknown = true;
      unit.target = null;
    }
  }

  /** A broker that has no replica passes appends on as any other: some peer knows who leads. */
  get #leader(): BrokerId | null {
    return this.#whereabouts.leaderOf(this.group);
  }

  /** Sends what can be sent now; part of a turn. True when something was. */
  dispatch(): boolean {
    if (this.isEmpty || this.#isHeldBack) return false;
    const leader = this.#whereabouts.takerOf(this.group);
    if (leader === null) {
      this.#askWhoLeads(null);
      return false;
    }
    const { self, links } = this.#core;
    if (leader === self ? !this.#isTakenHere() : !links.isReady(leader)) return false;
    let isBusy = false;
    if (this.#mayRetry) {
      this.#mayRetry = false;
      for (const unit of this.#units.slice()) {
        const isIdle = unit.outstanding === 0 || unit.target === null;
        if (isIdle && !unit.isDone && this.#attempt(unit, leader)) isBusy = true;
      }
    }
    // Nothing new overtakes what is tried again.
    if (this.#units.some((unit) => unit.outstanding === 0)) return isBusy;
    while (this.#waiting.length > this.#head && this.#units.length < unitsMax && this.#ownUnits < ownUnitsMax) {
      const unit = this.#pack();
      this.#units.push(unit);
      if (unit.isOwn) this.#ownUnits++;
      const isSent = this.#attempt(unit, leader);
      // Not now: the next tick tries again, so that a refusal costs no more than that.
      if (!isSent || unit.isDissolved) {
        this.#isHeldBack = unit.isDissolved;
        break;
      }
      isBusy = true;
    }
    return isBusy;
  }

  /** Whether this broker, which leads, takes appends now. */
  #isTakenHere(): boolean {
    const refusal = this.#core.replica(this.group)?.appends.refusal();
    if (refusal?.code === 'overloaded') this.#fullBecause = refusal.reason;
    return refusal === null;
  }

  #pack(): Unit {
    const first = this.#waiting[this.#head++] as PendingAppend;
    const members = [first];
    first.recordFrom = 0;
    let trace = first.request.trace ?? null;
    if (isPackable(first)) {
      let bytes = first.request.batch.length;
      let records = first.count;
      for (; this.#head < this.#waiting.length; this.#head++) {
        const next = this.#waiting[this.#head] as PendingAppend;
        // A record grows by up to 14 bytes when it is packed.
        bytes += next.request.batch.length - batchHeaderBytes + next.count * 14;
        if (!isPackable(next) || next.request.level !== first.request.level) break;
        // A batch is one in a log: it is of one trace.
        if (next.request.trace !== undefined && trace !== null) break;
        trace ??= next.request.trace ?? null;
        if (bytes > this.#core.settings.appendBytesMax || records + next.count > recordsPerBatchMax) break;
        next.recordFrom = records;
        members.push(next);
        records += next.count;
      }
    }
    if (this.#head === this.#waiting.length || this.#head > 1024) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    const { requestId, sequence, isSession = false } = first.request;
    const isOwn = requestId === null;
    const producer = isOwn
      ? this.#nextProducer()
      : { id: producerIdOf(this.#core.host.bytes.utf8Encode(requestId)), epoch: 0, baseSequence: sequence, isSession };
    const common = {
      isOwn,
      sequence: producer.baseSequence,
      attempts: 0,
      firstMs: 0,
      lastMs: 0,
      outstanding: 0,
      isUnknown: false,
      isDone: false,
      isDissolved: false,
      target: null,
      trace,
    };
    return { ...common, batch: this.#sealed(members, producer), members };
  }

  #sealed(members: readonly PendingAppend[], producer: Producer): Uint8Array {
    const { bytes } = this.#core.host;
    if (members.length > 1) {
      const batches = members.map(({ request }) => request.batch);
      return packBatches(batches, producer, bytes);
    }
    const given = (members[0] as PendingAppend).request.batch;
    const batch = given.length <= keptBatchBytesMax ? given.slice() : given;
    sealForProducer(batch, producer, bytes);
    return batch;
  }

  #nextProducer(): Producer {
    if (this.#sequence > sequenceMax) {
      this.#sequence = 0;
      this.#epoch++;
    }
    return { id: this.#producerId, epoch: this.#epoch, baseSequence: this.#sequence++ };
  }

  /** False when nothing was sent: the unit is as it was. */
  #attempt(unit: Unit, leader: BrokerId): boolean {
    const nowMs = this.#core.nowMs();
    let deadlineMs = 0;
    for (const append of unit.members) if (append.deadlineMs > deadlineMs) deadlineMs = append.deadlineMs;
    const first = unit.members[0];
    if (first === undefined) return false;
    const { level, expectedOffset, deliverAtMs = null } = first.request;
    const triedForMs = this.#triedForMs(unit, first, nowMs);
    if (unit.attempts === 0) unit.firstMs = nowMs;
    if (unit.trace !== null) this.#sentFirst(unit);
    unit.lastMs = nowMs;
    unit.attempts++;
    unit.outstanding++;
    unit.target = leader;
    const { causes, self } = this.#core;
    const noteSubmit = (): void => causes.submit(this.group, leader, producerId(unit.batch), unit.sequence, unit.attempts);
    if (leader === self) {
      noteSubmit();
      const replica = this.#core.replica(this.group);
      replica?.appends.submit({
        batch: unit.batch,
        level,
        expectedOffset,
        triedForMs,
        deliverAtMs,
        deadlineMs,
        trace: unit.trace,
        answer: (outcome) => {
          if (outcome.ok) this.#ended(unit, leader, { type: 'appended', correlation: 0, ...outcome.value });
          else
            this.#ended(unit, leader, {
              type: 'error',
              correlation: 0,
              code: outcome.error.code,
              message: outcome.error.reason,
              details: outcome.error.details,
            });
        },
      });
      return true;
    }
    // These bytes may wait in the link for long: whoever frames this batch here later does so in a copy.
    takeRoom(unit.batch);
    const remainingMs = Math.max(1, deadlineMs - nowMs);
    const request = { type: 'append' as const, remainingMs, level, expectedOffset, triedForMs, deliverAtMs, batch: unit.batch };
    const waitMs = level === 'all' ? deadlineMs - nowMs + levelGraceMs : this.#resendMs(remainingMs);
    const { spans } = this.#core;
    const span = unit.trace === null ? null : spans.begin('forward', unit.trace, { to: leader, attempt: unit.attempts });
    const answered = (outcome: RequestOutcome, hops: HopList | null): void => {
      if (span !== null) spans.end(span, spanErrorOf(outcome), hopsOf(hops));
      this.#ended(unit, leader, outcome, hops);
    };
    if (this.#requests.send(leader, this.group, request, waitMs, answered, span?.context ?? null)) {
      noteSubmit();
      return true;
    }
    if (span !== null) spans.end(span, 'noLeader');
    unit.attempts--;
    unit.outstanding--;
    unit.target = null;
    this.#dissolveClean();
    return false;
  }

  #resendMs(remainingMs: number): number {
    if (this.#core.replica(this.group) !== undefined) return resendMs;
    return Math.min(resendMs, Math.max(resendMsMin, remainingMs / 2));
  }

  /** The time in the queue of its traced member is over. */
  #sentFirst({ members }: Unit): void {
    for (const member of members) {
      if (member.queued === null) continue;
      this.#core.spans.end(member.queued);
      member.queued = null;
    }
  }

  /** How long ago this was first tried, here or by whoever asked; null where it never was. */
  #triedForMs({ attempts, firstMs }: Unit, { request, deadlineMs }: PendingAppend, nowMs: number): number | null {
    const { firstAttemptMs, timeoutMs } = request;
    const own = attempts > 0 ? nowMs - firstMs : null;
    if (firstAttemptMs === undefined) return own;
    const arrivedMs = deadlineMs - Math.max(0, timeoutMs);
    return Math.max(own ?? 0, firstAttemptMs + Math.max(0, nowMs - arrivedMs));
  }

  #ended(unit: Unit, to: BrokerId, outcome: RequestOutcome, hops: HopList | null = null): void {
    unit.outstanding--;
    // An attempt at an earlier leader may go on being outstanding, for as long as the link to it is slow: the next does not wait for that.
    if (unit.target === to) unit.target = null;
    if (unit.isDone) return;
    switch (outcome.type) {
      case 'appended':
        this.#whereabouts.led(this.group, to);
        return this.#reached(unit, outcome, hops);
      case 'error':
        return this.#refused(unit, outcome.code, outcome.message, outcome.details);
      default:
        // Lost, or an answer that this request cannot have.
        unit.isUnknown = true;
        // The next has been found already where somebody else was asked.
        if (this.#leader === to) this.#whereabouts.refused(this.group, null);
        this.#mayRetry = true;
        this.#core.wake();
    }
  }

  #reached(unit: Unit, value: Appended, hops: HopList | null): void {
    this.#fullBecause = null;
    this.#finish(unit);
    // A hit after an attempt whose outcome was not known is that attempt, unless the caller had made one before.
    const isRetry = unit.members[0]?.request.firstAttemptMs !== undefined;
    this.#edge.reached(unit.members, value, value.duplicate && (isRetry || !unit.isUnknown), hops);
  }

  #refused(unit: Unit, code: ErrorCode, reason: string, details: ErrorDetails): void {
    const requestOutcome = requestOutcomeOf(code, details);
    const judged = judge({ code, details: { requestOutcome } }, { isUncertain: unit.isUnknown, isRepeatable: true });
    if (isTriedAmongBrokers(code)) {
      if (code === 'overloaded') this.#fullBecause = reason;
      unit.isUnknown = judged.isUncertain;
      this.#whereabouts.refused(this.group, details['leader']);
      // The next tick, link or leader tries again.
      this.#dissolveClean();
      return;
    }
    this.#finish(unit);
    // The numbers of this broker's own batches come in any order: that newer ones are in the log says nothing of an old one.
    if (unit.isOwn && code === 'duplicateSequence') unit.isUnknown = true;
    // An earlier attempt may still be appended by whoever has it, unless the refusal speaks of all of them.
    const isCertain = !unit.isUnknown || (judged.proves !== 'unknown' && !unit.isOwn) || code === 'levelNotReached';
    for (const append of unit.members) {
      if (isCertain) this.#edge.failed(append, code, reason, details);
      else this.#edge.failed(append, 'timeout', `an earlier attempt was not answered, and then ${reason}`, details);
    }
  }

  /** Units that are certainly in no log go back to where they came from, in order: they may be packed anew and refused cleanly. */
  #dissolveClean(): void {
    const clean = this.#units.filter((unit) => unit.outstanding === 0 && !unit.isUnknown && !unit.isDone);
    if (clean.length === 0) return;
    for (const unit of clean) {
      unit.isDissolved = true;
      this.#finish(unit);
    }
    this.#waiting = [...clean.flatMap((unit) => unit.members), ...this.#waiting.slice(this.#head)];
    this.#head = 0;
  }

  #finish(unit: Unit): void {
    unit.isDone = true;
    const index = this.#units.indexOf(unit);
    if (index < 0) return;
    this.#units.splice(index, 1);
    if (unit.isOwn) this.#ownUnits--;
  }

  /** Where no replica here would know, nobody says that the leader has changed while the link to the one before stands. */
  #doubt(nowMs: number): void {
    const [oldest] = this.#units;
    if (oldest === undefined || oldest.target === null || nowMs - oldest.lastMs < doubtAfterMs) return;
    this.#askWhoLeads(oldest.target);
  }

  #askWhoLeads(silent: BrokerId | null): void {
    this.#whereabouts.ask(this.group, silent, () => {
      this.retry(true);
      this.#core.wake();
    });
  }

  expire(nowMs: number): void {
    this.#doubt(nowMs);
    if (nowMs < this.#nextDeadlineMs) return;
    this.#nextDeadlineMs = Number.POSITIVE_INFINITY;
    const note = (deadlineMs: number): void => {
      this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, deadlineMs);
    };
    const leader = this.#whereabouts.knownLeaderOf(this.group);
    for (const append of this.#takeWaiting()) {
      if (nowMs < append.deadlineMs) {
        note(append.deadlineMs);
        this.#waiting.push(append);
      } else if (leader === null) {
        this.#edge.failed(append, 'noLeader', `no leader was found within ${append.request.timeoutMs} ms`, {});
      } else {
        this.#edge.failed(
          append,
          'notAppendedInTime',
          `broker ${leader} leads it and did not take the append within ${append.request.timeoutMs} ms${this.#fullBecause === null ? '' : `: ${this.#fullBecause}`}`,
          {},
        );
      }
    }
    for (const unit of this.#units.slice()) this.#expireUnit(unit, nowMs, note);
  }

  #takeWaiting(): PendingAppend[] {
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    return waiting;
  }

  #expireUnit(unit: Unit, nowMs: number, note: (deadlineMs: number) => void): void {
    const left: Unit['members'] = [];
    for (const member of unit.members) {
      const { deadlineMs, request } = member;
      const limitMs = request.level === 'all' && unit.outstanding > 0 ? deadlineMs + levelGraceMs : deadlineMs;
      if (nowMs < limitMs) {
        note(limitMs);
        left.push(member);
      } else {
        this.#edge.failed(member, 'timeout', `not confirmed within ${request.timeoutMs} ms`, {});
      }
    }
    unit.members = left;
    if (left.length === 0) this.#finish(unit);
  }

  /** Answers everything with this failure and forgets it; what may be in a log with `sentCode`, which must not claim that it is not. */
  abandon(code: ErrorCode, sentCode: ErrorCode, reason: string): void {
    const units = this.#units;
    const waiting = this.#takeWaiting();
    this.#units = [];
    this.#ownUnits = 0;
    for (const unit of units) {
      unit.isDone = true;
      for (const append of unit.members) this.#edge.failed(append, sentCode, reason, {});
    }
    for (const append of waiting) this.#edge.failed(append, code, reason, {});
  }
}

/** Only what no caller can name again is packed. A large batch gains nothing from company, and packing copies every record. */
const isPackable = ({ request }: PendingAppend): boolean =>
  request.requestId === null && request.expectedOffset === null && request.batch.length <= keptBatchBytesMax;
