/** The two kinds of segments: the active one is written, sealed ones only read and removed. */
import type { Result } from '../base/result.ts';
import type { Task } from '../base/task.ts';
import type { Bytes, DiskFile } from '../host/index.ts';
import type { OpenFailure } from './contract.ts';
import type { StorageHost } from './host.ts';
import { scanMarks, SegmentScan, scanOn } from './scan.ts';
import { indexSuffix, logSuffix, type SegmentHeader, segmentName } from './segment-format.ts';
import { encodeSegmentIndex, readSegmentIndex, type SegmentFacts, type SparseIndex } from './segment-index.ts';
import { closingOnFailure, CorruptionFound, guard, openFile, readWhole, replaceWhole, rethrow, Unreadable } from './steps.ts';
import { UnreadableRanges } from './unreadable-ranges.ts';

/** A segment as a reader sees it for the time of one read. */
export interface SegmentView {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly file: DiskFile;
  readonly index: SparseIndex;
  readonly endOffset: number;
  readonly endPosition: number;
  readonly unreadable: UnreadableRanges;
  readonly release: () => void;
}

/** Invariant: synced position <= written position <= capacity; all of the file's blocks exist on the disk already. */
export class ActiveSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly file: DiskFile;
  /** Where the written part ends, and what is known of it. */
  readonly scan: SegmentScan;
  readonly #unreadable: UnreadableRanges;
  #readers = 0;
  #retired = false;

  constructor(host: StorageHost, directory: string, file: DiskFile, scan: SegmentScan) {
    this.#unreadable = new UnreadableRanges(host);
    this.header = scan.header;
    this.path = `${directory}/${segmentName(scan.header.baseOffset, logSuffix)}`;
    this.file = file;
    this.scan = scan;
  }

  get capacity(): number {
    return this.file.size;
  }

  get unreadableRanges(): number {
    return this.#unreadable.count;
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
    const { path, header, file } = this;
    return { path, header, file, index, endOffset, endPosition: position, unreadable: this.#unreadable, release };
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
  readonly #unreadable: UnreadableRanges;
  #index: SparseIndex | null;

  constructor(host: StorageHost, directory: string, header: SegmentHeader, facts: SegmentFacts, index: SparseIndex | null) {
    this.#host = host;
    this.path = `${directory}/${segmentName(header.baseOffset, logSuffix)}`;
    this.#indexPath = `${directory}/${segmentName(header.baseOffset, indexSuffix)}`;
    this.header = header;
    this.facts = facts;
    this.#unreadable = new UnreadableRanges(host);
    this.#index = index;
  }

  get unreadableRanges(): number {
    return this.#unreadable.count;
  }

  /** The index stays in memory only for segments in use. */
  dropIndex(): void {
    this.#index = null;
  }

  *view(): Task<SegmentView> {
    const refused = this.#unreadable.wholeFile;
    if (refused !== null) throw new Unreadable(refused);
    const viewed: Result<{ readonly file: DiskFile; readonly index: SparseIndex }, OpenFailure> = yield* guard(this.#open());
    if (!viewed.ok) {
      if (viewed.error.kind === 'unreadable') this.#unreadable.noteWholeFile(viewed.error.error);
      return rethrow(viewed.error);
    }
    const { file, index } = viewed.value;
    const release = (): void => file.close(() => {});
    const { endOffset, endPosition } = this.facts;
    return { path: this.path, header: this.header, file, index, endOffset, endPosition, unreadable: this.#unreadable, release };
  }

  *#open(): Task<{ readonly file: DiskFile; readonly index: SparseIndex }> {
    const file = yield* openFile(this.#host.disk, this.path, 'read');
    const index: SparseIndex = this.#index ?? (yield* closingOnFailure(file, this.#loadIndex(file)));
    this.#index = index;
    return { file, index };
  }

  /**
   * The stored index, or one made from the segment's bytes when it is missing, unreadable, damaged or another segment's. That one is not stored: reads run
   * beside one another and beside the sealing of this very segment, and two writers of one file would break each other's.
   */
  *#loadIndex(file: DiskFile): Task<SparseIndex> {
    const { endOffset, lastChecksum } = this.facts;
    const stored = yield* readDerived(this.#host, this.#indexPath);
    const read = stored === null ? null : readSegmentIndex(stored, this.header.group, this.#host.bytes);
    if (read !== null && read.facts.endOffset === endOffset && read.facts.lastChecksum === lastChecksum) return read.index;
    return (yield* scanSealed(this.path, this.header, file, endOffset, this.#host.bytes, this.#unreadable)).index;
  }
}

/** All bytes of a file that can be made again, or null where there is none or the disk refuses to read it. */
export function* readDerived(host: StorageHost, path: string): Task<Uint8Array | null> {
  const read: Result<Uint8Array | null, OpenFailure> = yield* guard(readWhole(host.disk, path));
  if (read.ok) return read.value;
  if (read.error.kind !== 'unreadable') return rethrow(read.error);
  const { operation, reason } = read.error.error;
  host.logger.log('warn', 'derivedFileUnreadable', { path, operation, reason });
  return null;
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
  const scanned = yield* scanSealed(path, header, file, endOffset, host.bytes, null);
  const stored = yield* guard(
    replaceWhole(host.disk, indexPath, encodeSegmentIndex(header.group, scanned.facts, scanned.index, host.bytes)),
  );
  if (!stored.ok && (stored.error.kind !== 'disk' || stored.error.error.code !== 'noSpace')) rethrow(stored.error);
  return scanned;
}

/** Reads a whole sealed segment and verifies it. Anything that does not reach `endOffset` is corruption. */
function* scanSealed(
  path: string,
  header: SegmentHeader,
  file: DiskFile,
  endOffset: number,
  bytes: Bytes,
  unreadable: UnreadableRanges | null,
): Task<ScannedSegment> {
  const scan = new SegmentScan(header);
  let end = yield* scanOn(scan, file, endOffset, bytes, unreadable);
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
