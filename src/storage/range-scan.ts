/**
 * Searching a range of a log in its segment files, without the log: another thread does it while the log goes on.
 *
 * It needs nothing but names, because what is committed never changes where it stands: files grow behind it, are cut behind it, and are removed as a whole. A
 * file that is gone, or that is another one by its header, is a gap; so is what is damaged or cannot be read. The search goes on behind a gap, at the next frame
 * that the segment's index knows.
 */
import { ok, type Result } from '../base/result.ts';
import { type Task, wait } from '../base/task.ts';
import type { Bytes, Disk, DiskError, DiskFile } from '../host/index.ts';
import { batchOf, type Frame, isControl, producerId } from '../record/index.ts';
import { makeRecordSearch, type RecordQuery, type RecordSearch, type SearchHost } from '../query/index.ts';
import type { Corruption, LogRange, OpenFailure, SegmentPart } from './contract.ts';
import { areFilterable, type FilterBlock, type GramFilter, GramFilterBuilder } from './gram-filter.ts';
import { type Block, readBlock, Window } from './scan.ts';
import { indexSuffix, logSuffix, markBytes, readSegmentHeader, segmentHeaderBytes, type SegmentHeader } from './segment-format.ts';
import { readSegmentIndex, type SparseIndex } from './segment-index.ts';
import { closeFile, guard, openFile, readAt, readWhole } from './steps.ts';

/** A search of a range as it is sent to whoever makes it. */
export interface RangeScan {
  readonly range: LogRange;
  readonly query: RecordQuery;
  /** Revoked batches, which readers skip: producer id and the offset below which its batches are hidden, in pairs. */
  readonly hidden: readonly (readonly [producerId: number, offsetTo: number])[];
}

export interface MissingRange {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly reason: 'removed' | 'damaged' | 'unreadable' | 'stopped' | 'context';
  readonly detail: string | null;
  /** Where, if it is damaged. */
  readonly corruption: Corruption | null;
}

export interface RangeScanned {
  /** How far it came: `offsetTo` of the range, or behind the last record that counted. */
  readonly offsetTo: number;
  readonly missing: readonly MissingRange[];
  readonly selected: number;
  readonly engine: string;
  readonly asked: number;
  readonly bytesRead: number;
  readonly filtered: Filtered;
}

/** What filters of blocks were good for. */
interface Filtered {
  readonly bytesSkipped: number;
  readonly blocksSkipped: number;
  /** Looked at, because they may hold what is looked for. */
  readonly blocksRead: number;
  /** Of the filters themselves. */
  readonly indexBytes: number;
}

/** Keeps filters of sealed segments, for as long as it likes. */
export interface FilterStore {
  get(part: SegmentPart, done: (filter: GramFilter | null) => void): void;
  put(part: SegmentPart, filter: GramFilter): void;
}

export interface FoundChunk {
  readonly bytes: Uint8Array;
  readonly lines: number;
  /** With this chunk all is given that was found below this offset. */
  readonly offsetTo: number;
}

/** What a search is given while it runs. @internal */
export interface ScanControl {
  readonly cancelled: boolean;
  /** It has worked for so long that others should get their turn. */
  readonly isDue: boolean;
  /** Takes what was found; `next` is called when more may come. */
  give(chunk: FoundChunk, next: () => void): void;
  /** Called after every stretch of work: others get their turn before `next`. */
  pause(next: () => void): void;
}

/** Makes searches, in a place of its own or between the turns of the broker. */
export interface SegmentScanner {
  /** `done` comes once, with an error where the query is none that can be made. Cancelled, it ends soon and says how far it came. */
  scan(scan: RangeScan, give: ScanControl['give'], done: (result: Result<RangeScanned, string>) => void): { cancel(): void };
}

/** Lines that are given away together. */
const chunkBytesMin = 64 * 1024;
/** Read at once of what is searched whole: more and more as long as nothing is found, since whoever waits for its taker keeps it in memory. */
const windowBytesMin = 256 * 1024;
const windowBytesMax = 1024 * 1024;

