import type { Result } from '../base/result.ts';
import { type Task, wait } from '../base/task.ts';
import type { Disk, DiskError, DiskFile, FileStatus } from '../host/index.ts';
import { nameOf, parentOf } from '../storage/disk-path.ts';
import { closeFile, DiskFailed, guard } from '../storage/steps.ts';
import { compareAges, isRotationOf, type RotatedName, rotatedName } from './rotation.ts';

/** What a follower needs of a disk: nothing that writes. */
export type ReadableDisk = Pick<Disk, 'list' | 'open' | 'status'>;

export interface Opened {
  readonly file: DiskFile;
  readonly status: FileStatus;
}

/** Names that are looked at in one folder, at most. */
const namesMax = 10_000;
/** How often names may shift while something is looked for, before the next look. */
export const attemptsMax = 50;

/** What stands beside a file that is followed, under which names. Failures of the disk are thrown, as in all steps of a task (`storage/steps.ts`). */
export class LogFolder {
  /** The followed file, as the disk names it. */
  readonly path: string;
  readonly #files: ReadableDisk;

  constructor(files: ReadableDisk, path: string) {
    this.#files = files;
    this.path = path;
  }

  /** Those that stand beside the file under names that rotation gives, from the oldest to the newest. */
  *rotatedNames(): Task<readonly RotatedName[]> {
    const base = nameOf(this.path);
    const rotated = (yield* this.#names()).flatMap((name) => rotatedName(name, base) ?? []);
    return rotated.filter(({ isPacked }) => !isPacked).sort((a, b) => compareAges(a, b));
  }

  /** Everything in the folder: the file itself first, then what rotation made of it, the newest first. */
  *allPaths(): Task<readonly string[]> {
    const rotated = (yield* this.rotatedNames()).toReversed().map(({ name }) => name);
    const others = (yield* this.#names()).filter((name) => !rotated.includes(name) && name !== nameOf(this.path));
    return [this.path, ...[...rotated, ...others].slice(0, namesMax).map((name) => this.besideName(name))];
  }

  *#names(): Task<readonly string[]> {
    const listed = yield* wait<Result<readonly string[], DiskError>>((done) => this.#files.list(parentOf(this.path), done));
    if (!listed.ok && listed.error.code === 'notFound') return [];
    return valueOf(listed);
  }

  /** The path of a name in the folder. */
  besideName(name: string): string {
    return this.path.slice(0, this.path.length - nameOf(this.path).length) + name;
  }

  /** Whether a path is called as rotation calls those that were this file. */
  isRotated(path: string): boolean {
    return isRotationOf(nameOf(path), nameOf(this.path));
  }

  /** A file stands beside this one under a name that rotation gives. */
  *isAmongRotated(identity: string): Task<boolean> {
    for (const { name } of yield* this.rotatedNames())
      if ((yield* this.statusBeside(this.besideName(name)))?.identity === identity) return true;
    return false;
  }

  /** It stands in the folder, under any name. */
  *isThere(identity: string): Task<boolean> {
    for (const path of yield* this.allPaths()) if ((yield* this.statusBeside(path))?.identity === identity) return true;
    return false;
  }

  /** Looks again when what it looked for was not there and names were others afterwards: it may have moved behind the looking. */
  *whileNamesShift<Found>(look: (paths: readonly string[]) => Task<Found | null>): Task<Found | null> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const paths = yield* this.allPaths();
      const found = yield* look(paths);
      if (found !== null) return found;
      const after = yield* this.allPaths();
      if (paths.length === after.length && paths.every((path, index) => path === after[index])) return null;
    }
    return null;
  }

  /** Null for what is not there. */
  *statusOf(path: string): Task<FileStatus | null> {
    const result = yield* wait<Result<FileStatus, DiskError>>((done) => this.#files.status(path, done));
    return !result.ok && result.error.code === 'notFound' ? null : valueOf(result);
  }

  /** Null too for what is no file. What may not be looked at is trouble, since it may be the one. */
  *statusBeside(path: string): Task<FileStatus | null> {
    const result = yield* wait<Result<FileStatus, DiskError>>((done) => this.#files.status(path, done));
    if (!result.ok && result.error.code === 'denied') throw new DiskFailed(result.error);
    return result.ok ? result.value : null;
  }

  /** Null for a file that is gone. */
  *open(path: string): Task<Opened | null> {
    const opened = yield* wait<Result<DiskFile, DiskError>>((done) => this.#files.open(path, 'read', done));
    if (!opened.ok && opened.error.code === 'notFound') return null;
    const file = valueOf(opened);
    const status = yield* wait<Result<FileStatus, DiskError>>((done) => file.status(done));
    if (status.ok) return { file, status: status.value };
    yield* close(file);
    throw new DiskFailed(status.error);
  }

  /** Null too for one that cannot be read: it is looked at for what it might be. */
  *openBeside(path: string): Task<Opened | null> {
    const opened = yield* guard(this.open(path));
    return opened.ok ? opened.value : null;
  }
}

function valueOf<Value>(result: Result<Value, DiskError>): Value {
  if (result.ok) return result.value;
  throw new DiskFailed(result.error);
}

/** That it cannot be closed is no trouble of whoever only reads. */
export function* close(file: DiskFile): Task<void> {
  yield* guard(closeFile(file));
}
