import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { sequenceMax } from '../../../../base/branded.ts';
import {
  type AppendRequest,
  LogError,
  type RecordService,
  requestIdBytesMax,
  withCallbacks,
  withRequestOutcome,
} from '../../../../eventlog/index.ts';
import { appendRoute, appendTimeoutMs } from '../../append-records.ts';
import { readBody } from '../../body.ts';
import { appendTimed, deliverAtRule, type DeliveryTimes, parseDeliverAt } from '../../delivery-times.ts';
import { oneAnswer, partsAnswer } from '../../parts-answer.ts';
import { type Divided, DividedAppends } from '../../../../partitions/index.ts';
import type { ApiContext } from '../context.ts';
import { hopsText } from '../hops-text.ts';
import { decodeRecords } from '../../decode-records.ts';
import { traceFields } from '../../request-traces.ts';
import { HopsHeader, Level, must, offset, PartitionParam, Places, TopicParams, wholeNumber } from '../schema-parts.ts';

const AppendQuery = Type.Object(
  {
    partition: PartitionParam,
    level: Type.Optional(Level),
    expectedOffset: Type.Optional(offset),
    timeoutMs: Type.Optional(wholeNumber(1, 60_000, 'milliseconds')),
    deliverAt: Type.Optional(Type.String(must(deliverAtRule))),
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
  'cairn-hops': HopsHeader,
  'cairn-deliver-at': Type.Optional(Type.String(must(deliverAtRule))),
  'cairn-first-attempt-ms': Type.Optional(wholeNumber(0, 2 ** 31 - 1, 'milliseconds')),
});

const AppendedPart = Type.Object({
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Type.Optional(offset),
  count: Type.Integer(),
  term: Type.Optional(Type.Integer()),
  level: Level,
  ackedBy: Type.Array(Type.Integer(), { description: 'brokers known to have it on their disks' }),
  committed: Type.Boolean(),
  durable: Type.Boolean(),
  duplicate: Type.Boolean(),
  timestampMs: Type.Optional(Type.Number()),
  scheduled: Type.Optional(Type.Boolean({ description: 'true: appended later, with an offset then' })),
  id: Type.Optional(Type.String({ description: 'by which what is appended later is cancelled' })),
  deliverAtMs: Type.Optional(Type.Number()),
  session: Type.Optional(Places),
});
const AppendAnswer = Type.Union([
  AppendedPart,
  Type.Object(
    { topic: Type.String(), partial: Type.Boolean(), partitions: Type.Array(AppendedPart), session: Places },
    { description: 'records that fell into several partitions: each is all or none by itself' },
  ),
]);

export function addAppendRoute(app: FastifyInstance, context: ApiContext): void {
  const { service, bytes: work } = context;
  const appends = new DividedAppends({
    log: service,
    bytes: work,
    partitionsOf: (topic) => service.partitionsOf(topic),
    whenPartitionsKnown: (topic, timeoutMs, answer) => service.whenPartitionsKnown(topic, timeoutMs, answer),
  });
  const schema = {
    summary: 'Append records: those of a partition all or none, with consecutive offsets',
    params: TopicParams,
    querystring: AppendQuery,
    headers: AppendHeaders,
    response: { 200: AppendAnswer },
  };
  app.post(appendRoute, { schema, config: { verb: 'append to' } }, async (request, reply) => {
    const { order, times } = await appendOrder(request, context);
    return answerDivided(order, await new Promise<Divided>((resolve) => appendTimed(appends, order, times, resolve)), reply);
  });
  const publishSchema = {
    ...schema,
    summary: 'Append records as a publisher: those of a partition all or none, with consecutive offsets',
    params: PublisherTopic,
  };
  app.post(
    '/v1/publishers/:publisher/topics/:topic/records',
    { schema: publishSchema, config: { verb: 'publish to' } },
    async (request, reply) => {
      const { publisher } = request.params as Static<typeof PublisherTopic>;
      const { order, times } = await appendOrder(request, context);
      const through = withCallbacks({ ...context.log, append: (one) => context.subscriptions.publish({ ...one, publisher }) });
      const publish: RecordService['append'] = (one, answer) => through.append(one, answer);
      return answerDivided(order, await new Promise<Divided>((resolve) => appendTimed(appends, order, times, resolve, publish)), reply);
    },
  );
}

