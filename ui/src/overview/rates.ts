import { type BrokersAnswer, hasMany } from '../api.ts';

/** What is plotted of one moment; null where nothing was known. */
export interface Sample {
  readonly timeMs: number;
  readonly recordsPerSecond: number | null;
  readonly syncMs: number | null;
  /** How long the brokers took to answer the page. */
  readonly answerMs: number | null;
}

const EVENTS_TOPIC = 'cairn.events';

/** The last minutes, from one answer of the brokers to the next. */
export class RateHistory {
  readonly #spanMs: number;
  #samples: Sample[] = [];
  #previous: { readonly timeMs: number; readonly ends: ReadonlyMap<string, number> } | null = null;

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /**
   * Records per second are the growth of the committed ends of all topics, each as far as any broker knows it: what every broker stores is counted
   * once, whichever broker took it. What brokers tell about themselves is left out. A topic seen for the first time counts from then on. Where there are
   * more topics than an answer shows, they are what the brokers have acknowledged.
   */
  add(timeMs: number, answer: BrokersAnswer, answerMs: number): void {
    const isCounted = hasMany(answer);
    const ends = new Map<string, number>();
    for (const { id, status } of answer.brokers) {
      if (isCounted) {
        // No topic has a blank in its name.
        if (status !== null) ends.set(`broker ${id}`, status.counters['appendedRecords'] ?? 0);
        continue;
      }
      for (const partition of status?.partitions ?? []) {
        if (partition.topic === EVENTS_TOPIC) continue;
        ends.set(partition.topic, Math.max(ends.get(partition.topic) ?? 0, partition.highWatermark));
      }
    }
    let recordsPerSecond: number | null = null;
    if (this.#previous !== null && timeMs > this.#previous.timeMs) {
      let grown = 0;
      for (const [topic, end] of ends) grown += Math.max(0, end - (this.#previous.ends.get(topic) ?? end));
      recordsPerSecond = (grown * 1000) / (timeMs - this.#previous.timeMs);
    }
    // An end that this answer does not name (its broker was missing) is remembered, else its return would look like a burst or be lost.
    // A broker that was started again counts from 0.
    for (const [topic, end] of this.#previous?.ends ?? [])
      ends.set(topic, isCounted ? (ends.get(topic) ?? end) : Math.max(end, ends.get(topic) ?? 0));
    this.#previous = { timeMs, ends };
    const counters = answer.brokers.flatMap(({ status }) => (status === null ? [] : [status.counters]));
    this.#push({
      timeMs,
      recordsPerSecond,
      syncMs: counters.length === 0 ? null : Math.max(...counters.map((each) => each['syncMsP99'] ?? 0)),
      answerMs,
    });
  }

  /** The broker did not answer: the curves get a hole instead of a straight line across it. */
  addGap(timeMs: number): void {
    this.#push({ timeMs, recordsPerSecond: null, syncMs: null, answerMs: null });
  }

  #push(sample: Sample): void {
    this.#samples = [...this.#samples.filter((each) => each.timeMs > sample.timeMs - this.#spanMs), sample];
  }
}
