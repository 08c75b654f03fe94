import { runTask, type Task, wait } from '../base/task.ts';
import type { Answer, AppendRequest, AppendResult, Outcome, ReadRequest, ReadResult } from '../eventlog/index.ts';
import type { Bytes, Clock } from '../host/index.ts';
import { batchOfRecordBytes, producerId, producerIdOf } from '../record/index.ts';
import { type Carried, decodeSchedule, type ScheduledCommand } from './commands.ts';
import { byTime, Nearest } from './nearest.ts';
import type { ScheduledOutcome, ScheduledState } from './state.ts';
import { keyOf, type Target } from './waiting.ts';

export interface DelivererContext {
  readonly state: ScheduledState;
  readonly clock: Clock;
  readonly bytes: Bytes;
  /** Names the group in the ids of its appends. */
  readonly group: number;
  /** Log time as this broker knows it. */
  timeMs(): number;
  /** In which this broker leads the group; null where it does not, or may not. */
  term(): number | null;
  /** Puts a command into the group's log; comes back with what it did, once it is on a majority and has taken effect here. */
  submit(command: ScheduledCommand, done: Answer<ScheduledOutcome>): void;
  /** What stands at this offset of the group's log; null where it cannot be read now. */
  read(at: number, done: (stored: Carried | null) => void): void;
  /** Comes back with the group of a partition, `gone` where its topic is no more, null where nobody can say now. */
  find(target: Target, done: (group: number | 'gone' | null) => void): void;
  append(group: number, request: AppendRequest, answer: Answer<AppendResult>): void;
  readTopic(request: ReadRequest, answer: Answer<ReadResult>): void;
  /** It is given up. */
  dropped(place: number, target: Target, reason: string): void;
  /** How long the group's log is; it is to be about `keptBytes` longer than what waits in it. */
  logBytes(): number;
  readonly keptBytes: number;
}

/** So long before it is due it is claimed and can be cancelled no more: what that costs is spent by then. */
const claimAheadMs = 100;
/** Of what is nearest, known by time and place only. */
const nearestMax = 4096;
/** Of what is claimed, of all partitions; one may have as many as are left beside all, and always one (docs/decisions/0032). */
const claimedMax = 4096;
const claimedAtOnceMax = 1024;
/** Appends under way to one partition, and bytes of all. */
const inFlightMax = 256;
const heldBytesMax = 4 * 1024 * 1024;
const appendMs = 10_000;
const againMs = 100;
const againMsMax = 5000;
const notYetMs = 25;
/** A clock that jumps is noticed by then; ticks notice it too. */
const lookMsMax = 500;
const verifyBytes = 1024 * 1024;
/** What is written again at once, so that the log can lose its beginning. */
const carriedMax = 64;
const carriedBytesMax = 256 * 1024;

/** Refusals that say something of these records, not of the partition: others go on, and no other attempt would be taken either. */
const ofItself: ReadonlySet<string> = new Set(['recordTooLarge', 'corruptBatch', 'requestIdReused', 'revoked', 'invalidRequest']);

interface Delivery {
  readonly place: number;
  readonly timeMs: number;
  readonly bytes: number;
  readonly lane: Lane;
  /** Log time that its append must have at least: when it is due, or what the partition was looked through up to. */
  leastMs: number;
  /** Where that look ended; null before the first. */
  lookedTo: number | null;
  /** It is appended where that look ended, or nowhere. */
  isAtItsEnd: boolean;
}

/** What is claimed for one partition. */
interface Lane {
  readonly target: Target;
  /** Ready, in the order of their times. */
  queue: Delivery[];
  /** Claimed, or about to be. */
  count: number;
  inFlight: number;
  heldBytes: number;
  /** On the monotonic clock: nothing is sent before. */
  nextMs: number;
  waitMs: number;
  problem: string | null;
  /** Some that is due was passed over. */
  isLeftOut: boolean;
}

/**
 * Delivers what waits in a group where that is led. What is nearly due it claims by a command of the group's log, which a cancellation may come before; what is claimed
 * it appends under an id made of its place, again and again, whoever leads meanwhile; what was appended it takes out by another command. So whatever is done twice,
 * because a leader went between two of these, has the effect of once.
 */
