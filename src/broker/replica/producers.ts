/**
 * Who has appended what, and who is revoked (design, D7): the answer to "has this batch been appended before?", decided by the log alone.
 *
 * The table covers the whole log of a replica with its uncommitted tail: `apply` for every batch that enters the log, `undo` in reverse order for what
 * is cut from its end, `commit` for what can no longer be cut. So a new leader knows exactly what its own log holds.
 *
 * It has two halves. What is committed is a function of the log up to there and of nothing else: no setting, no clock, no tail. So all replicas
 * remember and forget the same at the same offset, whatever their configuration, and a checkpoint of this half is the same on all of them. What is not
 * committed yet (`Open`) lies over it and is looked at by `check` alone.
 *
 * Three kinds of producers (`record/producer.ts`): request ids append a stream without gaps; brokers pack under an id of their own, retry in any
 * order and keep their unanswered batches within `brokerWindow`; Kafka producers behave like request ids with epochs. A request id with more than one
 * batch, or whose first says that more follow, is a session: it is never pushed out by others, because its owner goes on with it. What has one batch only may be, and then the table knows down
 * to which age of the log it is complete (`forgottenMs`).
 */
import type { ErrorCode } from '../../base/errors.ts';
import { type ProducerLimits, producerKind } from '../../record/index.ts';
import type { ErrorDetails } from '../../wire/index.ts';
import type { SharedRoom } from './shared-room.ts';

/** Batches remembered for a request id: how far a retry may lie back and still learn its offset. */
const streamWindow = 64;
/** Batches remembered for a broker. An edge keeps its unanswered ones within a quarter of it (`appends.ts`), so a retry is always found. */
export const brokerWindow = 1024;

/**
 * The most that one batch ages the log: a leader whose clock is a day ahead must not make everybody forget what was appended a minute ago. A log where
 * little is appended forgets later, which costs nothing.
 */
const agingMsMax = 60_000;
/** A revoke is remembered at least so long even where there are very many: an attempt that it must meet is under way for seconds. */
const revokeMsMin = 3_600_000;

/** What holds in a log until a leader has said something else in it. Part of the format: logs from before say nothing. */
export const firstLimits: ProducerLimits = { requestIdsMax: 200_000, requestIdRetentionMs: 7 * 24 * 3600 * 1000 };

/** The facts of one batch that matter here. */
export interface Sequenced {
  readonly producerId: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly count: number;
  /** Checksum of the records alone: a retry may differ in its header, not in them. */
  readonly body: number;
  /** It says itself that more follow under its id. */
  readonly isOfSession?: boolean | undefined;
}

interface Placed {
  readonly offsetFrom: number;
  readonly term: number;
  readonly timestampMs: number;
}

export interface RememberedBatch extends Sequenced, Placed {}

/** A producer's next step: what `check` compares with. */
interface Position {
  readonly epoch: number;
  /** Request ids: the next sequence. Brokers: one above the highest. */
  readonly nextSequence: number;
  readonly isSession: boolean;
}

/** The committed half of one producer. */
export interface Remembered extends Position {
  /** Age of the log (`ageMs`) when its last batch was committed. */
  readonly lastMs: number;
  readonly recent: readonly RememberedBatch[];
}

interface Producer {
  epoch: number;
  nextSequence: number;
  isSession: boolean;
  lastMs: number;
  recent: RememberedBatch[];
}

/** What a producer has in the log that is not committed, in log order, and where it stands with that. Entries below `head` are committed. */
interface Open {
  batches: RememberedBatch[];
  head: number;
  epoch: number;
  nextSequence: number;
  isSession: boolean;
}

export interface Revoke {
  /** Offset of its batch. */
  readonly at: number;
  /** Age of the log when it was committed. */
  readonly ageMs: number;
}

export type Verdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly batch: RememberedBatch }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly reason: string; readonly details: ErrorDetails };

/** What it takes to undo one change, and to commit it. */
export type Change =
  | { readonly kind: 'appended'; readonly batch: RememberedBatch; readonly before: Position | null }
  | { readonly kind: 'revoked'; readonly producerId: number; readonly at: number }
  | { readonly kind: 'limited'; readonly limits: ProducerLimits };

/** Nothing was ever forgotten. */
const nothingForgotten = -1;

