import type { IncomingMessage } from 'node:http';
import { LogError } from '../../eventlog/index.ts';
import type { BodiesInFlight } from './bodies.ts';
import { bodyOf } from './body.ts';
import { jsonKeysMax, problemOfJson, sayProblem } from './json-bounds.ts';

export interface JsonBounds {
  readonly bytesMax: number;
  /** Keys of its objects, and entries of its lists, all together. */
  readonly itemsMax: number;
}

/** What routes that do not append take: so much is parsed in a moment. */
const usual: JsonBounds = { bytesMax: 64 * 1024, itemsMax: jsonKeysMax };
/** Of those that take lists of any length. */
export const longJson: JsonBounds = { bytesMax: 1024 * 1024, itemsMax: 65_536 };

/** A small JSON body, parsed. */
export async function jsonBodyOf(
  request: IncomingMessage,
  verb: string,
  bodies: BodiesInFlight,
  bounds: JsonBounds = usual,
): Promise<unknown> {
  const body = await bodyOf(request, { bytesMax: bounds.bytesMax, bodies });
  const problem = problemOfJson(body, bounds.itemsMax);
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot ${verb}: ${reason}`);
  if (problem !== null) throw refuse(sayProblem(problem, 'the body'));
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    throw refuse(sayProblem('notJson', 'the body'));
  }
}
