/**
 * A disk in memory that records what is asked of it, call by call, so that every image that a crash could leave can be made afterwards. It shares no
 * code with the simulator's disk: two models of what a disk may forget are better than one.
 */
import { SeededRandom } from '../../src/base/random.ts';
import { failed, ok, type Result } from '../../src/base/result.ts';
import type { Disk, DiskError, DiskErrorCode, DiskFile, DiskLock, FileStatus, OpenMode } from '../../src/host/index.ts';
import { nameOf, parentOf } from '../../src/storage/disk-path.ts';

/** Bytes of a file that were written or cut, or a name that was given or taken. Times count calls: a call begins at one and ends at another. */
export interface DataCall {
  readonly kind: 'write' | 'truncate';
  readonly file: number;
  /** Where bytes are written, or the new size. */
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly began: number;
  ended: number;
}

export interface NameCall {
  readonly kind: 'name';
  readonly folder: string;
  /** Each name in the folder and the file that it stands for afterwards, null = none. */
  readonly names: readonly (readonly [name: string, file: number | null])[];
  readonly began: number;
  ended: number;
}

export interface SyncCall {
  readonly kind: 'sync' | 'syncDirectory';
  /** A file's number, or a folder's path. */
  readonly target: number | string;
  readonly began: number;
  ended: number;
}

export type Call = DataCall | NameCall | SyncCall;

/** Files by path. */
export type Image = ReadonlyMap<string, Uint8Array>;

/** Files by number, and the paths that they have. */
export interface Files {
  readonly bytes: Map<number, Uint8Array>;
  readonly names: Map<string, number>;
}

/** What a process that was killed left: what reads give, and what of it is durable. */
export interface Left {
  readonly written: Files;
  readonly durable: Files;
}

export const imageOf = ({ bytes, names }: Files): Image =>
  new Map([...names].map(([path, file]) => [path, bytes.get(file) ?? new Uint8Array(0)]));

export function filesOf(image: Image): Files {
  const files: Files = { bytes: new Map(), names: new Map() };
  for (const [path, bytes] of image) {
    files.bytes.set(files.names.size + 1, bytes);
    files.names.set(path, files.names.size + 1);
  }
  return files;
}

type Done<Value> = (result: Result<Value, DiskError>) => void;
type Schedule = (delayMs: number, run: () => void) => void;

const sectorBytes = 512;
const sectorOf = (bytes: Uint8Array, from: number): Uint8Array => bytes.subarray(from, from + sectorBytes);
const never = Number.POSITIVE_INFINITY;

export class RecordedDisk implements Disk {
  readonly durable = true;
  /** Everything that was asked since the disk was made. What an image held from the start is durable. */
  readonly trace: Call[] = [];
  /** How many beginnings and ends of calls there were. */
  now = 0;
  readonly #schedule: Schedule;
  readonly #random: SeededRandom;
  /** What was durable before the first call. */
  readonly first: Files;
  readonly #files: Map<number, Uint8Array>;
  readonly #names: Map<string, number>;
  readonly #folders = new Set<string>(['']);
  #fileCount = 0;

  constructor(schedule: Schedule, seed: number, { written, durable }: Left = emptyLeft()) {
    this.#schedule = schedule;
    this.#random = new SeededRandom(seed);
    this.first = durable;
    this.#files = new Map(written.bytes);
    this.#names = new Map(written.names);
    for (const file of [...written.bytes.keys(), ...durable.bytes.keys()]) this.#fileCount = Math.max(this.#fileCount, file);
    for (const path of [...written.names.keys(), ...durable.names.keys()]) this.#makeFolders(parentOf(path));
    if (written !== durable) this.#noteCached(written, durable);
  }

  /** What reads give. */
  get image(): Image {
    return imageOf({ bytes: this.#files, names: this.#names });
  }

  /** What is in the page cache only stands at the beginning of the trace. */
  #noteCached(written: Files, durable: Files): void {
    for (const [file, bytes] of written.bytes) {
      const kept = durable.bytes.get(file);
      if (kept === bytes) continue;
      const common = { file, began: 0, ended: 0 } as const;
      if (kept !== undefined && kept.length > bytes.length)
        this.trace.push({ kind: 'truncate', position: bytes.length, bytes: new Uint8Array(0), ...common });
      // Only what differs was written.
      for (let from = 0; from < bytes.length; from += sectorBytes) {
        const isSame = (at: number): boolean => kept?.[at] === bytes[at];
        let to = from;
        while (to < bytes.length && !sectorOf(bytes, to).every((_byte, i) => isSame(to + i))) to = Math.min(bytes.length, to + sectorBytes);
        if (to > from) this.trace.push({ kind: 'write', position: from, bytes: bytes.slice(from, to), ...common });
        from = Math.max(from, to - (to % sectorBytes));
      }
    }
    for (const path of new Set([...written.names.keys(), ...durable.names.keys()])) {
      const file = written.names.get(path) ?? null;
      if (file === (durable.names.get(path) ?? null)) continue;
      this.trace.push({ kind: 'name', folder: parentOf(path), names: [[nameOf(path), file]], began: 0, ended: 0 });
    }
  }

  #makeFolders(path: string): void {
    for (let folder = path; folder !== ''; folder = parentOf(folder)) this.#folders.add(folder);
  }

