// A disk, a clock, somebody who writes logs and rotates them, and a follower, all in one thread of simulated time. A life of the follower may end at any call
// of its disk, and the next goes on where the last one had said that it stands.
import { SeededRandom } from '../../../src/base/random.ts';
import type { Result } from '../../../src/base/result.ts';
import type { Disk, DiskError, DiskFile } from '../../../src/host/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import { FileFollower, type FollowNews, type FollowOptions, type FollowState, type KnownFile } from '../../../src/tail/index.ts';

export const folder = 'logs';
const path = 'app.log';
export const pollMs = 250;
const lateMs = 20_000;

const newline = 0x0a;

interface Life {
  readonly follower: FileFollower;
  isOver: boolean;
  callsLeft: number;
  readonly handles: Set<DiskFile>;
  readonly isWaiting: () => boolean;
}

/** What the writers and the follower need of a disk. */
export interface RigDisk extends Pick<Disk, 'makeDirectory' | 'list' | 'status' | 'open' | 'remove' | 'rename'> {
  filePaths(): string[];
  fileBytes(name: string): Uint8Array | null;
}

type Schedule = (delayMs: number, run: () => void) => void;

export type Files = Pick<Disk, 'list' | 'open' | 'status'>;

/** Files as a follower is shown them, by a layer that also waits for what is not of this thread. */
export interface ShownFiles {
  readonly files: Files;
  /** It waits, and not for the disk. */
  readonly isWaiting: () => boolean;
}

export class Rig {
  nowMs = 0;
  readonly disk: RigDisk;
  /** Null where files are real. */
  readonly simulated: SimDisk | null;
  /** Lines in the order in which they were taken. A line without its end counts when its source has ended. */
  readonly lines: string[] = [];
  readonly news: FollowNews[] = [];
  readonly troubles: (string | null)[] = [];
  losses = 0;
  /** A broken follower, which sees no names but the one. */
  isBlind = false;
  /** Hears what happens, for whoever looks into a run. */
  tell: ((what: string) => void) | null = null;
  /** What stands between the follower and the disk; its folder is the one of the logs. */
  show: ((files: Files) => ShownFiles) | null = null;
  /** Given and not yet taken, by a slow reader. */
  onBytes: ((next: () => void) => void) | null = null;
  #life: Life | null = null;
  /** What an agent would have on its disk. */
  saved: { state: FollowState; known: readonly KnownFile[] } | null = null;
  readonly #queue: { readonly atMs: number; readonly sequence: number; run: (() => void) | null }[] = [];
  #sequence = 0;

  constructor(seed = 1, makeDisk: ((schedule: Schedule) => RigDisk) | null = null) {
    const schedule: Schedule = (delayMs, run) => void this.#schedule(delayMs, run);
    this.simulated =
      makeDisk === null ? new SimDisk({ random: new SeededRandom(seed), scheduler: { schedule }, reusesIdentities: true }) : null;
    this.disk = this.simulated ?? (makeDisk as (schedule: Schedule) => RigDisk)(schedule);
    this.call((done) => this.disk.makeDirectory(folder, done));
  }

  #schedule(delayMs: number, run: () => void): { run: (() => void) | null } {
    const event = { atMs: this.nowMs + delayMs, sequence: this.#sequence++, run };
    this.#queue.push(event);
    return event;
  }

  /** Runs what is due within so many milliseconds. */
  run(forMs: number, until: () => boolean = () => false): void {
    const endMs = this.nowMs + forMs;
    while (!until() && this.#runNext(endMs)) {
      // Until nothing is due.
    }
    if (!until()) this.nowMs = endMs;
  }

