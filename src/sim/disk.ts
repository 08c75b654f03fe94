/**
 * The simulated disk: what a process wrote and what a power loss leaves of it.
 *
 * Every file has two images, written (what reads give) and synced (what surely survives), and in between a list of unsynced changes; a folder
 * has the same for its names. `crash()` turns the written image into one that a real disk could show afterwards: each unsynced write is kept,
 * lost or torn at sectors of 512 bytes, in any order; each unsynced name is kept or lost. A write that is still under way counts as unsynced.
 * A failed sync forgets its changes as a kernel does: reads still show them, no later sync saves them (trust E1).
 *
 * All chance comes from one seeded generator, all delay from one scheduler, so a run repeats exactly. The hook `onCall` sees every host call
 * before it has any effect, while it is under way and when it is done, and may crash the disk at each of the three.
 */
import { assert } from '../base/assert.ts';
import type { SeededRandom } from '../base/random.ts';
import { done as succeeded, failed, ok, type Result } from '../base/result.ts';
import type { Disk, DiskError, DiskErrorCode, DiskFile, DiskLock, FileStatus, OpenMode } from '../host/index.ts';
import { assertDiskPath, nameOf, parentOf } from '../storage/disk-path.ts';
import { holds } from './held.ts';

/** Runs callbacks later, on simulated time. */
export interface DiskScheduler {
  schedule(delayMs: number, run: () => void): void;
}

export type DiskOperation =
  | 'makeDirectory'
  | 'list'
  | 'status'
  | 'open'
  | 'remove'
  | 'rename'
  | 'syncDirectory'
  | 'lock'
  | 'write'
  | 'read'
  | 'sync'
  | 'truncate'
  | 'close';
export type CallPhase = 'before' | 'during' | 'after';

/** Least and most milliseconds of a call. */
export type Latency = readonly [fromMs: number, toMs: number];

export interface SimDiskOptions {
  readonly random: SeededRandom;
  readonly scheduler: DiskScheduler;
  readonly durable?: boolean;
  /** Sum of all file sizes at which writes report `noSpace`. */
  readonly capacityBytes?: number;
  /** Of sync and syncDirectory; about what a disk with a flushed cache needs by default. */
  readonly syncLatency?: Latency;
  /** Of everything else. */
  readonly callLatency?: Latency;
  /** A new file takes the identity of one that is gone, as inodes do, at once. */
  readonly reusesIdentities?: boolean;
}

interface Change {
  readonly kind: 'write' | 'truncate';
  /** Where bytes are written, or the new size. */
  readonly position: number;
  readonly bytes: Uint8Array;
  /** A write counts for a sync only if it had ended before the sync began. */
  ended: boolean;
}

class Image {
  bytes = new Uint8Array(0);
  size = 0;

  apply(change: Change, from = 0, to = change.bytes.length): void {
    if (change.kind === 'truncate') this.resize(change.position);
    else {
      if (change.position + to > this.size) this.resize(change.position + to);
      this.bytes.set(change.bytes.subarray(from, to), change.position + from);
    }
  }

