import { runTask, type Task } from '../base/task.ts';
import {
  type AckPosition,
  type Answer,
  LogError,
  type Outcome,
  type PulledPart,
  type PullProblem,
  type PullRequest,
  type PullResult,
  shownTopic,
} from '../eventlog/index.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { AckedPosition, GivenRange, PartitionOf, SubscriberCommand } from './commands.ts';
import { cursorsAt, lostOf } from './cursors.ts';
import { type Group, triesMax } from './group.ts';
import { beginTurn, endTurn, type Lane, Lanes } from './lanes.ts';
import { isAskedBack, type Membership, shareOf, workerOf } from './membership.ts';
import type { Parking } from './parking.ts';
import type { Redelivered, Redelivery } from './redelivery.ts';
import { type Failed, failure, refused } from './refusals.ts';
import { pullBytesMax, shownClient } from './requests.ts';
import { type Cursor, cursorKey, holderOf, implicitWorker, type Puller, pullerOf, type Subscriber, type Worker } from './subscriber.ts';
import { isSubscribed, type Subscriptions } from './subscriptions.ts';
import type { Found, Wanted } from './topic-reads.ts';
import { Watches } from './watches.ts';

/** Partitions that a waiting pull watches at once; where there are more it looks at others after `watchMs`. */
const watchedMax = 64;
const watchMs = 1000;
/** Workers whose turns are remembered. */
const turnsMax = 10_000;

/** One pull, however often it has to look. */
interface Pulling {
  readonly request: PullRequest;
  readonly doing: string;
  acknowledged: PullResult['acknowledged'];
  /** What it acknowledges and does not wait for. */
  onTheWay: readonly AckedPosition[];
  /** Where it begins whatever its cursors say: what it acknowledges, or goes on behind. By `placeKey`, as is the next. */
  readonly begins: Map<string, number>;
  /** So far there is nothing to be given. */
  readonly seen: Map<string, number>;
  /** Its worker's, once that has joined: one that leaves while this waits does not join again by it. */
  epoch: number | undefined;
  /** What it acknowledges and its worker does not hold any more. */
  readonly fenced: PullProblem[];
}

/** What a pull reads for: what stands where, and what cannot be read. */
interface Aim {
  readonly wanted: readonly Wanted[];
  readonly problems: readonly PullProblem[];
  /** Of which records that have failed may come again. */
  readonly cursors: readonly Cursor[];
}

/** There is nothing to be given, and where something may come is to be watched; `nextMs`: then something comes again. */
interface Nothing {
  readonly nothing: PullResult;
  readonly watched: readonly Wanted[];
  readonly nextMs: number;
}

export interface PullsContext {
  readonly group: Group;
  readonly subscriptions: Subscriptions;
  readonly acknowledgements: Acknowledgements;
  readonly membership: Membership;
  readonly redelivery: Redelivery;
  readonly parking: Parking;
}

/** What is new to a subscriber, given; and what a pull acknowledges by its coming or by its word. */
export class Pulls {
  readonly #group: Group;
  readonly #subscriptions: Subscriptions;
  readonly #acknowledgements: Acknowledgements;
  readonly #membership: Membership;
  readonly #redelivery: Redelivery;
  readonly #parking: Parking;
  readonly #watches: Watches;
  readonly #lanes = new Lanes();
  /** Which partition comes first in a worker's next pull, so that a busy one does not keep the others from being given. By `laneKey`. */
  readonly #turns = new Map<string, number>();
  #turn = 0;

  constructor({ group, subscriptions, acknowledgements, membership, redelivery, parking }: PullsContext) {
    this.#group = group;
    this.#subscriptions = subscriptions;
    this.#acknowledgements = acknowledgements;
    this.#membership = membership;
    this.#redelivery = redelivery;
    this.#parking = parking;
    this.#watches = new Watches(group.context.log, group.context.clock);
  }

  pull(request: PullRequest, answer: Answer<PullResult>): void {
    const doing = `pull for ${shownClient('subscriber', request.subscriber)}`;
    const key = laneKey(request);
    const lane = this.#lanes.join(key, doing);
    if ('error' in lane) return answer(lane);
    runTask(
      () => this.#pull(request, lane, doing),
      (outcome) => {
        this.#lanes.leave(key, lane);
        answer(outcome);
      },
    );
  }

