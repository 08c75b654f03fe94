/**
 * One group's log on disk (format and recovery rule: `segment-format.ts`).
 *
 * What changes the log goes through one queue, so that a write, a mark and a removal never overlap: at most one write + sync is outstanding, which
 * is what marks rely on. Reads run beside it. A write that does not fit the active segment seals it and continues in the prepared next one; if
 * there is none because the disk is full, it waits and `full` says so. Index and checkpoint of a sealed segment are written in the background.
 *
 * Invariant: logStartOffset <= syncedOffset <= writtenOffset <= endOffset.
 */
import { assert, broken } from '../base/assert.ts';
import { firstTerm, type Offset, offset, type Term } from '../base/branded.ts';
import { failed, ok, type Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { DiskError } from '../host/index.ts';
import { type LogBatch, noteTerm, termBefore, type TermStart, truncateTerms } from '../raft/index.ts';
import { type Frame, readFrame } from '../record/index.ts';
import { encodeCheckpoint } from './checkpoint-file.ts';
import type {
  GroupLog,
  GroupLogOptions,
  LogRange,
  LogRead,
  LogWrite,
  OpenedLog,
  OpenFailure,
  ReadFailure,
  SealedPart,
  SegmentPart,
  StateCheckpoint,
} from './contract.ts';
import { describeFailure } from './describe-failure.ts';
import type { StorageHost } from './host.ts';
import { ActiveSegment, SealedSegment, type SegmentView } from './segment.ts';
import {
  encodeMark,
  encodeSegmentHeader,
  encodeSynced,
  indexSuffix,
  markBytes,
  type MarkKind,
  segmentHeaderBytes,
  type SegmentHeader,
  segmentName,
  syncedSlotAt,
  stateSuffix,
} from './segment-format.ts';
import { encodeSegmentIndex } from './segment-index.ts';
import { removeGroupLog } from './removal.ts';
import { SegmentPreparer } from './segment-preparer.ts';
import { type CutPlace, findSince, placeOf, readBatches, type SegmentRead } from './segment-reader.ts';
import { closeFile, guard, must, openFile, removeIfThere, replaceWhole, rethrow, syncDirectory, syncFile, writeAt } from './steps.ts';
import { nameSegment, openActive, recoverLog, type RecoveredLog } from './recovery.ts';
import { announceTruncation, carryOutTruncation, removeDerived } from './truncate.ts';

/** Bytes written with one sync at most: bounds what is ambiguous after a crash and how long one sync takes. */
const groupBytesMax = 4 * 1024 * 1024;
/** The next file is prepared once this part of the active one is used: idle groups cost one small file. */
const prepareAtPart = 1 / 4;
/** Room for the first batches of about sixty leaders, each with its marks. */
const electionBytesMax = 16 * 1024;
/** Sealed segments whose index stays in memory. */
const indexesInMemory = 4;
/** Newest state files that are kept; older ones only cost space. */
const statesKept = 2;

/** Opens or creates a log. A log that fails to open as `corrupt` is left as it was found. */
export function openGroupLog(host: StorageHost, options: GroupLogOptions, done: (result: Result<OpenedLog, OpenFailure>) => void): void {
  runTask(
    () => guard(recoverLog(host, options)),
    (result) => {
      if (!result.ok) {
        done(result);
        return;
      }
      const { checkpoint, cut, cleanStop } = result.value;
      done(ok({ log: new SegmentedLog(host, options, result.value), checkpoint, cut, cleanStop }));
    },
  );
}

type Outcome = Result<undefined, OpenFailure>;

class SegmentedLog implements GroupLog {
  readonly #host: StorageHost;
  readonly #options: GroupLogOptions;
  readonly #preparer: SegmentPreparer;
  /** Ascending and contiguous; the active segment continues the last. */
  #sealed: SealedSegment[];
  #active: ActiveSegment;
  #endOffset: Offset;
  #syncedOffset: Offset;
  #lastChecksum: number;
  readonly #termStarts: TermStart[] = [];
  /** Batches of the outstanding write that are not in a file yet: reads find them here. */
  #pending: readonly LogBatch[] = [];
  #writing = false;
  #closed = false;
  /** Final: after a failed write or sync nothing is tried again (design, D5), nor after a cut that could not be made. */
  #failure: OpenFailure | null = null;
  /** Removed from the log, but not from the disk yet; oldest first. */
  readonly #removed: SealedSegment[] = [];
  readonly #queue: (() => Task<void>)[] = [];
  #queueRunning = false;
  /** Background work on sealed segments; whoever removes files waits for it. */
  readonly #sealing: { readonly task: () => Task<void>; readonly done: ((result: Result<void, OpenFailure>) => void) | null }[] = [];
  #sealingRunning = false;
  #sealingIdle: (() => void) | null = null;
  /** Offsets that have a state file, ascending. */
  readonly #states: number[];
  #checkpointedTo: Offset;
  #readsRunning = 0;
  #readsEnded: (() => void) | null = null;
  /** Raised when bytes that a reader may be looking at were cut. */
  #generation = 0;
  /** Where a truncation that is under way cuts: what the files hold from there on is not the log any more. */
  #cutTo: Offset | null = null;
  #afterTruncation: (() => void)[] = [];

  constructor(host: StorageHost, options: GroupLogOptions, recovered: RecoveredLog) {
    this.#host = host;
    this.#options = options;
    this.#preparer = new SegmentPreparer(host, options.path, options.segmentBytesMin);
    this.#sealed = recovered.sealed;
    this.#active = recovered.active;
    this.#states = [...recovered.states];
    this.#checkpointedTo = offset(recovered.isStateFile ? (recovered.checkpoint?.offsetTo ?? 0) : 0);
    this.#endOffset = recovered.active.scan.endOffset;
    this.#syncedOffset = this.#endOffset;
    this.#lastChecksum = recovered.active.scan.lastChecksum;
    for (const segment of this.#sealed)
      for (const start of segment.facts.termStarts) noteTerm(this.#termStarts, start.term, start.offsetFrom);
    for (const start of this.#active.scan.termStarts) noteTerm(this.#termStarts, start.term, start.offsetFrom);
    this.#prepareNext();
  }

  get logStartOffset(): Offset {
    return offset((this.#sealed[0] ?? this.#active).header.baseOffset);
  }

  get endOffset(): Offset {
    return this.#endOffset;
  }

  get syncedOffset(): Offset {
    return this.#syncedOffset;
  }

  get termBeforeStart(): Term {
    return (this.#sealed[0] ?? this.#active).header.previousTerm;
  }

  get termStarts(): readonly TermStart[] {
    return this.#termStarts;
  }

  get checkpointedTo(): Offset {
    return this.#checkpointedTo;
  }

  get lastChecksum(): number {
    return this.#lastChecksum;
  }

  get sizeBytes(): number {
    let size = this.#active.scan.position;
    for (const segment of this.#sealed) size += segment.facts.endPosition;
    return size;
  }

  get sealedParts(): readonly SealedPart[] {
    return this.#sealed.map(({ facts: { baseOffset: offsetFrom, endOffset: offsetTo, endPosition: sizeBytes, lastStampMs } }) => ({
      offsetFrom,
      offsetTo,
      sizeBytes,
      lastStampMs,
    }));
  }

  get segmentCount(): number {
    return this.#sealed.length + 1;
  }

  get unreadableRanges(): number {
    let count = this.#active.unreadableRanges;
    for (const segment of this.#sealed) count += segment.unreadableRanges;
    return count;
  }

  get full(): boolean {
    return this.#preparer.full;
  }

  hasRoomFor(bytes: number): boolean {
    const { capacity, scan } = this.#active;
    const needed = bytes + markBytes * (2 + Math.ceil(bytes / groupBytesMax)) + this.#electionBytes;
    if (needed <= capacity - scan.position) return true;
    // What does not fit may leave the rest of the active segment unused. While a larger file is made more comes, and what was refused comes again with
    // it: with room for just this much the next question would find the file too small, for as long as more comes.
    const least = segmentHeaderBytes + needed;
    const next = this.#nextCapacity();
    return this.#preparer.offers(least <= next ? next : 2 * least, least);
  }

  /** Kept free of what a leader appends for others: where the disk is full, every leader to come must still begin its term with a batch. */
  get #electionBytes(): number {
    return Math.min(electionBytesMax, this.#options.segmentBytesMin / 4);
  }

  // ------------------------------------------------------------------------------------------------------------------ writing

  write(request: LogWrite, done: (result: Outcome) => void): void {
    assert(!this.#writing, 'at most one write is outstanding');
    assert(!this.#closed, 'a closed log is not written');
    this.#writing = true;
    const truncateTo = request.truncateTo !== null && request.truncateTo < this.#endOffset ? request.truncateTo : null;
    if (truncateTo !== null) {
      assert(truncateTo >= this.logStartOffset, 'a truncation stays within the log');
      this.#endOffset = truncateTo;
      truncateTerms(this.#termStarts, truncateTo);
      if (this.#syncedOffset > truncateTo) this.#syncedOffset = truncateTo;
      // From here on reads wait.
      this.#cutTo = truncateTo;
    }
    const frames = request.batches.map((batch) => this.#accept(batch));
    this.#pending = request.batches;
    const written = (result: Outcome): void => {
      this.#writing = false;
      this.#pending = [];
      done(result);
    };
    const isPlain = truncateTo === null && frames.length > 0 && this.#failure === null && !this.#queueRunning;
    if (isPlain && this.#countThatFits(frames, 0) === frames.length) this.#appendAtOnce(frames, written);
    else this.#enqueue(() => this.#truncateAndAppend(truncateTo, frames), written);
  }

  /** The usual write, a group that fits while nothing else is under way, without a task: it is the path of every append. */
  #appendAtOnce(frames: readonly Frame[], done: (result: Outcome) => void): void {
    this.#queueRunning = true;
    let inside = true;
    const finish = (written: Result<undefined, DiskError>): void => {
      const result: Outcome = written.ok ? written : failed({ kind: 'disk', error: written.error });
      if (!result.ok) this.#failure = result.error;
      if (inside) this.#host.clock.defer(() => done(result));
      else done(result);
      this.#queueRunning = false;
      this.#runQueue();
    };
    this.#appendGroup(frames, finish);
    inside = false;
  }

  /** Takes a batch into the positions that move at once. */
  #accept(batch: LogBatch): Frame {
    const read = readFrame(batch.bytes, 0, this.#host.bytes);
    assert(read.kind === 'ok' && read.frame.bytes.length === batch.bytes.length, 'a batch to write is one whole frame');
    const { frame } = read;
    assert(frame.group === this.#options.group, 'a batch is written to the log of its group');
    assert(
      frame.offsetFrom === batch.offsetFrom && frame.offsetTo === batch.offsetTo && frame.term === batch.term,
      'a batch is what its frame says',
    );
    assert(frame.offsetFrom === this.#endOffset, 'batches continue the log');
    this.#endOffset = frame.offsetTo;
    this.#lastChecksum = frame.checksum;
    noteTerm(this.#termStarts, frame.term, frame.offsetFrom);
    return frame;
  }

  *#truncateAndAppend(truncateTo: Offset | null, frames: readonly Frame[]): Task<void> {
    if (truncateTo !== null) {
      const truncated = yield* guard(this.#truncate(truncateTo));
      this.#cutTo = null;
      this.#generation++;
      for (const resume of this.#afterTruncation.splice(0)) resume();
      if (!truncated.ok) rethrow(truncated.error);
    }
    let next = 0;
    while (next < frames.length) {
      const count = this.#countThatFits(frames, next);
      if (count === 0) {
        yield* this.#roll((frames[next] as Frame).bytes.length);
        continue;
      }
      const group = frames.slice(next, next + count);
      yield* must<undefined>((done) => this.#appendGroup(group, done));
      next += count;
    }
    if (frames.length === 0) this.#lastChecksum = this.#active.scan.lastChecksum;
  }

  /** How many of the frames from `next` on go into the active segment as one group; room for a closing mark is kept. */
  #countThatFits(frames: readonly Frame[], next: number): number {
    const room = Math.min(groupBytesMax, this.#active.capacity - this.#active.scan.position - markBytes);
    let bytes = markBytes;
    let count = 0;
    for (let i = next; i < frames.length; i++) {
      bytes += (frames[i] as Frame).bytes.length;
      const largeAlone = count === 0 && bytes <= this.#active.capacity - this.#active.scan.position - markBytes;
      if (bytes > room && !largeAlone) break;
      count++;
    }
    return count;
  }

  #appendGroup(frames: readonly Frame[], done: (result: Result<undefined, DiskError>) => void): void {
    const { file, scan } = this.#active;
    const chunks = [this.#mark('group')];
    for (const frame of frames) chunks.push(frame.bytes);
    assert((frames[0] as Frame).previousChecksum === scan.lastChecksum, 'batches chain to the log');
    const synced = (result: Result<undefined, DiskError>): void => {
      if (result.ok) {
        this.#syncedOffset = scan.endOffset;
        this.#prepareNext();
      }
      done(result);
    };
    file.write(scan.position, chunks, (result) => {
      if (!result.ok) return done(result);
      scan.takeMark(false);
      for (const frame of frames) {
        const misfit = scan.take(frame);
        if (misfit !== null) broken(`a written frame continues the log: ${misfit.expected}, found ${misfit.found}`);
      }
      this.#pending = this.#pending.slice(frames.length);
      file.sync(synced);
    });
  }

  #mark(kind: MarkKind): Uint8Array {
    const { scan, header } = this.#active;
    return encodeMark(
      header,
      { kind, syncedBefore: scan.position, nextOffset: scan.endOffset, lastChecksum: scan.lastChecksum },
      this.#host.bytes,
    );
  }

  #prepareNext(): void {
    const { scan, capacity } = this.#active;
    if (scan.position >= capacity * prepareAtPart) this.#preparer.start(this.#nextCapacity());
  }

  #nextCapacity(): number {
    const { segmentBytesMin, segmentBytesMax } = this.#options;
    return Math.min(segmentBytesMax, Math.max(segmentBytesMin, this.#active.capacity * 2));
  }

  /** Seals the active segment, all of it synced, and goes on in a new one that has room for a frame of this length. */
  *#roll(frameBytes: number): Task<void> {
    const old = this.#active;
    const capacityMin = segmentHeaderBytes + markBytes * 2 + frameBytes;
    const prepared = yield* this.#preparer.take(capacityMin, this.#nextCapacity());
    const { endOffset, lastChecksum, lastTerm } = old.scan;
    const header: SegmentHeader = {
      group: this.#options.group,
      baseOffset: endOffset,
      previousChecksum: lastChecksum,
      previousTerm: lastTerm,
      salt: this.#host.random.next(),
    };
    yield* writeAt(prepared.file, 0, [encodeSegmentHeader(header, this.#host.bytes)]);
    yield* syncFile(prepared.file);
    yield* closeFile(prepared.file);
    // An empty active segment (too small for its first frame) is replaced by this one: both have the same name.
    this.#active = yield* nameSegment(this.#host, this.#options.path, header);
    this.#preparer.named();
    if (old.isEmpty) old.retire();
    else this.#seal(old);
  }

  #seal(old: ActiveSegment): void {
    const facts = old.scan.facts();
    const { header, scan } = old;
    const sealed = new SealedSegment(this.#host, this.#options.path, header, facts, scan.index);
    this.#sealed.push(sealed);
    this.#sealed[this.#sealed.length - 1 - indexesInMemory]?.dropIndex();
    const { disk, bytes } = this.#host;
    const indexPath = `${this.#options.path}/${segmentName(header.baseOffset, indexSuffix)}`;
    this.#enqueueSealing(function* () {
      // The unused zeros at its end; nothing relies on this.
      yield* must<undefined>((done) => old.file.truncate(facts.endPosition, done));
      old.retire();
      yield* replaceWhole(disk, indexPath, encodeSegmentIndex(header.group, facts, scan.index, bytes));
    });
    const state = this.#options.checkpoint(facts.endOffset, facts.lastChecksum, false);
    if (state !== null) this.#enqueueSealing(() => this.#storeState(state));
  }

  #neededState(): StateCheckpoint | null {
    const { baseOffset, previousChecksum } = this.#active.header;
    return this.#options.checkpoint(offset(baseOffset), previousChecksum, true);
  }

  *#storeState(state: StateCheckpoint): Task<void> {
    const { offsetTo } = state;
    if (offsetTo <= this.#checkpointedTo) return;
    const { disk, bytes } = this.#host;
    const pathOf = (at: number): string => `${this.#options.path}/${segmentName(at, stateSuffix)}`;
    yield* replaceWhole(disk, pathOf(offsetTo), encodeCheckpoint(this.#options.group, state, bytes));
    this.#checkpointedTo = offsetTo;
    // A damaged one may have its name already.
    if (!this.#states.includes(offsetTo)) this.#states.push(offsetTo);
    for (const at of this.#states.splice(0, Math.max(0, this.#states.length - statesKept))) yield* removeIfThere(disk, pathOf(at));
  }

  // --------------------------------------------------------------------------------------------------------------- truncating

  *#truncate(truncateTo: Offset): Task<void> {
    yield* this.#waitForSealing();
    const kept = this.#sealed.findLastIndex((segment) => segment.header.baseOffset <= truncateTo);
    const inActive = this.#active.header.baseOffset <= truncateTo;
    const view = inActive ? this.#active.view() : yield* (this.#sealed[kept] as SealedSegment).view();
    const place = yield* placeOf(view, truncateTo, this.#host.bytes);
    view.release();
    assert(place !== null, 'a truncation falls between two batches of its segment');
    const { header, path, endPosition } = view;
    const file = inActive ? this.#active.file : yield* openFile(this.#host.disk, path, 'write');
    yield* announceTruncation(this.#host, header, file, place.position);
    // Behind a sealed segment's last frame there may be marks, which its facts do not count.
    yield* carryOutTruncation(this.#host, this.#options.path, header, file, place.position, inActive ? endPosition : file.size);

    if (inActive) this.#cutActive(truncateTo, place);
    else {
      yield* closeFile(file);
      yield* this.#reactivate(kept, header);
    }
    assert(
      this.#active.scan.endOffset === truncateTo && this.#active.scan.lastChecksum === place.previousChecksum,
      'a cut log ends where it was cut',
    );
  }

  #cutActive(truncateTo: Offset, place: CutPlace): void {
    const { scan } = this.#active;
    scan.index.truncate(truncateTo);
    truncateTerms(scan.termStarts, truncateTo);
    scan.position = place.position;
    scan.endOffset = truncateTo;
    scan.lastChecksum = place.previousChecksum;
    scan.lastTerm = this.#termBefore(truncateTo);
    // What is left is synced, and the next group begins with a mark.
    scan.lastBlock = 'frame';
    scan.lastMarkPosition = Math.min(scan.lastMarkPosition, place.position);
  }

  /** A sealed segment becomes the active one again; read as a whole, which happens only when a truncation crosses segments. */
  *#reactivate(kept: number, header: SegmentHeader): Task<void> {
    this.#active.retire();
    const opened = yield* openActive(this.#host, this.#options, header.baseOffset);
    this.#sealed = this.#sealed.slice(0, kept);
    this.#active = opened.segment;
    this.#active.scan.lastTerm = this.#termBefore(this.#active.scan.endOffset);
  }

  #termBefore(offsetTo: number): Term {
    const known = termBefore(this.#termStarts, offsetTo);
    return known === firstTerm ? this.termBeforeStart : known;
  }

  // ------------------------------------------------------------------------------------------------------------------ reading

  read(request: LogRead, done: (result: Result<readonly LogBatch[], ReadFailure>) => void): void {
    this.#runRead(() => this.#readBatches(request), done);
  }

  offsetSince(timeMs: number, done: (result: Result<Offset, ReadFailure>) => void): void {
    this.#runRead(() => this.#findSince(timeMs), done);
  }

  locate(offsetFrom: Offset, offsetTo: Offset): LogRange {
    const parts: SegmentPart[] = [];
    // What replaces a tail may be committed before that is cut from the files.
    const inFilesTo = Math.min(offsetTo, this.#cutTo ?? this.#active.scan.endOffset);
    for (const segment of [...this.#sealed, this.#active]) {
      const isSealed = segment instanceof SealedSegment;
      const { endOffset, endPosition } = isSealed
        ? segment.facts
        : { endOffset: segment.scan.endOffset, endPosition: segment.scan.position };
      const { header, path } = segment;
      if (endOffset <= offsetFrom || header.baseOffset >= inFilesTo) continue;
      const from = Math.max(offsetFrom, header.baseOffset);
      const position = isSealed ? 0 : segment.scan.index.positionFor(from);
      // Of what is committed nothing is ever cut, so what is derived from all of it stays right.
      const isWhole = isSealed && from === header.baseOffset && endOffset <= inFilesTo;
      parts.push({ path, header, offsetFrom: from, offsetTo: Math.min(inFilesTo, endOffset), position, isWhole, endPosition });
    }
    const rest = this.#pending.filter((batch) => batch.offsetTo > Math.max(inFilesTo, offsetFrom) && batch.offsetFrom < offsetTo);
    return { offsetFrom, offsetTo, parts, rest };
  }

  /** Runs a read again when what it looked at was cut meanwhile; what then still is wrong is wrong. */
  #runRead<Value>(read: () => Task<Result<Value, ReadFailure>>, done: (result: Result<Value, ReadFailure>) => void): void {
    const body = function* (this: SegmentedLog): Task<Result<Value, ReadFailure>> {
      for (;;) {
        if (this.#cutTo !== null) yield* wait<void>((resume) => this.#afterTruncation.push(() => resume()));
        const generation = this.#generation;
        const result: Result<Result<Value, ReadFailure>, OpenFailure> = yield* guard(read());
        const outcome = result.ok ? result.value : failed(asReadFailure(result.error));
        if (outcome.ok || (generation === this.#generation && this.#cutTo === null)) return outcome;
      }
    }.bind(this);
    if (this.#closed) {
      this.#host.clock.defer(() => done(failed({ kind: 'closed' })));
      return;
    }
    this.#readsRunning++;
    this.#runBeside(body, (result) => {
      this.#readsRunning--;
      done(result);
      if (this.#readsRunning === 0) this.#readsEnded?.();
    });
  }

  *#readBatches(request: LogRead): Task<Result<readonly LogBatch[], ReadFailure>> {
    if (request.offsetFrom < this.logStartOffset) return failed({ kind: 'belowLogStart' });
    const offsetTo = Math.min(request.offsetTo, this.#endOffset);
    const found: LogBatch[] = [];
    let bytesLeft = request.bytesMax;
    let offsetFrom: number = request.offsetFrom;
    // Whatever is written goes on being in its file, so a batch is found in one place or the other.
    const pending = this.#pending;
    while (offsetFrom < offsetTo && offsetFrom < this.#active.scan.endOffset) {
      const read: Result<SegmentRead, OpenFailure> = yield* guard(this.#readSegment(offsetFrom, offsetTo, bytesLeft, found));
      // What is in front of a bad sector can be read.
      if (!read.ok) return found.length > 0 && read.error.kind === 'unreadable' ? ok(found) : failed(asReadFailure(read.error));
      bytesLeft = read.value.bytesLeft;
      offsetFrom = read.value.offsetTo;
      if (read.value.enough) return ok(found);
    }
    for (const batch of pending) {
      if (batch.offsetTo <= offsetFrom || batch.offsetTo > offsetTo) continue;
      if (found.length > 0 && batch.bytes.length > bytesLeft) break;
      found.push(batch);
      bytesLeft -= batch.bytes.length;
    }
    return ok(found);
  }

  *#readSegment(offsetFrom: number, offsetTo: number, bytesLeft: number, into: LogBatch[]): Task<SegmentRead> {
    const view = yield* this.#viewOf(offsetFrom);
    const read: Result<SegmentRead, OpenFailure> = yield* guard(readBatches(view, offsetFrom, offsetTo, bytesLeft, into, this.#host.bytes));
    view.release();
    return read.ok ? read.value : rethrow(read.error);
  }

  *#viewOf(offsetFrom: number): Task<SegmentView> {
    if (this.#active.header.baseOffset <= offsetFrom) return this.#active.view();
    const segment = this.#sealed.findLast((candidate) => candidate.header.baseOffset <= offsetFrom);
    assert(segment !== undefined, 'an offset from the log start on is in a segment');
    return yield* segment.view();
  }

  *#findSince(timeMs: number): Task<Result<Offset, ReadFailure>> {
    const bases = [...this.#sealed, this.#active];
    for (const segment of bases) {
      const lastStampMs = segment instanceof SealedSegment ? segment.facts.lastStampMs : segment.scan.lastStampMs;
      if (lastStampMs < timeMs) continue;
      const view = segment instanceof SealedSegment ? yield* segment.view() : segment.view();
      const found: Result<Offset | null, OpenFailure> = yield* guard(findSince(view, timeMs, this.#host.bytes));
      view.release();
      if (!found.ok) return failed(asReadFailure(found.error));
      if (found.value !== null) return ok(found.value);
    }
    return ok(this.#pendingSince(timeMs));
  }

  #pendingSince(timeMs: number): Offset {
    for (const batch of this.#pending) {
      const read = readFrame(batch.bytes, 0, this.#host.bytes);
      if (read.kind === 'ok' && read.frame.stampMs >= timeMs) return batch.offsetFrom;
    }
    return this.#endOffset;
  }

  // ----------------------------------------------------------------------------------------------------------- keeping the house

  storeCheckpoint(done: (result: Outcome) => void): void {
    const body = function* (this: SegmentedLog): Task<Outcome> {
      const state = this.#closed ? null : this.#neededState();
      if (state === null) return ok(undefined);
      const stored: Result<void, OpenFailure> = yield* wait((next) => this.#enqueueSealing(() => this.#storeState(state), next));
      return stored.ok ? ok(undefined) : stored;
    }.bind(this);
    this.#runBeside(body, done);
  }

  deleteBefore(before: Offset, done: (result: Outcome) => void): void {
    this.#enqueue(() => this.#deleteBefore(before), done, false);
  }

  *#deleteBefore(before: Offset): Task<void> {
    yield* this.#waitForSealing();
    const next = this.#sealed[0]?.facts.endOffset ?? Number.POSITIVE_INFINITY;
    if (next <= before && next > this.#checkpointedTo) {
      const state = this.#neededState();
      const stored = state === null ? null : yield* guard(this.#storeState(state));
      if (stored?.ok === false) this.#host.logger.log('warn', 'checkpointNotWritten', { path: this.#options.path });
    }
    for (;;) {
      const removed = this.#removed[0];
      if (removed !== undefined) {
        yield* removeIfThere(this.#host.disk, removed.path);
        yield* removeDerived(this.#host, this.#options.path, removed.header.baseOffset);
        // Each removal durable before the next: a log has no gap, whatever a crash keeps.
        yield* syncDirectory(this.#host.disk, this.#options.path);
        this.#removed.shift();
      }
      const oldest = this.#sealed[0];
      // The log keeps at least one frame: the term of the last one is needed for votes.
      if (
        oldest === undefined ||
        oldest.facts.endOffset > Math.min(before, this.#checkpointedTo) ||
        (this.#sealed.length === 1 && this.#active.isEmpty)
      )
        return;
      this.#sealed = this.#sealed.slice(1);
      this.#removed.push(oldest);
      this.#generation++;
      const start = this.logStartOffset;
      while (this.#termStarts.length > 1 && (this.#termStarts[1] as TermStart).offsetFrom <= start) this.#termStarts.shift();
      const first = this.#termStarts[0];
      if (first !== undefined && first.offsetFrom < start) this.#termStarts[0] = { term: first.term, offsetFrom: start };
    }
  }

  mark(done: (result: Outcome) => void): void {
    if (this.#writing || this.#closed) {
      this.#host.clock.defer(() => done(ok(undefined)));
      return;
    }
    this.#enqueue(() => this.#writeMark('idle'), done);
  }

  *#writeMark(kind: MarkKind): Task<void> {
    const { file, scan, capacity, header } = this.#active;
    const nothingNew = kind === 'idle' ? scan.lastBlock !== 'frame' : scan.lastBlock === 'closeMark';
    if (nothingNew || scan.position + markBytes > capacity) return;
    // Once more where no page that the log grows into is: it says that everything below it was synced, also where its own page is lost.
    yield* writeAt(file, syncedSlotAt, [encodeSynced(header, scan.position, this.#host.bytes)]);
    yield* writeAt(file, scan.position, [this.#mark(kind)]);
    scan.takeMark(kind === 'close');
    yield* syncFile(file);
  }

  close(done: () => void): void {
    this.#end(
      () => this.#writeMark('close'),
      (result) => {
        if (!result.ok) this.#host.logger.log('warn', 'logNotClosed', { path: this.#options.path, reason: describeFailure(result.error) });
        done();
      },
    );
  }

  remove(done: (result: Outcome) => void): void {
    // Whether or not what was queued came to its end: whoever asked for that has heard of it.
    this.#end(null, () => removeGroupLog(this.#host.disk, this.#options.path, done));
  }

  /** After what is queued and what is done in the background, and a last task; then when nobody reads any more, the file is closed. */
  #end(last: (() => Task<void>) | null, done: (result: Outcome) => void): void {
    assert(!this.#closed, 'a log is closed once');
    this.#closed = true;
    this.#preparer.stop();
    const ending = function* (this: SegmentedLog): Task<void> {
      yield* this.#waitForSealing();
      yield* this.#preparer.stopped();
      if (last !== null) yield* last();
    }.bind(this);
    this.#enqueue(ending, (result) => {
      const finish = (): void => {
        this.#active.retire();
        done(result);
      };
      if (this.#readsRunning === 0) finish();
      else this.#readsEnded = finish;
    });
  }

  // ------------------------------------------------------------------------------------------------------------------- queues

  #enqueue(task: () => Task<void>, done: (result: Outcome) => void, isFinal = true): void {
    const body = function* (this: SegmentedLog): Task<Outcome> {
      if (this.#failure !== null) return failed(this.#failure);
      const result = yield* guard(task());
      if (result.ok) return ok(undefined);
      if (isFinal) this.#failure = result.error;
      return result;
    }.bind(this);
    let inside = true;
    this.#queue.push(
      function* (this: SegmentedLog) {
        const outcome = yield* body();
        if (inside) this.#host.clock.defer(() => done(outcome));
        else done(outcome);
      }.bind(this),
    );
    this.#runQueue();
    inside = false;
  }

  #runQueue(): void {
    if (this.#queueRunning) return;
    const task = this.#queue.shift();
    if (task === undefined) return;
    this.#queueRunning = true;
    runTask(task, () => {
      this.#queueRunning = false;
      this.#runQueue();
    });
  }

  #enqueueSealing(task: () => Task<void>, done: ((result: Result<void, OpenFailure>) => void) | null = null): void {
    this.#sealing.push({ task, done });
    this.#runSealing();
  }

  #runSealing(): void {
    if (this.#sealingRunning) return;
    const next = this.#sealing.shift();
    if (next === undefined) {
      const idle = this.#sealingIdle;
      this.#sealingIdle = null;
      idle?.();
      return;
    }
    this.#sealingRunning = true;
    runTask(
      () => guard(next.task()),
      (result) => {
        this.#sealingRunning = false;
        if (!result.ok) {
          // An index can be made again, and without a checkpoint the log keeps what it would cover.
          const reason = describeFailure(result.error);
          this.#host.logger.log('warn', 'segmentSummaryNotWritten', { path: this.#options.path, reason });
        }
        next.done?.(result);
        this.#runSealing();
      },
    );
  }

  *#waitForSealing(): Task<void> {
    if (!this.#sealingRunning && this.#sealing.length === 0) return;
    yield* wait<void>((resume) => {
      this.#sealingIdle = () => resume();
    });
  }

  /** Runs a task beside the queue; calls back after the present call has returned, as every host does. */
  #runBeside<Value>(body: () => Task<Value>, done: (value: Value) => void): void {
    let inside = true;
    runTask(body, (value) => {
      if (inside) this.#host.clock.defer(() => done(value));
      else done(value);
    });
    inside = false;
  }
}

/** Reading changes nothing, so nothing can fail that would have to be written. */
function asReadFailure(failure: OpenFailure): ReadFailure {
  if (failure.kind === 'disk') broken(`a read writes nothing: ${failure.error.operation} of ${failure.error.path}`);
  return failure;
}
