/**
 * What a replica derives from its log: the producer table, and what the next frame continues (checksum chain, log time). Kept exact for the whole log
 * with its uncommitted tail: each batch above the high watermark is one entry that can be taken back.
 *
 * Invariant: after `sync` the last entry is the last batch of the consensus core's log. Two batches with equal (offset, term) are the same, so only the
 * newest entry has to be compared.
 */
import { broken } from '../../base/assert.ts';
import { firstTerm, type Offset, type Term } from '../../base/branded.ts';
import { type Stamp, stampStart } from '../../clocks/index.ts';
import type { Bytes } from '../../host/index.ts';
import type { LogBatch } from '../../raft/index.ts';
import * as record from '../../record/index.ts';
import { FieldReader, FieldWriter } from '../../wire/index.ts';
import {
  type Change,
  firstLimits,
  isSessionWith,
  ProducerTable,
  type Remembered,
  type RememberedBatch,
  type Sequenced,
} from './producers.ts';

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

const checkpointVersion = 3;
/** Of a state that could still be taken back, with one list of producers; written until November 2026. */
const uncommittedVersion = 2;

/** The committed half of what is derived, and the place in the log that it belongs to. */
export interface TailCheckpoint {
  readonly offsetTo: Offset;
  /** Of the batch that ends there. */
  readonly checksum: number;
  readonly bytes: Uint8Array;
}

export class Tail {
  readonly #bytes: Bytes;
  #producers: ProducerTable;
  /** Entries not committed yet; those below `#head` are, and wait to be dropped together. */
  #entries: TailEntry[] = [];
  #head = 0;
  /** Where the entries start: the last batch that can no longer be taken back. */
  #floor: Floor;

