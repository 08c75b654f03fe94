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
  readonly inFlightBytesMax: number;
  readonly appendBytesMax: number;
  readonly cacheBytesMax: number;
  /** The same of all partitions of a broker together. */
  readonly cachesBytesMax: number;
  /** Bytes queued to one peer: beyond it the oldest way out is to drop the link and start afresh. */
  readonly linkBytesMax: number;
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
  /** Request ids with more than one batch, in one partition: nothing pushes them out, so a new one is refused. */
  readonly requestSessionsMax: number;
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
  inFlightBytesMax: 8 * MiB,
  appendBytesMax: MiB,
  cacheBytesMax: 8 * MiB,
  cachesBytesMax: 128 * MiB,
  linkBytesMax: 64 * MiB,
  topicsMax: 10_000,
  topicsMaxBefore: 200,
  replicasPerBrokerMax: 20_000,
  replicasDefault: replicationDefault,
  homecomingAfterMs: 30_000,
  requestIdRetentionMs: 7 * 24 * 3600 * 1000,
  requestIdsMax: 200_000,
  requestSessionsMax: 10_000,
  markAfterMs: 100,
  quietAfterMs: 3000,
  eventsRetentionBytes: 64 * MiB,
  subscribersRetentionBytes: 32 * MiB,
  publishersMax: 100_000,
  subscribersMax: 100_000,
  subscriptionsMax: 100,
  cursorsMax: 10_000,
  cursorsPerGroupMax: 200_000,
};

/** Segments of topics stay small beside what retention may keep: it removes whole ones only. */
export function topicSegmentBytesMax(settings: BrokerSettings): number {
  return Math.max(settings.segmentBytesMin, Math.min(settings.segmentBytesMax, Math.floor(settings.eventsRetentionBytes / 4)));
}
