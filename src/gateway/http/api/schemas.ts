/**
 * The shapes of requests and answers, as JSON Schema: they describe `/openapi.json` and check parameters and small bodies. `must` ends the
 * sentence of a refusal: "the parameter "from" is "-1", it must be ...".
 */
import Type, { type TSchema } from 'typebox';
import { offsetMax, sequenceMax } from '../../../base/branded.ts';
import { requestIdBytesMax } from '../../../eventlog/index.ts';

const must = (text: string): { description: string; must: string } => ({ description: text, must: text });

const offset = Type.Integer({ minimum: 0, maximum: offsetMax, ...must(`an offset: an integer of at least 0 and at most ${offsetMax}`) });
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const wholeNumber = (least: number, most: number, what: string) =>
  Type.Integer({ minimum: least, maximum: most, ...must(`${what}: an integer from ${least} to ${most}`) });

export const Level = Type.Enum(['leader', 'quorum', 'all'], must('one of leader, quorum, all'));
export const Freshness = Type.Enum(['linearizable', 'session', 'local'], must('one of linearizable, session, local'));
export const formats = ['json', 'ndjson', 'text', 'batches', 'sse'] as const;
export type Format = (typeof formats)[number];

export const TopicParams = Type.Object({ topic: Type.String({ description: 'the name of a topic' }) });

export const AppendQuery = Type.Object(
  {
    level: Type.Optional(Level),
    expectedOffset: Type.Optional(offset),
    timeoutMs: Type.Optional(wholeNumber(1, 60_000, 'milliseconds')),
  },
  { additionalProperties: false },
);

export const AppendHeaders = Type.Object({
  'cairn-request-id': Type.Optional(
    Type.String({ minLength: 1, maxLength: requestIdBytesMax, ...must(`1 to ${requestIdBytesMax} bytes of text`) }),
  ),
  'cairn-sequence': Type.Optional(wholeNumber(0, sequenceMax, 'a position')),
  'cairn-first-attempt-ms': Type.Optional(wholeNumber(0, 2 ** 31 - 1, 'milliseconds')),
});

export const ReadQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ pattern: '^(end|[0-9]{1,15})$', ...must('an offset (an integer of at least 0) or "end"') })),
    since: Type.Optional(Type.String({ ...must('a time: ISO 8601 or milliseconds since 1970') })),
    max: Type.Optional(wholeNumber(1, 1_000_000, 'a number of records')),
    bytesMax: Type.Optional(wholeNumber(1, 64 * 1024 * 1024, 'a number of bytes')),
    waitMs: Type.Optional(wholeNumber(0, 30_000, 'milliseconds')),
    follow: Type.Optional(Type.Boolean(must('true or false'))),
    level: Type.Optional(Freshness),
    session: Type.Optional(offset),
    format: Type.Optional(Type.Enum([...formats], must(`one of ${formats.join(', ')}`))),
  },
  { additionalProperties: false },
);

export const ReadHeaders = Type.Object({ 'last-event-id': Type.Optional(Type.String({ pattern: '^[0-9]{0,15}$', ...must('an offset') })) });
export const EndQuery = Type.Object({ level: Type.Optional(Freshness) }, { additionalProperties: false });
export const SequenceQuery = Type.Object(
  { requestId: Type.String({ minLength: 1, maxLength: requestIdBytesMax, ...must(`1 to ${requestIdBytesMax} bytes of text`) }) },
  { additionalProperties: false },
);
export const NoQuery = Type.Object({}, { additionalProperties: false });

export const CreateTopicBody = Type.Object(
  {
    name: Type.String(must('the name of a topic')),
    retentionBytes: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))),
  },
  { additionalProperties: false, ...must('{"name": "...", "retentionBytes": null or a number of bytes}') },
);

export const FaultBody = Type.Object(
  { action: Type.Enum(['crash', 'recover'], must('crash or recover')) },
  { additionalProperties: false, ...must('{"action": "crash"} or {"action": "recover"}') },
);
export const FaultAnswer = Type.Object({ crashed: Type.Boolean() });

