import { type GroupId, groupId } from '../../base/branded.ts';
import type { ErrorCode } from '../../base/errors.ts';
import {
  type Answer,
  type AppendRequest,
  type AppendResult,
  type Cancelled,
  choosePartition,
  type LogError,
  type Outcome,
  scheduledAheadMsMax,
  type ScheduledPage,
  type ScheduledQuery,
  type ScheduledRecords,
  type ScheduledTotals,
  type ScheduleService,
  shownTopic,
} from '../../eventlog/index.ts';
import { baseTimestamp, maxTimestamp, RecordBatchBuilder, recordBytes, recordCount } from '../../record/index.ts';
import { encodeCommand, type Target } from '../../scheduled/index.ts';
import { type Core, failure } from '../core.ts';
import { Questions, type Requests, type Whereabouts } from '../edge/index.ts';
import type { MachineState, Replica } from '../replica/index.ts';
import { topicGroupFirst } from '../well-known.ts';
import { type Call, decodeCall, type Listed } from './calls.ts';
import { idOf, WaitingGroup, type WaitingGroupOptions } from './waiting-group.ts';

/** What is known of topics here. */
interface TopicDirectory {
  topic(name: string): { readonly id: number; readonly groups: readonly number[] } | undefined;
  whenKnown(done: (isCurrent: boolean) => void): void;
}

export interface ScheduledOptions extends Omit<WaitingGroupOptions, 'find' | 'isPaused'> {
  readonly requests: Requests;
  readonly whereabouts: Whereabouts;
  readonly topics: TopicDirectory;
  /** Of the groups that keep what waits, in their order; none before the first has been made. */
  readonly groups: () => readonly number[];
  /** Makes the groups, where there are none yet. */
  readonly make: (answer: Answer<undefined>) => void;
  /** Whether this broker has a replica of it, or is to have one. */
  readonly isHere: (group: number) => boolean;
  /** The catalog here is damaged: what it knows of topics grows old, or is nothing. */
  readonly isCatalogLost: () => boolean;
}

const handOverEveryMs = 1000;

/** What is appended later, for callers of this broker (docs/decisions/0036). */
export class Scheduled implements ScheduleService {
  readonly #core: Core;
  readonly #options: ScheduledOptions;
  readonly #waiting = new Map<number, WaitingGroup>();
  readonly #questions: Questions<Call>;
  /** Of callers whose topic is looked up: how each fails. */
  readonly #lookUps = new Set<(code: ErrorCode, reason: string) => void>();
  #attempts = 0;
  #isPaused = false;
  #handOverAtMs = 0;

  constructor(options: ScheduledOptions) {
    this.#core = options.core;
    this.#options = options;
    const { core, requests, whereabouts } = options;
    const answering = (group: GroupId): WaitingGroup | undefined => this.#waiting.get(group);
    const coded = { encode: (call: Call): string => JSON.stringify(call), decode: decodeCall };
    this.#questions = new Questions({ core, requests, whereabouts, what: 'what is appended later', ...coded, answering });
  }

  // ---------------------------------------------------------------------------------------------------------- by the log

