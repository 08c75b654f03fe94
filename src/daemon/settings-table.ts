/**
 * Everything that a broker can be told, once: the key in the configuration file, the environment variable, the flag of `cairn serve`. The schema,
 * the flags and the check of `docs/reference/config.md` are made from this table. Bounds (`limits`, `http`, those in `lines`) have keys only.
 */
import type { BrokerSettings } from '../broker/settings.ts';
import { defaultSettings } from '../broker/settings.ts';
import { defaultHttpSettings, type HttpSettings } from '../gateway/http/settings.ts';
import { defaultLineSettings, type LineSettings } from '../gateway/lines/settings.ts';

export interface SettingRow {
  /** Path in the file, with dots. */
  readonly key: string;
  readonly type: 'text' | 'number' | 'boolean' | 'brokers' | 'list';
  readonly env: string | null;
  /** As commander takes it. */
  readonly flag: string | null;
  /** As the reference page shows it. */
  readonly fallback: string;
  readonly help: string;
  /** What a right value is, for the sentence of a refusal. */
  readonly must: string;
  readonly choices?: readonly string[];
}

function row(
  key: string,
  type: SettingRow['type'],
  env: string | null,
  flag: string | null,
  fallback: string,
  help: string,
  must: string,
  choices?: readonly string[],
): SettingRow {
  return { key, type, env, flag, fallback, help, must, ...(choices === undefined ? {} : { choices }) };
}

const file = 'the path of a file';

export const settingsTable: readonly SettingRow[] = [
  row('broker', 'number', 'CAIRN_BROKER', '--broker <id>', '1', 'which of the brokers this one is', 'an integer of at least 1'),
  row(
    'brokers',
    'brokers',
    'CAIRN_BROKERS',
    '--cluster <id=host:port,...>',
    'this one alone',
    'all brokers of the cluster, this one included, the same on each; in the file a list of `{id: 1, address: "host:port"}`',
    'a list of brokers, each with an id and an address host:port, no id and no address twice',
  ),
  row(
    'listen',
    'text',
    'CAIRN_LISTEN',
    '--listen <host:port>',
    'the address of this broker in `brokers`, else 127.0.0.1:8000',
    'address to listen on; beyond loopback only with `tokenFile` or `insecureListen`',
    'host:port',
  ),
  row('data', 'text', 'CAIRN_DATA', '--data <dir>', './cairn-data/broker-<id>', 'data directory, created when missing', 'a path'),
  row(
    'disk',
    'text',
    'CAIRN_DISK',
    '--disk <kind>',
    'real',
    '`memory` keeps everything in memory: lost at the end, answers say `durable: false`',
    'real or memory',
    ['real', 'memory'],
  ),
  row(
    'clusterId',
    'text',
    'CAIRN_CLUSTER_ID',
    null,
    'derived from the addresses in `brokers`',
    'name of the cluster for a data directory that has none yet: 32 hex digits, the same on each broker',
    '32 hex digits',
  ),
  row(
    'tokenFile',
    'text',
    'CAIRN_TOKEN_FILE',
    '--token-file <file>',
    'none',
    'file with the token that HTTP clients must bring; it also proves brokers to one another',
    file,
  ),
  row('tls.certFile', 'text', 'CAIRN_TLS_CERT_FILE', '--tls-cert-file <file>', 'none', 'certificate of this broker, PEM', file),
  row('tls.keyFile', 'text', 'CAIRN_TLS_KEY_FILE', '--tls-key-file <file>', 'none', 'its private key, PEM', file),
  row(
    'tls.caFile',
    'text',
    'CAIRN_TLS_CA_FILE',
    '--tls-ca-file <file>',
    'none',
    'certificates that sign those of the other brokers, PEM; needed with several brokers',
    file,
  ),
  row(
    'insecureListen',
    'boolean',
    'CAIRN_INSECURE_LISTEN',
    null,
    'false',
    'listen beyond loopback without a token: whoever reaches the port can read and write everything; warns once. The flag `--insecure-listen ADDR` sets this and `listen`',
    'true or false',
  ),
  row(
    'faultInjection',
    'boolean',
    'CAIRN_FAULT_INJECTION',
    '--fault-injection',
    'false',
    'obey `/crash`, `/recover`, `/exit`, `/v1/faults`',
    'true or false',
  ),
  row(
    'hosts',
    'list',
    'CAIRN_HOSTS',
    '--hosts <name:port,...>',
    'none',
    'further `Host` headers to answer to, such as those of a proxy',
    'a list of name:port',
  ),
  row(
    'lines.listen',
    'text',
    'CAIRN_LINES_LISTEN',
    '--lines-listen <host:port>',
    'none',
    'address where this broker takes lines as a logger does; beyond loopback only with `insecureListen`, since lines carry no token',
    'host:port',
  ),
  row(
    'lines.topic',
    'text',
    'CAIRN_LINES_TOPIC',
    '--lines-topic <topic>',
    'lines',
    'topic that such lines are stored in; made when missing',
    'a topic name',
  ),
  row('log.level', 'text', 'CAIRN_LOG_LEVEL', '--log-level <level>', 'info', 'least level of diagnostics', 'debug, info, warn or error', [
    'debug',
    'info',
    'warn',
    'error',
  ]),
  row(
    'log.file',
    'text',
    'CAIRN_LOG_FILE',
    '--log-file <file>',
    'stderr',
    'where diagnostics go, JSON lines; what cannot be written is dropped and counted',
    file,
  ),
];

