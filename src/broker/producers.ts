/**
 * Who has appended what, and who is revoked (design, D7): the answer to "has this batch been appended before?", decided by the log alone.
 *
 * The table covers the whole log of a replica with its uncommitted tail: `apply` for every batch that enters the log, `undo` in reverse order for what
 * is cut from its end, `commit` for what can no longer be cut. So a new leader knows exactly what its own log holds.
 *
 * Three kinds of producers (`record/producer.ts`): request ids append a stream without gaps; brokers pack under an id of their own, retry in any
 * order and keep their unanswered batches within `brokerWindow`; Kafka producers behave like request ids with epochs.
 */
import type { ErrorCode } from '../base/errors.ts';
import { producerKind } from '../record/index.ts';
import type { ErrorDetails } from '../wire/index.ts';

/** Batches remembered for a request id: how far a retry may lie back and still learn its offset. */
const streamWindow = 64;
/** Batches remembered for a broker. An edge keeps its unanswered ones within a quarter of it (`appends.ts`), so a retry is always found. */
export const brokerWindow = 1024;

/**
 * The most that one batch ages the log: a leader whose clock is a day ahead must not make everybody forget what was appended a minute ago. A log where
 * little is appended forgets later, which costs nothing.
 */
const agingMsMax = 60_000;

/** The facts of one batch that matter here. */
export interface Sequenced {
  readonly producerId: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly count: number;
  /** Checksum of the records alone: a retry may differ in its header, not in them. */
  readonly body: number;
}

interface Placed {
  readonly offsetFrom: number;
  readonly term: number;
  readonly timestampMs: number;
}

export interface RememberedBatch extends Sequenced, Placed {}

interface Producer {
  epoch: number;
  /** Request ids: the next sequence. Brokers: one above the highest. */
  nextSequence: number;
  /** Age of the log (`ageMs`) when its last batch was committed. */
  lastMs: number;
  /** Batches that are not committed yet: such a producer does not expire. */
  pending: number;
  recent: RememberedBatch[];
}

export type Verdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly batch: RememberedBatch }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly reason: string; readonly details: ErrorDetails };

/** What it takes to undo one change. */
export type Change =
  | {
      readonly kind: 'appended';
      readonly batch: RememberedBatch;
      readonly before: { readonly epoch: number; readonly nextSequence: number } | null;
    }
  | { readonly kind: 'revoked'; readonly producerId: number; readonly isFirst: boolean };

export interface ProducerLimits {
  readonly requestIdRetentionMs: number;
  readonly requestIdsMax: number;
}

export class ProducerTable {
  readonly #limits: ProducerLimits;
  /** In the order of their last committed batch, so that the oldest is first. */
  readonly #producers = new Map<number, Producer>();
  /** Producer id -> offset of its first revoke. Never forgotten: its batches may be in the log for ever. */
  readonly #revoked = new Map<number, number>();
  /** Log time that has passed, clock jumps left out: what is forgotten is decided by the log alone. */
  #ageMs = 0;
  #committedMs = 0;

  constructor(limits: ProducerLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#producers.size;
  }

  get revokedCount(): number {
    return this.#revoked.size;
  }

  /** Offset of the revoke of this producer, or null. */
  revokedAt(producerId: number): number | null {
    return this.#revoked.get(producerId) ?? null;
  }

  /** The next sequence that a request id may append, 0 when it is not known. */
  nextSequence(producerId: number): number {
    return this.#producers.get(producerId)?.nextSequence ?? 0;
  }

  check(batch: Sequenced): Verdict {
    if (batch.producerId < 0) return { kind: 'append' };
    if (this.#revoked.has(batch.producerId)) return refused('revoked', 'its request id was revoked', {});
    const producer = this.#producers.get(batch.producerId);
    const isNew = producer === undefined || batch.epoch > producer.epoch || batch.sequence >= producer.nextSequence;
    const known = isNew ? undefined : producer.recent.findLast((other) => other.sequence === batch.sequence && other.epoch === batch.epoch);
    if (known !== undefined) {
      if (known.count === batch.count && known.body === batch.body) return { kind: 'duplicate', batch: known };
      return refused('requestIdReused', 'its request id was used for other records', { offset: known.offsetFrom });
    }
    return producerKind(batch.producerId) === 'broker' ? this.#checkBroker(producer, batch) : this.#checkStream(producer, batch);
  }

  #checkBroker(producer: Producer | undefined, batch: Sequenced): Verdict {
    if (producer === undefined || batch.epoch > producer.epoch) return { kind: 'append' };
    const isTooOld = batch.epoch < producer.epoch || batch.sequence < producer.nextSequence - brokerWindow;
    if (!isTooOld) return { kind: 'append' };
    return refused('duplicateSequence', `it is older than the last ${brokerWindow} batches of its broker`, {
      expectedSequence: producer.nextSequence,
    });
  }