export class ProducerTable {
  /** Both in the order of their last committed batch, so that the oldest is first. */
  readonly #single = new Map<number, Producer>();
  readonly #sessions = new Map<number, Producer>();
  readonly #open = new Map<number, Open>();
  /** Sessions that are not committed as such yet. */
  #openSessions = 0;
  #limits: ProducerLimits = firstLimits;
  /** Producer id -> its first revoke, in log order. */
  readonly #revoked = new Map<number, Revoke>();
  /** The same of what is not committed: offsets, the first one counts. */
  readonly #openRevokes = new Map<number, number[]>();
  /**
   * Producer id -> offset of the revoke that hides its batches, all of which stand below that. It outlives the revoke itself: a batch stays hidden for as
   * long as it is in the log.
   */
  readonly #hidden = new Map<number, number>();
  #revokesVersion = 0;
  /** Log time that has passed, clock jumps left out: what is forgotten is decided by the log alone. */
  #ageMs = 0;
  #committedMs = 0;
  #forgottenMs = nothingForgotten;

  /** Committed producers. */
  get size(): number {
    return this.#single.size + this.#sessions.size;
  }

  get sessionCount(): number {
    return this.#sessions.size + this.#openSessions;
  }

  /** Rises with everything that may change which batches are hidden. */
  get revokesVersion(): number {
    return this.#revokesVersion;
  }

  get hidesAny(): boolean {
    return this.#hidden.size > 0 || this.#openRevokes.size > 0;
  }

  get ageMs(): number {
    return this.#ageMs;
  }

  /** Whatever was appended when the log was older than this is in the table; -1 when nothing was ever forgotten. */
  get forgottenMs(): number {
    return this.#forgottenMs;
  }

  get limits(): ProducerLimits {
    return this.#limits;
  }

  /** Committed request ids of one batch. */
  get singleCount(): number {
    return this.#single.size;
  }

  /** Whether one more request id is one more than before: where as many are remembered as may be, the oldest is pushed out. */
  growsBy(producerId: number): boolean {
    return this.#position(producerId) === undefined && this.#single.size < this.#limits.requestIdsMax;
  }

  /** Offset of the revoke of this producer, committed or not, or null. */
  revokedAt(producerId: number): number | null {
    return this.#revoked.get(producerId)?.at ?? this.#openRevokes.get(producerId)?.[0] ?? null;
  }

  /** Whether readers skip this producer's batch at `offset`, as far as the log is committed below `visible`. */
  hides(producerId: number, offset: number, visible: number): boolean {
    const hiddenTo = this.#hidden.get(producerId);
    if (hiddenTo !== undefined && offset < hiddenTo) return true;
    const open = this.#openRevokes.get(producerId);
    return open?.some((at) => offset < at && at < visible) === true;
  }

  /** All that `hides` says of a log that is committed below `visible`: producer ids, each with the offset below which its batches are hidden. */
  hiddenAt(visible: number): readonly (readonly [producerId: number, offsetTo: number])[] {
    const hidden = new Map(this.#hidden);
    for (const [producerId, revokes] of this.#openRevokes) {
      for (const at of revokes) if (at < visible && at > (hidden.get(producerId) ?? 0)) hidden.set(producerId, at);
    }
    return [...hidden];
  }

  /** The next sequence that a request id may append, 0 when it is not known. */
  nextSequence(producerId: number): number {
    return this.#position(producerId)?.nextSequence ?? 0;
  }

  #committed(producerId: number): Producer | undefined {
    return this.#single.get(producerId) ?? this.#sessions.get(producerId);
  }

