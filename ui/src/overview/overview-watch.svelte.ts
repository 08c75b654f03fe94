import { untrack } from 'svelte';
import { ApiError, fetchEventRecords, fetchHistory } from '../api.ts';
import { parseEvent } from './cluster-events.ts';
import { BrokerHistories, type Moment } from './history.ts';

const EVENTS_MS = 2000;
const HIDDEN_MS = 15_000;
/** An election storm of ten thousand topics is told of as far as anybody reads. */
const EVENTS_MAX = 5000;

type Told = NonNullable<ReturnType<typeof parseEvent>>;

/** What happened in the last minutes: what the brokers counted, and what they told of themselves. Asked from the beginning by each page that is opened. */
export class OverviewWatch {
  moments = $state.raw<readonly Moment[]>([]);
  /** Brokers whose part is not in the newest moments. */
  missing = $state.raw<readonly number[]>([]);
  told = $state.raw<readonly Told[]>([]);
  spanMs = $state(15 * 60_000);
  everyMs = $state(5000);
  /** False where the broker is of a version that keeps none, or a drop-in that has no such topic. */
  hasHistory = $state(true);
  hasEvents = $state(true);
  /** The wall clock of the broker that serves the page. */
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  start(): () => void {
    const ends = [repeatedly(this.#historyPoll()), repeatedly(this.#eventsPoll())];
    return () => {
      for (const end of ends) end();
    };
  }

  /** Each gives how long to wait for the next one. */
  #historyPoll(): () => Promise<number> {
    const histories = new BrokerHistories();
    let askedMs: number | null = null;
    return async () => {
      try {
        const beganMs = performance.now();
        // What was asked for last, and some more: another broker's sample of then may come now.
        const sinceMs = askedMs === null ? null : beganMs - askedMs + 3 * histories.everyMs;
        histories.add(await fetchHistory(sinceMs === null || sinceMs > histories.spanMs ? null : sinceMs));
        askedMs = beganMs;
        this.moments = histories.moments();
        this.missing = histories.missing;
        this.spanMs = histories.spanMs;
        this.everyMs = histories.everyMs;
        this.hasHistory = true;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) this.hasHistory = false;
      }
      return histories.everyMs;
    };
  }

  #eventsPoll(): () => Promise<number> {
    let from: number | null = null;
    return async () => {
      try {
        for (let isAll = false; !isAll; ) {
          const place: { readonly from: number } | { readonly sinceMs: number } =
            from === null ? { sinceMs: this.#nowMs() - this.spanMs } : { from };
          const page = await fetchEventRecords(place);
          from = page.offsetNext;
          isAll = page.records.length === 0 || page.offsetNext >= page.highWatermark;
          this.#take(page.records.flatMap((record) => parseEvent(record) ?? []));
        }
        this.hasEvents = true;
      } catch (error) {
        // Its records were removed meanwhile, or it was made anew.
        if (error instanceof ApiError && error.status === 416) from = null;
        if (error instanceof ApiError && error.status === 404) this.hasEvents = false;
      }
      return EVENTS_MS;
    };
  }

  #take(told: readonly Told[]): void {
    const sinceMs = this.#nowMs() - this.spanMs;
    const known = new Set(this.told.map(({ offset }) => offset));
    const all = [...this.told, ...told.filter(({ offset }) => !known.has(offset))];
    this.told = all.filter(({ atMs }) => atMs > sinceMs).slice(-EVENTS_MAX);
  }
}

/** Again and again, each some time behind the end of the one before. */
function repeatedly(poll: () => Promise<number>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  const once = async (): Promise<void> => {
    const waitMs = await poll();
    if (!isStopped) timer = setTimeout(() => void once(), document.hidden ? HIDDEN_MS : waitMs);
  };
  untrack(() => void once());
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
