import type { FastifyRequest, preValidationAsyncHookHandler } from 'fastify';
import { LogError } from '../../../eventlog/index.ts';
import type { BodiesInFlight } from '../bodies.ts';
import { type JsonBounds, jsonBodyOf } from '../parsed-body.ts';

/** Reads a small JSON body before the schema checks it. JSON must be said: a form that a foreign page posts cannot say it. */
export function readJsonBody(verb: string, bodies: BodiesInFlight, bounds?: JsonBounds): preValidationAsyncHookHandler {
  return async (request: FastifyRequest) => {
    const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
    if (type !== 'application/json') {
      const given = type === undefined ? 'missing' : JSON.stringify(type.slice(0, 100));
      throw new LogError('unsupportedMediaType', `Cannot ${verb}: Content-Type is ${given}, it must be application/json`);
    }
    request.body = await jsonBodyOf(request.raw, verb, bodies, bounds);
  };
}