export interface RangeScanHost {
  readonly disk: Pick<Disk, 'open'>;
  readonly search: SearchHost;
  /** Null: every block is read. */
  readonly filters: FilterStore | null;
  /** Takes bytes that were read and are looked at no longer: the disk may read into them again. Left out where each read has memory of its own. */
  readonly recycle?: (bytes: Uint8Array) => void;
}

export function* scanRange(host: RangeScanHost, scan: RangeScan, control: ScanControl): Task<Result<RangeScanned, string>> {
  const search = makeRecordSearch(scan.query, host.search);
  if (!search.ok) return search;
  return ok(yield* new RangeWalk(host, scan, search.value, control).run());
}

class RangeWalk {
  readonly #host: RangeScanHost;
  readonly #filters: FilterStore | null;
  readonly #bytes: Bytes;
  readonly #scan: RangeScan;
  readonly #search: RecordSearch;
  readonly #control: ScanControl;
  readonly #hidden: ReadonlyMap<number, number>;
  readonly #letGo: ((bytes: Uint8Array) => void) | null;
  readonly #missing: MissingRange[] = [];
  /** All below is searched, or missing. */
  #reached: number;
  #bytesRead = 0;
  readonly #filtered = { bytesSkipped: 0, blocksSkipped: 0, blocksRead: 0, indexBytes: 0 };
  /** The window in which `#nextHit` was looked for, and where in it a needed text is next. */
  #hitsOf: Uint8Array | null = null;
  #nextHit = 0;

  constructor(host: RangeScanHost, scan: RangeScan, search: RecordSearch, control: ScanControl) {
    this.#host = host;
    this.#filters = scan.query.index ? host.filters : null;
    this.#bytes = host.search.bytes;
    this.#scan = scan;
    this.#search = search;
    this.#control = control;
    this.#hidden = new Map(scan.hidden);
    const { recycle } = host;
    // Records that wait, or may be context of what comes, are still where they were read.
    this.#letGo = recycle === undefined ? null : (bytes) => search.holdsNothing && recycle(bytes);
    this.#reached = scan.range.offsetFrom;
  }

