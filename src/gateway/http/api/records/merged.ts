/** Reads of a topic of several partitions as a whole, in order of log time; `partitions/` merges them. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { type CancelSignal, LogError, partitionsMax, readBytesFor } from '../../../../eventlog/index.ts';
import {
  decodePlaces,
  encodePlaces,
  MergedReader,
  type MergedReaderOptions,
  type PartitionPlace,
  placesAround,
} from '../../../../partitions/index.ts';
import { departed, drained, itsTurn } from '../../drained.ts';
import { asLogError, commonHeaders } from '../../error-answer.ts';
import { endWithClient } from '../../half-closed.ts';
import type { OneATurn } from '../../../../search/index.ts';
import type { ApiContext } from '../context.ts';
import { Missing, Places } from '../schema-parts.ts';
import { cancelOnClose } from './cancel-on-close.ts';
import { RecordEncoder, type TextFormat } from './encode-records.ts';
import { admitFollower, endWithError, followBytesMax, type FollowedTo, writeHeartbeat } from './follow.ts';
import { contentTypes, type ReadOrder } from './read-order.ts';
import { MergedRecordOutput } from './record-schema.ts';
import { sendChunks } from './send-chunks.ts';
import { encodedSlices } from './write-answer.ts';
import { askEnds } from '../ends.ts';

/** A partition that has not answered after this is left out, and the answer says so. */
const silentMs = 1000;
/** Before it is asked again where nobody answers. */
const againMs = 250;

export const MergedAnswer = Type.Object(
  {
    topic: Type.String(),
    partitions: Type.Integer(),
    order: Type.Literal('logTime'),
    next: Places,
    partial: Type.Boolean(),
    missing: Type.Array(Missing),
    asOfMs: Type.Number(),
    lag: Type.Integer(),
    records: Type.Array(MergedRecordOutput),
  },
  { description: 'of a topic of several partitions, where none is named' },
);

export async function answerMerged(order: ReadOrder, reply: FastifyReply, context: ApiContext): Promise<unknown> {
  const cancel = cancelOnClose(reply.raw);
  const format = textFormatOf(order);
  await itsTurn(reply.raw);
  const reader = await readerFor(order, readBytesFor(order.max, order.bytesMax), context);
  // What takes room is what has come, not the wait for it.
  if (order.waitMs > 0) await filled(reader, order.waitMs, cancel);
  const giveBack = await context.readRoom.take(order.bytesMax, reply.raw);
  try {
    const chunks: (string | Uint8Array)[] = [];
    let left = order.max;
    let bytesLeft = order.bytesMax;
    do {
      await filled(reader, 0, cancel);
      const taken = await take(reader, order, { max: left, bytes: bytesLeft }, context.turns, (chunk, isFirst) => {
        if (format === 'json' && isFirst && chunks.length > 0) chunks.push(',');
        chunks.push(chunk);
      });
      left -= taken.count;
      bytesLeft -= taken.bytes;
    } while (left > 0 && bytesLeft > 0 && !reader.isAtEnd && !cancel.cancelled);
    reader.close();
    sendMerged(order, reader, format, chunks, reply);
    await departed(reply.raw);
  } finally {
    reader.close();
    giveBack();
  }
  return reply;
}

function sendMerged(
  order: ReadOrder,
  reader: MergedReader,
  format: TextFormat,
  chunks: readonly (string | Uint8Array)[],
  reply: FastifyReply,
): void {
  const { missing, asOfMs, lag, places } = reader;
  const next = encodePlaces(places);
  const partial = missing.length > 0;
  if (format === 'json') {
    const common = { topic: order.topic, partitions: places.length, order: 'logTime', next, partial, missing, asOfMs, lag };
    sendChunks(reply, [`${JSON.stringify(common).slice(0, -1)},"records":[`, ...chunks, ']}'], { 'content-type': contentTypes.json });
    return;
  }
  sendChunks(reply, chunks, {
    'content-type': contentTypes[format],
    ...mergedHeaders(places.length),
    'cairn-next': next,
    'cairn-as-of-ms': String(Math.round(asOfMs)),
    'cairn-lag': String(lag),
    ...(partial ? { 'cairn-partial': missing.map(({ partition }) => partition).join(',') } : {}),
  });
}

