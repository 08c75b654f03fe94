import type { Task } from '../base/task.ts';
import type { FileStatus } from '../host/index.ts';
import { closingOnFailure } from '../storage/steps.ts';
import { close, type LogFolder, type Opened } from './log-folder.ts';
import type { OpenFiles } from './open-files.ts';
import { type Checksums, isKnown, type KnownFile, knownOf, knownOfPlace, type OpenFile, type Place } from './place.ts';

/** A file under the name where it was seen. */
export interface Named {
  readonly path: string;
  readonly status: FileStatus;
}

/** What has the bytes of a file that was read, under another identity. */
export interface ReadCopy {
  readonly begun: OpenFile;
  /** The identity of the one that it is a copy of. */
  readonly of: string;
  /** That one, where it is still read and has all of it. */
  readonly late?: OpenFile;
}

/**
 * What is known of files beside the followed one that are not read: that they were read, up to where, or that they are none of what is followed. Files are
 * known by identity and bytes, since others may have an identity once its file is gone.
 */
export class KnownFiles {
  readonly #folder: LogFolder;
  readonly #open: OpenFiles;
  readonly #bytes: Checksums;
  readonly #changed: () => void;
  readonly #known = new Map<string, KnownFile>();
  /** Sizes and times of known files as they were when their bytes were compared. */
  readonly #looks = new Map<string, string>();
  /** The same of those that still begin as they did. */
  readonly #verified = new Map<string, string>();
  /** Known files that were not there when it was looked around last. */
  readonly #missing = new Set<string>();
  /** Copies of files that were open when they were found, by identity, and the source of which they are. */
  readonly #copies = new Map<string, number>();

  /** @param changed what is to be kept is another */
  constructor(folder: LogFolder, open: OpenFiles, bytes: Checksums, changed: () => void) {
    this.#folder = folder;
    this.#open = open;
    this.#bytes = bytes;
    this.#changed = changed;
  }

