import { type Client, clientBytes, forEachRead } from '../../client/index.ts';
import { LogError } from '../../eventlog/index.ts';
import { RecordBatchBuilder } from '../../record/index.ts';
import type { LabBrokers } from '../brokers.ts';
import type { Attempt, Copy } from './check.ts';

export interface LoadOptions {
  readonly brokers: LabBrokers;
  readonly topic: string;
  /** Appends in flight: each worker has one. */
  readonly workers: number;
  /** Longest time that an append may take before the load counts it as failed. */
  readonly timeoutMs: number;
}

const VALUE_BYTES = 100;

/**
 * Workers that append one record after another, each through another broker first, and keep what they were told. The client repeats an append with
 * its request id until it is answered, as any program would.
 */
export class Load {
  readonly attempts: Attempt[] = [];
  readonly #options: LoadOptions;
  readonly #clients: readonly Client[];
  readonly #running: Promise<void>[] = [];
  #inFlight = 0;
  #isStopping = false;
  #onAcknowledged: ((attempt: Attempt) => void)[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
    const ids = options.brokers.ids;
    this.#clients = Array.from({ length: options.workers }, (_, worker) => {
      const first = worker % ids.length;
      return options.brokers.client([...ids.slice(first), ...ids.slice(0, first)], { timeoutMs: options.timeoutMs });
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  start(): void {
    for (const [worker, client] of this.#clients.entries()) this.#running.push(this.#work(worker, client));
  }

  /** Resolves with the first append that was sent after `sinceMs` and is acknowledged. */
  acknowledgedAfter(sinceMs: number): Promise<Attempt> {
    return new Promise((resolve) => {
      const listener = (attempt: Attempt): void => {
        if (attempt.sentMs < sinceMs) return;
        this.#onAcknowledged = this.#onAcknowledged.filter((other) => other !== listener);
        resolve(attempt);
      };
      this.#onAcknowledged.push(listener);
    });
  }

  /** Ends the load once what is in flight has been answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
    for (const client of this.#clients) client.close();
  }

  async #work(worker: number, client: Client): Promise<void> {
    const builder = new RecordBatchBuilder();
    for (let count = 0; !this.#isStopping; count++) {
      const value = `worker ${worker} record ${count} `.padEnd(VALUE_BYTES, '.');
      builder.add(Date.now(), null, clientBytes.utf8Encode(value));
      const batch = builder.finish(clientBytes);
      const sentMs = performance.now();
      this.#inFlight++;
      let outcome: Pick<Attempt, 'offset' | 'term' | 'failure'>;
      try {
        const { topic, timeoutMs } = this.#options;
        const result = await client.append({
          topic,
          batch,
          level: 'quorum',
          timeoutMs,
          requestId: null,
          sequence: 0,
          expectedOffset: null,
        });
        outcome = { offset: result.offset, term: result.term, failure: null };
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        outcome = { offset: null, term: null, failure: { code: error.code, definite: error.definite } };
      }
      this.#inFlight--;
      const attempt = { value, sentMs, endedMs: performance.now(), ...outcome };
      this.attempts.push(attempt);
      if (attempt.offset !== null) for (const listener of this.#onAcknowledged) listener(attempt);
    }
  }
}

const COPY_TIMEOUT_MS = 60_000;
const READ_BYTES = 1024 * 1024;

/** What one broker itself holds of a topic, up to `end`; waits until it has it all. */
export async function readCopy(brokers: LabBrokers, broker: number, topic: string, end: number): Promise<Copy> {
  const client = brokers.client([broker]);
  const records: { offset: number; value: string }[] = [];
  const untilMs = performance.now() + COPY_TIMEOUT_MS;
  try {
    let offsetFrom = 0;
    while (offsetFrom < end && performance.now() < untilMs) {
      const result = await client.read({
        topic,
        offsetFrom,
        sinceMs: null,
        bytesMax: READ_BYTES,
        freshness: 'local',
        sessionOffset: 0,
        waitMs: 200,
      });
      forEachRead(
        result,
        (record) => void records.push({ offset: record.offset, value: clientBytes.utf8Decode(record.value() ?? new Uint8Array()) }),
      );
      offsetFrom = result.offsetNext;
    }
  } finally {
    client.close();
  }
  return { broker, records };
}

/** The longest time between two acknowledgements within a span of time; its edges count as acknowledgements. */
export function longestGapMs(attempts: readonly Attempt[], fromMs: number, toMs: number): number {
  const times = attempts
    .filter((attempt) => attempt.offset !== null && attempt.endedMs > fromMs && attempt.endedMs < toMs)
    .map((attempt) => attempt.endedMs);
  times.sort((a, b) => a - b);
  const edges = [fromMs, ...times, toMs];
  return Math.max(...edges.slice(1).map((time, index) => time - (edges[index] ?? time)));
}

export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