  #checkStream(producer: Producer | undefined, batch: Sequenced): Verdict {
    const isNewEpoch = producer !== undefined && batch.epoch > producer.epoch;
    const expectedSequence = producer === undefined || isNewEpoch ? 0 : producer.nextSequence;
    if (batch.sequence === expectedSequence && (producer === undefined || batch.epoch >= producer.epoch)) return { kind: 'append' };
    const details = { expectedSequence };
    if (producer === undefined)
      return refused('unknownProducer', `its request id is not known and its sequence is ${batch.sequence}`, details);
    if (batch.sequence > expectedSequence)
      return refused('sequenceGap', `its sequence is ${batch.sequence}, the next one is ${expectedSequence}`, details);
    return refused('duplicateSequence', `its sequence is ${batch.sequence}, the next one is ${expectedSequence}`, details);
  }

  /** The batch is in the log now. What it was refused for elsewhere does not matter: its leader has decided. */
  apply(batch: RememberedBatch): Change {
    const producer = this.#producers.get(batch.producerId);
    if (producer === undefined) {
      const made = { epoch: batch.epoch, nextSequence: endSequence(batch), lastMs: this.#ageMs, pending: 1, recent: [batch] };
      this.#producers.set(batch.producerId, made);
      return { kind: 'appended', batch, before: null };
    }
    const before = { epoch: producer.epoch, nextSequence: producer.nextSequence };
    const isNewEpoch = batch.epoch > producer.epoch;
    producer.nextSequence = isNewEpoch ? endSequence(batch) : Math.max(producer.nextSequence, endSequence(batch));
    producer.epoch = Math.max(producer.epoch, batch.epoch);
    producer.pending++;
    producer.recent.push(batch);
    return { kind: 'appended', batch, before };
  }

  revoke(producerId: number, at: number): Change {
    const isFirst = !this.#revoked.has(producerId);
    if (isFirst) this.#revoked.set(producerId, at);
    return { kind: 'revoked', producerId, isFirst };
  }

  /** Takes back the newest change that is not taken back yet. */
  undo(change: Change): void {
    if (change.kind === 'revoked') {
      if (change.isFirst) this.#revoked.delete(change.producerId);
      return;
    }
    const producer = this.#producers.get(change.batch.producerId);
    if (producer === undefined) return;
    producer.recent.pop();
    producer.pending--;
    if (change.before === null) {
      this.#producers.delete(change.batch.producerId);
      return;
    }
    producer.epoch = change.before.epoch;
    producer.nextSequence = change.before.nextSequence;
  }

  /** The change can no longer be taken back. Forgetting happens here only, by log time, so that all replicas forget at the same place of the log. */
  commit(change: Change): void {
    if (change.kind === 'revoked') return;
    const { producerId, timestampMs } = change.batch;
    if (this.#committedMs > 0) this.#ageMs += Math.min(Math.max(0, timestampMs - this.#committedMs), agingMsMax);
    this.#committedMs = Math.max(this.#committedMs, timestampMs);
    const producer = this.#producers.get(producerId);
    if (producer === undefined) return;
    producer.pending--;
    producer.lastMs = this.#ageMs;
    this.#producers.delete(producerId);
    this.#producers.set(producerId, producer);
    const window = producerKind(producerId) === 'broker' ? brokerWindow : streamWindow;
    // In strides, so that a long stream does not move its array at every batch.
    if (producer.recent.length >= window * 2) producer.recent = producer.recent.slice(-window);
    this.#expire();
  }

  #expire(): void {
    for (const [id, producer] of this.#producers) {
      const isOld = producer.lastMs < this.#ageMs - this.#limits.requestIdRetentionMs;
      if ((!isOld && this.#producers.size <= this.#limits.requestIdsMax) || producer.pending > 0) return;
      this.#producers.delete(id);
    }
  }

  /** For a checkpoint: everything, oldest first. */
  *entries(): Generator<{
    readonly id: number;
    readonly epoch: number;
    readonly nextSequence: number;
    readonly lastMs: number;
    readonly recent: readonly RememberedBatch[];
  }> {
    for (const [id, producer] of this.#producers) yield { id, ...producer };
  }

  /** How old the log is, and the log time at which that was known; for a checkpoint. */
  get age(): { readonly ageMs: number; readonly committedMs: number } {
    return { ageMs: this.#ageMs, committedMs: this.#committedMs };
  }

  restoreAge(ageMs: number, committedMs: number): void {
    this.#ageMs = ageMs;
    this.#committedMs = committedMs;
  }

  revokes(): ReadonlyMap<number, number> {
    return this.#revoked;
  }

  /** From a checkpoint, in the order of `entries`. */
  restore(id: number, epoch: number, nextSequence: number, lastMs: number, recent: RememberedBatch[]): void {
    this.#producers.set(id, { epoch, nextSequence, lastMs, pending: 0, recent });
  }

  restoreRevoke(id: number, at: number): void {
    this.#revoked.set(id, at);
  }
}

/** Brokers count batches, streams count records. */
const endSequence = (batch: Sequenced): number => batch.sequence + (producerKind(batch.producerId) === 'broker' ? 1 : batch.count);

const refused = (code: ErrorCode, reason: string, details: ErrorDetails): Verdict => ({ kind: 'refused', code, reason, details });
