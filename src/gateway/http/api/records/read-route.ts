import type { FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';
import type { ReadResult } from '../../../../eventlog/index.ts';
import { commonHeaders } from '../../error-answer.ts';
import type { ApiContext } from '../context.ts';
import { offset, TopicParams } from '../schema-parts.ts';
import { cancelOnClose } from './cancel-on-close.ts';
import { type Encoded, encodeRecords } from './encode-records.ts';
import { followTopic } from './follow.ts';
import { contentTypes, firstOffsetOf, orderOf, ReadHeaders, type ReadOrder, ReadQuery } from './read-order.ts';
import { RecordOutput } from './record-schema.ts';

const ReadAnswer = Type.Object({
  topic: Type.String(),
  offsetFrom: offset,
  offsetNext: offset,
  highWatermark: offset,
  logStartOffset: offset,
  asOfMs: Type.Number(),
  lag: Type.Integer(),
  records: Type.Array(RecordOutput),
});

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
      partition: order.partition,
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