  /** One after another while they read and are recorded; those that wait for records wait beside one another. */
  *#pull(request: PullRequest, lane: Lane, doing: string): Task<Outcome<PullResult>> {
    const { clock } = this.#group.context;
    const untilMs = clock.monotonicMs() + request.waitMs;
    const pulling: Pulling = {
      request,
      doing,
      acknowledged: null,
      onTheWay: [],
      begins: new Map(),
      seen: new Map(),
      fenced: [],
      epoch: undefined,
    };
    for (let tries = 0; tries < triesMax; ) {
      yield* beginTurn(lane);
      const attempt = yield* this.#attempt(pulling);
      endTurn(lane);
      if (attempt === 'stale') {
        tries++;
        continue;
      }
      if ('outcome' in attempt) return attempt.outcome;
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0 || request.cancel?.cancelled === true) return { ok: true, value: attempt.nothing };
      const { subscriber: id, freshness, cancel, worker } = request;
      const name = worker ?? implicitWorker;
      const forMs = Math.min(leftMs, watchMs, attempt.nextMs);
      yield* this.#watches.await(attempt.watched, freshness, forMs, cancel, this.#membership.wakersOf(id, name));
      this.#membership.forget(id, name);
    }
    return failure('overloaded', doing, 'others keep changing it at the same moment');
  }

  /** `stale`: others have changed it meanwhile. */
  *#attempt(pulling: Pulling): Task<'stale' | { readonly outcome: Outcome<PullResult> } | Nothing> {
    const { request, doing, begins, seen } = pulling;
    const { subscriber: id, number, mode } = request;
    const current = yield* this.#group.current(doing, id);
    if (!current.ok) return { outcome: current };
    const name = request.worker ?? implicitWorker;
    const worker = yield* this.#asWorker(current.value, pulling);
    if (worker !== null && 'error' in worker) return { outcome: worker };
    pulling.epoch = worker?.epoch;
    const puller = pullerOf(current.value, name);
    if (puller === undefined) return 'stale';
    const again = refuseNumber(puller, number, doing);
    if (again !== null) return { outcome: again === 'again' ? yield* this.#repeat(current.value, puller, worker, number, doing) : again };
    const ready = yield* this.#subscriptions.takeUp(current.value, doing);
    if ('error' in ready) return { outcome: ready };
    const { subscriber } = ready;
    if (request.acknowledge.length > 0 && pulling.acknowledged === null) {
      const refusal = yield* this.#acknowledgeOnTheWay(pulling, subscriber, worker !== null);
      if (refusal !== null) return { outcome: refusal };
    }
    if (worker !== null && (yield* this.#membership.letGo(subscriber, request, name))) pulling.acknowledged = 'quorum';
    const aim = yield* this.#aim(subscriber, request, doing);
    if ('error' in aim) return { outcome: aim };
    // A numbered pull goes on where the one before it ended; for the others what they acknowledge counts before it is in the log.
    const isExact = number !== null || mode === 'atMostOnce';
    for (const position of cursorsAt(this.#group.finderOf(subscriber), request.after ?? [])) raise(begins, position, position.offset);
    const seenOf = (one: Wanted): number => seen.get(placeKey(one)) ?? 0;
    const beginOf = (one: Wanted): number => Math.max(one.offsetFrom, begins.get(placeKey(one)) ?? 0);
    const seenBefore = new Map((request.session ?? []).map((one) => [`${one.topic}/${one.partition ?? 0}`, one.offset]));
    const asNew = aim.wanted.map((one) => ({ ...one, sessionOffset: seenBefore.get(`${one.topic}/${one.partition}`) ?? 0 }));
    const wanted = isExact ? asNew : asNew.map((one) => ({ ...one, offsetFrom: beginOf(one) }));
    const budget = { records: request.recordsMax, bytes: Math.min(request.bytesMax, pullBytesMax) };
    this.#parking.work();
    const { due, nextMs } = this.#redelivery.due(aim.cursors, request);
    const { given: redelivered, gone } = yield* this.#redelivery.read(due, budget);
    this.#parking.gone(subscriber, gone);
    const found = yield* this.#group.reads.gather(wanted, request.freshness, budget);
    this.#acknowledgements.noteEnds(found);
    const parts = [...redelivered.map(({ part }) => part), ...found.flatMap(({ part }) => part ?? [])];
    const unread = [...ready.problems, ...aim.problems, ...found.flatMap(({ problem }) => problem ?? [])];
    const problems = [...pulling.fenced, ...ready.beyond, ...unread];
    const acknowledges = mode === 'automatic' && puller.given !== null;
    const command = commandOf(subscriber, request, rangesOf(redelivered, found), acknowledges);
    if (command !== null) {
      const outcome = yield* this.#group.submit(command);
      if (!outcome.ok) return { outcome };
      if (outcome.value === 'stale') return 'stale';
      if (outcome.value !== 'done') return { outcome: refused(doing, outcome.value) };
      if (acknowledges || mode === 'atMostOnce') pulling.acknowledged = 'quorum';
    }
    const nextNumber = number === null || parts.length === 0 ? number : number + 1;
    const share = worker === null ? null : shareOf(subscriber, worker);
    if (pulling.acknowledged === 'leader' && pulling.onTheWay.every((one) => hasCome(subscriber, one))) pulling.acknowledged = 'quorum';
    const result = { subscriber: id, number, nextNumber, repeated: false, parts, problems, acknowledged: pulling.acknowledged, share };
    if (parts.length > 0) return { outcome: { ok: true, value: result } };
    const [problem] = unread;
    if (problem !== undefined && request.partial !== true) return { outcome: failedBy(problem, doing) };
    for (const one of found) raise(seen, one.wanted, one.seenTo);
    // A read that waits for what cannot be read would end at once.
    const unreadable = new Set(found.flatMap((one) => (one.problem === null ? [] : one.wanted)));
    const readable = wanted.filter((one) => !unreadable.has(one));
    const watched = readable.slice(0, watchedMax).map((one) => ({ ...one, offsetFrom: Math.max(one.offsetFrom, seenOf(one)) }));
    return { nothing: result, watched, nextMs };
  }

  /** Null where nobody shares the subscriber: the implicit worker has it all, and joins nothing; nor does whoever only looks. */
  *#asWorker(subscriber: Subscriber, { request, doing, epoch }: Pulling): Task<Failed | Worker | null> {
    const { worker: name, sessionMs, topics, peek = false } = request;
    if (peek || ((name ?? null) === null && subscriber.workers.size === 0)) return null;
    for (const topic of topics ?? []) if (!isSubscribed(subscriber, topic)) return notSubscribed(topic, doing);
    const entered = yield* this.#membership.enter(subscriber, { worker: name ?? implicitWorker, epoch, sessionMs, topics }, doing);
    if ('error' in entered) return entered;
    yield* this.#membership.look(subscriber);
    return entered.worker;
  }

  /** What a pull acknowledges takes effect before whatever is asked for later; its answer does not wait for that. */
  *#acknowledgeOnTheWay(pulling: Pulling, subscriber: Subscriber, isShared: boolean): Task<Failed | null> {
    const { request, doing, begins } = pulling;
    // What a worker has lost meanwhile does not keep it from the rest, nor do topics that were let go of.
    const find = this.#group.finderOf(subscriber);
    const lost = isShared ? lostOf(find, request.acknowledge) : [];
    pulling.fenced.length = 0;
    for (const position of lost) {
      const { topic, partition = 0, offset } = position;
      const cursor = find(topic, partition);
      // An attempt before, or whoever holds it now, has acknowledged as much.
      const isDone = position.tries === undefined ? cursor === undefined || cursor.offset >= offset : !isInRetry(cursor, position);
      if (!isDone) pulling.fenced.push(fencedFrom(topic, partition));
    }
    // Nor does what a pull before has acknowledged: clients say it again until they know that it is on a majority.
    const isThere = ({ topic, partition, offset, generation, tries }: AckPosition): boolean => {
      const cursor = find(topic, partition);
      return tries === undefined && cursor !== undefined && cursor.generation === generation && cursor.offset >= offset;
    };
    const meant = request.acknowledge.filter((position) => !lost.includes(position) && !isThere(position));
    if (meant.length === 0) {
      if (lost.length < request.acknowledge.length) pulling.acknowledged = 'quorum';
      return null;
    }
    const late: AckPosition[] = [];
    const positions = yield* this.#acknowledgements.positions(subscriber, meant, doing, late);
    if (!positions.ok) return positions;
    const { id, made } = subscriber;
    const command = { type: 'ack', subscriber: id, made, positions: positions.value } as const;
    // What cannot be told to be there does not hold up the rest. It is said again with a later pull, and this one goes on behind it.
    const onTheWay = [...positions.value, ...cursorsAt(find, late)];
    for (const position of onTheWay) raise(begins, position, position.offset);
    pulling.onTheWay = onTheWay;
    pulling.acknowledged = 'leader';
    // The others are made good by those that come later, each of which says all below an offset.
    if (positions.value.some(({ tries }) => tries !== undefined)) {
      const outcome = yield* this.#group.submit({ ...command, each: true });
      if (!outcome.ok) return outcome;
      if (late.length === 0) pulling.acknowledged = 'quorum';
      for (const position of meant) {
        const { topic, partition = 0 } = position;
        const cursor = find(topic, partition);
        if (position.tries !== undefined && isInRetry(cursor, position)) pulling.fenced.push(fencedFrom(topic, partition));
      }
    } else if (positions.value.length > 0) this.#group.context.submit(isShared ? { ...command, each: true } : command, () => undefined);
    return null;
  }

  /** All of what it gave, or nothing: the next pull acknowledges the whole of it. What was of topics that are gone nobody can have any more. */
  *#repeat(subscriber: Subscriber, puller: Puller, worker: Worker | null, number: number | null, doing: string): Task<Outcome<PullResult>> {
    const given = (puller.given ?? []).flatMap((range) => {
      const cursor = subscriber.cursors.get(cursorKey(range));
      return cursor?.generation === range.generation ? [{ range, cursor: { ...cursor } }] : [];
    });
    const isSure = yield* this.#group.areKnown(given.map(({ cursor }) => cursor));
    const parts: PulledPart[] = [];
    const problems: PullProblem[] = [];
    for (const { range, cursor } of given) {
      if (range.tries !== undefined) {
        const failure = yield* this.#repeatRetry(cursor, range, parts);
        if (failure !== null) return failedBy(failure, doing);
        continue;
      }
      const wanted = this.#group.wanted(cursor, range.offsetFrom);
      const found = 'code' in wanted ? null : yield* this.#group.reads.again(wanted, range.offsetTo, pullBytesMax);
      const problem = 'code' in wanted ? (isSure ? wanted : unsure(wanted)) : (found?.problem ?? null);
      if (problem !== null && problem.code !== 'unknownTopic') return failedBy(problem, doing);
      if (problem !== null) problems.push(problem);
      if (found !== null && found.part !== null) parts.push({ ...found.part, generation: range.generation });
    }
    const nextNumber = number === null ? null : number + 1;
    const common = { subscriber: subscriber.id, number, nextNumber, repeated: true, parts, problems, acknowledged: null };
    return { ok: true, value: { ...common, share: worker === null ? null : shareOf(subscriber, worker) } };
  }

  /** One that has failed again since, or is parked, is not given again. */
  *#repeatRetry(cursor: Cursor, { offsetFrom, tries }: GivenRange, parts: PulledPart[]): Task<PullProblem | null> {
    const retry = cursor.retries?.get(offsetFrom);
    if (retry === undefined || retry.tries !== tries || !retry.isGiven) return null;
    const source = yield* this.#redelivery.source(cursor, { ...retry });
    if (source === 'gone') return null;
    if ('problem' in source) return source.problem;
    parts.push(source.part);
    return null;
  }

  /** What a pull is to read, those in turn first that were last. */
  *#aim(subscriber: Subscriber, request: PullRequest, doing: string): Task<Aim | Failed> {
    const { topics, number, mode, worker, peek = false } = request;
    const chosen = topics === null ? null : new Set(topics);
    for (const topic of chosen ?? []) if (!isSubscribed(subscriber, topic)) return notSubscribed(topic, doing);
    const name = worker ?? implicitWorker;
    const isIts = (cursor: Cursor): boolean => peek || (holderOf(cursor) === name && !isAskedBack(cursor));
    const cursors = [...subscriber.cursors.values()].filter((cursor) => (chosen === null || chosen.has(cursor.topic)) && isIts(cursor));
    const isSure = yield* this.#group.areKnown(cursors);
    // What another has got meanwhile is the other's.
    const held = cursors.filter(isIts);
    const turn = held.length === 0 ? 0 : this.#turnOf(laneKey(request)) % held.length;
    const wanted: Wanted[] = [];
    const problems: PullProblem[] = [];
    for (const cursor of [...held.slice(turn), ...held.slice(0, turn)]) {
      const one = this.#group.wanted(cursor, number === null && mode === 'explicit' ? cursor.offset : cursor.pulledTo);
      const stop = this.#redelivery.stopOf(cursor);
      if ('code' in one) problems.push(isSure ? one : unsure(one));
      else if (stop === null) wanted.push(one);
      else if (stop !== 'ordered') problems.push(stop);
    }
    return { wanted, problems, cursors: held };
  }

  /** One more with each pull of a worker, whoever else pulls; of one that is not remembered it is anything. */
  #turnOf(key: string): number {
    const turn = this.#turns.get(key) ?? this.#turn++;
    this.#turns.delete(key);
    const [oldest] = this.#turns.size < turnsMax ? [] : this.#turns.keys();
    if (oldest !== undefined) this.#turns.delete(oldest);
    this.#turns.set(key, turn + 1);
    return turn;
  }
}

