/**
 * The client: `EventLog` over HTTP, for the command line, the labs, agents and other programs (it is exported from the package).
 *
 * `Client` gives the calls; `Caller` asks one broker after another until one answers within the time; `Transport` is one request; `AppendStream`
 * keeps several batches of one long stream in flight and in order; `LineBatcher` makes such batches of a text; `Pulls` is what a subscriber pulls, one after
 * another. What is left out: the Kafka protocol, which programs with high throughput will use.
 *
 *     const client = new Client({ servers: ['http://127.0.0.1:8000'] });
 *     const { offset } = await client.append({ ...appendDefaults, topic: 'log', batch: batchOf([{ value: 'hello' }]) });
 *     client.close();
 */
export { AppendStream, type AppendStreamOptions, type AppendStreamSummary } from './append-stream.ts';
export { appendDefaults, batchOf, clientBytes, type PlainRecord } from './batches.ts';
export { type AgentClocks, type BrokerList, Client, type ClientOptions, type MergedRecord, type MergedRecords } from './client.ts';
export { type LineBatch, LineBatcher, lineBytesMax, type LineRecord } from './line-batcher.ts';
export { Overlap } from './overlap.ts';
export { type OnWaiting, patiently } from './patience.ts';
export { isMoved, Pulls } from './pulls.ts';
export { RecordBatcher } from './record-batcher.ts';
export { type PartitionBatch, RoundBatcher } from './round-batcher.ts';
export { forEachRead } from './read-values.ts';
export { parseServer } from './servers.ts';
export type { RequestTracer, TracedRequest } from './tracing-sender.ts';
export type * from '../eventlog/subscriptions.ts';
export type * from '../eventlog/types.ts';