  resize(size: number): void {
    if (size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  copyFrom(other: Image): void {
    this.bytes = other.bytes.slice(0, other.size);
    this.size = other.size;
  }
}

class FileNode {
  readonly identity: string;
  /** In what order files changed: a simulated disk has no clock of its own. */
  modifiedMs = 0;
  readonly written = new Image();
  readonly synced = new Image();
  unsynced: Change[] = [];
  /** Handles that are open: as long as there is one, the file is, whether or not it has a name. */
  handles = 0;
  /** Ranges that the medium cannot read any more, until they are written again. */
  unreadable: { readonly from: number; readonly to: number }[] = [];

  constructor(identity: string) {
    this.identity = identity;
  }

  get status(): FileStatus {
    return { identity: this.identity, size: this.written.size, modifiedMs: this.modifiedMs };
  }

  isUnreadable(from: number, to: number): boolean {
    return this.unreadable.some((range) => range.from < to && from < range.to);
  }

  /** These bytes are new, so the medium has put them elsewhere. */
  writtenAnew(from: number, to: number): void {
    if (this.unreadable.length === 0) return;
    this.unreadable = this.unreadable.flatMap((range) =>
      [
        { from: range.from, to: Math.min(range.to, from) },
        { from: Math.max(range.from, to), to: range.to },
      ].filter((left) => left.from < left.to),
    );
  }
}

interface NameChange {
  /** Names and what they stand for afterwards; null = gone. A rename changes two at once. */
  readonly names: readonly (readonly [name: string, node: Node | null])[];
}

class DirectoryNode {
  written = new Map<string, Node>();
  synced = new Map<string, Node>();
  unsynced: NameChange[] = [];

  change(names: NameChange['names']): void {
    applyNames(this.written, names);
    this.unsynced.push({ names });
  }

  isUnsynced(name: string, node: Node): boolean {
    return this.unsynced.length > 0 && this.synced.get(name) !== node;
  }

  get hasUnsyncedFile(): boolean {
    for (const [name, node] of this.written) if (node instanceof FileNode && this.isUnsynced(name, node)) return true;
    return false;
  }
}

type Node = FileNode | DirectoryNode;
type Done<Value> = (result: Result<Value, DiskError>) => void;

export const sectorBytes = 512;
/** What file systems write at once: of a lost write a whole page is missing. */
export const pageBytes = 4096;

export class SimDisk implements Disk {
  readonly durable: boolean;
  /** May be changed at any time: a disk fills up or is given space. */
  capacityBytes: number;
  /** Added to every sync: a slow disk. */
  extraSyncMs = 0;
  /** While true no call comes back; calls made meanwhile come back after it is false again. */
  #hung = false;
  readonly #held: (() => void)[] = [];
  /** A failure to report instead of doing the call, or null. */
  inject: ((operation: DiskOperation, path: string) => DiskErrorCode | null) | null = null;
  /** Told when whoever called has heard of an injected failure and was not killed for it. */
  afterFailure: ((operation: DiskOperation, path: string) => void) | null = null;
  /** Told when a write has met a full disk. */
  onFull: (() => void) | null = null;
  /** Told when a read meets bytes that the medium cannot read. */
  onUnreadable: ((path: string) => void) | null = null;
  /** Told at the end of each write whether its chunks are what they were when it was called, as they must be until then. */
  onHeld: (path: string, isUnchanged: boolean) => void = (path, isUnchanged) =>
    assert(isUnchanged, `what is being written to "${path}" does not change`);
  /** Sees each call three times; may call `crash`. */
  onCall: ((operation: DiskOperation, path: string, phase: CallPhase) => void) | null = null;
  /** Calls begun since the disk was made, by operation: coverage for a test run. */
  readonly callCounts: Record<DiskOperation, number> = {
    makeDirectory: 0,
    list: 0,
    status: 0,
    open: 0,
    remove: 0,
    rename: 0,
    syncDirectory: 0,
    lock: 0,
    write: 0,
    read: 0,
    sync: 0,
    truncate: 0,
    close: 0,
  };
  /** Unsynced changes that crashes have decided about. */
  readonly crashCounts = { kept: 0, lost: 0, torn: 0, namesKept: 0, namesLost: 0 };

  readonly #random: SeededRandom;
  readonly #scheduler: DiskScheduler;
  readonly #syncLatency: Latency;
  readonly #callLatency: Latency;
  readonly #root = new DirectoryNode();
  readonly #locked = new Set<string>();
  #filesMade = 0;
  readonly #reusesIdentities: boolean;
  /** Of files that are gone. */
  readonly #freeIdentities: string[] = [];
  #changes = 0;
  /** Raised by a crash: what was begun before never comes back. */
  #life = 0;
  /** Folders with names that are not synced. */
  readonly #unsyncedFolders = new Set<DirectoryNode>();

  constructor(options: SimDiskOptions) {
    this.#random = options.random;
    this.#scheduler = options.scheduler;
    this.durable = options.durable ?? true;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#syncLatency = options.syncLatency ?? [0.1, 0.8];
    this.#callLatency = options.callLatency ?? [0.005, 0.05];
    this.#reusesIdentities = options.reusesIdentities ?? false;
  }

  // ---------------------------------------------------------------------------------------------------- for the simulator

  /** Ends the process with its power: drops every callback under way, unlocks, and decides what of the unsynced changes the disk kept. */
  crash(): void {
    this.#life++;
    this.#locked.clear();
    this.#held.length = 0;
    this.#hung = false;
    this.#crashDirectory(this.#root);
    this.#unsyncedFolders.clear();
  }

  /** Ends the process only: what was written stays written (kill -9), callbacks never come. */
  kill(): void {
    this.#life++;
    this.#locked.clear();
    this.#held.length = 0;
    this.#hung = false;
    forEachFile(this.#root, (node) => {
      // A write that was under way reached the kernel or never will: it must not come back with a later crash.
      node.unsynced = node.unsynced.filter((change) => {
        if (change.ended) return true;
        if (this.#random.chance(0.5)) return false;
        change.ended = true;
        node.written.apply(change);
        return true;
      });
    });
  }

  /** Stops or resumes the disk: a hanging device. */
  set hung(hung: boolean) {
    this.#hung = hung;
    if (hung) return;
    for (const run of this.#held.splice(0)) this.#scheduler.schedule(0, run);
  }

  get hung(): boolean {
    return this.#hung;
  }

  get usedBytes(): number {
    let used = 0;
    forEachFile(this.#root, (node) => {
      used += node.written.size;
    });
    return used;
  }

  /** Paths of all files, sorted by folder and name. */
  filePaths(): string[] {
    const paths: string[] = [];
    const walk = (directory: DirectoryNode, prefix: string): void => {
      for (const name of [...directory.written.keys()].sort()) {
        const node = directory.written.get(name);
        if (node instanceof FileNode) paths.push(prefix + name);
        else if (node !== undefined) walk(node, `${prefix}${name}/`);
      }
    };
    walk(this.#root, '');
    return paths;
  }

  /** The bytes that reads give, for checkers; null if there is no such file. */
  fileBytes(path: string): Uint8Array | null {
    const node = this.#find(path);
    return node instanceof FileNode ? node.written.bytes.slice(0, node.written.size) : null;
  }

  /** Changes bytes behind the process's back, on the medium and in the cache: bit rot, or a file restored from elsewhere. */
  overwrite(path: string, position: number, bytes: Uint8Array): void {
    const node = this.#find(path);
    assert(node instanceof FileNode, `"${path}" is a file`);
    const change: Change = { kind: 'write', position, bytes, ended: true };
    node.written.apply(change);
    node.synced.apply(change);
  }

  /** Makes bytes of a file unreadable, on the medium and in the cache, until they are written again: a bad sector. */
  makeUnreadable(path: string, from: number, to: number): void {
    const node = this.#find(path);
    assert(node instanceof FileNode, `"${path}" is a file`);
    node.unreadable.push({ from, to });
  }

  /** Removes a file or a whole folder behind the process's back, as an operator might. */
  erase(path: string): void {
    const parent = this.#find(parentOf(path));
    if (!(parent instanceof DirectoryNode)) return;
    parent.written.delete(nameOf(path));
    parent.synced.delete(nameOf(path));
  }

  /** Forgets everything and takes what another disk holds: an empty disk in its place, or a backup that was restored. At rest only. */
  replaceBy(other: SimDisk | null): void {
    this.#root.written.clear();
    this.#root.synced.clear();
    this.#root.unsynced = [];
    this.#unsyncedFolders.clear();
    if (other === null) return;
    this.#filesMade = Math.max(this.#filesMade, other.#filesMade);
    copyDirectory(other.#root, this.#root, new Map());
  }

  /** Files at the top and in this folder that a loss of power could leave without their names. Asked at every sync: it costs what these two hold. */
  unsyncedNames(folder: string): readonly string[] {
    const paths: string[] = [];
    const look = (directory: DirectoryNode, prefix: string): void => {
      // Mostly there is none.
      if (!this.#unsyncedFolders.has(directory) || !directory.hasUnsyncedFile) return;
      for (const [name, node] of directory.written)
        if (node instanceof FileNode && directory.isUnsynced(name, node)) paths.push(prefix + name);
    };
    look(this.#root, '');
    const inner = this.#find(folder);
    if (inner instanceof DirectoryNode) look(inner, `${folder}/`);
    return paths;
  }

  /** A copy with the same written and synced images: a backup to restore later, or one start for many experiments. */
  copy(random: SeededRandom, scheduler: DiskScheduler): SimDisk {
    const twin = new SimDisk({
      random,
      scheduler,
      durable: this.durable,
      capacityBytes: this.capacityBytes,
      syncLatency: this.#syncLatency,
      callLatency: this.#callLatency,
    });
    twin.#filesMade = this.#filesMade;
    copyDirectory(this.#root, twin.#root, new Map());
    return twin;
  }

  // -------------------------------------------------------------------------------------------------------------- as a Disk

  makeDirectory(path: string, done: Done<undefined>): void {
    this.#call('makeDirectory', path, done, () => {
      let node: Node = this.#root;
      for (const name of path === '' ? [] : path.split('/')) {
        const next: Node | undefined = (node as DirectoryNode).written.get(name);
        if (next instanceof FileNode) return failure('exists', 'makeDirectory', path);
        const child: DirectoryNode = next ?? new DirectoryNode();
        if (next === undefined) this.#changeNames(node as DirectoryNode, [[name, child]]);
        node = child;
      }
      return succeeded;
    });
  }

  list(path: string, done: Done<readonly string[]>): void {
    this.#call('list', path, done, () => {
      const node = this.#find(path);
      return node instanceof DirectoryNode ? ok([...node.written.keys()].sort()) : failure('notFound', 'list', path);
    });
  }

  status(path: string, done: Done<FileStatus>): void {
    assertDiskPath(path);
    this.#call('status', path, done, () => {
      const node = this.#find(path);
      if (node === null) return failure('notFound', 'status', path);
      return node instanceof FileNode ? ok(node.status) : failure('failed', 'status', path);
    });
  }

  open(path: string, mode: OpenMode, done: Done<DiskFile>): void {
    assertDiskPath(path);
    this.#call('open', path, done, () => {
      const parent = this.#find(parentOf(path));
      if (!(parent instanceof DirectoryNode)) return failure('notFound', 'open', path);
      let node = parent.written.get(nameOf(path));
      if (mode === 'create') {
        if (node !== undefined) return failure('exists', 'open', path);
        node = this.#newFile();
        this.#changeNames(parent, [[nameOf(path), node]]);
      }
      if (node === undefined) return failure('notFound', 'open', path);
      if (node instanceof DirectoryNode) return failure('failed', 'open', path);
      return ok(this.#openFile(path, mode !== 'read', node));
    });
  }

