/** The two kinds of segments: the active one is written, sealed ones only read and removed. */
import type { Task } from '../base/task.ts';
import type { Bytes, DiskFile } from '../host/index.ts';
import type { StorageHost } from './host.ts';
import { scanMarks, SegmentScan, scanOn } from './scan.ts';
import { indexSuffix, logSuffix, type SegmentHeader, segmentName } from './segment-format.ts';
import { encodeSegmentIndex, readSegmentIndex, type SegmentFacts, type SparseIndex } from './segment-index.ts';
import { CorruptionFound, guard, openFile, readWhole, replaceWhole, rethrow } from './steps.ts';

/** A segment as a reader sees it for the time of one read. */
export interface SegmentView {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly file: DiskFile;
  readonly index: SparseIndex;
  readonly endOffset: number;
  readonly endPosition: number;
  readonly release: () => void;
}

/** Invariant: synced position <= written position <= capacity; all of the file's blocks exist on the disk already. */
export class ActiveSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly file: DiskFile;
  /** Where the written part ends, and what is known of it. */
  readonly scan: SegmentScan;
  #readers = 0;
  #retired = false;

  constructor(directory: string, file: DiskFile, scan: SegmentScan) {
    this.header = scan.header;
    this.path = `${directory}/${segmentName(scan.header.baseOffset, logSuffix)}`;
    this.file = file;
    this.scan = scan;
  }

  get capacity(): number {
    return this.file.size;
  }

  get isEmpty(): boolean {
    return this.scan.endOffset === this.header.baseOffset;
  }

  view(): SegmentView {
    this.#readers++;
    const release = (): void => {
      this.#readers--;
      if (this.#readers === 0 && this.#retired) this.file.close(() => {});
    };
    const { index, endOffset, position } = this.scan;
    return { path: this.path, header: this.header, file: this.file, index, endOffset, endPosition: position, release };
  }

  /** Closes the file once the last reader is done; the segment is not used for anything else afterwards. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#readers === 0) this.file.close(() => {});
  }
}

export class SealedSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly facts: SegmentFacts;
  readonly #host: StorageHost;
  readonly #indexPath: string;
  #index: SparseIndex | null;

  constructor(host: StorageHost, directory: string, header: SegmentHeader, facts: SegmentFacts, index: SparseIndex | null) {
    this.#host = host;
    this.path = `${directory}/${segmentName(header.baseOffset, logSuffix)}`;
    this.#indexPath = `${directory}/${segmentName(header.baseOffset, indexSuffix)}`;
    this.header = header;
    this.facts = facts;
    this.#index = index;
  }

  /** The index stays in memory only for segments in use. */
  dropIndex(): void {
    this.#index = null;
  }

  *view(): Task<SegmentView> {
    const file = yield* openFile(this.#host.disk, this.path, 'read');
    this.#index ??= yield* loadIndex(
      this.#host,
      this.path,
      this.#indexPath,
      this.header,
      file,
      this.facts.endOffset,
      this.facts.lastChecksum,
    );
    const release = (): void => file.close(() => {});
    const { endOffset, endPosition } = this.facts;
    return { path: this.path, header: this.header, file, index: this.#index, endOffset, endPosition, release };
  }
}

/**
 * The stored index, or one made from the segment's bytes when it is missing, damaged or another segment's. That one is not stored: reads run beside
 * one another and beside the sealing of this very segment, and two writers of one file would break each other's.
 */
function* loadIndex(
  host: StorageHost,
  path: string,
  indexPath: string,
  header: SegmentHeader,
  file: DiskFile,
  endOffset: number,
  lastChecksum: number,
): Task<SparseIndex> {
  const stored = yield* readWhole(host.disk, indexPath);
  const read = stored === null ? null : readSegmentIndex(stored, header.group, host.bytes);
  if (read !== null && read.facts.endOffset === endOffset && read.facts.lastChecksum === lastChecksum) return read.index;
  return (yield* scanSealed(path, header, file, endOffset, host.bytes)).index;
}

/**
 * Reads a whole sealed segment and stores its index again, unless the disk is full: then the next open reads it once more. Only while the log opens, when
 * nothing else runs.
 */
export function* rebuildSealed(
  host: StorageHost,
  path: string,
  indexPath: string,
  header: SegmentHeader,
  file: DiskFile,
  endOffset: number,
): Task<ScannedSegment> {
  const scanned = yield* scanSealed(path, header, file, endOffset, host.bytes);
  const stored = yield* guard(
    replaceWhole(host.disk, indexPath, encodeSegmentIndex(header.group, scanned.facts, scanned.index, host.bytes)),
  );
  if (!stored.ok && (stored.error.kind !== 'disk' || stored.error.error.code !== 'noSpace')) rethrow(stored.error);
  return scanned;
}

/** Reads a whole sealed segment and verifies it. Anything that does not reach `endOffset` is corruption. */
function* scanSealed(path: string, header: SegmentHeader, file: DiskFile, endOffset: number, bytes: Bytes): Task<ScannedSegment> {
  const scan = new SegmentScan(header);
  let end = yield* scanOn(scan, file, endOffset, bytes);
  // A mark behind the last frame belongs to the segment too: it was synced before the next one began.
  if (end.kind === 'end' && scan.endOffset === endOffset) end = yield* scanMarks(scan, file, bytes);
  if (end.kind === 'damaged') throw new CorruptionFound({ path, position: scan.position, expected: end.expected, found: end.found });
  if (scan.endOffset !== endOffset) {
    throw new CorruptionFound({
      path,
      position: scan.position,
      expected: `frames up to offset ${endOffset}`,
      found: `the end at ${scan.endOffset}`,
    });
  }
  return { facts: scan.facts(), index: scan.index };
}

interface ScannedSegment {
  readonly facts: SegmentFacts;
  readonly index: SparseIndex;
}
