/**
 * Files of a data directory, for reading only, by calls that block: in a thread that does nothing else, and that the system may run last. Reading through the
 * pool of threads would do the copying at the priority of the whole process. It reads into memory that it was given back: to get fresh memory from the system
 * for every megabyte takes longer than reading it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { failed, ok } from '../../base/result.ts';
import type { Disk, DiskError, DiskFile } from '../../host/index.ts';

const { O_NOFOLLOW, O_RDONLY } = fs.constants;

/** Whatever is larger is not kept; as many of each size at most. */
const keptBytesMax = 1024 * 1024;
const keptBytesMin = 64 * 1024;
const keptOfEachMax = 4;

export interface ReadingDisk extends Pick<Disk, 'open'> {
  /** Bytes that it has read, and that nobody looks at any more. */
  recycle(bytes: Uint8Array): void;
}

export function readingDisk(root: string): ReadingDisk {
  const memory = new KeptMemory();
  return {
    recycle: (bytes) => memory.give(bytes.buffer as ArrayBuffer),
    open(relative, _mode, done) {
      try {
        const fd = fs.openSync(path.join(root, relative), O_RDONLY | O_NOFOLLOW);
        done(ok(fileOf(relative, fd, fs.fstatSync(fd).size, memory)));
      } catch (error) {
        done(failed(diskError(error, 'open', relative)));
      }
    },
  };
}

function fileOf(relative: string, fd: number, size: number, memory: KeptMemory): DiskFile {
  const refuse = (): never => {
    throw new Error('this disk is for reading');
  };
  return {
    path: relative,
    size,
    read(position, length, done) {
      try {
        const bytes = new Uint8Array(memory.take(length), 0, Math.max(0, length));
        let filled = 0;
        while (filled < length) {
          const count = fs.readSync(fd, bytes, filled, length - filled, position + filled);
          if (count === 0) break;
          filled += count;
        }
        done(ok(bytes.subarray(0, filled)));
      } catch (error) {
        done(failed(diskError(error, 'read', relative)));
      }
    },
    close(done) {
      fs.closeSync(fd);
      done(ok(undefined));
    },
    write: refuse,
    sync: refuse,
    truncate: refuse,
    status: refuse,
  };
}

/** Memory in sizes of powers of two. */
class KeptMemory {
  readonly #kept = new Map<number, ArrayBuffer[]>();

  take(length: number): ArrayBuffer {
    if (length < keptBytesMin || length > keptBytesMax) return Buffer.allocUnsafeSlow(Math.max(0, length)).buffer as ArrayBuffer;
    const size = 2 ** Math.ceil(Math.log2(length));
    return this.#kept.get(size)?.pop() ?? (Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer);
  }

  give(buffer: ArrayBuffer): void {
    const size = buffer.byteLength;
    if (size < keptBytesMin || size > keptBytesMax || !Number.isInteger(Math.log2(size))) return;
    const kept = this.#kept.get(size);
    if (kept === undefined) this.#kept.set(size, [buffer]);
    else if (kept.length < keptOfEachMax) kept.push(buffer);
  }
}

function diskError(error: unknown, operation: string, relative: string): DiskError {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: code === 'ENOENT' ? 'notFound' : 'failed', operation, path: relative, reason: message };
}
