import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { TraceContext } from '../../base/trace-context.ts';
import type { ErrorCode } from '../../base/errors.ts';
import {
  type Answer,
  type EndRequest,
  type EndResult,
  type Freshness,
  LogError,
  type Outcome,
  type PartitionStatus,
  type ReadRequest,
  type ReadResult,
} from '../../eventlog/index.ts';
import { askedGroupsMax, type HopList, type PeerAnswer } from '../../wire/index.ts';
import { type Core, failure } from '../core.ts';
import { catalogGroup } from '../well-known.ts';
import { freshnessMs } from './reads.ts';
import { hopsOf, type Requests, spanErrorOf, type UnnumberedRequest } from './requests.ts';
import { parseStatuses } from './said-statuses.ts';
import type { Whereabouts } from './whereabouts.ts';

/** Questions under way to others at once: those that wait for records hold nothing, and an answer is at most `passedOnBytesMax` long. */
const questionsMax = 1024;
/** Largest answer to a read that was passed on: whoever wants more asks again, so that a long read holds no more than this on its way. */
export const passedOnBytesMax = 1024 * 1024;
/** Whoever waits for records of a topic elsewhere asks again after this, in case its replica is no more. */
export const passedOnWaitMs = 2000;
const againMs = 50;
/** An answer that does not come is asked for again, of another: it may have been lost. */
const attemptMs = 1500;
/** A description says what is known after this. */
const statusMs = 1000;

interface Question {
  readonly group: GroupId;
  readonly deadlineMs: number;
  /** Ends with nothing where the caller went away. */
  isOver: boolean;
  fail(code: ErrorCode, reason: string): void;
  failWith(error: LogError): void;
}

/** What another replica may do where one could not. */
const triedElsewhere: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'notLeader',
  'noLeader',
  'starting',
  'shuttingDown',
  'crashed',
  'fenced',
  'diskFailed',
  'notCurrent',
  'unknownTopic',
  'internal',
  'overloaded',
]);

/** Reads of topics that have no replica here, passed on to a broker that has one: the leader, where it is known. */
export class Elsewhere {
  readonly #core: Core;
  readonly #requests: Requests;
  readonly #whereabouts: Whereabouts;
  readonly #questions = new Set<Question>();
  /** The highest high watermark that was told of each group: what is read through one broker never goes back, whichever replica answers. */
  readonly #shown = new Map<GroupId, number>();

  constructor(core: Core, requests: Requests, whereabouts: Whereabouts) {
    this.#core = core;
    this.#requests = requests;
    this.#whereabouts = whereabouts;
  }

  get count(): number {
    return this.#questions.size;
  }

