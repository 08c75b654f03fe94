import { bytesEqual } from '../base/bytes.ts';
import type { Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { Clock, Disk, DiskError, DiskFile, FileStatus, Timer } from '../host/index.ts';
import { nameOf, parentOf } from '../storage/disk-path.ts';
import { closeFile, closingOnFailure, DiskFailed, guard, must } from '../storage/steps.ts';

/** What a follower needs of a disk: nothing that writes. */
type FollowedFiles = Pick<Disk, 'list' | 'open' | 'status'>;

/**
 * Why the bytes that come next are not the continuation of those before, so that a line without its end ends here: all of the file was read and another has
 * its name (`rotated`), or it was cut and nobody can say what was written to it before that (`lost`).
 */
export type FileEnd = 'rotated' | 'lost';

interface FollowEvents {
  /** Bytes in order, any split, valid until `next` is called: nothing more is read before. */
  bytes(chunk: Uint8Array, next: () => void): void;
  fileEnded(why: FileEnd): void;
  /** Cannot be read just now, told once; null when it can again. A file that is not there is waited for, and is no trouble. */
  trouble(error: DiskError | null): void;
}

export interface FollowOptions {
  readonly files: FollowedFiles;
  readonly clock: Pick<Clock, 'startTimer'>;
  /** As `files` names it. Rotated ones are looked for in its folder. */
  readonly path: string;
  /** Of the file that is there at the start. */
  readonly from: 'begin' | 'end';
  /** How often is looked while nothing comes. */
  readonly pollMs: number;
  readonly events: FollowEvents;
}

/** By these a copy is known for the same file. */
const fingerprintBytes = 256;
/** As much of what was read last is compared before more is read: a file that was cut and grew again past this place has other bytes there. */
const witnessBytes = 256;
const readBytes = 64 * 1024;

interface Followed {
  readonly file: DiskFile;
  readonly identity: string;
  /** As of the last look at which it was whole. */
  modifiedMs: number;
  /** Where the next read begins. */
  offset: number;
  /** Up to `fingerprintBytes` from its beginning. */
  fingerprint: Uint8Array;
  /** The bytes before `offset`. */
  witness: Uint8Array;
}

/**
 * Follows one file. Its identity (device and inode) tells a file that was renamed, which is read to its end before the one that has its name now; files that
 * came and were renamed in between are found beside it by the time of their last change. A file that was cut in place is told by its length or by bytes that
 * have changed; if a copy was made of it before, which its first bytes tell, the reading goes on in that.
 *
 * What nobody can know: what was written and cut, or written and removed, between two looks. The first is told as `lost`.
 */
export class FileFollower {
  readonly #options: FollowOptions;
  #followed: Followed | null = null;
  #isFirst = true;
  #isStopped = false;
  #isTroubled = false;
  #timer: { readonly handle: Timer; readonly wake: () => void } | null = null;
  #onStopped: (() => void) | null = null;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  start(): void {
    runTask(
      () => this.#run(),
      () => this.#onStopped?.(),
    );
  }

  /** Ends after the call that is under way; nothing is given any more. Not called twice. */
  stop(stopped: () => void): void {
    this.#isStopped = true;
    this.#onStopped = stopped;
    const timer = this.#timer;
    timer?.handle.cancel();
    timer?.wake();
  }

  *#run(): Task<void> {
    while (!this.#isStopped) {
      const stepped = yield* guard(this.#step());
      // Where the reading stands is kept: it goes on there once the disk answers.
      this.#tellTrouble(stepped.ok || stepped.error.kind === 'corrupt' ? null : stepped.error.error);
      if ((!stepped.ok || !stepped.value) && !this.#isStopped) yield* this.#rest();
    }
    if (this.#followed !== null) yield* guard(closeFile(this.#followed.file));
  }

  #tellTrouble(error: DiskError | null): void {
    if (this.#isStopped || (error !== null) === this.#isTroubled) return;
    this.#isTroubled = error !== null;
    this.#options.events.trouble(error);
  }

  *#rest(): Task<void> {
    yield* wait<void>((wake) => {
      this.#timer = { handle: this.#options.clock.startTimer(this.#options.pollMs, wake), wake };
    });
    this.#timer = null;
  }

  /** Gives one piece, or goes on to another file. False when there is nothing more now. */
  *#step(): Task<boolean> {
    const { files, path } = this.#options;
    if (this.#followed === null) {
      const found = yield* this.#statusOf(path);
      const begins = this.#isFirst && this.#options.from === 'end' ? (found?.size ?? 0) : 0;
      this.#isFirst = false;
      if (found === null) return false;
      this.#followed = yield* open(files, path, begins);
      return this.#followed !== null;
    }
    const followed = this.#followed;
    const from = followed.offset;
    const status = yield* must<FileStatus>((done) => followed.file.status(done));
    const hasChanged = status.size !== from || status.modifiedMs !== followed.modifiedMs;
    if (status.size < from || (hasChanged && !(yield* this.#give(followed)))) return yield* this.#wasCut(followed);
    followed.modifiedMs = status.modifiedMs;
    if (followed.offset > from) return true;
    return yield* this.#atEnd(followed, status);
  }

  /** False when what was read last is not there any more. */
  *#give(followed: Followed): Task<boolean> {
    const from = followed.offset - followed.witness.length;
    const read = yield* must<Uint8Array>((done) => followed.file.read(from, followed.witness.length + readBytes, done));
    if (!bytesEqual(read.subarray(0, followed.witness.length), followed.witness)) return false;
    const chunk = read.subarray(followed.witness.length);
    if (followed.offset === followed.fingerprint.length && followed.offset < fingerprintBytes)
      followed.fingerprint = joined(followed.fingerprint, chunk, fingerprintBytes);
    followed.offset += chunk.length;
    followed.witness = read.slice(Math.max(0, read.length - witnessBytes));
    if (chunk.length > 0 && !this.#isStopped) yield* wait<void>((next) => this.#options.events.bytes(chunk, next));
    return true;
  }

  /** At the end of the open file: is there another one under the name? */
  *#atEnd(followed: Followed, status: FileStatus): Task<boolean> {
    const { files, path } = this.#options;
    const named = yield* this.#statusOf(path);
    // Whoever writes may go on with the renamed file for a while; the new one is begun when there is something in it.
    if (named === null || named.identity === followed.identity || named.size === 0) return false;
    // Written to the old one between the read and the look at the name.
    const last = yield* must<FileStatus>((done) => followed.file.status(done));
    if (last.size !== status.size) return true;
    const next = yield* open(files, (yield* this.#changedSince(last)) ?? path, 0);
    return next !== null && (yield* this.#goOn(followed, next, 'rotated'));
  }

  *#goOn(from: Followed, to: Followed, why: FileEnd | null): Task<true> {
    this.#followed = to;
    yield* guard(closeFile(from.file));
    if (why !== null && !this.#isStopped) this.#options.events.fileEnded(why);
    return true;
  }

  /** The first of those beside it that were changed after a file: one that had its name in between and was renamed too. */
  *#changedSince({ identity, modifiedMs }: FileStatus): Task<string | null> {
    let first: { readonly path: string; readonly modifiedMs: number } | null = null;
    for (const path of yield* this.#rotated()) {
      const status = yield* this.#statusBeside(path);
      if (status === null || status.identity === identity || status.modifiedMs <= modifiedMs) continue;
      if (first === null || status.modifiedMs < first.modifiedMs) first = { path, modifiedMs: status.modifiedMs };
    }
    return first?.path ?? null;
  }

  /** The file was cut and may have grown again: a copy that was made of it before has the rest of what it held. */
  *#wasCut(followed: Followed): Task<boolean> {
    const { files, path } = this.#options;
    const copy = yield* this.#copyOf(followed);
    if (copy !== null) return yield* this.#goOn(followed, copy, null);
    const again = yield* open(files, path, 0);
    return again !== null && (yield* this.#goOn(followed, again, 'lost'));
  }

  /** A file beside it that begins as it did, has the bytes that were read last where they were read, and is not older. */
  *#copyOf({ identity, fingerprint, witness, offset, modifiedMs }: Followed): Task<Followed | null> {
    for (const path of yield* this.#rotated()) {
      const status = yield* this.#statusBeside(path);
      if (status === null || status.identity === identity || status.size < offset || status.modifiedMs < modifiedMs) continue;
      const copy = yield* open(this.#options.files, path, offset);
      if (copy === null) continue;
      if (bytesEqual(copy.fingerprint.subarray(0, fingerprint.length), fingerprint) && bytesEqual(copy.witness, witness)) return copy;
      yield* guard(closeFile(copy.file));
    }
    return null;
  }

  /** Files in the same folder that are called after this one, as rotation calls them; compressed ones are not lines. */
  *#rotated(): Task<readonly string[]> {
    const { files, path } = this.#options;
    const base = nameOf(path);
    const listed = yield* wait<Result<readonly string[], DiskError>>((done) => files.list(parentOf(path), done));
    // A folder that may not be listed has none that we could find.
    const names = listed.ok ? listed.value : [];
    const folder = path.slice(0, path.length - base.length);
    return names.filter((name) => name.startsWith(base) && rotatedSuffix.test(name.slice(base.length))).map((name) => folder + name);
  }

  *#statusOf(path: string): Task<FileStatus | null> {
    const result = yield* wait<Result<FileStatus, DiskError>>((done) => this.#options.files.status(path, done));
    return !result.ok && result.error.code === 'notFound' ? null : valueOf(result);
  }

  /** Null too for what is no file, or may not be read. */
  *#statusBeside(path: string): Task<FileStatus | null> {
    const result = yield* wait<Result<FileStatus, DiskError>>((done) => this.#options.files.status(path, done));
    return result.ok ? result.value : null;
  }
}

/** Whether a file is called as rotation calls those that had another's name before. */
export function isRotationOf(path: string, base: string): boolean {
  return path.startsWith(base) && (rotatedSuffix.test(path.slice(base.length)) || packedSuffix.test(path.slice(base.length)));
}

const packedSuffix = /^[.-](?:\d[\dT:_.-]*|old)\.(?:gz|bz2|xz|zst|lz4)$/;
/** A number or a date, or `old`: other names that begin alike are other logs. */
const rotatedSuffix = /^[.-](?:\d[\dT:_.-]*|old)$/;

function valueOf<Value>(result: Result<Value, DiskError>): Value {
  if (result.ok) return result.value;
  throw new DiskFailed(result.error);
}

/** Null for a file that is gone. */
function* open(files: FollowedFiles, path: string, offset: number): Task<Followed | null> {
  const opened = yield* wait<Result<DiskFile, DiskError>>((done) => files.open(path, 'read', done));
  if (!opened.ok && opened.error.code === 'notFound') return null;
  return yield* closingOnFailure(valueOf(opened), begin(valueOf(opened), offset));
}

function* begin(file: DiskFile, offset: number): Task<Followed> {
  const { identity, modifiedMs } = yield* must<FileStatus>((done) => file.status(done));
  const fingerprint = yield* must<Uint8Array>((done) => file.read(0, Math.min(offset, fingerprintBytes), done));
  const witnessLength = Math.min(offset, witnessBytes);
  const witness = yield* must<Uint8Array>((done) => file.read(offset - witnessLength, witnessLength, done));
  return { file, identity, modifiedMs, offset, fingerprint, witness };
}

/** At most `bytesMax` of both; what is kept must not hold on to a whole chunk. */
function joined(first: Uint8Array, second: Uint8Array, bytesMax: number): Uint8Array {
  const both = new Uint8Array(Math.min(bytesMax, first.length + second.length));
  both.set(first);
  both.set(second.subarray(0, both.length - first.length), first.length);
  return both;
}
