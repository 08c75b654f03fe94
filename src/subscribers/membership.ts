import { type Task, wait } from '../base/task.ts';
import {
  type Answer,
  type LeaveRequest,
  type Outcome,
  type PullRequest,
  sessionMsDefault,
  type Share,
  workersMax,
  workerTopicsMax,
} from '../eventlog/index.ts';
import type { Clock } from '../host/index.ts';
import type { CommandOfSubscriber, CursorAt, SubscriberOutcome } from './commands.ts';
import { type Failed, failure, refused } from './refusals.ts';
import { hasGiven } from './retries.ts';
import { areSame, type Cursor, holderOf, implicitWorker, pullerOf, type Subscriber, type Worker } from './subscriber.ts';

export interface MembershipContext {
  readonly clock: Clock;
  submit(command: CommandOfSubscriber, done: Answer<SubscriberOutcome>): void;
  subscriber(id: string): Subscriber | undefined;
  /** Of whoever leads the group: another one where it was led by others since. */
  term(): number;
}

/** Of a session: a sign of life goes into the log when the last one there is so old. */
const writtenEvery = 1 / 4;
/** Whoever leads has heard nothing for so many sessions. */
const silentFor = 1 + writtenEvery;
/** What is remembered of workers, and of cursors that are asked back; with more, all of them begin again. */
const heardMax = 100_000;

/** When this broker heard of a worker, and put that into the log; on its monotonic clock. */
interface Heard {
  atMs: number;
  writtenMs: number;
}

/** What a worker comes with. */
interface Coming {
  readonly worker: string;
  readonly epoch?: number | undefined;
  readonly sessionMs?: number | undefined;
  /** Those that it pulls from; null: all; left out: as it was. */
  readonly topics?: readonly string[] | null | undefined;
}

/** Which workers share a subscriber: who joins and stays, who is taken for dead, and who lets go of what (docs/decisions/0034). */
export class Membership {
  readonly #context: MembershipContext;
  /** By epoch. */
  readonly #heard = new Map<number, Heard>();
  /** Since when it is seen that a cursor is asked back, by what it is and when that was asked: asked again for the same worker it begins anew. */
  readonly #asked = new Map<string, number>();
  #term = -1;
  /** Of pulls that wait for records, by subscriber and worker: what they may be given has changed. */
  readonly #wakers = new Map<string, Map<string, Set<() => void>>>();

  constructor(context: MembershipContext) {
    this.#context = context;
  }

  /** It is alive: joins where it is none yet. A sign of life alone is not waited for. */
  *enter(
    subscriber: Subscriber,
    { worker: name, epoch, sessionMs, topics }: Coming,
    doing: string,
  ): Task<Failed | { readonly worker: Worker }> {
    const known = subscriber.workers.get(name);
    if (epoch !== undefined && known?.epoch !== epoch) return refused(doing, 'unknownWorker');
    const of = topics === undefined ? (known?.topics ?? null) : topics === null ? null : [...new Set(topics)].sort();
    if (of !== null && of.length > workerTopicsMax)
      return failure(
        'invalidRequest',
        doing,
        `one of several workers pulls from at most ${workerTopicsMax} topics by their names, or from all`,
      );
    const { id, made } = subscriber;
    const wanted = sessionMs ?? known?.sessionMs ?? sessionMsDefault;
    const common = { type: 'heartbeat', subscriber: id, made, worker: name, sessionMs: wanted, workersMax } as const;
    if (known !== undefined) {
      const isDue = this.#hear(known);
      if (known.sessionMs === wanted && areSame(known.topics, of)) {
        if (isDue) this.#context.submit({ ...common, epoch: known.epoch }, () => undefined);
        return { worker: known };
      }
    }
    const outcome = yield* this.#change(subscriber, { ...common, epoch: known?.epoch ?? null, topics: of });
    if (!outcome.ok) return outcome;
    if (outcome.value !== 'done' && outcome.value !== 'created') return refused(doing, outcome.value);
    const now = this.#context.subscriber(id);
    const worker = now?.made === made ? now.workers.get(name) : undefined;
    if (worker === undefined) return refused(doing, 'unknownWorker');
    this.#hear(worker);
    return { worker };
  }