export class Deliverer {
  readonly #context: DelivererContext;
  /** Null while it does nothing. */
  #term: number | null = null;
  /** Another one with each term of office: what comes back from an earlier one is not listened to. */
  #office = 0;
  #near = new Nearest(nearestMax);
  /** There may be nearer ones than those. */
  #isToRefill = false;
  readonly #lanes = new Map<string, Lane>();
  readonly #deliveries = new Map<number, Delivery>();
  #toClaim: Delivery[] = [];
  #toEnd: { readonly delivery: Delivery; readonly isDone: boolean }[] = [];
  #isStepping = false;
  #stepFromMs = 0;
  #heldBytes = 0;
  #isCarrying = false;
  #isLookingSoon = false;
  #timer: { cancel(): void } | null = null;

  constructor(context: DelivererContext) {
    this.#context = context;
  }

  /** A command has been applied here: what was scheduled by it waits from now on. */
  scheduled(place: number): void {
    const entry = this.#term === null ? undefined : this.#context.state.waiting.get(place);
    if (entry === undefined) return;
    this.#near.offer(entry.deliverAtMs, place);
    if (this.#isLookingSoon || entry.deliverAtMs - claimAheadMs > this.#context.timeMs() + lookMsMax) return;
    this.#isLookingSoon = true;
    this.#lookIn(0);
  }

  /** Why it is not delivered yet, though it is due. */
  problemOf(target: Target): string | null {
    return this.#lanes.get(keyOf(target))?.problem ?? null;
  }

  stop(): void {
    if (this.#term === null) return;
    this.#term = null;
    this.#office++;
    this.#timer?.cancel();
    this.#timer = null;
    this.#isLookingSoon = false;
    this.#near = new Nearest(nearestMax);
    this.#lanes.clear();
    this.#deliveries.clear();
    this.#toClaim = [];
    this.#toEnd = [];
    this.#isStepping = false;
    this.#heldBytes = 0;
    this.#isCarrying = false;
  }

  /** Does what is to be done now; called with each tick too. */
  look(): void {
    const term = this.#context.term();
    if (term !== this.#term) this.stop();
    if (term === null) return;
    if (this.#term === null) this.#begin(term);
    this.#isLookingSoon = false;
    this.#claim();
    for (const lane of this.#lanes.values()) this.#send(lane);
    this.#step();
    this.#carry();
    this.#lookIn(this.#restMs());
  }

  #begin(term: number): void {
    this.#term = term;
    this.#stepFromMs = 0;
    this.#isToRefill = true;
    // What others have claimed may have been appended by them already: it is done again under the same id.
    this.#context.state.waiting.forEach((place, timeMs, _at, target, isClaimed) => {
      if (!isClaimed) return;
      const delivery = this.#newDelivery(place, timeMs, target);
      if (delivery !== null) enqueue(delivery);
    });
  }

  // --------------------------------------------------------------------------------------------------------------- claims

  #claim(): void {
    const untilMs = this.#context.timeMs() + claimAheadMs;
    if (this.#isToRefill) this.#refill();
    while (this.#toClaim.length < claimedAtOnceMax) {
      if (this.#near.size === 0 && !this.#near.isWhole) this.#refill();
      const { first } = this.#near;
      if (first === undefined || first.timeMs > untilMs) return;
      this.#near.take();
      const entry = this.#context.state.waiting.get(first.place);
      if (entry === undefined || entry.isClaimed || this.#deliveries.has(first.place)) continue;
      const lane = this.#laneOf(entry.target);
      if (!this.#mayClaim(lane)) {
        lane.isLeftOut = true;
        continue;
      }
      const delivery = this.#newDelivery(first.place, first.timeMs, entry.target);
      if (delivery !== null) this.#toClaim.push(delivery);
    }
  }

  /** What a partition does not take for now is left waiting, where it can be cancelled, but for one that finds out when it does again. */
  #mayClaim({ count, problem }: Lane): boolean {
    return count === 0 || (problem === null && count < claimedMax - this.#deliveries.size);
  }

  #refill(): void {
    this.#isToRefill = false;
    this.#near = new Nearest(nearestMax);
    let target: Target | null = null;
    let isLeftOut = false;
    this.#context.state.waiting.forEach((place, timeMs, _at, its, isClaimed) => {
      if (its !== target) {
        target = its;
        isLeftOut = this.#lanes.get(keyOf(its))?.isLeftOut === true;
      }
      if (!isClaimed && !isLeftOut) this.#near.offer(timeMs, place);
    });
  }

  #laneOf(target: Target): Lane {
    const key = keyOf(target);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { target, queue: [], count: 0, inFlight: 0, heldBytes: 0, nextMs: 0, waitMs: 0, problem: null, isLeftOut: false };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #newDelivery(place: number, timeMs: number, target: Target): Delivery | null {
    const entry = this.#context.state.waiting.get(place);
    if (entry === undefined) return null;
    const lane = this.#laneOf(target);
    const delivery: Delivery = { place, timeMs, bytes: entry.bytes, lane, leastMs: timeMs, lookedTo: null, isAtItsEnd: false };
    lane.count++;
    this.#deliveries.set(place, delivery);
    return delivery;
  }

