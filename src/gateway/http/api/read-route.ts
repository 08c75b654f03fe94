import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { LogError, type ReadResult } from '../../../eventlog/index.ts';
import { commonHeaders } from '../error-answer.ts';
import type { ApiContext } from './context.ts';
import { batchesType } from '../decode-records.ts';
import { type Encoded, encodeRecords } from './encode-records.ts';
import { followTopic } from './follow-route.ts';
import { type Format, ReadAnswer, ReadHeaders, ReadQuery, TopicParams } from './schemas.ts';

const bytesMaxDefault = 1024 * 1024;
const maxDefault = 1000;

/** A read as its parameters and headers ask for it. */
export interface ReadOrder {
  readonly topic: string;
  readonly from: number | 'end' | null;
  readonly sinceMs: number | null;
  readonly max: number;
  readonly bytesMax: number;
  readonly waitMs: number;
  readonly freshness: 'linearizable' | 'session' | 'local';
  readonly sessionOffset: number;
  readonly format: Format;
}

export const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  batches: batchesType,
  sse: 'text/event-stream; charset=utf-8',
};

export function addReadRoute(app: FastifyInstance, context: ApiContext): void {
  const schema = {
    summary: 'Read records, or follow a topic',
    params: TopicParams,
    querystring: ReadQuery,
    headers: ReadHeaders,
    response: { 200: ReadAnswer },
  };
  app.get('/v1/topics/:topic/records', { schema, config: { verb: 'read' } }, async (request, reply) => {
    const { order, isFollowing } = orderOf(request);
    if (isFollowing) return followTopic(order, reply, context);
    return answerRead(order, reply, context);
  });
}