  /** Those of whom nothing was heard for their sessions, and what was asked back for so long. */
  *look(subscriber: Subscriber): Task<void> {
    const { id, made, workers, cursors } = subscriber;
    const silent = [...workers.values()].flatMap(({ name: worker, epoch, heardAt, sessionMs }) => {
      const silentMs = Math.floor(this.#silenceOf(epoch));
      return silentMs >= sessionMs * silentFor ? [{ worker, epoch, heardAt, silentMs }] : [];
    });
    if (silent.length > 0) yield* this.#change(subscriber, { type: 'expire', subscriber: id, made, workers: silent });
    const late = [...cursors.values()].flatMap((cursor) => {
      const holder = isAskedBack(cursor) ? workers.get(holderOf(cursor)) : undefined;
      const waitedMs = holder === undefined ? 0 : this.#waitedFor(cursor);
      return holder !== undefined && waitedMs >= holder.sessionMs ? [{ ...at(cursor), waitedMs }] : [];
    });
    if (late.length > 0) yield* this.#change(subscriber, { type: 'move', subscriber: id, made, cursors: late });
  }

  /** What it is asked for, and has nothing of any more. Before, its numbered pull acknowledges what the one before it gave: true where it did. */
  *letGo(subscriber: Subscriber, { mode, number, after = [] }: PullRequest, name: string): Task<boolean> {
    const { id, made } = subscriber;
    const asked = [...subscriber.cursors.values()].filter((cursor) => isAskedBack(cursor) && holderOf(cursor) === name);
    if (asked.length === 0) return false;
    const puller = pullerOf(subscriber, name);
    let isSettled = false;
    if (mode === 'automatic' && number !== null && puller !== undefined && puller.given !== null) {
      const outcome = yield* this.#submit({ type: 'settle', subscriber: id, made, number: number - 1, ...workerOf(name) });
      isSettled = outcome.ok && outcome.value === 'done';
    }
    // Whoever goes on behind what it has not acknowledged is not done with it.
    const isOut = ({ topic, partition, generation, offset, retries }: Cursor): boolean =>
      after.some((one) => {
        if (one.topic !== topic || (one.partition ?? 0) !== partition || one.generation !== generation) return false;
        return one.tries === undefined ? one.offset > offset : retries?.get(one.offset - 1)?.tries === one.tries;
      });
    const free = asked.filter(
      (cursor) =>
        isAskedBack(cursor) && holderOf(cursor) === name && cursor.pulledTo <= cursor.offset && !hasGiven(cursor) && !isOut(cursor),
    );
    if (free.length === 0) return isSettled;
    const cursors = free.map((cursor) => ({ ...at(cursor), waitedMs: null }));
    yield* this.#change(subscriber, { type: 'move', subscriber: id, made, cursors });
    return isSettled;
  }

  *leave(subscriber: Subscriber, { worker: name, epoch }: LeaveRequest, attempt: string, doing: string): Task<Outcome<undefined>> {
    const { id, made, workers } = subscriber;
    if (workers.get(name)?.epoch !== epoch) return refused(doing, 'unknownWorker');
    const outcome = yield* this.#change(subscriber, { type: 'leave', subscriber: id, made, worker: name, epoch, attempt });
    if (!outcome.ok) return outcome;
    return outcome.value === 'done' ? { ok: true, value: undefined } : refused(doing, outcome.value);
  }

  /** What wakes the pulls of a worker that wait. */
  wakersOf(id: string, worker: string): Set<() => void> {
    const ofAll = this.#wakers.get(id) ?? new Map<string, Set<() => void>>();
    this.#wakers.set(id, ofAll);
    const wakers = ofAll.get(worker) ?? new Set();
    ofAll.set(worker, wakers);
    return wakers;
  }

  /** Nobody waits any more. */
  forget(id: string, worker: string): void {
    const ofAll = this.#wakers.get(id);
    if (ofAll?.get(worker)?.size === 0) ofAll.delete(worker);
    if (ofAll?.size === 0) this.#wakers.delete(id);
  }

  /** Changes who holds what, and wakes those that hold something else then, or are asked for it: the others wait on. */
  *#change(subscriber: Subscriber, command: CommandOfSubscriber): Task<Outcome<SubscriberOutcome>> {
    const { id, cursors } = subscriber;
    const before = this.#wakers.has(id) ? new Map([...cursors.values()].map((cursor) => [cursor, holdingOf(cursor)])) : null;
    const outcome = yield* this.#submit(command);
    const changed = new Set<string>();
    for (const [cursor, was] of before ?? []) {
      const is = holdingOf(cursor);
      if (is.holder !== was.holder) changed.add(was.holder);
      if (is.holder !== was.holder || is.next !== was.next) changed.add(is.holder);
    }
    for (const worker of changed) for (const wake of this.#wakers.get(id)?.get(worker) ?? []) wake();
    return outcome;
  }

  /** True where that is to go into the log. */
  #hear({ epoch, sessionMs }: Worker): boolean {
    const nowMs = this.#context.clock.monotonicMs();
    const heard = this.#heardOf(epoch, nowMs);
    heard.atMs = nowMs;
    if (nowMs - heard.writtenMs < sessionMs * writtenEvery) return false;
    heard.writtenMs = nowMs;
    return true;
  }

