import type { Task } from '../base/task.ts';
import type { FileStatus } from '../host/index.ts';
import { closingOnFailure } from '../storage/steps.ts';
import { furthest, type KnownFiles, type Named, placeOfKnown } from './known-files.ts';
import { attemptsMax, close, type LogFolder, type Opened } from './log-folder.ts';
import type { OpenFiles } from './open-files.ts';
import type { FollowOptions } from './contract.ts';
import { type Checksums, isAtEnd, isBeginningOf, isKnown, type KnownFile, type OpenFile } from './place.ts';
import { compareAges, type RotatedName } from './rotation.ts';

interface Newer {
  readonly anchor: Named | null;
  readonly candidates: readonly Named[];
}

export interface NextFileOptions {
  readonly folder: LogFolder;
  readonly open: OpenFiles;
  readonly known: KnownFiles;
  readonly bytes: Checksums;
  readonly isStopped: () => boolean;
  readonly elsewhere: NonNullable<FollowOptions['elsewhere']>;
  /** Its name is another file's, and its own is not there under any name: nobody renamed it. */
  readonly replaced: () => void;
}

/**
 * Which file comes after one that was read. Names tell only in what order files came that were rotated between two looks; they shift while it is looked, so
 * what was found counts only if it still stands so afterwards.
 */
export class NextFile {
  readonly #options: NextFileOptions;

  constructor(options: NextFileOptions) {
    this.#options = options;
  }

  /**
   * The oldest file that came after `after` and is not known; after null, or after one that has lost its name, any. Null when there is none yet. While names
   * shift, a file that is looked for moves to where the looking goes: from the newest to the oldest.
   */
  *after(after: OpenFile | null): Task<OpenFile | null> {
    const { folder, open, known, isStopped, elsewhere } = this.#options;
    for (let attempt = 0; attempt < attemptsMax && !isStopped(); attempt++) {
      const names = yield* folder.rotatedNames();
      const found = yield* this.#newerThan(after, names);
      let isShifting = false;
      for (const [index, named] of found.candidates.entries()) {
        const opened = yield* this.#openUnknown(named, found.anchor === null ? after : null);
        if (opened === null) continue;
        // Where it stands is what says that it is the next: that must not have changed meanwhile.
        const neighbours = [found.anchor, found.candidates[index - 1] ?? null, named];
        const isSame = (yield* this.#stillStand(neighbours)) && sameNames(names, yield* folder.rotatedNames());
        if (isSame) yield* this.#tellReplaced(opened, named, after, found.anchor);
        // Nothing is waited for from here on: of two followers one has it.
        if (isSame && elsewhere(opened.identity) !== 'open') {
          known.noteEmpty(found.candidates.slice(0, index));
          opened.isPlaced = true;
          known.delete(opened.identity);
          open.gone = null;
          return opened;
        }
        yield* close(opened.file);
        isShifting = true;
        break;
      }
      if (!isShifting) return null;
    }
    return null;
  }

  *#tellReplaced(next: OpenFile, named: Named, after: OpenFile | null, anchor: Named | null): Task<void> {
    const { folder, replaced } = this.#options;
    if (after === null || anchor !== null || named.path !== folder.path || next.source === after.source) return;
    if (!(yield* folder.isThere(after.identity))) replaced();
  }

