/**
 * What a replica derives from its log: the producer table, and what the next frame continues (checksum chain, log time). Kept exact for the whole log
 * with its uncommitted tail: each batch above the high watermark is one entry that can be taken back.
 *
 * Invariant: after `sync` the last entry is the last batch of the consensus core's log. Two batches with equal (offset, term) are the same, so only the
 * newest entry has to be compared.
 */
import { broken } from '../base/assert.ts';
import type { Offset, Term } from '../base/branded.ts';
import type { Bytes } from '../host/index.ts';
import type { LogBatch } from '../raft/index.ts';
import * as record from '../record/index.ts';
import { FieldReader, FieldWriter } from '../wire/fields.ts';
import type { Stamp } from '../wire/index.ts';
import { type Change, type ProducerLimits, ProducerTable, type RememberedBatch, type Sequenced } from './producers.ts';

interface TailEntry {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly term: number;
  readonly checksum: number;
  readonly stamp: Stamp;
  readonly change: Change | null;
}

/** The end of what can no longer be taken back; its term is null where there is no record before it, or none in this log. */
interface Floor {
  readonly offsetTo: number;
  readonly term: number | null;
  readonly checksum: number;
  readonly stamp: Stamp;
}

/** What `sync` compares with: the log of the consensus core. */
export interface LogView {
  readonly endOffset: Offset;
  /** Term of the record before `end`. */
  termBefore(end: Offset): Term;
  /** Whole batches of [offsetFrom, offsetTo), all in memory. */
  batches(offsetFrom: Offset, offsetTo: Offset): readonly LogBatch[];
}

const zeroStamp: Stamp = { ms: 0, counter: 0 };
const checkpointVersion = 2;

export class Tail {
  readonly #bytes: Bytes;
  readonly #limits: ProducerLimits;
  #producers: ProducerTable;
  /** Entries not committed yet; those below `#head` are, and wait to be dropped together. */
  #entries: TailEntry[] = [];
  #head = 0;
  /** Where the entries start: the last batch that can no longer be taken back. */
  #floor: Floor;

