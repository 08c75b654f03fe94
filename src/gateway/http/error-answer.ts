import type { ServerResponse } from 'node:http';
import { errorCatalogue } from '../../base/errors.ts';
import { LogError } from '../../eventlog/index.ts';

/** The body of every error answer: the code and what it implies, the sentence, and the facts of this error. */
export function errorBody(error: LogError): { error: Record<string, unknown> } {
  const { code, message, definite, retriable, details } = error;
  return { error: { ...details, code, message, definite, retriable } };
}

export function statusOf(error: LogError): number {
  return errorCatalogue[error.code].httpStatus;
}

/** Anything thrown as a `LogError`: what is not one is a defect of ours, whose text does not leave the process. */
export function asLogError(thrown: unknown): LogError {
  if (thrown instanceof LogError) return thrown;
  return new LogError('internal', 'Cannot answer: an internal error, see the log of the broker', {}, { cause: thrown });
}

/** Answers on a bare response; used where fastify is not (yet) there. */
export function sendError(response: ServerResponse, error: LogError): void {
  sendJson(response, statusOf(error), errorBody(error), errorHeaders(error));
}

export function errorHeaders(error: LogError): Record<string, string> {
  if (error.code === 'overloaded') return { 'retry-after': '1' };
  return error.code === 'unauthorized' ? { 'www-authenticate': 'Bearer realm="cairn"' } : {};
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...commonHeaders,
    ...headers,
  });
  response.end(text);
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text), ...commonHeaders };
  response.writeHead(status, headers);
  response.end(text);
}

/** Nothing here is to be guessed at or kept by a browser. */
export const commonHeaders = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' } as const;