function answerDivided({ topic, requestId }: AppendRequest, divided: Divided, reply: FastifyReply): unknown {
  if (divided.kind === 'several') {
    const { status, body } = partsAnswer(topic, divided, requestId !== null);
    return reply.code(status).send(body);
  }
  if (divided.outcome.ok) {
    const { hops, ...result } = divided.outcome.value;
    if (hops !== undefined) void reply.header('cairn-hops', hopsText(hops));
    return oneAnswer(result, divided.count);
  }
  throw requestId === null ? divided.outcome.error : withRequestOutcome(divided.outcome.error);
}

/** `times` of single records. */
interface Ordered {
  readonly order: AppendRequest;
  readonly times: DeliveryTimes;
}

async function appendOrder(request: FastifyRequest, context: ApiContext): Promise<Ordered> {
  const { topic } = request.params as Static<typeof TopicParams>;
  const query = request.query as Static<typeof AppendQuery>;
  const headers = request.headers as Static<typeof AppendHeaders>;
  const requestId = headers['cairn-request-id'] ?? null;
  if (requestId === null && headers['cairn-sequence'] !== undefined) {
    throw new LogError('invalidRequest', `Cannot append to topic "${topic}": Cairn-Sequence is given without Cairn-Request-Id`);
  }
  const firstAttemptMs = headers['cairn-first-attempt-ms'];
  const isSession = headers['cairn-session'];
  const deliverAtMs = deliverAtOf(topic, query.deliverAt, headers['cairn-deliver-at']);
  const times: DeliveryTimes = new Map();
  const batch = await batchOf(request.raw, topic, times, context);
  const order = {
    topic,
    ...(query.partition === undefined ? {} : { partition: query.partition }),
    batch,
    level: query.level ?? 'quorum',
    timeoutMs: query.timeoutMs ?? appendTimeoutMs,
    requestId: requestId === null ? null : latin1AsUtf8(requestId, topic),
    sequence: headers['cairn-sequence'] ?? 0,
    expectedOffset: query.expectedOffset ?? null,
    ...(isSession === undefined ? {} : { isSession }),
    ...(firstAttemptMs === undefined ? {} : { firstAttemptMs }),
    ...(headers['cairn-hops'] === true ? { tellHops: true } : {}),
    ...(deliverAtMs === null ? {} : { deliverAtMs }),
    ...traceFields(request.raw),
  };
  return { order, times };
}

/** Null where it is appended at once. */
function deliverAtOf(topic: string, parameter: string | undefined, header: string | undefined): number | null {
  const text = parameter ?? header;
  if (text === undefined) return null;
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot append to topic "${topic}": ${reason}`);
  if (parameter !== undefined && header !== undefined && parameter !== header)
    throw refuse('the parameter "deliverAt" and the header "cairn-deliver-at" say different things');
  const deliverAtMs = parseDeliverAt(text);
  if (deliverAtMs !== null) return deliverAtMs;
  const what = parameter === undefined ? 'the header "cairn-deliver-at"' : 'the parameter "deliverAt"';
  throw refuse(`${what} is ${JSON.stringify(text.slice(0, 100))}, it must be ${deliverAtRule}`);
}

function batchOf(request: IncomingMessage, topic: string, deliveryTimes: DeliveryTimes, context: ApiContext): Promise<Uint8Array> {
  const { limits, bytes, clock, turns, large, bodies, settings } = context;
  return new Promise((resolve, reject) => {
    readBody(request, { bytesMax: settings.bodyBytesMax, bodies }, (body) => {
      if (body === null) reject(new LogError('connectionLost', 'Cannot read the request: the client went away'));
      else if (body instanceof LogError) reject(body);
      else
        decodeRecords(
          request.headers['content-type'],
          body.bytes,
          { topic, nowMs: clock.wallMs(), limits, bytes, turns, large, deliveryTimes },
          (decoded) => {
            bodies.give(body.held);
            if (decoded.ok) resolve(decoded.value);
            else reject(decoded.error);
          },
        );
    });
  });
}

/** Node gives header bytes as Latin-1; clients send UTF-8. Of what is not, two ids would become one. */
function latin1AsUtf8(text: string, topic: string): string {
  const bytes = Buffer.from(text, 'latin1');
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new LogError('invalidRequest', `Cannot append to topic "${topic}": the header "cairn-request-id" is not UTF-8`);
}
