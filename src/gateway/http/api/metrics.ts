/**
 * Prometheus metrics. Those of the broker are read from its status when they are asked for; those of HTTP are counted as requests end, with the
 * labels of each route bound once. `docs/reference/metrics.md` is checked against `metricTable`.
 */
import { performance } from 'node:perf_hooks';
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  type BrokerCounters,
  type CountedStatus,
  type KeptPartition,
  type PartitionStatus,
  promised,
  statusTopicsMax,
  type TopicTotals,
  worstTopicsMax,
} from '../../../eventlog/index.ts';
import { appendRoute } from '../append-records.ts';
import type { ApiContext } from './context.ts';

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: (status: CountedStatus, context: ApiContext) => readonly Sample[];
}

const one = (value: number): readonly Sample[] => [{ labels: {}, value }];

function counter(name: string, field: keyof BrokerCounters, help: string): MetricRow {
  return { name, type: 'counter', help, labels: [], samples: ({ counters }) => one(counters[field]) };
}

function gauge(name: string, help: string, read: (status: CountedStatus, context: ApiContext) => number): MetricRow {
  return { name, type: 'gauge', help, labels: [], samples: (status, context) => one(read(status, context)) };
}

/** A sum over all topics, however many there are. */
function total(name: string, help: string, read: (topics: TopicTotals) => number): MetricRow {
  return { name, type: 'gauge', help, labels: [], samples: ({ topics }) => (topics === undefined ? [] : one(read(topics))) };
}

/** Which topics have a series of their own: as many as a status shows, so that a scrape does not grow with their number. */
const shown = `; of more than ${statusTopicsMax} partitions only up to ${worstTopicsMax} each of those in trouble, furthest behind and largest`;

/** One sample for each partition that the status shows, the catalog included under the name `(catalog)`. */
function partition(name: string, help: string, read: (partition: PartitionStatus, status: CountedStatus) => number): MetricRow {
  const samples = (status: CountedStatus): readonly Sample[] =>
    [{ topic: '(catalog)', ...status.catalog }, ...status.partitions].map((state) => ({
      labels: whichOf(state),
      value: read(state, status),
    }));
  return { name, type: 'gauge', help: `${help}${shown}`, labels: ['topic', 'partition'], samples };
}

/** A topic that has one partition has no label for it: who watches it has series that go on. */
const whichOf = ({ topic, partition: number }: Pick<KeptPartition, 'topic' | 'partition'>): Readonly<Record<string, string>> =>
  number === undefined ? { topic } : { topic, partition: String(number) };

