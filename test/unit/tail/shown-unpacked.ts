import { UnpackedFiles } from '../../../src/daemon/collect/unpacked-files.ts';
import type { DiskFile } from '../../../src/host/index.ts';
import type { Files, ShownFiles } from './rig.ts';

/** Counts calls that were not answered yet. */
class Calls {
  count = 0;

  counted<Result>(done: (result: Result) => void): (result: Result) => void {
    this.count++;
    return (result) => {
      this.count--;
      done(result);
    };
  }

  in(files: Files): Files {
    return {
      list: (path, done) => files.list(path, this.counted(done)),
      status: (path, done) => files.status(path, this.counted(done)),
      open: (path, mode, done) =>
        files.open(
          path,
          mode,
          this.counted((result) => done(result.ok ? { ok: true, value: this.#inFile(result.value) } : result)),
        ),
    };
  }

  #inFile(file: DiskFile): DiskFile {
    return {
      path: file.path,
      get size() {
        return file.size;
      },
      status: (done) => file.status(this.counted(done)),
      read: (position, length, done) => file.read(position, length, this.counted(done)),
      close: (done) => file.close(this.counted(done)),
      write: (position, chunks, done) => file.write(position, chunks, done),
      sync: (done) => file.sync(done),
      truncate: (size, done) => file.truncate(size, done),
    };
  }
}

/** What was packed as it was before. It waits while it unpacks what it has. */
export function showUnpacked(files: Files, damaged: (name: string) => void): ShownFiles {
  const asked = new Calls();
  const ofDisk = new Calls();
  const shown = new UnpackedFiles(ofDisk.in(files), 'app.log', damaged);
  return { files: asked.in(shown), isWaiting: () => asked.count > 0 && ofDisk.count === 0 };
}
