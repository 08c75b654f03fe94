/**
 * The disk in memory: `Disk` for `--in-memory` brokers, embedded use and tests. Nothing survives the process, `durable` is false, and every
 * start on it is a new incarnation (design, D11). Syncs succeed at once, because there is nothing to wait for.
 */
import { assert } from '../base/assert.ts';
import { done as succeeded, failed, ok, type Result } from '../base/result.ts';
import type { Clock, Disk, DiskError, DiskErrorCode, DiskFile, DiskLock, FileStatus, OpenMode } from '../host/index.ts';
import { assertDiskPath, nameOf, parentOf } from './disk-path.ts';

type Done<Value> = (result: Result<Value, DiskError>) => void;

/** Behind the end of `bytes` a file has zeros up to its size, which cost no memory. */
interface MemoryContent {
  readonly identity: string;
  bytes: Uint8Array;
  size: number;
  modifiedMs: number;
}

const statusOf = ({ identity, size, modifiedMs }: MemoryContent): FileStatus => ({ identity, size, modifiedMs });

export class MemoryDisk implements Disk {
  readonly durable = false;
  readonly #clock: Pick<Clock, 'defer' | 'wallMs'>;
  #filesMade = 0;
  readonly #directories = new Map<string, Map<string, MemoryContent | 'directory'>>([['', new Map()]]);
  readonly #locked = new Set<string>();

  constructor(clock: Pick<Clock, 'defer' | 'wallMs'>) {
    this.#clock = clock;
  }