  #silenceOf(epoch: number): number {
    const nowMs = this.#context.clock.monotonicMs();
    return nowMs - this.#heardOf(epoch, nowMs).atMs;
  }

  #waitedFor({ topicId, partition, generation, held }: Cursor): number {
    const nowMs = this.#context.clock.monotonicMs();
    this.#forgetOfBefore();
    const key = `${topicId}/${partition}/${generation}/${held?.next?.sinceMs ?? ''}`;
    const sinceMs = this.#asked.get(key) ?? nowMs;
    this.#asked.set(key, sinceMs);
    return Math.floor(nowMs - sinceMs);
  }

  /** What others have heard while they led is not known here: a session begins when it is looked at first. */
  #heardOf(epoch: number, nowMs: number): Heard {
    this.#forgetOfBefore();
    let heard = this.#heard.get(epoch);
    if (heard === undefined) this.#heard.set(epoch, (heard = { atMs: nowMs, writtenMs: Number.NEGATIVE_INFINITY }));
    return heard;
  }

  #forgetOfBefore(): void {
    const term = this.#context.term();
    if (term !== this.#term || this.#heard.size >= heardMax) this.#heard.clear();
    if (term !== this.#term || this.#asked.size >= heardMax) this.#asked.clear();
    this.#term = term;
  }

  #submit(command: CommandOfSubscriber): Task<Outcome<SubscriberOutcome>> {
    return wait((done) => this.#context.submit(command, done));
  }
}

/** For a command; the implicit one bears no name there. */
export const workerOf = (name: string): { readonly worker?: string } => (name === implicitWorker ? {} : { worker: name });

export const shownWorker = (name: string): string | null => (name === implicitWorker ? null : name);

const holdingOf = (cursor: Cursor) => ({ holder: holderOf(cursor), next: cursor.held?.next?.worker ?? null });

export const isAskedBack = ({ held }: Cursor): boolean => held !== null && held.next !== null;

export function shareOf({ workers, cursors }: Subscriber, { name, epoch, sessionMs }: Worker): Share {
  const mine = [...cursors.values()].filter((cursor) => holderOf(cursor) === name);
  return {
    worker: shownWorker(name),
    epoch,
    sessionMs,
    holds: mine.length,
    askedBack: mine.filter(isAskedBack).length,
    workers: workers.size,
    partitions: cursors.size,
  };
}

const at = ({ topicId, partition, generation }: Cursor): CursorAt => ({ topicId, partition, generation });
