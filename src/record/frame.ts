/**
 * Our frame: a header of 48 bytes before each record batch, on disk and between brokers (design, D3). All integers big endian:
 *
 *     at  type  field
 *      0  u32   checksum: CRC-32C of the header from 4 on and the batch's first 21 bytes, that is of bytes [4, 69) of the frame
 *      4  u8    version, 1 (a segment file marks other kinds of blocks by other values here)
 *      5  u8    flags, 0
 *      6  u16   zero
 *      8  u32   length of the batch in bytes
 *     12  u32   group id
 *     16  u64   base offset
 *     24  u64   term
 *     32  u48   hybrid stamp of the append by the leader's clock: ms since 1970 ...
 *     38  u16   ... and a counter; monotone per partition (log time)
 *     40  u32   checksum of the previous frame of the log, 0 for the first
 *     44  u32   zero
 *     48        the batch
 *
 * The batch's own checksum covers the batch from byte 21 on and is itself covered by ours, so the two together cover every byte, and the
 * previous frame's checksum makes the log a chain: two replicas whose frames at one offset are equal are equal up to there. The chain value
 * is stored, so one frame can be verified alone. Base offset and term stand in the batch too; they must agree.
 */
import { assert } from '../base/assert.ts';
import { groupId, type GroupId, offset, type Offset, term, type Term } from '../base/branded.ts';
import { getU16, getU32, readU64, setU16, setU32, setU64 } from '../base/bytes.ts';
import type { Bytes } from '../host/index.ts';
import {
  baseOffset,
  batchBytesMax,
  batchChecksumMatches,
  checksumThrough,
  batchHeaderBytes,
  batchLength,
  batchPrefixBytes,
  lastOffsetDelta,
  leaderEpoch,
} from './record-batch.ts';
import { frameHeaderBytes, takeRoom } from './room.ts';

export const frameVersion = 1;
const checkedTo = frameHeaderBytes + batchPrefixBytes;
/** Bytes needed before a frame's header can be judged. */
export const frameProbeBytes = frameHeaderBytes + batchHeaderBytes;

const at = {
  checksum: 0,
  version: 4,
  flags: 5,
  zero16: 6,
  length: 8,
  group: 12,
  baseOffset: 16,
  term: 24,
  stamp: 32,
  counter: 38,
  previous: 40,
  zero32: 44,
} as const;

export interface FrameFields {
  readonly group: GroupId;
  readonly offsetFrom: Offset;
  readonly term: Term;
  /** Log time: 48 bits of ms and a counter of 16 bits. */
  readonly stampMs: number;
  readonly stampCounter: number;
  /** Checksum of the previous frame of this log, 0 for its first. */
  readonly previousChecksum: number;
}

/** A frame found in bytes, its header verified. `bytes` is the whole frame. */
export interface Frame extends FrameFields {
  readonly bytes: Uint8Array;
  readonly checksum: number;
  readonly offsetTo: Offset;
}

/** A frame as the consensus core carries it: the shape of `LogBatch`, which this floor does not know. */
export interface FramedBatch {
  readonly offsetFrom: Offset;
  readonly offsetTo: Offset;
  readonly term: Term;
  readonly bytes: Uint8Array;
}

export type FrameRead =
  | { readonly kind: 'ok'; readonly frame: Frame }
  /** So far nothing is wrong, and `bytesNeeded` from its start would tell. */
  | { readonly kind: 'incomplete'; readonly bytesNeeded: number }
  | { readonly kind: 'damaged'; readonly expected: string; readonly found: string };

/** Copies the batch behind a header, unless there is room for one in front of it, and places it (base offset, leader epoch). */
export function encodeFrame(fields: FrameFields, batch: Uint8Array, bytes: Bytes): Uint8Array {
  assert(batch.length >= batchHeaderBytes && batch.length <= batchBytesMax, 'a framed batch has an allowed length');
  assert(fields.term <= 0x7fff_ffff, 'a term fits the leader epoch');
  const frame = takeRoom(batch) ?? copied(batch);
  setU64(frame, frameHeaderBytes, fields.offsetFrom);
  setU32(frame, frameHeaderBytes + 12, fields.term);
  frame[at.version] = frameVersion;
  setU32(frame, at.length, batch.length);
  setU32(frame, at.group, fields.group);
  setU64(frame, at.baseOffset, fields.offsetFrom);
  setU64(frame, at.term, fields.term);
  assert(Number.isSafeInteger(fields.stampMs) && fields.stampMs >= 0 && fields.stampMs < 2 ** 48, 'a stamp has 48 bits of milliseconds');
  setU16(frame, at.stamp, Math.floor(fields.stampMs / 0x1_0000_0000));
  setU32(frame, at.stamp + 2, fields.stampMs);
  setU16(frame, at.counter, fields.stampCounter);
  setU32(frame, at.previous, fields.previousChecksum);
  setU32(frame, at.checksum, bytes.crc32c(frame.subarray(at.version, checkedTo)));
  return frame;
}

function copied(batch: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + batch.length);
  frame.set(batch, frameHeaderBytes);
  return frame;
}

/** Frames a batch and gives it as the consensus core takes it. */
export function frameBatch(fields: FrameFields, batch: Uint8Array, bytes: Bytes): FramedBatch {
  const offsetTo = offset(fields.offsetFrom + lastOffsetDelta(batch) + 1);
  return { offsetFrom: fields.offsetFrom, offsetTo, term: fields.term, bytes: encodeFrame(fields, batch, bytes) };
}

