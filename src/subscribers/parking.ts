import { runTask, type Task, wait } from '../base/task.ts';
import {
  type Outcome,
  type ParkedChange,
  type ParkedChanged,
  type ParkedDescription,
  type ParkedPage,
  type ParkedQuery,
  type ParkedRecord,
  type ParkedRequest,
  topicPageMax,
} from '../eventlog/index.ts';
import type { Group } from './group.ts';
import { parkedBatch, recordIn } from './parked-record.ts';
import type { InRetry, Redelivery } from './redelivery.ts';
import { failure, refused } from './refusals.ts';
import { shownClient } from './requests.ts';
import type { ToPark } from './retries.ts';
import { type Cursor, cursorKey, type Parked, type Retry, type Subscriber } from './subscriber.ts';

/** What could not be parked is tried again after this. */
const againMs = 1000;

/** Records that have failed too often: whoever leads the group copies them to the topic of parked records, and only then are their cursors done with them. */
export class Parking {
  readonly #group: Group;
  readonly #redelivery: Redelivery;
  /** Nobody has them any more, as a pull has found; by what they are. */
  readonly #gone = new Map<string, ToPark>();
  #isBusy = false;
  #againAtMs = Number.NEGATIVE_INFINITY;

  constructor(group: Group, redelivery: Redelivery) {
    this.#group = group;
    this.#redelivery = redelivery;
  }