  read(request: ReadRequest, group: GroupId, answer: Answer<ReadResult>): void {
    const { topic, freshness, sessionOffset, cancel } = request;
    const startMs = this.#core.nowMs();
    const bytesMax = Math.min(request.bytesMax, passedOnBytesMax);
    const untilMs = startMs + Math.max(0, request.waitMs);
    // No log time is before 0, and none can be said on the way.
    const sinceMs = request.sinceMs === null ? null : Math.max(0, request.sinceMs);
    let { offsetFrom } = request;
    /** Where the answer begins, however often it had to be asked for. */
    let begins: number | null = null;
    const question = this.#begin(group, `read topic "${topic}"`, untilMs + freshnessMs, answer);
    if (question === null) return;
    const end = (outcome: Outcome<ReadResult>): void => {
      if (cancel !== undefined) cancel.onCancel = null;
      this.#end(question, () => answer(outcome));
    };
    const nothing = (from: number): ReadResult => {
      const known = { highWatermark: from, logStartOffset: 0, asOfMs: this.#core.nowMs() - startMs, lag: 0 };
      return { topic, offsetFrom: begins ?? from, offsetNext: from, batches: [], ...known };
    };
    if (cancel !== undefined) cancel.onCancel = () => end({ ok: true, value: nothing(offsetFrom ?? 0) });
    const ask = (): void => {
      const askedMs = this.#core.nowMs();
      const waitMs = Math.min(Math.max(0, untilMs - askedMs), passedOnWaitMs);
      const least = this.#least(group, freshness, sessionOffset);
      const asked = { type: 'read', ...least, offsetFrom, sinceMs, bytesMax, waitMs } as const;
      this.#ask(
        question,
        asked,
        waitMs,
        (said, way) => {
          if (said.type !== 'records') return question.fail('internal', 'it was answered by something else');
          const { type: _type, correlation: _correlation, ...found } = said;
          this.#show(group, found.highWatermark);
          begins ??= found.offsetFrom;
          // What travelled is older by that; what a leader has confirmed for this read is not.
          const asOfMs = freshness === 'linearizable' && found.asOfMs === 0 ? 0 : older(found.asOfMs, this.#core.nowMs() - askedMs);
          const isSpent = this.#core.nowMs() >= untilMs;
          if (found.batches.length > 0 || isSpent || cancel?.cancelled === true)
            return end({
              ok: true,
              value: { topic, ...found, offsetFrom: begins, asOfMs, ...(request.tellHops === true && way !== null ? { hops: way } : {}) },
            });
          offsetFrom = found.offsetNext;
          ask();
        },
        request.trace ?? null,
      );
    };
    ask();
  }

  end({ topic, freshness }: EndRequest, group: GroupId, answer: Answer<EndResult>): void {
    const startMs = this.#core.nowMs();
    const question = this.#begin(group, `read the end of topic "${topic}"`, startMs + freshnessMs, answer);
    if (question === null) return;
    const ask = (): void => {
      const shown = this.#shown.get(group) ?? 0;
      this.#ask(question, { type: 'end', freshness }, 0, (said) => {
        if (said.type !== 'end') return question.fail('internal', 'it was answered by something else');
        if (said.offset < shown) {
          this.#whereabouts.refused(group, null);
          if (this.#core.nowMs() < question.deadlineMs) return void this.#core.host.clock.startTimer(againMs, ask);
          return question.fail('notCurrent', `none of the brokers that have it shows it up to ${shown}, as one has before`);
        }
        this.#show(group, said.offset);
        const asOfMs = freshness === 'linearizable' && said.asOfMs === 0 ? 0 : older(said.asOfMs, this.#core.nowMs() - startMs);
        this.#end(question, () => answer({ ok: true, value: { topic, offset: said.offset, freshness, asOfMs } }));
      });
    };
    ask();
  }

  #least(group: GroupId, freshness: Freshness, sessionOffset: number): { readonly freshness: Freshness; readonly sessionOffset: number } {
    const shown = this.#shown.get(group) ?? 0;
    if (freshness === 'linearizable' || shown === 0) return { freshness, sessionOffset };
    return { freshness: 'session', sessionOffset: Math.max(shown, freshness === 'session' ? sessionOffset : 0) };
  }

