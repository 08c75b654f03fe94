import type { Task } from '../base/task.ts';
import type { Clock, FileStatus } from '../host/index.ts';
import { closingOnFailure, must } from '../storage/steps.ts';
import type { FollowOptions } from './contract.ts';
import { furthest, type KnownFiles, placeOfKnown } from './known-files.ts';
import { close, type LogFolder } from './log-folder.ts';
import type { OpenFiles } from './open-files.ts';
import { type Checksums, isAtEnd, isKnown, type KnownFile, type OpenFile } from './place.ts';

/** Files that are looked at for late lines, at most. */
const lateFilesMax = 4;

export interface LateFilesOptions {
  readonly folder: LogFolder;
  readonly open: OpenFiles;
  readonly known: KnownFiles;
  readonly bytes: Checksums;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** How long each is looked at behind its last line. */
  readonly lateMs: number;
  readonly elsewhere: NonNullable<FollowOptions['elsewhere']>;
  /** As `giveBytes` does. */
  readonly give: (file: OpenFile, size: number) => Task<boolean>;
  /** Closes it: no more comes of its source. */
  readonly end: (file: OpenFile) => Task<void>;
}

/** Files that were read to their end and left: whoever writes them may not have opened the new one yet. */
export class LateFiles {
  readonly #options: LateFilesOptions;

  constructor(options: LateFilesOptions) {
    this.#options = options;
  }

  /** Where there are too many. */
  *leaveOldest(): Task<void> {
    const { late } = this.#options.open;
    const [oldest] = late;
    if (late.length > lateFilesMax && oldest !== undefined) yield* this.#leave(oldest);
  }

  /** Gives what came to them. False when nothing did. */
  *read(): Task<boolean> {
    const { open, clock, lateMs, give } = this.#options;
    let isMore = false;
    for (const file of open.late) {
      const status = yield* must<FileStatus>((done) => file.file.status(done));
      const nowMs = clock.monotonicMs();
      if (status.size > file.offset) {
        file.quietSinceMs = nowMs;
        yield* this.#noteLeftBehind(file);
        if (yield* give(file, status.size)) isMore = true;
        else yield* this.#leave(file);
      } else if (status.size < file.offset || nowMs - file.quietSinceMs >= lateMs) {
        yield* this.#leave(file);
      }
    }
    return isMore;
  }

  /** Takes up those that were left before, and have grown since. */
  *findGrown(): Task<void> {
    const { folder, known } = this.#options;
    for (const { name } of yield* folder.rotatedNames()) {
      const status = yield* folder.statusBeside(folder.besideName(name));
      const left = status === null ? undefined : known.get(status.identity);
      const offset = left?.offset ?? null;
      if (status === null || left === undefined || offset === null || status.size <= offset) continue;
      if (known.isReadElsewhere(status.identity)) continue;
      yield* this.#takeUp(folder.besideName(name), left);
    }
  }

  *#takeUp(path: string, left: KnownFile): Task<void> {
    const { folder, open, known, bytes, elsewhere } = this.#options;
    const read = elsewhere(left.identity);
    if (read === 'open') return;
    const opened = yield* folder.openBeside(path);
    if (opened === null) return;
    const isIt = opened.status.identity === left.identity && (left.firstBytes === 0 || (yield* isKnown(opened.file, left, bytes)));
    // One that was empty is known by its identity alone, which may be that of what another one was packed into by now.
    const copy = isIt && left.firstBytes === 0 ? yield* known.copyOfRead(opened) : null;
    if (copy !== null) return void (yield* known.passOver(copy.begun, copy.late));
    const begun = isIt ? yield* open.beginAtPlace(opened, placeOfKnown(furthest(left, read))) : null;
    if (begun === null) return yield* close(opened.file);
    if (yield* closingOnFailure(opened.file, isAtEnd(begun))) {
      // Another follower has read what came, under another name.
      if (read !== null) known.note(begun.known);
      return yield* close(opened.file);
    }
    // Nothing is waited for from here on: of two followers one has it.
    if (elsewhere(left.identity) === 'open') return yield* close(opened.file);
    known.delete(left.identity);
    open.late.push(begun);
    yield* this.leaveOldest();
  }

  /** It gets lines though no name leads to it any more: what it was packed into is noted while it has all that was read. */
  *#noteLeftBehind(late: OpenFile): Task<void> {
    const { folder, open, known } = this.#options;
    if (late.offset === 0 || known.hasCopyOf(late) || (yield* folder.isAmongRotated(late.identity))) return;
    for (const { name } of yield* folder.rotatedNames()) {
      const path = folder.besideName(name);
      const status = yield* folder.statusBeside(path);
      if (status === null || open.isOpen(status.identity) || (yield* known.knownStill({ path, status })) !== undefined) continue;
      const opened = yield* folder.openBeside(path);
      if (opened === null) continue;
      const begun = yield* open.beginAtPlace(opened, late.place);
      if (begun !== null) return void (yield* known.passOver(begun, late));
      yield* close(opened.file);
    }
  }

  *#leave(file: OpenFile): Task<void> {
    const { open, known, end } = this.#options;
    open.late = open.late.filter((each) => each !== file);
    known.leave(file);
    yield* end(file);
  }
}