  remove(path: string, done: Done<undefined>): void {
    assertDiskPath(path);
    this.#call('remove', path, done, () => {
      const parent = this.#find(parentOf(path));
      const node = parent instanceof DirectoryNode ? parent.written.get(nameOf(path)) : undefined;
      if (!(parent instanceof DirectoryNode) || node === undefined) return failure('notFound', 'remove', path);
      if (node instanceof DirectoryNode && node.written.size > 0) return failure('failed', 'remove', path);
      this.#changeNames(parent, [[nameOf(path), null]]);
      if (node instanceof DirectoryNode) this.#unsyncedFolders.delete(node);
      else this.#freeIfGone(node);
      return succeeded;
    });
  }

  rename(from: string, to: string, done: Done<undefined>): void {
    assertDiskPath(from);
    assertDiskPath(to);
    assert(parentOf(from) === parentOf(to), 'a rename stays in its folder');
    this.#call('rename', from, done, () => {
      const parent = this.#find(parentOf(from));
      const node = parent instanceof DirectoryNode ? parent.written.get(nameOf(from)) : undefined;
      if (!(parent instanceof DirectoryNode) || !(node instanceof FileNode)) return failure('notFound', 'rename', from);
      const replaced = parent.written.get(nameOf(to));
      this.#changeNames(parent, [
        [nameOf(from), null],
        [nameOf(to), node],
      ]);
      if (replaced instanceof FileNode && replaced !== node) this.#freeIfGone(replaced);
      return succeeded;
    });
  }

  syncDirectory(path: string, done: Done<undefined>): void {
    // What changes while the sync is under way is not covered by it.
    const node = this.#find(path);
    const covered = node instanceof DirectoryNode ? node.unsynced.length : 0;
    this.#call('syncDirectory', path, done, () => {
      if (!(node instanceof DirectoryNode)) return failure('notFound', 'syncDirectory', path);
      for (const change of node.unsynced.splice(0, covered)) applyNames(node.synced, change.names);
      if (node.unsynced.length === 0) this.#unsyncedFolders.delete(node);
      return succeeded;
    });
  }

  lock(path: string, done: Done<DiskLock>): void {
    assertDiskPath(path);
    this.#call('lock', path, done, () => {
      if (this.#locked.has(path)) return failure('locked', 'lock', path);
      this.#locked.add(path);
      const life = this.#life;
      const release = (released: () => void): void => {
        if (life !== this.#life) return;
        this.#locked.delete(path);
        this.#scheduler.schedule(0, () => (life === this.#life ? released() : undefined));
      };
      return ok({ release });
    });
  }

  #openFile(path: string, writable: boolean, node: FileNode): DiskFile {
    const life = this.#life;
    let open = true;
    node.handles++;
    const call = <Value>(
      operation: DiskOperation,
      done: Done<Value>,
      act: () => Result<Value, DiskError>,
      begin?: () => void,
      fail?: () => void,
    ): void => {
      if (life !== this.#life) return;
      assert(open, 'a closed file is not used');
      if (operation === 'close') open = false;
      this.#call(operation, path, done, act, begin, fail);
    };
    return {
      path,
      get size() {
        return node.written.size;
      },
      status: (done) => call('status', done, () => ok(node.status)),
      write: (position, chunks, done) => {
        let length = 0;
        for (const chunk of chunks) length += chunk.length;
        const bytes = new Uint8Array(length);
        let at = 0;
        for (const chunk of chunks) {
          bytes.set(chunk, at);
          at += chunk.length;
        }
        let change: Change = { kind: 'write', position, bytes, ended: false };
        let error: Result<undefined, DiskError> = succeeded;
        const begin = (): void => {
          const growth = position + length - node.written.size;
          const room = Number.isFinite(this.capacityBytes) ? this.capacityBytes - this.usedBytes : this.capacityBytes;
          if (!writable) error = failure('denied', 'write', path);
          else if (growth > Math.max(room, 0)) {
            // A short write first: the part that fits is written (trust E2).
            const fits = Math.max(0, length - growth + Math.max(room, 0));
            change = { kind: 'write', position, bytes: bytes.subarray(0, fits), ended: false };
            error = failure('noSpace', 'write', path);
          }
          if (writable && change.bytes.length > 0) node.unsynced.push(change);
        };
        const act = (): Result<undefined, DiskError> => {
          change.ended = true;
          this.onHeld(path, holds(bytes, chunks));
          if (!error.ok && error.error.code === 'noSpace') this.onFull?.();
          if (writable && change.bytes.length > 0) {
            node.written.apply(change);
            node.modifiedMs = ++this.#changes;
            node.writtenAnew(position, position + change.bytes.length);
          }
          return error;
        };
        call('write', done, act, begin, () => {
          // A failed write may have written any part.
          const part = this.#random.below(length + 1);
          const written: Change = { kind: 'write', position, bytes: bytes.subarray(0, part), ended: true };
          node.unsynced.push(written);
          node.written.apply(written);
        });
      },
      read: (position, length, done) => {
        call('read', done, () => {
          const from = Math.min(position, node.written.size);
          const to = Math.min(position + length, node.written.size);
          if (!node.isUnreadable(from, to)) return ok(node.written.bytes.slice(from, to));
          this.onUnreadable?.(path);
          return failure('failed', 'read', path);
        });
      },
      sync: (done) => {
        let covered: Change[] = [];
        const begin = (): void => {
          covered = node.unsynced.filter((change) => change.ended);
        };
        const act = (): Result<undefined, DiskError> => {
          for (const change of covered) node.synced.apply(change);
          node.unsynced = node.unsynced.filter((change) => !covered.includes(change));
          return succeeded;
        };
        call('sync', done, act, begin, () => {
          // The kernel drops the pages and reports success next time: some of the data is gone for good.
          for (const change of node.unsynced) if (change.ended && this.#random.chance(0.5)) node.synced.apply(change);
          node.unsynced = node.unsynced.filter((change) => !change.ended);
        });
      },
      truncate: (size, done) => {
        const change: Change = { kind: 'truncate', position: size, bytes: new Uint8Array(0), ended: false };
        call(
          'truncate',
          done,
          () => {
            change.ended = true;
            node.written.apply(change);
            node.modifiedMs = ++this.#changes;
            node.writtenAnew(size, Number.POSITIVE_INFINITY);
            return succeeded;
          },
          () => node.unsynced.push(change),
        );
      },
      close: (done) =>
        call('close', done, () => {
          node.handles--;
          this.#freeIfGone(node);
          return succeeded;
        }),
    };
  }

  // ---------------------------------------------------------------------------------------------------------------- inside

  /** One host call: hook before, begin, hook during, effect, hook after, callback; a crash at any of them ends it. */
  #call<Value>(
    operation: DiskOperation,
    path: string,
    done: Done<Value>,
    act: () => Result<Value, DiskError>,
    begin?: () => void,
    fail?: () => void,
  ): void {
    const life = this.#life;
    this.callCounts[operation]++;
    this.onCall?.(operation, path, 'before');
    if (life !== this.#life) return;
    const injected = this.inject?.(operation, path) ?? null;
    if (injected === null) begin?.();
    const sync = operation === 'sync' || operation === 'syncDirectory';
    const [fromMs, toMs] = sync ? this.#syncLatency : this.#callLatency;
    const delayMs = fromMs + this.#random.float() * (toMs - fromMs) + (sync ? this.extraSyncMs : 0);
    const end = (): void => {
      if (life !== this.#life) return;
      if (this.#hung) {
        this.#held.push(end);
        return;
      }
      this.onCall?.(operation, path, 'during');
      if (life !== this.#life) return;
      if (injected !== null) fail?.();
      const result = injected === null ? act() : failure(injected, operation, path);
      this.onCall?.(operation, path, 'after');
      if (life === this.#life) done(result);
      if (injected !== null && life === this.#life) this.afterFailure?.(operation, path);
    };
    this.#scheduler.schedule(delayMs, end);
  }

  #newFile(): FileNode {
    const node = new FileNode(this.#freeIdentities.pop() ?? `sim:${++this.#filesMade}`);
    node.modifiedMs = ++this.#changes;
    return node;
  }

  #freeIfGone(node: FileNode): void {
    if (!this.#reusesIdentities || node.handles > 0) return;
    let isThere = false;
    forEachFile(this.#root, (each) => {
      isThere ||= each === node;
    });
    if (!isThere) this.#freeIdentities.push(node.identity);
  }

  #changeNames(directory: DirectoryNode, names: NameChange['names']): void {
    directory.change(names);
    this.#unsyncedFolders.add(directory);
  }

  #find(path: string): Node | null {
    let node: Node | undefined = this.#root;
    for (const name of path === '' ? [] : path.split('/')) {
      node = node instanceof DirectoryNode ? node.written.get(name) : undefined;
      if (node === undefined) return null;
    }
    return node;
  }

  #crashDirectory(directory: DirectoryNode): void {
    const keepChance = this.#random.pick([0, 0.5, 1]);
    for (const change of directory.unsynced) {
      const kept = this.#random.chance(keepChance);
      this.crashCounts[kept ? 'namesKept' : 'namesLost']++;
      if (kept) applyNames(directory.synced, change.names);
    }
    directory.unsynced = [];
    directory.written = new Map(directory.synced);
    for (const node of directory.written.values()) {
      if (node instanceof DirectoryNode) this.#crashDirectory(node);
      else this.#crashFile(node);
    }
  }

  #crashFile(node: FileNode): void {
    const mode = this.#random.pick(['keepAll', 'loseAll', 'each', 'each'] as const);
    for (const change of node.unsynced) {
      const fate = mode === 'keepAll' ? 'kept' : mode === 'loseAll' ? 'lost' : this.#random.pick(['kept', 'lost', 'torn', 'torn'] as const);
      this.crashCounts[fate]++;
      if (fate === 'kept') node.synced.apply(change);
      else if (fate === 'torn') this.#tear(node.synced, change);
    }
    node.unsynced = [];
    node.written.copyFrom(node.synced);
  }

  /** Each sector that a write touches is old or new on its own. */
  #tear(image: Image, change: Change): void {
    if (change.kind === 'truncate') {
      if (this.#random.chance(0.5)) image.apply(change);
      return;
    }
    const keepChance = this.#random.pick([0.1, 0.5, 0.9]);
    const end = change.position + change.bytes.length;
    for (let from = change.position; from < end; ) {
      const to = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
      if (this.#random.chance(keepChance)) image.apply(change, from - change.position, to - change.position);
      from = to;
    }
  }
}