  constructor(limits: ProducerLimits, bytes: Bytes, from: number) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#producers = new ProducerTable(limits);
    this.#floor = { offsetTo: from, term: null, checksum: 0, stamp: zeroStamp };
  }

  get producers(): ProducerTable {
    return this.#producers;
  }

  get endOffset(): number {
    return this.#last?.offsetTo ?? this.#floor.offsetTo;
  }

  /** What the next frame chains to. */
  get lastChecksum(): number {
    return this.#last?.checksum ?? this.#floor.checksum;
  }

  /** Checksum of the batch that ends at `end`, or null where that is not known: only the uncommitted tail and the batch before it are. */
  checksumBefore(end: number): number | null {
    // A tail that begins inside a log whose older records were removed does not know what came before.
    if (end === this.#floor.offsetTo) return end > 0 && this.#floor.checksum === 0 ? null : this.#floor.checksum;
    for (let i = this.#entries.length - 1; i >= this.#head; i--) {
      const entry = this.#entries[i] as TailEntry;
      if (entry.offsetTo === end) return entry.checksum;
      if (entry.offsetTo < end) return null;
    }
    return null;
  }

  /** Term of the last batch of the uncommitted tail, 0 when there is none. */
  get lastTerm(): number {
    return this.#last?.term ?? 0;
  }

  /** Log time of the last batch; the next one's is later. */
  get lastStamp(): Stamp {
    return this.#last?.stamp ?? this.#floor.stamp;
  }

  /** Nothing below it is ever taken back. */
  get committedTo(): number {
    return this.#floor.offsetTo;
  }

  /** Of the state at `committedTo`: equal where equal logs were derived. */
  digest(): number {
    const state = this.checkpoint(this.#floor.offsetTo, this.#floor.checksum);
    return state === null ? 0 : this.#bytes.crc32c(state);
  }

  get #last(): TailEntry | undefined {
    return this.#entries.length > this.#head ? this.#entries[this.#entries.length - 1] : undefined;
  }

  /** A log that was opened without reading all of it: the chain goes on from what storage knows. */
  chainTo(checksum: number): void {
    if (this.#last === undefined) this.#floor = { ...this.#floor, checksum };
  }

  /** Takes back what is no longer in the log and adds what is new. False when more is gone than can be taken back: derive it again. */
  sync(log: LogView): boolean {
    for (let last = this.#last; last !== undefined; last = this.#last) {
      if (last.offsetTo <= log.endOffset && log.termBefore((last.offsetFrom + 1) as Offset) === last.term) break;
      this.#entries.pop();
      if (last.change !== null) this.#producers.undo(last.change);
    }
    const end = this.endOffset;
    if (end > log.endOffset) return false;
    // A checkpoint may lie in what was never committed: the log can have been cut below it and grown beyond it since.
    const { term } = this.#floor;
    if (this.#last === undefined && term !== null && log.termBefore(end as Offset) !== term) return false;
    if (end < log.endOffset) for (const batch of log.batches(end as Offset, log.endOffset)) this.append(batch);
    return true;
  }

  append(batch: LogBatch): void {
    if (batch.offsetFrom !== this.endOffset) broken(`derived state continues at ${this.endOffset}, not at ${batch.offsetFrom}`);
    const frame = batch.bytes;
    const stamp = { ms: record.stampMs(frame), counter: record.stampCounter(frame) };
    this.#entries.push({
      offsetFrom: batch.offsetFrom,
      offsetTo: batch.offsetTo,
      term: batch.term,
      checksum: record.frameChecksum(frame),
      stamp,
      change: this.#derive(batch, stamp),
    });
  }

  #derive(logBatch: LogBatch, stamp: Stamp): Change | null {
    const batch = record.batchOf(logBatch.bytes);
    if (record.isControl(batch)) {
      const control = record.readControl(batch);
      return control.type === 'revoke' ? this.#producers.revoke(control.producerId, logBatch.offsetFrom) : null;
    }
    const sequenced = sequencedOf(batch, this.#bytes);
    if (sequenced.producerId < 0) return null;
    const { producerId, epoch, sequence, count, body } = sequenced;
    const { offsetFrom, term } = logBatch;
    return this.#producers.apply({ producerId, epoch, sequence, count, body, offsetFrom, term, timestampMs: stamp.ms });
  }

  /** Nothing below `to` is ever taken back. */
  commit(to: number): void {
    let head = this.#head;
    for (; head < this.#entries.length; head++) {
      const entry = this.#entries[head] as TailEntry;
      if (entry.offsetTo > to) break;
      if (entry.change !== null) this.#producers.commit(entry.change);
      this.#floor = entry;
    }
    this.#head = head;
    if (head === this.#entries.length) {
      this.#entries.length = 0;
      this.#head = 0;
    } else if (head > 256 && head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(head);
      this.#head = 0;
    }
  }

  /** Forgets everything, to be derived again from `from` on. */
  reset(from: number): void {
    this.#producers = new ProducerTable(this.#limits);
    this.#entries = [];
    this.#head = 0;
    this.#floor = { offsetTo: from, term: null, checksum: 0, stamp: zeroStamp };
  }

  /**
   * The state derived from all records below `offsetTo`, which may lie inside the tail: what comes after is taken back for a moment. Null while it is derived
   * again and has not come so far, and where the log that is asked about ends there with another batch: a cut may be waiting for the write under way, and this
   * state is of the log after it.
   *
   *     u8 version, u64 offset to, u64 term before it, u32 checksum, u64 + u16 log time, u64 age, u64 its log time, u32 producers, each: u64 id, u16 epoch, u32 next sequence, u64 last ms, u32 batches,
   *     each: u16 epoch, u32 sequence, u32 count, u32 body, u64 offset, u64 term, u64 ms; then u32 revokes, each u64 id, u64 offset
   */
  checkpoint(offsetTo: number, lastChecksum: number): Uint8Array | null {
    if (this.endOffset < offsetTo) return null;
    const later: TailEntry[] = [];
    for (let last = this.#last; last !== undefined && last.offsetTo > offsetTo; last = this.#last) {
      this.#entries.pop();
      if (last.change !== null) this.#producers.undo(last.change);
      later.push(last);
    }
    if (this.endOffset > offsetTo) broken(`a checkpoint is of what can still be taken back: at ${offsetTo}, not ${this.endOffset}`);
    const bytes = this.endOffset === offsetTo && this.lastChecksum === lastChecksum ? this.#serialize() : null;
    for (const entry of later.reverse()) {
      if (entry.change !== null) this.#redo(entry.change, entry.offsetFrom);
      this.#entries.push(entry);
    }
    return bytes;
  }

  #redo(change: Change, at: number): void {
    if (change.kind === 'revoked') this.#producers.revoke(change.producerId, at);
    else this.#producers.apply(change.batch);
  }

  #serialize(): Uint8Array {
    const producers = [...this.#producers.entries()];
    const revokes = this.#producers.revokes();
    let length = 1 + 8 + 8 + 4 + 10 + 16 + 4 + 4 + revokes.size * 16;
    for (const producer of producers) length += 26 + producer.recent.length * 38;
    const writer = new FieldWriter(length);
    writer
      .u8(checkpointVersion)
      .u64(this.endOffset)
      .u64(this.#last?.term ?? this.#floor.term ?? 0)
      .u32(this.lastChecksum)
      .u64(this.lastStamp.ms)
      .u16(this.lastStamp.counter);
    const { ageMs, committedMs } = this.#producers.age;
    writer.u64(ageMs).u64(committedMs).u32(producers.length);
    for (const { id, epoch, nextSequence, lastMs, recent } of producers) {
      writer.u64(id).u16(epoch).u32(nextSequence).u64(lastMs).u32(recent.length);
      for (const one of recent) {
        writer.u16(one.epoch).u32(one.sequence).u32(one.count).u32(one.body).u64(one.offsetFrom).u64(one.term).u64(one.timestampMs);
      }
    }
    writer.u32(revokes.size);
    for (const [id, at] of revokes) writer.u64(id).u64(at);
    return writer.bytes;
  }

  /** From a checkpoint; false leaves the tail as it was: it is an optimisation and may be of another version. */
  restore(bytes: Uint8Array, offsetTo: number): boolean {
    const reader = new FieldReader(bytes);
    const table = new ProducerTable(this.#limits);
    if (reader.u8() !== checkpointVersion || reader.u64() !== offsetTo) return false;
    const lastTerm = reader.u64();
    const checksum = reader.u32();
    const stamp = { ms: reader.u64(), counter: reader.u16() };
    table.restoreAge(reader.u64(), reader.u64());
    for (let left = reader.u32(); left > 0 && reader.valid; left--) {
      const producerId = reader.u64();
      const epoch = reader.u16();
      const nextSequence = reader.u32();
      const lastMs = reader.u64();
      const recent: RememberedBatch[] = [];
      for (let more = reader.u32(); more > 0 && reader.valid; more--) recent.push(readRemembered(reader, producerId));
      table.restore(producerId, epoch, nextSequence, lastMs, recent);
    }
    for (let left = reader.u32(); left > 0 && reader.valid; left--) table.restoreRevoke(reader.u64(), reader.u64());
    if (!reader.complete) return false;
    this.#producers = table;
    this.#entries = [];
    this.#head = 0;
    this.#floor = { offsetTo, term: lastTerm === 0 ? null : lastTerm, checksum, stamp };
    return true;
  }
}

function readRemembered(reader: FieldReader, producerId: number): RememberedBatch {
  const epoch = reader.u16();
  const sequence = reader.u32();
  const count = reader.u32();
  const body = reader.u32();
  return { producerId, epoch, sequence, count, body, offsetFrom: reader.u64(), term: reader.u64(), timestampMs: reader.u64() };
}

/** The facts of a data batch that decide whether it is a duplicate. */
export function sequencedOf(batch: Uint8Array, bytes: Bytes): Sequenced {
  const producerId = record.producerId(batch);
  return {
    producerId,
    epoch: Math.max(0, record.producerEpoch(batch)),
    sequence: Math.max(0, record.baseSequence(batch)),
    count: record.recordCount(batch),
    body: producerId < 0 ? 0 : record.recordsChecksum(batch, bytes),
  };
}
