import type { FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';
import { LogError, type ReadResult } from '../../../../eventlog/index.ts';
import type { ApiContext } from '../context.ts';
import { hopsText } from '../hops-text.ts';
import { offset, TopicParams } from '../schema-parts.ts';
import { cancelOnClose } from './cancel-on-close.ts';
import { type Encoded, encodeRecords } from './encode-records.ts';
import { followTopic } from './follow.ts';
import { answerMerged, followMerged, MergedAnswer } from './merged.ts';
import {
  contentTypes,
  firstOffsetOf,
  orderOf,
  partitionOrder,
  type PartitionOrder,
  ReadHeaders,
  ReadQuery,
  recordsOf,
} from './read-order.ts';
import { RecordOutput } from './record-schema.ts';
import { sendChunks } from './send-chunks.ts';

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
    response: { 200: Type.Union([ReadAnswer, MergedAnswer]) },
  };
  app.get('/v1/topics/:topic/records', { schema, config: { verb: 'read' } }, async (request, reply) => {
    const { order, isFollowing } = orderOf(request);
    const one = partitionOrder(order, context);
    try {
      if (one !== null) return await (isFollowing ? followTopic(one, reply, context) : answerRead(one, reply, context));
    } catch (thrown) {
      // This broker did not know the topic, and knows now how many it has.
      if (!(thrown instanceof LogError) || thrown.code !== 'partitionNeeded') throw thrown;
    }
    return isFollowing ? followMerged(order, reply, context) : answerMerged(order, reply, context);
  });
}

async function answerRead(order: PartitionOrder, reply: FastifyReply, context: ApiContext): Promise<unknown> {
  const cancel = cancelOnClose(reply.raw);
  let offsetFrom = await firstOffsetOf(order, context);
  let first: ReadResult | null = null;
  let result: ReadResult;
  let encoded: Encoded = { chunks: [], count: 0, cutAt: null };
  let isEmpty: boolean;
  const format = order.format === 'sse' ? 'json' : order.format;
  do {
    result = await context.log.read({
      ...recordsOf(order),
      offsetFrom,
      sinceMs: offsetFrom === null ? order.sinceMs : null,
      bytesMax: order.bytesMax,
      freshness: order.freshness,
      sessionOffset: order.session,
      waitMs: order.waitMs,
      cancel,
      ...(order.tellHops ? { tellHops: true } : {}),
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
  const hops: Record<string, string> = result.hops === undefined ? {} : { 'cairn-hops': hopsText(result.hops) };
  if (format === 'json') {
    const { topic, highWatermark, logStartOffset, asOfMs, lag } = result;
    const head = JSON.stringify({ topic, offsetFrom: first.offsetFrom, offsetNext, highWatermark, logStartOffset, asOfMs, lag });
    return reply
      .headers(hops)
      .type(contentTypes.json)
      .send(`${head.slice(0, -1)},"records":[${encoded.chunks.join('')}]}`);
  }
  const chunks = format === 'batches' ? result.batches : encoded.chunks;
  sendChunks(reply, chunks, { 'content-type': contentTypes[format], ...placeHeaders(first.offsetFrom, offsetNext, result), ...hops });
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