export const metricTable: readonly MetricRow[] = [
  {
    name: 'cairn_broker_info',
    type: 'gauge',
    help: 'Always 1; the labels say which broker this is',
    labels: ['id', 'cluster', 'version'],
    samples: ({ id, clusterId, version }) => [{ labels: { id: String(id), cluster: clusterId, version }, value: 1 }],
  },
  gauge('cairn_broker_ready', '1 once the logs are open and `log` has a leader', (_status, { isReady }) => Number(isReady())),
  gauge('cairn_broker_start_time_seconds', 'Start of the broker, seconds since 1970', ({ startedMs }) => startedMs / 1000),
  counter('cairn_appends_total', 'appends', 'Appends acknowledged through this broker'),
  counter('cairn_appended_records_total', 'appendedRecords', 'Records in those appends'),
  counter('cairn_appended_bytes_total', 'appendedBytes', 'Bytes of those appends, as record batches'),
  counter('cairn_acknowledged_records_total', 'acknowledgedRecords', 'Records that callers of this broker appended, acknowledged'),
  counter('cairn_acknowledged_bytes_total', 'acknowledgedBytes', 'Bytes of those, as record batches'),
  counter('cairn_read_records_total', 'readRecords', 'Records given to readers from the replicas of this broker'),
  counter('cairn_read_bytes_total', 'readBytes', 'Bytes of those, as record batches'),
  counter('cairn_refused_appends_total', 'refusedAppends', 'Appends that ended with an error'),
  counter(
    'cairn_duplicate_appends_total',
    'duplicateAppends',
    'Appends answered with the outcome of an earlier one of the same request id',
  ),
  counter('cairn_revokes_total', 'revokes', 'Request ids revoked'),
  counter('cairn_disk_writes_total', 'diskWrites', 'Writes to logs and the vote journal'),
  counter('cairn_disk_syncs_total', 'diskSyncs', 'Syncs of files and folders'),
  counter('cairn_elections_total', 'elections', 'Elections that this broker called'),
  counter('cairn_leader_changes_total', 'leaderChanges', 'Times that a partition here got another leader'),
  counter('cairn_frames_sent_total', 'framesSent', 'Frames sent to other brokers'),
  counter('cairn_frames_received_total', 'framesReceived', 'Frames received from other brokers'),
  counter('cairn_peer_bytes_sent_total', 'bytesSent', 'Bytes sent to other brokers'),
  counter('cairn_peer_bytes_received_total', 'bytesReceived', 'Bytes received from other brokers'),
  counter('cairn_relayed_total', 'relayed', 'Requests and answers between other brokers that this one passed on along the cube'),
  counter('cairn_relayed_directly_total', 'relayedDirectly', 'Requests and answers that took a direct link because no edges led on'),
  counter('cairn_relays_refused_total', 'relaysRefused', 'Requests and answers between other brokers that got no further here'),
  counter('cairn_links_opened_total', 'linksOpened', 'Connections to other brokers that were taken into use'),
  counter('cairn_links_closed_idle_total', 'linksClosedIdle', 'Of those, connections that were closed because nobody needed them'),
  gauge('cairn_links', 'Connections to other brokers that stand', ({ counters }) => counters.links),
  counter('cairn_refused_links_total', 'refusedLinks', 'Links that this broker refused to another, or another to it'),
  counter(
    'cairn_stamps_ahead_total',
    'stampsAhead',
    'Stamps of other brokers and of agents too far ahead of the clock here to be followed',
  ),
  gauge('cairn_loop_lag_max_seconds', 'Longest delay of the event loop lately', ({ counters }) => counters.loopLagMsMax / 1000),
  gauge('cairn_disk_sync_p99_seconds', '99th percentile of the time of a sync lately', ({ counters }) => counters.syncMsP99 / 1000),
  gauge('cairn_queued_append_bytes', 'Bytes of appends that wait in this broker', ({ counters }) => counters.queuedAppendBytes),
  gauge(
    'cairn_uncommitted_bytes',
    'Bytes of the partitions that this broker leads that no majority has yet',
    ({ counters }) => counters.uncommittedBytes,
  ),
  gauge(
    'cairn_request_ids',
    'Request ids of one batch that the partitions led by this broker remember',
    ({ counters }) => counters.requestIds,
  ),
  gauge('cairn_request_sessions', 'The same of more than one batch', ({ counters }) => counters.requestSessions),
  total('cairn_topics', 'Topics that this broker knows', ({ count }) => count),
  total('cairn_topics_led', 'Partitions of topics that this broker leads', ({ leads }) => leads),
  total('cairn_topics_leaderless', 'Partitions of topics without a leader that this broker knows', ({ leaderless }) => leaderless),
  total('cairn_topics_fenced', 'Partitions of topics that damage keeps this broker out of', ({ fenced }) => fenced),
  total(
    'cairn_topics_unreadable',
    'Partitions of topics with ranges that the disk of this broker has refused to read',
    ({ unreadable }) => unreadable,
  ),
  total('cairn_topics_size_bytes', 'Bytes of all topics on the disk of this broker', ({ sizeBytes }) => sizeBytes),
  {
    name: 'cairn_topics_follower_lag',
    type: 'gauge',
    help: 'Offsets that a follower is behind in all topics that this broker leads together',
    labels: ['broker'],
    samples: ({ topics }) => (topics?.behind ?? []).map(({ broker, offsets }) => ({ labels: { broker: String(broker) }, value: offsets })),
  },
  partition('cairn_partition_leader', '1 where this broker leads', ({ role }) => Number(role === 'leader')),
  partition('cairn_partition_fenced', '1 where damage keeps this broker out', ({ fenced }) => Number(fenced !== null)),
  partition('cairn_partition_term', 'Raft term', ({ term }) => term),
  partition('cairn_partition_log_start_offset', 'First offset kept', ({ logStartOffset }) => logStartOffset),
  partition('cairn_partition_high_watermark', 'End of what is committed, as known here', ({ highWatermark }) => highWatermark),
  partition('cairn_partition_end_offset', 'End of the log on this broker', ({ endOffset }) => endOffset),
  partition('cairn_partition_synced_offset', 'End of what is synced on this broker', ({ syncedOffset }) => syncedOffset),
  partition('cairn_partition_size_bytes', 'Bytes on the disk of this broker', ({ sizeBytes }) => sizeBytes),
  partition('cairn_partition_segments', 'Segment files', ({ segmentCount }) => segmentCount),
  partition(
    'cairn_partition_unreadable_ranges',
    'Ranges of those that the disk of this broker has refused to read',
    ({ unreadableRanges }) => unreadableRanges,
  ),
  {
    name: 'cairn_follower_lag',
    type: 'gauge',
    help: `On a leader: offsets that a follower is behind${shown}`,
    labels: ['topic', 'partition', 'broker'],
    samples: ({ partitions }) =>
      partitions.flatMap((state) =>
        state.followers.map(({ broker, matchOffset }) => ({
          labels: { ...whichOf(state), broker: String(broker) },
          value: state.endOffset - matchOffset,
        })),
      ),
  },
  {
    name: 'cairn_peer_connected',
    type: 'gauge',
    help: '1 where the link to the broker is up',
    labels: ['broker'],
    samples: ({ peers }) => peers.map(({ id, connected }) => ({ labels: { broker: String(id) }, value: Number(connected) })),
  },
  {
    name: 'cairn_peer_queued_bytes',
    type: 'gauge',
    help: 'Bytes that wait to be sent to the broker',
    labels: ['broker'],
    samples: ({ peers }) => peers.map(({ id, bytesQueued }) => ({ labels: { broker: String(id) }, value: bytesQueued })),
  },
  {
    name: 'cairn_faults',
    type: 'gauge',
    help: "1 where a fault of this kind was made by hand in this broker's links",
    labels: ['kind'],
    samples: ({ linkFaults }) => [
      { labels: { kind: 'pause' }, value: Number(linkFaults?.paused ?? false) },
      { labels: { kind: 'partition' }, value: Number((linkFaults?.cutOff.length ?? 0) > 0) },
      { labels: { kind: 'delay' }, value: Number((linkFaults?.delays.length ?? 0) > 0) },
    ],
  },
  gauge('cairn_http_connections', 'Open HTTP connections', (_status, { connectionCount }) => connectionCount()),
  gauge('cairn_http_followers', 'Open answers of `follow`', (_status, { followers }) => followers.count),
  gauge('cairn_put_revokes_pending', 'Unanswered `PUT /` whose revoke is not in the log yet', (_status, context) =>
    context.revokesPending(),
  ),
  {
    name: 'cairn_distrusted_total',
    type: 'counter',
    help: "Connections whose other end did not accept this broker's certificate, and said so",
    labels: [],
    samples: (_status, { distrustCount }) => one(distrustCount()),
  },
  {
    name: 'cairn_http_unauthorized_total',
    type: 'counter',
    help: 'Requests without the right token',
    labels: [],
    samples: (_status, { unauthorizedCount }) => one(unauthorizedCount()),
  },
  {
    name: 'cairn_spans_total',
    type: 'counter',
    help: 'Spans of traced requests that have ended here',
    labels: [],
    samples: (_status, { spans }) => one(spans.count),
  },
  {
    name: 'cairn_spans_exported_total',
    type: 'counter',
    help: 'Of those, spans that the collector has taken',
    labels: [],
    samples: (_status, { spanExport }) => one(spanExport().exported),
  },
  {
    name: 'cairn_spans_dropped_total',
    type: 'counter',
    help: 'Of those, spans that were for a collector that was away, too slow, or refused them',
    labels: [],
    samples: (_status, { spanExport }) => one(spanExport().dropped),
  },
  {
    name: 'cairn_log_lines_dropped_total',
    type: 'counter',
    help: 'Lines of diagnostics that could not be written, as when their disk is full',
    labels: [],
    samples: (_status, { logger }) => one(logger.droppedCount ?? 0),
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time used',
    labels: ['mode'],
    samples: () => {
      const { user, system } = process.cpuUsage();
      return [
        { labels: { mode: 'user' }, value: user / 1e6 },
        { labels: { mode: 'system' }, value: system / 1e6 },
      ];
    },
  },
  gauge('process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss()),
  gauge('nodejs_heap_used_bytes', 'Memory used by objects', () => process.memoryUsage().heapUsed),
  gauge('nodejs_external_bytes', 'Memory of buffers', () => process.memoryUsage().external),
  gauge(
    'nodejs_event_loop_utilization',
    'Part of the time since the start that the event loop was busy',
    () => performance.eventLoopUtilization().utilization,
  ),
];

export const httpMetrics = {
  requests: { name: 'cairn_http_requests_total', type: 'counter', help: 'HTTP requests answered', labels: ['method', 'route', 'status'] },
  seconds: {
    name: 'cairn_http_request_seconds',
    type: 'histogram',
    help: 'Time from the request to the end of its answer; answers of `follow` are left out',
    labels: ['method', 'route'],
  },
} as const;

const secondsBuckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

export function addMetrics(app: FastifyInstance, context: ApiContext): void {
  const registry = new Registry();
  /** What all metrics of one scrape are read from; null before the first. */
  let status: CountedStatus | null = null;
  for (const row of metricTable) {
    const options = { name: row.name, help: row.help, labelNames: [...row.labels], registers: [registry] };
    const samples = (): readonly Sample[] => (status === null ? [] : row.samples(status, context));
    if (row.type === 'counter') {
      new Counter({
        ...options,
        collect() {
          this.reset();
          for (const { labels, value } of samples()) this.inc(labels, value);
        },
      });
    } else {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const { labels, value } of samples()) this.set(labels, value);
        },
      });
    }
  }
  countRequests(app, context, registry);

  const schema = { summary: 'Metrics as Prometheus text' };
  app.get('/metrics', { schema, config: { verb: 'give metrics' } }, async (_request, reply) => {
    status = await promised<CountedStatus>((answer) => context.service.status(null, answer));
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

/** Requests that fastify serves, and plain appends; `PUT /` and the probes, which it does not see, are in the broker's own counters. */
function countRequests(app: FastifyInstance, context: ApiContext, registry: Registry): void {
  const { requests, seconds } = httpMetrics;
  const counts = new Counter({ name: requests.name, help: requests.help, labelNames: [...requests.labels], registers: [registry] });
  const times = new Histogram({
    name: seconds.name,
    help: seconds.help,
    labelNames: [...seconds.labels],
    buckets: secondsBuckets,
    registers: [registry],
  });
  const boundCounts = new Map<string, ReturnType<typeof counts.labels>>();
  const boundTimes = new Map<string, ReturnType<typeof times.labels>>();
  const countOf = (method: string, route: string, status: number): ReturnType<typeof counts.labels> => {
    const key = `${method} ${route} ${status}`;
    let count = boundCounts.get(key);
    if (count === undefined) {
      count = counts.labels(method, route, String(status));
      boundCounts.set(key, count);
    }
    return count;
  };
  const timeOf = (method: string, route: string): ReturnType<typeof times.labels> => {
    const key = `${method} ${route}`;
    let time = boundTimes.get(key);
    if (time === undefined) {
      time = times.labels(method, route);
      boundTimes.set(key, time);
    }
    return time;
  };
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '(none)';
    countOf(request.method, route, reply.raw.statusCode).inc();
    if (!reply.raw.hasHeader('x-accel-buffering')) timeOf(request.method, route).observe(reply.elapsedTime / 1000);
    done();
  });
  let appended: { readonly count: ReturnType<typeof countOf>; readonly time: ReturnType<typeof timeOf> } | null = null;
  context.observeAppends((status, seconds) => {
    if (status === 200) {
      appended ??= { count: countOf('POST', appendRoute, 200), time: timeOf('POST', appendRoute) };
      appended.count.inc();
      appended.time.observe(seconds);
    } else {
      countOf('POST', appendRoute, status).inc();
      timeOf('POST', appendRoute).observe(seconds);
    }
  });
}