  #position(producerId: number): Position | undefined {
    return this.#open.get(producerId) ?? this.#committed(producerId);
  }

  /**
   * What is to become of a batch that is not in the log, as far as this table knows. `triedMs` is how old the log was at least when it was first tried, null
   * for a first attempt. `sessionsMax` is the asker's own limit, and `shared` what all that its broker leads have together: what
   * stands in the log is past both.
   */
  check(
    batch: Sequenced,
    triedMs: number | null = null,
    sessionsMax = Number.POSITIVE_INFINITY,
    shared: SharedRoom | null = null,
  ): Verdict {
    const { producerId } = batch;
    if (producerId < 0) return { kind: 'append' };
    if (this.revokedAt(producerId) !== null) return refused('revoked', 'its request id was revoked', {});
    const position = this.#position(producerId);
    const isNew = position === undefined || batch.epoch > position.epoch || batch.sequence >= position.nextSequence;
    const known = isNew ? undefined : this.#find(batch);
    if (known !== undefined) {
      if (known.count === batch.count && known.body === batch.body) return { kind: 'duplicate', batch: known };
      return refused('requestIdReused', 'its request id was used for other records', { offset: known.offsetFrom });
    }
    if (producerKind(producerId) === 'broker') return this.#checkBroker(position, batch, triedMs);
    return this.#checkStream(position, batch, triedMs, sessionsMax, shared);
  }

  #find({ producerId, epoch, sequence }: Sequenced): RememberedBatch | undefined {
    const isIt = (other: RememberedBatch): boolean => other.sequence === sequence && other.epoch === epoch;
    const open = this.#open.get(producerId);
    if (open !== undefined) {
      for (let i = open.batches.length - 1; i >= open.head; i--) {
        const other = open.batches[i] as RememberedBatch;
        if (isIt(other)) return other;
      }
    }
    return this.#committed(producerId)?.recent.findLast(isIt);
  }

  #checkBroker(position: Position | undefined, batch: Sequenced, triedMs: number | null): Verdict {
    const isTooOld =
      position !== undefined &&
      (batch.epoch < position.epoch || (batch.epoch === position.epoch && batch.sequence < position.nextSequence - brokerWindow));
    if (isTooOld) {
      const details = { expectedSequence: position.nextSequence };
      return refused('duplicateSequence', `it is older than the last ${brokerWindow} batches of its broker`, details);
    }
    return this.#isForgotten(triedMs) ? forgotten() : { kind: 'append' };
  }

  #checkStream(
    position: Position | undefined,
    batch: Sequenced,
    triedMs: number | null,
    sessionsMax: number,
    shared: SharedRoom | null,
  ): Verdict {
    const isNewEpoch = position !== undefined && batch.epoch > position.epoch;
    const expectedSequence = position === undefined || isNewEpoch ? 0 : position.nextSequence;
    if (batch.sequence === expectedSequence && (position === undefined || batch.epoch >= position.epoch)) {
      if (position === undefined && this.#isForgotten(triedMs)) return forgotten();
      const makesSession = position?.isSession !== true && isSessionWith(position, batch);
      if (!makesSession) return { kind: 'append' };
      const own = this.sessionCount;
      if (own >= sessionsMax) {
        const reason = `${own} request ids with more than one batch are remembered already, limits.requestSessionsMax is ${sessionsMax}`;
        return refused('tooManySessions', reason, { limit: sessionsMax });
      }
      if (shared === null || shared.admits(own)) return { kind: 'append' };
      const reason = `its leader remembers ${own} request ids with more than one batch, and ${shared.held} for all that it leads: each may have as many as are left, limits.requestSessionsPerBrokerMax is ${shared.max}`;
      return refused('tooManySessions', reason, { limit: shared.max });
    }
    const details = { expectedSequence };
    if (position === undefined)
      return refused('unknownProducer', `its request id is not known and its sequence is ${batch.sequence}`, details);
    if (batch.sequence > expectedSequence)
      return refused('sequenceGap', `its sequence is ${batch.sequence}, the next one is ${expectedSequence}`, details);
    const missing = batch.sequence + batch.count - expectedSequence;
    const reason = `its sequence is ${batch.sequence}, the next one is ${expectedSequence}`;
    if (missing <= 0) return refused('duplicateSequence', reason, details);
    return refused('duplicateSequence', `${reason}: of its ${batch.count} records the last ${missing} are not in it`, {
      ...details,
      missing,
    });
  }

  /** It may have been appended and forgotten since. */
  #isForgotten(triedMs: number | null): boolean {
    return triedMs !== null && this.#forgottenMs > nothingForgotten && triedMs <= this.#forgottenMs;
  }

  /** The batch is in the log now. What it was refused for elsewhere does not matter: its leader has decided. */
  apply(batch: RememberedBatch): Change {
    const { producerId } = batch;
    const open = this.#open.get(producerId);
    const position = open ?? this.#committed(producerId);
    const before =
      position === undefined ? null : { epoch: position.epoch, nextSequence: position.nextSequence, isSession: position.isSession };
    const epoch = position === undefined ? batch.epoch : Math.max(position.epoch, batch.epoch);
    const nextSequence = nextAfter(position, batch);
    const isSession = isSessionWith(position, batch);
    if (isSession && before?.isSession !== true) this.#openSessions++;
    if (open === undefined) this.#open.set(producerId, { batches: [batch], head: 0, epoch, nextSequence, isSession });
    else {
      open.batches.push(batch);
      open.epoch = epoch;
      open.nextSequence = nextSequence;
      open.isSession = isSession;
    }
    return { kind: 'appended', batch, before };
  }

  revoke(producerId: number, at: number): Change {
    const open = this.#openRevokes.get(producerId);
    if (open === undefined) this.#openRevokes.set(producerId, [at]);
    else open.push(at);
    this.#revokesVersion++;
    return { kind: 'revoked', producerId, at };
  }

  limit(limits: ProducerLimits): Change {
    return { kind: 'limited', limits };
  }

  /** Takes back the newest change that is not taken back yet. */
  undo(change: Change): void {
    if (change.kind === 'limited') return;
    if (change.kind === 'revoked') return this.#undoRevoke(change.producerId);
    const { producerId } = change.batch;
    const open = this.#open.get(producerId);
    if (open === undefined) return;
    const { before } = change;
    if (open.isSession && before?.isSession !== true) this.#openSessions--;
    open.batches.pop();
    if (open.batches.length === open.head || before === null) {
      this.#open.delete(producerId);
      return;
    }
    open.epoch = before.epoch;
    open.nextSequence = before.nextSequence;
    open.isSession = before.isSession;
  }

  #undoRevoke(producerId: number): void {
    const open = this.#openRevokes.get(producerId);
    open?.pop();
    if (open?.length === 0) this.#openRevokes.delete(producerId);
    this.#revokesVersion++;
  }

  /**
   * One more batch of the log can no longer be taken back; `change` is what it did here, if anything. Forgetting happens here only, by log time and by
   * limits that stand in the log, so that all replicas forget at the same place of it.
   */
  commit(change: Change | null, timestampMs: number): void {
    if (this.#committedMs > 0) this.#ageMs += Math.min(Math.max(0, timestampMs - this.#committedMs), agingMsMax);
    this.#committedMs = Math.max(this.#committedMs, timestampMs);
    if (change === null) return;
    if (change.kind === 'appended') this.#commitBatch(change.batch, change.before);
    else if (change.kind === 'revoked') this.#commitRevoke(change.producerId, change.at);
    else this.#limits = change.limits;
    this.#expire();
  }

  #commitBatch(batch: RememberedBatch, before: Position | null): void {
    const { producerId } = batch;
    this.#closeBatch(producerId, batch, before);
    const known = this.#committed(producerId);
    const isSession = isSessionWith(known, batch);
    const producer = known ?? { epoch: batch.epoch, nextSequence: 0, isSession, lastMs: 0, recent: [] };
    producer.nextSequence = nextAfter(known, batch);
    producer.epoch = Math.max(producer.epoch, batch.epoch);
    producer.isSession = isSession;
    producer.lastMs = this.#ageMs;
    producer.recent.push(batch);
    this.#single.delete(producerId);
    this.#sessions.delete(producerId);
    (isSession ? this.#sessions : this.#single).set(producerId, producer);
    const window = producerKind(producerId) === 'broker' ? brokerWindow : streamWindow;
    // In strides, so that a long stream does not move its array at every batch.
    if (producer.recent.length >= window * 2) producer.recent = producer.recent.slice(-window);
  }

  #closeBatch(producerId: number, batch: RememberedBatch, before: Position | null): void {
    const open = this.#open.get(producerId);
    if (open === undefined) return;
    open.head++;
    if (before?.isSession !== true && isSessionWith(before ?? undefined, batch)) this.#openSessions--;
    if (open.head === open.batches.length) this.#open.delete(producerId);
    else if (open.head > 256 && open.head * 2 > open.batches.length) {
      open.batches = open.batches.slice(open.head);
      open.head = 0;
    }
  }

  #commitRevoke(producerId: number, at: number): void {
    const open = this.#openRevokes.get(producerId);
    open?.shift();
    if (open?.length === 0) this.#openRevokes.delete(producerId);
    if (!this.#revoked.has(producerId)) this.#revoked.set(producerId, { at, ageMs: this.#ageMs });
    // Where nothing was forgotten and the id is not known, no batch of it is in the log, and none will be.
    const hasBatches = this.#committed(producerId) !== undefined || this.#forgottenMs > nothingForgotten;
    if (hasBatches) {
      this.#hidden.delete(producerId);
      this.#hidden.set(producerId, at);
    }
    this.#revokesVersion++;
  }

  #expire(): void {
    const { requestIdRetentionMs, requestIdsMax } = this.#limits;
    const keptFromMs = this.#ageMs - requestIdRetentionMs;
    for (const [id, producer] of this.#single) {
      if (producer.lastMs >= keptFromMs && this.#single.size <= requestIdsMax) break;
      this.#forget(this.#single, id, producer);
    }
    if (this.#sessions.size > 0) {
      for (const [id, producer] of this.#sessions) {
        if (producer.lastMs >= keptFromMs) break;
        this.#forget(this.#sessions, id, producer);
      }
    }
    if (this.#revoked.size > 0) {
      for (const [id, { ageMs }] of this.#revoked) {
        const isOld = ageMs < keptFromMs || (this.#revoked.size > requestIdsMax && ageMs < this.#ageMs - revokeMsMin);
        if (!isOld) break;
        this.#revoked.delete(id);
      }
    }
  }

  #forget(from: Map<number, Producer>, id: number, { lastMs }: Producer): void {
    from.delete(id);
    this.#forgottenMs = Math.max(this.#forgottenMs, lastMs);
  }

  /** The log begins at this offset now: what stood below need not be hidden any more. */
  trimmed(logStartOffset: number): void {
    for (const [id, at] of this.#hidden) {
      if (at > logStartOffset) return;
      this.#hidden.delete(id);
    }
  }

  /** Nothing is known of what the log held before it began. */
  beginWithin(): void {
    this.#forgottenMs = Math.max(this.#forgottenMs, this.#ageMs);
  }

  // ------------------------------------------------------------------------------------------------------- for a checkpoint

  /** Of the committed half, those of one batch, oldest first. */
  get single(): ReadonlyMap<number, Remembered> {
    return this.#single;
  }

  /** Of the committed half, those that go on, oldest first. */
  get sessions(): ReadonlyMap<number, Remembered> {
    return this.#sessions;
  }

  get committedMs(): number {
    return this.#committedMs;
  }

  revokes(): ReadonlyMap<number, Revoke> {
    return this.#revoked;
  }

  /** Producer id -> offset of the revoke. What a replica has trimmed away is in here no more, so it is the one part that replicas may differ in. */
  hidden(): ReadonlyMap<number, number> {
    return this.#hidden;
  }

  restoreTime(ageMs: number, committedMs: number, forgottenMs: number): void {
    this.#ageMs = ageMs;
    this.#committedMs = committedMs;
    this.#forgottenMs = forgottenMs;
  }

  restoreLimits(limits: ProducerLimits): void {
    this.#limits = limits;
  }

  /** Oldest first. */
  restore({ id, epoch, nextSequence, isSession, lastMs, recent }: Remembered & { readonly id: number }): void {
    (isSession ? this.#sessions : this.#single).set(id, { epoch, nextSequence, isSession, lastMs, recent: [...recent] });
  }

  restoreRevoke(id: number, revoke: Revoke): void {
    this.#revoked.set(id, revoke);
  }

  restoreHidden(id: number, at: number): void {
    this.#hidden.set(id, at);
  }
}

/** A request id whose second batch this is, or one that does not begin with its first, or says itself that it goes on. */
export const isSessionWith = (position: Position | undefined, batch: Sequenced): boolean =>
  position?.isSession === true ||
  (producerKind(batch.producerId) !== 'broker' && (position !== undefined || batch.sequence > 0 || batch.isOfSession === true));

function nextAfter(position: Position | undefined, batch: Sequenced): number {
  // Brokers count batches, streams count records.
  const end = batch.sequence + (producerKind(batch.producerId) === 'broker' ? 1 : batch.count);
  return position === undefined || batch.epoch > position.epoch ? end : Math.max(position.nextSequence, end);
}

const forgotten = (): Verdict =>
  refused('unknownProducer', 'its first attempt is older than what this log remembers: it may have been appended then', {});

const refused = (code: ErrorCode, reason: string, details: ErrorDetails): Verdict => ({ kind: 'refused', code, reason, details });
