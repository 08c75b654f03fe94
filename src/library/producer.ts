/// <reference lib="esnext.disposable" preserve="true" />
import { AppendStream, type Client, clientBytes } from '../client/index.ts';
import { type Level, LogError } from '../eventlog/index.ts';
import { sequenceMax } from '../base/branded.ts';
import { divideBatch } from '../partitions/index.ts';
import { RecordBatchBuilder, recordCount } from '../record/index.ts';
import { type Checks, oneOf, partition, signal, timeoutMs, whole } from './arguments.ts';
import { type Appendable, addRecord } from './batch-of-records.ts';

export interface ProducerOptions {
  /** All into this partition; left out, each into that of its key, and records without one batch by batch into the next. */
  readonly partition?: number | undefined;
  readonly level?: Level | undefined;
  /** How long one batch may go without an acknowledgement before the producer fails. */
  readonly timeoutMs?: number | undefined;
  /** What may wait and be on its way; default 8 MiB. Beyond it `append` gives a promise to wait for, beyond twice as much it refuses (`overloaded`). */
  readonly bufferBytes?: number | undefined;
  /** Ends it with `interrupted`. */
  readonly signal?: AbortSignal | undefined;
}

export const producerChecks: Checks<ProducerOptions> = {
  partition,
  level: oneOf('leader', 'quorum', 'all'),
  timeoutMs,
  bufferBytes: whole(1, 1024 * 1024 * 1024),
  signal,
};

const bufferBytesDefault = 8 * 1024 * 1024;
/** A batch is full: of long records by its bytes, of short ones by their number. */
const batchBytes = 256 * 1024;
const batchRecordsMax = 16_384;
/** Partitions that are added are heard of so soon. */
const countEveryMs = 10_000;
/** Brokers forget a stream that has been silent for a week. */
const idleMsMax = 3_600_000;

/** Room for most batches: the last record of one may be longer. */
const roomBytes = batchBytes + 16 * 1024;
/** Rooms that nobody uses, and that are kept. */
const roomsMax = 16;

/** What was divided among partitions and is under way. */
interface Sent {
  readonly serial: number;
  readonly batch: Uint8Array;
  parts: number;
}

/** The stream of one partition, under a request id of its own. */
interface Lane {
  readonly stream: AppendStream;
  readonly sent: Map<number, Sent>;
  sequence: number;
  usedMs: number;
}

/**
 * Appends many records in order and none twice, in batches of what has queued up while others were on their way: one record goes at once, a thousand go
 * together. After a failure nothing more is sent: what is acknowledged is, of each partition, the beginning of what was appended.
 */
export class Producer implements AsyncDisposable {
  readonly #client: Client;
  readonly #topic: string;
  readonly #doing: string;
  readonly #options: ProducerOptions;
  readonly #timeoutMs: number;
  readonly #bufferBytes: number;
  readonly #onClosed: () => void;
  readonly #builder = new RecordBatchBuilder({ capacityBytes: batchBytes * 2 });
  readonly #lanes = new Map<number, Lane>();
  /** Batches that are full and wait for their turn. */
  #ready: Uint8Array[] = [];
  #readyBytes = 0;
  /** Memory of batches that are acknowledged, for those to come: made anew for each, it is old before the collector looks at it, and costs more than all else. */
  readonly #rooms: Uint8Array[] = [];
  /** In the order of their serials. */
  readonly #underWay = new Map<number, Sent>();
  #underWayBytes = 0;
  /** Of the next batch that is made. */
  #serial = 0;
  #isPumping = false;
  #partitions: number | null = null;
  #countedMs = 0;
  #isCounting = false;
  #turn = Math.floor(Math.random() * 256);
  #acknowledged = 0;
  #failure: Error | null = null;
  #isClosed = false;
  #room: Waiting | null = null;
  #flushes: (Waiting & { readonly serial: number })[] = [];

