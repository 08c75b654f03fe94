import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { LogError } from '../../../eventlog/index.ts';
import type { ApiContext } from './context.ts';
import { readJsonBody } from './json-body.ts';
import { BrokerList, BrokerStatus, FaultAnswer, FaultBody, NoQuery } from './schemas.ts';

export function addStateRoutes(app: FastifyInstance, context: ApiContext): void {
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
