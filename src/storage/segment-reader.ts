/** Reading in one segment, as far as a view of it goes: batches from an offset on, the first one since a time, the place of a cut. */
import type { Offset } from '../base/branded.ts';
import type { Task } from '../base/task.ts';
import type { Bytes } from '../host/index.ts';
import type { LogBatch } from '../raft/index.ts';
import { type Frame, toLogBatch } from '../record/index.ts';
import { type Block, readBlock, Window } from './scan.ts';
import type { SegmentView } from './segment.ts';
import { markBytes, segmentHeaderBytes } from './segment-format.ts';
import { CorruptionFound } from './steps.ts';

const readWindowBytes = 128 * 1024;

/** Goes from frame to frame, over the marks between them. What is neither, before the view's end, is damage. */
class FrameReader {
  readonly #view: SegmentView;
  readonly #window: Window;
  readonly #bytes: Bytes;
  /** Where the next block begins. */
  position: number;

  constructor(view: SegmentView, position: number, windowBytes: number, bytes: Bytes) {
    this.#view = view;
    this.#window = new Window(view.file, view.endPosition, { readAhead: windowBytes, unreadable: view.unreadable });
    this.#bytes = bytes;
    this.position = position;
  }

  /** The next frame, or null at the end; `verify` decides whether its batch is checked too. */
  *next(verify: (frame: Frame) => boolean): Task<Frame | null> {
    const { endPosition, header } = this.#view;
    while (this.position < endPosition) {
      const block: Block = yield* readBlock(this.#window, header, this.position, verify, this.#bytes);
      if (block.kind === 'end') throw this.damage('a frame or a mark', 'zeros');
      if (block.kind === 'damaged') throw this.damage(block.expected, block.found);
      if (block.kind === 'frame') {
        this.position += block.frame.bytes.length;
        return block.frame;
      }
      this.position += markBytes;
    }
    return null;
  }

  damage(expected: string, found: string): CorruptionFound {
    return new CorruptionFound({ path: this.#view.path, position: this.position, expected, found });
  }
}

export interface SegmentRead {
  readonly bytesLeft: number;
  /** Where the next segment's part begins. */
  readonly offsetTo: number;
  /** Nothing more is wanted. */
  readonly enough: boolean;
}

/** Adds whole batches from the one that contains `offsetFrom`, to the segment's end, `offsetTo` or as many bytes as fit. */
export function* readBatches(
  view: SegmentView,
  offsetFrom: number,
  offsetTo: number,
  bytesMax: number,
  into: LogBatch[],
  bytes: Bytes,
): Task<SegmentRead> {
  const from = view.index.positionFor(offsetFrom);
  const reader = new FrameReader(view, from, Math.max(readWindowBytes, Math.min(bytesMax, view.endPosition - from)), bytes);
  const isWanted = (frame: Frame): boolean => frame.offsetTo > offsetFrom;
  let bytesLeft = bytesMax;
  let reached = offsetFrom;
  for (;;) {
    const frame = yield* reader.next(isWanted);
    if (frame === null) break;
    if (!isWanted(frame)) continue;
    if (frame.offsetTo > offsetTo || (into.length > 0 && frame.bytes.length > bytesLeft))
      return { bytesLeft, offsetTo: reached, enough: true };
    if (frame.offsetFrom > reached) throw reader.damage(`offset ${reached}`, `${frame.offsetFrom}`);
    into.push(toLogBatch(frame));
    bytesLeft -= frame.bytes.length;
    reached = frame.offsetTo;
  }
  if (reached < view.endOffset) throw reader.damage(`frames up to offset ${view.endOffset}`, `the end at ${reached}`);
  return { bytesLeft, offsetTo: reached, enough: bytesLeft <= 0 };
}

/** First offset of the first batch with log time >= `timeMs`, or null where the segment has none. */
export function* findSince(view: SegmentView, timeMs: number, bytes: Bytes): Task<Offset | null> {
  const reader = new FrameReader(view, view.index.positionForTime(timeMs), readWindowBytes, bytes);
  for (;;) {
    const frame = yield* reader.next(headerOnly);
    if (frame === null) return null;
    if (frame.stampMs >= timeMs) return frame.offsetFrom;
  }
}

/** Where a segment is cut, and what is in front of that place. */
export interface CutPlace {
  readonly position: number;
  readonly previousChecksum: number;
}

/** Where the frame with this first offset begins, behind the mark in front of it; null if the segment has none. */
export function* placeOf(view: SegmentView, offsetFrom: Offset, bytes: Bytes): Task<CutPlace | null> {
  const isFirst = offsetFrom === view.header.baseOffset;
  const reader = new FrameReader(view, isFirst ? segmentHeaderBytes : view.index.positionFor(offsetFrom - 1), readWindowBytes, bytes);
  for (;;) {
    const frame = yield* reader.next(headerOnly);
    if (frame === null || frame.offsetFrom > offsetFrom) return null;
    if (frame.offsetFrom === offsetFrom)
      return { position: reader.position - frame.bytes.length, previousChecksum: frame.previousChecksum };
  }
}

function headerOnly(): boolean {
  return false;
}