  /** Parks what is to be parked, one after another, where nobody is at it. */
  work(): void {
    const { state, clock } = this.#group.context;
    if (this.#isBusy || state.retries.toParkCount + this.#gone.size === 0 || clock.monotonicMs() < this.#againAtMs) return;
    this.#isBusy = true;
    const gone = [...this.#gone.values()];
    this.#gone.clear();
    runTask(
      () => this.#parkAll([...state.retries.toPark], gone),
      (isDone) => {
        this.#isBusy = false;
        // What came meanwhile.
        if (isDone) this.work();
        else this.#againAtMs = clock.monotonicMs() + againMs;
      },
    );
  }

  *#parkAll(all: readonly ToPark[], gone: readonly ToPark[]): Task<boolean> {
    let isDone = true;
    for (const one of all) if (!(yield* this.#park(one, false))) isDone = false;
    // What fails is found again by the next pull.
    for (const one of gone) yield* this.#park(one, true);
    return isDone;
  }

  /** Records that nobody has any more are parked without their contents: they are not lost without a word. */
  gone({ id: subscriber, made }: Subscriber, all: readonly InRetry[]): void {
    for (const { cursor, retry } of all) {
      const { topicId, partition } = cursor;
      const { offset } = retry;
      this.#gone.set(`${made}/${topicId}/${partition}/${offset}`, { subscriber, made, topicId, partition, offset });
    }
    this.work();
  }

  /**
   * The append bears a request id that is the same whoever makes it, so it is one record; the command takes effect once, by what it was made from. Whoever dies
   * between the two leaves a record that is to be parked, as it was. False where it is to be tried again.
   */
  *#park(one: ToPark, isOnlyGone: boolean): Task<boolean> {
    const found = this.#find(one);
    if (found === null) return true;
    const { cursor, retry } = found;
    const { offset, since, tries, reason } = retry;
    const { bytes, clock, limits, parkedLog } = this.#group.context;
    const source = yield* this.#redelivery.source(cursor, retry);
    if (source !== 'gone' && 'problem' in source) return false;
    if (source !== 'gone' && isOnlyGone) return true;
    const { subscriber, made, topicId, partition } = one;
    const record = source === 'gone' ? null : recordIn(source.part.batches, offset);
    const from = { subscriber, topic: cursor.topic, partition, offset, tries, reason };
    const batch = parkedBatch(record, from, Math.floor(clock.wallMs()), bytes);
    const requestId = `parked/${made}/${topicId}/${partition}/${offset}/${since}`;
    const appended = yield* wait<Outcome<number>>((done) => parkedLog.append(batch, requestId, done));
    if (!appended.ok) return false;
    const { parked: parkedMax, groupParked: groupParkedMax } = limits;
    const place = { topicId, partition, offset, since, tries, id: appended.value };
    const outcome = yield* this.#group.submit({ type: 'park', subscriber, made, ...place, parkedMax, groupParkedMax });
    return outcome.ok && outcome.value !== 'tooManyParked';
  }

  /** As it is now; null where it is in retry no more. */
  #find({ subscriber: id, made, offset, ...of }: ToPark): { readonly cursor: Cursor; readonly retry: Retry } | null {
    const subscriber = this.#group.subscriber(id);
    const cursor = subscriber?.made === made ? subscriber.cursors.get(cursorKey(of)) : undefined;
    const retry = cursor?.retries?.get(offset);
    return cursor === undefined || retry === undefined ? null : { cursor: { ...cursor }, retry: { ...retry } };
  }

  // ------------------------------------------------------------------------------------------------------ what is parked

  *list({ subscriber: id, topic, after, limit }: ParkedQuery): Task<Outcome<ParkedPage>> {
    const current = yield* this.#group.current(`list what is parked for ${shownClient('subscriber', id)}`, id);
    if (!current.ok) return current;
    const all = [...current.value.parked.values()].filter((one) => topic === null || one.topic === topic).sort((a, b) => a.id - b.id);
    const left = all.filter((one) => one.id > after);
    const page = left.slice(0, Math.max(0, Math.min(limit, topicPageMax)));
    const next = left.length > page.length ? (page[page.length - 1]?.id ?? null) : null;
    return { ok: true, value: { parked: page.map(described), count: all.length, next } };
  }

  *show({ subscriber, id }: ParkedRequest): Task<Outcome<ParkedRecord>> {
    const doing = `show parked record ${id} of ${shownClient('subscriber', subscriber)}`;
    const current = yield* this.#group.current(doing, subscriber);
    if (!current.ok) return current;
    const parked = current.value.parked.get(id);
    if (parked === undefined) return failure('notParked', doing, 'it has no such parked record');
    const copy = yield* this.#redelivery.copy(id, parked.offset);
    if (!copy.ok) return failure(copy.error.code, doing, copy.error.message, copy.error.details);
    const { topic, partition, offset } = parked;
    const place = { topic, partition, generation: 0, offsetFrom: offset, offsetTo: offset + 1, highWatermark: offset + 1 };
    return { ok: true, value: { ...described(parked), parts: copy.value === null ? [] : [{ ...place, batches: [copy.value] }] } };
  }

  /** Of those that are named, and no others. */
  *change({ subscriber: id, does, ids }: ParkedChange, attempt: string): Task<Outcome<ParkedChanged>> {
    const doing = `${does} what is parked for ${shownClient('subscriber', id)}`;
    const current = yield* this.#group.current(doing, id);
    if (!current.ok) return current;
    const { made, parked } = current.value;
    const { state, limits } = this.#group.context;
    const unknown = ids.find((one) => !parked.has(one));
    if (unknown !== undefined && !state.hasDone(attempt)) return failure('notParked', doing, `it has no parked record ${unknown}`);
    const common = { subscriber: id, made, ids, attempt } as const;
    const most = { retriesMax: limits.retries, groupRetriesMax: limits.groupRetries };
    const outcome = yield* this.#group.submit(
      does === 'replay' ? { type: 'replayParked', ...common, ...most } : { type: 'dropParked', ...common },
    );
    if (!outcome.ok) return outcome;
    if (outcome.value !== 'done') return refused(doing, outcome.value);
    const now = this.#group.subscriber(id);
    if (now === undefined) return refused(doing, 'unknownSubscriber');
    const left = ids.flatMap((one) => {
      const stays = now.parked.get(one);
      return stays === undefined ? [] : [{ id: one, reason: state.retries.refusalOf(now, stays, most) ?? 'comesAnyway' } as const];
    });
    return { ok: true, value: { subscriber: id, count: ids.length - left.length, left } };
  }
}

const described = ({ topicId: _ofItsTopic, ...parked }: Parked): ParkedDescription => parked;
