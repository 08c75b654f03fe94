import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { LogError } from '../../../eventlog/index.ts';
import type { ApiContext } from './context.ts';
import { readJsonBody } from './json-body.ts';
import { must, NoQuery, nullable, PartitionStatus } from './schema-parts.ts';

const FaultBody = Type.Object(
  { action: Type.Enum(['crash', 'recover'], must('crash or recover')) },
  { additionalProperties: false, ...must('{"action": "crash"} or {"action": "recover"}') },
);
const FaultAnswer = Type.Object({ crashed: Type.Boolean() });

const BrokerStatus = Type.Object({
  id: Type.Integer(),
  clusterId: Type.String(),
  incarnation: Type.Integer(),
  version: Type.String(),
  address: Type.String(),
  durable: Type.Boolean(),
  crashed: Type.Boolean(),
  startedMs: Type.Number(),
  wallMs: Type.Number({ description: 'its wall clock when it said this' }),
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
const BrokerList = Type.Object({
  brokers: Type.Array(
    Type.Object({
      id: Type.Integer(),
      address: Type.String(),
      status: nullable(BrokerStatus),
      clock: nullable(Type.Object({ aheadMs: Type.Number(), errorMs: Type.Number() })),
    }),
  ),
  missing: Type.Array(Type.Integer(), { description: 'brokers that did not answer: the answer is partial' }),
});

export function addClusterRoutes(app: FastifyInstance, context: ApiContext): void {
  const { log, settings } = context;
  const statusSchema = { summary: 'This broker', querystring: NoQuery, response: { 200: BrokerStatus } };
  app.get('/v1/status', { schema: statusSchema, config: { verb: 'tell the status' } }, () => log.status());

  const brokersSchema = { summary: 'All configured brokers', querystring: NoQuery, response: { 200: BrokerList } };
  app.get('/v1/brokers', { schema: brokersSchema, config: { verb: 'list the brokers' } }, async () => {
    const brokers = await log.brokers();
    return { brokers, missing: brokers.filter(({ status }) => status === null).map(({ id }) => id) };
  });

  const faultSchema = {
    summary: 'Act as crashed, or end that; a crashed broker hears only POST /recover and POST /exit',
    querystring: NoQuery,
    body: FaultBody,
    response: { 200: FaultAnswer },
  };
  const faultOptions = {
    schema: faultSchema,
    config: { verb: 'switch a fault' },
    preValidation: readJsonBody('switch a fault', settings.bodyBytesMax),
  };
  app.post('/v1/faults', faultOptions, async (request, reply) => {
    const { action } = request.body as Static<typeof FaultBody>;
    if (!context.faultInjection) {
      throw new LogError('faultInjectionOff', `Cannot ${action}: fault injection is off, start the broker with --fault-injection`);
    }
    if (action === 'recover') {
      context.recover();
      return { crashed: false };
    }
    // The answer goes first: a broker that acts as crashed says nothing.
    reply.raw.once('finish', () => context.crash());
    return reply.header('connection', 'close').send({ crashed: true });
  });
}