  constructor(bytes: Bytes, from: number) {
    this.#bytes = bytes;
    this.#producers = newTable(from);
    this.#floor = { offsetTo: from, term: null, checksum: 0, stamp: stampStart };
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
    return this.#bytes.crc32c(this.#serialize(false));
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
    // A checkpoint may lie in what was never committed: the log can have been cut below it and grown beyond it since. Where the log begins there it may not
    // say its term (segments of version 1), and cannot have been cut below.
    if (this.#last === undefined && this.#floor.term !== null) {
      const term = log.termBefore(end as Offset);
      if (term !== firstTerm && term !== this.#floor.term) return false;
    }
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
    if (record.isControl(batch)) return this.#deriveControl(record.readControl(batch), logBatch.offsetFrom);
    const sequenced = sequencedOf(batch, this.#bytes);
    if (sequenced.producerId < 0) return null;
    const { producerId, epoch, sequence, count, body, isOfSession } = sequenced;
    const { offsetFrom, term } = logBatch;
    return this.#producers.apply({ producerId, epoch, sequence, count, body, isOfSession, offsetFrom, term, timestampMs: stamp.ms });
  }

  #deriveControl(control: record.Control, at: number): Change | null {
    if (control.type === 'revoke') return this.#producers.revoke(control.producerId, at);
    return control.type === 'noOp' ? this.#producers.limit(control.limits ?? firstLimits) : null;
  }

  /** Nothing below `to` is ever taken back. */
  commit(to: number): void {
    let head = this.#head;
    for (; head < this.#entries.length; head++) {
      const entry = this.#entries[head] as TailEntry;
      if (entry.offsetTo > to) break;
      this.#producers.commit(entry.change, entry.stamp.ms);
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
    this.#producers = newTable(from);
    this.#entries = [];
    this.#head = 0;
    this.#floor = { offsetTo: from, term: null, checksum: 0, stamp: stampStart };
  }

  /**
   * The state of what can no longer be taken back, and how far that reaches. So it is the same on every replica that makes it there, and no cut ever goes
   * below it. Integers are big-endian.
   *
   *     u8 version, u64 offset to, u64 term before it (0 unknown), u32 checksum, u64 + u16 log time, u64 age, u64 its log time, u64 age below which
   *     something was forgotten + 1, u64 + u64 limits, then four lists behind their u32 counts:
   *     producers of one batch, then sessions, oldest first   u64 id, u16 epoch, u32 next sequence, u64 last age, u32 batches, each:
   *                                                           u16 epoch, u32 sequence, u32 count, u32 body, u64 offset, u64 term, u64 ms
   *     revokes                                               u64 id, u64 offset, u64 age
   *     hidden                                                u64 id, u64 offset of the revoke
   */
  checkpoint(): TailCheckpoint {
    const { offsetTo, checksum } = this.#floor;
    return { offsetTo: offsetTo as Offset, checksum, bytes: this.#serialize(true) };
  }

  #serialize(withHidden: boolean): Uint8Array {
    const { single, sessions } = this.#producers;
    const revokes = this.#producers.revokes();
    const hidden = withHidden ? this.#producers.hidden() : new Map<number, number>();
    let length = 1 + 8 + 8 + 4 + 10 + 24 + 16 + 8 + revokes.size * 24 + hidden.size * 16;
    for (const list of [single, sessions]) {
      length += 4;
      for (const { recent } of list.values()) length += 26 + recent.length * 38;
    }
    const { offsetTo, term, checksum, stamp } = this.#floor;
    const { ageMs, committedMs, forgottenMs, limits } = this.#producers;
    const writer = new FieldWriter(length);
    writer
      .u8(checkpointVersion)
      .u64(offsetTo)
      .u64(term ?? 0)
      .u32(checksum)
      .u64(stamp.ms)
      .u16(stamp.counter);
    writer
      .u64(ageMs)
      .u64(committedMs)
      .u64(forgottenMs + 1)
      .u64(limits.requestIdsMax)
      .u64(limits.requestIdRetentionMs);
    for (const list of [single, sessions]) {
      writer.u32(list.size);
      for (const [id, { epoch, nextSequence, lastMs, recent }] of list) {
        writer.u64(id).u16(epoch).u32(nextSequence).u64(lastMs).u32(recent.length);
        for (const one of recent) {
          writer.u16(one.epoch).u32(one.sequence).u32(one.count).u32(one.body).u64(one.offsetFrom).u64(one.term).u64(one.timestampMs);
        }
      }
    }
    writer.u32(revokes.size);
    for (const [id, { at, ageMs: revokedMs }] of revokes) writer.u64(id).u64(at).u64(revokedMs);
    writer.u32(hidden.size);
    for (const [id, at] of hidden) writer.u64(id).u64(at);
    return writer.bytes;
  }

  /** From a checkpoint; false leaves the tail as it was: it may be of another version or another place. */
  restore(bytes: Uint8Array, offsetTo: number): boolean {
    const reader = new FieldReader(bytes);
    const table = new ProducerTable();
    const version = reader.u8();
    if ((version !== checkpointVersion && version !== uncommittedVersion) || reader.u64() !== offsetTo) return false;
    const lastTerm = reader.u64();
    const checksum = reader.u32();
    const stamp = { ms: reader.u64(), counter: reader.u16() };
    if (version === checkpointVersion) readTable(reader, table);
    else readUncommittedTable(reader, table);
    if (!reader.complete) return false;
    this.#producers = table;
    this.#entries = [];
    this.#head = 0;
    this.#floor = { offsetTo, term: lastTerm === 0 ? null : lastTerm, checksum, stamp };
    return true;
  }
}

/** Of a log from `from` on: where that is not its beginning, what was there before is not known. */
function newTable(from: number): ProducerTable {
  const table = new ProducerTable();
  if (from > 0) table.beginWithin();
  return table;
}

function readTable(reader: FieldReader, table: ProducerTable): void {
  table.restoreTime(reader.u64(), reader.u64(), reader.u64() - 1);
  table.restoreLimits({ requestIdsMax: reader.u64(), requestIdRetentionMs: reader.u64() });
  for (const isSession of [false, true])
    for (let left = reader.u32(); left > 0 && reader.valid; left--) table.restore({ ...readProducer(reader), isSession });
  for (let left = reader.u32(); left > 0 && reader.valid; left--)
    table.restoreRevoke(reader.u64(), { at: reader.u64(), ageMs: reader.u64() });
  for (let left = reader.u32(); left > 0 && reader.valid; left--) table.restoreHidden(reader.u64(), reader.u64());
}

/** Who was pushed out is not said, but it was always the oldest: of what is as old as the oldest one here nothing is certain. */
function readUncommittedTable(reader: FieldReader, table: ProducerTable): void {
  const ageMs = reader.u64();
  const committedMs = reader.u64();
  let oldestMs = ageMs;
  for (let left = reader.u32(); left > 0 && reader.valid; left--) {
    const producer = readProducer(reader);
    oldestMs = Math.min(oldestMs, producer.lastMs);
    const first = producer.recent[0];
    // Of a request id with several batches the second was what made it one.
    const before = producer.recent.length > 1 ? { epoch: 0, nextSequence: 0, isSession: false } : undefined;
    table.restore({ ...producer, isSession: first !== undefined && isSessionWith(before, first) });
  }
  table.restoreTime(ageMs, committedMs, oldestMs);
  for (let left = reader.u32(); left > 0 && reader.valid; left--) {
    const id = reader.u64();
    const at = reader.u64();
    table.restoreRevoke(id, { at, ageMs });
    table.restoreHidden(id, at);
  }
}

function readProducer(reader: FieldReader): Omit<Remembered, 'isSession'> & { readonly id: number } {
  const id = reader.u64();
  const epoch = reader.u16();
  const nextSequence = reader.u32();
  const lastMs = reader.u64();
  const recent: RememberedBatch[] = [];
  for (let left = reader.u32(); left > 0 && reader.valid; left--) recent.push(readRemembered(reader, id));
  return { id, epoch, nextSequence, lastMs, recent };
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
    isOfSession: record.isOfSession(batch),
  };
}
