import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { LogError, type ReadResult } from '../../../../eventlog/index.ts';
import { drained, itsTurn } from '../../drained.ts';
import { asLogError, commonHeaders, errorBody } from '../../error-answer.ts';
import { endWithClient } from '../../half-closed.ts';
import type { ApiContext } from '../context.ts';
import { type Cancel, cancelOnClose } from './cancel-on-close.ts';
import { RecordEncoder } from './encode-records.ts';
import { contentTypes, firstOffsetOf, type PartitionOrder, type ReadOrder, recordsOf } from './read-order.ts';
import { timesAheadHeader } from './times-ahead.ts';
import { writeEncoded } from './write-answer.ts';

/** What is in memory for one follower at most. */
export const followBytesMax = 256 * 1024;

/** Where a topic is followed on that has got more partitions. */
export interface FollowedTo {
  readonly offset: number;
  readonly group: number | undefined;
  /** Records that are still wanted. */
  readonly left: number;
}

/** Follows all partitions, in an answer that has begun. */
type FollowAll = (followed: FollowedTo, response: ServerResponse, cancel: Cancel) => Promise<void>;

/**
 * An answer that does not end. It reads as fast as the client takes, so a slow client slows its own reading and nothing is buffered; one that
 * takes nothing for a while is cut off. Ends when the client goes, after `max` records, or with an error of the log as the last thing sent. A topic of one
 * partition that gets more is followed on by `followAll`.
 */
export async function followTopic(
  order: PartitionOrder,
  reply: FastifyReply,
  context: ApiContext,
  followAll: FollowAll,
): Promise<FastifyReply> {
  const { followers } = context;
  const response = reply.raw;
  await itsTurn(response);
  admitFollower(order, context);
  const cancel = cancelOnClose(response);
  endWithClient(response);
  try {
    // Refusals such as an unknown topic come before the answer begins, with a status of their own.
    const offsetFrom = await firstOffsetOf(order, context);
    const first = await readOn(order, { offsetFrom, sinceMs: order.sinceMs, waitMs: 0 }, cancel, context);
    reply.hijack();
    if (!cancel.cancelled) {
      response.writeHead(200, {
        ...commonHeaders,
        'content-type': contentTypes[order.format],
        ...followHeaders(first),
        ...timesAheadHeader(order.sinceMs, first, context),
      });
      response.flushHeaders();
      if (reply.request.method === 'HEAD') response.end();
      else {
        const followed = await pump(order, first, response, cancel, context);
        if (followed !== null) await followAll(followed, response, cancel);
      }
    }
  } finally {
    followers.count--;
  }
  return reply;
}

/** Counts one more, or refuses it. */
export function admitFollower({ topic }: ReadOrder, { followers, settings }: ApiContext): void {
  if (followers.count >= settings.followersMax)
    throw new LogError('overloaded', `Cannot follow topic "${topic}": ${followers.count} followers are open, the limit`);
  followers.count++;
}

function followHeaders(first: ReadResult): Record<string, string> {
  // Proxies that gather an answer before they pass it on would hold a stream back for ever.
  return { 'cairn-offset-from': String(first.offsetFrom), 'x-accel-buffering': 'no' };
}

/** Null once the answer has ended. */
async function pump(
  order: PartitionOrder,
  first: ReadResult,
  response: ServerResponse,
  cancel: Cancel,
  context: ApiContext,
): Promise<FollowedTo | null> {
  const { heartbeatMs, slowReaderTimeoutMs } = context.settings;
  let left = order.max;
  let result = first;
  const { group } = first;
  try {
    // A browser that comes back says the last id that it was given: from here on it is one, though no record has come.
    if (order.format === 'sse') response.write(`retry: 1000\nid: ${first.offsetFrom - 1}\n\n`);
    for (;;) {
      const count = await write(order, result, left, response, context);
      if (count === null) return null;
      left -= count;
      if (left <= 0) break;
      if (response.writableNeedDrain && !(await drained(response, slowReaderTimeoutMs))) {
        response.destroy();
        return null;
      }
      if (cancel.cancelled) return null;
      result = await readOn(order, { offsetFrom: result.offsetNext, sinceMs: null, waitMs: heartbeatMs, group }, cancel, context);
      if (cancel.cancelled) return null;
      if (result.batches.length === 0) writeHeartbeat(order, response);
    }
    response.end();
  } catch (thrown) {
    const isMore = thrown instanceof LogError && thrown.code === 'partitionNeeded' && order.format !== 'batches';
    if (isMore) return { offset: result.offsetNext, group, left };
    endWithError(order, asLogError(thrown), response);
    if (!(thrown instanceof LogError)) throw thrown;
  }
  return null;
}

/** A broker that is behind, or hears no leader, is waited for: an error would end the stream, and a browser does not come back from one. */
async function readOn(
  order: PartitionOrder,
  place: {
    readonly offsetFrom: number | null;
    readonly sinceMs: number | null;
    readonly waitMs: number;
    readonly group?: number | undefined;
  },
  cancel: Cancel,
  context: ApiContext,
): Promise<ReadResult> {
  const { topic, freshness, session: sessionOffset } = order;
  const sinceMs = place.offsetFrom === null ? place.sinceMs : null;
  const { offsetFrom, waitMs, group } = place;
  try {
    const request = { ...recordsOf(order), offsetFrom, sinceMs, waitMs, bytesMax: followBytesMax, freshness, sessionOffset, cancel };
    return await context.log.read(group === undefined ? request : { ...request, group });
  } catch (thrown) {
    if (offsetFrom === null || !(thrown instanceof LogError) || thrown.code !== 'notCurrent') throw thrown;
    return nothingYet(topic, offsetFrom);
  }
}

const nothingYet = (topic: string, offset: number): ReadResult => ({
  topic,
  offsetFrom: offset,
  offsetNext: offset,
  batches: [],
  highWatermark: offset,
  logStartOffset: 0,
  asOfMs: Number.MAX_SAFE_INTEGER,
  lag: 0,
});

/** Writes what a read gave; the number of records, null when nobody takes them. */
async function write(
  order: PartitionOrder,
  result: ReadResult,
  max: number,
  response: ServerResponse,
  { turns, settings }: ApiContext,
): Promise<number | null> {
  if (result.batches.length === 0) return 0;
  if (order.format === 'batches') {
    response.cork();
    for (const batch of result.batches) response.write(batch);
    response.uncork();
    return 0;
  }
  const times = order.tellTimes ? result.times : undefined;
  const encoder = new RecordEncoder(result.batches, { offsetFrom: result.offsetFrom, max, format: order.format, times });
  // Of records that have just come one slice is all.
  response.write(encoder.next());
  return (await writeEncoded(encoder, response, turns, settings.slowReaderTimeoutMs)) ? encoder.count : null;
}

export function writeHeartbeat(order: ReadOrder, response: ServerResponse): void {
  if (order.format === 'sse') response.write(':\n\n');
  else if (order.format === 'ndjson') response.write('\n');
}

export function endWithError(order: ReadOrder, error: LogError, response: ServerResponse): void {
  const body = JSON.stringify(errorBody(error));
  if (order.format === 'sse') response.end(`event: error\ndata: ${body}\n\n`);
  else if (order.format === 'ndjson') response.end(`${body}\n`);
  // These have no place for an error: an answer that breaks off says that it is not whole.
  else response.destroy();
}
