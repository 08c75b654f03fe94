import { runTask, sideBySide, type Task, wait } from '../base/task.ts';
import type { ErrorCode } from '../base/errors.ts';
import {
  type Acked,
  type AckPosition,
  type AckRequest,
  type Answer,
  type Created,
  type CreateRequest,
  type CursorDescription,
  type CursorMove,
  type CursorPosition,
  type IdQuery,
  LogError,
  type Outcome,
  type PublisherDescription,
  type PublisherPage,
  type PulledPart,
  type PullProblem,
  type PullRequest,
  type PullResult,
  type RecordService,
  type Seeked,
  type SeekRequest,
  shownTopic,
  type StartAt,
  type Subscribed,
  type SubscriberDescription,
  type SubscriberPage,
  type SubscribeRequest,
  topicPageMax,
  type UnsubscribeRequest,
} from '../eventlog/index.ts';
import type { Clock } from '../host/index.ts';
import type { AckedPosition, CursorStart, GivenRange, PartitionOf, SubscriberCommand, SubscriberOutcome } from './commands.ts';
import { isPattern, matches } from './pattern.ts';
import { pullBytesMax, shownClient } from './requests.ts';
import { type Cursor, cursorKey, type Subscriber, type SubscriberState } from './state.ts';
import { type Found, type KnownTopic, TopicReads, type Wanted, writtenOf } from './topic-reads.ts';
import { Watches } from './watches.ts';

/** Most of each kind in one group; `cursors` of one subscriber, `groupCursors` of all together. */
export interface SubscriberLimits {
  readonly publishers: number;
  readonly subscribers: number;
  readonly subscriptions: number;
  readonly cursors: number;
  readonly groupCursors: number;
}

export interface CoordinatorContext {
  readonly state: SubscriberState;
  readonly clock: Clock;
  readonly log: RecordService;
  readonly limits: SubscriberLimits;
  /** Of the group, and who leads it: for descriptions. */
  readonly group: number;
  readonly self: number;
  /** Puts a command into the group's log; comes back with what it did, once it is on a majority and has taken effect here. */
  submit(command: SubscriberCommand, done: Answer<SubscriberOutcome>): void;
  /** Comes back once everything that was committed when this was called has taken effect here, where this is still who leads; else with why not. */
  confirm(done: (refusal: LogError | null) => void): void;
  /** Undefined where no such topic is known here. */
  topic(name: string): KnownTopic | undefined;
  /** All of them; another number where they have changed since. */
  topics(): Iterable<KnownTopic>;
  topicsVersion(): number;
  /** Comes back once all topics are known that were there when this was called, with false where that could not be had. */
  whenTopicsKnown(done: (isCurrent: boolean) => void): void;
  /** Not to be had by guessing; differs for every call. */
  nonce(): string;
}

/** Of one subscriber. */
const pullsAtOnceMax = 16;
/** Of all subscribers, under way or waiting. */
const pullsMax = 20_000;
/** So many tries at a change that others keep making at the same moment. */
const triesMax = 16;
/** Partitions that a waiting pull watches at once; where there are more it looks at others after `watchMs`. */
const watchedMax = 64;
const watchMs = 1000;
const atOnce = 16;
/** What is remembered only to spare work. */
const endsMax = 10_000;
const lookedMax = 10_000;

type Kind = 'publisher' | 'subscriber';
type Failed = { readonly ok: false; readonly error: LogError };

/** Of one subscriber. */
interface Lane {
  pulls: number;
  isBusy: boolean;
  readonly next: (() => void)[];
}

/** One pull, however often it has to look. */
interface Pulling {
  readonly request: PullRequest;
  readonly doing: string;
  acknowledged: PullResult['acknowledged'];
  /** Where it begins whatever its cursors say: what it acknowledges, or goes on behind. By `placeKey`, as is the next. */
  readonly begins: Map<string, number>;
  /** So far there is nothing to be given. */
  readonly seen: Map<string, number>;
}

/** A partition of which nobody could say where a cursor begins. */
interface Unplaced {
  readonly topic: string;
  readonly partition: number;
  readonly error: LogError;
}

interface TakenUp {
  readonly subscriber: Subscriber;
  readonly problems: readonly PullProblem[];
}

/** What a pull reads for: what stands where, and what cannot be read. */
interface Aim {
  readonly wanted: readonly Wanted[];
  readonly problems: readonly PullProblem[];
}

/**
 * What is asked of one group's publishers and subscribers, where it is led: the group coordinator of Kafka's protocol. It makes commands from the state as it is,
 * and each says what it was made from, so one that others came before changes nothing and is made anew.
 */
export class Coordinator {
  readonly #context: CoordinatorContext;
  readonly #reads: TopicReads;
  readonly #watches: Watches;
  readonly #lanes = new Map<string, Lane>();
  #pullCount = 0;
  /** Which partition comes first, so that a busy one does not keep the others from being given. */
  #turn = 0;
  /** For which topics it was looked what a subscriber lacks. */
  readonly #looked = new Map<string, { readonly version: number; readonly of: string }>();
  /** Ends of partitions as some read has shown them; what is below is there. By group. */
  readonly #ends = new Map<number, number>();

