import type { TraceContext } from '../../../../base/trace-context.ts';
import { traceFields } from '../../request-traces.ts';
import type { FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { offsetMax } from '../../../../base/branded.ts';
import { isIsoTime } from '../../../../base/calendar.ts';
import { LogError, type RecordsOf } from '../../../../eventlog/index.ts';
import { isPlaces } from '../../../../partitions/index.ts';
import { batchesType } from '../../decode-records.ts';
import type { ApiContext } from '../context.ts';
import { Freshness, HopsHeader, must, PartitionParam, TopicParams, wholeNumber } from '../schema-parts.ts';

const bytesMaxDefault = 1024 * 1024;
const maxDefault = 1000;
const offsetRule = `an offset: an integer of at least 0 and at most ${offsetMax}`;

export const formats = ['json', 'ndjson', 'text', 'batches', 'sse'] as const;
export type Format = (typeof formats)[number];

export const ReadQuery = Type.Object(
  {
    partition: PartitionParam,
    from: Type.Optional(
      Type.String({
        pattern: '^(end|[0-9]{1,15}|v1\\.[-_.0-9a-z]{1,4000})$',
        ...must('an offset (an integer of at least 0) or "end"'),
      }),
    ),
    since: Type.Optional(Type.String({ ...must('a time: ISO 8601 or milliseconds since 1970') })),
    max: Type.Optional(wholeNumber(1, 1_000_000, 'a number of records')),
    bytesMax: Type.Optional(wholeNumber(1, 64 * 1024 * 1024, 'a number of bytes')),
    waitMs: Type.Optional(wholeNumber(0, 30_000, 'milliseconds')),
    follow: Type.Optional(Type.Boolean(must('true or false'))),
    level: Type.Optional(Freshness),
    session: Type.Optional(
      Type.String({
        pattern: '^([0-9]{1,16}|v1\\.[-_.0-9a-z]{1,4000})$',
        ...must(offsetRule),
      }),
    ),
    format: Type.Optional(Type.Enum([...formats], must(`one of ${formats.join(', ')}`))),
    logTime: Type.Optional(
      Type.Boolean({ ...must('true or false'), description: 'of each record its log time too; batches come each behind 8 bytes of it' }),
    ),
  },
  { additionalProperties: false },
);

export const ReadHeaders = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ pattern: '^(-1|[0-9]{0,15}|v1\\.[-_.0-9a-z]{1,4000})$', ...must('the id of an event of this topic') }),
  ),
  'cairn-hops': HopsHeader,
});

/** A read as its parameters and headers ask for it. */
export interface ReadOrder {
  readonly topic: string;
  /** Left out, the topic as a whole. */
  readonly partition?: number;
  /** A text is of places, as `partitions/` writes them; so too below. */
  readonly from: number | 'end' | PlacesText | null;
  /** `from` is behind an event that was given: a number is of the time when the topic had one partition. */
  readonly isResumed: boolean;
  readonly sinceMs: number | null;
  readonly max: number;
  readonly bytesMax: number;
  readonly waitMs: number;
  readonly freshness: 'linearizable' | 'session' | 'local';
  readonly session: number | PlacesText;
  readonly format: Format;
  /** Each record is to say its log time. */
  readonly tellTimes: boolean;
  readonly tellHops: boolean;
  /** The span that it is part of; left out where it is not traced. */
  readonly trace?: TraceContext;
}

interface PlacesText {
  readonly places: string;
}

export const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  batches: batchesType,
  sse: 'text/event-stream; charset=utf-8',
};