  /** The same, with time standing still while the follower waits for what is not of this thread. */
  async runWithOthers(forMs: number): Promise<void> {
    const endMs = this.nowMs + forMs;
    do {
      while (this.#life?.isOver === false && this.#life.isWaiting()) await new Promise(setImmediate);
    } while (this.#runNext(endMs));
    this.nowMs = endMs;
  }

  #runNext(endMs: number): boolean {
    let next = this.#queue[0];
    for (const event of this.#queue) {
      if (next === undefined || event.atMs < next.atMs || (event.atMs === next.atMs && event.sequence < next.sequence)) next = event;
    }
    if (next === undefined || next.atMs > endMs) return false;
    this.#queue.splice(this.#queue.indexOf(next), 1);
    this.nowMs = next.atMs;
    next.run?.();
    return true;
  }

  call<Value>(start: (done: (result: Result<Value, DiskError>) => void) => void): Value {
    let result: Result<Value, DiskError> | null = null;
    start((given) => {
      result = given;
    });
    this.run(1000, () => result !== null);
    const given = result as Result<Value, DiskError> | null;
    if (given === null || !given.ok) throw new Error(given === null ? 'no answer' : given.error.reason);
    return given.value;
  }

  // ------------------------------------------------------------------------------------------------------------- the follower

  get isFollowing(): boolean {
    return this.#life !== null && !this.#life.isOver;
  }

  get follower(): FileFollower {
    if (this.#life === null) throw new Error('nobody follows');
    return this.#life.follower;
  }

  /** Begins to follow, or goes on where an earlier life stood. Crashes after so many calls of the disk. */
  follow(from: FollowOptions['from'] = 'begin', callsMax = Number.POSITIVE_INFINITY): void {
    const partials = new Map<number, Buffer>();
    const handles = new Set<DiskFile>();
    const onDisk = this.#filesOf(() => life);
    const { files, isWaiting } = this.show?.(onDisk) ?? { files: onDisk, isWaiting: () => false };
    const life: Life = {
      isOver: false,
      callsLeft: callsMax,
      handles,
      isWaiting,
      follower: new FileFollower({
        files,
        clock: {
          monotonicMs: () => this.nowMs,
          startTimer: (delayMs, fire) => {
            const event = this.#schedule(delayMs, () => {
              if (!life.isOver) fire();
            });
            return { cancel: () => (event.run = null) };
          },
        },
        bytes: simBytes,
        path,
        from: this.saved === null ? from : this.saved,
        pollMs,
        lateMs,
        events: {
          bytes: ({ source, bytes, placeAt }, next) => {
            const before = partials.get(source) ?? Buffer.alloc(0);
            const end = bytes.lastIndexOf(newline) + 1;
            if (end > 0) {
              this.#take(Buffer.concat([before, bytes.subarray(0, end)]));
              this.saved = { state: life.follower.take(source, placeAt(end)), known: this.saved?.known ?? [] };
            }
            partials.set(source, end > 0 ? Buffer.from(bytes.subarray(end)) : Buffer.concat([before, bytes]));
            if (this.onBytes === null) next();
            else this.onBytes(next);
          },
          sourceEnded: (source) => {
            const rest = partials.get(source) ?? Buffer.alloc(0);
            partials.delete(source);
            if (rest.length === 0) return;
            this.#take(rest);
            this.saved = { state: life.follower.state, known: life.follower.known };
          },
          told: (news) => {
            this.news.push(news);
            this.#hear(JSON.stringify(news));
            if (news.kind === 'lost') this.losses++;
          },
          trouble: (error) => this.troubles.push(error?.operation ?? null),
          knownChanged: () => {
            this.saved = { state: life.follower.state, known: life.follower.known };
          },
        },
      }),
    };
    this.#life = life;
    this.#hear(`follows from ${JSON.stringify(this.saved?.state.current ?? null)}`);
    life.follower.start();
  }

