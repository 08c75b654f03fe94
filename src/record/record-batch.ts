/**
 * Kafka's RecordBatch, magic 2: what producers send, what is stored, replicated and served, unchanged (design, D3).
 *
 * A batch is a header of 61 bytes and its records, all integers big endian:
 *
 *     at  type  field                covered by the checksum
 *      0  i64   base offset          no: set by the leader in place
 *      8  i32   length               no: bytes after this field, whole batch = length + 12
 *     12  i32   leader epoch         no: our Raft term, set by the leader in place
 *     16  i8    magic, 2             no
 *     17  u32   CRC-32C              of everything from 21 to the end
 *     21  i16   attributes           yes: bits 0-2 codec, 3 log append time, 4 transactional, 5 control, 8 of a session: ours, unused by Kafka
 *     23  i32   last offset delta    yes: record count - 1
 *     27  i64   base timestamp       yes: of the first record, ms since 1970, -1 = none
 *     35  i64   max timestamp        yes
 *     43  i64   producer id          yes: -1 = none (`producer.ts`)
 *     51  i16   producer epoch       yes: -1 = none
 *     53  i32   base sequence        yes: -1 = none
 *     57  i32   record count         yes
 *     61        records
 *
 * A record, its integers zigzag varints (`base/varint.ts`) except the attributes byte:
 *
 *     length (of what follows), attributes (i8, 0), timestamp delta, offset delta (0, 1, 2, ...), key length (-1 = null), key,
 *     value length (-1 = null), value, header count, then for each header: key length, key (UTF-8), value length (-1 = null), value
 *
 * The hot path makes no object per record: the builder writes into one growing buffer, packing copies record bodies as they are, and a visit
 * moves one reused cursor. Compressed batches are refused by `validateBatch` for now; every other function here expects codec 'none'.
 *
 * Source: kafka `DefaultRecordBatch.java`, `DefaultRecord.java`, KIP-98.
 */
import { assert, broken } from '../base/assert.ts';
import type { Offset, Term } from '../base/branded.ts';
import { bytesEqual, noBytes, getI32, getU16, getU32, setU16, setU32 } from '../base/bytes.ts';
import { crc32cBehind, joinCrc32c } from '../base/crc32c.ts';
import { failed, ok, type Result } from '../base/result.ts';
import { VarintReader, varintLength, writeVarint } from '../base/varint.ts';
import { WordCopy } from '../base/word-copy.ts';
import type { Bytes } from '../host/index.ts';
import { frameHeaderBytes, leaveRoom, roomFromBytes } from './room.ts';

export const batchHeaderBytes = 61;
/** The part that the batch's own checksum does not cover, up to and with the checksum itself: our frame covers it. */
export const batchPrefixBytes = 21;

/** What one record and one batch may be; `docs/reference/limits.md` repeats them. */
export interface BatchLimits {
  /** Key, value and headers of one record, as encoded. */
  readonly recordBytesMax: number;
  readonly recordsPerBatchMax: number;
  readonly batchBytesMax: number;
}

/** Year 10889: of a batch and of what is computed from two, such as their difference, a codec keeps every digit. */
export const timestampMsMax = 2 ** 48 - 1;
export const recordBytesMax = 1024 * 1024;
export const recordsPerBatchMax = 65_536;
/** Of all its records together: each takes two bytes at least, and looking at millions takes time. */
const headersPerBatchMax = 4 * recordsPerBatchMax;
export const batchBytesMax = 8 * 1024 * 1024;
export const defaultBatchLimits: BatchLimits = { recordBytesMax, recordsPerBatchMax, batchBytesMax };

export type CodecName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' | 'unknown';
const codecNames: readonly CodecName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Who appends, for idempotence; -1 everywhere means nobody in particular. */
export interface Producer {
  readonly id: number;
  readonly epoch: number;
  readonly baseSequence: number;
  /** More batches follow under this id. */
  readonly isSession?: boolean;
}

export const noProducer: Producer = { id: -1, epoch: -1, baseSequence: -1 };