  *run(): Task<RangeScanned> {
    const { range } = this.#scan;
    for (const part of range.parts) {
      if (this.#isOver) break;
      // What no file holds any more.
      if (part.offsetFrom > this.#reached) this.#miss(part.offsetFrom, 'removed', null);
      yield* this.#searchPart(part);
    }
    for (const batch of range.rest) {
      if (this.#isOver) break;
      if (batch.offsetTo <= this.#reached) continue;
      if (batch.offsetFrom > this.#reached) this.#miss(batch.offsetFrom, 'removed', null);
      const offsetTo = Math.min(batch.offsetTo, range.offsetTo);
      if (this.#isShown(batchOf(batch.bytes), batch.offsetFrom)) this.#take(batchOf(batch.bytes), batch.offsetFrom, offsetTo);
      else this.#reached = offsetTo;
      yield* this.#breathe();
    }
    if (!this.#isOver && this.#reached < range.offsetTo) this.#miss(range.offsetTo, 'removed', null);
    return yield* this.#end();
  }

  *#end(): Task<RangeScanned> {
    const search = this.#search;
    if (!this.#control.cancelled) yield* search.settle();
    if (search.outputBytes > 0) yield* this.#give();
    const { failure, selected, engine, asked } = search;
    let offsetTo = this.#reached;
    if (failure !== null) this.#missTo(search.offsetReached, 'stopped', failure);
    else if (this.#control.cancelled) this.#missTo(this.#through, 'stopped', null);
    else if (search.isDone) offsetTo = Math.max(this.#scan.range.offsetFrom, search.offsetReached);
    else offsetTo = this.#scan.range.offsetTo;
    if (failure !== null || this.#control.cancelled) offsetTo = this.#scan.range.offsetTo;
    if (search.contextsCut > 0) this.#missing.push(this.#cutContext(offsetTo));
    const missing = this.#missing.filter((gap) => gap.offsetFrom < offsetTo);
    return { offsetTo, missing, selected, engine, asked, bytesRead: this.#bytesRead, filtered: this.#filtered };
  }

  #cutContext(offsetTo: number): MissingRange {
    const detail = `${this.#search.contextsCut} records have less context in front of them than there is: it is too long to be held`;
    return { offsetFrom: this.#scan.range.offsetFrom, offsetTo, reason: 'context', detail, corruption: null };
  }

  /** Of what is below nothing waits to be written. */
  get #through(): number {
    return this.#search.isSettled
      ? this.#reached
      : Math.max(this.#scan.range.offsetFrom, Math.min(this.#reached, this.#search.offsetReached));
  }

  get #isOver(): boolean {
    return this.#control.cancelled || this.#search.isDone;
  }

  // ------------------------------------------------------------------------------------------------------------------- parts

  *#searchPart(part: SegmentPart): Task<void> {
    const opened: Result<DiskFile, OpenFailure> = yield* guard(openFile(this.#host.disk as Disk, part.path, 'read'));
    if (!opened.ok) return this.#missPart(part, opened.error);
    const file = opened.value;
    const searched: Result<void, OpenFailure> = yield* guard(this.#searchFile(part, file));
    yield* closeFile(file);
    if (!searched.ok) this.#missPart(part, searched.error);
  }

  *#searchFile(part: SegmentPart, file: DiskFile): Task<void> {
    const header = readSegmentHeader(yield* readAt(file, 0, segmentHeaderBytes), this.#bytes);
    if (typeof header === 'string' || !isSame(header, part.header)) {
      this.#miss(part.offsetTo, 'removed', null);
      return;
    }
    let index: SparseIndex | null = null;
    let position = part.position === 0 ? segmentHeaderBytes : part.position;
    if (part.position === 0 && part.offsetFrom > part.header.baseOffset) {
      index = yield* this.#loadIndex(part);
      position = index?.positionFor(part.offsetFrom) ?? segmentHeaderBytes;
    }
    const filter = yield* this.#filterOf(part);
    const window = new Window(file, part.endPosition, { readAhead: windowBytesMin, readAheadMax: windowBytesMax, letGo: this.#letGo });
    const skipper = filter === null ? null : this.#skipperOf(filter, window);
    // Who reads all of it anyway makes one for the next.
    let builder = filter === null && part.isWhole && this.#filters !== null ? new GramFilterBuilder() : null;
    const readBefore = this.#bytesRead;
    while (!this.#isOver && this.#reached < part.offsetTo && position < part.endPosition) {
      const skipped = skipper?.(position) ?? null;
      if (skipped !== null) {
        position = skipped.endPosition;
        this.#reached = Math.min(Math.max(this.#reached, skipped.offsetTo), part.offsetTo);
        this.#search.gap();
        continue;
      }
      const read: Result<Block, OpenFailure> = yield* guard(readBlock(window, part.header, position, this.#isWanted, this.#bytes));
      this.#bytesRead = readBefore + window.bytesRead;
      const damage = this.#damageOf(read);
      if (damage === null) {
        const block = (read as { readonly value: Block }).value;
        if (block.kind !== 'frame') {
          position += markBytes;
          continue;
        }
        builder?.add(block.frame, position);
        position += block.frame.bytes.length;
        this.#takeFrame(block.frame, part, window);
        const isEnough = this.#search.outputBytes >= chunkBytesMin || this.#search.mustSettle;
        if (isEnough || position >= window.end || this.#control.isDue) yield* this.#breathe(window);
        continue;
      }
      builder = null;
      index ??= yield* this.#loadIndex(part);
      const next = index?.entryBehind(position) ?? null;
      const offsetTo = next === null ? part.offsetTo : Math.min(part.offsetTo, Math.max(next.offset, this.#reached));
      const corruption = damage.isUnreadable ? null : { path: part.path, position, expected: damage.expected, found: damage.found };
      const detail = damage.isUnreadable
        ? damage.found
        : `expected ${damage.expected} at ${position} of ${part.path}, found ${damage.found}`;
      this.#miss(offsetTo, damage.isUnreadable ? 'unreadable' : 'damaged', detail, corruption);
      if (next === null) return;
      position = next.position;
    }
    window.forget();
    if (builder !== null && this.#reached === part.offsetTo) this.#filters?.put(part, builder.finish());
  }

  *#filterOf(part: SegmentPart): Task<GramFilter | null> {
    const filters = this.#filters;
    if (filters === null || part.position !== 0) return null;
    const filter = yield* wait<GramFilter | null>((next) => filters.get(part, next));
    this.#filtered.indexBytes += filter?.sizeBytes ?? 0;
    return filter;
  }

  /** Gives the block that begins at a position, or behind marks there, where it can be left out; null where it is to be read, which the window does at once. */
  #skipperOf(filter: GramFilter, window: Window): ((position: number) => FilterBlock | null) | null {
    const search = this.#search;
    const wanted = search.filterTexts;
    if (wanted === null || !areFilterable(wanted)) return null;
    const { blocks } = filter;
    const isRead = filter.blocksToRead(wanted, search.linesBefore);
    // Where it matters who is whose neighbour, a block must have a record that readers see.
    const mayPassAny = !search.hasContext;
    let at = 0;
    let read = -1;
    return (position) => {
      while (at < blocks.length && (blocks[at] as FilterBlock).endPosition <= position) at++;
      const block = blocks[at];
      // Begun, it is read to its end.
      if (block === undefined || block.position < position || at === read) return null;
      const hasNeighbours = mayPassAny || (block.records > 0 && this.#hidden.size === 0);
      if (!search.owesNothing || !hasNeighbours || isRead[at] === 1) {
        read = at;
        this.#filtered.blocksRead++;
        window.readAhead = block.endPosition - position;
        return null;
      }
      this.#filtered.blocksSkipped++;
      this.#filtered.bytesSkipped += block.endPosition - block.position;
      return block;
    };
  }

  /** Frames in front of what is wanted are passed by their headers. */
  readonly #isWanted = (frame: Frame): boolean => frame.offsetTo > this.#reached;

  #damageOf(
    read: Result<Block, OpenFailure>,
  ): { readonly expected: string; readonly found: string; readonly isUnreadable: boolean } | null {
    if (!read.ok) {
      if (read.error.kind === 'corrupt') return { ...read.error.corruption, isUnreadable: false };
      return { expected: '', found: read.error.error.reason, isUnreadable: true };
    }
    const block = read.value;
    if (block.kind === 'damaged') return { expected: block.expected, found: block.found, isUnreadable: false };
    if (block.kind === 'end') return { expected: 'a frame or a mark', found: 'zeros', isUnreadable: false };
    if (block.kind === 'frame' && block.frame.offsetFrom > this.#reached)
      return { expected: `offset ${this.#reached}`, found: `${block.frame.offsetFrom}`, isUnreadable: false };
    return null;
  }

  /** Null where there is none that is this segment's: then there is nothing to go on at. */
  *#loadIndex({ path, header }: SegmentPart): Task<SparseIndex | null> {
    const indexPath = path.slice(0, -logSuffix.length) + indexSuffix;
    const stored: Result<Uint8Array | null, OpenFailure> = yield* guard(readWhole(this.#host.disk as Disk, indexPath));
    if (!stored.ok || stored.value === null) return null;
    const read = readSegmentIndex(stored.value, header.group, this.#bytes);
    return read !== null && read.facts.baseOffset === header.baseOffset && read.facts.previousChecksum === header.previousChecksum
      ? read.index
      : null;
  }

  #takeFrame(frame: Frame, part: SegmentPart, window: Window): void {
    if (frame.offsetTo <= this.#reached) return;
    const offsetTo = Math.min(frame.offsetTo, part.offsetTo);
    const batch = batchOf(frame.bytes);
    if (!this.#isShown(batch, frame.offsetFrom)) this.#reached = offsetTo;
    else if (this.#search.mayPass && !this.#hasNeeded(window, batch)) {
      this.#search.gap();
      this.#reached = offsetTo;
    } else this.#take(batch, frame.offsetFrom, offsetTo);
  }

  /** Whether any needed text is in the batch, which is a part of the window: what is looked for is looked for once in the whole window. */
  #hasNeeded(window: Window, batch: Uint8Array): boolean {
    const needed = this.#search.neededTexts;
    if (needed === null) return true;
    const from = batch.byteOffset - window.bytes.byteOffset;
    if (this.#hitsOf !== window.bytes || this.#nextHit < from) {
      this.#hitsOf = window.bytes;
      this.#nextHit = Number.POSITIVE_INFINITY;
      for (const text of needed) {
        const at = this.#bytes.indexOf(window.bytes, text, from);
        if (at >= 0 && at < this.#nextHit) this.#nextHit = at;
      }
    }
    return this.#nextHit < from + batch.length;
  }

  #take(batch: Uint8Array, offsetFrom: number, offsetTo: number): void {
    const from = Math.max(offsetFrom, this.#reached);
    this.#reached = offsetTo;
    this.#search.take(batch, from, offsetTo);
  }

  /** Readers skip what brokers tell one another, and what was revoked: it is not there, so that those beside it are neighbours. */
  #isShown(batch: Uint8Array, offsetFrom: number): boolean {
    return !isControl(batch) && (this.#hidden.size === 0 || offsetFrom >= (this.#hidden.get(producerId(batch)) ?? 0));
  }

  // -------------------------------------------------------------------------------------------------------------------- gaps

  #missPart(part: SegmentPart, failure: OpenFailure): void {
    if (failure.kind === 'corrupt') this.#miss(part.offsetTo, 'damaged', failure.corruption.found, failure.corruption);
    else this.#miss(part.offsetTo, reasonOf(failure.error), failure.error.code === 'notFound' ? null : failure.error.reason);
  }

  #miss(offsetTo: number, reason: MissingRange['reason'], detail: string | null, corruption: Corruption | null = null): void {
    if (offsetTo <= this.#reached) return;
    this.#missing.push({ offsetFrom: this.#reached, offsetTo, reason, detail, corruption });
    this.#reached = offsetTo;
    this.#search.gap();
  }

  /** All from there to the end. */
  #missTo(from: number, reason: MissingRange['reason'], detail: string | null): void {
    const { offsetFrom, offsetTo } = this.#scan.range;
    const start = Math.max(offsetFrom, from);
    if (start < offsetTo) this.#missing.push({ offsetFrom: start, offsetTo, reason, detail, corruption: null });
  }

  // ------------------------------------------------------------------------------------------------------------------ giving

  *#breathe(window: Window | null = null): Task<void> {
    if (this.#search.mustSettle) yield* this.#search.settle();
    if (this.#search.outputBytes < chunkBytesMin) return yield* wait<void>((next) => this.#control.pause(next));
    // Nobody knows how long it is not taken.
    if (window !== null && window.bytes.length > windowBytesMin * 2) window.forget();
    if (window !== null) window.readAhead = Math.min(window.readAhead, windowBytesMin);
    yield* this.#give();
  }

  *#give(): Task<void> {
    yield* wait<void>((next) => this.#control.give({ ...this.#search.takeOutput(), offsetTo: this.#through }, next));
  }
}

const reasonOf = ({ code }: DiskError): 'removed' | 'unreadable' => (code === 'notFound' ? 'removed' : 'unreadable');

const isSame = (a: SegmentHeader, b: SegmentHeader): boolean =>
  a.group === b.group && a.baseOffset === b.baseOffset && a.salt === b.salt && a.previousChecksum === b.previousChecksum;
