/**
 * Everything that a broker can be told, once: the key in the configuration file, the environment variable, the flag of `cairn serve`, and what a right
 * value is. The schema, the flags, the sentences of refusals and `docs/reference/config.md` and `limits.md` come from here. Bounds (`limits`, `http`,
 * those in `lines`) have keys only. What makes a value right stands nowhere else.
 */
import type { BrokerSettings } from '../broker/settings.ts';
import { defaultSettings } from '../broker/settings.ts';
import { defaultHttpSettings, type HttpSettings } from '../gateway/http/settings.ts';
import { defaultLineSettings, lineBytesLimit, type LineSettings } from '../gateway/lines/settings.ts';
import { batchBytesMax as batchBytesLimit, brokerIdMax } from '../record/index.ts';

/** What a right value is. */
export type Rule =
  | { readonly is: 'integer'; readonly from: number; readonly to: number }
  | { readonly is: 'boolean' | 'brokers' | 'address' | 'path' }
  | { readonly is: 'choice'; readonly of: readonly string[] }
  /** `must` is what the pattern means. */
  | { readonly is: 'text'; readonly pattern: string; readonly must: string }
  | { readonly is: 'list'; readonly of: string }
  | { readonly is: 'files' };

export interface SettingRow {
  /** Path in the file, with dots. */
  readonly key: string;
  readonly env: string | null;
  /** As commander takes it. */
  readonly flag: string | null;
  /** As the reference page shows it. */
  readonly fallback: string;
  readonly help: string;
  readonly rule: Rule;
}

/** The end of "it must be ...". */
export function describeRule(rule: Rule): string {
  switch (rule.is) {
    case 'integer':
      return `an integer from ${rule.from} to ${rule.to}`;
    case 'boolean':
      return 'true or false';
    case 'brokers':
      return `a list of brokers, each with an id from 1 to ${brokerIdMax} and an address host:port, no id and no address twice`;
    case 'address':
      return 'host:port';
    case 'path':
      return 'a path';
    case 'choice':
      return `${rule.of.slice(0, -1).join(', ')} or ${rule.of.at(-1) ?? ''}`;
    case 'text':
      return rule.must;
    case 'list':
      return `a list of ${rule.of}`;
    case 'files':
      return 'a list of name=glob, a name being letters, digits, ".", "_" and "-", a glob without ".", ".." and "**"';
  }
}

/** What the file of `tokenFile` holds, ends trimmed: clients bring it in a header of HTTP. */
export const tokenRule = { pattern: /^[\x21-\x7e]{32,}$/, must: 'one word of at least 32 characters' } as const;

export const brokerIdRule: Rule = { is: 'integer', from: 1, to: brokerIdMax };