  /** What stands beside the file and came after `after`, the oldest first, and where `after` stands, if it does under a name that tells its age. */
  *#newerThan(after: OpenFile | null, names: readonly RotatedName[]): Task<Newer> {
    const { folder, known } = this.#options;
    const newer: Named[] = [];
    const base = yield* folder.statusOf(folder.path);
    if (base !== null) newer.push({ path: folder.path, status: base });
    let age: RotatedName | null = null;
    let anchor: Named | null = null;
    const lower: Named[] = [];
    for (const rotated of names.toReversed()) {
      // Past it, only what cannot be compared with it is of interest.
      if (rotated.series === age?.series) continue;
      const beside = folder.besideName(rotated.name);
      const status = yield* folder.statusBeside(beside);
      if (status === null) continue;
      if (status.identity === after?.identity) {
        age = rotated;
        anchor = { path: beside, status };
      } else {
        newer.push({ path: beside, status });
        if (rotated.series === 'number') lower.push({ path: beside, status });
      }
    }
    // Counted downwards, those with lower numbers would have come after it, and could not be known.
    if (age?.series === 'number' && anchor !== null && lower.length > 0 && (yield* known.areKnown(lower)))
      return yield* this.#countedUpwards(anchor, age, names, base);
    return { anchor, candidates: newer.toReversed() };
  }

  *#countedUpwards(anchor: Named, age: RotatedName, names: readonly RotatedName[], base: FileStatus | null): Task<Newer> {
    const { folder } = this.#options;
    const candidates: Named[] = [];
    const isNewer = (name: RotatedName): boolean => name.series === 'number' && compareAges(name, age, true) > 0;
    for (const { name } of names.filter(isNewer).toSorted((a, b) => compareAges(a, b, true))) {
      const path = folder.besideName(name);
      const status = yield* folder.statusBeside(path);
      if (status !== null) candidates.push({ path, status });
    }
    if (base !== null) candidates.push({ path: folder.path, status: base });
    return { anchor, candidates };
  }

  *#stillStand(all: readonly (Named | null)[]): Task<boolean> {
    for (const named of all) {
      if (named !== null && (yield* this.#options.folder.statusBeside(named.path))?.identity !== named.status.identity) return false;
    }
    return true;
  }

  /** Opens what is to be read of a file: all of one that is not known, the rest of one that has grown or is a copy of another. Null when there is nothing. */
  *#openUnknown(named: Named, replaced: OpenFile | null): Task<OpenFile | null> {
    const { folder, open, known, bytes, elsewhere } = this.#options;
    const { path, status } = named;
    const other = elsewhere(status.identity);
    if (status.size === 0 || open.isOpen(status.identity) || other === 'open') return null;
    const read = known.get(status.identity);
    if (known.isLookedAt(named)) return null;
    const opened = yield* folder.open(path);
    if (opened === null) return null;
    const { file } = opened;
    if (opened.status.identity !== status.identity) {
      yield* close(file);
      return null;
    }
    if (read !== undefined && (yield* isKnown(file, read, bytes))) {
      const begun =
        read.offset === null || file.size <= read.offset || known.isReadElsewhere(status.identity)
          ? null
          : yield* open.beginAtPlace(opened, placeOfKnown(furthest(read, other)));
      if (begun !== null && !(yield* closingOnFailure(file, isAtEnd(begun)))) return begun;
      known.noteLook(named);
      yield* close(file);
      return null;
    }
    if (read !== undefined) known.displace(status.identity);
    const isNamed = path === folder.path;
    const gone = replaced?.place ?? open.gone;
    if (gone !== null && gone.offset > 0) {
      const begun = yield* open.beginAtPlace(opened, gone, replaced?.source);
      if (begun !== null) return begun;
      if (!isNamed && (yield* isBeginningOf(file, gone, bytes))) return yield* known.passOver(yield* open.beginAt(opened, file.size));
    }
    const copy = isNamed ? null : yield* known.copyOfRead(opened);
    if (copy?.late !== undefined) return yield* known.passOver(copy.begun, copy.late);
    const begun = copy?.begun ?? (yield* this.#begunElsewhere(opened, other)) ?? (yield* open.beginAt(opened, 0));
    // How long one is that was packed is not known before it is looked for what comes.
    return (yield* closingOnFailure(file, isAtEnd(begun))) ? yield* known.passOver(begun) : begun;
  }

  /** Another follower has read it so far under another name, and left it. */
  *#begunElsewhere(opened: Opened, read: KnownFile | null): Task<OpenFile | null> {
    const { open, bytes } = this.#options;
    if (read === null || !(yield* closingOnFailure(opened.file, isKnown(opened.file, read, bytes)))) return null;
    return yield* open.beginAtPlace(opened, placeOfKnown(read));
  }
}

function sameNames(a: readonly RotatedName[], b: readonly RotatedName[]): boolean {
  return a.length === b.length && a.every(({ name }, index) => name === b[index]?.name);
}
