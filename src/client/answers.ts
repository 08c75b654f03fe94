import { type ErrorCode, errorCatalogue } from '../base/errors.ts';
import { LogError } from '../eventlog/index.ts';
import { clientBytes } from './batches.ts';
import type { TransportAnswer } from './transport.ts';

/** What was asked: `action` begins the sentence for answers that are not from a broker, `changes` when it may have taken effect. */
export interface Asked {
  readonly action: string;
  readonly changes: boolean;
}

/** The JSON of a successful answer, or the LogError that a broker sent. */
export function readJson(answer: TransportAnswer, server: string, asked: Asked): Readonly<Record<string, unknown>> {
  throwIfError(answer, server, asked);
  const body = parse(answer.body);
  if (body === null) throw notABroker(answer, server, asked);
  return body;
}

export function throwIfError(answer: TransportAnswer, server: string, asked: Asked): void {
  if (answer.status >= 200 && answer.status < 300) return;
  const error = parse(answer.body)?.['error'];
  if (!isObject(error) || typeof error['code'] !== 'string' || typeof error['message'] !== 'string')
    throw notABroker(answer, server, asked);
  const { code, message, definite, retriable } = error;
  throw new LogError(knownCode(code, definite === true, retriable === true), message, detailsOf(error));
}

/**
 * A proxy that answers 502, or 200 with a page of its own, may have passed the request on before: of a change the outcome is unknown, and a read is asked for
 * again, perhaps of another. One that answers 4xx did not pass it on, and would say so again.
 */
function notABroker({ status }: TransportAnswer, server: string, { action, changes }: Asked): LogError {
  const isOfProxy = status < 300 || status >= 500;
  const code = !isOfProxy ? 'invalidRequest' : changes ? 'connectionLost' : 'unreachable';
  return new LogError(code, `${action}: ${server} answered HTTP ${status} and not as a Cairn broker does`);
}

/** A newer broker may send a code that this program does not know: it becomes one that is as definite and as retriable. */
export function knownCode(code: string, definite: boolean, retriable = false): ErrorCode {
  if (Object.hasOwn(errorCatalogue, code)) return code as ErrorCode;
  if (!definite) return 'internal';
  return retriable ? 'unreachable' : 'invalidRequest';
}

function detailsOf(error: Readonly<Record<string, unknown>>): LogError['details'] {
  const details: Record<string, string | number | boolean | null> = {};
  for (const [key, value] of Object.entries(error)) {
    if (key === 'code' || key === 'message' || key === 'definite' || key === 'retriable') continue;
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') details[key] = value;
  }
  return details;
}

function parse(body: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(clientBytes.utf8Decode(body));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
