/**
 * A segment file: `<base offset, 20 digits>.log`, a part of one group's log. All integers big endian.
 *
 *     0    header, 1024 bytes: two sectors of 512, written and synced before the file gets its name
 *     1024 blocks, one after another without gaps: frames (`record/frame.ts`) and marks
 *     end  zeros up to the end of the file, which was written with zeros and synced before its first use
 *
 * Header, its first sector never written again:
 *
 *     at  type  field
 *      0  8     'CAIRNSEG'
 *      8  u32   version, 2
 *     12  u32   group id
 *     16  u64   base offset: of the first frame
 *     24  u32   checksum of the frame before the first, 0 if there was none: the chain goes on across files
 *     28  u32   salt: random; seeds the checksum of every mark in this file
 *     32  u64   term of the frame before the first, 0 if there was none: with the offset and the checksum it says which log this one continues, when
 *               retention has removed what stood before. Version 1 has zeros here, so of a log whose first segment is one it is not known
 *     40        zeros
 *     60  u32   CRC-32C of [0, 60)
 *     64        zeros
 *    512        truncation slot, zeros except while the log is cut back into this segment
 *    768        synced slot, zeros until the log was idle for the first time
 *
 * Truncation slot. Cutting a log back zeroes what was synced, and half zeroed it would look like corruption. So it is announced first, in blocks
 * that the file has already (a full disk must not keep a follower from truncating), and the slot is cleared when all is done. Recovery carries
 * out what it finds announced: segments behind this one are removed, this one is zeroed from the position on.
 *
 *    512  8     'CAIRNTRU'
 *    520  u64   position
 *    528  u32   CRC-32C of [512, 528), seeded with the salt
 *
 * The position is where a frame began, and whatever is written there later begins with a mark. So a mark there says that the cut was finished and the log
 * has grown since: the page in which the slot was cleared was lost, and the slot is cleared again. (Earlier versions cut at 1024 too, where a mark stood
 * before: there it is carried out.) While a log is cut the synced slot is empty, because both change in one sector.
 *
 * Synced slot. What a lost page takes with it cannot tell of itself when it is the last of the log. So a mark that is written when nothing else is (idle,
 * clean stop) is told of here, too, and so is the last mark that an open has found (docs/decisions/0013): a log that ends before it is damaged.
 *
 *    768  8     'CAIRNSYN'
 *    776  u64   synced before: all bytes of this file below here were synced when this was written
 *    784  u32   CRC-32C of [768, 784), seeded with the salt
 *
 * Slots are written in place, so a write that fails or is torn leaves a part of one, of which nobody has been told anything. So a slot that does not
 * check out is an empty one: a truncation has not begun or was over but for the clearing, and what was known to be synced is not known any more.
 *
 * Mark, 48 bytes, a local fact that is never replicated (docs/decisions/0002):
 *
 *      0  u32   CRC-32C of [4, 48), seeded with the salt
 *      4  u8    0x81 (a frame has its version 1 here, unused space 0)
 *      5  u8    kind: 0 starts a write group, 1 idle, 2 clean stop
 *      6  u16   zero
 *      8  4     'MARK'
 *     12  u32   group id
 *     16  u64   base offset of the segment
 *     24  u64   synced before: all bytes of this file below here were synced when the mark was written; always its own position
 *     32  u64   offset of the next frame
 *     40  u32   checksum of the last frame before it
 *     44  u32   zero
 *
 * One write + sync is outstanding at a time, and each starts with a mark, so at most the bytes after the last mark are not known to be synced.
 *
 * Recovery rule. Blocks are read from the header on while they are intact and continue the log (offset, chain, term not going back), up to p. A valid
 * mark or a synced slot with synced before > p, or a later segment, proves that more had been synced: this is corruption and the group is fenced. Else
 * zeros from p up to the end of the file are the normal end, and anything else is a torn tail, never acknowledged or in the last unmarked group, and is
 * cut: zeroed and synced before anything else happens. Then everything from the last mark on is written again and synced, because a process that died
 * may have left it in the page cache only. Marks are searched with a salted checksum, so that bytes inside a record cannot pose as one.
 */
import { assert } from '../base/assert.ts';
import { firstTerm, type Term, term } from '../base/branded.ts';
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import type { Bytes } from '../host/index.ts';