const headerValue = Type.Union([Type.String(), Type.Null(), Type.Object({ base64: Type.String() })]);
const recordFields = {
  key: Type.Optional(nullable(Type.String())),
  keyBase64: Type.Optional(Type.String({ description: 'in place of key' })),
  value: Type.Optional(nullable(Type.String())),
  valueBase64: Type.Optional(Type.String({ description: 'in place of value' })),
  headers: Type.Optional(Type.Record(Type.String(), headerValue)),
  timestamp: Type.Optional(Type.Integer({ minimum: 0, description: 'milliseconds since 1970; the time of arrival if left out' })),
};
export const RecordInput = Type.Object(recordFields);
const RecordOutput = Type.Object({ offset, ...recordFields });
export const RecordsBody = Type.Union([RecordInput, Type.Array(RecordInput), Type.Object({ records: Type.Array(RecordInput) })]);

export const AppendAnswer = Type.Object({
  topic: Type.String(),
  partition: Type.Literal(0),
  offset,
  count: Type.Integer(),
  term: Type.Integer(),
  level: Level,
  ackedBy: Type.Array(Type.Integer(), { description: 'brokers known to have it on their disks' }),
  committed: Type.Boolean(),
  durable: Type.Boolean(),
  duplicate: Type.Boolean(),
  timestampMs: Type.Number(),
});

export const ReadAnswer = Type.Object({
  topic: Type.String(),
  offsetFrom: offset,
  offsetNext: offset,
  highWatermark: offset,
  logStartOffset: offset,
  asOfMs: Type.Number(),
  lag: Type.Integer(),
  records: Type.Array(RecordOutput),
});

export const EndAnswer = Type.Object({ topic: Type.String(), offset, freshness: Freshness, asOfMs: Type.Number() });
export const SequenceAnswer = Type.Object({ topic: Type.String(), requestId: Type.String(), nextSequence: Type.Integer() });

export const PartitionStatus = Type.Object({
  group: Type.Integer(),
  role: Type.Enum(['leader', 'follower', 'candidate', 'fenced']),
  leader: nullable(Type.Integer()),
  term: Type.Integer(),
  replicas: Type.Array(Type.Integer()),
  logStartOffset: offset,
  highWatermark: offset,
  endOffset: offset,
  syncedOffset: offset,
  sizeBytes: Type.Integer(),
  segmentCount: Type.Integer(),
  followers: Type.Array(Type.Object({ broker: Type.Integer(), matchOffset: offset })),
  fenced: nullable(Type.String()),
});

export const TopicDescription = Type.Object({
  name: Type.String(),
  group: Type.Integer(),
  settings: Type.Object({ retentionBytes: nullable(Type.Integer()) }),
  createdMs: Type.Number(),
  builtIn: Type.Boolean(),
  partition: PartitionStatus,
});
export const TopicList = Type.Object({ topics: Type.Array(TopicDescription) });

export const BrokerStatus = Type.Object({
  id: Type.Integer(),
  clusterId: Type.String(),
  incarnation: Type.Integer(),
  version: Type.String(),
  address: Type.String(),
  durable: Type.Boolean(),
  crashed: Type.Boolean(),
  startedMs: Type.Number(),
  catalog: PartitionStatus,
  partitions: Type.Array(Type.Intersect([Type.Object({ topic: Type.String() }), PartitionStatus])),
  peers: Type.Array(
    Type.Object({
      id: Type.Integer(),
      address: Type.String(),
      connected: Type.Boolean(),
      lastHeardMs: nullable(Type.Number()),
      bytesQueued: Type.Integer(),
      problem: nullable(Type.String({ description: 'why there is no link to or from it, or how its list of brokers differs' })),
    }),
  ),
  counters: Type.Record(Type.String(), Type.Number()),
});
export const BrokerList = Type.Object({
  brokers: Type.Array(Type.Object({ id: Type.Integer(), address: Type.String(), status: nullable(BrokerStatus) })),
  missing: Type.Array(Type.Integer(), { description: 'brokers that did not answer: the answer is partial' }),
});

export const ErrorAnswer = Type.Object({
  error: Type.Object(
    { code: Type.String(), message: Type.String(), definite: Type.Boolean(), retriable: Type.Boolean() },
    { additionalProperties: true },
  ),
});
