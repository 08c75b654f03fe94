/**
 * Fills the next segment file with zeros in the background, so that a write lands in blocks that exist: fdatasync takes about half the time,
 * and no write to an active file can meet a full disk. Where there is no space for one, smaller files are tried at once, down to the smallest
 * that is of use; where there is none even for that the log is `full`, and it is tried once a second, because every append that still comes needs one.
 */
import { assert } from '../base/assert.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { DiskError, DiskFile, Timer } from '../host/index.ts';
import type { StorageHost } from './host.ts';
import { preparedName } from './segment-format.ts';
import { closeFile, createFile, DiskFailed, guard, must, removeIfThere, syncFile, writeZeros } from './steps.ts';

const retryAfterMs = 1000;
const syncEveryBytes = 4 * 1024 * 1024;

interface Prepared {
  readonly file: DiskFile;
  readonly capacity: number;
}

export class SegmentPreparer {
  readonly path: string;
  readonly #host: StorageHost;
  readonly #bytesMin: number;
  #ready: Prepared | null = null;
  #working = false;
  #wanted = 0;
  /** The least that a waiting write needs; retries never ask for less. */
  #needed = 0;
  /** The least that was asked for with the file under way: a smaller one would not do. */
  #asked = 0;
  /** A file was handed over and still bears the name of a prepared one. */
  #isTaken = false;
  #full = false;
  #error: DiskError | null = null;
  #retry: Timer | null = null;
  #waiter: (() => void) | null = null;
  #stopped = false;
  #afterWork: (() => void) | null = null;

  constructor(host: StorageHost, directory: string, bytesMin: number) {
    this.#host = host;
    this.path = `${directory}/${preparedName}`;
    this.#bytesMin = bytesMin;
  }

  /** True while there is no next file because there is no space for one. */
  get full(): boolean {
    return this.#full;
  }

  /** Begins to prepare a file of this size, unless one is ready or under way. */
  start(capacity: number): void {
    if (this.#stopped || this.#working || this.#error !== null || this.#retry !== null) return;
    if (this.#ready !== null && this.#ready.capacity >= this.#needed) return;
    this.#begin(Math.max(capacity, this.#needed), this.#needed);
  }

  #begin(capacity: number, asked: number): void {
    this.#wanted = capacity;
    this.#asked = asked;
    this.#working = true;
    runTask(
      () => guard(this.#prepare(this.#wanted)),
      (result) => {
        this.#working = false;
        if (result.ok) this.#full = false;
        else {
          assert(result.error.kind === 'disk', 'preparing reads nothing');
          this.#giveUp(result.error.error);
        }
        this.#wake();
      },
    );
  }

  /**
   * True when a file of at least `capacityMin` is ready; else begins to prepare one of `capacity`, unless it has to wait for space anyway. Also true
   * when there will never be one: the write that needs it says why.
   */
  offers(capacity: number, capacityMin: number): boolean {
    if (this.#error !== null) return true;
    if (this.#working || this.#isTaken || this.#retry !== null) return false;
    if (this.#ready !== null && this.#ready.capacity >= capacityMin) return true;
    if (!this.#stopped) this.#begin(capacity, capacityMin);
    return false;
  }

  /** Waits for a prepared file of at least this size, as long as it takes. Its content is zeros and synced; the caller gives it its name. */
  *take(capacityMin: number, capacity: number): Task<Prepared> {
    this.#needed = capacityMin;
    for (;;) {
      if (this.#error !== null) throw new DiskFailed(this.#error);
      const ready = this.#ready;
      if (ready !== null && !this.#working && ready.capacity >= capacityMin) {
        this.#ready = null;
        this.#needed = 0;
        this.#isTaken = true;
        return ready;
      }
      this.start(Math.max(capacity, capacityMin));
      yield* wait<undefined>((resume) => {
        assert(this.#waiter === null, 'one write waits at a time');
        this.#waiter = () => resume(undefined);
      });
    }
  }

  /** The file that was taken has its own name: the next one may use its path. */
  named(): void {
    this.#isTaken = false;
  }

  /** Ends retries; a write that waits for space fails, now or when what is under way has ended. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#retry = null;
    this.#wake();
  }

  /** Waits until nothing is under way any more, after `stop`. */
  *stopped(): Task<void> {
    if (this.#working) {
      yield* wait<undefined>((resume) => {
        this.#afterWork = () => resume(undefined);
      });
    }
    const ready = this.#ready;
    this.#ready = null;
    if (ready !== null) yield* closeFile(ready.file);
  }

  *#prepare(capacity: number): Task<void> {
    const { disk } = this.#host;
    let file = this.#ready?.file ?? null;
    const from = this.#ready?.capacity ?? 0;
    this.#ready = null;
    if (file === null) {
      yield* removeIfThere(disk, this.path);
      file = yield* createFile(disk, this.path);
    }
    // In memory there is nothing to be had from writing zeros but their memory.
    const fill = disk.durable ? fillAndSync(file, from, capacity) : resize(file, capacity);
    const filled = yield* guard(fill);
    if (filled.ok && !this.#stopped) {
      this.#ready = { file, capacity };
      return;
    }
    // The space is given back at once: what is left of it may be what the rest of the broker lives on.
    yield* closeFile(file);
    yield* removeIfThere(disk, this.path);
    if (!filled.ok && filled.error.kind === 'disk') throw new DiskFailed(filled.error.error);
  }

  #giveUp(error: DiskError): void {
    if (error.code !== 'noSpace') {
      this.#error = error;
      return;
    }
    if (this.#stopped) return;
    const least = Math.max(this.#bytesMin, this.#needed, this.#asked);
    if (this.#wanted > least) {
      this.#begin(Math.max(least, Math.floor(this.#wanted / 2)), this.#asked);
      return;
    }
    if (!this.#full) this.#host.logger.log('warn', 'diskFull', { path: this.path, bytes: this.#wanted });
    this.#full = true;
    const smaller = Math.max(this.#bytesMin, this.#needed, Math.floor(this.#wanted / 2));
    this.#retry = this.#host.clock.startTimer(retryAfterMs, () => {
      this.#retry = null;
      this.start(smaller);
    });
  }

  #wake(): void {
    if (this.#working) return;
    if (this.#stopped)
      this.#error ??= { code: 'noSpace', operation: 'write', path: this.path, reason: 'the log was closed while it waited for space' };
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.();
    const afterWork = this.#afterWork;
    this.#afterWork = null;
    afterWork?.();
  }
}

function* resize(file: DiskFile, capacity: number): Task<void> {
  yield* must<undefined>((done) => file.truncate(capacity, done));
}

/** Synced part by part: one sync of 64 MiB would hold up every other sync of the disk behind it. */
function* fillAndSync(file: DiskFile, from: number, to: number): Task<void> {
  for (let at = from; at < to; at += syncEveryBytes) {
    yield* writeZeros(file, at, Math.min(to, at + syncEveryBytes));
    yield* syncFile(file);
  }
}
