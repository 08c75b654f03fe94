// Real files under the simulated time of a rig: each call is made at once and comes back a moment later.
import fs from 'node:fs';
import path from 'node:path';
import type { Result } from '../../../src/base/result.ts';
import type { DiskError, DiskFile, FileStatus } from '../../../src/host/index.ts';
import type { RigDisk } from './rig.ts';

type Done<Value> = (result: Result<Value, DiskError>) => void;

export class RealDisk implements RigDisk {
  readonly #root: string;
  readonly #schedule: (delayMs: number, run: () => void) => void;

  constructor(root: string, schedule: (delayMs: number, run: () => void) => void) {
    this.#root = root;
    this.#schedule = schedule;
  }

  makeDirectory(name: string, done: Done<undefined>): void {
    this.#call('makeDirectory', name, done, () => void fs.mkdirSync(this.#at(name), { recursive: true }));
  }

  list(name: string, done: Done<readonly string[]>): void {
    this.#call('list', name, done, () => fs.readdirSync(this.#at(name)).sort());
  }

  status(name: string, done: Done<FileStatus>): void {
    this.#call('status', name, done, () => statusOf(fs.statSync(this.#at(name), { bigint: true })));
  }

  open(name: string, mode: 'read' | 'write' | 'create', done: Done<DiskFile>): void {
    const flags = { read: 'r', write: 'r+', create: 'wx+' }[mode];
    this.#call('open', name, done, () => this.#file(name, fs.openSync(this.#at(name), flags)));
  }

  remove(name: string, done: Done<undefined>): void {
    this.#call('remove', name, done, () => fs.unlinkSync(this.#at(name)) as undefined);
  }

  rename(from: string, to: string, done: Done<undefined>): void {
    this.#call('rename', from, done, () => fs.renameSync(this.#at(from), this.#at(to)) as undefined);
  }

  filePaths(): string[] {
    return fs
      .readdirSync(this.#root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(this.#root, path.join(entry.parentPath, entry.name)))
      .sort();
  }

  fileBytes(name: string): Uint8Array | null {
    return fs.existsSync(this.#at(name)) ? new Uint8Array(fs.readFileSync(this.#at(name))) : null;
  }

  #at(name: string): string {
    return path.join(this.#root, name);
  }

  #file(name: string, descriptor: number): DiskFile {
    let size = Number(fs.fstatSync(descriptor).size);
    const call = <Value>(operation: string, done: Done<Value>, act: () => Value): void => this.#call(operation, name, done, act);
    return {
      path: name,
      get size() {
        return size;
      },
      status: (done) =>
        call('status', done, () => {
          const status = statusOf(fs.fstatSync(descriptor, { bigint: true }));
          size = status.size;
          return status;
        }),
      read: (position, length, done) =>
        call('read', done, () => {
          const bytes = new Uint8Array(Math.max(0, Math.min(length, size - position)));
          return bytes.subarray(0, fs.readSync(descriptor, bytes, 0, bytes.length, position));
        }),
      write: (position, chunks, done) =>
        call('write', done, () => {
          let at = position;
          for (const chunk of chunks) at += fs.writeSync(descriptor, chunk, 0, chunk.length, at);
          size = Math.max(size, at);
          return undefined;
        }),
      truncate: (to, done) =>
        call('truncate', done, () => {
          fs.ftruncateSync(descriptor, to);
          size = to;
          return undefined;
        }),
      sync: (done) => call('sync', done, () => undefined),
      close: (done) => call('close', done, () => fs.closeSync(descriptor) as undefined),
    };
  }

  #call<Value>(operation: string, name: string, done: Done<Value>, act: () => Value): void {
    let result: Result<Value, DiskError>;
    try {
      result = { ok: true, value: act() };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      result = { ok: false, error: { code: code === 'ENOENT' ? 'notFound' : 'failed', operation, path: name, reason: message } };
    }
    this.#schedule(0.01, () => done(result));
  }
}

function statusOf(stats: fs.BigIntStats): FileStatus {
  if (!stats.isFile()) throw new Error('not a regular file');
  return { identity: `${stats.dev}:${stats.ino}`, size: Number(stats.size), modifiedMs: Number(stats.mtimeNs) / 1e6 };
}