  /** The groups were made. */
  created(): void {
    const { groups, isHere } = this.#options;
    for (const [index, group] of groups().entries()) {
      if (!isHere(group) || this.#waiting.has(group)) continue;
      const options: WaitingGroupOptions = {
        ...this.#options,
        find: (target, done) => this.#find(target, done),
        isPaused: () => this.#isPaused || this.#handsOver(groupId(group)),
      };
      this.#waiting.set(group, new WaitingGroup(groupId(group), index, options));
    }
  }

  advanced(replica: Replica): void {
    this.#waiting.get(replica.group)?.advanced(replica);
  }

  /** Of what a group keeps, for a checkpoint of its log; null where it is not so far, or not known here yet. */
  stateAt(group: number, least: number): MachineState | null {
    return this.#waiting.get(group)?.stateAt(least) ?? null;
  }

  /** Below it nothing of the group's log is wanted any more; infinite where the group is another. As long as this broker does not know what waits there, all is. */
  keptFrom(group: number): number {
    const waiting = this.#waiting.get(group);
    if (waiting !== undefined) return waiting.keptFrom;
    return this.#options.groups().includes(group) ? 0 : Number.POSITIVE_INFINITY;
  }

  tick(nowMs: number): void {
    this.#isPaused = false;
    for (const waiting of this.#waiting.values()) waiting.tick(nowMs);
  }

  /** Nobody will answer any more; until the next tick nothing is delivered. */
  abandon(code: ErrorCode, reason: string): void {
    this.#isPaused = true;
    for (const waiting of this.#waiting.values()) waiting.stop();
    for (const fail of this.#lookUps) fail(code, reason);
    this.#questions.abandon(code, reason);
  }

  /** A broker that does not know what becomes of topics is not to deliver: another is to lead. */
  #handsOver(group: GroupId): boolean {
    if (!this.#options.isCatalogLost()) return false;
    const nowMs = this.#core.nowMs();
    const replica = this.#core.replica(group);
    if (group >= topicGroupFirst && replica?.raft.role === 'leader' && nowMs >= this.#handOverAtMs) {
      this.#handOverAtMs = nowMs + handOverEveryMs;
      replica.step({ type: 'transferLeadership', to: null });
      this.#core.wake();
    }
    return true;
  }

  #find(target: Target, done: (group: number | 'gone' | null) => void): void {
    const { topics } = this.#options;
    const known = (): number | undefined => {
      const topic = topics.topic(target.topic);
      return topic?.id === target.topicId ? topic.groups[target.partition] : undefined;
    };
    const group = known();
    if (group !== undefined) return done(group);
    topics.whenKnown((isCurrent) => {
      const now = known();
      if (now !== undefined) done(now);
      else done(isCurrent && topics.topic(target.topic)?.id !== target.topicId ? 'gone' : null);
    });
  }

  // ---------------------------------------------------------------------------------------------------------- by callers

  /** Puts it where it waits. The answer has no offset: it gets one when it is appended. */
  schedule(request: AppendRequest, deliverAtMs: number, answer: Answer<AppendResult>): void {
    const doing = `append to ${shownTopic(request.topic)} later`;
    const startMs = this.#core.nowMs();
    const { topics, groups, make } = this.#options;
    const fail = (code: ErrorCode, reason: string, details: LogError['details'] = {}): void => {
      this.#lookUps.delete(failNow);
      this.#core.later(() => answer(failure(code, `Cannot ${doing}: ${reason}`, details)));
    };
    const failNow = (code: ErrorCode, reason: string): void => fail(code, reason);
    if (deliverAtMs > this.#options.timeMs() + scheduledAheadMsMax) {
      const days = scheduledAheadMsMax / (24 * 3600 * 1000);
      return fail('invalidRequest', `it is for more than ${days} days from now`);
    }
    this.#lookUps.add(failNow);
    const isOver = (): boolean => !this.#lookUps.has(failNow);
    const goOn = (): void => {
      if (isOver()) return;
      // Not as this broker happens to know it: what is for a topic that was deleted before is for none.
      topics.whenKnown((isCurrent) => {
        if (isOver()) return;
        const topic = topics.topic(request.topic);
        if (topic === undefined)
          return isCurrent
            ? fail('unknownTopic', 'there is no such topic')
            : fail('noLeader', 'nobody who leads the catalog could be asked');
        if (!isCurrent) return fail('noLeader', 'nobody who leads the catalog could be asked whether its topic is still the same');
        const partition = choosePartition(doing, request, topic.groups.length);
        this.#lookUps.delete(failNow);
        if (typeof partition !== 'number') return this.#core.later(() => answer({ ok: false, error: partition }));
        const target = { topic: request.topic, topicId: topic.id, partition };
        this.#put(request, target, deliverAtMs, this.#core.nowMs() - startMs, answer);
      });
    };
    if (groups().length > 0) return goOn();
    make((outcome) => {
      if (isOver()) return;
      if (outcome.ok) goOn();
      else fail(outcome.error.code, outcome.error.message);
    });
  }

  #put(request: AppendRequest, target: Target, deliverAtMs: number, spentMs: number, answer: Answer<AppendResult>): void {
    const { bytes } = this.#core.host;
    const { batch, level, timeoutMs, requestId, sequence, firstAttemptMs, tellHops, trace } = request;
    const { topic, partition } = target;
    const records = recordBytes(batch);
    const times = { base: baseTimestamp(batch), span: Math.max(0, maxTimestamp(batch) - baseTimestamp(batch)) };
    const command = { type: 'schedule', ...target, deliverAtMs, recordCount: recordCount(batch), spanMs: times.span, records } as const;
    const builder = new RecordBatchBuilder();
    builder.add(times.base, null, encodeCommand(command, bytes));
    // The same for all attempts of a request, and of no other: so all come to the same group, which knows them again.
    const id = JSON.stringify([topic, partition, deliverAtMs, requestId ?? this.#nonce(), sequence]);
    const groups = this.#options.groups();
    const index = bytes.crc32c(bytes.utf8Encode(id)) % groups.length;
    this.#options.appends.append(
      groupId(groups[index] as number),
      {
        topic,
        batch: builder.finishUnsealed(),
        level,
        timeoutMs: Math.max(0, timeoutMs - spentMs),
        requestId: id,
        sequence: 0,
        expectedOffset: null,
        ...(firstAttemptMs === undefined ? {} : { firstAttemptMs: firstAttemptMs + Math.ceil(spentMs) }),
        ...(tellHops === undefined ? {} : { tellHops }),
        ...(trace === undefined ? {} : { trace }),
      },
      (outcome) => {
        if (!outcome.ok) return answer(outcome);
        const { offset: place, ...result } = outcome.value;
        const scheduled = { id: idOf(index, place), deliverAtMs };
        answer({ ok: true, value: { ...result, topic, partition, offset: -1, count: recordCount(batch), scheduled } });
      },
    );
  }

  #nonce(): string {
    const { self, host } = this.#core;
    return `${self}/${host.random.next()}/${++this.#attempts}`;
  }

  listScheduled({ topic, after, limit }: ScheduledQuery, answer: Answer<ScheduledPage>): void {
    const doing = 'list what is appended later';
    const from = after === null ? { timeMs: -1, index: 0, place: -1 } : placeOf(after);
    if (from === null)
      return this.#core.later(() =>
        answer(failure('invalidRequest', `Cannot ${doing}: ${JSON.stringify(after)} is no place in that list`)),
      );
    this.#whenKnown(doing, answer, (groups) => {
      const lists: Listed[] = groups.map(() => ({ entries: [], isMore: false, totals: nothing }));
      let left = groups.length;
      let failed: Outcome<ScheduledPage> | null = null;
      if (left === 0) return answer({ ok: true, value: { scheduled: [], next: null, totals: nothing } });
      for (const [index, group] of groups.entries()) {
        const afterPlace = index > from.index ? -1 : index < from.index ? Number.MAX_SAFE_INTEGER : from.place;
        const call = { call: 'listScheduled', topic, afterMs: from.timeMs, afterPlace, limit } as const;
        this.#questions.ask({ group: groupId(group), doing, call: () => call, isChange: false }, (outcome) => {
          if (outcome.ok) lists[index] = outcome.value as Listed;
          else failed = outcome;
          if (--left === 0) answer(failed ?? { ok: true, value: merged(lists, limit) });
        });
      }
    });
  }

  cancelScheduled(id: string, answer: Answer<Cancelled>): void {
    const doing = `cancel ${JSON.stringify(id.slice(0, 100))}`;
    const [, index = '', place = ''] = /^(\d{1,3})-(\d{1,16})$/.exec(id) ?? [];
    this.#whenKnown(doing, answer, (groups) => {
      const group = index === '' ? undefined : groups[Number(index)];
      if (group === undefined || !Number.isSafeInteger(Number(place)))
        return this.#core.later(() => answer(failure('notScheduled', `Cannot ${doing}: nothing waits under this id`)));
      const call = { call: 'cancelScheduled', place: Number(place) } as const;
      // While it is being delivered no attempt has cancelled it, and none will.
      const refusalSays = (code: ErrorCode): 'final' | null => (code === 'beingDelivered' ? 'final' : null);
      this.#questions.ask({ group: groupId(group), doing, call: () => call, isChange: true, refusalSays }, (outcome) =>
        answer(outcome.ok ? { ok: true, value: { id } } : outcome),
      );
    });
  }

  /** Goes on with the groups that there are, none where none have been made. Answers at the end of a turn. */
  #whenKnown<Value>(doing: string, answer: Answer<Value>, goOn: (groups: readonly number[]) => void): void {
    const known = this.#options.groups();
    if (known.length > 0) return goOn(known);
    this.#options.topics.whenKnown((isCurrent) => {
      const groups = this.#options.groups();
      this.#core.later(() => {
        if (isCurrent || groups.length > 0) goOn(groups);
        else answer(failure('noLeader', `Cannot ${doing}: nobody who leads the catalog could be asked`));
      });
    });
  }

  /** Asked by another broker, of a group that is led here. */
  receive(group: GroupId, json: Uint8Array, answer: (json: string, batches: readonly Uint8Array[]) => void): void {
    this.#questions.receive(group, json, answer);
  }
}

