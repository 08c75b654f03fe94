import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';
import { LogError, readBytesFor, readMore, type ReadResult } from '../../../../eventlog/index.ts';
import { baseOffset } from '../../../../record/index.ts';
import { departed, itsTurn } from '../../drained.ts';
import { commonHeaders } from '../../error-answer.ts';
import { timedBatchesType } from '../../decode-records.ts';
import type { ApiContext } from '../context.ts';
import { hopsText } from '../hops-text.ts';
import { offset, TopicParams } from '../schema-parts.ts';
import { type Cancel, cancelOnClose } from './cancel-on-close.ts';
import { RecordEncoder } from './encode-records.ts';
import { followTopic } from './follow.ts';
import { answerMerged, followMerged, followOn, MergedAnswer } from './merged.ts';
import {
  contentTypes,
  firstOffsetOf,
  orderOf,
  partitionOrder,
  type PartitionOrder,
  ReadHeaders,
  type ReadOrder,
  ReadQuery,
  recordsOf,
} from './read-order.ts';
import { RecordOutput } from './record-schema.ts';
import { timesAheadHeader } from './times-ahead.ts';
import { writeEncoded } from './write-answer.ts';

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
    const followAll: Parameters<typeof followTopic>[3] = (followed, response, cancel) =>
      followOn(order, followed, response, cancel, context);
    try {
      if (one !== null) return await (isFollowing ? followTopic(one, reply, context, followAll) : answerRead(one, reply, context));
    } catch (thrown) {
      // This broker did not know the topic, and knows now how many it has.
      if (!(thrown instanceof LogError) || thrown.code !== 'partitionNeeded') throw thrown;
    }
    return isFollowing ? followMerged(order, reply, context) : answerMerged(order, reply, context);
  });
}

async function answerRead(order: PartitionOrder, reply: FastifyReply, context: ApiContext): Promise<FastifyReply> {
  const response = reply.raw;
  const cancel = cancelOnClose(response);
  await itsTurn(response);
  let offsetFrom = await firstOffsetOf(order, context);
  if (order.waitMs > 0) {
    // It waits with next to nothing in memory; the read that takes room does not wait.
    const there = await context.log.read({ ...placeOf(order, offsetFrom), bytesMax: 1, waitMs: order.waitMs, cancel });
    offsetFrom = there.offsetFrom;
  }
  const giveBack = await context.readRoom.take(order.bytesMax, response);
  try {
    const { first, last, encoder } = await readFrom(offsetFrom, order, cancel, context);
    reply.hijack();
    if (!cancel.cancelled) await answer(order, { first, last, encoder }, response, context);
    await departed(response);
  } finally {
    giveBack();
  }
  return reply;
}

interface Found {
  readonly first: ReadResult;
  readonly last: ReadResult;
  /** Null where batches leave as they are stored. */
  readonly encoder: RecordEncoder | null;
}

type ReadParts = Pick<ReadResult, 'batches' | 'times' | 'offsetFrom'>;

/** Control and revoked batches alone are no answer: an empty one means that there is nothing more. */
async function readFrom(from: number | null, order: PartitionOrder, cancel: Cancel, context: ApiContext): Promise<Found> {
  let offsetFrom = from;
  let first: ReadResult | null = null;
  const batches: Uint8Array[] = [];
  const times: number[] = [];
  let bytesLeft = order.bytesMax;
  // Few records are few bytes, mostly: where they are not it goes on.
  for (let part = readBytesFor(order.max, order.bytesMax); ; part *= readMore) {
    const bytesMax = Math.max(1, Math.min(part, bytesLeft));
    const read = await context.log.read({ ...placeOf(order, offsetFrom), bytesMax, waitMs: 0, cancel });
    first ??= read;
    const last = within(read, batches.length === 0 ? Number.POSITIVE_INFINITY : bytesLeft);
    times.push(...(last.times ?? []));
    for (const batch of last.batches) {
      batches.push(batch);
      bytesLeft -= batch.length;
    }
    offsetFrom = last.offsetNext;
    const isOver = offsetFrom <= last.offsetFrom || offsetFrom >= last.highWatermark || cancel.cancelled;
    if (order.format === 'batches') {
      if (batches.length > 0 || isOver) return { first, last: { ...last, batches, times }, encoder: null };
      continue;
    }
    const encoder = encoderOf(order, { batches, times, offsetFrom: first.offsetFrom });
    const isEnough = encoder.count > 0 && (part >= order.bytesMax || bytesLeft <= 0 || encoder.count >= order.max);
    if (isEnough || isOver) return { first, last, encoder };
  }
}

