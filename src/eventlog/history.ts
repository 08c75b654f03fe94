/** What a broker did lately (docs/decisions/0042): a sample for each stretch of some seconds, kept in its memory. */

/** Of one stretch. Rates are these numbers by `seconds`: a process that was stopped makes a long stretch. */
export interface HistoryCounts {
  readonly seconds: number;
  /** Records and their bytes that callers of this broker appended, acknowledged; what Cairn writes for itself is left out, here and of what was read. */
  readonly appendedRecords: number;
  readonly appendedBytes: number;
  /** Given to readers from the replicas of this broker. */
  readonly readRecords: number;
  readonly readBytes: number;
  /** HTTP requests, whatever they are for and became of. */
  readonly requests: number;
  /** Elections that this broker called, and times that a partition here got another leader. */
  readonly elections: number;
  readonly leaderChanges: number;
  /** 99th percentile of the writes of logs with their syncs; null where there was none. */
  readonly syncP99Ms: number | null;
  /** The longest that the event loop came late. */
  readonly loopLagMs: number;
}

/** As brokers tell one another: by its age, so that no wall clock but that of whoever asked is believed. */
export interface AgedSample extends HistoryCounts {
  /** How long ago it ended. */
  readonly agoMs: number;
}

export interface HistorySample extends HistoryCounts {
  /** Its end, by the wall clock of the broker that was asked. */
  readonly endMs: number;
}

/** A broker's history, oldest first. */
export interface KnownHistory {
  readonly id: number;
  readonly address: string;
  /** Null where it did not answer in time (promise 5), or is of a version that keeps none. */
  readonly samples: readonly HistorySample[] | null;
}

/** A broker keeps so much of the past, in so many samples. */
export const historySpanMs = 15 * 60_000;
export const historyEveryMs = 5000;