  #forget({ place, lane }: Delivery): void {
    this.#deliveries.delete(place);
    lane.count--;
    // Half of what it may have is free again: what was passed over comes into question.
    if (lane.isLeftOut && lane.problem === null && 2 * lane.count <= claimedMax - this.#deliveries.size) {
      lane.isLeftOut = false;
      this.#isToRefill = true;
    }
    if (lane.count === 0 && !lane.isLeftOut && lane.problem === null) this.#lanes.delete(keyOf(lane.target));
  }

  // ---------------------------------------------------------------------------------------------------- commands to the log

  /** One at a time: what comes meanwhile is joined in the next, so that they grow with the load. */
  #step(): void {
    if (this.#isStepping || this.#context.clock.monotonicMs() < this.#stepFromMs) return;
    if (this.#toClaim.length + this.#toEnd.length === 0) return;
    const claims = this.#toClaim;
    const ends = this.#toEnd;
    this.#toClaim = [];
    this.#toEnd = [];
    this.#isStepping = true;
    const placesOf = (isDone: boolean): number[] => ends.flatMap((end) => (end.isDone === isDone ? [end.delivery.place] : []));
    const command = { type: 'step', claim: claims.map(({ place }) => place), done: placesOf(true), drop: placesOf(false) } as const;
    const office = this.#office;
    this.#context.submit(command, (outcome) => {
      if (office !== this.#office) return;
      this.#isStepping = false;
      if (outcome.ok) {
        for (const { delivery } of ends) this.#forget(delivery);
        for (const delivery of claims) {
          // One that was cancelled before is not claimed by it.
          if (this.#context.state.waiting.get(delivery.place)?.isClaimed === true) enqueue(delivery);
          else this.#forget(delivery);
        }
      } else {
        this.#toClaim = [...claims, ...this.#toClaim];
        this.#toEnd = [...ends, ...this.#toEnd];
        this.#stepFromMs = this.#context.clock.monotonicMs() + againMs;
      }
      this.look();
    });
  }

  // ------------------------------------------------------------------------------------------------------------- deliveries

  #send(lane: Lane): void {
    const { clock } = this.#context;
    const timeMs = this.#context.timeMs();
    while (this.#mayHoldMore(lane) && clock.monotonicMs() >= lane.nextMs) {
      const [first] = lane.queue;
      if (first === undefined || first.timeMs > timeMs) return;
      lane.queue.shift();
      lane.inFlight++;
      this.#hold(first, first.bytes);
      const office = this.#office;
      runTask(
        () => this.#deliver(first),
        (ended) => {
          if (office !== this.#office) return;
          lane.inFlight--;
          this.#hold(first, -first.bytes);
          this.#ended(first, ended);
          this.look();
        },
      );
    }
  }

  #mayHoldMore({ inFlight, problem, heldBytes }: Lane): boolean {
    if (inFlight === 0) return true;
    return problem === null && inFlight < inFlightMax && heldBytes < heldBytesMax - this.#heldBytes;
  }

  #hold({ lane }: Delivery, bytes: number): void {
    lane.heldBytes += bytes;
    this.#heldBytes += bytes;
  }

  #ended(delivery: Delivery, ended: Ended): void {
    const { lane } = delivery;
    switch (ended.type) {
      case 'delivered':
        this.#goesOn(lane);
        this.#toEnd.push({ delivery, isDone: true });
        return;
      case 'dropped':
        this.#goesOn(lane);
        this.#context.dropped(delivery.place, lane.target, ended.reason);
        this.#toEnd.push({ delivery, isDone: false });
        return;
      case 'gone':
        return this.#forget(delivery);
      case 'again':
        return enqueue(delivery);
      case 'notYet':
        lane.nextMs = this.#context.clock.monotonicMs() + notYetMs;
        return enqueue(delivery);
      case 'failed':
        return this.#failed(delivery, ended.reason);
    }
  }

  #goesOn(lane: Lane): void {
    lane.waitMs = 0;
    if (lane.problem === null) return;
    lane.problem = null;
    if (!lane.isLeftOut) return;
    lane.isLeftOut = false;
    this.#isToRefill = true;
  }

  /** All that were under way fail at once: the wait grows once for them. */
  #failed(delivery: Delivery, reason: string): void {
    const { lane } = delivery;
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs >= lane.nextMs) {
      lane.waitMs = Math.min(againMsMax, Math.max(againMs, 2 * lane.waitMs));
      lane.nextMs = nowMs + lane.waitMs;
    }
    lane.problem = reason;
    enqueue(delivery);
  }

  *#deliver(delivery: Delivery): Task<Ended> {
    const context = this.#context;
    const { target } = delivery.lane;
    const group = yield* wait<number | 'gone' | null>((done) => context.find(target, done));
    if (group === 'gone') return { type: 'dropped', reason: 'its topic was deleted' };
    if (group === null) return { type: 'failed', reason: 'nobody could be asked whether its topic is there' };
    const at = context.state.waiting.get(delivery.place)?.at;
    // Somebody who led before has ended it, by a command that came late.
    if (at === undefined) return { type: 'gone' };
    const stored = yield* wait<Carried | null>((done) => context.read(at, done));
    const schedule = stored === null ? null : decodeSchedule(stored.schedule, context.bytes);
    if (stored === null || schedule === null) return { type: 'failed', reason: 'it could not be read from where it waits' };
    const { timestampMs: baseTimestamp } = stored;
    const { recordCount, records } = schedule;
    const times = { recordCount, baseTimestamp, maxTimestamp: baseTimestamp + schedule.spanMs };
    const request: AppendRequest = {
      topic: target.topic,
      partition: target.partition,
      batch: batchOfRecordBytes(records, times),
      level: 'quorum',
      timeoutMs: appendMs,
      requestId: this.#requestIdOf(delivery),
      sequence: 0,
      expectedOffset: delivery.isAtItsEnd ? delivery.lookedTo : null,
      deliverAtMs: delivery.leastMs,
    };
    const outcome = yield* wait<Outcome<AppendResult>>((done) => context.append(group, request, done));
    if (outcome.ok) return { type: 'delivered' };
    const { code, message } = outcome.error;
    if (code === 'notYetDue') return { type: 'notYet' };
    // It remembers that it has them, and not where.
    if (code === 'duplicateSequence') return { type: 'delivered' };
    if (code === 'unknownProducer' || code === 'offsetMismatch') return yield* this.#lookFor(delivery, group);
    return ofItself.has(code) ? { type: 'dropped', reason: message } : { type: 'failed', reason: message };
  }

  /**
   * The partition has forgotten ids of since it was due, so it may have been appended and forgotten. Log time tells where that would stand: it is looked for there, and
   * what has looked through all and found nothing is appended behind what it has seen. Where log time stands still, as after a clock that was ahead, it does not tell
   * what the partition has forgotten from what it has not: then it is appended at the very end of what it has seen, or not.
   */
  *#lookFor(delivery: Delivery, group: number): Task<Ended> {
    const { topic, partition } = delivery.lane.target;
    const id = producerIdOf(this.#context.bytes.utf8Encode(this.#requestIdOf(delivery)));
    const before = delivery.lookedTo === null ? null : delivery.leastMs;
    for (;;) {
      const from = delivery.lookedTo;
      const common = { topic, partition, group, bytesMax: verifyBytes, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 } as const;
      const request: ReadRequest = { ...common, offsetFrom: from, sinceMs: from === null ? delivery.timeMs : null };
      const outcome = yield* wait<Outcome<ReadResult>>((done) => this.#context.readTopic(request, done));
      if (!outcome.ok) {
        const { code, message } = outcome.error;
        if (code !== 'offsetOutOfRange') return { type: 'failed', reason: message };
        return { type: 'dropped', reason: 'whether it was appended cannot be told: what was appended since is gone' };
      }
      const { offsetFrom, offsetNext, batches, times = [], logStartOffset, highWatermark } = outcome.value;
      if (from === null && logStartOffset > 0 && offsetFrom <= logStartOffset)
        return { type: 'dropped', reason: 'whether it was appended cannot be told: what was appended since is gone' };
      if (batches.some((batch) => producerId(batch) === id)) return { type: 'delivered' };
      delivery.leastMs = Math.max(delivery.leastMs, ...times);
      delivery.lookedTo = offsetNext;
      if (offsetNext < highWatermark) continue;
      const isStill = delivery.leastMs === before;
      if (isStill && delivery.isAtItsEnd)
        return { type: 'failed', reason: 'the log time of its partition stands still, and others are appended all the time' };
      delivery.isAtItsEnd = isStill;
      return { type: 'again' };
    }
  }

  /** Of its place: whoever leads makes the same. */
  #requestIdOf({ place }: Delivery): string {
    return `cairn-scheduled:${this.#context.group}:${place}`;
  }

  // ------------------------------------------------------------------------------------------------------ the log's length

  /** What waits in the oldest part of a log that is much longer than all that waits is written again, so that this part can go. */
  #carry(): void {
    const { state, keptBytes } = this.#context;
    if (this.#isCarrying || state.waiting.size === 0 || this.#context.logBytes() <= keptBytes + 2 * state.waiting.bytes) return;
    this.#isCarrying = true;
    const oldest = new Nearest(carriedMax);
    state.waiting.forEach((place, _timeMs, at) => oldest.offer(at, place));
    const office = this.#office;
    runTask(
      () => this.#carryOn(oldest),
      () => {
        if (office === this.#office) this.#isCarrying = false;
      },
    );
  }

  *#carryOn(oldest: Nearest): Task<void> {
    const context = this.#context;
    const office = this.#office;
    let left = carriedBytesMax;
    for (let next = oldest.take(); next !== undefined && left > 0 && office === this.#office; next = oldest.take()) {
      const { place } = next;
      const entry = context.state.waiting.get(place);
      if (entry === undefined) continue;
      left -= entry.bytes;
      const stored = yield* wait<Carried | null>((done) => context.read(entry.at, done));
      if (stored === null) return;
      const { schedule, timestampMs } = stored;
      const command = { type: 'carry', place, schedule, timestampMs } as const;
      const outcome = yield* wait<Outcome<ScheduledOutcome>>((done) => context.submit(command, done));
      if (!outcome.ok) return;
    }
  }

  // --------------------------------------------------------------------------------------------------------------- timers

  #restMs(): number {
    const timeMs = this.#context.timeMs();
    const nowMs = this.#context.clock.monotonicMs();
    let restMs = lookMsMax;
    const { first } = this.#near;
    if (first !== undefined && this.#toClaim.length < claimedAtOnceMax) restMs = Math.min(restMs, first.timeMs - claimAheadMs - timeMs);
    if (this.#toClaim.length + this.#toEnd.length > 0 && !this.#isStepping) restMs = Math.min(restMs, this.#stepFromMs - nowMs);
    for (const lane of this.#lanes.values()) {
      const [next] = lane.queue;
      if (next !== undefined && this.#mayHoldMore(lane)) restMs = Math.min(restMs, Math.max(next.timeMs - timeMs, lane.nextMs - nowMs));
    }
    return restMs;
  }

  #lookIn(ms: number): void {
    this.#timer?.cancel();
    const office = this.#office;
    this.#timer = this.#context.clock.startTimer(Math.max(1, Math.ceil(ms)), () => {
      if (office === this.#office) this.look();
    });
  }
}

type Ended =
  | { readonly type: 'delivered' | 'gone' | 'again' | 'notYet' }
  | { readonly type: 'dropped' | 'failed'; readonly reason: string };

/** Mostly at its end. */
function enqueue(delivery: Delivery): void {
  const { queue } = delivery.lane;
  let at = queue.length;
  while (at > 0 && byTime(queue[at - 1] as Delivery, delivery) > 0) at--;
  queue.splice(at, 0, delivery);
}