  makeDirectory(path: string, done: Done<undefined>): void {
    // Folders stay: a log that lost its folder's name has lost everything, which losing the names in it shows as well.
    this.#makeFolders(path);
    this.#later(0.01, () => done(ok(undefined)));
  }

  list(path: string, done: Done<readonly string[]>): void {
    this.#later(0.01, () => {
      if (!this.#folders.has(path)) return done(refuse('notFound', 'list', path));
      const names = [...this.#names.keys(), ...this.#folders].filter((name) => name !== '' && parentOf(name) === path).map(nameOf);
      done(ok(names.sort()));
    });
  }

  /** What keeps a log asks for none, so there is no time of a change. */
  status(path: string, done: Done<FileStatus>): void {
    const file = this.#names.get(path);
    this.#later(0.01, () => done(file === undefined ? refuse('notFound', 'status', path) : ok(this.#statusOf(file))));
  }

  #statusOf(file: number): FileStatus {
    return { identity: `recorded:${file}`, size: this.#files.get(file)?.length ?? 0, modifiedMs: 0 };
  }

  open(path: string, mode: OpenMode, done: Done<DiskFile>): void {
    const known = this.#names.get(path);
    if (mode === 'create' && known === undefined) {
      const file = ++this.#fileCount;
      const call: NameCall = { kind: 'name', folder: parentOf(path), names: [[nameOf(path), file]], began: ++this.now, ended: never };
      this.#record(call, 0.02, () => {
        this.#files.set(file, new Uint8Array(0));
        this.#names.set(path, file);
        done(ok(this.#handle(path, file)));
      });
      return;
    }
    this.#later(0.01, () => {
      if (known === undefined) done(refuse('notFound', 'open', path));
      else if (mode === 'create') done(refuse('exists', 'open', path));
      else done(ok(this.#handle(path, known)));
    });
  }

  remove(path: string, done: Done<undefined>): void {
    if (!this.#names.has(path)) {
      this.#later(0.01, () => done(refuse('notFound', 'remove', path)));
      return;
    }
    const call: NameCall = { kind: 'name', folder: parentOf(path), names: [[nameOf(path), null]], began: ++this.now, ended: never };
    this.#record(call, 0.02, () => {
      this.#names.delete(path);
      done(ok(undefined));
    });
  }

  rename(from: string, to: string, done: Done<undefined>): void {
    const file = this.#names.get(from);
    if (file === undefined) {
      this.#later(0.01, () => done(refuse('notFound', 'rename', from)));
      return;
    }
    const names: NameCall['names'] = [
      [nameOf(from), null],
      [nameOf(to), file],
    ];
    this.#record({ kind: 'name', folder: parentOf(from), names, began: ++this.now, ended: never }, 0.02, () => {
      this.#names.delete(from);
      this.#names.set(to, file);
      done(ok(undefined));
    });
  }

  syncDirectory(path: string, done: Done<undefined>): void {
    this.#record({ kind: 'syncDirectory', target: path, began: ++this.now, ended: never }, 0.4, () => done(ok(undefined)));
  }

  lock(_path: string, done: Done<DiskLock>): void {
    this.#later(0.01, () => done(ok({ release: (released) => this.#later(0.01, released) })));
  }

  #handle(path: string, file: number): DiskFile {
    const bytes = (): Uint8Array => this.#files.get(file) ?? new Uint8Array(0);
    const resize = (size: number): Uint8Array => {
      const resized = new Uint8Array(size);
      resized.set(bytes().subarray(0, size));
      this.#files.set(file, resized);
      return resized;
    };
    return {
      path,
      get size() {
        return bytes().length;
      },
      status: (done) => this.#later(0.01, () => done(ok(this.#statusOf(file)))),
      write: (position, chunks, done) => {
        const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
        let at = 0;
        for (const chunk of chunks) {
          whole.set(chunk, at);
          at += chunk.length;
        }
        this.#record({ kind: 'write', file, position, bytes: whole, began: ++this.now, ended: never }, 0.05, () => {
          resize(Math.max(bytes().length, position + whole.length)).set(whole, position);
          done(ok(undefined));
        });
      },
      read: (position, length, done) => this.#later(0.01, () => done(ok(bytes().slice(position, position + length)))),
      sync: (done) => this.#record({ kind: 'sync', target: file, began: ++this.now, ended: never }, 0.4, () => done(ok(undefined))),
      truncate: (size, done) =>
        this.#record({ kind: 'truncate', file, position: size, bytes: new Uint8Array(0), began: ++this.now, ended: never }, 0.02, () => {
          resize(size);
          done(ok(undefined));
        }),
      close: (done) => this.#later(0.01, () => done(ok(undefined))),
    };
  }

  #record(call: Call, delayMs: number, end: () => void): void {
    this.trace.push(call);
    this.#later(delayMs, () => {
      call.ended = ++this.now;
      end();
    });
  }

  #later(delayMs: number, run: () => void): void {
    this.#schedule(delayMs * (0.5 + this.#random.float()), run);
  }
}

const emptyLeft = (): Left => {
  const files = filesOf(new Map());
  return { written: files, durable: files };
};

const refuse = (code: DiskErrorCode, operation: string, path: string): { readonly ok: false; readonly error: DiskError } =>
  failed({ code, operation, path, reason: code });
