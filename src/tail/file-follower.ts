import { runTask, type Task, wait } from '../base/task.ts';
import type { DiskError, FileStatus, Timer } from '../host/index.ts';
import { guard, must, rethrow } from '../storage/steps.ts';
import type { FollowNews, FollowOptions, FollowState } from './contract.ts';
import { giveBytes } from './given-bytes.ts';
import { emptyFile, KnownFiles } from './known-files.ts';
import { LateFiles } from './late-files.ts';
import { close, LogFolder } from './log-folder.ts';
import { NextFile } from './next-file.ts';
import { OpenFiles } from './open-files.ts';
import { PlaceSearch } from './place-search.ts';
import { isShortened, type KnownFile, knownOfPlace, type OpenFile, type Place } from './place.ts';

/** How often it is looked at what stands beside the file, while that is current. */
const aroundEveryMs = 2_000;
/** Where many files are followed each is looked at less often, and what stands beside it too. */
const pollsPerLookAround = 20;

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
  readonly #folder: LogFolder;
  readonly #open: OpenFiles;
  readonly #known: KnownFiles;
  readonly #late: LateFiles;
  readonly #next: NextFile;
  readonly #search: PlaceSearch;
  #hasBegun = false;
  #isStopped = false;
  #isTroubled = false;
  #lookAroundMs = Number.NEGATIVE_INFINITY;
  #timer: { readonly handle: Timer; readonly wake: () => void } | null = null;
  #onStopped: (() => void) | null = null;
  #losses = 0;

  constructor(options: FollowOptions) {
    this.#options = options;
    const { files, path, clock, bytes, lateMs, events, elsewhere = () => null } = options;
    const isStopped = (): boolean => this.#isStopped;
    const folder = new LogFolder(files, path);
    const open = new OpenFiles(clock, bytes);
    const known = new KnownFiles(folder, open, bytes, () => this.#tellKnown());
    this.#folder = folder;
    this.#open = open;
    this.#known = known;
    this.#next = new NextFile({ folder, open, known, bytes, isStopped, elsewhere, replaced: () => this.#tell({ kind: 'replaced' }) });
    this.#search = new PlaceSearch(folder, open, bytes, {
      shortened: (from, to) => this.#tell({ kind: 'shortened', from, to }),
      lost: (why) => this.#tellLost(why),
    });
    this.#late = new LateFiles({
      folder,
      open,
      known,
      bytes,
      clock,
      lateMs,
      elsewhere,
      give: (file, size) => giveBytes(file, size, events, isStopped),
      end: (file) => this.#end(file),
    });
  }

  /** Where to go on after a restart: behind what was taken of each file that is open. */
  get state(): FollowState {
    return { current: this.#open.current?.taken ?? null, late: this.#open.late.map((file) => file.taken) };
  }

  /** What was given of a source is taken up to that place: it is not given again after a restart. */
  take(source: number, place: Place): FollowState {
    for (const file of this.#open.all) if (file.source === source) file.taken = place;
    return this.state;
  }

  /** Files beside it that are not read any more. */
  get known(): readonly KnownFile[] {
    return this.#known.all;
  }

  /** It is known where to begin. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Nothing of it is there, and all that was is read. */
  get isIdle(): boolean {
    return this.#hasBegun && this.#open.all.length === 0;
  }

  /** Whether a file is one of those that this one was, or is. */
  hasRead(identity: string): boolean {
    return this.#known.has(identity) || this.#open.isOpen(identity);
  }

  /** The same for other followers: a file that is open here, or what is known of it. */
  elsewhere(identity: string): 'open' | KnownFile | null {
    if (this.#open.isOpen(identity)) return 'open';
    const known = this.#known.get(identity) ?? null;
    return (known?.offset ?? 0) > 0 ? known : null;
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
    const files = this.#open.all;
    this.#open.late = [];
    this.#open.current = null;
    for (const { file } of files) yield* close(file);
  }

  *#rest(): Task<void> {
    yield* wait<void>((wake) => {
      this.#timer = { handle: this.#options.clock.startTimer(this.#options.pollMs, wake), wake };
    });
    this.#timer = null;
  }

  /** Reads on, or goes on to another file. False when there is nothing more now. */
  *#step(): Task<boolean> {
    const open = this.#open;
    if (!this.#hasBegun) {
      const begun = yield* guard(this.#begin());
      if (!begun.ok) {
        yield* this.#closeAll();
        rethrow(begun.error);
      }
      this.#hasBegun = true;
      this.#tellKnown();
      return open.current !== null;
    }
    const isMore = yield* this.#readOn();
    // Behind it: trouble with an old file must not keep the new one from being read.
    return (yield* this.#late.read()) || isMore;
  }

  // ------------------------------------------------------------------------------------------------------------- beginning

  *#begin(): Task<void> {
    const { from } = this.#options;
    if (typeof from === 'object') return yield* this.#resume(from.state, from.known);
    if (from === 'oldest') return;
    const folder = this.#folder;
    for (;;) {
      const before = yield* folder.statusOf(folder.path);
      const known = yield* this.#known.around();
      const opened = before === null ? null : yield* folder.open(folder.path);
      if (opened?.status.identity === before?.identity) {
        for (const file of known) this.#known.set(file);
        const begun = opened === null ? null : yield* this.#open.beginAt(opened, from === 'end' ? opened.file.size : 0);
        // Another follower has it under another name.
        if (begun !== null && this.#options.elsewhere?.(begun.identity) === 'open') yield* close(begun.file);
        else this.#open.current = begun;
        return;
      }
      if (opened !== null) yield* close(opened.file);
    }
  }

  /** A file of which nothing was read has nothing that it could be known by. */
  *#resume({ current, late }: FollowState, known: readonly KnownFile[]): Task<void> {
    const open = this.#open;
    const found = current === null || current.offset === 0 ? null : yield* this.#search.find(current);
    if (found !== null && !('changed' in found)) open.current = found;
    for (const file of known) this.#known.set(file);
    for (const place of late) {
      if (place.offset === 0) {
        this.#known.set(emptyFile(place.identity));
        continue;
      }
      const file = yield* this.#search.findLeft(place);
      if (file === null) {
        // A copy of it may be found yet.
        this.#known.set(knownOfPlace(place));
        continue;
      }
      this.#known.displace(file.identity);
      open.late.push(file);
    }
    if (current === null || current.offset === 0) return;
    if (open.current !== null) {
      this.#known.displace(open.current.identity);
      return;
    }
    open.gone = current;
    this.#tellLost(found === null ? 'gone' : 'cut');
  }

  // --------------------------------------------------------------------------------------------------------------- reading

  *#readOn(): Task<boolean> {
    const open = this.#open;
    if (open.current !== null) return yield* this.#readCurrent(open.current);
    open.current = yield* this.#next.after(null);
    return open.current !== null;
  }

  *#readCurrent(current: OpenFile): Task<boolean> {
    const { clock, events } = this.#options;
    const status = yield* must<FileStatus>((done) => current.file.status(done));
    if (status.size > 0 && current.offset === 0 && !current.isPlaced) {
      current.isPlaced = true;
      if (yield* this.#cameBefore(current)) return true;
    }
    const hasChanged = status.size !== current.offset || status.modifiedMs !== current.modifiedMs;
    if (status.size < current.offset) return yield* this.#wasCut(current);
    if (hasChanged && !(yield* giveBytes(current, status.size, events, () => this.#isStopped))) return yield* this.#wasCut(current);
    if (hasChanged) {
      current.modifiedMs = status.modifiedMs;
      current.quietSinceMs = clock.monotonicMs();
      if (status.size > 0) return true;
    }
    return yield* this.#atEnd(current);
  }

  /** At the end of the open file: has another one its name? */
  *#atEnd(current: OpenFile): Task<boolean> {
    const named = yield* this.#folder.statusOf(this.#folder.path);
    const isNamed = named !== null && named.identity === current.identity;
    yield* this.#lookAround(isNamed && current.offset > 0 ? current : null);
    if (isNamed) return false;
    // Written to the old one between the read and the look at the name.
    const last = yield* must<FileStatus>((done) => current.file.status(done));
    if (last.size !== current.offset) return true;
    const next = yield* this.#next.after(current);
    if (next === null) return yield* this.#atEndAlone(current, named);
    return yield* this.#goOn(current, next);
  }

  /** Nothing follows it yet. A file without a name is not held for ever. */
  *#atEndAlone(current: OpenFile, named: FileStatus | null): Task<boolean> {
    const { clock, lateMs } = this.#options;
    if (named !== null || clock.monotonicMs() - current.quietSinceMs < lateMs) return false;
    if (yield* this.#folder.isThere(current.identity)) return false;
    this.#open.current = null;
    this.#open.gone = current.place;
    this.#known.note(current.known);
    yield* this.#end(current);
    return false;
  }

  /** The file left is looked at for late lines, unless what follows goes on in its place. */
  *#goOn(from: OpenFile, to: OpenFile): Task<true> {
    this.#open.current = to;
    if (to.source === from.source) {
      to.taken = { ...from.taken, identity: to.identity };
      this.#known.displace(to.identity);
      yield* close(from.file);
      return true;
    }
    from.quietSinceMs = this.#options.clock.monotonicMs();
    this.#open.late.push(from);
    this.#known.displace(to.identity);
    yield* this.#late.leaveOldest();
    return true;
  }

  /** A file that was empty, and has something now, may have been copied and cut meanwhile: what came before is read first. */
  *#cameBefore(current: OpenFile): Task<boolean> {
    const open = this.#open;
    const named = yield* this.#folder.statusOf(this.#folder.path);
    if (named === null || named.identity !== current.identity) return false;
    open.current = null;
    const next = yield* this.#next.after(null);
    if (next === null || next.identity === current.identity) {
      if (next !== null) yield* close(next.file);
      open.current = current;
      return false;
    }
    yield* this.#end(current);
    open.current = next;
    return true;
  }

  /** The file has not what was read of it any more: a copy that was made of it before has the rest of what it held. */
  *#wasCut(current: OpenFile): Task<boolean> {
    const { place } = current;
    const open = this.#open;
    const opened = yield* this.#folder.open(this.#folder.path);
    if (opened !== null) {
      if (opened.status.identity === place.identity && (yield* isShortened(opened.file, place, this.#options.bytes))) {
        this.#tell({ kind: 'shortened', from: place.offset, to: opened.file.size });
        open.current = yield* open.beginAt(opened, opened.file.size);
        yield* this.#end(current);
        return true;
      }
      yield* close(opened.file);
    }
    const copy = yield* this.#search.copyOf(place, current.source, 'cut');
    if (copy !== null) return yield* this.#goOn(current, copy);
    open.current = null;
    open.gone = place;
    this.#tellLost('cut');
    yield* this.#end(current);
    return true;
  }

  /**
   * Looks now and then whether known files have grown. What stands beside a file that is current is older, or none of its past: that is noted, for when names
   * do not tell it any more.
   */
  *#lookAround(current: OpenFile | null): Task<void> {
    const { clock, pollMs } = this.#options;
    if (clock.monotonicMs() - this.#lookAroundMs < Math.max(aroundEveryMs, pollsPerLookAround * pollMs)) return;
    this.#lookAroundMs = clock.monotonicMs();
    yield* this.#late.findGrown();
    if (current === null) return;
    const found = yield* this.#known.around();
    if ((yield* this.#folder.statusOf(this.#folder.path))?.identity === current.identity) this.#known.noteAround(found);
  }

  *#end(file: OpenFile): Task<void> {
    yield* close(file.file);
    if (!this.#isStopped) this.#options.events.sourceEnded(file.source);
  }

  // --------------------------------------------------------------------------------------------------------------- telling

  #tellTrouble(error: DiskError | null): void {
    if (this.#isStopped || (error !== null) === this.#isTroubled) return;
    this.#isTroubled = error !== null;
    this.#options.events.trouble(error);
  }

  /** Before it has found all files of an earlier life, where it stands is not what it may keep. */
  #tellKnown(): void {
    if (this.#hasBegun && !this.#isStopped) this.#options.events.knownChanged?.();
  }

  #tell(news: FollowNews): void {
    if (!this.#isStopped) this.#options.events.told(news);
  }

  #tellLost(why: 'cut' | 'gone'): void {
    this.#tell({ kind: 'lost', why, count: ++this.#losses });
  }
}
