import type { FastifyInstance } from 'fastify';
import { GrepRoutes } from '../grep/index.ts';
import type { ApiContext } from './context.ts';
import { NoQuery } from './schema-parts.ts';

/** The routes of searches are the same on a machine that has no others: here they are only announced. */
export function addGrepRoutes(app: FastifyInstance, { search, settings, bodies, logger, version, spans }: ApiContext): void {
  const routes = new GrepRoutes({ ...search, settings, logger, version, spans }, bodies);
  const machinesSchema = { summary: 'The machines that a search asks when it is not told whom', querystring: NoQuery };
  app.get('/v1/grep/machines', { schema: machinesSchema }, (request, reply) => {
    reply.hijack();
    routes.take('GET', '/v1/grep/machines', request.raw, reply.raw);
  });
  const askSchema = {
    summary: 'Search all machines; the answer is a JSON object a line',
    description: 'The body is a request as docs/reference/grep.md has it; closing the connection ends the search.',
    querystring: NoQuery,
  };
  app.post('/v1/grep', { schema: askSchema, config: { verb: 'search' } }, (request, reply) => {
    reply.hijack();
    routes.take('POST', '/v1/grep', request.raw, reply.raw);
  });
  const localSchema = { summary: 'Search this machine; the answer is in frames, for `cairn grep`', querystring: NoQuery };
  app.post('/v1/grep/local', { schema: localSchema, config: { verb: 'search' } }, (request, reply) => {
    reply.hijack();
    routes.take('POST', '/v1/grep/local', request.raw, reply.raw);
  });
}