  #show(group: GroupId, highWatermark: number): void {
    this.#shown.set(group, Math.max(this.#shown.get(group) ?? 0, highWatermark));
  }

  /** What brokers that have these say of them, as far as they answer in time. */
  statuses(groups: readonly GroupId[], done: (statuses: ReadonlyMap<number, PartitionStatus>) => void): void {
    const statuses = new Map<number, PartitionStatus>();
    const asked = new Map<BrokerId, GroupId[]>();
    for (const group of groups) {
      const peer = this.#whereabouts.leaderOf(group);
      if (peer === null) continue;
      const some = asked.get(peer);
      if (some === undefined) asked.set(peer, [group]);
      else some.push(group);
    }
    const questions = [...asked].flatMap(([peer, some]) => cut(some, askedGroupsMax).map((part) => ({ peer, part })));
    let left = questions.length;
    const heard = (json: string | null): void => {
      for (const status of json === null ? [] : parseStatuses(json)) statuses.set(status.group, status);
      if (--left === 0) done(statuses);
    };
    if (left === 0) return done(statuses);
    for (const { peer, part } of questions) {
      const isSent = this.#requests.send(peer, catalogGroup, { type: 'partitions', groups: part }, statusMs, (outcome) =>
        heard(outcome.type === 'status' ? outcome.json : null),
      );
      if (!isSent) heard(null);
    }
    this.#core.wake();
  }

  nextSequence(topic: string, requestId: Uint8Array, group: GroupId, answer: Answer<number>): void {
    const question = this.#begin(group, `look up a request of topic "${topic}"`, this.#core.nowMs() + freshnessMs, answer);
    if (question === null) return;
    this.#ask(question, { type: 'nextSequence', requestId }, 0, (said) => {
      if (said.type === 'number') this.#end(question, () => answer({ ok: true, value: said.value }));
      else question.fail('internal', 'it was answered by something else');
    });
  }

  #begin<Value>(group: GroupId, doing: string, deadlineMs: number, answer: Answer<Value>): Question | null {
    const refuse = (code: ErrorCode, reason: string): void => this.#core.later(() => answer(failure(code, `Cannot ${doing}: ${reason}`)));
    if (this.#questions.size >= questionsMax) {
      refuse('overloaded', `${questionsMax} reads of topics that are elsewhere wait already`);
      return null;
    }
    const failWith = (error: LogError): void => this.#end(question, () => answer({ ok: false, error }));
    const fail = (code: ErrorCode, reason: string): void => failWith(new LogError(code, `Cannot ${doing}: ${reason}`));
    const question: Question = { group, deadlineMs, isOver: false, fail, failWith };
    this.#questions.add(question);
    return question;
  }

  #end(question: Question, answer: () => void): void {
    if (question.isOver) return;
    question.isOver = true;
    this.#questions.delete(question);
    this.#core.later(answer);
  }

  /** One replica after another, until one says something that another would not say better, or the time is over. */
  #ask(
    question: Question,
    request: UnnumberedRequest,
    waitMs: number,
    done: (answer: PeerAnswer, hops: HopList | null) => void,
    trace: TraceContext | null = null,
  ): void {
    if (question.isOver) return;
    const { group } = question;
    const peer = this.#whereabouts.leaderOf(group);
    const again = (code: ErrorCode, reason: string): void => {
      if (question.isOver) return;
      if (this.#core.nowMs() >= question.deadlineMs) question.fail(code, reason);
      else this.#core.host.clock.startTimer(againMs, () => this.#ask(question, request, waitMs, done, trace));
    };
    const lost = (): void => {
      this.#whereabouts.refused(group, null);
      again('notCurrent', 'none of the brokers that have it answered in time');
    };
    if (peer === null) return again('noLeader', 'none of the brokers that have it can be reached');
    const { spans } = this.#core;
    const span = trace === null ? null : spans.begin('forward', trace, { to: peer });
    const isSent = this.#requests.send(
      peer,
      group,
      request,
      waitMs + attemptMs,
      (outcome, hops) => {
        if (span !== null) spans.end(span, spanErrorOf(outcome), hopsOf(hops));
        if (question.isOver) return;
        if (outcome.type === 'lost') lost();
        else if (outcome.type === 'error') this.#refused(question, peer, outcome, again);
        else done(outcome, hops);
      },
      span?.context ?? null,
    );
    if (!isSent) {
      if (span !== null) spans.end(span, 'noLeader');
      lost();
    }
    this.#core.wake();
  }

  #refused(
    question: Question,
    peer: BrokerId,
    { code, message, details }: PeerAnswer & { readonly type: 'error' },
    again: (code: ErrorCode, reason: string) => void,
  ): void {
    if (!triedElsewhere.has(code)) return question.failWith(new LogError(code, message, details));
    this.#whereabouts.refused(question.group, details['leader']);
    again(code, `broker ${peer} says: ${message}`);
  }

  /** The topic is gone. */
  drop(group: GroupId): void {
    this.#shown.delete(group);
    for (const question of this.#questions) if (question.group === group) question.fail('unknownTopic', 'it was deleted');
  }

  /** Nobody will answer any more. */
  abandon(code: ErrorCode, reason: string): void {
    for (const question of this.#questions) question.fail(code, reason);
  }
}

/** What is of no known age stays so. */
const older = (asOfMs: number, byMs: number): number => Math.min(Number.MAX_SAFE_INTEGER, asOfMs + byMs);

const cut = <Value>(values: readonly Value[], length: number): Value[][] =>
  Array.from({ length: Math.ceil(values.length / length) }, (_, index) => values.slice(index * length, (index + 1) * length));
