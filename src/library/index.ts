/**
 * The library that the package exports: the log as programs speak of it, in records. `CairnClient` is the entry, `Records` what it reads, `Topics` the topics,
 * `Producer` appends many, `Subscription` hands records to a function.
 * Everything a caller passes is looked at first (`arguments.ts`); every failure is a `LogError`. Below it is `client/`, in record batches, which is there as
 * `client.batches`; what the command line needs of that it takes from there, without loading this. docs/library.md is the page for users.
 *
 *     await using client = new CairnClient({ servers: ['http://127.0.0.1:8000'] });
 *     await client.append('log', 'hello');
 *     for await (const record of client.read('log')) console.log(record.offset, record.text());
 */
export { type Appendable, bytesOfRecord, type NewRecord } from './batch-of-records.ts';
export {
  type AppendLaterOptions,
  type AppendOptions,
  CairnClient,
  type CairnClientOptions,
  type HistoryOptions,
  type ScheduledOptions,
  type ScheduledResult,
} from './cairn-client.ts';
export type { FoundRecord } from './found-record.ts';
export type { FieldTest, GrepOptions } from './grep-options.ts';
export type { Headers, LogRecord } from './log-record.ts';
export type { Producer, ProducerOptions } from './producer.ts';
export type { FollowOptions, ReadOptions } from './reading.ts';
export type { MissingPartition, Records, TimesAhead } from './records.ts';
export { recordsOfPart } from './log-record.ts';
export type { FailedRecord, Handler, SubscribeOptions, Subscription } from './subscription.ts';
export type { AlterTopicOptions, CallOptions, CreateTopicOptions, EndsOptions, ListTopicsOptions, Topics } from './topics.ts';
// In batches, as before there were records.
export {
  appendDefaults,
  AppendStream,
  type AppendStreamOptions,
  type AppendStreamSummary,
  batchOf,
  type BrokerList,
  Client,
  type ClientOptions,
  forEachRead,
  type MergedRecord,
  type MergedRecords,
  type PlainRecord,
} from '../client/index.ts';
export { type EventLog, type HistoryCounts, type HistorySample, type KnownHistory, LogError } from '../eventlog/index.ts';
export type * from '../eventlog/scheduled.ts';
export type * from '../eventlog/subscriptions.ts';
export type * from '../eventlog/types.ts';