/** An answer that does not end, as that of one partition. Which partitions it is read without is told where that changes. */
export async function followMerged(order: ReadOrder, reply: FastifyReply, context: ApiContext): Promise<FastifyReply> {
  const response = reply.raw;
  await itsTurn(response);
  admitFollower(order, context);
  const cancel = cancelOnClose(response);
  endWithClient(response);
  try {
    const format = textFormatOf(order);
    const reader = await readerFor(order, followBytesMax, context);
    try {
      // Whoever goes on waits for what cannot be read now: browsers do not come back from a refusal.
      if (order.from === null) await filled(reader, 0, cancel);
      else await goesOn(reader, 0, cancel, context);
      reply.hijack();
      if (!cancel.cancelled) {
        const headers = { ...mergedHeaders(reader.places.length), 'x-accel-buffering': 'no' };
        response.writeHead(200, { ...commonHeaders, 'content-type': contentTypes[order.format], ...headers });
        response.flushHeaders();
        if (reply.request.method === 'HEAD') response.end();
        else await pump(order, reader, format, response, cancel, context);
      }
    } finally {
      reader.close();
    }
  } finally {
    context.followers.count--;
  }
  return reply;
}

/** Goes on with a topic of one partition that has got more, in the answer that has begun. */
export async function followOn(
  order: ReadOrder,
  { offset, group, left }: FollowedTo,
  response: ServerResponse,
  cancel: CancelSignal,
  context: ApiContext,
): Promise<void> {
  const { topic, freshness } = order;
  const reader = new MergedReader({
    ...commonOptions(topic, context),
    places: [{ from: 'offset', offset }],
    bytesMax: followBytesMax,
    freshness: freshness === 'session' ? 'local' : freshness,
    sessionOffsets: [],
    groups: group === undefined ? [] : [group],
  });
  try {
    await pump({ ...order, max: left }, reader, textFormatOf(order), response, cancel, context);
  } finally {
    reader.close();
  }
}

async function pump(
  order: ReadOrder,
  reader: MergedReader,
  format: TextFormat,
  response: ServerResponse,
  cancel: CancelSignal,
  context: ApiContext,
): Promise<void> {
  const { heartbeatMs, slowReaderTimeoutMs } = context.settings;
  let left = order.max;
  let told = '[]';
  try {
    if (format === 'sse') response.write(`retry: 1000\nid: ${encodePlaces(reader.places)}\n\n`);
    for (;;) {
      const missing = JSON.stringify(reader.missing);
      if (missing !== told) writeMissing(format, reader, response);
      told = missing;
      const { count } = await take(reader, order, { max: left, bytes: Number.POSITIVE_INFINITY }, context.turns, (chunk) => {
        if (!response.destroyed) response.write(chunk);
      });
      left -= count;
      if (left <= 0) break;
      if (response.writableNeedDrain && !(await drained(response, slowReaderTimeoutMs))) {
        response.destroy();
        return;
      }
      if (cancel.cancelled) return;
      reader.grow(context.service.partitionsOf(order.topic)?.at(-1) ?? 0);
      if (!(await goesOn(reader, heartbeatMs, cancel, context))) writeHeartbeat(order, response);
      if (cancel.cancelled) return;
    }
    response.end();
  } catch (thrown) {
    endWithError(order, asLogError(thrown), response);
    if (!(thrown instanceof LogError)) throw thrown;
  }
}

/** False where nothing came. Where nobody answers it is waited: an error would end the stream. */
async function goesOn(reader: MergedReader, waitMs: number, cancel: CancelSignal, { clock }: ApiContext): Promise<boolean> {
  try {
    await filled(reader, waitMs, cancel);
  } catch (thrown) {
    if (!(thrown instanceof LogError) || thrown.code !== 'notCurrent') throw thrown;
    await new Promise<void>((resolve) => clock.startTimer(againMs, resolve));
  }
  return reader.piece() !== null;
}

function writeMissing(format: TextFormat, { missing }: MergedReader, response: ServerResponse): void {
  const data = JSON.stringify({ partial: missing.length > 0, missing });
  if (format === 'sse') response.write(`event: partial\ndata: ${data}\n\n`);
  else if (format === 'ndjson') response.write(`${data}\n`);
}

const mergedHeaders = (partitions: number): Record<string, string> => ({
  'cairn-partitions': String(partitions),
  'cairn-order': 'logTime',
});

