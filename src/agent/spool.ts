import { assert } from '../base/assert.ts';
import { bytesEqual, concatBytes, noBytes } from '../base/bytes.ts';
import type { Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { Bytes, Disk, DiskFile, DiskLock } from '../host/index.ts';
import type { OpenFailure } from '../storage/index.ts';
import {
  closeFile,
  closingOnFailure,
  CorruptionFound,
  createFile,
  guard,
  must,
  openFile,
  readAt,
  readWhole,
  removeIfThere,
  replaceWhole,
  rethrow,
  syncDirectory,
  syncFile,
  writeAt,
} from '../storage/steps.ts';
import { openProgress, type ProgressFile } from './progress.ts';
import {
  decodeFrame,
  decodeNotes,
  decodeSession,
  encodeFrame,
  encodeNotes,
  encodeSession,
  firstOfName,
  frameBytesMax,
  frameLinesBytesMax,
  frameMagic,
  frameNotesBytesMax,
  type Note,
  segmentName,
  type SpoolFrame,
  type SpoolHome,
  type SpoolSession,
  sessionPath,
  takeNotes,
} from './spool-format.ts';

interface Segment {
  readonly path: string;
  /** Open while the segment exists: its size grows through this handle, and only this handle sees it grow. */
  readonly file: DiskFile;
  readonly first: number;
  /** One above its last event. */
  end: number;
  size: number;
}

export interface SpoolHost {
  readonly disk: Disk;
  readonly bytes: Bytes;
}

/** Where the reading of frames stands. */
export interface SpoolCursor {
  readonly segment: number;
  readonly position: number;
}

export interface SpoolLines {
  /** Number of the first line. */
  readonly first: number;
  readonly count: number;
  readonly lines: Uint8Array;
}

/** What was found and mended when a spool was opened. */
export interface SpoolRepairs {
  /** Bytes at the end that are no whole frame: what was being written when an agent or its machine was stopped, and was never counted. */
  readonly cutBytes: number;
  /** Segments without a single frame, of an agent that was stopped while it made them, or damaged. */
  readonly emptySegments: number;
  /** Events that were left out: they stand before a gap, and an older agent did not note whether they were stored. */
  readonly leftOut: number;
}

const segmentBytesMin = 64 * 1024;
const segmentBytesMax = 64 * 1024 * 1024;
const readBytes = 2 * frameBytesMax;

/**
 * Events on disk until they are acknowledged: appended at the end, synced, read in order, forgotten from the front, a whole segment at a time. The format
 * and the rule of recovery stand in `spool-format.ts`. What is acknowledged is not kept: the topic knows.
 */
export class Spool {
  readonly #host: SpoolHost;
  readonly #lock: DiskLock;
  readonly #segments: Segment[];
  #session: SpoolSession;
  readonly #notes: Map<string, string>;
  readonly progress: ProgressFile;
  readonly repairs: SpoolRepairs;
  #isWriting = false;
  /** Readings under way: until they are over, handles of what was forgotten stay open. */
  #readings = 0;
  #toClose: DiskFile[] = [];
  readonly #segmentBytes: number;

  constructor(
    host: SpoolHost,
    opened: {
      readonly lock: DiskLock;
      readonly segments: Segment[];
      readonly session: SpoolSession;
      readonly notes: Map<string, string>;
      readonly progress: ProgressFile;
      readonly repairs: SpoolRepairs;
    },
    bytesMax: number,
  ) {
    this.#host = host;
    this.#lock = opened.lock;
    this.#segments = opened.segments;
    this.#session = opened.session;
    this.#notes = opened.notes;
    this.progress = opened.progress;
    this.repairs = opened.repairs;
    this.#segmentBytes = Math.min(Math.max(Math.floor(bytesMax / 32), segmentBytesMin), segmentBytesMax);
  }

  get session(): SpoolSession {
    return this.#session;
  }

  /** Number of the first event that is still here. */
  get first(): number {
    return (this.#segments[0] as Segment).first;
  }

  /** One above the last event that is synced. */
  get end(): number {
    return (this.#segments.at(-1) as Segment).end;
  }

  /** Of all segments on the disk. */
  get sizeBytes(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0);
  }

  /** The last note of each key: where the input of the events stands. */
  get notes(): ReadonlyMap<string, string> {
    return this.#notes;
  }

  /**
   * Writes and syncs lines and notes together; at most one at a time. Notes take `frameNotesBytesMax` at most, as JSON. After `noSpace` nothing of it is in
   * the spool, and it can be tried again.
   */
  append(lines: Uint8Array, count: number, notes: readonly Note[], done: (result: Result<undefined, OpenFailure>) => void): void {
    assert(!this.#isWriting, 'one append to a spool at a time');
    assert(lines.length <= frameLinesBytesMax, 'lines fit a frame');
    this.#isWriting = true;
    runTask(
      () => guard(this.#append(lines, count, notes)),
      (result) => {
        this.#isWriting = false;
        done(result);
      },
    );
  }

  *#append(lines: Uint8Array, count: number, notes: readonly Note[]): Task<undefined> {
    let segment = this.#segments.at(-1) as Segment;
    if (segment.size >= this.#segmentBytes) segment = yield* this.#roll(segment.end);
    const { bytes } = this.#host;
    const frame = encodeFrame(segment.end, count, encodeNotes(notes, bytes), lines, bytes);
    const from = segment.size;
    const written = yield* guard(writeAt(segment.file, from, frame));
    if (!written.ok) {
      // What was written before the disk was full must not look like a torn frame behind which another one follows.
      yield* must<undefined>((truncated) => segment.file.truncate(from, truncated));
      return rethrow(written.error);
    }
    yield* syncFile(segment.file);
    segment.size = from + frame.reduce((sum, part) => sum + part.length, 0);
    segment.end += count;
    takeNotes(this.#notes, notes);
    return undefined;
  }

  *#roll(first: number): Task<Segment> {
    const segment = yield* makeSegment(this.#host, first, this.#notes);
    this.#segments.push(segment);
    return segment;
  }

  /** Where the event with that number is to be read; it is here, or the next to come. */
  seek(index: number, done: (result: Result<SpoolCursor, OpenFailure>) => void): void {
    assert(index >= this.first && index <= this.end, 'the spool holds the event, or it is the next');
    this.#whileReading(this.#seek(index), done);
  }

  *#seek(index: number): Task<SpoolCursor> {
    const segment = this.#segments.findLast(({ first }) => first <= index) as Segment;
    for (let position = 0; position < segment.size; ) {
      const chunk = yield* this.#read(segment, position);
      for (let at = 0; ; ) {
        const frame = decodeFrame(chunk, at, this.#host.bytes);
        if (frame === null) {
          if (at === 0) throw damaged(segment.path, position);
          position += at;
          break;
        }
        if (frame.first + frame.count > index) return { segment: segment.first, position: position + at };
        at += frame.bytes;
      }
    }
    return { segment: segment.first, position: segment.size };
  }

  /** Synced lines from there on, about half a megabyte at most; none at the end. */
  read(
    cursor: SpoolCursor,
    done: (result: Result<{ readonly found: readonly SpoolLines[]; readonly next: SpoolCursor }, OpenFailure>) => void,
  ): void {
    this.#whileReading(this.#readLines(cursor), done);
  }

  *#readLines(cursor: SpoolCursor): Task<{ readonly found: readonly SpoolLines[]; readonly next: SpoolCursor }> {
    const index = this.#segments.findIndex(({ first }) => first === cursor.segment);
    // Read to its end, and forgotten since.
    if (index === -1) return yield* this.#readLines({ segment: this.first, position: 0 });
    const segment = this.#segments[index] as Segment;
    if (cursor.position >= segment.size) {
      const following = this.#segments[index + 1];
      if (following === undefined) return { found: [], next: cursor };
      return yield* this.#readLines({ segment: following.first, position: 0 });
    }
    const chunk = yield* this.#read(segment, cursor.position);
    const found: SpoolLines[] = [];
    let at = 0;
    for (let frame = decodeFrame(chunk, at, this.#host.bytes); frame !== null; frame = decodeFrame(chunk, at, this.#host.bytes)) {
      if (frame.count > 0) found.push({ first: frame.first, count: frame.count, lines: frame.lines });
      at += frame.bytes;
    }
    if (at === 0) throw damaged(segment.path, cursor.position);
    return { found, next: { segment: segment.first, position: cursor.position + at } };
  }

  /** Bytes of a segment from there on, none beyond what is synced. */
  *#read({ file, size }: Segment, position: number): Task<Uint8Array> {
    return yield* readAt(file, position, Math.min(readBytes, size - position));
  }

  #whileReading<Value>(task: Task<Value>, done: (result: Result<Value, OpenFailure>) => void): void {
    this.#readings++;
    runTask(
      () => guard(task),
      (result) => {
        this.#readings--;
        this.#closeForgotten();
        done(result);
      },
    );
  }

  #closeForgotten(): void {
    if (this.#readings > 0) return;
    for (const file of this.#toClose.splice(0)) file.close(() => undefined);
  }

  /**
   * Removes what lies wholly below that number, which is stored: that is noted before. The removal is not synced: what comes back after a crash is known to be
   * stored.
   */
  forget(index: number, done: (result: Result<undefined, OpenFailure>) => void): void {
    if (this.#segments.length < 2 || (this.#segments[0] as Segment).end > index) return done({ ok: true, value: undefined });
    const { current } = this.progress;
    this.progress.save({ ...current, acknowledged: Math.max(current.acknowledged, index) }, (saved) => {
      if (saved.ok) this.#remove(index, done);
      else done(saved);
    });
  }

  #remove(index: number, done: (result: Result<undefined, OpenFailure>) => void): void {
    const gone: Segment[] = [];
    while (this.#segments.length > 1 && (this.#segments[0] as Segment).end <= index) gone.push(this.#segments.shift() as Segment);
    const { disk } = this.#host;
    runTask(
      () =>
        guard(
          (function* (): Task<undefined> {
            for (const { path } of gone) yield* removeIfThere(disk, path);
            return undefined;
          })(),
        ),
      (result) => {
        this.#toClose.push(...gone.map(({ file }) => file));
        this.#closeForgotten();
        done(result);
      },
    );
  }

  /** Begins another session with the event of that number. */
  startSession(session: string, base: number, done: (result: Result<undefined, OpenFailure>) => void): void {
    const next = { ...this.#session, session, base };
    const { disk, bytes } = this.#host;
    runTask(
      () => guard(replaceWhole(disk, sessionPath, encodeSession(next, bytes))),
      (result) => {
        if (result.ok) this.#session = next;
        done(result.ok ? { ok: true, value: undefined } : result);
      },
    );
  }

  close(done: () => void): void {
    const files = [...this.#segments.map(({ file }) => file), ...this.#toClose.splice(0)];
    const next = (): void => {
      const file = files.pop();
      if (file === undefined) this.progress.close(() => this.#lock.release(done));
      else file.close(next);
    };
    next();
  }
}

export interface OpenSpoolOptions {
  readonly name: Uint8Array;
  /** For a spool that has none yet. */
  readonly newSession: string;
  /** Begins a new session whatever the spool says of an old one. */
  readonly isSessionForced?: boolean;
  readonly bytesMax: number;
  /** What names this machine, in hexadecimal; empty where nothing does. */
  readonly machine: string;
}

export type SpoolFailure =
  | OpenFailure
  | { readonly kind: 'name'; readonly name: Uint8Array }
  /** It is a copy of another machine's, or of another folder's: both would send under one session. */
  | { readonly kind: 'copied' };

/** Opens the spool in the root of the disk, or begins it. */
export function openSpool(host: SpoolHost, options: OpenSpoolOptions, done: (result: Result<Spool, SpoolFailure>) => void): void {
  runTask(
    () => guard(open(host, options)),
    (result) => {
      if (!result.ok) done(result);
      else if (result.value instanceof Spool) done({ ok: true, value: result.value });
      else done({ ok: false, error: result.value });
    },
  );
}

type Refusal = Exclude<SpoolFailure, OpenFailure>;

function* open(host: SpoolHost, options: OpenSpoolOptions): Task<Spool | Refusal> {
  const lock = yield* must<DiskLock>((locked) => host.disk.lock('lock', locked));
  const opened = yield* guard(openLocked(host, options, lock));
  if (opened.ok && opened.value instanceof Spool) return opened.value;
  yield* wait<undefined>((released) => lock.release(() => released(undefined)));
  return opened.ok ? opened.value : rethrow(opened.error);
}

function* openLocked(host: SpoolHost, options: OpenSpoolOptions, lock: DiskLock): Task<Spool | Refusal> {
  const { disk, bytes } = host;
  const stored = yield* readWhole(disk, sessionPath);
  const before = stored === null ? null : decodeSession(stored, bytes);
  if (stored !== null && before === null)
    throw new CorruptionFound({ path: sessionPath, position: 0, expected: 'a session with its checksum', found: 'other bytes' });
  if (before !== null && !bytesEqual(before.name, options.name)) return { kind: 'name', name: before.name };

  const notes = new Map<string, string>();
  const found = yield* scanAll(host, notes);
  const { segments } = found;
  // A spool of before noted nothing of how far it was: all that it has may have been sent, and what is not there any more is stored.
  const known = Math.max(segments[0]?.first ?? 0, before?.base ?? 0);
  const opening = yield* guard(openProgress(host, { acknowledged: known, sentTo: before === null ? 0 : null }));
  if (!opening.ok) {
    for (const { file } of segments) yield* closeFile(file);
    return rethrow(opening.error);
  }
  const progress = opening.value;
  const abandon = function* (): Task<void> {
    for (const { file } of segments) yield* closeFile(file);
    yield* wait<undefined>((closed) => progress.close(() => closed(undefined)));
  };
  const finished = yield* guard(finish(host, options, { before, found, notes, progress }));
  if (!finished.ok || 'kind' in finished.value) {
    yield* abandon();
    return finished.ok ? (finished.value as Refusal) : rethrow(finished.error);
  }
  return new Spool(host, { lock, notes, progress, ...finished.value }, options.bytesMax);
}

interface Finished {
  readonly segments: Segment[];
  readonly session: SpoolSession;
  readonly repairs: SpoolRepairs;
}

function* finish(
  host: SpoolHost,
  options: OpenSpoolOptions,
  opened: {
    readonly before: SpoolSession | null;
    readonly found: Found;
    readonly notes: Map<string, string>;
    readonly progress: ProgressFile;
  },
): Task<Finished | Refusal> {
  const { disk, bytes } = host;
  const { before, found, notes, progress } = opened;
  const home: SpoolHome = { machine: options.machine, inode: progress.inode };
  const isForced = options.isSessionForced === true || before === null;
  if (!isForced && before.home !== null && !isSameHome(before.home, home)) return { kind: 'copied' };

  const { acknowledged } = progress.current;
  const segments = found.segments;
  let leftOut = 0;
  // Forgetting is not synced: a power loss may bring back a segment whose successors stay gone. What it holds was stored.
  const gap = segments.findLastIndex((segment, index) => index > 0 && (segments[index - 1] as Segment).end !== segment.first);
  if (gap > 0) {
    const { first, path } = segments[gap] as Segment;
    if (first > acknowledged && !isForced && before.home !== null) throw damagedBefore(path, (segments[gap - 1] as Segment).end, first);
    for (const segment of segments.splice(0, gap)) {
      leftOut += Math.max(0, segment.end - Math.max(segment.first, acknowledged));
      yield* closeFile(segment.file);
      yield* removeIfThere(disk, segment.path);
    }
  }
  const last = segments.at(-1);
  if (last === undefined) {
    segments.push(yield* makeSegment(host, Math.max(before?.base ?? 0, acknowledged), notes));
  } else {
    // Nor to sync the names of what it made.
    yield* syncDirectory(disk, '');
    // Of its beginning some may have been cut off, and what came before may be forgotten.
    if (last.end === last.first || found.cutBytes > 0) yield* repeatNotes(host, last, notes);
  }
  const first = (segments[0] as Segment).first;
  const session: SpoolSession = isForced
    ? { name: options.name, session: options.newSession, base: Math.max(first, acknowledged), home }
    : { ...(before as SpoolSession), home };
  const isSame = before !== null && bytesEqual(encodeSession(before, bytes), encodeSession(session, bytes));
  if (!isSame) yield* replaceWhole(disk, sessionPath, encodeSession(session, bytes));
  return { segments, session, repairs: { cutBytes: found.cutBytes, emptySegments: found.emptySegments, leftOut } };
}

/** A machine that has no name that lasts is no reason to refuse. */
const isSameHome = (before: SpoolHome, now: SpoolHome): boolean =>
  before.inode === now.inode && (before.machine === '' || now.machine === '' || before.machine === now.machine);

interface Found {
  readonly segments: Segment[];
  readonly cutBytes: number;
  readonly emptySegments: number;
}

/** Opens all segments; where one does not, those before it are closed again. */
function* scanAll(host: SpoolHost, notes: Map<string, string>): Task<Found> {
  const names = yield* must<readonly string[]>((listed) => host.disk.list('', listed));
  const firsts = names.flatMap((each) => firstOfName(each) ?? []);
  const segments: Segment[] = [];
  let cutBytes = 0;
  let emptySegments = 0;
  for (const [index, first] of firsts.entries()) {
    const scanned = yield* guard(scan(host, first, index === firsts.length - 1, notes));
    if (!scanned.ok) {
      for (const { file } of segments) yield* closeFile(file);
      return rethrow(scanned.error);
    }
    cutBytes += scanned.value.cutBytes;
    if (scanned.value.segment.size === 0) emptySegments++;
    segments.push(scanned.value.segment);
  }
  return { segments, cutBytes, emptySegments };
}

interface Scanned {
  readonly segment: Segment;
  readonly cutBytes: number;
}

/** Reads a segment from its first frame to its last, and its notes. In the last segment a torn frame is cut off. */
function* scan({ disk, bytes }: SpoolHost, first: number, isLast: boolean, notes: Map<string, string>): Task<Scanned> {
  const path = segmentName(first);
  const file = yield* openFile(disk, path, 'write');
  return yield* closingOnFailure(
    file,
    (function* (): Task<Scanned> {
      let end = first;
      let at = 0;
      let cutBytes = 0;
      while (at < file.size) {
        const chunk = yield* readAt(file, at, Math.min(readBytes, file.size - at));
        let read = 0;
        for (let frame = decodeFrame(chunk, 0, bytes); frame !== null && frame.first === end; frame = decodeFrame(chunk, read, bytes)) {
          end += frame.count;
          read += frame.bytes;
          takeNotes(notes, decodeNotes(frame.notes, bytes));
        }
        at += read;
        if (read > 0) continue;
        if (!isLast || (yield* isWholeFrameAfter(file, at, bytes))) throw damaged(path, at);
        cutBytes = file.size - at;
        yield* must<undefined>((truncated) => file.truncate(at, truncated));
        break;
      }
      // A killed agent may not have come to sync its last frame, and what is shown is sent.
      if (isLast) yield* syncFile(file);
      return { segment: { path, file, first, end, size: at }, cutBytes };
    })(),
  );
}

function* isWholeFrameAfter(file: DiskFile, from: number, bytes: Bytes): Task<boolean> {
  const rest = yield* readAt(file, from, file.size - from);
  for (let at = bytes.indexOf(rest, frameMagic, 1); at !== -1; at = bytes.indexOf(rest, frameMagic, at + 1)) {
    const frame: SpoolFrame | null = decodeFrame(rest, at, bytes);
    if (frame !== null) return true;
  }
  return false;
}

function* makeSegment(host: SpoolHost, first: number, notes: ReadonlyMap<string, string>): Task<Segment> {
  const { disk } = host;
  const path = segmentName(first);
  // Of an attempt that the disk had no room for.
  yield* removeIfThere(disk, path);
  const file = yield* createFile(disk, path);
  const segment: Segment = { path, file, first, end: first, size: 0 };
  const written = yield* guard(repeatNotes(host, segment, notes));
  if (!written.ok) {
    yield* closeFile(file);
    yield* removeIfThere(disk, path);
    return rethrow(written.error);
  }
  yield* syncDirectory(disk, '');
  return segment;
}

/** Adds frames without lines that hold all notes, one at least, and syncs them. */
function* repeatNotes({ bytes }: SpoolHost, segment: Segment, notes: ReadonlyMap<string, string>): Task<undefined> {
  for (const encoded of encodedInParts(notes, bytes)) {
    const frame = encodeFrame(segment.end, 0, encoded, noBytes, bytes);
    yield* writeAt(segment.file, segment.size, frame);
    segment.size += frame.reduce((sum, part) => sum + part.length, 0);
  }
  return yield* syncFile(segment.file);
}

function encodedInParts(notes: ReadonlyMap<string, string>, bytes: Bytes): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  let rows: Uint8Array[] = [];
  let length = 0;
  for (const note of notes) {
    const row = encodeNotes([note], bytes);
    if (length + row.length > frameNotesBytesMax) {
      parts.push(concatBytes(rows));
      rows = [];
      length = 0;
    }
    rows.push(row);
    length += row.length;
  }
  return [...parts, concatBytes(rows)];
}

const damaged = (path: string, position: number): CorruptionFound =>
  new CorruptionFound({ path, position, expected: 'a frame with its checksum', found: 'other bytes' });

const damagedBefore = (path: string, from: number, to: number): CorruptionFound =>
  new CorruptionFound({
    path,
    position: 0,
    expected: `event ${from} in a segment before it`,
    found: `that ${to - from} events are missing which are not known to be stored`,
  });