/** Where the blocks begin. */
export const segmentHeaderBytes = 1024;
const headerFieldBytes = 64;
export const truncationSlotAt = 512;
export const syncedSlotAt = 768;
const slotBytes = 20;
/** The sector of both slots. */
export const slotsBytes = segmentHeaderBytes - truncationSlotAt;
export const markBytes = 48;
export const markTag = 0x81;
/** Version 1, which did not keep the previous term, is read too. */
const segmentVersion = 2;
const magicHigh = 0x4341_4952; // 'CAIR'
const magicLow = 0x4e53_4547; // 'NSEG'
const truncationMagicLow = 0x4e54_5255; // 'NTRU'
const syncedMagicLow = 0x4e53_594e; // 'NSYN'
/** 'MARK', for searching. */
export const markMagic = Uint8Array.of(0x4d, 0x41, 0x52, 0x4b);
export const markMagicAt = 8;
const markMagicNumber = 0x4d41_524b;

export interface SegmentHeader {
  readonly group: number;
  readonly baseOffset: number;
  readonly previousChecksum: number;
  /** `firstTerm` where there was no frame before the first, or where its term is not known. */
  readonly previousTerm: Term;
  readonly salt: number;
}

export function encodeSegmentHeader(header: SegmentHeader, bytes: Bytes): Uint8Array {
  const encoded = new Uint8Array(headerFieldBytes);
  const view = viewOf(encoded);
  view.setUint32(0, magicHigh);
  view.setUint32(4, magicLow);
  view.setUint32(8, segmentVersion);
  view.setUint32(12, header.group);
  writeU64(view, 16, header.baseOffset);
  view.setUint32(24, header.previousChecksum);
  view.setUint32(28, header.salt);
  writeU64(view, 32, header.previousTerm);
  view.setUint32(60, bytes.crc32c(encoded.subarray(0, 60)));
  return encoded;
}

/** The header, or what is wrong with it. */
export function readSegmentHeader(source: Uint8Array, bytes: Bytes): SegmentHeader | string {
  if (source.length < segmentHeaderBytes) return `${source.length} bytes`;
  const view = viewOf(source);
  if (view.getUint32(0) !== magicHigh || view.getUint32(4) !== magicLow) return 'another magic';
  const found = bytes.crc32c(source.subarray(0, 60));
  if (found !== view.getUint32(60)) return 'a wrong checksum';
  const version = view.getUint32(8);
  if (version < 1 || version > segmentVersion) return `version ${version}`;
  const areGapsEmpty =
    isZero(source, 60 + 4, truncationSlotAt) &&
    isZero(source, truncationSlotAt + slotBytes, syncedSlotAt) &&
    isZero(source, syncedSlotAt + slotBytes, segmentHeaderBytes);
  if (!areGapsEmpty) return 'bytes where zeros belong';
  const baseOffset = readU64(view, 16);
  if (baseOffset === null) return 'a base offset out of range';
  const previousTerm = version === 1 ? firstTerm : readU64(view, 32);
  if (previousTerm === null) return 'a term out of range';
  return {
    group: view.getUint32(12),
    baseOffset,
    previousChecksum: view.getUint32(24),
    previousTerm: term(previousTerm),
    salt: view.getUint32(28),
  };
}

export type MarkKind = 'group' | 'idle' | 'close';
const markKinds: readonly MarkKind[] = ['group', 'idle', 'close'];

export interface Mark {
  readonly kind: MarkKind;
  readonly syncedBefore: number;
  readonly nextOffset: number;
  readonly lastChecksum: number;
}

export function encodeMark(segment: SegmentHeader, mark: Mark, bytes: Bytes): Uint8Array {
  const encoded = new Uint8Array(markBytes);
  const view = viewOf(encoded);
  view.setUint8(4, markTag);
  view.setUint8(5, markKinds.indexOf(mark.kind));
  view.setUint32(8, markMagicNumber);
  view.setUint32(12, segment.group);
  writeU64(view, 16, segment.baseOffset);
  writeU64(view, 24, mark.syncedBefore);
  writeU64(view, 32, mark.nextOffset);
  view.setUint32(40, mark.lastChecksum);
  view.setUint32(0, bytes.crc32c(encoded.subarray(4), segment.salt));
  return encoded;
}