  #hear(what: string): void {
    this.tell?.(`${this.nowMs.toFixed(2)} ${what}`);
  }

  #take(bytes: Buffer): void {
    const lines = bytes.toString('latin1').split('\n').filter(Boolean);
    this.lines.push(...lines);
    this.#hear(`took ${lines.map((line) => line.slice(0, 12).trim()).join(', ')}`);
  }

  /** As a kill does: nothing comes back any more, what was open is closed. */
  crash(): void {
    const life = this.#life;
    if (life === null || life.isOver) return;
    this.#hear('crash');
    life.isOver = true;
    for (const file of life.handles) file.close(() => undefined);
  }

  /** Those in the folder of the logs. */
  #filesOf(life: () => Life): Files {
    const guarded =
      <Value>(done: (result: Result<Value, DiskError>) => void): ((result: Result<Value, DiskError>) => void) =>
      (result) => {
        if (!life().isOver) done(result);
      };
    const counted = (): boolean => {
      const each = life();
      if (--each.callsLeft < 0) this.crash();
      return !each.isOver;
    };
    const wrap = (file: DiskFile): DiskFile => ({
      path: file.path,
      get size() {
        return file.size;
      },
      status: (done) => void (counted() && file.status(guarded(done))),
      read: (position, length, done) => void (counted() && file.read(position, length, guarded(done))),
      close: (done) => {
        if (!counted()) return;
        life().handles.delete(file);
        file.close(guarded(done));
      },
      write: () => refuse(),
      sync: () => refuse(),
      truncate: () => refuse(),
    });
    return {
      list: (_where, done) =>
        void (
          counted() &&
          this.disk.list(
            folder,
            guarded((result) => done(this.isBlind && result.ok ? { ok: true, value: [] } : result)),
          )
        ),
      status: (name, done) => void (counted() && this.disk.status(`${folder}/${name}`, guarded(done))),
      open: (name, mode, done) => {
        if (!counted()) return;
        this.disk.open(`${folder}/${name}`, mode, (result) => {
          if (!result.ok) return guarded(done)(result);
          // A process that was killed meanwhile has nothing open.
          if (life().isOver) return result.value.close(() => undefined);
          life().handles.add(result.value);
          done({ ok: true, value: wrap(result.value) });
        });
      },
    };
  }

  // --------------------------------------------------------------------------------------------------------------- the writers

  has(name: string): boolean {
    return this.disk.filePaths().includes(`${folder}/${name}`);
  }

  open(name: string): DiskFile {
    return this.call<DiskFile>((done) => this.disk.open(`${folder}/${name}`, this.has(name) ? 'write' : 'create', done));
  }

  /** As a program that opens for each line. */
  append(name: string, text: string): void {
    const file = this.open(name);
    this.write(file, text);
    this.close(file);
  }

  write(file: DiskFile, text: string): void {
    this.#hear(`write ${file.path}: ${text.slice(0, 30).trim()} (${text.length})`);
    this.call((done) => file.write(file.size, [Buffer.from(text, 'latin1')], done));
  }

  close(file: DiskFile): void {
    this.call((done) => file.close(done));
  }

  rename(from: string, to: string): void {
    this.#hear(`rename ${from} ${to}`);
    this.call((done) => this.disk.rename(`${folder}/${from}`, `${folder}/${to}`, done));
  }

  remove(name: string): void {
    this.#hear(`remove ${name}`);
    this.call((done) => this.disk.remove(`${folder}/${name}`, done));
  }

  copy(from: string, to: string): void {
    const bytes = this.disk.fileBytes(`${folder}/${from}`) ?? new Uint8Array(0);
    this.#hear(`copy ${from} ${to}`);
    if (this.has(to)) this.remove(to);
    const file = this.open(to);
    this.call((done) => file.write(0, [bytes], done));
    this.close(file);
  }

  /** As logrotate does: the other one is whole before it goes. */
  pack(name: string, suffix: string, packed: (bytes: Uint8Array) => Uint8Array): void {
    const bytes = this.disk.fileBytes(`${folder}/${name}`) ?? new Uint8Array(0);
    this.#hear(`pack ${name} ${suffix}`);
    const file = this.open(name + suffix);
    this.call((done) => file.write(0, [packed(bytes)], done));
    this.close(file);
    this.remove(name);
  }

  truncate(name: string, size = 0): void {
    this.#hear(`truncate ${name} ${size}`);
    const file = this.open(name);
    this.call((done) => file.truncate(size, done));
    this.close(file);
  }

  /** `app.log.1` becomes `app.log.2`, and so on. */
  shift(): void {
    for (let number = 60; number >= 1; number--) {
      for (const suffix of ['', '.gz', '.zst'])
        if (this.has(`app.log.${number}${suffix}`)) this.rename(`app.log.${number}${suffix}`, `app.log.${number + 1}${suffix}`);
    }
  }

  /** As logrotate does by default; whoever writes opens the new file with the next line. */
  rotate(): void {
    this.shift();
    this.rename('app.log', 'app.log.1');
  }

  /** As logrotate does with `copytruncate`. */
  copyAndTruncate(): void {
    this.shift();
    this.copy('app.log', 'app.log.1');
    this.truncate('app.log');
  }
}

function refuse(): never {
  throw new Error('a follower only reads');
}