export const settingsTable: readonly SettingRow[] = [
  {
    key: 'role',
    env: 'CAIRN_ROLE',
    flag: '--role <role>',
    fallback: 'broker',
    help: '`search` is a server without data that only answers searches of `files`',
    rule: { is: 'choice', of: ['broker', 'search'] },
  },
  {
    key: 'broker',
    env: 'CAIRN_BROKER',
    flag: '--broker <id>',
    fallback: '1',
    help: 'which of the brokers this one is',
    rule: brokerIdRule,
  },
  {
    key: 'brokers',
    env: 'CAIRN_BROKERS',
    flag: '--cluster <id=host:port,...>',
    fallback: 'this one alone',
    help: 'all brokers of the cluster, this one included, the same on each; in the file a list of `{id: 1, address: "host:port"}`',
    rule: { is: 'brokers' },
  },
  {
    key: 'listen',
    env: 'CAIRN_LISTEN',
    flag: '--listen <host:port>',
    fallback: 'the address of this broker in `brokers`, else 127.0.0.1:8000',
    help: 'address to listen on; beyond loopback only with `tokenFile` or `insecureListen`',
    rule: { is: 'address' },
  },
  {
    key: 'data',
    env: 'CAIRN_DATA',
    flag: '--data <dir>',
    fallback: './cairn-data/broker-<id>',
    help: 'data directory, created when missing',
    rule: { is: 'path' },
  },
  {
    key: 'disk',
    env: 'CAIRN_DISK',
    flag: '--disk <kind>',
    fallback: 'real',
    help: '`memory` keeps everything in memory: lost at the end, answers say `durable: false`',
    rule: { is: 'choice', of: ['real', 'memory'] },
  },
  {
    key: 'clusterId',
    env: 'CAIRN_CLUSTER_ID',
    flag: null,
    fallback: 'derived from the addresses in `brokers`',
    help: 'name of the cluster for a data directory that has none yet: 32 hex digits, the same on each broker',
    rule: { is: 'text', pattern: '^[0-9a-f]{32}$', must: '32 hex digits' },
  },
  {
    key: 'tokenFile',
    env: 'CAIRN_TOKEN_FILE',
    flag: '--token-file <file>',
    fallback: 'none',
    help: 'file with the token that HTTP clients must bring; it also proves brokers to one another',
    rule: { is: 'path' },
  },
  {
    key: 'tls.certFile',
    env: 'CAIRN_TLS_CERT_FILE',
    flag: '--tls-cert-file <file>',
    fallback: 'none',
    help: 'certificate of this broker, PEM',
    rule: { is: 'path' },
  },
  {
    key: 'tls.keyFile',
    env: 'CAIRN_TLS_KEY_FILE',
    flag: '--tls-key-file <file>',
    fallback: 'none',
    help: 'its private key, PEM',
    rule: { is: 'path' },
  },
  {
    key: 'tls.caFile',
    env: 'CAIRN_TLS_CA_FILE',
    flag: '--tls-ca-file <file>',
    fallback: 'none',
    help: 'certificates that sign those of the other brokers, PEM; needed with several brokers',
    rule: { is: 'path' },
  },
  {
    key: 'insecureListen',
    env: 'CAIRN_INSECURE_LISTEN',
    flag: null,
    fallback: 'false',
    help: 'listen beyond loopback without a token: whoever reaches the port can read and write everything; warns once. The flag `--insecure-listen ADDR` sets this and `listen`',
    rule: { is: 'boolean' },
  },
  {
    key: 'faultInjection',
    env: 'CAIRN_FAULT_INJECTION',
    flag: '--fault-injection',
    fallback: 'false',
    help: 'obey `/crash`, `/recover`, `/exit`, `/v1/faults`',
    rule: { is: 'boolean' },
  },
  {
    key: 'hosts',
    env: 'CAIRN_HOSTS',
    flag: '--hosts <name:port,...>',
    fallback: 'none',
    help: 'further `Host` headers to answer to, such as those of a proxy',
    rule: { is: 'list', of: 'name:port' },
  },
  {
    key: 'name',
    env: 'CAIRN_NAME',
    flag: '--name <name>',
    fallback: 'the address in `listen`',
    help: 'what this machine calls itself in the answer of a search',
    rule: { is: 'text', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$', must: 'letters, digits, ".", "_" and "-"' },
  },
  {
    key: 'files',
    env: 'CAIRN_FILES',
    flag: '--files <name=glob,...>',
    fallback: 'none',
    help: 'files that `cairn grep --files NAME` may search here; `*`, `?` and `[...]` stand for characters within one name',
    rule: { is: 'files' },
  },
  {
    key: 'machines',
    env: 'CAIRN_MACHINES',
    flag: '--machines <name=host:port,...>',
    fallback: 'none',
    help: 'machines that `cairn grep` asks beside the brokers when it is not told whom; a name may be left out, an address be a URL',
    rule: { is: 'list', of: 'name=host:port' },
  },
  {
    key: 'lines.listen',
    env: 'CAIRN_LINES_LISTEN',
    flag: '--lines-listen <host:port>',
    fallback: 'none',
    help: 'address where this broker takes lines as a logger does; beyond loopback only with `insecureListen`, since lines carry no token',
    rule: { is: 'address' },
  },
  {
    key: 'lines.topic',
    env: 'CAIRN_LINES_TOPIC',
    flag: '--lines-topic <topic>',
    fallback: 'lines',
    help: 'topic that such lines are stored in; made when missing',
    rule: {
      is: 'text',
      pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,249}$',
      must: 'a topic name: 1-249 characters of A-Z, a-z, 0-9, dot, dash, underscore',
    },
  },
  {
    key: 'tracing.endpoint',
    env: 'CAIRN_TRACING_ENDPOINT',
    flag: '--tracing-endpoint <url>',
    fallback: 'none',
    help: 'collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`: spans of traced requests go to its `/v1/traces`',
    rule: { is: 'text', pattern: '^https?://[^/?#@\\s]+(/[^?#\\s]*)?$', must: 'a URL that begins with http:// or https://' },
  },
  {
    key: 'tracing.sampleEvery',
    env: 'CAIRN_TRACING_SAMPLE_EVERY',
    flag: null,
    fallback: '0',
    help: 'of requests without `traceparent` each so many is traced; 0: none but those that ask for it',
    rule: { is: 'integer', from: 0, to: 2 ** 31 - 1 },
  },
  {
    key: 'log.level',
    env: 'CAIRN_LOG_LEVEL',
    flag: '--log-level <level>',
    fallback: 'info',
    help: 'least level of diagnostics',
    rule: { is: 'choice', of: ['debug', 'info', 'warn', 'error'] },
  },
  {
    key: 'log.file',
    env: 'CAIRN_LOG_FILE',
    flag: '--log-file <file>',
    fallback: 'stderr',
    help: 'where diagnostics go, JSON lines; what cannot be written is dropped and counted',
    rule: { is: 'path' },
  },
];

