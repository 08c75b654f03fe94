import type { HistorySample, KnownHistory } from '../../../src/eventlog/history.ts';

/** What `GET /v1/brokers/history` gives. */
export interface HistoryAnswer {
  readonly everyMs: number;
  readonly spanMs: number;
  readonly brokers: readonly KnownHistory[];
  readonly missing: readonly number[];
}

/** What all brokers did about one moment, in the middle of a stretch; null where nothing is known. */
export interface Moment {
  readonly timeMs: number;
  /** Records a second, all brokers together. */
  readonly appended: number | null;
  readonly read: number | null;
  /** Requests a second, all brokers together. */
  readonly requests: number | null;
  /** Of the slowest broker. */
  readonly syncMs: number | null;
  readonly lagMs: number | null;
}

/**
 * The brokers' histories, from one answer to the next: each answer brings what is new, and what was there before is known by its time. Samples of several
 * brokers end at different moments, so they are laid on common stretches.
 */
export class BrokerHistories {
  #everyMs = 5000;
  #spanMs = 15 * 60_000;
  readonly #samples = new Map<number, readonly HistorySample[]>();
  #newestMs = Number.NEGATIVE_INFINITY;
  #missing: readonly number[] = [];

  get everyMs(): number {
    return this.#everyMs;
  }

  get spanMs(): number {
    return this.#spanMs;
  }

  /** Brokers that did not answer last time: what they do is not in the sums. */
  get missing(): readonly number[] {
    return this.#missing;
  }

  add({ everyMs, spanMs, brokers, missing }: HistoryAnswer): void {
    this.#everyMs = everyMs;
    this.#spanMs = spanMs;
    this.#missing = missing;
    for (const { id, samples } of brokers) {
      if (samples === null) continue;
      const known = this.#samples.get(id) ?? [];
      // The same sample is dated anew by each answer, to within the time that the answer took.
      const lastMs = (known.at(-1)?.endMs ?? Number.NEGATIVE_INFINITY) + everyMs / 2;
      this.#samples.set(id, [...known, ...samples.filter(({ endMs }) => endMs > lastMs)]);
      this.#newestMs = Math.max(this.#newestMs, samples.at(-1)?.endMs ?? Number.NEGATIVE_INFINITY);
    }
    for (const [id, samples] of this.#samples)
      this.#samples.set(
        id,
        samples.filter(({ endMs }) => endMs > this.#newestMs - spanMs),
      );
  }

  /** Oldest first, a whole span of them once anything is known. They end where the last of the brokers that are there has told of. */
  moments(): readonly Moment[] {
    const all = [...this.#samples.values()].filter((samples) => samples.length > 0);
    if (all.length === 0) return [];
    const ends = all.map((samples) => (samples.at(-1) as HistorySample).endMs);
    const endMs = Math.min(...ends.filter((end) => end > this.#newestMs - 2 * this.#everyMs));
    const count = Math.floor(this.#spanMs / this.#everyMs);
    const times = Array.from({ length: count }, (_, index) => endMs - (count - index - 0.5) * this.#everyMs);
    const columns = all.map((samples) => samplesAt(samples, times));
    return times.map((timeMs, index) =>
      momentOf(
        timeMs,
        columns.flatMap((column) => column[index] ?? []),
      ),
    );
  }
}

/** For each time the sample in whose stretch it lies; a stretch that was longer than usual covers several. */
function samplesAt(samples: readonly HistorySample[], times: readonly number[]): readonly (HistorySample | undefined)[] {
  let at = 0;
  return times.map((timeMs) => {
    while (at < samples.length && (samples[at] as HistorySample).endMs < timeMs) at++;
    const sample = samples[at];
    return sample !== undefined && sample.endMs - sample.seconds * 1000 <= timeMs ? sample : undefined;
  });
}

function momentOf(timeMs: number, samples: readonly HistorySample[]): Moment {
  if (samples.length === 0) return { timeMs, appended: null, read: null, requests: null, syncMs: null, lagMs: null };
  const rate = (pick: (sample: HistorySample) => number): number =>
    samples.reduce((sum, sample) => sum + pick(sample) / Math.max(0.001, sample.seconds), 0);
  const syncs = samples.flatMap(({ syncP99Ms }) => syncP99Ms ?? []);
  return {
    timeMs,
    appended: rate(({ appendedRecords }) => appendedRecords),
    read: rate(({ readRecords }) => readRecords),
    requests: rate(({ requests }) => requests),
    syncMs: syncs.length === 0 ? null : Math.max(...syncs),
    lagMs: Math.max(...samples.map(({ loopLagMs }) => loopLagMs)),
  };
}