function applyNames(target: Map<string, Node>, names: NameChange['names']): void {
  for (const [name, node] of names) {
    if (node === null) target.delete(name);
    else target.set(name, node);
  }
}

function forEachFile(directory: DirectoryNode, visit: (node: FileNode) => void): void {
  for (const node of directory.written.values()) {
    if (node instanceof DirectoryNode) forEachFile(node, visit);
    else visit(node);
  }
}

/** Copies what a crash could not change any more: callers copy a disk at rest. */
function copyDirectory(from: DirectoryNode, to: DirectoryNode, copies: Map<Node, Node>): void {
  const copyOf = (node: Node): Node => {
    let copy = copies.get(node);
    if (copy !== undefined) return copy;
    if (node instanceof DirectoryNode) {
      copy = new DirectoryNode();
      copies.set(node, copy);
      copyDirectory(node, copy, copies);
      return copy;
    }
    copy = new FileNode(node.identity);
    copy.modifiedMs = node.modifiedMs;
    copies.set(node, copy);
    copy.written.copyFrom(node.written);
    copy.synced.copyFrom(node.synced);
    copy.unsynced = node.unsynced.map((change) => ({ ...change }));
    copy.unreadable = [...node.unreadable];
    return copy;
  };
  for (const [name, node] of from.written) to.written.set(name, copyOf(node));
  for (const [name, node] of from.synced) to.synced.set(name, copyOf(node));
  to.unsynced = from.unsynced.map((change) => ({
    names: change.names.map(([name, node]) => [name, node === null ? null : copyOf(node)] as const),
  }));
}

function failure(code: DiskErrorCode, operation: DiskOperation, path: string): { readonly ok: false; readonly error: DiskError } {
  return failed({ code, operation, path, reason: `${code}, injected into ${operation}` });
}
