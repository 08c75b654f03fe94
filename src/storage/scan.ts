/** Reading a segment block by block: the one place that decides whether a block is intact and continues the log. */
import type { Offset, Term } from '../base/branded.ts';
import { offset } from '../base/branded.ts';
import { noBytes } from '../base/bytes.ts';
import type { Result } from '../base/result.ts';
import type { Task } from '../base/task.ts';
import type { Bytes, DiskFile } from '../host/index.ts';
import { noteTerm, type TermStart } from '../raft/index.ts';
import { batchChecksumMatches, batchOf, type Frame, frameVersion, readFrame } from '../record/index.ts';
import type { OpenFailure } from './contract.ts';
import { isZero, markBytes, markMagic, markMagicAt, markTag, readMark, segmentHeaderBytes, type SegmentHeader } from './segment-format.ts';
import { type SegmentFacts, SparseIndex } from './segment-index.ts';
import { guard, readAt, rethrow, Unreadable } from './steps.ts';
import type { UnreadableRanges } from './unreadable-ranges.ts';

const windowBytes = 1024 * 1024;
/** Less than that is read again rather than put together with what follows. */
const joinedBytesMin = 4096;

export interface WindowOptions {
  /** Bytes that are read at once, where no more than that is needed. */
  readonly readAhead?: number;
  /** Each time twice as many, up to so many. */
  readonly readAheadMax?: number;
  readonly unreadable?: UnreadableRanges | null;
  /** Takes bytes that are shown no longer, to be read into again: then a block across the edge of a window is read twice rather than joined. */
  readonly letGo?: ((bytes: Uint8Array) => void) | null;
}

/** A part of a file, moved forward over it. */
export class Window {
  readonly #file: DiskFile;
  readonly #fileEnd: number;
  readonly #unreadable: UnreadableRanges | null;
  readonly #letGo: ((bytes: Uint8Array) => void) | null;
  readonly #readAheadMax: number;
  /** Of the next read; it may be changed. */
  readAhead: number;
  bytes: Uint8Array = noBytes;
  from = 0;
  /** From the file, so far. */
  bytesRead = 0;

  constructor(file: DiskFile, fileEnd: number, options: WindowOptions = {}) {
    const { readAhead = windowBytes, readAheadMax = readAhead, unreadable = null, letGo = null } = options;
    this.#file = file;
    this.#fileEnd = fileEnd;
    this.readAhead = readAhead;
    this.#readAheadMax = readAheadMax;
    this.#unreadable = unreadable;
    this.#letGo = letGo;
  }

  get end(): number {
    return this.from + this.bytes.length;
  }

