/**
 * What is known of a segment besides its bytes: where every so often a frame begins, when it was appended, and where terms begin. In memory for
 * the active segment; beside a sealed one in `<base offset>.index`, which can be removed at any time and is rebuilt from the segment:
 *
 *      0  8    'CAIRNIDX'
 *      8  u32  version, 1            12  u32  group id
 *     16  u64  base offset           24  u64  end offset
 *     32  u64  end position          40  u32  checksum of the last frame    44  u32  previous checksum, as in the segment's header
 *     48  u64  stamp of the first frame, ms                                 56  u64  stamp of the last frame, ms
 *     64  u32  count of term starts  68  u32  count of entries
 *     72       term starts: u64 term, u64 offset
 *              entries: u64 offset, u64 position, u64 stamp ms
 *     end u32  CRC-32C of everything before
 */
import type { Offset, Term } from '../base/branded.ts';
import { firstTerm, offset, term } from '../base/branded.ts';
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import type { Bytes } from '../host/index.ts';
import type { TermStart } from '../raft/index.ts';
import { segmentHeaderBytes } from './segment-format.ts';

/** A reader scans at most this many bytes before the frame that it wants. */
const indexIntervalBytes = 32 * 1024;

/** Offsets, positions and stamps of some frames, ascending. Invariant: three arrays of one length. */
export class SparseIndex {
  readonly #offsets: number[] = [];
  readonly #positions: number[] = [];
  readonly #stamps: number[] = [];

  get count(): number {
    return this.#offsets.length;
  }

  /** Called for every frame in order; keeps one for each interval. */
  note(offsetFrom: number, position: number, stampMs: number): void {
    const last = this.#positions[this.#positions.length - 1];
    if (last !== undefined && position - last < indexIntervalBytes) return;
    this.add(offsetFrom, position, stampMs);
  }

  add(offsetFrom: number, position: number, stampMs: number): void {
    this.#offsets.push(offsetFrom);
    this.#positions.push(position);
    this.#stamps.push(stampMs);
  }

  /** Position of a frame that begins at or before the one with this offset. */
  positionFor(wanted: number): number {
    return this.#positionAt(lastAtMost(this.#offsets, wanted));
  }

  /** Position of a frame that begins at or before the first one with a stamp of at least `timeMs`. */
  positionForTime(timeMs: number): number {
    return this.#positionAt(lastAtMost(this.#stamps, timeMs - 1));
  }

  /** The first entry stands for the whole beginning of the segment, with the mark before its first frame. */
  #positionAt(entry: number): number {
    return entry <= 0 ? segmentHeaderBytes : (this.#positions[entry] as number);
  }

  /** The first frame that is known to begin behind a position, or null. */
  entryBehind(position: number): { readonly offset: number; readonly position: number } | null {
    const entry = lastAtMost(this.#positions, position) + 1;
    const found = this.#positions[entry];
    return found === undefined ? null : { offset: this.#offsets[entry] as number, position: found };
  }

  truncate(offsetTo: number): void {
    let count = this.#offsets.length;
    while (count > 0 && (this.#offsets[count - 1] as number) >= offsetTo) count--;
    this.#offsets.length = count;
    this.#positions.length = count;
    this.#stamps.length = count;
  }

  encodeInto(view: DataView, from: number): void {
    for (let i = 0; i < this.#offsets.length; i++) {
      writeU64(view, from + i * 24, this.#offsets[i] as number);
      writeU64(view, from + i * 24 + 8, this.#positions[i] as number);
      writeU64(view, from + i * 24 + 16, this.#stamps[i] as number);
    }
  }
}

/** Index of the last element <= wanted in an ascending list, or -1. */
function lastAtMost(ascending: readonly number[], wanted: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Facts of a segment that open needs without reading it. */
export interface SegmentFacts {
  readonly baseOffset: Offset;
  readonly endOffset: Offset;
  /** Position behind the last frame or mark. */
  readonly endPosition: number;
  readonly lastChecksum: number;
  readonly previousChecksum: number;
  readonly firstStampMs: number;
  readonly lastStampMs: number;
  /** Terms of this segment's frames with the first offset of each in it. */
  readonly termStarts: readonly TermStart[];
}

const headBytes = 72;
const magicHigh = 0x4341_4952; // 'CAIR'
const magicLow = 0x4e49_4458; // 'NIDX'

export function encodeSegmentIndex(group: number, facts: SegmentFacts, index: SparseIndex, bytes: Bytes): Uint8Array {
  const encoded = new Uint8Array(headBytes + facts.termStarts.length * 16 + index.count * 24 + 4);
  const view = viewOf(encoded);
  view.setUint32(0, magicHigh);
  view.setUint32(4, magicLow);
  view.setUint32(8, 1);
  view.setUint32(12, group);
  writeU64(view, 16, facts.baseOffset);
  writeU64(view, 24, facts.endOffset);
  writeU64(view, 32, facts.endPosition);
  view.setUint32(40, facts.lastChecksum);
  view.setUint32(44, facts.previousChecksum);
  writeU64(view, 48, facts.firstStampMs);
  writeU64(view, 56, facts.lastStampMs);
  view.setUint32(64, facts.termStarts.length);
  view.setUint32(68, index.count);
  let at = headBytes;
  for (const start of facts.termStarts) {
    writeU64(view, at, start.term);
    writeU64(view, at + 8, start.offsetFrom);
    at += 16;
  }
  index.encodeInto(view, at);
  view.setUint32(encoded.length - 4, bytes.crc32c(encoded.subarray(0, encoded.length - 4)));
  return encoded;
}

/** The facts and the index, or null for anything but an intact index file of this group. */
export function readSegmentIndex(
  source: Uint8Array,
  group: number,
  bytes: Bytes,
): { readonly facts: SegmentFacts; readonly index: SparseIndex } | null {
  if (source.length < headBytes + 4) return null;
  const view = viewOf(source);
  if (view.getUint32(source.length - 4) !== bytes.crc32c(source.subarray(0, source.length - 4))) return null;
  if (view.getUint32(0) !== magicHigh || view.getUint32(4) !== magicLow || view.getUint32(8) !== 1 || view.getUint32(12) !== group)
    return null;
  const termCount = view.getUint32(64);
  const entryCount = view.getUint32(68);
  if (source.length !== headBytes + termCount * 16 + entryCount * 24 + 4) return null;
  const number = (at: number): number => readU64(view, at) ?? 0;

  const termStarts: TermStart[] = [];
  for (let i = 0; i < termCount; i++) {
    const at = headBytes + i * 16;
    termStarts.push({ term: term(number(at)), offsetFrom: offset(number(at + 8)) });
  }
  const index = new SparseIndex();
  for (let i = 0; i < entryCount; i++) {
    const at = headBytes + termCount * 16 + i * 24;
    index.add(number(at), number(at + 8), number(at + 16));
  }
  const facts: SegmentFacts = {
    baseOffset: offset(number(16)),
    endOffset: offset(number(24)),
    endPosition: number(32),
    lastChecksum: view.getUint32(40),
    previousChecksum: view.getUint32(44),
    firstStampMs: number(48),
    lastStampMs: number(56),
    termStarts,
  };
  return { facts, index };
}

/** Of a segment's last frame; `firstTerm` if it has none. */
export const lastTermOf = (facts: SegmentFacts): Term => facts.termStarts.at(-1)?.term ?? firstTerm;
