import type { Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { DiskError, FileStatus, Timer } from '../host/index.ts';
import { FileFollower, type ReadableDisk, type FollowNews, type FollowOptions, type FollowState, type Piece } from './file-follower.ts';
import type { KnownFile, Place } from './place.ts';
import { isRotationOf } from './rotation.ts';

/** Which files are followed: one, or all of a folder whose names match; new ones are taken up. */
export interface Wanted {
  readonly folder: string;
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
  readonly #troubled = new Set<string>();
  #timer: Timer | null = null;
  #isStopped = false;
  #hasToldTooMany = false;

  constructor(options: FileSetOptions) {
    this.#options = options;
    this.#standings = new Map(options.standings);
  }

  start(): void {
    const { wanted, from } = this.#options;
    for (const { folder, name } of wanted) {
      if (typeof name === 'string') this.#begin(folder, name, true, from);
      else {
        // Where they stood tells which of the others are their past, so they come first.
        for (const path of this.#standings.keys()) {
          if (parentPath(path) === folder && name(baseName(path))) this.#begin(folder, baseName(path), false, from);
        }
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
        if (!this.#isStopped && this.#options.wanted.some(({ name }) => typeof name !== 'string'))
          this.#timer = this.#options.clock.startTimer(listEveryMs, () => this.#look());
      },
    );
  }

  *#lookAll(): Task<void> {
    for (const { folder, name } of this.#options.wanted) {
      if (typeof name === 'string' || this.#isStopped) continue;
      const listed = yield* wait<Result<readonly string[], DiskError>>((done) => this.#options.filesIn(folder, null).list('', done));
      if (this.#isStopped) return;
      this.#tellTrouble(folder, listed.ok || listed.error.code === 'notFound' ? null : listed.error);
      if (listed.ok) yield* this.#takeUp(folder, listed.value, name);
    }
  }

  #tellTrouble(folder: string, error: DiskError | null): void {
    if ((error !== null) === this.#troubled.has(folder)) return;
    if (error === null) this.#troubled.delete(folder);
    else this.#troubled.add(folder);
    this.#options.events.trouble(folder, error);
  }

  *#takeUp(folder: string, names: readonly string[], isMeant: (name: string) => boolean): Task<void> {
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
      if (!(yield* this.#isNew(folder, name)) || this.#isStopped) continue;
      // What is rotated of a file that is new was written since the last look.
      const isAllNew = before !== undefined && ![...before].some((other) => other === name || isRotationOf(other, name));
      this.#begin(folder, name, false, isAllNew ? 'oldest' : this.#options.from);
    }
    if (tooMany > 0 && !this.#hasToldTooMany) this.#options.events.tooMany(tooMany);
    this.#hasToldTooMany = tooMany > 0;
    this.#leaveGone(folder, names);
  }

  /** Neither another one's past under a name that says nothing, nor something else than a file. */
  *#isNew(folder: string, name: string): Task<boolean> {
    const status = yield* wait<Result<FileStatus, DiskError>>((done) => this.#options.filesIn(folder, name).status(name, done));
    if (!status.ok) return false;
    const { identity } = status.value;
    return ![...this.#members.values()].some(
      ({ follower, standing }) => follower.hasRead(identity) || (!follower.hasBegun && standing !== null && isOf(standing, identity)),
    );
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

  #begin(folder: string, name: string, isWanted: boolean, from: 'begin' | 'oldest'): void {
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
      isWanted,
      take: (source, place) => follower.take(source, place),
      state: () => follower.state,
      known: () => follower.known,
    };
    members.set(path, member);
    follower.start();
  }
}

const join = (folder: string, name: string): string => (folder.endsWith('/') ? folder + name : `${folder}/${name}`);
const parentPath = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const isOf = ({ state, known }: Standing, identity: string): boolean =>
  state.current?.identity === identity || [...state.late, ...known].some((file) => file.identity === identity);
