/**
 * Steps of storage's tasks. Inside a task a failed host call and found corruption are thrown, so that the sequence reads as it happens; `guard`
 * turns them into a value at the task's edge, and nothing else is caught.
 */
import { failed, ok, type Result } from '../base/result.ts';
import { type Task, wait } from '../base/task.ts';
import type { Disk, DiskError, DiskFile, OpenMode } from '../host/index.ts';
import type { Corruption, OpenFailure } from './contract.ts';
import { parentOf } from './disk-path.ts';

export class DiskFailed extends Error {
  readonly error: DiskError;

  constructor(error: DiskError) {
    super(`Cannot ${error.operation} ${error.path}: ${error.reason}`);
    this.error = error;
  }
}

/** The disk refused to read something that is there. */
export class Unreadable extends Error {
  readonly error: DiskError;

  constructor(error: DiskError) {
    super(`Cannot ${error.operation} ${error.path}: ${error.reason}`);
    this.error = error;
  }
}

export class CorruptionFound extends Error {
  readonly corruption: Corruption;

  constructor(corruption: Corruption) {
    super(`${corruption.path} is damaged at ${corruption.position}: expected ${corruption.expected}, found ${corruption.found}`);
    this.corruption = corruption;
  }
}

export function* guard<Value>(task: Task<Value>): Task<Result<Value, OpenFailure>> {
  try {
    return ok(yield* task);
  } catch (error) {
    if (error instanceof DiskFailed) return failed({ kind: 'disk', error: error.error });
    if (error instanceof Unreadable) return failed({ kind: 'unreadable', error: error.error });
    if (error instanceof CorruptionFound) return failed({ kind: 'corrupt', corruption: error.corruption });
    throw error;
  }
}

/** Throws what `guard` had caught. */
export function rethrow(failure: OpenFailure): never {
  if (failure.kind === 'corrupt') throw new CorruptionFound(failure.corruption);
  throw failure.kind === 'unreadable' ? new Unreadable(failure.error) : new DiskFailed(failure.error);
}

/** Closes the file when the task is over, however it ends. */
export function* closing<Value>(file: DiskFile, task: Task<Value>): Task<Value> {
  const result = yield* guard(task);
  yield* closeFile(file);
  return result.ok ? result.value : rethrow(result.error);
}

/** Closes the file only if the task fails. */
export function* closingOnFailure<Value>(file: DiskFile, task: Task<Value>): Task<Value> {
  const result = yield* guard(task);
  if (result.ok) return result.value;
  yield* closeFile(file);
  return rethrow(result.error);
}

type Call<Value> = (done: (result: Result<Value, DiskError>) => void) => void;

/** Waits for a host call that has to succeed. */
export function* must<Value>(call: Call<Value>): Task<Value> {
  const result = yield* wait<Result<Value, DiskError>>(call);
  if (!result.ok) throw new DiskFailed(result.error);
  return result.value;
}

/** Waits for a host call that reads, or finds what is to be read. */
function* mustRead<Value>(call: Call<Value>): Task<Value> {
  const result = yield* wait<Result<Value, DiskError>>(call);
  if (!result.ok) throw new Unreadable(result.error);
  return result.value;
}

export const createFile = (disk: Disk, path: string): Task<DiskFile> => must((done) => disk.open(path, 'create', done));
/** Opens a file that is there. */
export const openFile = (disk: Disk, path: string, mode: Exclude<OpenMode, 'create'>): Task<DiskFile> =>
  mustRead((done) => disk.open(path, mode, done));
export const listNames = (disk: Disk, path: string): Task<readonly string[]> => mustRead((done) => disk.list(path, done));
export const writeAt = (file: DiskFile, position: number, chunks: readonly Uint8Array[]): Task<undefined> =>
  must((done) => file.write(position, chunks, done));
export const readAt = (file: DiskFile, position: number, length: number): Task<Uint8Array> =>
  mustRead((done) => file.read(position, length, done));
export const syncFile = (file: DiskFile): Task<undefined> => must((done) => file.sync(done));
export const closeFile = (file: DiskFile): Task<undefined> => must((done) => file.close(done));
export const syncDirectory = (disk: Disk, path: string): Task<undefined> => must((done) => disk.syncDirectory(path, done));

/** Makes the folder and makes every name on the way to it durable. */
export function* makeDurableDirectory(disk: Disk, path: string): Task<void> {
  yield* must((done) => disk.makeDirectory(path, done));
  for (let child = path; child !== ''; child = parentOf(child)) yield* syncDirectory(disk, parentOf(child));
}

/** Removes a file if it is there; durable only after a sync of its folder. True when it was. */
export function* removeIfThere(disk: Disk, path: string): Task<boolean> {
  const result = yield* wait<Result<undefined, DiskError>>((done) => disk.remove(path, done));
  if (!result.ok && result.error.code !== 'notFound') throw new DiskFailed(result.error);
  return result.ok;
}

/** All bytes of a file, or null if there is none. */
export function* readWhole(disk: Disk, path: string): Task<Uint8Array | null> {
  const opened = yield* wait<Result<DiskFile, DiskError>>((done) => disk.open(path, 'read', done));
  if (!opened.ok) {
    if (opened.error.code === 'notFound') return null;
    throw new Unreadable(opened.error);
  }
  return yield* closing(opened.value, readAt(opened.value, 0, opened.value.size));
}

export const temporarySuffix = '.tmp';

/** Replaces a file by new content, old or new whatever happens: written beside it, synced, renamed, folder synced. */
export function* replaceWhole(disk: Disk, path: string, bytes: Uint8Array): Task<void> {
  const temporary = path + temporarySuffix;
  yield* removeIfThere(disk, temporary);
  const file = yield* createFile(disk, temporary);
  const written = yield* guard(closing(file, fill(file, bytes)));
  if (!written.ok) {
    yield* removeIfThere(disk, temporary);
    rethrow(written.error);
  }
  yield* must<undefined>((done) => disk.rename(temporary, path, done));
  yield* syncDirectory(disk, parentOf(path));
}

function* fill(file: DiskFile, bytes: Uint8Array): Task<void> {
  yield* writeAt(file, 0, [bytes]);
  yield* syncFile(file);
}

const zeroChunk = new Uint8Array(256 * 1024);

/** Overwrites [from, to) with zeros, in chunks so that other work gets its turn. Not synced. */
export function* writeZeros(file: DiskFile, from: number, to: number): Task<void> {
  for (let at = from; at < to; at += zeroChunk.length) {
    yield* writeAt(file, at, [to - at < zeroChunk.length ? zeroChunk.subarray(0, to - at) : zeroChunk]);
  }
}

export function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}
