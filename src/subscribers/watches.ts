import { type Task, wait } from '../base/task.ts';
import type { CancelSignal, Freshness, RecordService } from '../eventlog/index.ts';
import type { Clock } from '../host/index.ts';
import type { Wanted } from './topic-reads.ts';

/** Partitions that are watched at once. Each is a read that waits, of which a broker has only so many for topics that are elsewhere; whoever finds no room looks again by himself. */
const watchesMax = 100;
const readMs = 10_000;

/** One read that waits, for all who wait for the same. */
interface Watch {
  readonly cancel: { cancelled: boolean; onCancel: (() => void) | null };
  readonly waiting: Set<() => void>;
}

/** Waits for records of partitions: a thousand subscribers of one topic cost one read. */
export class Watches {
  readonly #log: RecordService;
  readonly #clock: Clock;
  readonly #watches = new Map<string, Watch>();

  constructor(log: RecordService, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Comes back once there may be something in one of these, or `waitMs` are over, or it was cancelled, or one of the wakers was called. */
  *await(
    all: readonly Wanted[],
    freshness: Freshness,
    waitMs: number,
    cancel: CancelSignal | undefined,
    wakers: Set<() => void>,
  ): Task<void> {
    if (cancel?.cancelled === true) return;
    yield* wait<void>((done) => {
      const leaving: (() => void)[] = [];
      let isOver = false;
      const end = (): void => {
        if (isOver) return;
        isOver = true;
        timer.cancel();
        wakers.delete(end);
        if (cancel !== undefined) cancel.onCancel = null;
        for (const leave of leaving) leave();
        done();
      };
      const timer = this.#clock.startTimer(waitMs, end);
      wakers.add(end);
      if (cancel !== undefined) cancel.onCancel = end;
      for (const wanted of all) {
        const leave = this.#join(wanted, freshness, end);
        if (leave !== null) leaving.push(leave);
      }
    });
  }

  /** Gives what ends it; null where there is no room. */
  #join(wanted: Wanted, freshness: Freshness, wake: () => void): (() => void) | null {
    const key = `${wanted.group}/${wanted.offsetFrom}/${freshness}`;
    let watch = this.#watches.get(key);
    if (watch === undefined) {
      if (this.#watches.size >= watchesMax) return null;
      watch = { cancel: { cancelled: false, onCancel: null }, waiting: new Set() };
      this.#watches.set(key, watch);
      this.#read(key, watch, wanted, freshness);
    }
    const { waiting, cancel } = watch;
    waiting.add(wake);
    return () => {
      waiting.delete(wake);
      if (waiting.size > 0 || this.#watches.get(key)?.waiting !== waiting) return;
      this.#watches.delete(key);
      cancel.cancelled = true;
      cancel.onCancel?.();
    };
  }

  #read(key: string, watch: Watch, { topic, partition, group, offsetFrom }: Wanted, freshness: Freshness): void {
    const common = { sinceMs: null, sessionOffset: 0, bytesMax: 1, waitMs: readMs, cancel: watch.cancel };
    this.#log.read({ topic, partition, group, offsetFrom, freshness, ...common }, () => {
      if (this.#watches.get(key) === watch) this.#watches.delete(key);
      // Whatever it says: they look for themselves.
      for (const wake of watch.waiting) wake();
    });
  }
}