/** Of a worker; whoever only looks is none. */
const laneKey = ({ subscriber, worker, peek = false }: PullRequest): string => `${peek ? '\n' : (worker ?? implicitWorker)}\n${subscriber}`;

const notSubscribed = (topic: string, doing: string): Failed => refused(`${doing} from ${shownTopic(topic)}`, 'notSubscribed');

const fencedFrom = (topic: string, partition: number): PullProblem => ({
  topic,
  partition,
  code: 'staleGeneration',
  message: `partition ${partition} of topic "${topic}" is not held under that generation any more: what is not acknowledged comes again`,
  details: {},
});

/** It has neither failed again nor been acknowledged since. */
const isInRetry = (cursor: Cursor | undefined, { offset, tries }: AckPosition): boolean =>
  cursor?.retries?.get(offset - 1)?.tries === tries;

/** What stands there is committed. */
function hasCome({ cursors }: Subscriber, { offset, ...place }: AckedPosition): boolean {
  const cursor = cursors.get(cursorKey(place));
  return cursor?.generation === place.generation && cursor.offset >= offset;
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

/** `again` where it is the last pull, an error where its number is neither that nor the next, null where it is a new one. */
function refuseNumber({ lastPull, given }: Puller, number: number | null, doing: string): 'again' | Failed | null {
  if (number === null || number === lastPull + 1) return null;
  if (number === lastPull && given !== null) return 'again';
  const details = { nextNumber: lastPull + 1 };
  return failure('pullOutOfOrder', doing, `its next pull has number ${lastPull + 1}, this one has ${number}`, details);
}

/** What records that these were given; null where nothing has to. */
function commandOf(
  subscriber: Subscriber,
  { mode, number, worker }: PullRequest,
  ranges: readonly GivenRange[],
  acknowledges: boolean,
): SubscriberCommand | null {
  const { id, made } = subscriber;
  const by = workerOf(worker ?? implicitWorker);
  if (ranges.length === 0)
    // By then this pull may have given something itself, through another broker: that is not what it acknowledges.
    return acknowledges && number !== null ? { type: 'settle', subscriber: id, made, number: number - 1, ...by } : null;
  if (mode === 'atMostOnce') return { type: 'take', subscriber: id, made, ranges, ...by };
  return number === null ? null : { type: 'pull', subscriber: id, made, number, acknowledges, ranges, ...by };
}

const rangesOf = (redelivered: readonly Redelivered[], found: readonly Found[]): GivenRange[] => [
  ...redelivered.map(({ range }) => range),
  ...found.flatMap(({ wanted: { topicId, partition, generation, offsetFrom }, part }): GivenRange[] =>
    part === null ? [] : [{ topicId, partition, generation, offsetFrom, offsetTo: part.offsetTo }],
  ),
];