export interface RecordHeader {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

const at = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;
const lengthOverhead = 12;
const codecMask = 0x07;
const logAppendTimeBit = 0x08;
const transactionalBit = 0x10;
const controlBit = 0x20;
const sessionBit = 0x100;
const noHeaders: readonly RecordHeader[] = [];

// ---------------------------------------------------------------------------------------------------------------- header

/** A signed 64-bit field as a number, or null beyond the safe integers. */
function readI64(batch: Uint8Array, position: number): number | null {
  const value = getI32(batch, position) * 0x1_0000_0000 + getU32(batch, position + 4);
  return Number.isSafeInteger(value) ? value : null;
}

function writeI64(batch: Uint8Array, position: number, value: number): void {
  if (!Number.isSafeInteger(value)) broken(`a 64-bit field holds a safe integer, not ${value}`);
  setU32(batch, position, Math.floor(value / 0x1_0000_0000));
  setU32(batch, position + 4, value);
}

function readField(batch: Uint8Array, position: number): number {
  const value = readI64(batch, position);
  assert(value !== null, 'a validated batch holds safe integers only');
  return value;
}

const getI16 = (batch: Uint8Array, position: number): number => (getU16(batch, position) << 16) >> 16;

/** Whole length of the batch in bytes, as its length field says. */
export const batchLength = (batch: Uint8Array): number => getI32(batch, at.length) + lengthOverhead;
export const baseOffset = (batch: Uint8Array): number => readField(batch, at.baseOffset);
export const leaderEpoch = (batch: Uint8Array): number => getI32(batch, at.leaderEpoch);
const batchChecksum = (batch: Uint8Array): number => getU32(batch, at.crc);
export const lastOffsetDelta = (batch: Uint8Array): number => getI32(batch, at.lastOffsetDelta);
export const baseTimestamp = (batch: Uint8Array): number => readField(batch, at.baseTimestamp);
export const maxTimestamp = (batch: Uint8Array): number => readField(batch, at.maxTimestamp);
export const producerId = (batch: Uint8Array): number => readField(batch, at.producerId);
export const producerEpoch = (batch: Uint8Array): number => getI16(batch, at.producerEpoch);
export const baseSequence = (batch: Uint8Array): number => getI32(batch, at.baseSequence);
export const recordCount = (batch: Uint8Array): number => getI32(batch, at.recordCount);
export const isControl = (batch: Uint8Array): boolean => (getU16(batch, at.attributes) & controlBit) !== 0;
/** Its producer has said that more batches follow. */
export const isOfSession = (batch: Uint8Array): boolean => (getU16(batch, at.attributes) & sessionBit) !== 0;
export const codec = (batch: Uint8Array): CodecName => codecNames[getU16(batch, at.attributes) & codecMask] ?? 'unknown';

/** Gives the batch its place in the log. In place, and not covered by the batch's checksum. */
export function setPlacement(batch: Uint8Array, offsetFrom: Offset, term: Term): void {
  writeI64(batch, at.baseOffset, offsetFrom);
  assert(term <= 0x7fff_ffff, 'a term fits the leader epoch');
  setU32(batch, at.leaderEpoch, term);
}

/** Names the producer in place; the checksum is wrong until `resealBatch`. */
export function setProducer(batch: Uint8Array, producer: Producer): void {
  writeI64(batch, at.producerId, producer.id);
  setU16(batch, at.producerEpoch, producer.epoch);
  setU32(batch, at.baseSequence, producer.baseSequence);
  const others = getU16(batch, at.attributes) & ~sessionBit;
  setU16(batch, at.attributes, producer.isSession === true ? others | sessionBit : others);
}

/** Computes the checksum again after a change to covered bytes. */
export function resealBatch(batch: Uint8Array, bytes: Bytes): void {
  setU32(batch, at.crc, bytes.crc32c(batch.subarray(at.attributes)));
}

/** From here on arithmetic is quicker than reading the bytes. */
const derivedFromBytes = 16 * 1024;

/** Checksum of the records alone. Where they are long it is derived from the batch's own, which must be right. */
export function recordsChecksum(batch: Uint8Array, bytes: Bytes): number {
  if (batch.length < derivedFromBytes) return bytes.crc32c(batch.subarray(batchHeaderBytes));
  return crc32cBehind(bytes.crc32c(batch.subarray(at.attributes, batchHeaderBytes)), batchChecksum(batch), batch.length - batchHeaderBytes);
}

/** Names the producer in place and seals the batch. A batch that was not sealed before has checksum 0, any other one the right one. */
export function sealForProducer(batch: Uint8Array, producer: Producer, bytes: Bytes): void {
  if (batchChecksum(batch) === 0 || batch.length < derivedFromBytes) {
    setProducer(batch, producer);
    resealBatch(batch, bytes);
    return;
  }
  const records = recordsChecksum(batch, bytes);
  setProducer(batch, producer);
  const fields = bytes.crc32c(batch.subarray(at.attributes, batchHeaderBytes));
  setU32(batch, at.crc, joinCrc32c(fields, records, batch.length - batchHeaderBytes));
}

/** Checksum of all bytes of a sealed batch behind bytes with this one (0: nothing before it). */
export function checksumThrough(batch: Uint8Array, bytes: Bytes, before = 0): number {
  if (batch.length < derivedFromBytes) return bytes.crc32c(batch, before);
  return joinCrc32c(bytes.crc32c(batch.subarray(0, batchPrefixBytes), before), batchChecksum(batch), batch.length - batchPrefixBytes);
}

/** True when the batch's bytes from 21 on are what its checksum says. */
export function batchChecksumMatches(batch: Uint8Array, bytes: Bytes): boolean {
  return batch.length >= batchHeaderBytes && batchChecksum(batch) === bytes.crc32c(batch.subarray(at.attributes));
}

interface HeaderFields {
  readonly attributes: number;
  readonly recordCount: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producer: Producer;
}

/** Writes the header of a whole batch: base offset 0, leader epoch 0, all but the checksum. */
function writeHeader(batch: Uint8Array, fields: HeaderFields): void {
  writeI64(batch, at.baseOffset, 0);
  setU32(batch, at.length, batch.length - lengthOverhead);
  setU32(batch, at.leaderEpoch, 0);
  batch[at.magic] = 2;
  setU16(batch, at.attributes, fields.attributes);
  setU32(batch, at.lastOffsetDelta, fields.recordCount - 1);
  writeI64(batch, at.baseTimestamp, fields.baseTimestamp);
  writeI64(batch, at.maxTimestamp, fields.maxTimestamp);
  setProducer(batch, fields.producer);
  setU32(batch, at.recordCount, fields.recordCount);
}

// --------------------------------------------------------------------------------------------------------------- builder

/** An own buffer costs more than all the rest of a short batch. */
const slabBytes = 16 * 1024;
const slabPartBytesMax = 2 * 1024;

/** Builds one batch after another. Reused, so that a busy appender allocates only what it hands on. */
export class RecordBatchBuilder {
  #bytes: Uint8Array;
  #copier: WordCopy;
  #end = batchHeaderBytes;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;
  #slab = new ArrayBuffer(0);
  #slabUsed = 0;
  /** Of the buffer that was given away last. */
  #capacity = 0;
  readonly #attributes: number;

