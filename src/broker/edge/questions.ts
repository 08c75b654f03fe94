import type { GroupId } from '../../base/branded.ts';
import { type ErrorCode, errorCatalogue } from '../../base/errors.ts';
import { type Answer, isTriedAmongBrokers, LogError, type Outcome } from '../../eventlog/index.ts';
import { type Core, failure } from '../core.ts';
import { decodeOutcome, encodeOutcome } from './outcomes.ts';
import type { Requests } from './requests.ts';
import type { Whereabouts } from './whereabouts.ts';

/** What a question may take beside its own waiting. */
const askedMs = 8000;
const againMs = 50;
/** An answer that does not come is asked for again; whoever was asked may have lost its office, or its links. */
const attemptMs = 2500;
/** Whoever waits for records through another broker asks again after this. */
const passedOnWaitMs = 2000;
const questionsMax = 20_000;

/** What is asked of whoever leads a group. */
export interface Question<Call> {
  readonly group: GroupId;
  /** `Cannot <doing>: ...` */
  readonly doing: string;
  /** How long whoever is asked is to wait for what may come; 0 where it is left out. */
  readonly waitMs?: number;
  /** As it is asked of one that is to wait so long of that. */
  call(waitMs: number): Call;
  /** An answer after which it is asked again at once, while it may wait. */
  readonly isToGoOn?: (value: unknown) => boolean;
  /** An attempt without an answer may have taken effect. */
  readonly isChange: boolean;
  /** What it gives is given once: it is not asked again behind an attempt of which nobody knows. */
  readonly isOnce?: boolean;
  /**
   * What a refusal says of an attempt before of which nobody knows: that one has `done` it, the refusal is `final` for that one too, or nobody can tell (left out).
   */
  readonly refusalSays?: (code: ErrorCode) => 'done' | 'final' | null;
}

export interface QuestionsOptions<Call> {
  readonly core: Core;
  readonly requests: Requests;
  readonly whereabouts: Whereabouts;
  /** `Cannot answer for <what>: ...` */
  readonly what: string;
  encode(call: Call): string;
  /** Null for what is none. */
  decode(json: string): Call | null;
  /** Who answers for a group that this broker leads; undefined while nobody does. */
  answering(group: GroupId): { answer(call: Call, answer: Answer<unknown>): void } | undefined;
}

/** One of them, until it is answered. */
interface Asked<Call> {
  readonly question: Question<Call>;
  readonly answer: Answer<unknown>;
  /** When it gives up waiting for what may come. */
  readonly waitUntilMs: number;
  isOver: boolean;
  /** An attempt at it is on its way, or being answered. */
  isUnderWay: boolean;
  /** An attempt at it may have taken effect. */
  isUncertain: boolean;
  /** What was heard last. */
  last: LogError | null;
  stop: () => void;
}

/** Questions to whoever leads the group that keeps something, here or elsewhere: asked until they are answered, or their time is over. */
export class Questions<Call> {
  readonly #core: Core;
  readonly #options: QuestionsOptions<Call>;
  readonly #asked = new Set<Asked<Call>>();

  constructor(options: QuestionsOptions<Call>) {
    this.#core = options.core;
    this.#options = options;
  }