const encoderOf = ({ format, max, tellTimes }: ReadOrder, { batches, times, offsetFrom }: ReadParts): RecordEncoder =>
  new RecordEncoder(batches, {
    offsetFrom,
    max,
    format: format === 'batches' || format === 'sse' ? 'json' : format,
    times: tellTimes ? times : undefined,
  });

/** Each behind its log time: milliseconds, 8 bytes, big endian. */
function timed(batches: readonly Uint8Array[], times: readonly number[]): readonly Uint8Array[] {
  return batches.flatMap((batch, index) => {
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(Math.floor(times[index] ?? 0)));
    return [time, batch];
  });
}

/** The first batch that is too much ends it. */
function within(read: ReadResult, bytesMax: number): ReadResult {
  let bytes = 0;
  const at = read.batches.findIndex((batch) => (bytes += batch.length) > bytesMax);
  const batch = read.batches[at];
  if (batch === undefined) return read;
  const times = read.times === undefined ? {} : { times: read.times.slice(0, at) };
  return { ...read, batches: read.batches.slice(0, at), ...times, offsetNext: baseOffset(batch) };
}

const placeOf = (order: PartitionOrder, offsetFrom: number | null) => {
  const { sinceMs, freshness, session: sessionOffset } = order;
  const place = { ...recordsOf(order), offsetFrom, sinceMs: offsetFrom === null ? sinceMs : null, freshness, sessionOffset };
  const { tellHops, trace } = order;
  if (trace !== undefined) return { ...place, tellHops, trace };
  return tellHops ? { ...place, tellHops } : place;
};

/** Its length is said where it is known without encoding more than a slice. */
async function answer(
  order: PartitionOrder,
  { first, last, encoder }: Found,
  response: ServerResponse,
  context: ApiContext,
): Promise<void> {
  const { settings, turns } = context;
  const offsetNext = encoder?.cutAt ?? last.offsetNext;
  const isJson = order.format === 'json';
  const head = isJson ? jsonHead(first, last, offsetNext) : '';
  const tail = isJson ? ']}' : '';
  const places = isJson ? {} : placeHeaders(first.offsetFrom, offsetNext, last);
  const hops: Record<string, string> = last.hops === undefined ? {} : { 'cairn-hops': hopsText(last.hops) };
  const ahead = timesAheadHeader(order.sinceMs, first, context);
  const times = order.tellTimes && encoder === null ? last.times : undefined;
  const contentType = times === undefined ? contentTypes[order.format] : timedBatchesType;
  const headers = { ...commonHeaders, 'content-type': contentType, ...places, ...hops, ...ahead };
  const giveAll = (chunks: readonly (string | Uint8Array)[]): void => {
    let length = 0;
    for (const chunk of chunks) length += Buffer.byteLength(chunk);
    response.cork();
    response.writeHead(200, { ...headers, 'content-length': length });
    for (const chunk of chunks) response.write(chunk);
    response.end();
    response.uncork();
  };

  if (encoder === null) {
    giveAll(times === undefined ? last.batches : timed(last.batches, times));
    return;
  }
  const slice = encoder.next();
  if (encoder.isOver) {
    giveAll([head, slice, tail]);
    return;
  }
  response.writeHead(200, headers);
  response.write(head);
  response.write(slice);
  if (await writeEncoded(encoder, response, turns, settings.slowReaderTimeoutMs)) response.end(tail);
}

function jsonHead(first: ReadResult, last: ReadResult, offsetNext: number): string {
  const { topic, highWatermark, logStartOffset, asOfMs, lag } = last;
  const head = JSON.stringify({ topic, offsetFrom: first.offsetFrom, offsetNext, highWatermark, logStartOffset, asOfMs, lag });
  return `${head.slice(0, -1)},"records":[`;
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