/** A number that bounds something, with one sentence for the reference page. */
interface Bound {
  readonly from: number;
  readonly to: number;
  readonly help: string;
}

/** What Node's timers can hold. */
const anyMs = { from: 1, to: 2 ** 31 - 1 };
const anyAge = { from: 1, to: Number.MAX_SAFE_INTEGER };
const anyCount = { from: 1, to: 2 ** 31 - 1 };
const anyBytes = { from: 1, to: Number.MAX_SAFE_INTEGER };

/** `topicsMaxBefore` follows from `topicsMax`. */
const limitBounds: Readonly<Record<Exclude<keyof BrokerSettings, 'topicsMaxBefore'>, Bound>> = {
  tickMs: { from: 1, to: 1000, help: 'The unit of the two times below' },
  heartbeatMs: { ...anyMs, help: 'A leader without news says so often that it lives' },
  electionTimeoutMs: { ...anyMs, help: 'Least time without a leader before a broker campaigns; up to twice as long' },
  segmentBytesMin: { from: 4096, to: 2 ** 30, help: 'Size of the first segment file of a partition; each next one is twice as large' },
  segmentBytesMax: { from: 4096, to: 2 ** 30, help: 'Size of the largest segment file' },
  batchBytesMax: { from: 1, to: batchBytesLimit, help: 'Largest record batch, and so the largest request of records' },
  queuedAppendBytesMax: { ...anyBytes, help: 'Bytes of appends that wait in one broker: beyond it `overloaded`' },
  queuedAppendsMax: { ...anyCount, help: 'Number of appends that wait in one broker: beyond it `overloaded`' },
  uncommittedBytesMax: { ...anyBytes, help: 'Bytes that a leader has appended and no majority has yet: beyond it `overloaded`' },
  uncommittedBytesPerBrokerMax: {
    ...anyBytes,
    help: 'The same for all partitions that a broker leads together; each may have as much as is left beside all: beyond it `overloaded`',
  },
  inFlightBytesMax: { ...anyBytes, help: 'Bytes sent to one follower and not yet acknowledged' },
  appendBytesMax: { from: 1, to: batchBytesLimit, help: 'Bytes in one message to a follower' },
  cacheBytesMax: { ...anyBytes, help: 'Bytes of recent batches kept in memory for followers that lack them, for each partition' },
  cachesBytesMax: {
    ...anyBytes,
    help: 'The same for all partitions of a broker together: those that are busy share it, quiet ones keep nothing',
  },
  linkBytesMax: {
    ...anyBytes,
    help: 'Bytes that wait to be sent to one broker: beyond it nothing more is sent, as if the network had lost it',
  },
  linkIdleMs: {
    ...anyMs,
    help: 'A connection to another broker for what is long, such as catching up, is closed when it was not used for so long',
  },
  topicsMax: {
    ...anyCount,
    help: 'Topics of a cluster, `cairn.events`, `cairn/subscribers` and `cairn/parked` among them, `log` not: beyond it `tooManyTopics`',
  },
  replicasPerBrokerMax: {
    ...anyCount,
    help: 'Partitions that one broker keeps: a topic that would be one more there gets `tooManyTopics`',
  },
  homecomingAfterMs: { ...anyMs, help: 'A topic is led by its home again when that has been back, with all of its log, for so long' },
  replicasDefault: { from: 1, to: 16, help: 'Brokers that keep a topic for which no number is said; where there are fewer, that many' },
  requestIdRetentionMs: {
    ...anyAge,
    help: 'How long a request id is remembered, by the time of the log; what the leader of a partition says in its log',
  },
  requestIdsMax: {
    ...anyCount,
    help: 'Request ids of one batch remembered for each partition, the oldest pushed out; what the leader says in the log',
  },
  requestIdsPerBrokerMax: {
    ...anyCount,
    help: 'The same for all partitions that a broker leads together, whose largest forget their oldest then; until they have, a new one gets `overloaded`',
  },
  requestSessionsMax: {
    ...anyCount,
    help: 'Request ids of more than one batch remembered for each partition: beyond it a new one gets `tooManySessions`',
  },
  requestSessionsPerBrokerMax: {
    ...anyCount,
    help: 'The same for all partitions that a broker leads together; each may have as many as are left beside all',
  },
  markAfterMs: { ...anyMs, help: 'Idle time after which a log notes what is synced' },
  quietAfterMs: { ...anyMs, help: 'Idle time after which the group of a topic costs its brokers neither ticks nor messages' },
  eventsRetentionBytes: { ...anyBytes, help: 'Size of the topic `cairn.events`: beyond it the oldest segments go' },
  subscribersRetentionBytes: {
    ...anyBytes,
    help: 'Size of the log of each group that keeps publishers and subscribers; what is older is in checkpoints',
  },
  publishersMax: {
    ...anyCount,
    help: 'Publishers of a cluster, an eighth of them in each group that keeps them: beyond it `tooManySubscribers`',
  },
  subscribersMax: { ...anyCount, help: 'Subscribers of a cluster, likewise' },
  subscriptionsMax: { ...anyCount, help: 'Topics and patterns that one subscriber is subscribed to: beyond it `tooManySubscribers`' },
  cursorsMax: { ...anyCount, help: 'Cursors of one subscriber, one for each partition of its topics' },
  cursorsPerGroupMax: { ...anyCount, help: 'Cursors of all subscribers that one of the eight groups keeps' },
  scheduledMax: {
    ...anyCount,
    help: 'What waits to be appended later, what was given together as one, an eighth of it in each group that keeps it: beyond it `tooManyScheduled`',
  },
  scheduledBytesMax: { ...anyBytes, help: 'The same in bytes' },
  scheduledRetentionBytes: {
    ...anyBytes,
    help: 'Size of the log of each of these groups, beside what waits in it; beyond it what waits in the oldest segments is written again, and they go',
  },
  retryWaitMs: {
    ...anyMs,
    help: 'A record whose processing has failed comes again after so long, twice as long after each further failure',
  },
  retryWaitMsMax: { ...anyMs, help: 'And at most after so long' },
  triesMax: { from: 1, to: 1000, help: 'At so many failures a record is parked' },
  retriesMax: {
    ...anyCount,
    help: 'Records of one partition in retry for one subscriber: at so many nothing new is given of the partition, `tooManyRetries`',
  },
  retriesPerGroupMax: { ...anyCount, help: 'The same of all subscribers that one of the eight groups keeps' },
  parkedMax: { ...anyCount, help: 'Parked records of one subscriber; beyond it they stay in retry, and are not given' },
  parkedPerGroupMax: { ...anyCount, help: 'The same of all subscribers that one of the eight groups keeps' },
  parkedRetentionBytes: {
    ...anyBytes,
    help: 'Size of each of the eight partitions of `cairn/parked`; beyond it the oldest copies go, whether they are still parked or not. Copies that are not parked any more go before. For a topic that is made from then on',
  },
  metadataPerGroupBytesMax: {
    ...anyBytes,
    help: 'Metadata beside acknowledged offsets, of all subscribers that one of the eight groups keeps: beyond it `metadataTooLarge`',
  },
};