/** The mark at `from` if its checksum is right, it belongs to this segment and stands where it says; else null. */
export function readMark(segment: SegmentHeader, source: Uint8Array, from: number, position: number, bytes: Bytes): Mark | null {
  if (source.length - from < markBytes) return null;
  const view = new DataView(source.buffer, source.byteOffset + from, markBytes);
  if (view.getUint8(4) !== markTag || view.getUint32(8) !== markMagicNumber) return null;
  if (view.getUint32(0) !== bytes.crc32c(source.subarray(from + 4, from + markBytes), segment.salt)) return null;
  const kind = markKinds[view.getUint8(5)];
  const syncedBefore = readU64(view, 24);
  const nextOffset = readU64(view, 32);
  if (kind === undefined || nextOffset === null || syncedBefore !== position) return null;
  if (view.getUint32(12) !== segment.group || readU64(view, 16) !== segment.baseOffset) return null;
  return { kind, syncedBefore, nextOffset, lastChecksum: view.getUint32(40) };
}

const digits = 20;
export const logSuffix = '.log';
export const indexSuffix = '.index';
/** `<offset>.state`: a checkpoint of what is derived from all records below this offset. */
export const stateSuffix = '.state';
/** The same beside a segment and of its end, as it was written until November 2026. */
export const segmentStateSuffix = '.checkpoint';
/** The file that is filled with zeros ahead of its use. */
export const preparedName = 'prepared';

export const segmentName = (baseOffset: number, suffix: string): string => String(baseOffset).padStart(digits, '0') + suffix;

/** Base offset in a segment's file name with this suffix, or null for another name. */
export function baseOffsetOf(name: string, suffix: string): number | null {
  if (name.length !== digits + suffix.length || !name.endsWith(suffix)) return null;
  const text = name.slice(0, digits);
  if (!/^\d+$/.test(text)) return null;
  const baseOffset = Number(text);
  return Number.isSafeInteger(baseOffset) ? baseOffset : null;
}

/** The sector of both slots, with a truncation announced: what was synced is about to be cut. */
export function encodeTruncation(segment: SegmentHeader, position: number, bytes: Bytes): Uint8Array {
  const sector = new Uint8Array(slotsBytes);
  sector.set(encodeSlot(segment, truncationMagicLow, position, bytes));
  return sector;
}

export const encodeSynced = (segment: SegmentHeader, syncedBefore: number, bytes: Bytes): Uint8Array =>
  encodeSlot(segment, syncedMagicLow, syncedBefore, bytes);

/** The position in a header's truncation slot, or null. */
export const readTruncation = (segment: SegmentHeader, source: Uint8Array, bytes: Bytes): number | null =>
  readSlot(segment, source, truncationSlotAt, truncationMagicLow, bytes);

/** The position in a header's synced slot, or null. */
export const readSynced = (segment: SegmentHeader, source: Uint8Array, bytes: Bytes): number | null =>
  readSlot(segment, source, syncedSlotAt, syncedMagicLow, bytes);

function encodeSlot(segment: SegmentHeader, low: number, position: number, bytes: Bytes): Uint8Array {
  assert(position >= segmentHeaderBytes, 'a position in a slot is behind the header');
  const encoded = new Uint8Array(slotBytes);
  const view = viewOf(encoded);
  view.setUint32(0, magicHigh);
  view.setUint32(4, low);
  writeU64(view, 8, position);
  view.setUint32(16, bytes.crc32c(encoded.subarray(0, 16), segment.salt));
  return encoded;
}

function readSlot(segment: SegmentHeader, source: Uint8Array, at: number, low: number, bytes: Bytes): number | null {
  const slot = source.subarray(at, at + slotBytes);
  const view = viewOf(slot);
  if (view.getUint32(0) !== magicHigh || view.getUint32(4) !== low) return null;
  if (view.getUint32(16) !== bytes.crc32c(slot.subarray(0, 16), segment.salt)) return null;
  const position = readU64(view, 8);
  return position === null || position < segmentHeaderBytes ? null : position;
}

/** True if [from, to), as far as it exists, holds zeros only. */
export function isZero(source: Uint8Array, from: number, to: number): boolean {
  const end = Math.min(to, source.length);
  let at = from;
  while (at < end && (source.byteOffset + at) % 8 !== 0) if (source[at++] !== 0) return false;
  const words = new Float64Array(source.buffer, source.byteOffset + at, (end - at) >> 3);
  // A zero word read as a double is +0; -0 has the sign bit set and must not pass.
  for (let i = 0; i < words.length; i++) if (words[i] !== 0 || Object.is(words[i], -0)) return false;
  at += words.length * 8;
  while (at < end) if (source[at++] !== 0) return false;
  return true;
}