  makeDirectory(path: string, done: Done<undefined>): void {
    let made = '';
    for (const name of path === '' ? [] : path.split('/')) {
      const parent = this.#directories.get(made) as Map<string, MemoryContent | 'directory'>;
      made = made === '' ? name : `${made}/${name}`;
      assertDiskPath(made);
      const existing = parent.get(name);
      if (existing !== undefined && existing !== 'directory') {
        this.#finish(done, failure('exists', 'makeDirectory', path));
        return;
      }
      parent.set(name, 'directory');
      if (!this.#directories.has(made)) this.#directories.set(made, new Map());
    }
    this.#finish(done, succeeded);
  }

  list(path: string, done: Done<readonly string[]>): void {
    const directory = this.#directories.get(path);
    this.#finish(done, directory === undefined ? failure('notFound', 'list', path) : ok([...directory.keys()].sort()));
  }

  status(path: string, done: Done<FileStatus>): void {
    assertDiskPath(path);
    const content = this.#directories.get(parentOf(path))?.get(nameOf(path));
    if (content === undefined) this.#finish(done, failure('notFound', 'status', path));
    else this.#finish(done, content === 'directory' ? failure('failed', 'status', path) : ok(statusOf(content)));
  }

  open(path: string, mode: OpenMode, done: Done<DiskFile>): void {
    assertDiskPath(path);
    const directory = this.#directories.get(parentOf(path));
    let content = directory?.get(nameOf(path));
    if (mode === 'create' && directory !== undefined) {
      if (content !== undefined) {
        this.#finish(done, failure('exists', 'open', path));
        return;
      }
      content = { identity: `memory:${++this.#filesMade}`, bytes: new Uint8Array(0), size: 0, modifiedMs: this.#clock.wallMs() };
      directory.set(nameOf(path), content);
    }
    if (content === undefined) this.#finish(done, failure('notFound', 'open', path));
    else if (content === 'directory') this.#finish(done, failure('failed', 'open', path));
    else this.#finish(done, ok(new MemoryFile(path, mode, content, this.#clock)));
  }

  remove(path: string, done: Done<undefined>): void {
    assertDiskPath(path);
    const directory = this.#directories.get(parentOf(path));
    const content = directory?.get(nameOf(path));
    if (content === undefined) {
      this.#finish(done, failure('notFound', 'remove', path));
      return;
    }
    if (content === 'directory') {
      if ((this.#directories.get(path)?.size ?? 0) > 0) {
        this.#finish(done, failure('failed', 'remove', path));
        return;
      }
      this.#directories.delete(path);
    }
    directory?.delete(nameOf(path));
    this.#finish(done, succeeded);
  }

  rename(from: string, to: string, done: Done<undefined>): void {
    assertDiskPath(from);
    assertDiskPath(to);
    const content = this.#directories.get(parentOf(from))?.get(nameOf(from));
    const target = this.#directories.get(parentOf(to));
    if (content === undefined || content === 'directory' || target === undefined) {
      this.#finish(done, failure('notFound', 'rename', from));
      return;
    }
    this.#directories.get(parentOf(from))?.delete(nameOf(from));
    target.set(nameOf(to), content);
    this.#finish(done, succeeded);
  }

  syncDirectory(path: string, done: Done<undefined>): void {
    this.#finish(done, this.#directories.has(path) ? succeeded : failure('notFound', 'syncDirectory', path));
  }

  lock(path: string, done: Done<DiskLock>): void {
    assertDiskPath(path);
    if (this.#locked.has(path)) {
      this.#finish(done, failure('locked', 'lock', path));
      return;
    }
    this.#locked.add(path);
    const release = (released: () => void): void => {
      this.#locked.delete(path);
      this.#clock.defer(released);
    };
    this.#finish(done, ok({ release }));
  }

  #finish<Value>(done: Done<Value>, result: Result<Value, DiskError>): void {
    this.#clock.defer(() => done(result));
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #content: MemoryContent;
  readonly #clock: Pick<Clock, 'defer' | 'wallMs'>;
  readonly #writable: boolean;
  #open = true;

  constructor(path: string, mode: OpenMode, content: MemoryContent, clock: Pick<Clock, 'defer' | 'wallMs'>) {
    this.path = path;
    this.#content = content;
    this.#clock = clock;
    this.#writable = mode !== 'read';
  }

  get size(): number {
    return this.#content.size;
  }

  status(done: Done<FileStatus>): void {
    this.#finish(done, ok(statusOf(this.#content)));
  }

  write(position: number, chunks: readonly Uint8Array[], done: Done<undefined>): void {
    if (!this.#writable) {
      this.#finish(done, failure('denied', 'write', this.path));
      return;
    }
    let end = position;
    for (const chunk of chunks) end += chunk.length;
    this.#grow(end);
    let at = position;
    for (const chunk of chunks) {
      this.#content.bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#content.modifiedMs = this.#clock.wallMs();
    this.#finish(done, succeeded);
  }

  read(position: number, length: number, done: Done<Uint8Array>): void {
    const { bytes, size } = this.#content;
    const into = new Uint8Array(Math.max(0, Math.min(length, size - position)));
    into.set(bytes.subarray(position, position + into.length));
    this.#finish(done, ok(into));
  }

  sync(done: Done<undefined>): void {
    this.#finish(done, succeeded);
  }

  truncate(size: number, done: Done<undefined>): void {
    this.#content.bytes.fill(0, size);
    this.#content.size = size;
    this.#content.modifiedMs = this.#clock.wallMs();
    this.#finish(done, succeeded);
  }

  close(done: Done<undefined>): void {
    this.#finish(done, succeeded);
    this.#open = false;
  }

  #grow(size: number): void {
    const content = this.#content;
    if (size > content.bytes.length) {
      const larger = new Uint8Array(Math.max(size, content.bytes.length * 2));
      larger.set(content.bytes);
      content.bytes = larger;
    }
    content.size = Math.max(content.size, size);
  }

  #finish<Value>(done: Done<Value>, result: Result<Value, DiskError>): void {
    assert(this.#open, 'a closed file is not used');
    this.#clock.defer(() => done(result));
  }
}

function failure(code: DiskErrorCode, operation: string, path: string): { readonly ok: false; readonly error: DiskError } {
  return failed({ code, operation, path, reason: `${code}, ${operation} on the disk in memory` });
}