const httpBounds: Readonly<Record<keyof HttpSettings, Bound>> = {
  bodyBytesMax: { ...anyBytes, help: 'Largest request body, uncompressed: beyond it 413 `recordTooLarge`' },
  bodiesBytesMax: {
    ...anyBytes,
    help: 'Bytes of all bodies that are on their way in one broker, beside the first 64 KiB of each: beyond it `overloaded`',
  },
  readBytesMax: {
    ...anyBytes,
    help: 'Bytes of records that answers to reads hold in memory, half of them for reads of up to 1 MiB: others wait their turn',
  },
  requestsPerConnectionMax: {
    ...anyCount,
    help: 'Requests that wait on one connection while those before them are answered: with one more it is cut off',
  },
  headersTimeoutMs: { ...anyMs, help: 'A request whose header is not complete by then is closed' },
  requestTimeoutMs: { ...anyMs, help: 'A request that has not arrived whole by then is closed' },
  connectionsCheckingIntervalMs: { ...anyMs, help: 'How often the two above are looked at' },
  keepAliveTimeoutMs: { ...anyMs, help: 'A connection without a request is closed after this time' },
  connectionsMax: { ...anyCount, help: 'Connections in all' },
  connectionsPerAddressMax: {
    ...anyCount,
    help: 'Connections from one address: with one more the oldest that has asked nothing makes room, else the new one is closed',
  },
  followersMax: { ...anyCount, help: 'Answers of `follow` that may be open at once: beyond it `overloaded`' },
  slowReaderTimeoutMs: { ...anyMs, help: 'A client that takes nothing of its answers for so long is cut off' },
  slowReaderPatienceMs: {
    ...anyMs,
    help: 'An answer to a read that is still with its client after this, and a second for each 4 MiB, is cut off where others wait to read',
  },
  heartbeatMs: { ...anyMs, help: 'How often a `follow` without news shows that it lives' },
  searchesMax: {
    ...anyCount,
    help: 'Searches that may be under way or wait their turn at once, and a quarter of the partitions that may be followed: beyond it `overloaded`',
  },
  searchReaderTimeoutMs: { ...anyMs, help: 'A search whose answer nobody takes for so long is ended' },
  putTimeoutMs: { ...anyMs, help: '`PUT /` that is not committed by then is closed without an answer, and revoked' },
};