  get all(): readonly KnownFile[] {
    return [...this.#known.values()];
  }

  has(identity: string): boolean {
    return this.#known.has(identity);
  }

  get(identity: string): KnownFile | undefined {
    return this.#known.get(identity);
  }

  /** Of several, whose change is told once for all, or of one that was kept. */
  set(file: KnownFile): void {
    this.#known.set(file.identity, file);
  }

  note(file: KnownFile): void {
    this.set(file);
    this.#changed();
  }

  /** It is read from now on. */
  delete(identity: string): void {
    this.#known.delete(identity);
  }

  /** What was empty when it lost its name may get lines yet. One that was read under its identity is gone, or what it held is. */
  noteEmpty(files: readonly Named[]): void {
    for (const { status } of files) {
      const { size, identity } = status;
      if (size > 0 || this.#open.isOpen(identity) || this.#known.get(identity)?.offset === 0) continue;
      this.displace(identity);
      this.note(emptyFile(identity));
    }
  }

  /** Another file has its identity: it is gone, and copies of it are known by what was read. */
  displace(identity: string): void {
    const known = this.#known.get(identity);
    this.#forget(identity);
    const name = `${identity} before`;
    if (known === undefined || (known.offset ?? 0) === 0) return;
    this.note({ ...known, identity: name });
  }

  #forget(identity: string): boolean {
    this.#looks.delete(identity);
    this.#verified.delete(identity);
    this.#copies.delete(identity);
    this.#missing.delete(identity);
    return this.#known.delete(identity);
  }

  /** What was found beside the file while that was current: those are known, and what was missing twice is forgotten. */
  noteAround(found: readonly KnownFile[]): void {
    const there = new Set(found.map(({ identity }) => identity));
    let hasChanged = false;
    for (const identity of this.#known.keys()) {
      if (there.has(identity)) this.#missing.delete(identity);
      // Names may have shifted while they were looked at.
      else if (this.#missing.has(identity)) hasChanged = this.#forget(identity) || hasChanged;
      else this.#missing.add(identity);
    }
    for (const file of found) {
      if (this.#known.has(file.identity) || this.#open.isOpen(file.identity)) continue;
      this.set(file);
      hasChanged = true;
    }
    if (hasChanged) this.#changed();
  }

  // -------------------------------------------------------------------------------------------------------- what was compared

  isLookedAt({ status }: Named): boolean {
    return this.#known.has(status.identity) && this.#looks.get(status.identity) === lookOf(status);
  }

  /** Its bytes were compared, and it has nothing new. */
  noteLook({ status }: Named): void {
    this.#looks.set(status.identity, lookOf(status));
  }

  /** What is known of a file, if it is the one that it was. */
  *knownStill({ path, status }: Named): Task<KnownFile | undefined> {
    const { identity, size } = status;
    const known = this.#known.get(identity);
    const look = lookOf(status);
    if (known === undefined || known.firstBytes === 0 || this.#verified.get(identity) === look) return known;
    if (size >= known.firstBytes) {
      const opened = yield* this.#folder.openBeside(path);
      if (opened === null) return known;
      const isSame = yield* closingOnFailure(opened.file, isKnown(opened.file, known, this.#bytes));
      yield* close(opened.file);
      if (opened.status.identity !== identity) return known;
      if (isSame) {
        this.#verified.set(identity, look);
        return known;
      }
    }
    this.displace(identity);
    return undefined;
  }

  /** All of them are files that were read, or are. */
  *areKnown(all: readonly Named[]): Task<boolean> {
    for (const { path, status } of all) {
      if (this.#open.isLate(status.identity)) continue;
      const known = this.#known.get(status.identity);
      const opened = known === undefined ? null : yield* this.#folder.openBeside(path);
      if (known === undefined || opened === null) return false;
      const isIt = yield* isKnown(opened.file, known, this.#bytes);
      yield* close(opened.file);
      if (!isIt) return false;
    }
    return true;
  }

  /** What stands beside the file now under names of rotated ones, as it is; of those that are known already what is known. */
  *around(): Task<readonly KnownFile[]> {
    const found: KnownFile[] = [];
    for (const { name } of yield* this.#folder.rotatedNames()) {
      const path = this.#folder.besideName(name);
      const status = yield* this.#folder.statusBeside(path);
      if (status === null) continue;
      const known = yield* this.knownStill({ path, status });
      if (known !== undefined) {
        found.push(known);
        continue;
      }
      if (this.#open.isOpen(status.identity)) continue;
      const opened = yield* this.#folder.openBeside(path);
      if (opened === null) continue;
      const copy = yield* this.copyOfRead(opened);
      // Where both are there, the first is read on.
      const isLeft = copy !== null && !(yield* this.#folder.isAmongRotated(copy.of));
      if (isLeft && copy.late !== undefined) this.#copies.set(opened.status.identity, copy.late.source);
      found.push(isLeft ? copy.begun.known : yield* knownOf(opened.file, opened.status.identity, this.#bytes));
      yield* close(opened.file);
    }
    return found;
  }

  // ------------------------------------------------------------------------------------------------- copies of what was read

  /** A copy of a file that was read, or what it was packed into, begun at the same place. Null, with the file still open, for others. */
  *copyOfRead(opened: Opened): Task<ReadCopy | null> {
    let best: ReadCopy | null = null;
    const read = [
      ...this.#open.late.map((late) => ({ place: late.place, late })),
      ...[...this.#known.values()].map((known) => ({ place: placeOfKnown(known) })),
    ];
    for (const { place, ...of } of read) {
      // What a file was known by before it grew may be known too.
      if (place.offset <= (best?.begun.offset ?? 0)) continue;
      const begun = yield* this.#open.beginAtPlace(opened, place);
      if (begun !== null) best = { begun, of: place.identity, ...of };
    }
    return best;
  }

  /** It has nothing that was not read. Noted with how far that was, for it may be copied or packed itself. */
  *passOver(begun: OpenFile, late?: OpenFile): Task<null> {
    if (late !== undefined) this.#copies.set(begun.identity, late.source);
    this.note(begun.known);
    yield* close(begun.file);
    return null;
  }

  /** It is a copy of one that is open: what it has more comes from there. */
  isReadElsewhere(identity: string): boolean {
    const source = this.#copies.get(identity);
    return source !== undefined && this.#open.late.some((late) => late.source === source);
  }

  hasCopyOf({ source }: OpenFile): boolean {
    return [...this.#copies.values()].includes(source);
  }

  /** A late file is not read any more. All that its copies have came from the file itself, and perhaps more than they have. */
  leave(late: OpenFile): void {
    for (const [identity, source] of this.#copies) {
      if (source !== late.source) continue;
      this.#copies.delete(identity);
      const known = this.#known.get(identity);
      if (known !== undefined) this.set({ ...known, offset: null });
    }
    this.note(late.known);
  }
}

const lookOf = ({ size, modifiedMs }: FileStatus): string => `${size} ${modifiedMs}`;

/** One of which nothing was read. */
export const emptyFile = (identity: string): KnownFile => knownOfPlace({ identity, offset: 0, head: '', first: 0, witness: 0 });

/** Of what two followers know of one file, what is further. */
export const furthest = (known: KnownFile, other: KnownFile | null): KnownFile =>
  other !== null && known.offset !== null && (other.offset ?? 0) > known.offset ? other : known;

export const placeOfKnown = ({ identity, offset, first, witness }: KnownFile): Place => ({
  identity,
  offset: offset ?? 0,
  head: '',
  first,
  witness,
});
