import type { Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { Bytes, Clock, Disk, DiskError, DiskFile, FileStatus, Timer } from '../host/index.ts';
import { nameOf, parentOf } from '../storage/disk-path.ts';
import { closeFile, closingOnFailure, DiskFailed, guard, must, rethrow } from '../storage/steps.ts';
import {
  beginAt,
  beginAtPlace,
  isAtEnd,
  isBeginningOf,
  isKnown,
  isShortened,
  type KnownFile,
  knownOf,
  knownOfPlace,
  OpenFile,
  type Place,
} from './place.ts';
import { compareAges, isRotationOf, type RotatedName, rotatedName } from './rotation.ts';

/** What a follower needs of a disk: nothing that writes. */
export type ReadableDisk = Pick<Disk, 'list' | 'open' | 'status'>;

/** What is told of a file beside its bytes. */
export type FollowNews =
  /**
   * It was cut, or is gone, and no copy of what it held is there: what was written to it and not read yet is lost. Nobody can say how much; `count` is how often
   * that was so.
   */
  | { readonly kind: 'lost'; readonly why: 'cut' | 'gone'; readonly count: number }
  /** It has less than before and begins as it did: what is left was read, and what comes behind it is read. */
  | { readonly kind: 'shortened'; readonly from: number; readonly to: number }
  /** Another file has its name, and it is not there under another one: it was read to its end, and the other one is read from its beginning. */
  | { readonly kind: 'replaced' };

export interface Piece {
  /** Which file it is of. Bytes of one source follow one another; a line does not go on in another. */
  readonly source: number;
  readonly identity: string;
  /** Valid until `next` is called. */
  readonly bytes: Uint8Array;
  /** The place behind the first `to` of these bytes, for `take`. Before `next` is called. */
  readonly placeAt: (to: number) => Place;
}

/** Where the taking stands, as it outlives the process. */
export interface FollowState {
  /** The file that is read; null when all that was there is read, and what comes is another one. */
  readonly current: Place | null;
  /** Of files that were read before it and may grow. */
  readonly late: readonly Place[];
}

interface FollowEvents {
  /** Bytes in order, any split: nothing more is read before `next`. */
  bytes(piece: Piece, next: () => void): void;
  /** No more comes of that source: a line without its end ends here. */
  sourceEnded(source: number): void;
  told(news: FollowNews): void;
  /** Cannot be read just now, told once; null when it can again. A file that is not there is waited for, and is no trouble. */
  trouble(error: DiskError | null): void;
  /** What is known of the files beside it has changed. */
  knownChanged?(): void;
}

export interface FollowOptions {
  readonly files: ReadableDisk;
  readonly clock: Pick<Clock, 'startTimer' | 'monotonicMs'>;
  readonly bytes: Pick<Bytes, 'crc32c'>;
  /** As `files` names it. Rotated ones are looked for in its folder. */
  readonly path: string;
  /** Where the first look begins: of the file that has the name then, or with the oldest of those that were rotated before. */
  readonly from: 'begin' | 'end' | 'oldest' | { readonly state: FollowState; readonly known: readonly KnownFile[] };
  /** How often is looked while nothing comes. */
  readonly pollMs: number;
  /** How long a file that was read to its end and lost its name is looked at for late lines. */
  readonly lateMs: number;
  readonly events: FollowEvents;
}

const readBytes = 64 * 1024;
/** Read of one file before others get their turn. */
const piecesAtOnce = 16;
/** Files that are looked at for late lines, at most. */
const lateFilesMax = 4;
/** How often it is looked at what stands beside the file, while that is current. */
const aroundEveryMs = 2_000;
/** Where many files are followed each is looked at less often, and what stands beside it too. */
const pollsPerLookAround = 20;
/** Names that are looked at in one folder, at most. */
const namesMax = 10_000;
/** How often names may shift while the next file is looked for, before the next look. */
const attemptsMax = 50;

interface Named {
  readonly path: string;
  readonly status: FileStatus;
}

interface Newer {
  readonly anchor: Named | null;
  readonly candidates: readonly Named[];
}

/**
 * Follows one file through rotation. A file is known by its identity (device and inode) together with its first bytes and those that were read last, never by
 * its name or the time of its last change: renamed it is read to its end, copied it is read on in the copy. Names tell only in what order files came that
 * were rotated between two looks, and what is no rotation of this file is none of its past (`rotation.ts`).
 *
 * - At the end of a file that has lost its name, the next is the oldest of those beside it that are newer by their names and not known yet, else the one that
 *   has the name. Names shift while it is looked, so what was found counts only if it still stands so afterwards.
 * - A file that was left is looked at for late lines for a while.
 * - A file that was cut in place is told by its length or by bytes that have changed. A copy of what it held, which may have any name, is read on.
 *
 * What nobody can know: what was written and cut, or written and removed, between two looks. A cut without a copy is told as `lost`.
 */
export class FileFollower {
  readonly #options: FollowOptions;
  #current: OpenFile | null = null;
  #late: OpenFile[] = [];
  readonly #known = new Map<string, KnownFile>();
  /** Sizes and times of known files as they were when their bytes were compared. */
  readonly #looks = new Map<string, string>();
  /** The same of those that still begin as they did. */
  readonly #verified = new Map<string, string>();
  /** Known files that were not there when it was looked around last. */
  readonly #missing = new Set<string>();
  /** Copies of files that were open when they were found, by identity, and the source of which they are. */
  readonly #copies = new Map<string, number>();
  #sources = 0;
  #hasBegun = false;
  #isStopped = false;
  #isTroubled = false;
  #lookAroundMs = Number.NEGATIVE_INFINITY;
  /** As it was when it was last read, of a file that is gone: a copy of it may take its name. */
  #gone: Place | null = null;
  #timer: { readonly handle: Timer; readonly wake: () => void } | null = null;
  #onStopped: (() => void) | null = null;
  #losses = 0;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  /** Where to go on after a restart: behind what was taken of each file that is open. */
  get state(): FollowState {
    return { current: this.#current?.taken ?? null, late: this.#late.map((file) => file.taken) };
  }

  /** What was given of a source is taken up to that place: it is not given again after a restart. */
  take(source: number, place: Place): FollowState {
    for (const file of [...this.#late, ...(this.#current === null ? [] : [this.#current])]) if (file.source === source) file.taken = place;
    return this.state;
  }

  /** Files beside it that are not read any more. */
  get known(): readonly KnownFile[] {
    return [...this.#known.values()];
  }

  /** It is known where to begin. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Nothing of it is there, and all that was is read. */
  get isIdle(): boolean {
    return this.#hasBegun && this.#current === null && this.#late.length === 0;
  }

  /** Whether a file is one of those that this one was, or is. */
  hasRead(identity: string): boolean {
    return this.#known.has(identity) || this.#isOpen(identity);
  }

  #isOpen(identity: string): boolean {
    return identity === this.#current?.identity || this.#late.some((file) => file.identity === identity);
  }

  start(): void {
    runTask(
      () => this.#run(),
      () => this.#onStopped?.(),
    );
  }

  /** Ends after the call that is under way; nothing is given any more. Not called twice. */
  stop(stopped: () => void): void {
    this.#isStopped = true;
    this.#onStopped = stopped;
    const timer = this.#timer;
    timer?.handle.cancel();
    timer?.wake();
  }

  *#run(): Task<void> {
    while (!this.#isStopped) {
      const stepped = yield* guard(this.#step());
      // Where the reading stands is kept: it goes on there once the disk answers.
      this.#tellTrouble(stepped.ok || stepped.error.kind === 'corrupt' ? null : stepped.error.error);
      if ((!stepped.ok || !stepped.value) && !this.#isStopped) yield* this.#rest();
    }
    yield* this.#closeAll();
  }

  *#closeAll(): Task<void> {
    const files = [...this.#late, ...(this.#current === null ? [] : [this.#current])];
    this.#late = [];
    this.#current = null;
    for (const { file } of files) yield* close(file);
  }

  #tellTrouble(error: DiskError | null): void {
    if (this.#isStopped || (error !== null) === this.#isTroubled) return;
    this.#isTroubled = error !== null;
    this.#options.events.trouble(error);
  }

  #tellKnown(): void {
    if (!this.#isStopped) this.#options.events.knownChanged?.();
  }

  #tell(news: FollowNews): void {
    if (!this.#isStopped) this.#options.events.told(news);
  }

  #tellLost(why: 'cut' | 'gone'): void {
    this.#tell({ kind: 'lost', why, count: ++this.#losses });
  }

  *#rest(): Task<void> {
    yield* wait<void>((wake) => {
      this.#timer = { handle: this.#options.clock.startTimer(this.#options.pollMs, wake), wake };
    });
    this.#timer = null;
  }

  /** Reads on, or goes on to another file. False when there is nothing more now. */
  *#step(): Task<boolean> {
    if (!this.#hasBegun) {
      const begun = yield* guard(this.#begin());
      if (!begun.ok) {
        yield* this.#closeAll();
        rethrow(begun.error);
      }
      this.#hasBegun = true;
      this.#tellKnown();
      return this.#current !== null;
    }
    const isMore = yield* this.#readOn();
    // Behind it: trouble with an old file must not keep the new one from being read.
    return (yield* this.#readLate()) || isMore;
  }

  // ------------------------------------------------------------------------------------------------------------- beginning

  *#begin(): Task<void> {
    const { from } = this.#options;
    if (typeof from === 'object') return yield* this.#resume(from.state, from.known);
    if (from === 'oldest') return;
    const { path } = this.#options;
    for (;;) {
      const before = yield* this.#statusOf(path);
      const known = yield* this.#knownAround();
      const opened = before === null ? null : yield* this.#open(path);
      if (opened?.status.identity === before?.identity) {
        for (const file of known) this.#known.set(file.identity, file);
        if (opened !== null) this.#current = yield* this.#beginAt(opened, from === 'end' ? opened.file.size : 0);
        return;
      }
      if (opened !== null) yield* close(opened.file);
    }
  }

  /** A file of which nothing was read has nothing that it could be known by. */
  *#resume({ current, late }: FollowState, known: readonly KnownFile[]): Task<void> {
    const found = current === null || current.offset === 0 ? null : yield* this.#find(current);
    if (found !== null && !('changed' in found)) this.#current = found;
    for (const file of known) this.#known.set(file.identity, file);
    for (const place of late) {
      if (place.offset === 0) {
        this.#known.set(place.identity, emptyFile(place.identity));
        continue;
      }
      const found = yield* this.#whileNamesShift((paths) => this.#findAmong(place, paths));
      const isThere = found !== null && !('changed' in found);
      const file = isThere ? found : yield* this.#whileNamesShift((paths) => this.#copyAmong(place, ++this.#sources, paths, true));
      if (file === null) {
        // A copy of it may be found yet.
        this.#known.set(place.identity, knownOfPlace(place));
        continue;
      }
      this.#displace(file.identity);
      this.#late.push(file);
    }
    if (current === null || current.offset === 0) return;
    if (this.#current !== null) {
      this.#displace(this.#current.identity);
      return;
    }
    this.#gone = current;
    this.#tellLost(found === null ? 'gone' : 'cut');
  }

  /** The file of a place, or a copy of it, whatever it is called. Null when it is gone; `changed` when other bytes stand where it was read. */
  *#find(place: Place): Task<OpenFile | { readonly changed: true } | null> {
    const found = yield* this.#whileNamesShift((paths) => this.#findAmong(place, paths));
    if (found !== null && !('changed' in found)) return found;
    return (yield* this.#copyOf(place, ++this.#sources, found === null ? 'gone' : 'cut')) ?? found;
  }

  *#findAmong(place: Place, paths: readonly string[]): Task<OpenFile | { readonly changed: true } | null> {
    let isChanged = false;
    for (const path of paths) {
      const status = yield* this.#statusBeside(path);
      if (status?.identity !== place.identity) continue;
      const opened = yield* this.#open(path);
      if (opened === null) continue;
      // Its name was another's before it was opened: it is met again under the one that it has now.
      if (opened.status.identity !== place.identity) {
        yield* close(opened.file);
        continue;
      }
      const begun = yield* this.#beginAtPlace(opened, place);
      if (begun !== null) return begun;
      if (yield* isShortened(opened.file, place, this.#options.bytes)) {
        this.#tell({ kind: 'shortened', from: place.offset, to: opened.file.size });
        return yield* this.#beginAt(opened, opened.file.size);
      }
      isChanged = true;
      yield* close(opened.file);
    }
    return isChanged ? { changed: true } : null;
  }

  /** Looks again when what it looked for was not there and names were others afterwards: it may have moved behind the looking. */
  *#whileNamesShift<Found>(look: (paths: readonly string[]) => Task<Found | null>): Task<Found | null> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const paths = yield* this.#allPaths();
      const found = yield* look(paths);
      if (found !== null) return found;
      const after = yield* this.#allPaths();
      if (paths.length === after.length && paths.every((path, index) => path === after[index])) return null;
    }
    return null;
  }

  // --------------------------------------------------------------------------------------------------------------- reading

  *#readOn(): Task<boolean> {
    if (this.#current !== null) return yield* this.#readCurrent(this.#current);
    this.#current = yield* this.#next(null);
    return this.#current !== null;
  }

  *#readCurrent(current: OpenFile): Task<boolean> {
    const status = yield* must<FileStatus>((done) => current.file.status(done));
    if (status.size > 0 && current.offset === 0 && !current.isPlaced) {
      current.isPlaced = true;
      if (yield* this.#cameBefore(current)) return true;
    }
    const hasChanged = status.size !== current.offset || status.modifiedMs !== current.modifiedMs;
    if (status.size < current.offset || (hasChanged && !(yield* this.#give(current, status.size)))) return yield* this.#wasCut(current);
    if (hasChanged) {
      current.modifiedMs = status.modifiedMs;
      current.quietSinceMs = this.#options.clock.monotonicMs();
      if (status.size > 0) return true;
    }
    return yield* this.#atEnd(current);
  }

  /** Gives what there is up to `size`, or a good part of it. False when what was read last is not there any more. */
  *#give(file: OpenFile, size: number): Task<boolean> {
    if (!(yield* file.hasFirst())) return false;
    for (let pieces = 0; pieces < piecesAtOnce && !this.#isStopped; pieces++) {
      const reading = yield* file.readOn(readBytes);
      if (reading === null) return false;
      const { chunk, placeAt } = reading;
      if (chunk.length === 0 || this.#isStopped) return true;
      const piece = { source: file.source, identity: file.identity, bytes: chunk, placeAt };
      yield* wait<void>((next) => this.#options.events.bytes(piece, next));
      if (file.offset >= size) return true;
    }
    return true;
  }

  *#readLate(): Task<boolean> {
    let isMore = false;
    for (const file of this.#late) {
      const status = yield* must<FileStatus>((done) => file.file.status(done));
      const nowMs = this.#options.clock.monotonicMs();
      if (status.size > file.offset) {
        file.quietSinceMs = nowMs;
        yield* this.#noteLeftBehind(file);
        if (yield* this.#give(file, status.size)) isMore = true;
        else yield* this.#closeLate(file);
      } else if (status.size < file.offset || nowMs - file.quietSinceMs >= this.#options.lateMs) {
        yield* this.#closeLate(file);
      }
    }
    return isMore;
  }

  /** It gets lines though no name leads to it any more: what it was packed into is noted while it has all that was read. */
  *#noteLeftBehind(late: OpenFile): Task<void> {
    const isNoted = [...this.#copies.values()].includes(late.source);
    if (late.offset === 0 || isNoted || (yield* this.#isBeside(late.identity))) return;
    for (const { name } of yield* this.#rotatedNames()) {
      const path = this.#besideName(name);
      const status = yield* this.#statusBeside(path);
      if (status === null || this.#isOpen(status.identity) || (yield* this.#knownStill(path, status)) !== undefined) continue;
      const opened = yield* this.#openBeside(path);
      if (opened === null) continue;
      const begun = yield* this.#beginAtPlace(opened, late.place);
      if (begun !== null) return void (yield* this.#passOver(begun, late));
      yield* close(opened.file);
    }
  }

  *#closeLate(file: OpenFile): Task<void> {
    this.#late = this.#late.filter((each) => each !== file);
    for (const [identity, source] of this.#copies) {
      if (source !== file.source) continue;
      this.#copies.delete(identity);
      // All that it has came from the file itself, and perhaps more than it has.
      const known = this.#known.get(identity);
      if (known !== undefined) this.#known.set(identity, { ...known, offset: null });
    }
    this.#note(file.known);
    yield* this.#end(file);
  }

  *#end(file: OpenFile): Task<void> {
    yield* close(file.file);
    if (!this.#isStopped) this.#options.events.sourceEnded(file.source);
  }

  #note(file: KnownFile): void {
    this.#known.set(file.identity, file);
    this.#tellKnown();
  }

  // ------------------------------------------------------------------------------------------------------------- the next file

  /** At the end of the open file: has another one its name? */
  *#atEnd(current: OpenFile): Task<boolean> {
    const named = yield* this.#statusOf(this.#options.path);
    const isNamed = named !== null && named.identity === current.identity;
    yield* this.#lookAround(isNamed && current.offset > 0 ? current : null);
    if (isNamed) return false;
    // Written to the old one between the read and the look at the name.
    const last = yield* must<FileStatus>((done) => current.file.status(done));
    if (last.size !== current.offset) return true;
    const next = yield* this.#next(current);
    if (next === null) return yield* this.#atEndAlone(current, named);
    return yield* this.#goOn(current, next);
  }

  /** Nothing follows it yet. A file without a name is not held for ever. */
  *#atEndAlone(current: OpenFile, named: FileStatus | null): Task<boolean> {
    const { clock, lateMs } = this.#options;
    if (named !== null || clock.monotonicMs() - current.quietSinceMs < lateMs) return false;
    for (const path of yield* this.#allPaths()) if ((yield* this.#statusBeside(path))?.identity === current.identity) return false;
    this.#current = null;
    this.#gone = current.place;
    this.#note(current.known);
    yield* this.#end(current);
    return false;
  }

  /** The file left is looked at for late lines, unless what follows goes on in its place. */
  *#goOn(from: OpenFile, to: OpenFile): Task<true> {
    this.#current = to;
    if (to.source === from.source) {
      to.taken = { ...from.taken, identity: to.identity };
      this.#displace(to.identity);
      yield* close(from.file);
      return true;
    }
    from.quietSinceMs = this.#options.clock.monotonicMs();
    this.#late.push(from);
    this.#displace(to.identity);
    yield* this.#closeOldestLate();
    return true;
  }

  /**
   * The oldest file that came after `after` and is not known; after null, or after one that has lost its name, any. Null when there is none yet. While names
   * shift, a file that is looked for moves to where the looking goes: from the newest to the oldest.
   */
  *#next(after: OpenFile | null): Task<OpenFile | null> {
    for (let attempt = 0; attempt < attemptsMax && !this.#isStopped; attempt++) {
      const names = yield* this.#rotatedNames();
      const found = yield* this.#newerThan(after, names);
      let isShifting = false;
      for (const [index, named] of found.candidates.entries()) {
        const opened = yield* this.#openUnknown(named, found.anchor === null ? after : null);
        if (opened === null) continue;
        // Where it stands is what says that it is the next: that must not have changed meanwhile.
        const neighbours = [found.anchor, found.candidates[index - 1] ?? null, named];
        const isSame = (yield* this.#stillStand(neighbours)) && sameNames(names, yield* this.#rotatedNames());
        if (isSame) {
          this.#noteEmpty(found.candidates.slice(0, index));
          yield* this.#tellReplaced(opened, named, after, found.anchor);
          opened.isPlaced = true;
          this.#known.delete(opened.identity);
          this.#gone = null;
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

  /** What was empty when it lost its name may get lines yet. One that was read under its identity is gone, or what it held is. */
  #noteEmpty(older: readonly Named[]): void {
    for (const { status } of older) {
      const { size, identity } = status;
      if (size > 0 || this.#isOpen(identity) || this.#known.get(identity)?.offset === 0) continue;
      this.#displace(identity);
      this.#note(emptyFile(identity));
    }
  }

  /** Its name is another file's, and its own is not there under any name: nobody renamed it. */
  *#tellReplaced(next: OpenFile, named: Named, after: OpenFile | null, anchor: Named | null): Task<void> {
    if (after === null || anchor !== null || named.path !== this.#options.path || next.source === after.source) return;
    for (const path of yield* this.#allPaths()) if ((yield* this.#statusBeside(path))?.identity === after.identity) return;
    this.#tell({ kind: 'replaced' });
  }

  /** What stands beside the file and came after `after`, the oldest first, and where `after` stands, if it does under a name that tells its age. */
  *#newerThan(after: OpenFile | null, names: readonly RotatedName[]): Task<Newer> {
    const { path } = this.#options;
    const newer: Named[] = [];
    const base = yield* this.#statusOf(path);
    if (base !== null) newer.push({ path, status: base });
    let age: RotatedName | null = null;
    let anchor: Named | null = null;
    const lower: Named[] = [];
    for (const rotated of names.toReversed()) {
      // Past it, only what cannot be compared with it is of interest.
      if (rotated.series === age?.series) continue;
      const beside = this.#besideName(rotated.name);
      const status = yield* this.#statusBeside(beside);
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
    if (age?.series === 'number' && anchor !== null && lower.length > 0 && (yield* this.#areKnown(lower)))
      return yield* this.#countedUpwards(anchor, age, names, base);
    return { anchor, candidates: newer.toReversed() };
  }

  *#areKnown(all: readonly Named[]): Task<boolean> {
    for (const { path, status } of all) {
      if (this.#late.some(({ identity }) => identity === status.identity)) continue;
      const known = this.#known.get(status.identity);
      const opened = known === undefined ? null : yield* this.#openBeside(path);
      if (known === undefined || opened === null) return false;
      const isIt = yield* isKnown(opened.file, known, this.#options.bytes);
      yield* close(opened.file);
      if (!isIt) return false;
    }
    return true;
  }

  *#countedUpwards(anchor: Named, age: RotatedName, names: readonly RotatedName[], base: FileStatus | null): Task<Newer> {
    const candidates: Named[] = [];
    const isNewer = (name: RotatedName): boolean => name.series === 'number' && compareAges(name, age, true) > 0;
    for (const { name } of names.filter(isNewer).toSorted((a, b) => compareAges(a, b, true))) {
      const path = this.#besideName(name);
      const status = yield* this.#statusBeside(path);
      if (status !== null) candidates.push({ path, status });
    }
    if (base !== null) candidates.push({ path: this.#options.path, status: base });
    return { anchor, candidates };
  }

  *#stillStand(all: readonly (Named | null)[]): Task<boolean> {
    for (const named of all) {
      if (named !== null && (yield* this.#statusBeside(named.path))?.identity !== named.status.identity) return false;
    }
    return true;
  }

  /** Opens what is to be read of a file: all of one that is not known, the rest of one that has grown or is a copy of another. Null when there is nothing. */
  *#openUnknown({ path, status }: Named, replaced: OpenFile | null): Task<OpenFile | null> {
    const { bytes } = this.#options;
    if (status.size === 0 || this.#isOpen(status.identity)) return null;
    const known = this.#known.get(status.identity);
    const look = `${status.size} ${status.modifiedMs}`;
    if (known !== undefined && this.#looks.get(status.identity) === look) return null;
    const opened = yield* this.#open(path);
    if (opened === null) return null;
    const { file } = opened;
    if (opened.status.identity !== status.identity) {
      yield* close(file);
      return null;
    }
    if (known !== undefined && (yield* isKnown(file, known, bytes))) {
      const begun =
        known.offset === null || file.size <= known.offset || this.#isReadElsewhere(status.identity)
          ? null
          : yield* this.#beginAtPlace(opened, placeOfKnown(known));
      if (begun !== null && !(yield* closingOnFailure(file, isAtEnd(begun)))) return begun;
      this.#looks.set(status.identity, look);
      yield* close(file);
      return null;
    }
    if (known !== undefined) this.#displace(status.identity);
    const isNamed = path === this.#options.path;
    const gone = replaced?.place ?? this.#gone;
    if (gone !== null && gone.offset > 0) {
      const begun = yield* this.#beginAtPlace(opened, gone, replaced?.source);
      if (begun !== null) return begun;
      if (!isNamed && (yield* isBeginningOf(file, gone, bytes))) return yield* this.#passOver(yield* this.#beginAt(opened, file.size));
    }
    const copy = isNamed ? null : yield* this.#copyOfRead(opened);
    if (copy?.late !== undefined) return yield* this.#passOver(copy.begun, copy.late);
    const begun = copy?.begun ?? (yield* this.#beginAt(opened, 0));
    // How long one is that was packed is not known before it is looked for what comes.
    return (yield* closingOnFailure(file, isAtEnd(begun))) ? yield* this.#passOver(begun) : begun;
  }

  /**
   * What has the bytes of a file that was read, under another identity: a copy of it, or what it was packed into, at the same place. `late`: the file is still
   * read, and has all of it. Null, with the file still open, for others.
   */
  *#copyOfRead(opened: Opened): Task<{ readonly begun: OpenFile; readonly of: string; readonly late?: OpenFile } | null> {
    let best: { readonly begun: OpenFile; readonly of: string; readonly late?: OpenFile } | null = null;
    const read = [
      ...this.#late.map((late) => ({ place: late.place, late })),
      ...[...this.#known.values()].map((known) => ({ place: placeOfKnown(known) })),
    ];
    for (const { place, ...of } of read) {
      // What a file was known by before it grew may be known too.
      if (place.offset <= (best?.begun.offset ?? 0)) continue;
      const begun = yield* this.#beginAtPlace(opened, place);
      if (begun !== null) best = { begun, of: place.identity, ...of };
    }
    return best;
  }

  /** It is a copy of one that is open: what it has more comes from there. */
  #isReadElsewhere(identity: string): boolean {
    const source = this.#copies.get(identity);
    return source !== undefined && this.#late.some((late) => late.source === source);
  }

  /** It has nothing that was not read. Noted with how far that was, for it may be copied or packed itself. */
  *#passOver(begun: OpenFile, late?: OpenFile): Task<null> {
    if (late !== undefined) this.#copies.set(begun.identity, late.source);
    this.#note(begun.known);
    yield* close(begun.file);
    return null;
  }

  /** A file that was empty, and has something now, may have been copied and cut meanwhile: what came before is read first. */
  *#cameBefore(current: OpenFile): Task<boolean> {
    const named = yield* this.#statusOf(this.#options.path);
    if (named === null || named.identity !== current.identity) return false;
    this.#current = null;
    const next = yield* this.#next(null);
    if (next === null || next.identity === current.identity) {
      if (next !== null) yield* close(next.file);
      this.#current = current;
      return false;
    }
    yield* this.#end(current);
    this.#current = next;
    return true;
  }

  /**
   * Looks now and then whether known files have grown. What stands beside a file that is current is older, or none of its past: that is noted, for when names
   * do not tell it any more.
   */
  *#lookAround(current: OpenFile | null): Task<void> {
    const { clock, path, pollMs } = this.#options;
    if (clock.monotonicMs() - this.#lookAroundMs < Math.max(aroundEveryMs, pollsPerLookAround * pollMs)) return;
    this.#lookAroundMs = clock.monotonicMs();
    yield* this.#findGrown();
    if (current === null) return;
    const known = yield* this.#knownAround();
    if ((yield* this.#statusOf(path))?.identity !== current.identity) return;
    const there = new Set(known.map(({ identity }) => identity));
    let hasChanged = false;
    for (const identity of this.#known.keys()) {
      if (there.has(identity)) this.#missing.delete(identity);
      // Names may have shifted while they were looked at.
      else if (this.#missing.has(identity)) hasChanged = this.#forget(identity) || hasChanged;
      else this.#missing.add(identity);
    }
    for (const file of known) {
      if (this.hasRead(file.identity)) continue;
      this.#known.set(file.identity, file);
      hasChanged = true;
    }
    if (hasChanged) this.#tellKnown();
  }

  /** Another file has its identity: it is gone, and copies of it are known by what was read. */
  #displace(identity: string): void {
    const known = this.#known.get(identity);
    this.#forget(identity);
    const name = `${identity} before`;
    if (known === undefined || (known.offset ?? 0) === 0) return;
    this.#known.set(name, { ...known, identity: name });
    // Before it has found all files of an earlier life, where it stands is not what it may keep.
    if (this.#hasBegun) this.#tellKnown();
  }

  #forget(identity: string): boolean {
    this.#looks.delete(identity);
    this.#verified.delete(identity);
    this.#copies.delete(identity);
    this.#missing.delete(identity);
    return this.#known.delete(identity);
  }

  *#findGrown(): Task<void> {
    for (const { name } of yield* this.#rotatedNames()) {
      const status = yield* this.#statusBeside(this.#besideName(name));
      const known = status === null ? undefined : this.#known.get(status.identity);
      const offset = known?.offset ?? null;
      if (status === null || known === undefined || offset === null || status.size <= offset) continue;
      if (this.#isReadElsewhere(status.identity)) continue;
      yield* this.#hasGrown(this.#besideName(name), known);
    }
  }

  /** One that was read to its end has grown since it was left: whoever writes it has not opened the new one yet. */
  *#hasGrown(path: string, known: KnownFile): Task<void> {
    const { bytes } = this.#options;
    const opened = yield* this.#openBeside(path);
    if (opened === null) return;
    const isIt = opened.status.identity === known.identity && (known.firstBytes === 0 || (yield* isKnown(opened.file, known, bytes)));
    // One that was empty is known by its identity alone, which may be that of what another one was packed into by now.
    const copy = isIt && known.firstBytes === 0 ? yield* this.#copyOfRead(opened) : null;
    if (copy !== null) return void (yield* this.#passOver(copy.begun, copy.late));
    const begun = isIt ? yield* this.#beginAtPlace(opened, placeOfKnown(known)) : null;
    if (begun === null || (yield* closingOnFailure(opened.file, isAtEnd(begun)))) return yield* close(opened.file);
    this.#known.delete(known.identity);
    this.#late.push(begun);
    yield* this.#closeOldestLate();
  }

  *#closeOldestLate(): Task<void> {
    const [oldest] = this.#late;
    if (this.#late.length > lateFilesMax && oldest !== undefined) yield* this.#closeLate(oldest);
  }

  /** The rotated files that are there, as they are; those that are known already as they are known. */
  *#knownAround(): Task<readonly KnownFile[]> {
    const found: KnownFile[] = [];
    for (const { name } of yield* this.#rotatedNames()) {
      const path = this.#besideName(name);
      const status = yield* this.#statusBeside(path);
      if (status === null) continue;
      const known = yield* this.#knownStill(path, status);
      if (known !== undefined) {
        found.push(known);
        continue;
      }
      if (this.#isOpen(status.identity)) continue;
      const opened = yield* this.#openBeside(path);
      if (opened === null) continue;
      const copy = yield* this.#copyOfRead(opened);
      // Where both are there, the first is read on.
      const isLeft = copy !== null && !(yield* this.#isBeside(copy.of));
      if (isLeft && copy.late !== undefined) this.#copies.set(opened.status.identity, copy.late.source);
      found.push(isLeft ? copy.begun.known : yield* knownOf(opened.file, opened.status.identity, this.#options.bytes));
      yield* close(opened.file);
    }
    return found;
  }

  /** What is known of a file, if it is the one that it was: others may have its identity once that is gone. */
  *#knownStill(path: string, { identity, size, modifiedMs }: FileStatus): Task<KnownFile | undefined> {
    const known = this.#known.get(identity);
    const look = `${size} ${modifiedMs}`;
    if (known === undefined || known.firstBytes === 0 || this.#verified.get(identity) === look) return known;
    if (size >= known.firstBytes) {
      const opened = yield* this.#openBeside(path);
      if (opened === null) return known;
      const isSame = yield* closingOnFailure(opened.file, isKnown(opened.file, known, this.#options.bytes));
      yield* close(opened.file);
      if (opened.status.identity !== identity) return known;
      if (isSame) {
        this.#verified.set(identity, look);
        return known;
      }
    }
    this.#displace(identity);
    return undefined;
  }

  *#isBeside(identity: string): Task<boolean> {
    for (const { name } of yield* this.#rotatedNames())
      if ((yield* this.#statusBeside(this.#besideName(name)))?.identity === identity) return true;
    return false;
  }

  // --------------------------------------------------------------------------------------------------------------- cut files

  /** The file has not what was read of it any more: a copy that was made of it before has the rest of what it held. */
  *#wasCut(current: OpenFile): Task<boolean> {
    const { place } = current;
    const opened = yield* this.#open(this.#options.path);
    if (opened !== null) {
      if (opened.status.identity === place.identity && (yield* isShortened(opened.file, place, this.#options.bytes))) {
        this.#tell({ kind: 'shortened', from: place.offset, to: opened.file.size });
        this.#current = yield* this.#beginAt(opened, opened.file.size);
        yield* this.#end(current);
        return true;
      }
      yield* close(opened.file);
    }
    const copy = yield* this.#copyOf(place, current.source, 'cut');
    if (copy !== null) return yield* this.#goOn(current, copy);
    this.#current = null;
    this.#gone = place;
    this.#tellLost('cut');
    yield* this.#end(current);
    return true;
  }

  /**
   * A file in its folder that has the bytes of the place where they were read, whatever it is called. One that is not called as rotation calls it may have
   * been copied long before, so something may be lost all the same.
   */
  *#copyOf(place: Place, source: number, why: 'cut' | 'gone'): Task<OpenFile | null> {
    if (place.offset === 0) return null;
    const copy = yield* this.#whileNamesShift((paths) => this.#copyAmong(place, source, paths));
    if (copy !== null && !isRotationOf(nameOf(copy.path), nameOf(this.#options.path))) this.#tellLost(why);
    return copy;
  }

  *#copyAmong(place: Place, source: number, paths: readonly string[], isRotated = false): Task<OpenFile | null> {
    for (const path of paths) {
      if (isRotated && !isRotationOf(nameOf(path), nameOf(this.#options.path))) continue;
      const status = yield* this.#statusBeside(path);
      if (status === null || status.identity === place.identity || status.size < place.offset) continue;
      // What may not be read may be the copy, if it is called so; other files are none of ours.
      const isOurs = isRotationOf(nameOf(path), nameOf(this.#options.path));
      const opened = isOurs ? yield* this.#open(path) : yield* this.#openBeside(path);
      if (opened === null) continue;
      const begun = yield* this.#beginAtPlace(opened, place, source);
      if (begun !== null) return begun;
      yield* close(opened.file);
    }
    return null;
  }

  // ------------------------------------------------------------------------------------------------------------------ names

  /** What stands beside the file under names that rotation gives, from the oldest to the newest. */
  *#rotatedNames(): Task<readonly RotatedName[]> {
    const base = nameOf(this.#options.path);
    const rotated = (yield* this.#names()).flatMap((name) => rotatedName(name, base) ?? []);
    return rotated.filter(({ isPacked }) => !isPacked).sort((a, b) => compareAges(a, b));
  }

  /** Everything in the folder: the file itself first, then what rotation made of it, the newest first. */
  *#allPaths(): Task<readonly string[]> {
    const { path } = this.#options;
    const rotated = (yield* this.#rotatedNames()).toReversed().map(({ name }) => name);
    const others = (yield* this.#names()).filter((name) => !rotated.includes(name) && name !== nameOf(path));
    return [path, ...[...rotated, ...others].slice(0, namesMax).map((name) => this.#besideName(name))];
  }

  *#names(): Task<readonly string[]> {
    const listed = yield* wait<Result<readonly string[], DiskError>>((done) =>
      this.#options.files.list(parentOf(this.#options.path), done),
    );
    if (!listed.ok && listed.error.code === 'notFound') return [];
    return valueOf(listed);
  }

  #besideName(name: string): string {
    const { path } = this.#options;
    return path.slice(0, path.length - nameOf(path).length) + name;
  }

  // ------------------------------------------------------------------------------------------------------------------ the disk

  *#statusOf(path: string): Task<FileStatus | null> {
    const result = yield* wait<Result<FileStatus, DiskError>>((done) => this.#options.files.status(path, done));
    return !result.ok && result.error.code === 'notFound' ? null : valueOf(result);
  }

  /** Null too for what is no file. What may not be looked at is trouble, since it may be the one. */
  *#statusBeside(path: string): Task<FileStatus | null> {
    const result = yield* wait<Result<FileStatus, DiskError>>((done) => this.#options.files.status(path, done));
    if (!result.ok && result.error.code === 'denied') throw new DiskFailed(result.error);
    return result.ok ? result.value : null;
  }

  /** Null for a file that is gone. */
  *#open(path: string): Task<Opened | null> {
    const opened = yield* wait<Result<DiskFile, DiskError>>((done) => this.#options.files.open(path, 'read', done));
    if (!opened.ok && opened.error.code === 'notFound') return null;
    const file = valueOf(opened);
    const status = yield* wait<Result<FileStatus, DiskError>>((done) => file.status(done));
    if (status.ok) return { file, status: status.value };
    yield* close(file);
    throw new DiskFailed(status.error);
  }

  /** Null too for one that cannot be read: it is looked at for what it might be. */
  *#openBeside(path: string): Task<Opened | null> {
    const opened = yield* guard(this.#open(path));
    return opened.ok ? opened.value : null;
  }

  *#beginAt({ file, status }: Opened, offset: number): Task<OpenFile> {
    const begun = yield* closingOnFailure(file, beginAt(file, status, offset, ++this.#sources, this.#options.bytes));
    return this.#lookedAtAnew(begun);
  }

  /** Null, with the file still open, where it has not what was read there. */
  *#beginAtPlace({ file, status }: Opened, place: Place, source = ++this.#sources): Task<OpenFile | null> {
    const begun = yield* closingOnFailure(file, beginAtPlace(file, status, place, source, this.#options.bytes));
    return begun === null ? null : this.#lookedAtAnew(begun);
  }

  /** What was written since it was opened is seen by its length. */
  #lookedAtAnew(file: OpenFile): OpenFile {
    file.modifiedMs = Number.NaN;
    file.quietSinceMs = this.#options.clock.monotonicMs();
    return file;
  }
}

interface Opened {
  readonly file: DiskFile;
  readonly status: FileStatus;
}

function valueOf<Value>(result: Result<Value, DiskError>): Value {
  if (result.ok) return result.value;
  throw new DiskFailed(result.error);
}

function* close(file: DiskFile): Task<void> {
  yield* guard(closeFile(file));
}

const emptyFile = (identity: string): KnownFile => ({ identity, offset: 0, firstBytes: 0, first: 0, witness: 0 });

const placeOfKnown = ({ identity, offset, first, witness }: KnownFile): Place => ({
  identity,
  offset: offset ?? 0,
  head: '',
  first,
  witness,
});

function sameNames(a: readonly RotatedName[], b: readonly RotatedName[]): boolean {
  return a.length === b.length && a.every(({ name }, index) => name === b[index]?.name);
}
