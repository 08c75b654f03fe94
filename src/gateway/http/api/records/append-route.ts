import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { sequenceMax } from '../../../../base/branded.ts';
import { type AppendRequest, LogError, requestIdBytesMax, withRequestOutcome } from '../../../../eventlog/index.ts';
import { appendRoute, appendTimeoutMs } from '../../append-records.ts';
import { bodyOf } from '../../body.ts';
import type { ApiContext } from '../context.ts';
import { decodeRecords } from '../../decode-records.ts';
import { Level, must, offset, PartitionParam, TopicParams, wholeNumber } from '../schema-parts.ts';

const AppendQuery = Type.Object(
  {
    partition: PartitionParam,
    level: Type.Optional(Level),
    expectedOffset: Type.Optional(offset),
    timeoutMs: Type.Optional(wholeNumber(1, 60_000, 'milliseconds')),
  },
  { additionalProperties: false },
);

const PublisherTopic = Type.Object({ ...TopicParams.properties, publisher: Type.String({ description: 'the id of a publisher' }) });

const AppendHeaders = Type.Object({
  'cairn-request-id': Type.Optional(
    Type.String({ minLength: 1, maxLength: requestIdBytesMax, ...must(`1 to ${requestIdBytesMax} bytes of text`) }),
  ),
  'cairn-sequence': Type.Optional(wholeNumber(0, sequenceMax, 'a position')),
  'cairn-session': Type.Optional(Type.Boolean(must('true or false'))),
  'cairn-first-attempt-ms': Type.Optional(wholeNumber(0, 2 ** 31 - 1, 'milliseconds')),
});

const AppendAnswer = Type.Object({
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

export function addAppendRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'Append records: all or none, with consecutive offsets',
    params: TopicParams,
    querystring: AppendQuery,
    headers: AppendHeaders,
    response: { 200: AppendAnswer },
  };
  app.post(appendRoute, { schema, config: { verb: 'append to' } }, async (request) => {
    const order = await appendOrder(request, context);
    try {
      return await context.log.append(order);
    } catch (thrown) {
      throw order.requestId !== null && thrown instanceof LogError ? withRequestOutcome(thrown) : thrown;
    }
  });
  const publishSchema = {
    ...schema,
    summary: 'Append records as a publisher: all or none, with consecutive offsets',
    params: PublisherTopic,
  };
  app.post(
    '/v1/publishers/:publisher/topics/:topic/records',
    { schema: publishSchema, config: { verb: 'publish to' } },
    async (request) => {
      const { publisher } = request.params as Static<typeof PublisherTopic>;
      const order = await appendOrder(request, context);
      try {
        return await context.subscriptions.publish({ ...order, publisher });
      } catch (thrown) {
        throw order.requestId !== null && thrown instanceof LogError ? withRequestOutcome(thrown) : thrown;
      }
    },
  );
}

async function appendOrder(request: FastifyRequest, context: ApiContext): Promise<AppendRequest> {
  const { topic } = request.params as Static<typeof TopicParams>;
  const query = request.query as Static<typeof AppendQuery>;
  const headers = request.headers as Static<typeof AppendHeaders>;
  const requestId = headers['cairn-request-id'] ?? null;
  if (requestId === null && headers['cairn-sequence'] !== undefined) {
    throw new LogError('invalidRequest', `Cannot append to topic "${topic}": Cairn-Sequence is given without Cairn-Request-Id`);
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new LogError('unsupportedMediaType', `Cannot append to topic "${topic}": Content-Encoding is set, send the body uncompressed`);
  }
  const body = await bodyOf(request.raw, context.settings.bodyBytesMax);
  const { limits, bytes, clock } = context;
  const firstAttemptMs = headers['cairn-first-attempt-ms'];
  const isSession = headers['cairn-session'];
  const batch = decodeRecords(request.headers['content-type'], body, { topic, nowMs: clock.wallMs(), limits, bytes });
  return {
    topic,
    partition: query.partition ?? 0,
    batch,
    level: query.level ?? 'quorum',
    timeoutMs: query.timeoutMs ?? appendTimeoutMs,
    requestId: requestId === null ? null : latin1AsUtf8(requestId, topic),
    sequence: headers['cairn-sequence'] ?? 0,
    expectedOffset: query.expectedOffset ?? null,
    ...(isSession === undefined ? {} : { isSession }),
    ...(firstAttemptMs === undefined ? {} : { firstAttemptMs }),
  };
}

/** Node gives header bytes as Latin-1; clients send UTF-8. Of what is not, two ids would become one. */
function latin1AsUtf8(text: string, topic: string): string {
  const bytes = Buffer.from(text, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new LogError('invalidRequest', `Cannot append to topic "${topic}": the header "cairn-request-id" is not UTF-8`);
}
