import type { Result } from '../base/result.ts';

/**
 * Files with explicit durability. Nothing written counts until `sync` of that file has reported success, and no name (create, rename, remove)
 * until `syncDirectory` of its folder has. Three implementations pass one conformance suite (`test/conformance/disk.ts`): real, simulated
 * (written and synced images, torn and lost writes) and in memory.
 *
 * Paths are relative to the broker's data directory, parts joined by '/', parts matching [a-z0-9._-]+ and never '.' or '..'. An empty path is the data
 * directory itself, for `list`, `makeDirectory` and `syncDirectory`.
 */
export interface Disk {
  /** False for the in-memory disk: what is stored does not survive the process. */
  readonly durable: boolean;
  /** Creates the folder and its parents; an existing folder is fine. Names become durable with `syncDirectory` of each parent. */
  makeDirectory(path: string, done: (result: Result<undefined, DiskError>) => void): void;
  /** Names in a folder, sorted, without '.' and '..'. */
  list(path: string, done: (result: Result<readonly string[], DiskError>) => void): void;
  /** What a name stands for just now, without opening it; `failed` for what is no regular file. */
  status(path: string, done: (result: Result<FileStatus, DiskError>) => void): void;
  /** `create` makes a new empty file and fails with `exists`; `write` opens an existing file for reading and writing. */
  open(path: string, mode: OpenMode, done: (result: Result<DiskFile, DiskError>) => void): void;
  remove(path: string, done: (result: Result<undefined, DiskError>) => void): void;
  /** Replaces the target atomically. */
  rename(from: string, to: string, done: (result: Result<undefined, DiskError>) => void): void;
  syncDirectory(path: string, done: (result: Result<undefined, DiskError>) => void): void;
  /** Excludes other processes from the data directory until released or the process ends. A holder elsewhere: `locked`. */
  lock(path: string, done: (result: Result<DiskLock, DiskError>) => void): void;
}

export type OpenMode = 'read' | 'write' | 'create';

export interface DiskFile {
  readonly path: string;
  /** Bytes in the file as this handle knows it (at open, then as written and truncated through it, and as of the last `status`). */
  readonly size: number;
  /** The open file itself, whatever its name stands for by now. */
  status(done: (result: Result<FileStatus, DiskError>) => void): void;
  /**
   * Writes the chunks one after another from `position`, continuing after short writes. The chunks must not change until `done`.
   * After a failure any part of the range may hold old or new bytes. `noSpace` may come after a part was written.
   */
  write(position: number, chunks: readonly Uint8Array[], done: (result: Result<undefined, DiskError>) => void): void;
  /** Up to `length` bytes; fewer only at the end of the file. The bytes are the caller's. */
  read(position: number, length: number, done: (result: Result<Uint8Array, DiskError>) => void): void;
  /** Data and size are on the medium when this reports success. After a failure the state of all unsynced writes is unknown (design, D5). */
  sync(done: (result: Result<undefined, DiskError>) => void): void;
  truncate(size: number, done: (result: Result<undefined, DiskError>) => void): void;
  close(done: (result: Result<undefined, DiskError>) => void): void;
}

/** A file as it is, for those who read what others write. */
export interface FileStatus {
  /** The same for as long as the file is, whatever it is called. It may be another file's once this one is gone. */
  readonly identity: string;
  readonly size: number;
  /** When its bytes changed last, in milliseconds since 1970 by the clock of whoever keeps it. */
  readonly modifiedMs: number;
}

export interface DiskLock {
  release(done: () => void): void;
}

export type DiskErrorCode = 'notFound' | 'exists' | 'noSpace' | 'denied' | 'locked' | 'failed';

export interface DiskError {
  readonly code: DiskErrorCode;
  /** What was tried: open, write, sync, ... */
  readonly operation: string;
  readonly path: string;
  /** The machine's own words, e.g. "EIO: i/o error, fdatasync". */
  readonly reason: string;
}
