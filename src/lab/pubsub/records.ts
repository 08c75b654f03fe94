import type { Cluster } from './cluster.ts';

export interface ReadRecord {
  readonly offset: number;
  readonly value: string;
}

export interface Page {
  readonly offsetNext: number;
  readonly highWatermark: number;
  readonly asOfMs: number;
  readonly lag: number;
  readonly records: readonly ReadRecord[];
}

export type ReadLevel = 'linearizable' | 'session' | 'local';

export interface ReadOptions {
  readonly level: ReadLevel;
  readonly from: number;
  readonly session?: number;
  readonly max?: number;
  readonly timeoutMs?: number;
}

/** One answer of one broker. Of a single record no more than its batch is read, however much is behind it. */
export async function readPage(cluster: Cluster, broker: number, topic: string, options: ReadOptions): Promise<Page> {
  const { level, from, session, max = 1000, timeoutMs } = options;
  const bounds = `max=${max}${max === 1 ? '&bytesMax=1' : ''}${session === undefined ? '' : `&session=${session}`}`;
  const query = `level=${level}&from=${from}&${bounds}&format=json`;
  const path = `/v1/topics/${topic}/records?${query}`;
  return (await cluster.http.json(cluster.url(broker), 'GET', path, undefined, timeoutMs === undefined ? {} : { timeoutMs })) as Page;
}

const pageRecords = 10_000;

/** All that is there, or from an offset on. With `local`, of what this broker has itself. */
export async function readAll(
  cluster: Cluster,
  broker: number,
  topic: string,
  level: ReadLevel,
  offsetFrom = 0,
): Promise<readonly ReadRecord[]> {
  const all: ReadRecord[] = [];
  for (let from = offsetFrom; ; ) {
    const { records, offsetNext, highWatermark } = await readPage(cluster, broker, topic, { level, from, max: pageRecords });
    all.push(...records);
    if (offsetNext >= highWatermark || offsetNext <= from) return all;
    from = offsetNext;
  }
}

/** The offset that the next record will get. */
export async function endOf(cluster: Cluster, broker: number, topic: string): Promise<number> {
  const answer = await cluster.http.json(cluster.url(broker), 'GET', `/v1/topics/${topic}/end`);
  return (answer as { readonly offset: number }).offset;
}

export async function publish(cluster: Cluster, broker: number, publisher: string, topic: string, value: string): Promise<number> {
  const path = `/v1/publishers/${publisher}/topics/${topic}/records`;
  const { text } = await cluster.http.ask(cluster.url(broker), 'POST', path, { body: value, type: 'text/plain' });
  return (JSON.parse(text) as { readonly offset: number }).offset;
}

export interface Pulled {
  readonly nextNumber: number;
  readonly parts: readonly { readonly topic: string; readonly records: readonly ReadRecord[] }[];
}

/** Pull `number`, which acknowledges the one before it. */
export async function pull(cluster: Cluster, broker: number, subscriber: string, number: number, waitMs: number): Promise<Pulled> {
  const asked = { mode: 'automatic', number, waitMs };
  return (await cluster.http.json(cluster.url(broker), 'POST', `/v1/subscribers/${subscriber}/pull`, asked)) as Pulled;
}
