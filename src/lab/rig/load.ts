import { type Client, clientBytes, forEachRead } from '../../client/index.ts';
import { LogError } from '../../eventlog/index.ts';
import { RecordBatchBuilder } from '../../record/index.ts';
import type { LabBrokers } from './brokers.ts';
import type { Attempt, Copy } from './check-copies.ts';
import { type Watchdog, within } from './watchdog.ts';
import { pause } from './pause.ts';

export interface LoadOptions {
  readonly brokers: LabBrokers;
  readonly topic: string;
  /** Appends in flight: each worker has one. */
  readonly workers: number;
  /** Longest time that an append may take before the load counts it as failed. */
  readonly timeoutMs: number;
  /** How long a client waits for one broker before it asks another; left out, as long as clients do. */
  readonly attemptMs?: number;
  /** Between two appends of a worker; left out, none. */
  readonly pauseMs?: number;
  /** A worker takes a fresh client after so many appends; left out, 50. */
  readonly appendsPerClient?: number;
  /** Where the first worker begins, as an index; left out, at the first broker. */
  readonly brokerFirst?: number;
  readonly watchdog: Watchdog;
}

const VALUE_BYTES = 100;
/** A client stays with whoever answered last. New ones now and then keep the load spread over all brokers, whatever has happened before. */
const APPENDS_PER_CLIENT = 50;

/**
 * Workers that append one record after another, each through another broker first, and keep what they were told. The client repeats an append with
 * its request id until it is answered, as any program would.
 */
export class Load {
  readonly attempts: Attempt[] = [];
  readonly #options: LoadOptions;
  readonly #running: Promise<void>[] = [];
  #inFlight = 0;
  #isStopping = false;
  #onAcknowledged: ((attempt: Attempt) => void)[] = [];
  #ticks = 0;
  #probes = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** The next number of a running count, so that what came before what is a matter of integers and not of equal times. */
  tick(): number {
    return ++this.#ticks;
  }

  start(): void {
    for (let worker = 0; worker < this.#options.workers; worker++) {
      this.#running.push(this.#work(worker).catch((error: unknown) => this.#options.watchdog.fail(error)));
    }
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

  get #isOver(): boolean {
    return this.#isStopping || this.#options.watchdog.hasBarked;
  }

  /** Ends the load once what is in flight has been answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  /** An append beside the load, through one client, that may fail and is looked for in the end like any other. */
  probe(client: Client, valueBytes: number, timeoutMs: number): Promise<Attempt> {
    return this.#append(client, `p-${++this.#probes}`, { valueBytes, timeoutMs, isProbe: true });
  }