/**
 * Reads the frame that starts at `from`: its header checksum is verified, the batch's is not (`verifyFrame`). Never looks beyond `bytes`, never
 * trusts a length before its checksum.
 */
export function readFrame(source: Uint8Array, from: number, bytes: Bytes): FrameRead {
  if (source.length - from < frameProbeBytes) return { kind: 'incomplete', bytesNeeded: frameProbeBytes };
  const view = new DataView(source.buffer, source.byteOffset + from, frameProbeBytes);
  const version = view.getUint8(at.version);
  if (version !== frameVersion) return damaged(`frame version ${frameVersion}`, `${version}`);
  const found = bytes.crc32c(source.subarray(from + at.version, from + checkedTo));
  const expected = view.getUint32(at.checksum);
  if (found !== expected) return damaged(`frame checksum ${hex(expected)}`, hex(found));

  const length = view.getUint32(at.length);
  const group = view.getUint32(at.group);
  const offsetFrom = readU64(view, at.baseOffset);
  const frameTerm = readU64(view, at.term);
  const lastDelta = view.getInt32(frameHeaderBytes + 23);
  // What follows was written by us under a right checksum, so a misfit is a defect or a forgery: it is refused all the same.
  if (length < batchHeaderBytes || length > batchBytesMax)
    return damaged(`a batch of ${batchHeaderBytes} to ${batchBytesMax} bytes`, `${length}`);
  if (view.getInt32(frameHeaderBytes + 8) + 12 !== length)
    return damaged(`a batch of ${length} bytes`, `${view.getInt32(frameHeaderBytes + 8) + 12}`);
  if (group < 1 || offsetFrom === null || frameTerm === null || view.getUint8(at.flags) !== 0)
    return damaged('known frame fields', 'others');
  if (view.getUint16(at.zero16) !== 0 || view.getUint32(at.zero32) !== 0) return damaged('zero in reserved fields', 'others');
  if (readU64(view, frameHeaderBytes) !== offsetFrom || view.getInt32(frameHeaderBytes + 12) !== frameTerm)
    return damaged('one place in frame and batch', 'two');
  if (view.getInt8(frameHeaderBytes + 16) !== 2) return damaged('batch magic 2', `${view.getInt8(frameHeaderBytes + 16)}`);
  const whole = frameHeaderBytes + length;
  if (source.length - from < whole) return { kind: 'incomplete', bytesNeeded: whole };
  if (lastDelta < 0 || !Number.isSafeInteger(offsetFrom + lastDelta + 1))
    return damaged('a last offset delta of at least 0', `${lastDelta}`);
  return {
    kind: 'ok',
    frame: {
      bytes: source.subarray(from, from + whole),
      checksum: expected,
      group: groupId(group),
      offsetFrom: offset(offsetFrom),
      offsetTo: offset(offsetFrom + lastDelta + 1),
      term: term(frameTerm),
      stampMs: view.getUint16(at.stamp) * 0x1_0000_0000 + view.getUint32(at.stamp + 2),
      stampCounter: view.getUint16(at.counter),
      previousChecksum: view.getUint32(at.previous),
    },
  };
}

/** Both checksums of one whole frame and nothing behind it: every byte is what was written. */
export function verifyFrame(frame: Uint8Array, bytes: Bytes): boolean {
  const read = readFrame(frame, 0, bytes);
  return read.kind === 'ok' && read.frame.bytes.length === frame.length && batchChecksumMatches(batchOf(frame), bytes);
}

/** The record batch inside a frame, without copying. */
export const batchOf = (frame: Uint8Array): Uint8Array => frame.subarray(frameHeaderBytes);

/** Checksum of a whole frame, as the next frame chains to it. */
export const frameChecksum = (frame: Uint8Array): number => getU32(frame, at.checksum);
export const frameGroup = (frame: Uint8Array): number => getU32(frame, at.group);
export const previousChecksum = (frame: Uint8Array): number => getU32(frame, at.previous);
export const stampMs = (frame: Uint8Array): number => getU16(frame, at.stamp) * 0x1_0000_0000 + getU32(frame, at.stamp + 2);
export const stampCounter = (frame: Uint8Array): number => getU16(frame, at.counter);

/** Checksum of all bytes of a frame, whose own are right, behind bytes with this one. */
export function checksumThroughFrame(frame: Uint8Array, bytes: Bytes, before: number): number {
  return checksumThrough(batchOf(frame), bytes, bytes.crc32c(frame.subarray(0, frameHeaderBytes), before));
}

/** As the consensus core takes it. */
export function toLogBatch(frame: Frame): FramedBatch {
  return { offsetFrom: frame.offsetFrom, offsetTo: frame.offsetTo, term: frame.term, bytes: frame.bytes };
}

/** Asserts that a batch from the consensus core is what its frame says; used before it is written. */
export function assertFramed(batch: FramedBatch): void {
  const inner = batchOf(batch.bytes);
  assert(batchLength(inner) === inner.length, 'a frame holds exactly one batch');
  assert(baseOffset(inner) === batch.offsetFrom && leaderEpoch(inner) === batch.term, 'a batch stands where its frame says');
  assert(batch.offsetFrom + lastOffsetDelta(inner) + 1 === batch.offsetTo, 'a batch takes the offsets that it says');
}

const damaged = (expected: string, found: string): FrameRead => ({ kind: 'damaged', expected, found });
const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');