  /** Makes at least `needed` bytes from `position` on visible, as far as the file has them. */
  *show(position: number, needed: number): Task<void> {
    if (position >= this.from && position + needed <= this.end) return;
    const least = Math.min(needed, this.#fileEnd - position);
    const known = this.#unreadable?.find(position, position + least) ?? null;
    if (known !== null) throw new Unreadable(known);
    const held = position >= this.from ? this.bytes.subarray(position - this.from) : this.bytes.subarray(0, 0);
    if (held.length >= joinedBytesMin && this.#letGo === null) {
      // A block that goes on behind the window: its rest is read, and nothing twice.
      const rest = yield* this.#read(position + held.length, least - held.length, least - held.length);
      const joined = new Uint8Array(held.length + rest.length);
      joined.set(held);
      joined.set(rest, held.length);
      this.bytes = joined;
      this.from = position;
      return;
    }
    // What is read again is counted once.
    this.bytesRead -= held.length;
    this.forget();
    const ahead = Math.min(this.readAhead, (this.#unreadable?.endOfReadable(position) ?? Number.POSITIVE_INFINITY) - position);
    const length = Math.min(Math.max(needed, ahead), this.#fileEnd - position);
    this.readAhead = Math.min(this.readAhead * 2, Math.max(this.readAhead, this.#readAheadMax));
    this.bytes = length <= 0 ? noBytes : yield* this.#read(position, length, least);
    this.from = position;
  }

  /** Nothing is shown; what was may be read into again. */
  forget(): void {
    const shown = this.bytes;
    this.bytes = noBytes;
    if (shown.length > 0) this.#letGo?.(shown);
  }

  /** What is read ahead may be what the disk refuses: then only what is needed is read, from here on. */
  *#read(position: number, length: number, least: number): Task<Uint8Array> {
    const read: Result<Uint8Array, OpenFailure> = yield* guard(readAt(this.#file, position, length));
    if (read.ok) {
      this.bytesRead += read.value.length;
      return read.value;
    }
    if (read.error.kind === 'unreadable' && length > least) {
      this.readAhead = 0;
      return yield* this.#read(position, least, least);
    }
    if (read.error.kind === 'unreadable') this.#unreadable?.note(position, position + least, read.error.error);
    return rethrow(read.error);
  }
}

export type Block =
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'mark'; readonly clean: boolean }
  /** Nothing but zeros where a block would begin, or the end of the file. */
  | { readonly kind: 'end' }
  | { readonly kind: 'damaged'; readonly expected: string; readonly found: string };

/** Reads the block at `position`; `verify` decides whether a frame's batch is checked too (its header always is). */
export function* readBlock(
  window: Window,
  header: SegmentHeader,
  position: number,
  verify: (frame: Frame) => boolean,
  bytes: Bytes,
): Task<Block> {
  yield* window.show(position, markBytes);
  let at = position - window.from;
  if (isZero(window.bytes, at, at + markBytes)) return { kind: 'end' };
  const tag = window.bytes[at + 4];
  if (tag === markTag) {
    const mark = readMark(header, window.bytes, at, position, bytes);
    return mark === null ? { kind: 'damaged', expected: 'a mark', found: 'other bytes' } : { kind: 'mark', clean: mark.kind === 'close' };
  }
  if (tag !== frameVersion) return { kind: 'damaged', expected: 'a frame or a mark', found: `a block of kind ${tag ?? 'none'}` };

  let read = readFrame(window.bytes, at, bytes);
  while (read.kind === 'incomplete') {
    yield* window.show(position, read.bytesNeeded);
    at = position - window.from;
    if (window.bytes.length - at < read.bytesNeeded) {
      return { kind: 'damaged', expected: `a frame of ${read.bytesNeeded} bytes`, found: `the end after ${window.bytes.length - at}` };
    }
    read = readFrame(window.bytes, at, bytes);
  }
  if (read.kind === 'damaged') return read;
  const { frame } = read;
  if (frame.group !== header.group)
    return { kind: 'damaged', expected: `a frame of group ${header.group}`, found: `one of group ${frame.group}` };
  if (verify(frame) && !batchChecksumMatches(batchOf(frame.bytes), bytes))
    return { kind: 'damaged', expected: 'the checksum of the batch', found: 'another' };
  return { kind: 'frame', frame };
}

/** What a scan from a segment's start has seen so far. */
export class SegmentScan {
  readonly header: SegmentHeader;
  readonly index = new SparseIndex();
  readonly termStarts: TermStart[] = [];
  position = segmentHeaderBytes;
  endOffset: Offset;
  lastChecksum: number;
  /** `firstTerm` where nothing is in front of the next frame, or its term is not known. */
  lastTerm: Term;
  firstStampMs = 0;
  lastStampMs = 0;
  /** Everything before the last mark was synced; a file without one had its header synced. */
  lastMarkPosition = segmentHeaderBytes;
  lastBlock: 'none' | 'frame' | 'mark' | 'closeMark' = 'none';

  constructor(header: SegmentHeader) {
    this.header = header;
    this.endOffset = offset(header.baseOffset);
    this.lastChecksum = header.previousChecksum;
    this.lastTerm = header.previousTerm;
  }

  /** Takes the next frame, or says why it does not continue the log. */
  take(frame: Frame): { readonly expected: string; readonly found: string } | null {
    if (frame.offsetFrom !== this.endOffset) return { expected: `offset ${this.endOffset}`, found: `${frame.offsetFrom}` };
    if (frame.previousChecksum !== this.lastChecksum) return { expected: 'a frame that chains to the previous one', found: 'another' };
    if (frame.term < this.lastTerm) return { expected: `a term of at least ${this.lastTerm}`, found: `${frame.term}` };
    this.index.note(frame.offsetFrom, this.position, frame.stampMs);
    noteTerm(this.termStarts, frame.term, frame.offsetFrom);
    if (this.endOffset === this.header.baseOffset) this.firstStampMs = frame.stampMs;
    this.lastStampMs = frame.stampMs;
    this.endOffset = frame.offsetTo;
    this.lastChecksum = frame.checksum;
    this.lastTerm = frame.term;
    this.position += frame.bytes.length;
    this.lastBlock = 'frame';
    return null;
  }

  takeMark(clean: boolean): void {
    this.lastMarkPosition = this.position;
    this.position += markBytes;
    this.lastBlock = clean ? 'closeMark' : 'mark';
  }

  facts(): SegmentFacts {
    return {
      baseOffset: offset(this.header.baseOffset),
      endOffset: this.endOffset,
      endPosition: this.position,
      lastChecksum: this.lastChecksum,
      previousChecksum: this.header.previousChecksum,
      firstStampMs: this.firstStampMs,
      lastStampMs: this.lastStampMs,
      termStarts: this.termStarts,
    };
  }
}

export type ScanEnd = { readonly kind: 'end' } | { readonly kind: 'damaged'; readonly expected: string; readonly found: string };

/** Scans on from where `scan` stands until its log reaches `offsetTo` (null: as far as it goes). */
export function* scanOn(
  scan: SegmentScan,
  file: DiskFile,
  offsetTo: number | null,
  bytes: Bytes,
  unreadable: UnreadableRanges | null = null,
): Task<ScanEnd> {
  const window = new Window(file, file.size, { unreadable });
  while (offsetTo === null || scan.endOffset < offsetTo) {
    const block: Block = yield* readBlock(window, scan.header, scan.position, () => true, bytes);
    if (block.kind === 'end' || block.kind === 'damaged') return block;
    if (block.kind === 'mark') {
      scan.takeMark(block.clean);
      continue;
    }
    const misfit = scan.take(block.frame);
    if (misfit !== null) return { kind: 'damaged', ...misfit };
  }
  return { kind: 'end' };
}

/** Scans on over marks, up to anything else. */
export function* scanMarks(scan: SegmentScan, file: DiskFile, bytes: Bytes): Task<ScanEnd> {
  const window = new Window(file, file.size);
  for (;;) {
    const block: Block = yield* readBlock(window, scan.header, scan.position, () => false, bytes);
    if (block.kind === 'damaged') return block;
    if (block.kind !== 'mark') return { kind: 'end' };
    scan.takeMark(block.clean);
  }
}

/** What follows a position at which the log ended: nothing, bytes that prove nothing, or a mark that proves it had been synced. */
export interface Rest {
  readonly kind: 'zeros' | 'bytes' | 'laterMark';
  /** Behind the last byte that is not zero. */
  readonly lastByteTo: number;
}

export function* judgeRest(header: SegmentHeader, file: DiskFile, position: number, bytes: Bytes): Task<Rest> {
  const window = new Window(file, file.size);
  let lastByteTo = position;
  // Windows overlap, so that a mark across the edge of one is whole in the next.
  for (let from = position; from < file.size; from += windowBytes - markBytes) {
    yield* window.show(from, Math.min(windowBytes, file.size - from));
    const shown = window.bytes;
    if (isZero(shown, 0, shown.length)) continue;
    lastByteTo = from + shown.findLastIndex((byte) => byte !== 0) + 1;
    for (let at = bytes.indexOf(shown, markMagic); at >= 0; at = bytes.indexOf(shown, markMagic, at + 1)) {
      const start = at - markMagicAt;
      if (start < 0 || from + start <= position) continue;
      if (readMark(header, shown, start, from + start, bytes) !== null) return { kind: 'laterMark', lastByteTo };
    }
  }
  return { kind: lastByteTo > position ? 'bytes' : 'zeros', lastByteTo };
}