const nothing: ScheduledTotals = { waiting: 0, waitingBytes: 0, delivered: 0, cancelled: 0, dropped: 0 };

/** What `ScheduledPage.next` says; null for what is none. */
function placeOf(text: string): { readonly timeMs: number; readonly index: number; readonly place: number } | null {
  const [, ...parts] = /^(\d{1,15})-(\d{1,3})-(\d{1,16})$/.exec(text) ?? [];
  const [timeMs, index, place] = parts.map(Number);
  if (timeMs === undefined || index === undefined || place === undefined) return null;
  return Number.isSafeInteger(place) ? { timeMs, index, place } : null;
}

function merged(lists: readonly Listed[], limit: number): ScheduledPage {
  const all = lists.flatMap(({ entries }, index) => entries.map((entry) => ({ index, entry })));
  all.sort((a, b) => a.entry.deliverAtMs - b.entry.deliverAtMs || a.index - b.index || a.entry.place - b.entry.place);
  const page = all.slice(0, limit);
  const last = page.at(-1);
  const isMore = all.length > page.length || lists.some((list) => list.isMore);
  const scheduled = page.map(({ index, entry: { place, ...entry } }): ScheduledRecords => ({ id: idOf(index, place), ...entry }));
  const next = isMore && last !== undefined ? `${last.entry.deliverAtMs}-${last.index}-${last.entry.place}` : null;
  const totals = lists.reduce<ScheduledTotals>((sum, list) => addTotals(sum, list.totals), nothing);
  return { scheduled, next, totals };
}

const addTotals = (a: ScheduledTotals, b: ScheduledTotals): ScheduledTotals => ({
  waiting: a.waiting + b.waiting,
  waitingBytes: a.waitingBytes + b.waitingBytes,
  delivered: a.delivered + b.delivered,
  cancelled: a.cancelled + b.cancelled,
  dropped: a.dropped + b.dropped,
});