const lineBounds: Readonly<Record<keyof LineSettings, Bound>> = {
  lineBytesMax: { from: 1, to: lineBytesLimit, help: 'A longer line is cut there and marked' },
  nameTimeoutMs: { ...anyMs, help: 'A connection that has not said its name by then is closed' },
  connectionsMax: {
    ...anyCount,
    help: 'Connections: beyond it the oldest without a name makes room; where all have one, the new one is refused',
  },
  unfinishedBytesMax: { ...anyBytes, help: 'Of lines whose end has not come, all connections together: beyond it the longest is cut' },
  pendingBytesMax: {
    ...anyBytes,
    help: 'Lines of plain connections that wait for the topic: beyond it they are not read, or in `cairn logger` not stored',
  },
  sessionBytesMax: { ...anyBytes, help: 'Lines of one spooling agent that wait for the topic: beyond it the agent is not read' },
  sessionsBytesMax: { ...anyBytes, help: 'Of all spooling agents together, each an equal part, of 16 KiB at least' },
};

type Group = { readonly defaults: Readonly<Record<string, number>>; readonly bounds: Readonly<Record<string, Bound>> };

const groupOf = (defaults: object, bounds: Readonly<Record<string, Bound>>): Group => ({
  defaults: defaults as Readonly<Record<string, number>>,
  bounds,
});

export const boundGroups = {
  limits: groupOf(defaultSettings, limitBounds),
  http: groupOf(defaultHttpSettings, httpBounds),
  lines: groupOf(defaultLineSettings, lineBounds),
} as const;

/** What must hold between two bounds of `limits`. */
export const limitRelations: readonly {
  readonly key: keyof BrokerSettings;
  readonly holds: (limits: BrokerSettings) => boolean;
  readonly must: string;
}[] = [
  {
    key: 'electionTimeoutMs',
    holds: ({ electionTimeoutMs, heartbeatMs }) => electionTimeoutMs >= 2 * heartbeatMs,
    must: 'at least twice limits.heartbeatMs',
  },
  {
    key: 'segmentBytesMax',
    holds: ({ segmentBytesMax, segmentBytesMin }) => segmentBytesMax >= segmentBytesMin,
    must: 'at least limits.segmentBytesMin',
  },
];
