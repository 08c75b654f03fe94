/** Stretches of a topic: where it begins and ends, what follows a place, what is before one, where a time is. */
import { decodePlaces, encodePlaces } from '../../../src/partitions/index.ts';
import { ApiError, type LogRecord, request, TIMEOUT_MS } from '../api.ts';
import type { Places } from './record-window.ts';
import { type RecordRow, rowOf } from './row.ts';

/** What is looked at: a topic, or one partition of it. */
export interface Scope {
  readonly topic: string;
  /** The one that was chosen of several; null for all there are. */
  readonly partition: number | null;
}

interface Kept {
  readonly logStartOffset: number;
  readonly highWatermark: number;
}

/** Of each partition that is looked at: the first offset kept, and the end of what is committed. */
export interface Ends {
  readonly starts: Places;
  readonly ends: Places;
}

interface Stretch {
  readonly rows: readonly RecordRow[];
  /** Where it begins, or where to go on, as it was asked for. */
  readonly places: Places;
}

const pathOf = ({ topic }: Scope): string => `/v1/topics/${encodeURIComponent(topic)}`;

/** How places are given to a broker, and read from what it says (src/partitions/places.ts). */
export function placesText(places: Places): string {
  const [only] = places;
  if (places.length === 1) return String(only);
  return encodePlaces(places.map((offset) => ({ from: 'offset', offset })));
}

/** Null for what is none. */
export function placesOf(text: string): Places | null {
  if (/^[0-9]+$/.test(text)) return [Number(text)];
  const places = decodePlaces(text, text.split('.').length - 1);
  return places?.map((place) => (place.from === 'offset' ? place.offset : 0)) ?? null;
}

export async function fetchEnds(scope: Scope): Promise<Ends> {
  const response = await request(pathOf(scope), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const { partition, partitions = [partition] } = (await response.json()) as {
    readonly partition: Kept;
    readonly partitions?: readonly Kept[];
  };
  const kept = scope.partition === null ? partitions : partitions.slice(scope.partition, scope.partition + 1);
  if (kept.length === 0)
    throw new ApiError(400, 'invalidRequest', `Topic "${scope.topic}" has no partition ${String(scope.partition)}`, true);
  return { starts: kept.map((each) => each.logStartOffset), ends: kept.map((each) => each.highWatermark) };
}

async function readOne(scope: Scope, index: number | null, query: string): Promise<Answer> {
  const which = index === null ? '' : `&partition=${index}`;
  const response = await request(`${pathOf(scope)}/records?level=local${which}&${query}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return (await response.json()) as Answer;
}

interface Answer {
  readonly records: readonly LogRecord[];
  readonly offsetFrom: number;
  readonly offsetNext: number;
  readonly highWatermark: number;
  /** Of several partitions that are read as one, in place of the others. */
  readonly next?: string;
}

/** Records from some places on, the oldest first; none where there are no more. */
export async function readFrom(scope: Scope, places: Places, max: number): Promise<Stretch> {
  const answer = await readOne(scope, scope.partition, `from=${placesText(places)}&max=${max}`);
  const rows = answer.records.map((record) => rowOf(record, scope.partition));
  const next = answer.next === undefined ? [answer.offsetNext] : placesOf(answer.next);
  if (next === null) throw new ApiError(0, 'internal', 'The broker does not say where the topic goes on', false);
  return { rows, places: next };
}

interface Part {
  readonly index: number;
  readonly records: readonly LogRecord[];
  /** All of the partition from here on, up to where it was wanted, is in `records`. */
  readonly from: number;
}

/**
 * The records before some places, about `max` of them, the oldest first. Brokers read forwards only: of each partition a stretch is read that ends there, a
 * smaller one where records are so large that an answer does not hold it; and of several partitions those are given that are newer than what any of them
 * has left.
 */
export async function readBefore(scope: Scope, to: Places, { starts }: Ends, max: number): Promise<Stretch> {
  const each = to.length === 1 ? max : Math.max(8, Math.ceil(max / to.length));
  const parts = await Promise.all(
    to.map((offset, index) => partBefore(scope, { index, offset, start: Math.min(offset, starts[index] ?? 0), count: each })),
  );
  if (to.length === 1) {
    const [part] = parts as [Part];
    return { rows: part.records.map((record) => rowOf(record, scope.partition)), places: [part.from] };
  }
  // What is before a stretch that does not reach the beginning may be as new as its first record, and no newer.
  const open = parts.filter(({ index, from }) => from > (starts[index] ?? 0));
  const newest = Math.max(Number.NEGATIVE_INFINITY, ...open.map(({ records }) => records[0]?.logTime ?? Number.NEGATIVE_INFINITY));
  const taken = parts
    .flatMap(({ index, records }) => records.map((record) => ({ ...record, partition: index })))
    .filter(({ logTime = 0 }) => logTime >= newest)
    .toSorted((a, b) => (a.logTime ?? 0) - (b.logTime ?? 0) || a.partition - b.partition || a.offset - b.offset)
    .slice(-max);
  const from = parts.map(({ index, records, from: partFrom }) => {
    const kept = taken.filter(({ partition }) => partition === index);
    return kept.length === records.length ? partFrom : (kept[0]?.offset ?? to[index] ?? 0);
  });
  return { rows: taken.map((record) => rowOf(record)), places: from };
}

interface Wanted {
  readonly index: number;
  readonly offset: number;
  readonly start: number;
  readonly count: number;
}

async function partBefore(scope: Scope, { index, offset, start, count }: Wanted): Promise<Part> {
  const partition = scope.partition ?? index;
  for (let wanted = count; ; ) {
    const from = Math.max(start, offset - wanted);
    if (from === offset) return { index, records: [], from };
    const { records, offsetNext } = await readOne(scope, partition, `from=${from}&max=${offset - from}&logTime=true`);
    const before = records.filter((record) => record.offset < offset);
    if (offsetNext >= offset || from === offset - 1) return { index, records: before, from };
    // The answer ended early, for its records are large: so many of them fit, and the last ones are wanted.
    wanted = Math.max(1, Math.min(Math.floor((offset - from) / 2), offsetNext - from));
  }
}

/** The first record of each partition that was appended at or after a time; where there is none, its end. */
export async function placesAtTime(scope: Scope, timeMs: number, { ends }: Ends): Promise<Places> {
  return Promise.all(
    ends.map(async (_end, index) => (await readOne(scope, scope.partition ?? index, `since=${Math.floor(timeMs)}&max=1`)).offsetFrom),
  );
}
