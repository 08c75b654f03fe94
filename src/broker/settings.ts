import { replicationDefault } from '../placement/index.ts';

/** What a broker can be told; `daemon/` reads it from the configuration, tests and the simulator set what they are about. Times in ms, sizes in bytes. */
export interface BrokerSettings {
  readonly tickMs: number;
  readonly heartbeatMs: number;
  /** Least time without a leader before a campaign; the real one is this plus a random part of the same length. */
  readonly electionTimeoutMs: number;
  readonly segmentBytesMin: number;
  readonly segmentBytesMax: number;
  /** Largest record batch taken. */
  readonly batchBytesMax: number;
  /** Appends waiting in this broker, all topics: beyond it `overloaded`. */
  readonly queuedAppendBytesMax: number;
  readonly queuedAppendsMax: number;
  readonly uncommittedBytesMax: number;
  /** The same of all partitions that a broker leads together. */
  readonly uncommittedBytesPerBrokerMax: number;
  readonly inFlightBytesMax: number;
  readonly appendBytesMax: number;
  readonly cacheBytesMax: number;
  /** The same of all partitions of a broker together. */
  readonly cachesBytesMax: number;
  /** Bytes queued to one peer: beyond it the oldest way out is to drop the link and start afresh. */
  readonly linkBytesMax: number;
  /** A connection for bulk that was not used for so long is closed, and dialled again when it is wanted. */
  readonly linkIdleMs: number;
  readonly topicsMax: number;
  /** What commands are judged by that do not carry their limit, in a catalog from before they did: what was configured, or the default of then. */
  readonly topicsMaxBefore: number;
  /** Partitions that one broker keeps, `log` aside. */
  readonly replicasPerBrokerMax: number;
  /** Replicas of a topic for which nothing else is said; where there are fewer brokers, that many. */
  readonly replicasDefault: number;
  /** A topic's home asks for its leadership back when it has been without it for so long. */
  readonly homecomingAfterMs: number;
  /** How long a request id is remembered, by log time. */
  readonly requestIdRetentionMs: number;
  readonly requestIdsMax: number;
  /** The same of all partitions that a broker leads together. */
  readonly requestIdsPerBrokerMax: number;
  /** Request ids with more than one batch, in one partition: nothing pushes them out, so a new one is refused. */
  readonly requestSessionsMax: number;
  readonly requestSessionsPerBrokerMax: number;
  /** Idle time after which a log is marked (design, D5). */
  readonly markAfterMs: number;
  /** Idle time after which the clock of a topic's group stands still (docs/decisions/0022). */
  readonly quietAfterMs: number;
  readonly eventsRetentionBytes: number;
  /** Of the log of each group that keeps publishers and subscribers: what is older is in a checkpoint on every replica before it is removed. */
  readonly subscribersRetentionBytes: number;
  /** Of the cluster; each of the groups that keep them takes its share. */
  readonly publishersMax: number;
  readonly subscribersMax: number;
  /** Of one subscriber. */
  readonly subscriptionsMax: number;
  readonly cursorsMax: number;
  /** Of all subscribers that one group keeps. */
  readonly cursorsPerGroupMax: number;
  /** What waits to be appended later, what was given together as one: of the cluster; each of the groups that keep it takes its share. */
  readonly scheduledMax: number;
  readonly scheduledBytesMax: number;
  /** Of the log of each such group, beside what waits in it. */
  readonly scheduledRetentionBytes: number;
  /** What has failed comes again after the first of these, twice as late each time, and is parked at so many failures. */
  readonly retryWaitMs: number;
  readonly retryWaitMsMax: number;
  readonly triesMax: number;
  /** Records in retry: of one cursor, and of all that one group keeps. */
  readonly retriesMax: number;
  readonly retriesPerGroupMax: number;
  /** Of one subscriber, and of all that one group keeps. */
  readonly parkedMax: number;
  readonly parkedPerGroupMax: number;
  /** Of each partition of the topic of parked records: beyond it the oldest go, parked or not. */
  readonly parkedRetentionBytes: number;
  /** What is kept beside acknowledged places, of all subscribers that one group keeps. */
  readonly metadataPerGroupBytesMax: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

export const defaultSettings: BrokerSettings = {
  tickMs: 25,
  heartbeatMs: 100,
  electionTimeoutMs: 300,
  segmentBytesMin: 64 * KiB,
  segmentBytesMax: 64 * MiB,
  batchBytesMax: 8 * MiB,
  queuedAppendBytesMax: 64 * MiB,
  queuedAppendsMax: 20_000,
  uncommittedBytesMax: 32 * MiB,
  uncommittedBytesPerBrokerMax: 128 * MiB,
  inFlightBytesMax: 8 * MiB,
  appendBytesMax: MiB,
  cacheBytesMax: 8 * MiB,
  cachesBytesMax: 128 * MiB,
  linkBytesMax: 64 * MiB,
  linkIdleMs: 60_000,
  topicsMax: 10_000,
  topicsMaxBefore: 200,
  replicasPerBrokerMax: 20_000,
  replicasDefault: replicationDefault,
  homecomingAfterMs: 30_000,
  requestIdRetentionMs: 7 * 24 * 3600 * 1000,
  requestIdsMax: 200_000,
  requestIdsPerBrokerMax: 1_000_000,
  requestSessionsMax: 10_000,
  requestSessionsPerBrokerMax: 100_000,
  markAfterMs: 100,
  quietAfterMs: 3000,
  eventsRetentionBytes: 64 * MiB,
  subscribersRetentionBytes: 32 * MiB,
  publishersMax: 100_000,
  subscribersMax: 100_000,
  subscriptionsMax: 100,
  cursorsMax: 10_000,
  cursorsPerGroupMax: 200_000,
  scheduledMax: 1_000_000,
  scheduledBytesMax: 1024 * MiB,
  scheduledRetentionBytes: 32 * MiB,
  retryWaitMs: 1000,
  retryWaitMsMax: 300_000,
  triesMax: 8,
  retriesMax: 1000,
  retriesPerGroupMax: 50_000,
  parkedMax: 10_000,
  parkedPerGroupMax: 50_000,
  parkedRetentionBytes: 1024 * MiB,
  metadataPerGroupBytesMax: 16 * MiB,
};

/** Segments of topics stay small beside what retention may keep: it removes whole ones only. */
export function topicSegmentBytesMax(settings: BrokerSettings): number {
  return Math.max(settings.segmentBytesMin, Math.min(settings.segmentBytesMax, Math.floor(settings.eventsRetentionBytes / 4)));
}