/** Gives what is known to come next, at most `max` records and about so many bytes. */
async function take(
  reader: MergedReader,
  order: ReadOrder,
  { max, bytes: bytesMax }: { readonly max: number; readonly bytes: number },
  turns: OneATurn,
  give: (chunk: string | Uint8Array, isFirst: boolean) => void,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const format = textFormatOf(order);
  let count = 0;
  let bytes = 0;
  for (let piece = reader.piece(); piece !== null && count < max && bytes < bytesMax; piece = reader.piece()) {
    const { partition, batch, offsetFrom, timeMs } = piece;
    const place = { partition, idOf: placesAround(reader.places, partition) };
    const times = order.tellTimes ? [timeMs] : undefined;
    const encoder = new RecordEncoder([batch], { offsetFrom, max: max - count, format, place, times });
    const slices = await encodedSlices(encoder, turns);
    for (const [index, chunk] of slices.entries()) give(chunk, index === 0);
    count += encoder.count;
    bytes += batch.length;
    reader.advance(piece, encoder.cutAt ?? piece.offsetTo);
  }
  return { count, bytes };
}

const filled = (reader: MergedReader, waitMs: number, cancel: CancelSignal): Promise<void> =>
  new Promise((resolve, reject) => reader.fill(waitMs, cancel, (error) => (error === null ? resolve() : reject(error))));

function textFormatOf({ topic, format }: ReadOrder): TextFormat {
  if (format !== 'batches') return format;
  throw new LogError('partitionNeeded', `Cannot read topic "${topic}": it has several partitions, and batches are of one: none is named`);
}

async function readerFor(order: ReadOrder, bytesMax: number, context: ApiContext): Promise<MergedReader> {
  const { topic, freshness, from, session } = order;
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot read topic "${topic}": ${reason}`);
  if (order.partition !== undefined) throw refuse('"from" or "session" is of the topic as a whole, and a partition is named');
  const count = await countOf(order, context);
  const needs = (what: string): LogError =>
    new LogError('partitionNeeded', `Cannot read topic "${topic}": it has ${count} partitions, and ${what} is of one: none is named`, {
      partitions: count,
    });
  const placesOf = (name: string, text: string): readonly PartitionPlace[] => {
    const places = decodePlaces(text, count);
    if (places === null) throw refuse(`"${name}" is no place in its ${count} partitions`);
    return places;
  };
  if (typeof from === 'number' && !order.isResumed) throw needs('an offset');
  if (typeof session === 'number' && session > 0) throw needs('an offset');
  const sessions = typeof session === 'number' ? [] : placesOf('session', session.places);
  const places =
    from === 'end'
      ? await endsOf(order, count, context)
      : from === null
        ? Array.from(
            { length: count },
            (): PartitionPlace => (order.sinceMs === null ? { from: 'start' } : { from: 'since', timeMs: Math.max(0, order.sinceMs) }),
          )
        : placesOf('from', typeof from === 'number' ? encodePlaces([{ from: 'offset', offset: from }]) : from.places);
  return new MergedReader({
    ...commonOptions(topic, context),
    places,
    bytesMax,
    freshness,
    sessionOffsets: sessions.map((place) => (place.from === 'offset' ? place.offset : 0)),
  });
}

/** How many partitions it has; where a place names more than this broker knows, the catalog's leader is asked. */
async function countOf({ topic, from, session }: ReadOrder, { service, log }: ApiContext): Promise<number> {
  const known = service.partitionsOf(topic)?.at(-1) ?? (await log.describeTopic(topic)).partitions?.length ?? 1;
  const isMore = (place: unknown): boolean =>
    isText(place) && decodePlaces(place.places, known) === null && decodePlaces(place.places, partitionsMax) !== null;
  if (!isMore(from) && !isMore(session)) return known;
  await log.listTopics({ prefix: topic, after: '', limit: 1 });
  return service.partitionsOf(topic)?.at(-1) ?? known;
}

const isText = (place: unknown): place is { readonly places: string } => typeof place === 'object' && place !== null && 'places' in place;

const commonOptions = (
  topic: string,
  { service, clock }: ApiContext,
): Pick<MergedReaderOptions, 'log' | 'clock' | 'topic' | 'silentMs'> => ({
  log: service,
  clock,
  topic,
  silentMs,
});

/** What a partition that does not say its end is given from now on has come from now on: so its log time says. */
async function endsOf({ topic, freshness }: ReadOrder, count: number, { log, clock }: ApiContext): Promise<readonly PartitionPlace[]> {
  const nowMs = Math.floor(clock.wallMs());
  const { ends } = await askEnds(log, topic, count, freshness === 'session' ? 'linearizable' : freshness);
  return ends.map((end) => (end === null ? { from: 'since', timeMs: nowMs } : { from: 'offset', offset: end.offset }));
}
