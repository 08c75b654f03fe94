/** What was given to be appended later: listed, and cancelled. It is given as any records are, with `deliverAt` (`records/append-route.ts`). */
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { scheduledPageMax } from '../../../eventlog/index.ts';
import type { ApiContext } from './context.ts';
import { NoQuery, nullable, wholeNumber } from './schema-parts.ts';

const ListQuery = Type.Object(
  {
    topic: Type.Optional(Type.String({ description: 'only what is for this topic' })),
    after: Type.Optional(Type.String({ description: '`next` of the page before' })),
    limit: Type.Optional(wholeNumber(1, scheduledPageMax, 'a number of entries')),
  },
  { additionalProperties: false },
);

const ListAnswer = Type.Object({
  scheduled: Type.Array(
    Type.Object({
      id: Type.String(),
      topic: Type.String(),
      partition: Type.Integer(),
      deliverAtMs: Type.Number(),
      count: Type.Integer({ description: 'records that are delivered together' }),
      bytes: Type.Integer(),
      state: Type.Enum(['waiting', 'delivering']),
      problem: nullable(Type.String({ description: 'why it is not delivered though it is due' })),
    }),
  ),
  next: nullable(Type.String()),
  totals: Type.Object({
    waiting: Type.Integer(),
    waitingBytes: Type.Integer(),
    delivered: Type.Integer(),
    cancelled: Type.Integer(),
    dropped: Type.Integer(),
  }),
});

const IdParams = Type.Object({ id: Type.String() });

export function addScheduledRoutes(app: FastifyInstance, { schedules }: ApiContext): void {
  const list = { summary: 'List what is appended later, the next first', querystring: ListQuery, response: { 200: ListAnswer } };
  app.get('/v1/scheduled', { schema: list, config: { verb: 'list what is appended later' } }, (request) => {
    const { topic = null, after = null, limit = scheduledPageMax } = request.query as Static<typeof ListQuery>;
    return schedules.listScheduled({ topic, after, limit });
  });
  const cancel = { summary: 'Cancel what waits to be appended', params: IdParams, querystring: NoQuery };
  app.delete('/v1/scheduled/:id', { schema: cancel, config: { verb: 'cancel what is appended later' } }, async (request, reply) => {
    await schedules.cancelScheduled((request.params as Static<typeof IdParams>).id);
    return reply.code(204).send();
  });
}