  /** @internal */
  constructor(
    client: Client,
    topic: string,
    options: ProducerOptions,
    { timeoutMs: usualMs, onClosed }: { readonly timeoutMs: number; readonly onClosed: () => void },
  ) {
    this.#client = options.signal === undefined ? client : client.withSignal(options.signal);
    this.#topic = topic;
    this.#doing = `append to topic "${topic}"`;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? usualMs;
    this.#bufferBytes = options.bufferBytes ?? bufferBytesDefault;
    this.#onClosed = onClosed;
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted === true) this.#onAbort();
  }

  /** Records that are acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** What waits and is on its way. */
  get bufferedBytes(): number {
    return this.#readyBytes + this.#underWayBytes + (this.#builder.recordCount === 0 ? 0 : this.#builder.sizeBytes);
  }

  /**
   * Takes a record, which goes as soon as there is room on the way. Gives a promise where nothing more should come before it is fulfilled, so `await` what it
   * gives. Throws the failure of the producer, once there is one, and what is wrong with the record.
   */
  append(record: Appendable): Promise<void> | undefined {
    this.#throwIfFailed();
    if (this.#isClosed) throw new LogError('clientClosed', `Cannot ${this.#doing}: the producer is closed`);
    const builder = this.#builder;
    if (this.bufferedBytes >= 2 * this.#bufferBytes) {
      throw new LogError(
        'overloaded',
        `Cannot ${this.#doing}: ${this.bufferedBytes} bytes wait for acknowledgements: wait for what append gives`,
      );
    }
    addRecord(builder, record, Date.now(), this.#doing);
    if (builder.sizeBytes >= batchBytes || builder.recordCount >= batchRecordsMax) this.#takeBatch();
    if (!this.#isPumping) {
      this.#isPumping = true;
      // What is appended in the same turn goes together.
      setImmediate(() => void this.#pump());
    }
    // With this record: it alone may be larger than twice the buffer, and the next one would be refused.
    if (this.bufferedBytes < this.#bufferBytes) return undefined;
    this.#room ??= makeWaiting();
    return this.#room.promise;
  }

  /** Fulfilled once all that was appended is acknowledged. */
  async flush(): Promise<void> {
    this.#throwIfFailed();
    if (this.#builder.recordCount > 0) this.#takeBatch();
    const serial = this.#serial;
    if (this.#isSettled(serial)) return;
    const waiting = { ...makeWaiting(), serial };
    this.#flushes.push(waiting);
    await waiting.promise.catch(() => this.#throwIfFailed());
  }

  /** Takes no more, and waits until all that it took is acknowledged. */
  async close(): Promise<void> {
    this.#isClosed = true;
    try {
      await this.flush();
    } finally {
      this.#options.signal?.removeEventListener('abort', this.#onAbort);
      this.#onClosed();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #onAbort = (): void => this.#fail(new LogError('interrupted', `Cannot ${this.#doing}: interrupted`));

  #throwIfFailed(): void {
    if (this.#failure === null) return;
    // Now it is known, and the client need not say it once more in the end.
    this.#onClosed();
    throw this.#failure;
  }

  #takeBatch(): void {
    // A batch of a record or two takes no more than it needs.
    const isLarge = this.#builder.sizeBytes > roomBytes / 2;
    const batch = this.#builder.finish(clientBytes, undefined, isLarge ? (this.#rooms.pop() ?? new Uint8Array(roomBytes)) : null);
    this.#ready.push(batch);
    this.#readyBytes += batch.length;
    this.#serial++;
  }

  /** One at a time: batch after batch, each as soon as there is room. */
  async #pump(): Promise<void> {
    try {
      for (;;) {
        if (this.#ready.length === 0 && this.#builder.recordCount > 0) this.#takeBatch();
        const batch = this.#ready.shift();
        if (batch === undefined || this.#failure !== null) break;
        this.#readyBytes -= batch.length;
        // Those that wait behind it have later ones.
        await this.#send(batch, this.#serial - this.#ready.length - 1);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#isPumping = false;
  }

  async #send(batch: Uint8Array, serial: number): Promise<void> {
    const sent: Sent = { serial, batch, parts: 1 };
    this.#underWay.set(serial, sent);
    this.#underWayBytes += batch.length;
    const { partition: named = null } = this.#options;
    const count = named === null ? await this.#partitionCount() : 1;
    const parts = count === 1 ? [{ partition: named ?? 0, batch }] : divideBatch(batch, count, this.#turn++ % count, clientBytes);
    sent.parts = parts.length;
    await Promise.all(parts.map((part) => this.#sendPart(part.partition, part.batch, sent)));
  }

  async #sendPart(to: number, batch: Uint8Array, sent: Sent): Promise<void> {
    const records = recordCount(batch);
    const lane = await this.#laneFor(to, records);
    lane.sent.set(lane.sequence, sent);
    lane.sequence += records;
    lane.usedMs = performance.now();
    await lane.stream.append(batch, records);
  }

  async #laneFor(to: number, records: number): Promise<Lane> {
    const before = this.#lanes.get(to);
    const isWornOut =
      before !== undefined &&
      (before.sequence + records > sequenceMax || (before.sent.size === 0 && performance.now() - before.usedMs > idleMsMax));
    if (before !== undefined && !isWornOut) return before;
    // Another stream has another order.
    await before?.stream.finish();
    const sent = new Map<number, Sent>();
    const stream = new AppendStream(this.#client, {
      topic: this.#topic,
      partition: to,
      requestId: crypto.randomUUID(),
      level: this.#options.level ?? 'quorum',
      timeoutMs: this.#timeoutMs,
      ...(this.#options.signal === undefined ? {} : { signal: this.#options.signal }),
      onFailed: (error) => this.#fail(error),
      onAcknowledged: ({ sequence, count }) => {
        this.#acknowledged += count;
        const whole = sent.get(sequence) as Sent;
        sent.delete(sequence);
        if (--whole.parts === 0) this.#settle(whole);
      },
    });
    const lane: Lane = { stream, sent, sequence: 0, usedMs: performance.now() };
    this.#lanes.set(to, lane);
    return lane;
  }

  async #partitionCount(): Promise<number> {
    if (this.#partitions === null) await this.#count();
    else if (performance.now() - this.#countedMs > countEveryMs && !this.#isCounting) {
      this.#isCounting = true;
      // What was known holds until then; where nobody says, the next batch asks again.
      void this.#count()
        .catch(() => undefined)
        .finally(() => (this.#isCounting = false));
    }
    return this.#partitions as number;
  }

  async #count(): Promise<void> {
    this.#partitions = (await this.#client.partitionsOf(this.#topic, 'append to')).at(-1) as number;
    this.#countedMs = performance.now();
  }

  #settle(sent: Sent): void {
    const { batch } = sent;
    this.#underWay.delete(sent.serial);
    this.#underWayBytes -= batch.length;
    // Acknowledged, it is sent by nobody any more.
    if (batch.buffer.byteLength === roomBytes && this.#rooms.length < roomsMax) this.#rooms.push(new Uint8Array(batch.buffer));
    if (this.bufferedBytes < this.#bufferBytes) {
      this.#room?.resolve();
      this.#room = null;
    }
    if (this.#flushes.length === 0) return;
    const done = this.#flushes.filter(({ serial }) => this.#isSettled(serial));
    this.#flushes = this.#flushes.filter((flush) => !done.includes(flush));
    for (const { resolve } of done) resolve();
  }

  /** Whether all batches below that serial are acknowledged. */
  #isSettled(serial: number): boolean {
    const waiting = this.#serial - this.#ready.length;
    const [oldest = waiting] = this.#underWay.keys();
    return Math.min(oldest, waiting) >= serial;
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#ready = [];
    this.#readyBytes = 0;
    this.#builder.clear();
    this.#room?.reject(this.#failure);
    this.#room = null;
    for (const { reject } of this.#flushes) reject(this.#failure);
    this.#flushes = [];
  }
}

interface Waiting {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function makeWaiting(): Waiting {
  let resolve = (): void => undefined;
  let reject = (_error: Error): void => undefined;
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  // Who does not wait hears of the failure when he appends or flushes.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