function orderOf(request: FastifyRequest): { readonly order: ReadOrder; readonly isFollowing: boolean } {
  const { topic } = request.params as Static<typeof TopicParams>;
  const query = request.query as Static<typeof ReadQuery>;
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot read topic "${topic}": ${reason}`);
  const format = query.format ?? formatOf(request.headers.accept, query.follow === true);
  const isFollowing = query.follow ?? format === 'sse';
  if (isFollowing && format === 'json') throw refuse('JSON cannot be followed, ask for ndjson or sse');
  if (!isFollowing && format === 'sse') throw refuse('an event stream always follows');
  if (query.from !== undefined && query.since !== undefined) throw refuse('both "from" and "since" are given');
  if (query.max !== undefined && format === 'batches') throw refuse('batches are given whole, use "bytesMax" in place of "max"');

  const lastEventId = format === 'sse' ? (request.headers as Static<typeof ReadHeaders>)['last-event-id'] : undefined;
  const isResumed = lastEventId !== undefined && lastEventId !== '';
  const from = query.from === undefined ? null : query.from === 'end' ? 'end' : Number(query.from);
  const maxUsual = isFollowing || format === 'batches' ? Number.POSITIVE_INFINITY : maxDefault;
  const order: ReadOrder = {
    topic,
    from: isResumed ? Number(lastEventId) + 1 : from,
    sinceMs: isResumed || query.since === undefined ? null : timeOf(query.since, refuse),
    max: query.max ?? maxUsual,
    bytesMax: query.bytesMax ?? bytesMaxDefault,
    waitMs: query.waitMs ?? 0,
    freshness: query.level ?? (isFollowing ? 'local' : 'linearizable'),
    sessionOffset: query.session ?? 0,
    format,
  };
  return { order, isFollowing };
}

/** The first type of the list that we know; programs that weigh types with q= list the best first. */
function formatOf(accept: string | undefined, isFollowing: boolean): Format {
  for (const part of (accept ?? '').split(',')) {
    const type = part.split(';', 1)[0]?.trim().toLowerCase();
    const found = (Object.keys(contentTypes) as Format[]).find((format) => contentTypes[format].split(';', 1)[0] === type);
    if (found !== undefined && !(found === 'json' && isFollowing)) return found;
  }
  return isFollowing ? 'ndjson' : 'json';
}

function timeOf(since: string, refuse: (reason: string) => LogError): number {
  const timeMs = /^[0-9]+$/.test(since) ? Number(since) : /^\d{4}-\d{2}/.test(since) ? Date.parse(since) : Number.NaN;
  if (Number.isSafeInteger(timeMs)) return timeMs;
  throw refuse(`the parameter "since" is ${JSON.stringify(since.slice(0, 100))}, it must be a time: ISO 8601 or milliseconds since 1970`);
}

/** Where a read begins, once "end" has been looked up. */
export async function firstOffsetOf(order: ReadOrder, context: ApiContext): Promise<number | null> {
  if (order.from !== 'end') return order.from;
  const { offset } = await context.log.end(order.topic, order.freshness === 'session' ? 'linearizable' : order.freshness);
  return offset;
}

async function answerRead(order: ReadOrder, reply: FastifyReply, context: ApiContext): Promise<unknown> {
  const cancel = cancelOnClose(reply.raw);
  let offsetFrom = await firstOffsetOf(order, context);
  let first: ReadResult | null = null;
  let result: ReadResult;
  let encoded: Encoded = { chunks: [], count: 0, cutAt: null };
  let isEmpty: boolean;
  const format = order.format === 'sse' ? 'json' : order.format;
  do {
    result = await context.log.read({
      topic: order.topic,
      offsetFrom,
      sinceMs: offsetFrom === null ? order.sinceMs : null,
      bytesMax: order.bytesMax,
      freshness: order.freshness,
      sessionOffset: order.sessionOffset,
      waitMs: order.waitMs,
      cancel,
    });
    first ??= result;
    offsetFrom = result.offsetNext;
    if (format !== 'batches') encoded = encodeRecords(result.batches, result.offsetFrom, order.max, format);
    isEmpty = format === 'batches' ? result.batches.length === 0 : encoded.count === 0;
    // Control and revoked batches alone are no answer: an empty one means that there is nothing more.
  } while (isEmpty && result.offsetNext > result.offsetFrom && result.offsetNext < result.highWatermark && !cancel.cancelled);

  // From here on only the client's own pace holds the answer, and its memory.
  reply.raw.setTimeout(context.settings.slowReaderTimeoutMs, () => reply.raw.destroy());
  const offsetNext = encoded.cutAt ?? result.offsetNext;
  if (format === 'json') {
    const { topic, highWatermark, logStartOffset, asOfMs, lag } = result;
    const head = JSON.stringify({ topic, offsetFrom: first.offsetFrom, offsetNext, highWatermark, logStartOffset, asOfMs, lag });
    return reply.type(contentTypes.json).send(`${head.slice(0, -1)},"records":[${encoded.chunks.join('')}]}`);
  }
  const chunks = format === 'batches' ? result.batches : encoded.chunks;
  sendChunks(reply, chunks, { 'content-type': contentTypes[format], ...placeHeaders(first.offsetFrom, offsetNext, result) });
  return reply;
}

function placeHeaders(offsetFrom: number, offsetNext: number, result: ReadResult): Record<string, string> {
  return {
    'cairn-offset-from': String(offsetFrom),
    'cairn-offset-next': String(offsetNext),
    'cairn-high-watermark': String(result.highWatermark),
    'cairn-log-start-offset': String(result.logStartOffset),
    'cairn-as-of-ms': String(Math.round(result.asOfMs)),
    'cairn-lag': String(result.lag),
  };
}

/** Stored bytes leave as they are, gathered by the system into one write. */
function sendChunks(reply: FastifyReply, chunks: readonly (string | Uint8Array)[], headers: Record<string, string>): void {
  let length = 0;
  for (const chunk of chunks) length += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length;
  reply.hijack();
  const response = reply.raw;
  response.cork();
  response.writeHead(200, { ...commonHeaders, ...headers, 'content-length': length });
  for (const chunk of chunks) response.write(chunk);
  response.end();
  response.uncork();
}

export interface Cancel {
  cancelled: boolean;
  onCancel: (() => void) | null;
}

/** Cancels when the client goes away. */
export function cancelOnClose(response: ServerResponse): Cancel {
  const cancel: Cancel = { cancelled: false, onCancel: null };
  response.on('close', () => {
    cancel.cancelled = true;
    cancel.onCancel?.();
  });
  return cancel;
}
