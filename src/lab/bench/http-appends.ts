/** Appends over HTTP to one broker, measured: shared by `cairn bench append` and `npm run bench`. */
import { type Client, clientBytes } from '../../client/index.ts';
import { LogError } from '../../eventlog/index.ts';
import { RecordBatchBuilder, recordCount } from '../../record/index.ts';
import type { LabBrokers } from '../brokers.ts';
import { HttpLoad, makeRequest } from './http-load.ts';
import type { LatencySummary } from './latencies.ts';

/** How the records of a request are written. */
export type RequestForm = 'text' | 'json' | 'batches';

export interface HttpAppendsOptions {
  readonly topic: string;
  /** Connections, each with one request on its way. */
  readonly inFlight: number;
  readonly form: RequestForm;
  readonly recordBytes: number;
  readonly recordsPerRequest: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly signal?: AbortSignal;
}

export interface AppendFigures {
  /** While measured; the warm-up is not in it. */
  readonly recordsAcknowledged: number;
  readonly tookMs: number;
  readonly recordsPerSecond: number;
  readonly latencyMs: LatencySummary;
  /** Syncs that all brokers counted while measured. */
  readonly syncs: number;
  readonly recordsPerSync: number;
  /** The warm-up too: what the topic must hold. */
  readonly acknowledgedInAll: number;
}

/** Any answer but 200 ends it: then nobody knows what the topic holds. */
export async function measureHttpAppends(brokers: LabBrokers, leader: number, options: HttpAppendsOptions): Promise<AppendFigures> {
  const { hostname, port } = new URL(brokers.url(leader));
  const request = appendRequest(`${hostname}:${port}`, options);
  const load = await HttpLoad.connect({ host: hostname, port: Number(port), connections: options.inFlight, ...request });
  const stop = (): void => load.close(new LogError('interrupted', 'Interrupted'));
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    const warmUp = await load.run(options.warmUpMs);
    load.latencies.clear();
    const syncsBefore = await countSyncs(brokers);
    const run = await load.run(options.measureMs);
    const syncs = (await countSyncs(brokers)) - syncsBefore;
    const recordsAcknowledged = run.answered * options.recordsPerRequest;
    return {
      recordsAcknowledged,
      tookMs: run.tookMs,
      recordsPerSecond: (recordsAcknowledged / run.tookMs) * 1000,
      latencyMs: load.latencies.summary(),
      syncs,
      recordsPerSync: recordsAcknowledged / syncs,
      acknowledgedInAll: recordsAcknowledged + warmUp.answered * options.recordsPerRequest,
    };
  } finally {
    options.signal?.removeEventListener('abort', stop);
    load.close();
  }
}

const contentTypes: Readonly<Record<RequestForm, string>> = {
  text: 'text/plain',
  json: 'application/json',
  batches: 'application/vnd.cairn.batches',
};

function appendRequest(host: string, { topic, form, recordBytes, recordsPerRequest }: HttpAppendsOptions): ReturnType<typeof makeRequest> {
  // The number of the request stands in its first record, unless a checksum covers it.
  const values = Array.from({ length: recordsPerRequest }, (_, index) =>
    (index === 0 && form !== 'batches' ? '#'.repeat(12) : '').padEnd(recordBytes, '.'),
  );
  const body =
    form === 'text'
      ? Buffer.from(values.join('\n'))
      : form === 'json'
        ? Buffer.from(JSON.stringify(values.map((value) => ({ value }))))
        : makeBatch(values);
  return makeRequest('POST', `/v1/topics/${topic}/records`, { Host: host, 'Content-Type': contentTypes[form] }, body);
}

function makeBatch(values: readonly string[]): Buffer {
  const builder = new RecordBatchBuilder();
  for (const value of values) builder.add(Date.now(), null, Buffer.from(value));
  return Buffer.from(builder.finish(clientBytes));
}

export async function findLeader(client: Client, topic: string): Promise<number> {
  for (let i = 0; i < 500; i++) {
    const { partition } = await client.describeTopic(topic);
    if (partition.leader !== null) return partition.leader;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new LogError('noLeader', `Cannot measure: topic "${topic}" has no leader after 10 s`);
}

/** By all brokers since their start, by their own count. */
export async function countSyncs(brokers: LabBrokers): Promise<number> {
  let sum = 0;
  for (const id of brokers.ids) {
    const client = brokers.client([id]);
    sum += (await client.status()).counters.diskSyncs;
    client.close();
  }
  return sum;
}

/** What the topic holds, read from the broker that the client asks; every batch's checksum is looked at. */
export async function countRecords(client: Client, topic: string): Promise<number> {
  let count = 0;
  for (let offsetFrom = 0; ; ) {
    const usual = { topic, sinceMs: null, bytesMax: 4 * 1024 * 1024, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 } as const;
    const result = await client.read({ ...usual, offsetFrom });
    for (const batch of result.batches) count += recordCount(batch);
    if (result.offsetNext <= offsetFrom) return count;
    offsetFrom = result.offsetNext;
  }
}