  ask(question: Question<Call>, answer: Answer<unknown>): void {
    const { doing, waitMs = 0 } = question;
    if (this.#asked.size >= questionsMax)
      return this.#core.later(() => answer(failure('overloaded', `Cannot ${doing}: ${questionsMax} such questions wait already`)));
    const begun = { isOver: false, isUnderWay: false, isUncertain: false, last: null };
    const asked: Asked<Call> = { question, answer, waitUntilMs: this.#core.nowMs() + waitMs, ...begun, stop: () => timer.cancel() };
    const timer = this.#core.host.clock.startTimer(waitMs + askedMs, () => this.#late(asked));
    this.#asked.add(asked);
    this.#attempt(asked);
  }

  /** Asked by another broker, of a group that is led here. */
  receive(group: GroupId, json: Uint8Array, answer: (json: string, batches: readonly Uint8Array[]) => void): void {
    const { what } = this.#options;
    const tell = (outcome: Outcome<unknown>): void => {
      const { json: text, batches } = encodeOutcome(outcome);
      answer(text, batches);
    };
    const call = this.#options.decode(this.#core.host.bytes.utf8Decode(json));
    if (call === null) return tell(failure('internal', `Cannot answer for ${what}: the question was not understood`));
    const leader = this.#core.replica(group)?.raft.leader ?? null;
    const answering = leader === this.#core.self ? this.#options.answering(group) : undefined;
    if (answering !== undefined) return answering.answer(call, tell);
    tell(failure(leader === null ? 'starting' : 'notLeader', `Cannot answer for ${what}: their group is not led here`, { leader }));
  }

  /** Nobody will answer any more. */
  abandon(code: ErrorCode, reason: string): void {
    for (const asked of this.#asked) {
      const told = errorCatalogue[code].definite && mayBeDone(asked) ? 'timeout' : code;
      this.#end(asked, failure(told, `Cannot ${asked.question.doing}: ${reason}`));
    }
  }

  #late(asked: Asked<Call>): void {
    const { last, question } = asked;
    const isDoubtful = mayBeDone(asked);
    if (last !== null && (last.definite || asked.isUncertain)) {
      const code = isDoubtful && last.definite ? 'timeout' : last.code;
      return this.#end(asked, failure(code, `Cannot ${question.doing}: ${last.message}`, last.details));
    }
    const code = isDoubtful ? 'timeout' : 'noLeader';
    this.#end(asked, failure(code, `Cannot ${question.doing}: nobody who keeps it has answered in time`));
  }

  #attempt(asked: Asked<Call>): void {
    if (asked.isOver) return;
    const { question } = asked;
    const { group } = question;
    const { whereabouts, requests } = this.#options;
    const leftMs = Math.max(0, asked.waitUntilMs - this.#core.nowMs());
    const leader = whereabouts.leaderOf(group);
    if (leader === null) return this.#again(asked);
    if (leader === this.#core.self) {
      const answering = this.#options.answering(group);
      if (answering === undefined) return this.#again(asked);
      asked.isUnderWay = true;
      return answering.answer(question.call(leftMs), (outcome) => this.#heard(asked, outcome));
    }
    const waitMs = Math.min(leftMs, passedOnWaitMs);
    const json = this.#core.host.bytes.utf8Encode(this.#options.encode(question.call(waitMs)));
    asked.isUnderWay = requests.send(leader, group, { type: 'subscribers', json }, waitMs + attemptMs, (said) => {
      if (asked.isOver) return;
      if (said.type === 'error') return this.#heard(asked, { ok: false, error: new LogError(said.code, said.message, said.details) });
      const outcome = said.type === 'subscribers' ? decodeOutcome(said.json, said.batches) : null;
      if (outcome === null) return this.#lost(asked);
      if (outcome.ok) whereabouts.led(group, leader);
      this.#heard(asked, outcome);
    });
    if (!asked.isUnderWay) {
      whereabouts.refused(group, null);
      this.#again(asked);
    }
    this.#core.wake();
  }

  #lost(asked: Asked<Call>): void {
    const { group, doing, isOnce = false } = asked.question;
    asked.isUnderWay = false;
    this.#options.whereabouts.refused(group, null);
    if (isOnce) return this.#end(asked, failure('timeout', `Cannot ${doing}: the answer was lost, and what it gave is not given again`));
    asked.isUncertain = true;
    this.#again(asked);
  }

  #again(asked: Asked<Call>): void {
    if (!asked.isOver) this.#core.host.clock.startTimer(againMs, () => this.#attempt(asked));
  }

  #heard(asked: Asked<Call>, outcome: Outcome<unknown>): void {
    if (asked.isOver) return;
    asked.isUnderWay = false;
    const { question } = asked;
    if (outcome.ok) {
      const goesOn = question.isToGoOn?.(outcome.value) === true && this.#core.nowMs() < asked.waitUntilMs;
      return goesOn ? this.#attempt(asked) : this.#end(asked, outcome);
    }
    const { error } = outcome;
    if (asked.isUncertain && question.refusalSays?.(error.code) === 'done') return this.#end(asked, { ok: true, value: undefined });
    if (!isTriedAmongBrokers(error.code)) return this.#end(asked, ofAll(asked, error));
    if (error.code === 'notLeader' || error.code === 'starting') this.#options.whereabouts.refused(question.group, error.details['leader']);
    if (!errorCatalogue[error.code].definite) {
      if (question.isOnce === true) return this.#end(asked, outcome);
      asked.isUncertain = true;
    }
    asked.last = error;
    this.#again(asked);
  }

  #end(asked: Asked<Call>, outcome: Outcome<unknown>): void {
    if (asked.isOver) return;
    asked.isOver = true;
    asked.stop();
    this.#asked.delete(asked);
    this.#core.later(() => asked.answer(outcome));
  }
}

/** Whoever has it now may do it yet. */
const mayBeDone = ({ question, isUncertain, isUnderWay }: Asked<unknown>): boolean => question.isChange && (isUncertain || isUnderWay);

/** What is refused now may be what an attempt before has done, so that it does not hold for all of them. */
function ofAll(asked: Asked<unknown>, error: LogError): Outcome<unknown> {
  const { doing, refusalSays } = asked.question;
  if (!error.definite || !mayBeDone(asked) || refusalSays?.(error.code) === 'final') return { ok: false, error };
  const reason = `it may have been done, and tried again it is refused: ${error.message}`;
  return failure('timeout', `Cannot ${doing}: ${reason}`, error.details);
}
