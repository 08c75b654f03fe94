import { isPassed, judge, LogError, type RecordService } from '../eventlog/index.ts';
import type { Bytes, Clock, Timer } from '../host/index.ts';
import { RecordBatchBuilder, recordCount } from '../record/index.ts';

export interface TopicStreamOptions {
  readonly log: Pick<RecordService, 'append'>;
  readonly clock: Clock;
  readonly bytes: Bytes;
  readonly topic: string;
  readonly partition: number;
  readonly requestId: string;
  /** Number of the first line of this stream under its request id. */
  readonly sequence: number;
  /** A batch was stored, on a majority's disks; `sequence` is where the next one begins. */
  readonly onStored: (count: number, sequence: number) => void;
  /** The stream is over: of what waits, `unknownCount` lines may be stored or not, and the others are not. */
  readonly onFailed: (error: LogError) => void;
  /** The topic does not take the batch now; it is tried again. */
  readonly onDelayed: (error: LogError) => void;
}

interface SealedBatch {
  readonly batch: Uint8Array;
  readonly count: number;
  readonly bytes: number;
}

/** A batch that is being stored. */
interface Attempted extends SealedBatch {
  readonly firstMs: number;
  attempts: number;
  isOutstanding: boolean;
  /** Some attempt may have stored it. */
  isUncertain: boolean;
  againMs: number;
}

const batchBytesMax = 512 * 1024;
const recordsPerBatchMax = 16_384;
const attemptMs = 30_000;
const againMsFirst = 20;
const againMsMax = 500;
/** What a record takes beside key and value, roughly. */
const overheadBytes = 16;

/**
 * Lines on their way into a topic under one request id: one batch in flight, what comes meanwhile is the next, so that batches grow with load. A
 * batch is tried again under its sequence for as long as its outcome may become known; a refusal for good ends the stream.
 */
export class TopicStream {
  readonly #options: TopicStreamOptions;
  readonly #builder = new RecordBatchBuilder();
  readonly #sealed: SealedBatch[] = [];
  #weight = 0;
  #sequence: number;
  #pendingBytes = 0;
  #pendingCount = 0;
  #current: Attempted | null = null;
  #pause: Timer | null = null;
  #isClosed = false;

  constructor(options: TopicStreamOptions) {
    this.#options = options;
    this.#sequence = options.sequence;
  }

  /** Bytes of lines that are not known to be stored. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** Of those pending: lines of which some attempt may have been stored. */
  get unknownCount(): number {
    const current = this.#current;
    return current !== null && (current.isOutstanding || current.isUncertain) ? current.count : 0;
  }

  /** Where the next batch begins. */
  get sequence(): number {
    return this.#sequence;
  }

  add(timestampMs: number, key: Uint8Array, source: Uint8Array, from: number, to: number): void {
    this.#builder.addSlice(timestampMs, source, from, to, key);
    const bytes = to - from + key.length + overheadBytes;
    this.#weight += bytes;
    this.#pendingBytes += bytes;
    this.#pendingCount++;
    if (this.#weight >= batchBytesMax || this.#builder.recordCount >= recordsPerBatchMax) this.#seal();
  }

  /** Records as a batch of their own, behind what has come. */
  addBatch(batch: Uint8Array): void {
    if (this.#builder.recordCount > 0) this.#seal();
    this.#pendingBytes += batch.length;
    this.#pendingCount += recordCount(batch);
    this.#sealed.push({ batch, count: recordCount(batch), bytes: batch.length });
  }

  /** Gives back what is certainly not stored: it is no longer this stream's. */
  takeBack(): readonly Uint8Array[] {
    if (this.#builder.recordCount > 0) this.#seal();
    const taken = this.#sealed.splice(0);
    if (this.#current !== null && this.unknownCount === 0) {
      taken.unshift(this.#current);
      this.#current = null;
      this.#pause?.cancel();
    }
    for (const { bytes, count } of taken) {
      this.#pendingBytes -= bytes;
      this.#pendingCount -= count;
    }
    return taken.map(({ batch }) => batch);
  }

  /** Sends what has come, unless a batch is on its way. */
  flush(): void {
    if (this.#current !== null || this.#isClosed) return;
    if (this.#sealed.length === 0 && this.#builder.recordCount > 0) this.#seal();
    const next = this.#sealed.shift();
    if (next === undefined) return;
    const firstMs = this.#options.clock.monotonicMs();
    this.#current = { ...next, firstMs, attempts: 0, isOutstanding: false, isUncertain: false, againMs: againMsFirst };
    this.#attempt(this.#current);
  }

  /** Nothing more is sent. A batch on its way may still be stored. */
  close(): void {
    this.#isClosed = true;
    this.#pause?.cancel();
  }

  #seal(): void {
    const count = this.#builder.recordCount;
    this.#sealed.push({ batch: this.#builder.finish(this.#options.bytes), count, bytes: this.#weight });
    this.#weight = 0;
  }

  #attempt(current: Attempted): void {
    const { log, clock, topic, partition, requestId } = this.#options;
    // A copy, since whoever appends may place the batch in the log where it lies.
    const request = {
      topic,
      partition,
      batch: current.batch.slice(),
      requestId,
      sequence: this.#sequence,
      isSession: true,
      expectedOffset: null,
    };
    const age = current.attempts === 0 ? {} : { firstAttemptMs: clock.monotonicMs() - current.firstMs };
    current.attempts++;
    current.isOutstanding = true;
    log.append({ ...request, ...age, level: 'quorum', timeoutMs: attemptMs }, (outcome) => {
      current.isOutstanding = false;
      if (this.#isClosed) return;
      if (!outcome.ok) this.#refused(current, outcome.error);
      else if (outcome.value.count === current.count) this.#stored(current);
      else
        this.#failed(current, new LogError('requestIdReused', `Cannot append to topic "${topic}": other lines have these numbers`), false);
    });
  }

  #refused(current: Attempted, error: LogError): void {
    // So long ago that the log no longer remembers the batch itself: it is there.
    if (isPassed(error, this.#sequence + current.count)) return this.#stored(current);
    const { proves, again, isUncertain } = judge(error, { isUncertain: current.isUncertain, isRepeatable: true });
    if (again === 'no') return this.#failed(current, error, proves !== 'notAppended');
    current.isUncertain = isUncertain;
    this.#options.onDelayed(error);
    if (this.#isClosed) return;
    this.#pause = this.#options.clock.startTimer(current.againMs, () => {
      if (!this.#isClosed) this.#attempt(current);
    });
    current.againMs = Math.min(current.againMs * 2, againMsMax);
  }

  #stored(current: Attempted): void {
    this.#current = null;
    this.#sequence += current.count;
    this.#pendingBytes -= current.bytes;
    this.#pendingCount -= current.count;
    this.#options.onStored(current.count, this.#sequence);
    this.flush();
  }

  #failed(current: Attempted, error: LogError, isUncertain: boolean): void {
    current.isUncertain = isUncertain;
    this.#isClosed = true;
    this.#options.onFailed(error);
  }
}