  async #work(worker: number): Promise<void> {
    const { brokers, timeoutMs, brokerFirst = 0, pauseMs = 0, appendsPerClient = APPENDS_PER_CLIENT } = this.#options;
    const first = (brokerFirst + worker) % brokers.ids.length;
    const ids = [...brokers.ids.slice(first), ...brokers.ids.slice(0, first)];
    let client = await this.#connect(ids);
    const how = { valueBytes: VALUE_BYTES, timeoutMs, isProbe: false };
    for (let count = 0; !this.#isOver; count++) {
      await this.#append(client, `${worker}-${count}`, how);
      if (pauseMs > 0) await pause(pauseMs);
      if (count % appendsPerClient !== appendsPerClient - 1) continue;
      client.close();
      client = await this.#connect(ids);
    }
    client.close();
  }

  /** A client that has been answered once: before that it takes a refused connection for a wrong address and gives up. */
  async #connect(ids: readonly number[]): Promise<Client> {
    const { brokers, timeoutMs, attemptMs, topic } = this.#options;
    const client = brokers.client(ids, { timeoutMs, ...(attemptMs === undefined ? {} : { attemptMs }) });
    while (!this.#isOver) {
      try {
        await client.end({ topic, freshness: 'local' });
        break;
      } catch {
        await pause(20);
      }
    }
    return client;
  }

  async #append(
    client: Client,
    value: string,
    how: { readonly valueBytes: number; readonly timeoutMs: number; readonly isProbe: boolean },
  ): Promise<Attempt> {
    const builder = new RecordBatchBuilder({ capacityBytes: how.valueBytes + 128 });
    builder.add(Date.now(), null, clientBytes.utf8Encode(`${value} `.padEnd(how.valueBytes, '.')));
    const request = { topic: this.#options.topic, batch: builder.finish(clientBytes), timeoutMs: how.timeoutMs } as const;
    const sentMs = performance.now();
    const invoked = this.tick();
    this.#inFlight++;
    let outcome: Pick<Attempt, 'offset' | 'term' | 'ackedBy' | 'failure'>;
    try {
      const result = await client.append({ ...request, level: 'quorum', requestId: null, sequence: 0, expectedOffset: null });
      outcome = { offset: result.offset, term: result.term, ackedBy: result.ackedBy, failure: null };
      this.#options.watchdog.feed();
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      outcome = { offset: null, term: null, ackedBy: [], failure: { code: error.code, definite: error.definite } };
    }
    this.#inFlight--;
    const attempt = { value, sentMs, endedMs: performance.now(), invoked, completed: this.tick(), isProbe: how.isProbe, ...outcome };
    this.attempts.push(attempt);
    if (attempt.offset !== null) for (const listener of this.#onAcknowledged) listener(attempt);
    return attempt;
  }
}

const READ_BYTES = 1024 * 1024;

/** What one broker itself holds of a topic, up to `end`; waits until it has it all, for as long as the watchdog lets it. */
export async function readCopy(brokers: LabBrokers, broker: number, topic: string, end: number, watchdog: Watchdog): Promise<Copy> {
  const client = brokers.client([broker]);
  const records: { offset: number; value: string }[] = [];
  try {
    let offsetFrom = 0;
    while (offsetFrom < end && !watchdog.hasBarked) {
      const request = {
        topic,
        offsetFrom,
        sinceMs: null,
        bytesMax: READ_BYTES,
        freshness: 'local',
        sessionOffset: 0,
        waitMs: 200,
      } as const;
      const result = await client.read(request).catch(ignoreRetriable);
      if (result === null) continue;
      forEachRead(result, (record) => {
        const text = clientBytes.utf8Decode(record.value() ?? new Uint8Array());
        records.push({ offset: record.offset, value: text.slice(0, text.indexOf(' ')) });
      });
      if (result.offsetNext > offsetFrom) watchdog.feed(`reading broker ${broker} back, which is at ${result.offsetNext} of ${end}`);
      offsetFrom = result.offsetNext;
    }
  } finally {
    client.close();
  }
  return { broker, records };
}

/** A broker on a busy machine that did not answer in time is asked again. */
function ignoreRetriable(error: unknown): null {
  if (error instanceof LogError && error.retriable) return null;
  throw error;
}

const LEADER_MS_MAX = 60_000;
const ASK_MS_MAX = 1_000;

/** Whom the brokers that answer take for the leader of a topic: what one says that has the highest term. */
export async function findLeader(brokers: LabBrokers, topic: string): Promise<number> {
  const untilMs = performance.now() + LEADER_MS_MAX;
  while (performance.now() < untilMs) {
    const views = await Promise.all(brokers.ids.map((id) => leaderAsSeenBy(brokers, id, topic)));
    const newest = views.filter((view) => view !== null).toSorted((a, b) => b.term - a.term)[0];
    if (newest !== undefined) return newest.leader;
    await pause(25);
  }
  throw new LogError('noLeader', `Cannot go on: topic "${topic}" has no leader after ${LEADER_MS_MAX / 1000} s`);
}

/** Null when the broker does not say in time, or knows none. */
export async function leaderAsSeenBy(
  brokers: LabBrokers,
  broker: number,
  topic: string,
): Promise<{ readonly leader: number; readonly term: number } | null> {
  const client = brokers.client([broker], { timeoutMs: ASK_MS_MAX });
  try {
    const { partition } = await within(ASK_MS_MAX, client.describeTopic(topic));
    return partition.leader === null ? null : { leader: partition.leader, term: partition.term };
  } catch {
    return null;
  } finally {
    client.close();
  }
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
