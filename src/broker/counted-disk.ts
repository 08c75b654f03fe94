import type { Disk, DiskFile } from '../host/index.ts';
import type { Counters } from './counters.ts';

/**
 * A disk whose syncs are counted, all of them: those of logs and votes, and also of the next segment while it is prepared, of indexes, checkpoints and
 * marks, of the identity and of folders. What a broker says of its syncs is then what the machine sees (`strace -e trace=fsync,fdatasync`).
 */
export function countedDisk(disk: Disk, counters: Counters): Disk {
  return {
    durable: disk.durable,
    makeDirectory: (path, done) => disk.makeDirectory(path, done),
    list: (path, done) => disk.list(path, done),
    status: (path, done) => disk.status(path, done),
    open: (path, mode, done) =>
      disk.open(path, mode, (opened) => done(opened.ok ? { ok: true, value: new CountedFile(opened.value, counters) } : opened)),
    remove: (path, done) => disk.remove(path, done),
    rename: (from, to, done) => disk.rename(from, to, done),
    syncDirectory(path, done) {
      counters.diskSyncs++;
      disk.syncDirectory(path, done);
    },
    lock: (path, done) => disk.lock(path, done),
  };
}

class CountedFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #counters: Counters;

  constructor(file: DiskFile, counters: Counters) {
    this.#file = file;
    this.#counters = counters;
  }

  get path(): string {
    return this.#file.path;
  }

  get size(): number {
    return this.#file.size;
  }

  readonly status: DiskFile['status'] = (done) => this.#file.status(done);
  readonly write: DiskFile['write'] = (position, chunks, done) => this.#file.write(position, chunks, done);
  readonly read: DiskFile['read'] = (position, length, done) => this.#file.read(position, length, done);
  readonly truncate: DiskFile['truncate'] = (size, done) => this.#file.truncate(size, done);
  readonly close: DiskFile['close'] = (done) => this.#file.close(done);

  readonly sync: DiskFile['sync'] = (done) => {
    this.#counters.diskSyncs++;
    this.#file.sync(done);
  };
}
