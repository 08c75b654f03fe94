import type { Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { DiskError, FileStatus, Timer } from '../host/index.ts';
import type { FollowNews, FollowOptions, FollowState, Piece } from './contract.ts';
import { FileFollower } from './file-follower.ts';
import type { ReadableDisk } from './log-folder.ts';
import type { KnownFile, Place } from './place.ts';
import { isRotationOf } from './rotation.ts';

/** Folders by their names: those that so many levels below a folder have names that are meant, each level with its own. New ones are taken up. */
export interface FolderGlob {
  readonly root: string;
  readonly levels: readonly ((name: string) => boolean)[];
}

/** Which files are followed: one, or all of a folder, or of several, whose names match; new ones are taken up. */
export interface Wanted {
  readonly folder: string | FolderGlob;
  /** The name of one file, or what tells whether a name is meant. */
  readonly name: string | ((name: string) => boolean);
}

/** As it was noted. */
export interface Standing {
  readonly state: FollowState;
  readonly known: readonly KnownFile[];
}

interface SetEvents {
  bytes(file: FollowedFile, piece: Piece, next: () => void): void;
  sourceEnded(file: FollowedFile, source: number): void;
  told(file: FollowedFile, news: FollowNews): void;
  /** Of a file, or of a folder whose names cannot be listed. */
  trouble(path: string, error: DiskError | null): void;
  knownChanged(file: FollowedFile): void;
  /** A file of a folder is gone, and was read to its end: it is not followed any more. */
  left(file: FollowedFile): void;
  /** So many are there that are not followed. Told once. */
  tooMany(count: number): void;
  /** And so many folders are not looked into. Told once. */
  tooManyFolders(count: number): void;
}

export interface FileSetOptions extends Pick<FollowOptions, 'clock' | 'bytes' | 'lateMs'> {
  readonly wanted: readonly Wanted[];
  /** The files of a folder, to follow the one of that name; null to list them. */
  readonly filesIn: (folder: string, name: string | null) => ReadableDisk;
  /** Where an earlier run stood, by path. */
  readonly standings: ReadonlyMap<string, Standing>;
  /** Files that are followed for the first time: from the beginning of the one that is there, or of those too that were rotated before. */
  readonly from: 'begin' | 'oldest';
  readonly filesMax: number;
  readonly events: SetEvents;
}

/** How often a file is looked at while nothing comes: many files are looked at less often, so that looking costs the same. */
const pollMsMin = 100;
const pollMsPerFile = 1;
/** Folders that one glob may mean, at each of its levels. */
export const foldersMax = 1_000;
/** How often folders are looked at for new files. */
const listEveryMs = 1_000;

export interface FollowedFile {
  readonly path: string;
  /** Says up to where what was given of a source is taken; gives where to go on after a restart. */
  readonly take: (source: number, place: Place) => FollowState;
  readonly state: () => FollowState;
  readonly known: () => readonly KnownFile[];
}

interface Member extends FollowedFile {
  readonly follower: FileFollower;
  readonly standing: Standing | null;
  /** Of the file that had its name when it was taken up; null where nobody looked: it was begun at the start. */
  readonly identity: string | null;
  /** By its own name: it is waited for where it is gone. */
  readonly isWanted: boolean;
}

/** Follows many files, each with its own rotation: what is another one's past is no file of its own. */
export class FileSet {
  readonly #options: FileSetOptions;
  readonly #members = new Map<string, Member>();
  /** Of files that are not begun yet. */
  readonly #standings: Map<string, Standing>;
  /** Names of a folder as of the look before. */
  readonly #listed = new Map<string, ReadonlySet<string>>();
  /** Files that were those of a member in another folder, by path: theirs. Once both are rotated they may be looked at before the member has read on. */
  readonly #secondNames = new Map<string, string>();
  readonly #troubled = new Set<string>();
  /** In this look. */
  readonly #lookedInto = new Set<string>();
  #timer: Timer | null = null;
  #isStopped = false;
  #hasToldTooMany = false;
  #hasToldTooManyFolders = false;

  constructor(options: FileSetOptions) {
    this.#options = options;
    this.#standings = new Map(options.standings);
  }

  start(): void {
    const { wanted, from } = this.#options;
    for (const { folder, name } of wanted) {
      if (typeof name === 'string' && typeof folder === 'string') {
        this.#begin(folder, name, null, true, from);
        continue;
      }
      // Where they stood tells which of the others are their past, so they come first.
      for (const path of this.#standings.keys()) {
        if (isMeantFolder(folder, parentPath(path)) && isMeantName(name, baseName(path)))
          this.#begin(parentPath(path), baseName(path), null, false, from);
      }
    }
    this.#look();
  }

  /** Ends after the calls that are under way. */
  stop(stopped: () => void): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    let left = this.#members.size;
    if (left === 0) return stopped();
    for (const { follower } of this.#members.values())
      follower.stop(() => {
        if (--left === 0) stopped();
      });
  }

  #look(): void {
    runTask(
      () => this.#lookAll(),
      () => {
        if (!this.#isStopped && this.#options.wanted.some((wanted) => !isOneFile(wanted)))
          this.#timer = this.#options.clock.startTimer(listEveryMs, () => this.#look());
      },
    );
  }

  *#lookAll(): Task<void> {
    const { wanted, events } = this.#options;
    this.#lookedInto.clear();
    let tooMany = 0;
    for (const each of wanted) {
      if (isOneFile(each)) continue;
      const { folder: where, name } = each;
      const folders = typeof where === 'string' ? [where] : yield* this.#foldersOf(where);
      for (const folder of folders) {
        if (this.#isStopped) return;
        const listed = yield* this.#namesOf(folder);
        if (this.#isStopped) return;
        this.#tellTrouble(folder, listed.ok || isNone(where, listed.error) ? null : listed.error);
        if (listed.ok) tooMany += yield* this.#takeUp(folder, listed.value, (one) => isMeantName(name, one));
      }
      if (this.#isStopped) return;
      if (typeof where !== 'string') this.#leaveGoneFolders(where, new Set(folders));
    }
    for (const folder of this.#troubled) if (!this.#lookedInto.has(folder) && !this.#isBelowTrouble(folder)) this.#troubled.delete(folder);
    if (tooMany > 0 && !this.#hasToldTooMany) events.tooMany(tooMany);
    this.#hasToldTooMany = tooMany > 0;
  }

  *#namesOf(folder: string): Task<Result<readonly string[], DiskError>> {
    return yield* wait<Result<readonly string[], DiskError>>((done) => this.#options.filesIn(folder, null).list('', done));
  }

  *#foldersOf({ root, levels }: FolderGlob): Task<readonly string[]> {
    let folders: readonly string[] = [root];
    let tooMany = 0;
    for (const isMeant of levels) {
      const below: string[] = [];
      for (const folder of folders) {
        if (this.#isStopped) return [];
        const listed = yield* this.#namesOf(folder);
        this.#tellTrouble(folder, !listed.ok && listed.error.code === 'denied' ? listed.error : null);
        if (listed.ok) below.push(...listed.value.filter(isMeant).map((name) => join(folder, name)));
      }
      tooMany += Math.max(0, below.length - foldersMax);
      folders = below.slice(0, foldersMax);
    }
    if (tooMany > 0 && !this.#hasToldTooManyFolders) this.#options.events.tooManyFolders(tooMany);
    this.#hasToldTooManyFolders = tooMany > 0;
    return folders;
  }

  #leaveGoneFolders(glob: FolderGlob, there: ReadonlySet<string>): void {
    // What cannot be listed now is not gone.
    const isGone = (folder: string): boolean =>
      !there.has(folder) && isMeantFolder(glob, folder) && !this.#troubled.has(folder) && !this.#isBelowTrouble(folder);
    for (const folder of new Set([...this.#members.keys()].map(parentPath).filter(isGone))) this.#leaveGone(folder, []);
    for (const folder of [...this.#listed.keys()].filter(isGone)) this.#listed.delete(folder);
    for (const path of this.#secondNames.keys()) if (isGone(parentPath(path))) this.#secondNames.delete(path);
  }

  #isBelowTrouble(folder: string): boolean {
    return [...this.#troubled].some((above) => folder.startsWith(join(above, '')) && folder !== above);
  }

  #tellTrouble(folder: string, error: DiskError | null): void {
    this.#lookedInto.add(folder);
    if ((error !== null) === this.#troubled.has(folder)) return;
    if (error === null) this.#troubled.delete(folder);
    else this.#troubled.add(folder);
    this.#options.events.trouble(folder, error);
  }

  /** How many it leaves out, since too many are followed. */
  *#takeUp(folder: string, names: readonly string[], isMeant: (name: string) => boolean): Task<number> {
    const before = this.#listed.get(folder);
    this.#listed.set(folder, new Set(names));
    const meant = names.filter(isMeant);
    const others = [...meant, ...this.#namesIn(folder)];
    let tooMany = 0;
    for (const name of meant) {
      if (this.#members.has(join(folder, name)) || others.some((other) => other !== name && isRotationOf(name, other))) continue;
      if (this.#members.size >= this.#options.filesMax) {
        tooMany++;
        continue;
      }
      const identity = yield* this.#identityOf(folder, name);
      if (identity === null || !(yield* this.#isNew(folder, name, identity)) || this.#isStopped) continue;
      // What is rotated of a file that is new was written since the last look.
      const isAllNew = before !== undefined && ![...before].some((other) => other === name || isRotationOf(other, name));
      this.#begin(folder, name, identity, false, isAllNew ? 'oldest' : this.#options.from);
    }
    this.#leaveGone(folder, names);
    return tooMany;
  }

  /** Null for something else than a file. */
  *#identityOf(folder: string, name: string): Task<string | null> {
    const status = yield* wait<Result<FileStatus, DiskError>>((done) => this.#options.filesIn(folder, name).status(name, done));
    return status.ok ? status.value.identity : null;
  }

  /** Neither another one's past under a name that says nothing, nor another one under a second name. */
  *#isNew(folder: string, name: string, identity: string): Task<boolean> {
    const first = this.#secondNames.get(join(folder, name));
    for (const member of this.#members.values()) {
      const { path, follower, standing } = member;
      // Not read yet, it is known by its name alone, which may be another file's by now: identities are used again.
      const isUnread = (member.identity === identity || path === first) && !follower.hasRead(identity);
      const isSame = isUnread && (yield* this.#identityOf(parentPath(path), baseName(path))) === identity;
      if (!isSame && !follower.hasRead(identity) && (follower.hasBegun || standing === null || !isOf(standing, identity))) continue;
      this.#noteSecondName(folder, name, path);
      return false;
    }
    // What was begun at the start is whatever has its name, also where nobody has looked at it yet.
    for (const { path, identity: whenTakenUp } of this.#members.values()) {
      if (whenTakenUp !== null || (yield* this.#identityOf(parentPath(path), baseName(path))) !== identity) continue;
      this.#noteSecondName(folder, name, path);
      return false;
    }
    // Where it was rotated meanwhile that says nothing.
    return (yield* this.#identityOf(folder, name)) === identity;
  }

  #noteSecondName(folder: string, name: string, first: string): void {
    if (baseName(first) === name) this.#secondNames.set(join(folder, name), first);
  }

  /** What the others know of a file: it may be there under several names. Of those that are not begun yet, where they stood. */
  #elsewhere(member: Member, identity: string): 'open' | KnownFile | null {
    let known: KnownFile | null = null;
    for (const { follower, standing } of this.#members.values()) {
      if (follower === member.follower) continue;
      if (!follower.hasBegun && standing !== null && isOf(standing, identity)) return 'open';
      const read = follower.elsewhere(identity);
      if (read === 'open') return read;
      known ??= read;
    }
    return known;
  }

  #leaveGone(folder: string, names: readonly string[]): void {
    for (const [path, member] of this.#members) {
      if (member.isWanted || parentPath(path) !== folder || names.includes(baseName(path)) || !member.follower.isIdle) continue;
      this.#members.delete(path);
      member.follower.stop(() => undefined);
      this.#options.events.left(member);
    }
  }

  #namesIn(folder: string): readonly string[] {
    return [...this.#members.keys()].filter((path) => parentPath(path) === folder).map(baseName);
  }

  #begin(folder: string, name: string, identity: string | null, isWanted: boolean, from: 'begin' | 'oldest'): void {
    const { clock, bytes, lateMs, events, filesIn } = this.#options;
    const path = join(folder, name);
    const members = this.#members;
    if (members.has(path)) return;
    const standing = this.#standings.get(path) ?? null;
    this.#standings.delete(path);
    const follower: FileFollower = new FileFollower({
      files: filesIn(folder, name),
      clock,
      bytes,
      path: name,
      from: standing ?? from,
      get pollMs() {
        return Math.max(pollMsMin, members.size * pollMsPerFile);
      },
      lateMs,
      elsewhere: (identity) => this.#elsewhere(member, identity),
      events: {
        bytes: (piece, next) => events.bytes(member, piece, next),
        sourceEnded: (source) => events.sourceEnded(member, source),
        told: (news) => events.told(member, news),
        trouble: (error) => events.trouble(path, error),
        knownChanged: () => events.knownChanged(member),
      },
    });
    const member: Member = {
      path,
      follower,
      standing,
      identity,
      isWanted,
      take: (source, place) => follower.take(source, place),
      state: () => follower.state,
      known: () => follower.known,
    };
    members.set(path, member);
    follower.start();
  }
}

/** By its own name: it is waited for where it is gone. */
const isOneFile = ({ folder, name }: Wanted): boolean => typeof folder === 'string' && typeof name === 'string';
const isMeantName = (wanted: Wanted['name'], name: string): boolean => (typeof wanted === 'string' ? wanted === name : wanted(name));

function isMeantFolder(wanted: Wanted['folder'], folder: string): boolean {
  if (typeof wanted === 'string') return wanted === folder;
  const { root, levels } = wanted;
  const prefix = join(root, '');
  if (!folder.startsWith(prefix)) return false;
  const names = folder.slice(prefix.length).split('/');
  return names.length === levels.length && levels.every((isMeant, level) => isMeant(names[level] as string));
}

/** A file that has the name of a folder is none; a folder that was named is waited for. */
const isNone = (wanted: Wanted['folder'], { code }: DiskError): boolean =>
  code === 'notFound' || (typeof wanted !== 'string' && code !== 'denied');

const join = (folder: string, name: string): string => (folder.endsWith('/') ? folder + name : `${folder}/${name}`);
const parentPath = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const isOf = ({ state, known }: Standing, identity: string): boolean =>
  state.current?.identity === identity || [...state.late, ...known].some((file) => file.identity === identity);