  constructor(options: { readonly capacityBytes?: number; readonly control?: boolean } = {}) {
    this.#bytes = withRoom(Math.max(options.capacityBytes ?? 4096, batchHeaderBytes));
    this.#copier = new WordCopy(this.#bytes);
    this.#attributes = options.control === true ? controlBit : 0;
  }

  get recordCount(): number {
    return this.#count;
  }

  /** Length of the batch that `finish` would give now. */
  get sizeBytes(): number {
    return this.#end;
  }

  /** An upper bound of what one more record adds to `sizeBytes`: lets a caller stop before a limit. */
  static recordBytesBound(key: Uint8Array | null, value: Uint8Array | null, headers: readonly RecordHeader[] = noHeaders): number {
    return bodyLength(key, value === null ? -1 : value.length, headers) + 24;
  }

  add(timestampMs: number, key: Uint8Array | null, value: Uint8Array | null, headers: readonly RecordHeader[] = noHeaders): void {
    const valueLength = value === null ? -1 : value.length;
    let end = this.#startRecord(timestampMs, bodyLength(key, valueLength, headers));
    const bytes = this.#bytes;
    end = writeNullable(bytes, end, key);
    end = writeNullable(bytes, end, value);
    end = writeVarint(bytes, end, headers.length);
    for (const header of headers) {
      end = writeNullable(bytes, end, header.key);
      end = writeNullable(bytes, end, header.value);
    }
    this.#end = end;
  }

