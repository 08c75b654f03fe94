import type { BrokerApi } from '../broker/index.ts';
import { type AgedSample, type BrokerCounters, type HistoryCounts, historyEveryMs, historySpanMs } from '../eventlog/index.ts';
import type { Clock, Timer } from '../host/index.ts';

export interface HistoryOptions {
  readonly clock: Clock;
  readonly broker: Pick<BrokerApi, 'takeCounts'>;
  /** HTTP requests since the start. */
  readonly requestCount: () => number;
}

const samplesMax = historySpanMs / historyEveryMs;

interface Kept {
  /** By the clock that only counts. */
  readonly endMs: number;
  readonly counts: HistoryCounts;
}

/**
 * What this broker did in the last minutes (docs/decisions/0042): every few seconds the difference of what it has counted, so that nothing is paid for a record
 * or a request. It is kept in memory and ends with the process.
 */
export class History {
  readonly #options: HistoryOptions;
  #samples: readonly Kept[] = [];
  #last: { readonly atMs: number; readonly counters: BrokerCounters; readonly requests: number };
  #timer: Timer | null = null;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#last = { atMs: options.clock.monotonicMs(), counters: options.broker.takeCounts().counters, requests: options.requestCount() };
    this.#schedule();
  }

  /** Oldest first. */
  within(spanMs: number): readonly AgedSample[] {
    const nowMs = this.#options.clock.monotonicMs();
    const aged = this.#samples.map(({ endMs, counts }) => ({ agoMs: Math.round(nowMs - endMs), ...counts }));
    return aged.filter(({ agoMs }) => agoMs <= spanMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#options.clock.startTimer(historyEveryMs, () => {
      this.#sample();
      this.#schedule();
    });
  }

  #sample(): void {
    const { clock, broker, requestCount } = this.#options;
    const { counters, loopLagMs, syncP99Ms } = broker.takeCounts();
    const now = { atMs: clock.monotonicMs(), counters, requests: requestCount() };
    const last = this.#last;
    const grown = (field: keyof BrokerCounters): number => counters[field] - last.counters[field];
    const counts: HistoryCounts = {
      seconds: Math.round(now.atMs - last.atMs) / 1000,
      appendedRecords: grown('acknowledgedRecords'),
      appendedBytes: grown('acknowledgedBytes'),
      readRecords: grown('readRecords'),
      readBytes: grown('readBytes'),
      requests: now.requests - last.requests,
      elections: grown('elections'),
      leaderChanges: grown('leaderChanges'),
      syncP99Ms,
      loopLagMs,
    };
    this.#samples = [...this.#samples, { endMs: now.atMs, counts }].slice(-samplesMax);
    this.#last = now;
  }
}