export function orderOf(request: FastifyRequest): { readonly order: ReadOrder; readonly isFollowing: boolean } {
  const { topic } = request.params as Static<typeof TopicParams>;
  const query = request.query as Static<typeof ReadQuery>;
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot read topic "${topic}": ${reason}`);
  const format = query.format ?? formatOf(request.headers.accept, query.follow === true);
  const isFollowing = query.follow ?? format === 'sse';
  if (isFollowing && format === 'json') throw refuse('JSON cannot be followed, ask for ndjson or sse');
  if (!isFollowing && format === 'sse') throw refuse('an event stream always follows');
  if (query.from !== undefined && query.since !== undefined) throw refuse('both "from" and "since" are given');
  if (query.logTime === true && format === 'text') throw refuse('plain lines say no times, ask for ndjson in place of text');
  if (query.logTime === true && format === 'batches' && isFollowing) throw refuse('batches that are followed say no times, ask for ndjson');
  if (query.max !== undefined && format === 'batches') throw refuse('batches are given whole, use "bytesMax" in place of "max"');

  const headers = request.headers as Static<typeof ReadHeaders>;
  const lastEventId = format === 'sse' ? headers['last-event-id'] : undefined;
  const isResumed = lastEventId !== undefined && lastEventId !== '';
  const from = query.from === undefined ? null : query.from === 'end' ? 'end' : placeOf(query.from);
  const session = query.session === undefined ? 0 : placeOf(query.session);
  if (typeof session === 'number' && session > offsetMax)
    throw refuse(`the parameter "session" is ${JSON.stringify(query.session)}, it must be ${offsetRule}`);
  const maxUsual = isFollowing || format === 'batches' ? Number.POSITIVE_INFINITY : maxDefault;
  const order: ReadOrder = {
    topic,
    ...(query.partition === undefined ? {} : { partition: query.partition }),
    from: isResumed ? behind(placeOf(lastEventId)) : from,
    isResumed,
    sinceMs: isResumed || query.since === undefined ? null : timeOf(query.since, refuse),
    max: query.max ?? maxUsual,
    bytesMax: query.bytesMax ?? bytesMaxDefault,
    waitMs: query.waitMs ?? 0,
    freshness: query.level ?? (isFollowing ? 'local' : 'linearizable'),
    session,
    format,
    tellTimes: query.logTime === true,
    tellHops: headers['cairn-hops'] === true,
    ...traceFields(request.raw),
  };
  return { order, isFollowing };
}

const placeOf = (text: string): number | PlacesText => (isPlaces(text) ? { places: text } : Number(text));

/** The id of an event is its record's offset where that says all, else where to go on. */
const behind = (place: number | PlacesText): number | PlacesText => (typeof place === 'number' ? place + 1 : place);

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
  const timeMs = /^[0-9]+$/.test(since) ? Number(since) : isIsoTime(since) ? Date.parse(since) : Number.NaN;
  if (Number.isSafeInteger(timeMs)) return timeMs;
  throw refuse(`the parameter "since" is ${JSON.stringify(since.slice(0, 100))}, it must be a time: ISO 8601 or milliseconds since 1970`);
}

/** A read of one partition. */
export interface PartitionOrder extends ReadOrder {
  readonly from: number | 'end' | null;
  readonly session: number;
}

/** Null where it is of the topic as a whole: it speaks of places, or the topic has several partitions and none is named. */
export function partitionOrder(order: ReadOrder, { service }: ApiContext): PartitionOrder | null {
  const { from, session } = order;
  if (typeof session !== 'number' || (typeof from === 'object' && from !== null)) return null;
  const isOne = order.partition !== undefined || (service.partitionsOf(order.topic)?.at(-1) ?? 1) === 1;
  return isOne ? { ...order, from, session } : null;
}

/** Where a read begins, once "end" has been looked up. */
export async function firstOffsetOf(order: PartitionOrder, context: ApiContext): Promise<number | null> {
  if (order.from !== 'end') return order.from;
  const freshness = order.freshness === 'session' ? 'linearizable' : order.freshness;
  return (await context.log.end({ ...recordsOf(order), freshness })).offset;
}

export const recordsOf = ({ topic, partition }: ReadOrder): RecordsOf => (partition === undefined ? { topic } : { topic, partition });
