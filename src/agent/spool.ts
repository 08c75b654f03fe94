import { assert } from '../base/assert.ts';
import { noBytes } from '../base/bytes.ts';
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
import {
  decodeFrame,
  decodeSession,
  encodeFrame,
  encodeSession,
  firstOfName,
  frameBytesMax,
  frameLinesBytesMax,
  frameMagic,
  segmentName,
  type SpoolFrame,
  type SpoolSession,
  sessionPath,
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
  #position: Uint8Array;
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
      readonly position: Uint8Array;
    },
    bytesMax: number,
  ) {
    this.#host = host;
    this.#lock = opened.lock;
    this.#segments = opened.segments;
    this.#session = opened.session;
    this.#position = opened.position;
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

  /** Where the input of the last event ended; empty if that was never told. */
  get position(): Uint8Array {
    return this.#position;
  }

  /** Writes and syncs; at most one at a time. After `noSpace` nothing of it is in the spool, and it can be tried again. */
  append(lines: Uint8Array, count: number, position: Uint8Array, done: (result: Result<undefined, OpenFailure>) => void): void {
    assert(!this.#isWriting, 'one append to a spool at a time');
    assert(lines.length <= frameLinesBytesMax, 'lines fit a frame');
    this.#isWriting = true;
    runTask(
      () => guard(this.#append(lines, count, position)),
      (result) => {
        this.#isWriting = false;
        done(result);
      },
    );
  }

  *#append(lines: Uint8Array, count: number, position: Uint8Array): Task<undefined> {
    let segment = this.#segments.at(-1) as Segment;
    if (segment.size >= this.#segmentBytes) segment = yield* this.#roll(segment.end);
    const frame = encodeFrame(segment.end, count, position, lines, this.#host.bytes);
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
    this.#position = position;
    return undefined;
  }

  *#roll(first: number): Task<Segment> {
    const segment = yield* makeSegment(this.#host, first, this.#position);
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

  /** Removes what lies wholly below that number. Not synced: what comes back after a crash is known to the topic. */
  forget(index: number, done: (result: Result<undefined, OpenFailure>) => void): void {
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
      if (file === undefined) this.#lock.release(done);
      else file.close(next);
    };
    next();
  }
}

export interface OpenSpoolOptions {
  readonly name: Uint8Array;
  /** For a spool that has none yet. */
  readonly newSession: string;
  readonly bytesMax: number;
}

export type SpoolFailure = OpenFailure | { readonly kind: 'name'; readonly name: Uint8Array };

/** Opens the spool in the root of the disk, or begins it. */
export function openSpool(host: SpoolHost, options: OpenSpoolOptions, done: (result: Result<Spool, SpoolFailure>) => void): void {
  runTask(
    () => guard(open(host, options)),
    (result) => {
      if (!result.ok) done(result);
      else if (result.value instanceof Spool) done({ ok: true, value: result.value });
      else done({ ok: false, error: { kind: 'name', name: result.value.otherName } });
    },
  );
}

function* open(host: SpoolHost, { name, newSession, bytesMax }: OpenSpoolOptions): Task<Spool | { readonly otherName: Uint8Array }> {
  const { disk, bytes } = host;
  const lock = yield* must<DiskLock>((locked) => disk.lock('lock', locked));
  const stored = yield* readWhole(disk, sessionPath);
  let session: SpoolSession;
  if (stored === null) {
    session = { name, session: newSession, base: 0 };
    yield* replaceWhole(disk, sessionPath, encodeSession(session, bytes));
  } else {
    const decoded = decodeSession(stored, bytes);
    if (decoded === null)
      throw new CorruptionFound({ path: sessionPath, position: 0, expected: 'a session with its checksum', found: 'other bytes' });
    session = decoded;
  }
  const isSameName = session.name.length === name.length && session.name.every((byte, index) => byte === name[index]);
  if (!isSameName) {
    yield* wait<undefined>((released) => lock.release(() => released(undefined)));
    return { otherName: session.name };
  }
  const names = yield* must<readonly string[]>((listed) => disk.list('', listed));
  const segments: Segment[] = [];
  let position: Uint8Array = noBytes;
  const firsts = names.flatMap((each) => firstOfName(each) ?? []);
  for (const [index, first] of firsts.entries()) {
    const scanned: Scanned = yield* scan(host, first, index === firsts.length - 1);
    const before = segments.at(-1);
    if (before !== undefined && before.end !== first) {
      // Forgetting is not synced: a power loss may bring back a segment whose successors stay gone. Were it a loss, the topic would know of fewer
      // events than the rest begins with, and refuse the session.
      for (const { path, file } of segments.splice(0)) {
        yield* closeFile(file);
        yield* removeIfThere(disk, path);
      }
    }
    segments.push(scanned.segment);
    position = scanned.position ?? position;
  }
  if (segments.length === 0) segments.push(yield* makeSegment(host, session.base, position));
  // Nor to sync the names of what it made.
  else yield* syncDirectory(disk, '');
  return new Spool(host, { lock, segments, session, position }, bytesMax);
}

interface Scanned {
  readonly segment: Segment;
  readonly position: Uint8Array | null;
}

/** Reads a segment from its first frame to its last. In the last segment a torn frame is cut off. */
function* scan({ disk, bytes }: SpoolHost, first: number, isLast: boolean): Task<Scanned> {
  const path = segmentName(first);
  const file = yield* openFile(disk, path, 'write');
  return yield* closingOnFailure(
    file,
    (function* (): Task<Scanned> {
      let end = first;
      let at = 0;
      let position: Uint8Array | null = null;
      while (at < file.size) {
        const chunk = yield* readAt(file, at, Math.min(readBytes, file.size - at));
        let read = 0;
        for (let frame = decodeFrame(chunk, 0, bytes); frame !== null && frame.first === end; frame = decodeFrame(chunk, read, bytes)) {
          end += frame.count;
          read += frame.bytes;
          // A copy: the chunk is large.
          if (frame.position.length > 0) position = frame.position.slice();
        }
        at += read;
        if (read > 0) continue;
        if (!isLast || (yield* isWholeFrameAfter(file, at, bytes))) throw damaged(path, at);
        yield* must<undefined>((truncated) => file.truncate(at, truncated));
        break;
      }
      // A killed agent may not have come to sync its last frame, and what is shown is sent.
      if (isLast) yield* syncFile(file);
      return { segment: { path, file, first, end, size: at }, position };
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

function* makeSegment({ disk, bytes }: SpoolHost, first: number, position: Uint8Array): Task<Segment> {
  const path = segmentName(first);
  // Of an attempt that the disk had no room for.
  yield* removeIfThere(disk, path);
  const file = yield* createFile(disk, path);
  const frame = encodeFrame(first, 0, position, noBytes, bytes);
  const written = yield* guard(writeAt(file, 0, frame));
  if (!written.ok) {
    yield* closeFile(file);
    yield* removeIfThere(disk, path);
    return rethrow(written.error);
  }
  yield* syncFile(file);
  yield* syncDirectory(disk, '');
  const size = frame.reduce((sum, part) => sum + part.length, 0);
  return { path, file, first, end: first, size };
}

const damaged = (path: string, position: number): CorruptionFound =>
  new CorruptionFound({ path, position, expected: 'a frame with its checksum', found: 'other bytes' });