  constructor(context: CoordinatorContext) {
    this.#context = context;
    this.#reads = new TopicReads(context.log);
    this.#watches = new Watches(context.log, context.clock);
  }

  // ------------------------------------------------------------------------------------------------ publishers, subscribers

  create(kind: Kind, { id, requestId }: CreateRequest, answer: Answer<Created>): void {
    const { state, limits } = this.#context;
    const type = kind === 'publisher' ? 'createPublisher' : 'createSubscriber';
    const max = kind === 'publisher' ? limits.publishers : limits.subscribers;
    const doing = `create ${shownClient(kind, id)}`;
    this.#context.submit({ type, id, nonce: requestId ?? this.#context.nonce(), max }, (outcome) => {
      if (!outcome.ok) return answer(outcome);
      if (outcome.value !== 'created' && outcome.value !== 'existed') return answer(refused(doing, outcome.value));
      const known = kind === 'publisher' ? state.publisher(id) : state.subscriber(id);
      const { createdMs = 0 } = known ?? {};
      answer({ ok: true, value: { id, created: outcome.value === 'created', createdMs } });
    });
  }

  delete(kind: Kind, id: string, answer: Answer<undefined>): void {
    const type = kind === 'publisher' ? 'deletePublisher' : 'deleteSubscriber';
    this.#context.submit({ type, id }, told(`delete ${shownClient(kind, id)}`, answer));
  }

  describePublisher(id: string, answer: Answer<PublisherDescription>): void {
    this.#context.confirm((refusal) => {
      const known = this.#context.state.publisher(id);
      if (refusal !== null) answer({ ok: false, error: refusal });
      else if (known === undefined) answer(refused(`describe ${shownClient('publisher', id)}`, 'unknownPublisher'));
      else answer({ ok: true, value: { id, createdMs: known.createdMs } });
    });
  }

  listPublishers(query: IdQuery, answer: Answer<PublisherPage>): void {
    this.#context.confirm((refusal) => {
      if (refusal !== null) return answer({ ok: false, error: refusal });
      const { page, next } = pageOf(this.#context.state.publishers(), query);
      answer({ ok: true, value: { publishers: page.map(({ id, createdMs }) => ({ id, createdMs })), next } });
    });
  }

  listSubscribers(query: IdQuery, answer: Answer<SubscriberPage>): void {
    this.#context.confirm((refusal) => {
      if (refusal !== null) return answer({ ok: false, error: refusal });
      const { page, next } = pageOf(this.#context.state.subscribers(), query);
      const summary = ({ id, createdMs, usedMs, subscriptions }: Subscriber) => ({
        id,
        createdMs,
        usedMs,
        subscriptions: subscriptions.size,
      });
      answer({ ok: true, value: { subscribers: page.map(summary), next } });
    });
  }

  describeSubscriber(id: string, answer: Answer<SubscriberDescription>): void {
    runTask(() => this.#describe(id), answer);
  }

  *#describe(id: string): Task<Outcome<SubscriberDescription>> {
    yield* wait<boolean>((done) => this.#context.whenTopicsKnown(done));
    const current = yield* this.#current(`describe ${shownClient('subscriber', id)}`, id);
    if (!current.ok) return current;
    const subscriber = current.value;
    const sorted = [...subscriber.cursors.values()].sort((a, b) =>
      a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition,
    );
    const { group, self } = this.#context;
    // Made now: the reads below take time, and the state goes on.
    const subscriptions = [...subscriber.subscriptions.values()].map(({ topic, createdMs }) => ({
      topic,
      isPattern: isPattern(topic),
      createdMs,
    }));
    const { createdMs, usedMs, lastPull } = subscriber;
    const cursorCount = sorted.length;
    const cursors = yield* sideBySide(
      sorted.slice(0, topicPageMax).map((cursor) => {
        const copy = { ...cursor };
        return () => this.#describeCursor(copy);
      }),
      atOnce,
    );
    return {
      ok: true,
      value: { id, createdMs, usedMs, lastPull, group, coordinator: self, subscriptions, cursors, cursorCount },
    };
  }

  *#describeCursor(cursor: Cursor): Task<CursorDescription> {
    const { offset, pulledTo } = cursor;
    const common = { ...positionOf(cursor), pulledTo };
    const unknown = (problem: string): CursorDescription => ({ ...common, end: null, lag: null, lagMs: null, problem });
    const wanted = this.#wanted(cursor, offset);
    if ('code' in wanted) return unknown(wanted.message);
    const [found] = yield* this.#reads.gather([wanted], 'linearizable', { records: 1, bytes: 1 });
    if (found === undefined || found.end === null) return unknown(found?.problem?.message ?? 'it could not be read');
    const { part, end } = found;
    const writtenMs = part === null ? null : writtenOf(part);
    const lagMs = writtenMs === null ? 0 : Math.max(0, Math.floor(this.#context.clock.wallMs()) - writtenMs);
    return { ...common, end, lag: Math.max(0, end - offset), lagMs, problem: null };
  }

  // --------------------------------------------------------------------------------------------------------- subscriptions

  subscribe(request: SubscribeRequest, answer: Answer<Subscribed>): void {
    runTask(() => this.#subscribe(request), answer);
  }

  *#subscribe({ subscriber: id, topic, start }: SubscribeRequest): Task<Outcome<Subscribed>> {
    const doing = `subscribe ${shownClient('subscriber', id)} to ${shownTopic(topic)}`;
    const isCurrent = yield* wait<boolean>((done) => this.#context.whenTopicsKnown(done));
    const current = yield* this.#current(doing, id);
    if (!current.ok) return current;
    const subscriber = current.value;
    const known = this.#context.topic(topic);
    if (!isCurrent && (known === undefined || isPattern(topic)))
      return failure('noLeader', doing, 'nobody who leads the catalog could be asked for its topics');
    if (known === undefined && !isPattern(topic)) return failure('unknownTopic', doing, 'there is no such topic');
    const before = subscriber.subscriptions.get(topic);
    const topics = isPattern(topic) ? this.#matching(topic) : [known as KnownTopic];
    const isThere = before !== undefined && before.topicId === (isPattern(topic) ? null : (known as KnownTopic).id);
    if (isThere) return { ok: true, value: { subscriber: id, topic, created: false, cursors: cursorsOf(subscriber, topics) } };
    const starts = yield* this.#starts(subscriber, topics, start, doing);
    if ('error' in starts) return starts;
    const { cursors, failed } = starts;
    if (failed[0] !== undefined) return { ok: false, error: failed[0].error };
    const { subscriptions: subscriptionsMax, cursors: cursorsMax, groupCursors: groupCursorsMax } = this.#context.limits;
    const topicId = isPattern(topic) ? null : (known as KnownTopic).id;
    const limits = { subscriptionsMax, cursorsMax, groupCursorsMax };
    const { made } = subscriber;
    const outcome = yield* this.#submit({ type: 'subscribe', subscriber: id, made, topic, topicId, cursors, ...limits });
    if (!outcome.ok) return outcome;
    if (outcome.value !== 'created' && outcome.value !== 'existed') return refused(doing, outcome.value);
    const now = this.#context.state.subscriber(id);
    const created = outcome.value === 'created';
    return { ok: true, value: { subscriber: id, topic, created, cursors: now === undefined ? [] : cursorsOf(now, topics) } };
  }

  /** Partitions of these topics that have no cursor. */
  #lacking({ cursors }: Pick<Subscriber, 'cursors'>, topics: readonly KnownTopic[]) {
    const places = topics.flatMap(({ name, id, groups }) => groups.map((group, partition) => ({ name, id, group, partition })));
    return places.filter(({ id, partition }) => !cursors.has(cursorKey({ topicId: id, partition })));
  }

  /** Where the cursors begin that these topics lack, and of which that could not be found out. */
  *#starts(
    subscriber: Pick<Subscriber, 'cursors'>,
    topics: readonly KnownTopic[],
    start: StartAt,
    doing: string,
  ): Task<Failed | { readonly cursors: readonly CursorStart[]; readonly failed: readonly Unplaced[] }> {
    const lacking = this.#lacking(subscriber, topics);
    if (subscriber.cursors.size + lacking.length > this.#context.limits.cursors) return refused(doing, 'tooManyCursors');
    const found = yield* sideBySide(
      lacking.map(
        ({ name, group, partition }) =>
          () =>
            this.#reads.place(name, partition, group, start, doing),
      ),
      atOnce,
    );
    const cursors: CursorStart[] = [];
    const failed: Unplaced[] = [];
    for (const [index, { name, id, partition }] of lacking.entries()) {
      const one = found[index] as Outcome<number>;
      if (one.ok) cursors.push({ topic: name, topicId: id, partition, offset: one.value });
      else failed.push({ topic: name, partition, error: one.error });
    }
    return { cursors, failed };
  }

  #matching(pattern: string): KnownTopic[] {
    return [...this.#context.topics()].filter(({ name }) => matches(pattern, name));
  }

  unsubscribe({ subscriber: id, topic }: UnsubscribeRequest, answer: Answer<undefined>): void {
    const doing = `unsubscribe ${shownClient('subscriber', id)} from ${shownTopic(topic)}`;
    runTask(
      () => this.#current(doing, id),
      (current) => {
        if (!current.ok) return answer(current);
        this.#context.submit({ type: 'unsubscribe', subscriber: id, made: current.value.made, topic }, told(doing, answer));
      },
    );
  }

  /** Topics that patterns match by now, partitions that were added since, and topics that are gone. */
  *#takeUp(subscriber: Subscriber, doing: string): Task<Failed | TakenUp> {
    const { id, made } = subscriber;
    const all = [...subscriber.subscriptions.values()];
    const patterns = all.filter(({ topicId }) => topicId === null).map(({ topic }) => topic);
    const looked = { version: this.#context.topicsVersion(), of: `${made} ${all.map(({ topic }) => topic).join(' ')}` };
    const before = this.#looked.get(id);
    if (before?.version === looked.version && before.of === looked.of) return { subscriber, problems: [] };
    let problems: readonly PullProblem[] = [];
    const named = (): KnownTopic[] => all.flatMap(({ topic, topicId }) => this.#knownAs(topic, topicId) ?? []);
    if (patterns.length > 0 || named().some((topic) => this.#lacking(subscriber, [topic]).length > 0)) {
      // A topic that is not known here yet is not one that is gone.
      const isCurrent = yield* wait<boolean>((done) => this.#context.whenTopicsKnown(done));
      if (!isCurrent) return { subscriber, problems };
      looked.version = this.#context.topicsVersion();
      const matching = [...this.#context.topics()].filter(({ name }) => patterns.some((pattern) => matches(pattern, name)));
      const gone = [...subscriber.cursors.values()].filter((cursor) => !this.#isKnown(cursor)).map(({ topicId }) => topicId);
      const covered = yield* this.#cover(subscriber, [...new Set([...named(), ...matching])], [...new Set(gone)], doing);
      if ('error' in covered) return covered;
      ({ problems } = covered);
    }
    const now = this.#context.state.subscriber(id);
    if (now === undefined || now.made !== made) return refused(doing, 'unknownSubscriber');
    if (problems.length > 0) return { subscriber: now, problems };
    if (this.#looked.size >= lookedMax) this.#looked.clear();
    this.#looked.set(id, looked);
    return { subscriber: now, problems };
  }

  #knownAs(name: string, id: number | null): KnownTopic | undefined {
    const known = this.#context.topic(name);
    return id !== null && known?.id === id ? known : undefined;
  }

  /** The problems are of topics that cannot be taken up yet: the others do not wait for them. */
  *#cover(
    { id, made, cursors }: Subscriber,
    topics: readonly KnownTopic[],
    gone: readonly number[],
    doing: string,
  ): Task<Failed | Pick<TakenUp, 'problems'>> {
    if (gone.length > 0) {
      const dropped = yield* this.#submit({ type: 'dropTopics', subscriber: id, made, topicIds: gone });
      if (!dropped.ok) return dropped;
    }
    const starts = yield* this.#starts({ cursors }, topics, { at: 'beginning' }, doing);
    if ('error' in starts) return starts;
    const problems = starts.failed.map(({ error: { code, message, details }, ...of }) => ({ ...of, code, message, details }));
    if (starts.cursors.length === 0) return { problems };
    const { cursors: cursorsMax, groupCursors: groupCursorsMax } = this.#context.limits;
    const taken = yield* this.#submit({ type: 'takeUp', subscriber: id, made, cursors: starts.cursors, cursorsMax, groupCursorsMax });
    if (!taken.ok) return taken;
    return taken.value === 'done' ? { problems } : refused(doing, taken.value);
  }

  // ----------------------------------------------------------------------------------------------------------------- pulls

  pull(request: PullRequest, answer: Answer<PullResult>): void {
    const { subscriber: id } = request;
    const doing = `pull for ${shownClient('subscriber', id)}`;
    if (this.#pullCount >= pullsMax) return answer(failure('overloaded', doing, `${pullsMax} pulls are under way already`));
    const lane = this.#lanes.get(id) ?? { pulls: 0, isBusy: false, next: [] };
    if (lane.pulls >= pullsAtOnceMax) return answer(failure('overloaded', doing, `${pullsAtOnceMax} of its pulls are under way already`));
    this.#lanes.set(id, lane);
    lane.pulls++;
    this.#pullCount++;
    runTask(
      () => this.#pull(request, lane, doing),
      (outcome) => {
        this.#pullCount--;
        if (--lane.pulls === 0) this.#lanes.delete(id);
        answer(outcome);
      },
    );
  }

  /** One after another while they read and are recorded; those that wait for records wait beside one another. */
  *#pull(request: PullRequest, lane: Lane, doing: string): Task<Outcome<PullResult>> {
    const { clock } = this.#context;
    const untilMs = clock.monotonicMs() + request.waitMs;
    const pulling: Pulling = { request, doing, acknowledged: null, begins: new Map(), seen: new Map() };
    for (let tries = 0; tries < triesMax; ) {
      yield* enter(lane);
      const attempt = yield* this.#attempt(pulling);
      leave(lane);
      if (attempt === 'stale') {
        tries++;
        continue;
      }
      if ('outcome' in attempt) return attempt.outcome;
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0 || request.cancel?.cancelled === true) return { ok: true, value: attempt.nothing };
      yield* this.#watches.await(attempt.watched, request.freshness, Math.min(leftMs, watchMs), request.cancel);
    }
    return failure('overloaded', doing, 'others keep changing it at the same moment');
  }

  /** `stale`: others have changed it meanwhile; `nothing` is new, and where something may come is to be watched. */
  *#attempt(
    pulling: Pulling,
  ): Task<'stale' | { readonly outcome: Outcome<PullResult> } | { readonly nothing: PullResult; readonly watched: readonly Wanted[] }> {
    const { request, doing, begins, seen } = pulling;
    const { subscriber: id, number, mode } = request;
    const current = yield* this.#current(doing, id);
    if (!current.ok) return { outcome: current };
    const again = refuseNumber(current.value, number, doing);
    if (again !== null) return { outcome: again === 'again' ? yield* this.#repeat(current.value, number, doing) : again };
    const ready = yield* this.#takeUp(current.value, doing);
    if ('error' in ready) return { outcome: ready };
    const { subscriber } = ready;
    if (request.acknowledge.length > 0 && pulling.acknowledged === null) {
      const refusal = yield* this.#acknowledgeOnTheWay(pulling, subscriber);
      if (refusal !== null) return { outcome: refusal };
    }
    const aim = yield* this.#aim(subscriber, request, doing);
    if ('error' in aim) return { outcome: aim };
    // A numbered pull goes on where the one before it ended; for the others what they acknowledge counts before it is in the log.
    const isExact = number !== null || mode === 'atMostOnce';
    for (const position of cursorsAt(subscriber, request.after ?? [])) raise(begins, position, position.offset);
    const seenOf = (one: Wanted): number => seen.get(placeKey(one)) ?? 0;
    const beginOf = (one: Wanted): number => Math.max(one.offsetFrom, begins.get(placeKey(one)) ?? 0);
    const wanted = isExact ? aim.wanted : aim.wanted.map((one) => ({ ...one, offsetFrom: beginOf(one) }));
    const budget = { records: request.recordsMax, bytes: Math.min(request.bytesMax, pullBytesMax) };
    const found = yield* this.#reads.gather(wanted, request.freshness, budget);
    this.#noteEnds(found);
    const parts = found.flatMap(({ part }) => part ?? []);
    const problems = [...ready.problems, ...aim.problems, ...found.flatMap(({ problem }) => problem ?? [])];
    const acknowledges = mode === 'automatic' && subscriber.given !== null;
    const command = commandOf(subscriber, request, found, acknowledges);
    if (command !== null) {
      const outcome = yield* this.#submit(command);
      if (!outcome.ok) return { outcome };
      if (outcome.value === 'stale') return 'stale';
      if (outcome.value !== 'done') return { outcome: refused(doing, outcome.value) };
      if (acknowledges || mode === 'atMostOnce') pulling.acknowledged = 'quorum';
    }
    const nextNumber = number === null || parts.length === 0 ? number : number + 1;
    const result = { subscriber: id, number, nextNumber, repeated: false, parts, problems, acknowledged: pulling.acknowledged };
    if (parts.length > 0) return { outcome: { ok: true, value: result } };
    const [problem] = problems;
    if (problem !== undefined) return { outcome: failedBy(problem, doing) };
    for (const one of found) raise(seen, one.wanted, one.seenTo);
    const watched = wanted.slice(0, watchedMax).map((one) => ({ ...one, offsetFrom: Math.max(one.offsetFrom, seenOf(one)) }));
    return { nothing: result, watched };
  }

  /** What a pull acknowledges takes effect before whatever is asked for later; its answer does not wait for that. */
  *#acknowledgeOnTheWay(pulling: Pulling, subscriber: Subscriber): Task<Failed | null> {
    const { request, doing, begins } = pulling;
    const positions = yield* this.#positions(subscriber, request.acknowledge, doing);
    if (!positions.ok) return positions;
    const { id, made } = subscriber;
    this.#context.submit({ type: 'ack', subscriber: id, made, positions: positions.value }, () => undefined);
    pulling.acknowledged = 'leader';
    for (const position of positions.value) raise(begins, position, position.offset);
    return null;
  }

  /** All of what it gave, or nothing: the next pull acknowledges the whole of it. What was of topics that are gone nobody can have any more. */
  *#repeat(subscriber: Subscriber, number: number | null, doing: string): Task<Outcome<PullResult>> {
    const given = (subscriber.given ?? []).flatMap((range) => {
      const cursor = subscriber.cursors.get(cursorKey(range));
      return cursor === undefined ? [] : [{ range, cursor: { ...cursor } }];
    });
    const isSure = yield* this.#areKnown(given.map(({ cursor }) => cursor));
    const parts: PulledPart[] = [];
    const problems: PullProblem[] = [];
    for (const { range, cursor } of given) {
      const wanted = this.#wanted(cursor, range.offsetFrom);
      const found = 'code' in wanted ? null : yield* this.#reads.again(wanted, range.offsetTo, pullBytesMax);
      const problem = 'code' in wanted ? (isSure ? wanted : unsure(wanted)) : (found?.problem ?? null);
      if (problem !== null && problem.code !== 'unknownTopic') return failedBy(problem, doing);
      if (problem !== null) problems.push(problem);
      if (found !== null && found.part !== null) parts.push({ ...found.part, generation: range.generation });
    }
    const nextNumber = number === null ? null : number + 1;
    return { ok: true, value: { subscriber: subscriber.id, number, nextNumber, repeated: true, parts, problems, acknowledged: null } };
  }

  /** Whether what is not known here is not there: only who knows all topics can tell. */
  *#areKnown(cursors: readonly Cursor[]): Task<boolean> {
    return cursors.every((cursor) => this.#isKnown(cursor)) || (yield* wait<boolean>((done) => this.#context.whenTopicsKnown(done)));
  }

  /** What a pull is to read, those in turn first that were last. */
  *#aim(subscriber: Subscriber, { topics, number, mode }: PullRequest, doing: string): Task<Aim | Failed> {
    const chosen = topics === null ? null : new Set(topics);
    for (const topic of chosen ?? [])
      if (!isSubscribed(subscriber, topic)) return refused(`${doing} from ${shownTopic(topic)}`, 'notSubscribed');
    const cursors = [...subscriber.cursors.values()].filter((cursor) => chosen === null || chosen.has(cursor.topic));
    const isSure = yield* this.#areKnown(cursors);
    const turn = cursors.length === 0 ? 0 : this.#turn++ % cursors.length;
    const wanted: Wanted[] = [];
    const problems: PullProblem[] = [];
    for (const cursor of [...cursors.slice(turn), ...cursors.slice(0, turn)]) {
      const one = this.#wanted(cursor, number === null && mode === 'explicit' ? cursor.offset : cursor.pulledTo);
      if (!('code' in one)) wanted.push(one);
      else problems.push(isSure ? one : unsure(one));
    }
    return { wanted, problems };
  }

  #isKnown(cursor: Cursor): boolean {
    return this.#context.topic(cursor.topic)?.id === cursor.topicId;
  }

  /** A topic that has the name of one that is gone is not read in its place. */
  #wanted(cursor: Cursor, offsetFrom: number): Wanted | PullProblem {
    const { topic, topicId, partition, generation } = cursor;
    const known = this.#context.topic(topic);
    const group = known?.id === topicId ? known.groups[partition] : undefined;
    if (group !== undefined) return { topic, topicId, partition, group, generation, offsetFrom };
    const isAnother = known !== undefined && known.id !== topicId;
    const reason = isAnother ? 'was deleted, and another topic has its name: subscribe to that' : 'was deleted, or is not known here yet';
    return { topic, partition, code: 'unknownTopic', message: `topic "${topic}" ${reason}`, details: {} };
  }

  // ------------------------------------------------------------------------------------------- acknowledgements, and seeks

  ack(request: AckRequest, answer: Answer<Acked>): void {
    runTask(() => this.#ack(request), answer);
  }

  *#ack({ subscriber: id, positions: asked }: AckRequest): Task<Outcome<Acked>> {
    const doing = `acknowledge for ${shownClient('subscriber', id)}`;
    const current = yield* this.#current(doing, id);
    if (!current.ok) return current;
    const positions = yield* this.#positions(current.value, asked, doing);
    if (!positions.ok) return positions;
    const outcome = yield* this.#submit({ type: 'ack', subscriber: id, made: current.value.made, positions: positions.value });
    if (!outcome.ok) return outcome;
    if (outcome.value !== 'done') return refused(doing, outcome.value);
    return { ok: true, value: { subscriber: id, cursors: this.#positionsNow(id, positions.value) } };
  }

  /** The cursors that are meant, none of them beyond the end of what there is. */
  *#positions(subscriber: Subscriber, asked: readonly AckPosition[], doing: string): Task<Outcome<AckedPosition[]>> {
    const positions: AckedPosition[] = [];
    for (const { topic, partition = 0, offset, generation = null } of asked) {
      const cursor = cursorOf(subscriber, topic, partition, this.#context.topic(topic));
      if (cursor === undefined) return refused(`${doing} in ${shownTopic(topic)}`, 'notSubscribed');
      if (generation !== null && generation !== cursor.generation) return refused(doing, 'staleGeneration');
      if (offset > cursor.pulledTo) {
        const wanted = this.#wanted(cursor, offset);
        if ('code' in wanted) return failure(wanted.code, doing, wanted.message);
        const end = yield* this.#endOf(wanted, offset);
        if (!end.ok) return end;
        if (offset > end.value)
          return failure('offsetOutOfRange', doing, `${shownTopic(topic)} ends at ${end.value}, before ${offset}`, {
            endOffset: end.value,
          });
      }
      const { topicId } = cursor;
      positions.push({ topicId, partition, offset, generation: cursor.generation });
    }
    return { ok: true, value: positions };
  }

  /** At least `offset` where the partition has so much, as was seen once; else its end now. */
  *#endOf(wanted: Wanted, offset: number): Task<Outcome<number>> {
    const known = this.#ends.get(wanted.group) ?? 0;
    return known >= offset ? { ok: true, value: known } : yield* this.#reads.end(wanted);
  }

  #noteEnds(found: readonly Found[]): void {
    for (const { wanted, part } of found)
      if (part !== null) this.#ends.set(wanted.group, Math.max(part.highWatermark, this.#ends.get(wanted.group) ?? 0));
    if (this.#ends.size > endsMax) this.#ends.clear();
  }

  #positionsNow(id: string, of: readonly PartitionOf[]): CursorPosition[] {
    const subscriber = this.#context.state.subscriber(id);
    return of.flatMap((one) => {
      const cursor = subscriber?.cursors.get(cursorKey(one));
      return cursor === undefined ? [] : [positionOf(cursor)];
    });
  }

  /** `attempt` is the same where it is the same request, tried again. */
  seek(request: SeekRequest, attempt: string, answer: Answer<Seeked>): void {
    runTask(() => this.#seek(request, attempt), answer);
  }

  *#seek({ subscriber: id, topic, partition, to, preview, generation }: SeekRequest, attempt: string): Task<Outcome<Seeked>> {
    const doing = `seek ${shownClient('subscriber', id)} in ${shownTopic(topic)}`;
    yield* wait<boolean>((done) => this.#context.whenTopicsKnown(done));
    for (let tries = 0; tries < triesMax; tries++) {
      const current = yield* this.#current(doing, id);
      if (!current.ok) return current;
      const subscriber = current.value;
      const isAgain = subscriber.lastSeek === attempt;
      const cursors = [...subscriber.cursors.values()].filter(
        (one) => one.topic === topic && (partition === null || one.partition === partition),
      );
      if (cursors.length === 0) return refused(doing, 'notSubscribed');
      if (generation !== undefined && !isAgain && cursors.some((cursor) => cursor.generation !== generation))
        return refused(doing, 'staleGeneration');
      const moves: CursorMove[] = [];
      const puts = [];
      for (const cursor of cursors.map((one) => ({ ...one }))) {
        const wanted = this.#wanted(cursor, cursor.offset);
        if ('code' in wanted) return failure(wanted.code, doing, wanted.message);
        const place = yield* this.#reads.place(topic, cursor.partition, wanted.group, to, doing);
        if (!place.ok) return place;
        puts.push({ topicId: cursor.topicId, partition: cursor.partition, generation: cursor.generation, offset: place.value });
        moves.push({ ...positionOf(cursor), offset: place.value, from: cursor.offset, distance: place.value - cursor.offset });
      }
      if (preview || isAgain) return { ok: true, value: { subscriber: id, isDone: !preview, moves } };
      const outcome = yield* this.#submit({ type: 'seek', subscriber: id, made: subscriber.made, attempt, puts });
      if (!outcome.ok) return outcome;
      if (outcome.value === 'staleGeneration') continue;
      if (outcome.value !== 'done') return refused(doing, outcome.value);
      const now = new Map(this.#positionsNow(id, puts).map((one) => [one.partition, one.generation]));
      return {
        ok: true,
        value: {
          subscriber: id,
          isDone: true,
          moves: moves.map((move) => ({ ...move, generation: now.get(move.partition) ?? move.generation })),
        },
      };
    }
    return failure('overloaded', doing, 'others keep moving it at the same moment');
  }

  // ---------------------------------------------------------------------------------------------------------------- shared

  /** The subscriber as all that was committed before has left it. */
  *#current(doing: string, id: string): Task<Outcome<Subscriber>> {
    const refusal = yield* wait<LogError | null>((done) => this.#context.confirm(done));
    if (refusal !== null) return { ok: false, error: refusal };
    const subscriber = this.#context.state.subscriber(id);
    return subscriber === undefined ? refused(doing, 'unknownSubscriber') : { ok: true, value: subscriber };
  }

  #submit(command: SubscriberCommand): Task<Outcome<SubscriberOutcome>> {
    return wait((done) => this.#context.submit(command, done));
  }
}

const unsure = (problem: PullProblem): PullProblem => ({
  ...problem,
  code: 'noLeader',
  message: `nobody could be asked whether there is a topic "${problem.topic}"`,
});

const failedBy = ({ code, message, details }: PullProblem, doing: string): Failed => ({
  ok: false,
  error: new LogError(code, `Cannot ${doing}: ${message}`, details),
});

const placeKey = (of: PartitionOf & { readonly generation: number | null }): string => `${cursorKey(of)}/${String(of.generation)}`;

function raise(places: Map<string, number>, of: Parameters<typeof placeKey>[0], offset: number): void {
  const key = placeKey(of);
  places.set(key, Math.max(offset, places.get(key) ?? 0));
}

function* enter(lane: Lane): Task<void> {
  if (lane.isBusy) yield* wait<void>((done) => lane.next.push(done));
  lane.isBusy = true;
}

function leave(lane: Lane): void {
  const next = lane.next.shift();
  if (next === undefined) lane.isBusy = false;
  else next();
}

/** `again` where it is the last pull, an error where its number is neither that nor the next, null where it is a new one. */
function refuseNumber({ lastPull, given }: Subscriber, number: number | null, doing: string): 'again' | Failed | null {
  if (number === null || number === lastPull + 1) return null;
  if (number === lastPull && given !== null) return 'again';
  const details = { nextNumber: lastPull + 1 };
  return failure('pullOutOfOrder', doing, `its next pull has number ${lastPull + 1}, this one has ${number}`, details);
}

/** What records that these were given; null where nothing has to. */
function commandOf(
  subscriber: Subscriber,
  { mode, number }: PullRequest,
  found: readonly Found[],
  acknowledges: boolean,
): SubscriberCommand | null {
  const { id, made } = subscriber;
  if (found.every(({ part }) => part === null))
    // By then this pull may have given something itself, through another broker: that is not what it acknowledges.
    return acknowledges && number !== null ? { type: 'settle', subscriber: id, made, number: number - 1 } : null;
  const ranges = found.flatMap(({ wanted: { topicId, partition, generation, offsetFrom }, part }): GivenRange[] =>
    part === null ? [] : [{ topicId, partition, generation, offsetFrom, offsetTo: part.offsetTo }],
  );
  if (mode === 'atMostOnce') return { type: 'take', subscriber: id, made, ranges };
  return number === null ? null : { type: 'pull', subscriber: id, made, number, acknowledges, ranges };
}

const positionOf = ({ topic, partition, offset, generation }: Cursor): CursorPosition => ({ topic, partition, offset, generation });

/** Where somebody has come by himself: of cursors that were moved since, nothing is left of that. */
function cursorsAt({ cursors }: Subscriber, positions: readonly AckPosition[]): AckedPosition[] {
  if (positions.length === 0) return [];
  const offsets = new Map(
    positions.map(({ topic, partition = 0, offset, generation = 0 }) => [`${topic}/${partition}/${generation}`, offset]),
  );
  return [...cursors.values()].flatMap(({ topic, topicId, partition, generation }) => {
    const offset = offsets.get(`${topic}/${partition}/${generation}`);
    return offset === undefined ? [] : [{ topicId, partition, offset, generation }];
  });
}

const cursorOf = ({ cursors }: Subscriber, topic: string, partition: number, known: KnownTopic | undefined): Cursor | undefined => {
  const cursor = known === undefined ? undefined : cursors.get(cursorKey({ topicId: known.id, partition }));
  // Of one that is gone: what is said of it says so.
  return cursor ?? [...cursors.values()].find((one) => one.topic === topic && one.partition === partition);
};

function cursorsOf({ cursors }: Subscriber, topics: Iterable<KnownTopic>): CursorPosition[] {
  const ids = new Set([...topics].map(({ id }) => id));
  return [...cursors.values()]
    .filter(({ topicId }) => ids.has(topicId))
    .slice(0, topicPageMax)
    .map(positionOf);
}

const isSubscribed = ({ subscriptions }: Subscriber, topic: string): boolean =>
  subscriptions.has(topic) || [...subscriptions.values()].some((one) => one.topicId === null && matches(one.topic, topic));

function pageOf<One extends { readonly id: string }>(
  all: Iterable<One>,
  { prefix, after, limit }: IdQuery,
): { readonly page: One[]; readonly next: string | null } {
  const left = [...all].filter(({ id }) => id.startsWith(prefix) && id > after).sort((a, b) => (a.id < b.id ? -1 : 1));
  const page = left.slice(0, Math.max(0, Math.min(limit, topicPageMax)));
  return { page, next: left.length > page.length ? (page[page.length - 1]?.id ?? null) : null };
}

function told(doing: string, answer: Answer<undefined>): Answer<SubscriberOutcome> {
  return (outcome) => {
    if (!outcome.ok) answer(outcome);
    else if (outcome.value === 'done') answer({ ok: true, value: undefined });
    else answer(refused(doing, outcome.value));
  };
}

function failure(code: ErrorCode, doing: string, reason: string, details: LogError['details'] = {}): Failed {
  return { ok: false, error: new LogError(code, `Cannot ${doing}: ${reason}`, details) };
}

const refusals: Readonly<Record<SubscriberOutcome, readonly [ErrorCode, string]>> = {
  done: ['internal', 'it is done'],
  created: ['internal', 'it is done'],
  existed: ['internal', 'it is there already'],
  unknownPublisher: ['unknownPublisher', 'there is no such publisher'],
  unknownSubscriber: ['unknownSubscriber', 'there is no such subscriber'],
  notSubscribed: ['notSubscribed', 'it is not subscribed to it'],
  tooManyPublishers: ['tooManySubscribers', 'there are as many publishers as the limit allows'],
  tooManySubscribers: ['tooManySubscribers', 'there are as many subscribers as the limit allows'],
  tooManySubscriptions: ['tooManySubscribers', 'it has as many subscriptions as the limit allows'],
  tooManyCursors: ['tooManySubscribers', 'there would be more cursors than the limit allows'],
  staleGeneration: ['staleGeneration', 'the cursor was moved since'],
  stale: ['overloaded', 'others changed it at the same moment'],
  invalid: ['internal', 'the command was not understood'],
};

const refused = (doing: string, outcome: SubscriberOutcome): Failed => {
  const [code, reason] = refusals[outcome];
  return failure(code, doing, reason);
};