/** One sentence each for the reference pages. */
const limitHelp: Readonly<Record<keyof BrokerSettings, string>> = {
  tickMs: 'The unit of the two times below',
  heartbeatMs: 'A leader without news says so often that it lives',
  electionTimeoutMs: 'Least time without a leader before a broker campaigns; up to twice as long',
  segmentBytesMin: 'Size of the first segment file of a partition; each next one is twice as large',
  segmentBytesMax: 'Size of the largest segment file',
  batchBytesMax: 'Largest record batch, and so the largest request of records',
  queuedAppendBytesMax: 'Bytes of appends that wait in one broker: beyond it `overloaded`',
  queuedAppendsMax: 'Number of appends that wait in one broker: beyond it `overloaded`',
  uncommittedBytesMax: 'Bytes that a leader has appended and no majority has yet: beyond it `overloaded`',
  inFlightBytesMax: 'Bytes sent to one follower and not yet acknowledged',
  appendBytesMax: 'Bytes in one message to a follower',
  cacheBytesMax: 'Bytes of recent batches kept in memory for followers that lack them, for each partition',
  linkBytesMax: 'Bytes that wait to be sent to one broker: beyond it nothing more is sent, as if the network had lost it',
  topicsMax: 'Topics of a cluster: beyond it `tooManyTopics`',
  requestIdRetentionMs: 'How long a request id is remembered, by the time of the log; what the leader of a partition says in its log',
  requestIdsMax: 'Request ids of one batch remembered for each partition, the oldest pushed out; what the leader says in the log',
  requestSessionsMax: 'Request ids of more than one batch remembered for each partition: beyond it a new one gets `tooManySessions`',
  markAfterMs: 'Idle time after which a log notes what is synced',
  eventsRetentionBytes: 'Size of the topic `cairn.events`: beyond it the oldest segments go',
};

const httpHelp: Readonly<Record<keyof HttpSettings, string>> = {
  bodyBytesMax: 'Largest request body: beyond it 413 `recordTooLarge`',
  headersTimeoutMs: 'A request whose header is not complete by then is closed',
  requestTimeoutMs: 'A request that has not arrived whole by then is closed',
  connectionsCheckingIntervalMs: 'How often the two above are looked at',
  keepAliveTimeoutMs: 'A connection without a request is closed after this time',
  connectionsMax: 'Connections in all',
  connectionsPerAddressMax: 'Connections from one address',
  followersMax: 'Answers of `follow` that may be open at once: beyond it `overloaded`',
  slowReaderTimeoutMs: 'A reader that takes nothing for so long is cut off',
  heartbeatMs: 'How often a `follow` without news shows that it lives',
  putTimeoutMs: '`PUT /` that is not committed by then is closed without an answer, and revoked',
};

const lineHelp: Readonly<Record<keyof LineSettings, string>> = {
  lineBytesMax: 'A longer line is cut there and marked; at most 1044480',
  nameTimeoutMs: 'A connection that has not said its name by then is closed',
  connectionsMax: 'Connections: beyond it the oldest without a name makes room; where all have one, the new one is refused',
  pendingBytesMax: 'Lines of plain connections that wait for the topic: beyond it they are not read, or in `cairn logger` not stored',
  sessionBytesMax: 'Lines of one spooling agent that wait for the topic: beyond it the agent is not read',
};

export const boundGroups = {
  limits: { defaults: defaultSettings as unknown as Readonly<Record<string, number>>, help: limitHelp as Readonly<Record<string, string>> },
  http: {
    defaults: defaultHttpSettings as unknown as Readonly<Record<string, number>>,
    help: httpHelp as Readonly<Record<string, string>>,
  },
  lines: {
    defaults: defaultLineSettings as unknown as Readonly<Record<string, number>>,
    help: lineHelp as Readonly<Record<string, string>>,
  },
} as const;
