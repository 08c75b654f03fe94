import type { FastifyRequest, preValidationAsyncHookHandler } from 'fastify';
import { LogError } from '../../../eventlog/index.ts';
import { bodyOf } from '../body.ts';

/** Reads a small JSON body before the schema checks it. JSON must be said: a form that a foreign page posts cannot say it. */
export function readJsonBody(verb: string, bytesMax: number): preValidationAsyncHookHandler {
  return async (request: FastifyRequest) => {
    const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
    if (type !== 'application/json') {
      const given = type === undefined ? 'missing' : JSON.stringify(type.slice(0, 100));
      throw new LogError('unsupportedMediaType', `Cannot ${verb}: Content-Type is ${given}, it must be application/json`);
    }
    const body = await bodyOf(request.raw, bytesMax);
    try {
      request.body = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
    } catch {
      throw new LogError('invalidRequest', `Cannot ${verb}: the body is not JSON`);
    }
  };
}
