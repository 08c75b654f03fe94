import { type AppendResult, isAhead, isPassed, type Level, LogError, type RecordLog, type RecordsOf } from '../eventlog/index.ts';
import { pause } from './caller.ts';

export interface AppendStreamOptions extends RecordsOf {
  readonly requestId: string;
  readonly level: Level;
  /** How long one batch may go without an acknowledgement before the stream fails. */
  readonly timeoutMs: number;
  /** Records that arrived in an earlier run: what comes now has sequences from here on. */
  readonly sequenceFrom?: number;
  /** Batches on their way at once. Brokers remember at least the last five of a request id. */
  readonly inFlightMax?: number;
  readonly signal?: AbortSignal;
  /** Called at once with the first failure, also while nobody waits in `append`. */
  readonly onFailed?: (error: Error) => void;
  /** Called in order of acknowledgement, which need not be that of the records. */
  readonly onAcknowledged?: (batch: { readonly sequence: number; readonly count: number; readonly result: AppendResult | null }) => void;
}

export interface AppendStreamSummary {
  /** Records acknowledged without a gap from the first one of this stream on. */
  readonly acknowledged: number;
  readonly offsetFirst: number | null;
  readonly offsetLast: number | null;
  /** Records whose acknowledgement repeats that of an earlier attempt. */
  readonly repeated: number;
}

interface StreamBatch {
  readonly batch: Uint8Array;
  readonly sequence: number;
  readonly count: number;
  readonly isLast: boolean;
}

const inFlightMaxDefault = 4;
const aheadPauseMs = 50;

/**
 * Appends batch after batch under one request id, several in flight, in order and none twice: each batch keeps its sequence however often it is
 * sent, and the leader refuses one that comes before its predecessor. After a failure nothing more is sent; what is acknowledged is a prefix.
 */
export class AppendStream {
  readonly #log: Pick<RecordLog, 'append'>;
  readonly #options: AppendStreamOptions;
  readonly #inFlightMax: number;
  readonly #inFlight = new Set<Promise<void>>();
  #last: Promise<boolean> | null = null;
  #sequence: number;
  /** The first batch goes alone: until the leader knows the request id, later ones would be refused. */
  #begun = false;
  /** A batch overtook another and was refused. Those behind it on their way will be too; sending still more would go on like that for ever. */
  #isOvertaking = false;
  #failure: Error | null = null;
  #acknowledgedTo: number;
  #offsetFirst: number | null = null;
  #offsetLast: number | null = null;
  #repeated = 0;

  constructor(log: Pick<RecordLog, 'append'>, options: AppendStreamOptions) {
    this.#log = log;
    this.#options = options;
    this.#inFlightMax = options.inFlightMax ?? inFlightMaxDefault;
    this.#sequence = options.sequenceFrom ?? 0;
    this.#acknowledgedTo = this.#sequence;
  }

  get summary(): AppendStreamSummary {
    return {
      acknowledged: this.#acknowledgedTo - (this.#options.sequenceFrom ?? 0),
      offsetFirst: this.#offsetFirst,
      offsetLast: this.#offsetLast,
      repeated: this.#repeated,
    };
  }

  /**
   * Returns once there is room for another batch, which is not when this one is acknowledged. Rejects with the first failure of the stream. `isLast`: none
   * follows, so that a stream of one batch is remembered like any append.
   */
  async append(batch: Uint8Array, count: number, isLast = false): Promise<void> {
    this.#throwIfFailed();
    const sequence = this.#sequence;
    this.#sequence += count;
    const previous = this.#last;
    const sent = this.#send({ batch, sequence, count, isLast }, previous);
    this.#last = sent;
    const settled: Promise<void> = sent.then(() => void this.#inFlight.delete(settled));
    this.#inFlight.add(settled);
    while (this.#inFlight.size >= (this.#begun ? this.#inFlightMax : 1)) await Promise.race(this.#inFlight);
    if (this.#isOvertaking) {
      await this.settle();
      this.#isOvertaking = false;
    }
    this.#throwIfFailed();
  }

  /** Waits until everything is acknowledged. */
  async finish(): Promise<AppendStreamSummary> {
    await this.settle();
    this.#throwIfFailed();
    return this.summary;
  }

  /** Waits until nothing is in flight, whatever came of it. */
  async settle(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** True when the batch is acknowledged; a failure is kept and gives false. */
  async #send(one: StreamBatch, previous: Promise<boolean> | null): Promise<boolean> {
    const { sequence, count } = one;
    let ahead = previous;
    const firstMs = performance.now();
    let isFirst = true;
    let until = firstMs + this.#options.timeoutMs;
    for (;;) {
      try {
        const sinceFirstMs = isFirst ? null : performance.now() - firstMs;
        this.#acknowledge(sequence, count, await this.#appendOnce(one, until, sinceFirstMs));
        return true;
      } catch (error) {
        isFirst = false;
        if (!isAhead(error)) return this.#fail(error);
        if (ahead !== null) {
          this.#isOvertaking = true;
          if (!(await ahead)) return false;
          ahead = null;
          until = performance.now() + this.#options.timeoutMs;
        } else {
          // The one before is acknowledged, so whoever refuses is a leader that has lost its office without knowing.
          if (sequence === 0 || performance.now() + aheadPauseMs >= until) return this.#fail(error);
          await pause(aheadPauseMs, this.#options.signal);
        }
      }
    }
  }

  async #appendOnce(
    { batch, sequence, count, isLast }: StreamBatch,
    until: number,
    sinceFirstMs: number | null,
  ): Promise<AppendResult | null> {
    const { topic, partition = 0, requestId, level } = this.#options;
    try {
      const timeoutMs = Math.max(1, Math.ceil(until - performance.now()));
      const age = sinceFirstMs === null ? {} : { firstAttemptMs: sinceFirstMs };
      const result = await this.#log.append({
        topic,
        partition,
        batch,
        level,
        timeoutMs,
        requestId,
        sequence,
        isSession: !isLast,
        expectedOffset: null,
        ...age,
      });
      if (result.count === count) return result;
      throw new LogError('requestIdReused', otherContents(topic, requestId, sequence, result.count, count));
    } catch (error) {
      if (error instanceof LogError && isPassed(error, sequence + count)) return null;
      throw error;
    }
  }

  #acknowledge(sequence: number, count: number, result: AppendResult | null): void {
    this.#begun = true;
    this.#acknowledgedTo = Math.max(this.#acknowledgedTo, sequence + count);
    if (result === null || result.duplicate) this.#repeated += count;
    if (result !== null) {
      this.#offsetFirst = Math.min(this.#offsetFirst ?? result.offset, result.offset);
      this.#offsetLast = Math.max(this.#offsetLast ?? 0, result.offset + count - 1);
    }
    this.#options.onAcknowledged?.({ sequence, count, result });
  }

  #fail(error: unknown): false {
    if (this.#failure === null) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#options.onFailed?.(this.#failure);
    }
    return false;
  }
}

const otherContents = (topic: string, requestId: string, sequence: number, before: number, now: number): string =>
  `Cannot append to topic "${topic}": request id "${requestId}" appended ${before} records at sequence ${sequence} before, now ${now}`;