  /** A record without headers whose value is a part of a larger buffer, such as one line of a text: no object per line. */
  addSlice(timestampMs: number, source: Uint8Array, valueFrom: number, valueTo: number, key: Uint8Array | null = null): void {
    const valueLength = valueTo - valueFrom;
    let end = this.#startRecord(timestampMs, nullableLength(key) + varintLength(valueLength) + valueLength + 1);
    const bytes = this.#bytes;
    end = writeVarint(bytes, end, key === null ? -1 : key.length);
    if (key !== null) end = this.#copier.copy(key, 0, key.length, end);
    end = writeVarint(bytes, end, valueLength);
    this.#end = writeVarint(bytes, this.#copier.copy(source, valueFrom, valueTo, end), 0);
  }

  /** The record under visit, as it is, behind those that are here. */
  addVisited({ batch, timestampMs, bodyFrom, recordTo }: RecordCursor): void {
    const end = this.#startRecord(timestampMs, recordTo - bodyFrom);
    copyRange(this.#bytes, end, batch, bodyFrom, recordTo);
    this.#end = end + recordTo - bodyFrom;
  }

  /**
   * The batch, with base offset 0 and its checksum set; the builder is empty afterwards. It is made in memory of its own, or, where it fits, at the beginning
   * of what is given for it: whoever makes one large batch after another uses that again, which spares the collector most of its work.
   */
  finish(bytes: Bytes, producer: Producer = noProducer, into: Uint8Array | null = null): Uint8Array {
    const target = into !== null && into.length >= this.#end ? into.subarray(0, this.#end) : new Uint8Array(this.#end);
    const batch = this.#finish(target, producer);
    resealBatch(batch, bytes);
    return batch;
  }

  /**
   * The same with its checksum left at 0, for a batch that goes to the broker in this very process: there every batch gets a producer, and its checksum
   * with it. Short ones share memory, which is let go when the last of them is; a long one takes the builder's, unless that is much too large.
   */
  finishUnsealed(): Uint8Array {
    if (this.#end <= slabPartBytesMax) return this.#finish(this.#fromSlab(this.#end), noProducer);
    if (this.#end < roomFromBytes || this.#end * 4 < this.#bytes.length * 3) return this.#finish(withRoom(this.#end), noProducer);
    const given = this.#bytes.subarray(0, this.#end);
    this.#capacity = this.#bytes.length;
    this.#writeHeader(given, noProducer);
    this.#bytes = noBytes;
    return given;
  }

  #finish(batch: Uint8Array, producer: Producer): Uint8Array {
    copyRange(batch, 0, this.#bytes, 0, this.#end);
    this.#writeHeader(batch, producer);
    return batch;
  }

  #writeHeader(batch: Uint8Array, producer: Producer): void {
    assert(this.#count > 0, 'a batch has at least one record');
    writeHeader(batch, {
      attributes: this.#attributes,
      recordCount: this.#count,
      baseTimestamp: this.#baseTimestamp,
      maxTimestamp: this.#maxTimestamp,
      producer,
    });
    this.clear();
  }

  /** Never given out before, so it holds zeros. */
  #fromSlab(length: number): Uint8Array {
    if (this.#slabUsed + length > this.#slab.byteLength) {
      this.#slab = new ArrayBuffer(slabBytes);
      this.#slabUsed = 0;
    }
    const part = new Uint8Array(this.#slab, this.#slabUsed, length);
    this.#slabUsed += length;
    return part;
  }

  clear(): void {
    this.#end = batchHeaderBytes;
    this.#count = 0;
    this.#copier.forget();
  }

  /** Writes everything up to the key; gives the position of the key length. */
  #startRecord(timestampMs: number, restLength: number): number {
    if (this.#count === 0) {
      this.#baseTimestamp = timestampMs;
      this.#maxTimestamp = timestampMs;
    } else if (timestampMs > this.#maxTimestamp) {
      this.#maxTimestamp = timestampMs;
    }
    const timestampDelta = timestampMs - this.#baseTimestamp;
    const length = 1 + varintLength(timestampDelta) + varintLength(this.#count) + restLength;
    this.#reserve(varintLength(length) + length);

    const bytes = this.#bytes;
    let end = writeVarint(bytes, this.#end, length);
    bytes[end++] = 0;
    end = writeVarint(bytes, end, timestampDelta);
    end = writeVarint(bytes, end, this.#count);
    this.#count++;
    return end;
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    const larger = withRoom(Math.max(needed, this.#bytes.length * 2, this.#capacity));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
    this.#copier = new WordCopy(larger);
  }
}

const withRoom = (bytes: number): Uint8Array => leaveRoom(new Uint8Array(frameHeaderBytes + bytes));

/** Length of key, value and headers with their lengths. */
function bodyLength(key: Uint8Array | null, valueLength: number, headers: readonly RecordHeader[]): number {
  let length = nullableLength(key) + varintLength(valueLength) + Math.max(valueLength, 0) + varintLength(headers.length);
  for (const header of headers) length += nullableLength(header.key) + nullableLength(header.value);
  return length;
}

const nullableLength = (part: Uint8Array | null): number => (part === null ? 1 : varintLength(part.length) + part.length);

function writeNullable(bytes: Uint8Array, position: number, part: Uint8Array | null): number {
  if (part === null) return writeVarint(bytes, position, -1);
  const end = writeVarint(bytes, position, part.length);
  bytes.set(part, end);
  return end + part.length;
}

/** Short ranges by a plain loop: a subarray object for each of them costs more than the bytes. */
function copyRange(target: Uint8Array, position: number, source: Uint8Array, from: number, to: number): void {
  if (to - from > 96) {
    target.set(source.subarray(from, to), position);
    return;
  }
  let end = position;
  for (let i = from; i < to; i++) target[end++] = source[i] as number;
}

// --------------------------------------------------------------------------------------------------------------- packing

/** The records of a batch, without its header. */
export const recordBytes = (batch: Uint8Array): Uint8Array => batch.subarray(batchHeaderBytes);

/** The batch that has these `recordBytes`, of nobody in particular and with its checksum left at 0. */
export function batchOfRecordBytes(
  records: Uint8Array,
  times: { readonly recordCount: number; readonly baseTimestamp: number; readonly maxTimestamp: number },
): Uint8Array {
  const batch = withRoom(batchHeaderBytes + records.length);
  batch.set(records, batchHeaderBytes);
  writeHeader(batch, { attributes: 0, ...times, producer: noProducer });
  return batch;
}

/**
 * Joins validated, uncompressed batches into one under one producer, in order: timestamp and offset deltas are written again, the rest of each
 * record is copied as it is. The producers of the parts are forgotten, so only parts without one may be packed.
 */
export function packBatches(batches: readonly Uint8Array[], producer: Producer, bytes: Bytes): Uint8Array {
  assert(batches.length > 0, 'something is packed');
  const first = batches[0] as Uint8Array;
  const newBase = baseTimestamp(first);
  let capacity = batchHeaderBytes;
  // A record grows by at most 9 bytes for the timestamp, 4 for the offset delta, 1 for its length.
  for (const batch of batches) capacity += batch.length - batchHeaderBytes + recordCount(batch) * 14;

  const packed = withRoom(capacity);
  const reader = new VarintReader();
  let end = batchHeaderBytes;
  let count = 0;
  let newMax = newBase;
  for (const batch of batches) {
    const shift = baseTimestamp(batch) - newBase;
    newMax = Math.max(newMax, maxTimestamp(batch));
    reader.reset(batchHeaderBytes);
    for (let left = recordCount(batch); left > 0; left--) {
      const length = reader.read(batch);
      const recordTo = reader.position + length;
      const attributes = batch[reader.position++] as number;
      const timestampDelta = reader.read(batch) + shift;
      reader.read(batch);
      const restFrom = reader.position;

      end = writeVarint(packed, end, 1 + varintLength(timestampDelta) + varintLength(count) + (recordTo - restFrom));
      packed[end++] = attributes;
      end = writeVarint(packed, end, timestampDelta);
      end = writeVarint(packed, end, count);
      copyRange(packed, end, batch, restFrom, recordTo);
      end += recordTo - restFrom;
      count++;
      reader.reset(recordTo);
    }
  }
  const whole = packed.subarray(0, end);
  writeHeader(whole, { attributes: 0, recordCount: count, baseTimestamp: newBase, maxTimestamp: newMax, producer });
  resealBatch(whole, bytes);
  return whole;
}

// --------------------------------------------------------------------------------------------------------------- reading

/** Where the parts of the record under visit are. Reused from record to record: copy what must outlive the visit. */
export class RecordCursor {
  #batch: Uint8Array = new Uint8Array(0);
  readonly #reader = new VarintReader();
  /** Position of this record among the records of its batch. */
  index = 0;
  offset = 0;
  timestampMs = 0;
  /** The key is batch[keyFrom, keyTo); keyFrom is -1 for a null key. */
  keyFrom = -1;
  keyTo = -1;
  /** The value is batch[valueFrom, valueTo); valueFrom is -1 for a null value. */
  valueFrom = -1;
  valueTo = -1;
  headerCount = 0;
  headersFrom = 0;
  /** Key, value and headers with their lengths: the record but for what its place in the batch decides. */
  bodyFrom = 0;
  recordFrom = 0;
  recordTo = 0;

  get batch(): Uint8Array {
    return this.#batch;
  }

  key(): Uint8Array | null {
    return this.keyFrom < 0 ? null : this.#batch.subarray(this.keyFrom, this.keyTo);
  }

  value(): Uint8Array | null {
    return this.valueFrom < 0 ? null : this.#batch.subarray(this.valueFrom, this.valueTo);
  }

  /** Value of the first header with this key; null if it has none, undefined if there is no such header. */
  header(key: Uint8Array): Uint8Array | null | undefined {
    let found: Uint8Array | null | undefined;
    this.forEachHeader((name, value) => {
      if (found === undefined && bytesEqual(name, key)) found = value;
    });
    return found;
  }

  forEachHeader(visit: (key: Uint8Array, value: Uint8Array | null) => void): void {
    const reader = this.#reader;
    reader.reset(this.headersFrom);
    for (let i = 0; i < this.headerCount; i++) {
      const keyLength = reader.read(this.#batch);
      const keyFrom = reader.position;
      reader.reset(keyFrom + keyLength);
      const valueLength = reader.read(this.#batch);
      const valueFrom = reader.position;
      if (valueLength >= 0) reader.reset(valueFrom + valueLength);
      visit(this.#batch.subarray(keyFrom, keyFrom + keyLength), valueLength < 0 ? null : this.#batch.subarray(valueFrom, reader.position));
    }
  }

  /** @internal Reads the record at `from`; null when it is well formed. `walkHeaders` checks every header too. */
  read(batch: Uint8Array, from: number, firstOffset: number, firstTimestamp: number, walkHeaders: boolean): string | null {
    const reader = this.#reader;
    this.#batch = batch;
    this.recordFrom = from;
    reader.reset(from);
    const length = reader.read(batch);
    const recordTo = reader.position + length;
    if (!reader.valid || length < 6 || recordTo > batch.length) return 'its length does not fit the batch';
    reader.position++;
    this.timestampMs = firstTimestamp + reader.read(batch);
    const offsetDelta = reader.read(batch);
    this.index = offsetDelta;
    this.offset = firstOffset + offsetDelta;
    this.bodyFrom = reader.position;

    const keyLength = reader.read(batch);
    this.keyFrom = keyLength < 0 ? -1 : reader.position;
    this.keyTo = keyLength < 0 ? -1 : reader.position + keyLength;
    if (!reader.valid || keyLength < -1 || this.keyTo > recordTo) return 'its key does not fit the record';
    if (keyLength > 0) reader.position = this.keyTo;

    const valueLength = reader.read(batch);
    this.valueFrom = valueLength < 0 ? -1 : reader.position;
    this.valueTo = valueLength < 0 ? -1 : reader.position + valueLength;
    if (!reader.valid || valueLength < -1 || this.valueTo > recordTo) return 'its value does not fit the record';
    if (valueLength > 0) reader.position = this.valueTo;

    this.headerCount = reader.read(batch);
    this.headersFrom = reader.position;
    this.recordTo = recordTo;
    if (!reader.valid || this.headerCount < 0 || reader.position > recordTo) return 'its header count does not fit the record';
    return walkHeaders ? this.#checkHeaders(batch) : null;
  }

  #checkHeaders(batch: Uint8Array): string | null {
    const reader = this.#reader;
    for (let i = 0; i < this.headerCount; i++) {
      const keyLength = reader.read(batch);
      if (!reader.valid || keyLength < 0 || reader.position + keyLength > this.recordTo) return 'a header key does not fit the record';
      reader.position += keyLength;
      const valueLength = reader.read(batch);
      if (!reader.valid || valueLength < -1 || reader.position + Math.max(valueLength, 0) > this.recordTo) {
        return 'a header value does not fit the record';
      }
      reader.position += Math.max(valueLength, 0);
    }
    return reader.position === this.recordTo ? null : 'its parts do not add up to its length';
  }
}

/** One record of an uncompressed batch that was visited before: `from` is its `recordFrom`. */
export function recordAt(batch: Uint8Array, from: number): RecordCursor {
  const cursor = new RecordCursor();
  const problem = cursor.read(batch, from, baseOffset(batch), baseTimestamp(batch), false);
  assert(problem === null, 'a record is read where it was found');
  return cursor;
}

/**
 * Visits the records of an uncompressed batch in order with one reused cursor; `visit` returns false to stop. False when the records are not
 * well formed, which a batch that passed `validateBatch` or whose checksum matches cannot be.
 */
export function forEachRecord(batch: Uint8Array, visit: (record: RecordCursor) => boolean | void): boolean {
  const cursor = new RecordCursor();
  const firstOffset = baseOffset(batch);
  const firstTimestamp = baseTimestamp(batch);
  let position = batchHeaderBytes;
  for (let left = recordCount(batch); left > 0; left--) {
    if (cursor.read(batch, position, firstOffset, firstTimestamp, false) !== null) return false;
    position = cursor.recordTo;
    if (visit(cursor) === false) return true;
  }
  return true;
}

/**
 * The same for those records only in which a byte is at a position that `seek` gives: of what is at or behind a position, the next one that is looked for. All
 * others are passed over by their lengths.
 */
export function forEachRecordAt(
  batch: Uint8Array,
  seek: (from: number) => number,
  visit: (record: RecordCursor) => boolean | void,
): boolean {
  const cursor = new RecordCursor();
  const lengths = new VarintReader();
  const firstOffset = baseOffset(batch);
  const firstTimestamp = baseTimestamp(batch);
  let position = batchHeaderBytes;
  let wanted = seek(position);
  for (let left = recordCount(batch); left > 0 && wanted < batch.length; left--) {
    lengths.reset(position);
    const length = lengths.read(batch);
    const recordTo = lengths.position + length;
    if (!lengths.valid || length < 0 || recordTo > batch.length) return false;
    if (recordTo > wanted) {
      if (cursor.read(batch, position, firstOffset, firstTimestamp, false) !== null) return false;
      if (visit(cursor) === false) return true;
      wanted = seek(recordTo);
    }
    position = recordTo;
  }
  return true;
}

/** The same one after another, for whoever goes on later. `next` gives the same cursor each time, and null behind the last record. */
export class RecordReader {
  readonly #batch: Uint8Array;
  readonly #cursor = new RecordCursor();
  #position = batchHeaderBytes;
  #left: number;

  constructor(batch: Uint8Array) {
    this.#batch = batch;
    this.#left = recordCount(batch);
  }

  next(): RecordCursor | null {
    if (this.#left === 0) return null;
    this.#left--;
    const batch = this.#batch;
    const problem = this.#cursor.read(batch, this.#position, baseOffset(batch), baseTimestamp(batch), false);
    assert(problem === null, 'a batch that was stored holds records');
    this.#position = this.#cursor.recordTo;
    return this.#cursor;
  }
}

// ------------------------------------------------------------------------------------------------------------ validation

export type BatchProblem =
  | 'incomplete'
  | 'trailingBytes'
  | 'magicUnsupported'
  | 'batchTooLarge'
  | 'checksumWrong'
  | 'codecUnsupported'
  | 'attributesForbidden'
  | 'recordCountWrong'
  | 'tooManyRecords'
  | 'recordTooLarge'
  | 'recordMalformed'
  | 'fieldOutOfRange';

export interface BatchRefusal {
  readonly problem: BatchProblem;
  /** What is wrong, as the end of a sentence about the batch, without a final period. */
  readonly reason: string;
}

const refuse = (problem: BatchProblem, reason: string): Result<undefined, BatchRefusal> => failed({ problem, reason });

/** Every check that untrusted bytes must pass before they may become a part of a log. `bytes` holds exactly one batch. */
export function validateBatch(batch: Uint8Array, limits: BatchLimits, bytes: Bytes): Result<undefined, BatchRefusal> {
  if (batch.length < batchHeaderBytes) return refuse('incomplete', `it has ${batch.length} bytes, a header alone has ${batchHeaderBytes}`);
  const magic = ((batch[at.magic] as number) << 24) >> 24;
  if (magic !== 2) return refuse('magicUnsupported', `its magic byte is ${magic}, only 2 is supported`);
  const length = batchLength(batch);
  if (length > batch.length) return refuse('incomplete', `it says ${length} bytes and has ${batch.length}`);
  if (length < batch.length) return refuse('trailingBytes', `it says ${length} bytes and has ${batch.length}`);
  if (length > limits.batchBytesMax) return refuse('batchTooLarge', `it has ${length} bytes, at most ${limits.batchBytesMax} are allowed`);
  const found = bytes.crc32c(batch.subarray(at.attributes));
  if (found !== batchChecksum(batch))
    return refuse('checksumWrong', `its checksum is ${hex(batchChecksum(batch))}, its bytes have ${hex(found)}`);

  const attributes = getI16(batch, at.attributes);
  if ((attributes & codecMask) !== 0)
    return refuse('codecUnsupported', `it is compressed (${codec(batch)}), only uncompressed batches are taken`);
  if ((attributes & controlBit) !== 0) return refuse('attributesForbidden', 'it is a control batch, which only brokers make');
  if ((attributes & transactionalBit) !== 0) return refuse('attributesForbidden', 'it is part of a transaction, which is not supported');
  if ((attributes & logAppendTimeBit) !== 0) return refuse('attributesForbidden', 'it claims log append time, which only brokers set');
  if ((attributes & ~sessionBit) !== 0) return refuse('attributesForbidden', `its attributes ${attributes} are unknown`);

  const count = recordCount(batch);
  if (count < 1) return refuse('recordCountWrong', `it says ${count} records`);
  if (count > limits.recordsPerBatchMax)
    return refuse('tooManyRecords', `it has ${count} records, at most ${limits.recordsPerBatchMax} are allowed`);
  if (lastOffsetDelta(batch) !== count - 1)
    return refuse('recordCountWrong', `it says ${count} records and last offset delta ${lastOffsetDelta(batch)}`);
  for (const position of [at.baseOffset, at.baseTimestamp, at.maxTimestamp, at.producerId]) {
    const value = readI64(batch, position);
    if (value === null || value < -1 || (isTimestamp(position) && value > timestampMsMax))
      return refuse('fieldOutOfRange', `its 64-bit field at ${position} is out of range`);
  }
  if (producerEpoch(batch) < -1 || baseSequence(batch) < -1) return refuse('fieldOutOfRange', 'its producer epoch or sequence is negative');
  return validateRecords(batch, count, limits);
}

const isTimestamp = (position: number): boolean => position === at.baseTimestamp || position === at.maxTimestamp;

function validateRecords(batch: Uint8Array, count: number, limits: BatchLimits): Result<undefined, BatchRefusal> {
  const cursor = new RecordCursor();
  const firstTimestamp = baseTimestamp(batch);
  const lastTimestamp = maxTimestamp(batch);
  let position = batchHeaderBytes;
  let headers = 0;
  for (let i = 0; i < count; i++) {
    const problem = cursor.read(batch, position, 0, firstTimestamp, true);
    if (problem !== null) return refuse('recordMalformed', `record ${i} is malformed: ${problem}`);
    if (cursor.index !== i) return refuse('recordMalformed', `record ${i} has offset delta ${cursor.index}`);
    if (cursor.timestampMs < -1 || cursor.timestampMs > lastTimestamp)
      return refuse('recordMalformed', `record ${i} has a timestamp beyond the batch's`);
    if (cursor.recordTo - position > limits.recordBytesMax) {
      return refuse('recordTooLarge', `record ${i} has ${cursor.recordTo - position} bytes, at most ${limits.recordBytesMax} are allowed`);
    }
    headers += cursor.headerCount;
    if (headers > headersPerBatchMax)
      return refuse('tooManyRecords', `its records have more than ${headersPerBatchMax} headers, which is what is allowed`);
    position = cursor.recordTo;
  }
  if (position !== batch.length) return refuse('trailingBytes', `${batch.length - position} bytes follow its last record`);
  return ok(undefined);
}

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');
