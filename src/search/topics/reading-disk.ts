/**
 * Files of a data directory, for reading only, by calls that block: in a thread that does nothing else, and that the system may run last. Reading through the
 * pool of threads would do the copying at the priority of the whole process.
 */
import fs from 'node:fs';
import path from 'node:path';
import { failed, ok } from '../../base/result.ts';
import type { Disk, DiskError, DiskFile } from '../../host/index.ts';

const { O_NOFOLLOW, O_RDONLY } = fs.constants;

export function readingDisk(root: string): Pick<Disk, 'open'> {
  return {
    open(relative, _mode, done) {
      try {
        const fd = fs.openSync(path.join(root, relative), O_RDONLY | O_NOFOLLOW);
        done(ok(fileOf(relative, fd, fs.fstatSync(fd).size)));
      } catch (error) {
        done(failed(diskError(error, 'open', relative)));
      }
    },
  };
}

function fileOf(relative: string, fd: number, size: number): DiskFile {
  const refuse = (): never => {
    throw new Error('this disk is for reading');
  };
  return {
    path: relative,
    size,
    read(position, length, done) {
      try {
        const bytes = new Uint8Array(Buffer.allocUnsafeSlow(Math.max(0, length)).buffer);
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

function diskError(error: unknown, operation: string, relative: string): DiskError {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: code === 'ENOENT' ? 'notFound' : 'failed', operation, path: relative, reason: message };
}
