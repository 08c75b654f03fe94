import { type EventLog, isPassed, LogError } from '../../eventlog/index.ts';
import type { Bytes } from '../../host/index.ts';
import { RecordBatchBuilder } from '../../record/index.ts';

export interface TopicStreamOptions {
  readonly log: EventLog;
  readonly bytes: Bytes;
  readonly topic: string;
  readonly requestId: string;
  /** Number of the first line of this stream under its request id. */
  readonly sequence: number;
  /** A batch was stored, on a majority's disks; `sequence` is where the next one begins. */
  readonly onStored: (count: number, bytes: number, sequence: number) => void;
  /** The stream is over: this batch and what waits behind it are not known to be stored. */
  readonly onFailed: (error: LogError) => void;
  /** The topic does not take the batch now; it is tried again. */
  readonly onDelayed: (error: LogError) => void;
}

interface SealedBatch {
  readonly batch: Uint8Array;
  readonly count: number;
  readonly bytes: number;
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
 * batch is tried again under its sequence for as long as its outcome may become known; a definite refusal ends the stream.
 */
export class TopicStream {
  readonly #options: TopicStreamOptions;
  readonly #builder = new RecordBatchBuilder();
  readonly #sealed: SealedBatch[] = [];
  #weight = 0;
  #sequence: number;
  #pendingBytes = 0;
  #pendingCount = 0;
  #isSending = false;
  #isClosed = false;
  #wakeUp: (() => void) | null = null;

  constructor(options: TopicStreamOptions) {
    this.#options = options;
    this.#sequence = options.sequence;
  }

  /** Bytes of lines that are not stored yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get pendingCount(): number {
    return this.#pendingCount;
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

  /** Sends what has come, unless a batch is on its way. */
  flush(): void {
    if (this.#isSending || this.#isClosed) return;
    if (this.#sealed.length === 0 && this.#builder.recordCount > 0) this.#seal();
    if (this.#sealed.length > 0) void this.#send();
  }

  /** Nothing more is sent. A batch on its way may still be stored. */
  close(): void {
    this.#isClosed = true;
    this.#wakeUp?.();
  }

  #seal(): void {
    const count = this.#builder.recordCount;
    this.#sealed.push({ batch: this.#builder.finish(this.#options.bytes), count, bytes: this.#weight });
    this.#weight = 0;
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (!this.#isClosed) {
      if (this.#sealed.length === 0 && this.#builder.recordCount > 0) this.#seal();
      const next = this.#sealed.shift();
      if (next === undefined) break;
      const failure = await this.#store(next);
      if (this.#isClosed) break;
      if (failure !== null) {
        this.#isClosed = true;
        this.#options.onFailed(failure);
        break;
      }
      this.#sequence += next.count;
      this.#pendingBytes -= next.bytes;
      this.#pendingCount -= next.count;
      this.#options.onStored(next.count, next.bytes, this.#sequence);
    }
    this.#isSending = false;
  }

  /** Null once it is stored. */
  async #store({ batch, count }: SealedBatch): Promise<LogError | null> {
    const { log, topic, requestId } = this.#options;
    const firstMs = performance.now();
    for (let againMs = againMsFirst, isFirst = true; ; againMs = Math.min(againMs * 2, againMsMax), isFirst = false) {
      try {
        // A copy, since whoever appends may place the batch in the log where it lies.
        const request = { topic, batch: batch.slice(), requestId, sequence: this.#sequence, expectedOffset: null };
        const age = isFirst ? {} : { firstAttemptMs: performance.now() - firstMs };
        const result = await log.append({ ...request, ...age, level: 'quorum', timeoutMs: attemptMs });
        if (result.count === count) return null;
        return new LogError('requestIdReused', `Cannot append to topic "${topic}": other lines have these numbers`);
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        if (this.#isClosed) return error;
        // So long ago that the log no longer remembers the batch itself: it is there.
        if (isPassed(error, this.#sequence + count)) return null;
        if (!error.retriable) return error;
        this.#options.onDelayed(error);
        await this.#pause(againMs);
        if (this.#isClosed) return error;
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
