import type { Disk } from '../host/index.ts';
import type { SimProcess } from './process.ts';

/**
 * The disk as one life of a process may use it: a process that was killed inside a host call runs on to the end of its turn, and nothing that it
 * still does may reach the disk. Files opened in an earlier life refuse by themselves.
 */
export function livingDisk(process: SimProcess, disk: Disk): Disk {
  const ifAlive = (call: () => void): void => {
    if (process.alive) call();
  };
  return {
    durable: disk.durable,
    makeDirectory: (path, done) => ifAlive(() => disk.makeDirectory(path, done)),
    list: (path, done) => ifAlive(() => disk.list(path, done)),
    status: (path, done) => ifAlive(() => disk.status(path, done)),
    open: (path, mode, done) => ifAlive(() => disk.open(path, mode, done)),
    remove: (path, done) => ifAlive(() => disk.remove(path, done)),
    rename: (from, to, done) => ifAlive(() => disk.rename(from, to, done)),
    syncDirectory: (path, done) => ifAlive(() => disk.syncDirectory(path, done)),
    lock: (path, done) => ifAlive(() => disk.lock(path, done)),
  };
}
