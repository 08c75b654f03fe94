/** `read` and `follow`: which way a reading goes, by what was asked for and by how many partitions there are. */
import type { Client, OnWaiting } from '../client/index.ts';
import { LogError, partitionsMax } from '../eventlog/index.ts';
import { decodePlaces, encodePlaces, isPlaces } from '../partitions/index.ts';
import { type Check, type Checks, checked, oneOf, offset, partition, refuse, signal, time, toMs, whole } from './arguments.ts';
import { readAllPartitions } from './all-partitions.ts';
import { findLast, findLastOfAll, offsetAtTime, offsetsAtTime } from './last-records.ts';
import { type PartitionReading, readPartition } from './one-partition.ts';
import type { Page } from './records.ts';

export interface FollowOptions {
  /** This partition only; left out, all of them, in order of log time. */
  readonly partition?: number | undefined;
  /**
   * An offset (of one partition), `start` (the first record kept, the default), `end` (what comes from now on), the `position` of an earlier reading, or a
   * negative number: so many records before the end of each partition.
   */
  readonly from?: number | string | undefined;
  /** In place of `from`: from the first record on that was appended at or after this time. */
  readonly since?: Date | number | undefined;
  /** In place of `from`: the last so many records, of all partitions together. */
  readonly last?: number | undefined;
  /** Records say their log time too (`record.logTime`), when the leader took them. Brokers from before December 2026 refuse that. */
  readonly logTime?: boolean | undefined;
  /** Ends after so many records. */
  readonly max?: number | undefined;
  /** `linearizable` (default): nothing that is acknowledged is missing. `local`: one broker's own copy, which may be behind. */
  readonly freshness?: 'linearizable' | 'local' | undefined;
  /** Ends the reading: a loop that follows ends, any other fails with `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Of what is followed: told with what failed, attempt after attempt, while no broker answers, and with null once one does. */
  readonly onWaiting?: ((error: LogError | null) => void) | undefined;
}

export interface ReadOptions extends Omit<FollowOptions, 'onWaiting'> {
  /** Only what was appended before this time. */
  readonly until?: Date | number | undefined;
  /** A partition that does not answer is read without, and named in `missing`; left out or false, the loop fails with `incomplete`. */
  readonly partial?: boolean | undefined;
}

const lastMax = 1_000_000;
const fromEnd = whole(-lastMax, -1);
const flag: Check = { is: (value) => typeof value === 'boolean', must: 'true or false' };
const callback: Check = { is: (value) => typeof value === 'function', must: 'a function' };
const from: Check = {
  is: (value) => offset.is(value) || fromEnd.is(value) || value === 'start' || value === 'end' || isPosition(value),
  must: 'an offset, a negative number of records before the end, "start", "end", or the position of an earlier reading',
};

const isPosition = (value: unknown): boolean => typeof value === 'string' && isPlaces(value) && decodePlaces(value, partitionsMax) !== null;

const commonChecks = {
  partition,
  from,
  since: time,
  last: whole(1, lastMax),
  logTime: flag,
  max: whole(1, Number.MAX_SAFE_INTEGER),
  freshness: oneOf('linearizable', 'local'),
  signal,
};
const followChecks: Checks<FollowOptions> = { ...commonChecks, onWaiting: callback };
const readChecks: Checks<ReadOptions> = { ...commonChecks, until: time, partial: flag };

export function checkedRead(options: ReadOptions | undefined, doing: string): ReadOptions {
  return refuseTwo(checked(options, readChecks, doing), doing);
}

export function checkedFollow(options: FollowOptions | undefined, doing: string): FollowOptions {
  return refuseTwo(checked(options, followChecks, doing), doing);
}

function refuseTwo<Options extends FollowOptions | ReadOptions>(options: Options, doing: string): Options {
  const [first, second] = (['from', 'since', 'last'] as const).filter((name) => options[name] !== undefined);
  if (first !== undefined && second !== undefined) throw refuse(doing, `${first} and ${second} exclude each other`);
  if (options.partition !== undefined && typeof options.from === 'string' && isPlaces(options.from))
    throw refuse(doing, 'from is a place in all partitions, and partition names one');
  return options;
}

export async function* follow(client: Client, topic: string, options: FollowOptions): AsyncGenerator<Page, void, undefined> {
  const { onWaiting = () => undefined, ...reading } = options;
  try {
    yield* upTo(reading.max, pagesOf(client, topic, reading, { isFollowing: true, timeoutMs: 0, onWaiting }));
  } catch (error) {
    // That is how following is meant to end.
    if (!(error instanceof LogError && error.code === 'interrupted' && options.signal?.aborted === true)) throw error;
  }
}

/** @param timeoutMs how long partitions that do not answer are asked for again */
export function read(client: Client, topic: string, options: ReadOptions, timeoutMs: number): AsyncGenerator<Page, void, undefined> {
  return upTo(options.max, pagesOf(client, topic, options, { isFollowing: false, timeoutMs, onWaiting: () => undefined }));
}

async function* upTo(max: number | undefined, pages: AsyncGenerator<Page, void, undefined>): AsyncGenerator<Page, void, undefined> {
  let left = max ?? Number.POSITIVE_INFINITY;
  for await (const page of pages) {
    if (page.records.length >= left) {
      // Where to go on is then behind the last one that is given.
      yield { ...page, records: page.records.slice(0, left), after: [] };
      return;
    }
    left -= page.records.length;
    yield page;
  }
}

interface Way {
  readonly isFollowing: boolean;
  readonly timeoutMs: number;
  readonly onWaiting: OnWaiting;
}

async function* pagesOf(client: Client, topic: string, options: ReadOptions, way: Way): AsyncGenerator<Page, void, undefined> {
  const { freshness = 'linearizable', logTime: tellTimes = false, partial: isPartial = false, max = Number.POSITIVE_INFINITY } = options;
  const named = options.partition ?? null;
  const places = typeof options.from === 'string' && isPlaces(options.from) ? options.from : null;
  const sinceMs = options.since === undefined ? null : toMs(options.since);
  const untilMs = options.until === undefined ? null : toMs(options.until);
  const merged = { topic, freshness, tellTimes, isPartial, max, ...way, skip: 0, sinceMs: null };
  const endsOf = async (): Promise<ReadonlyMap<number, number> | null> => {
    if (untilMs === null) return null;
    const partitions = (await client.partitionsOf(topic, 'read')).at(-1) as number;
    return offsetsAtTime(client, { topic, partitions, timeMs: untilMs, freshness });
  };
  // A place in one partition is an offset, as long as the topic has one.
  const [only] = places === null ? [] : (decodePlaces(places, 1) ?? []);
  if (places !== null && only?.from !== 'offset') {
    yield* readAllPartitions(client, { ...merged, from: places, ends: await endsOf() });
    return;
  }
  const last = lastOf(options);
  const begin = beginOf(options, only?.from === 'offset' ? only.offset : null);
  let reading: PartitionReading = { topic, partition: named, from: begin, sinceMs, end: null, freshness, tellTimes, ...way };
  try {
    const end = untilMs === null ? null : await offsetAtTime(client, { topic, partition: named, timeMs: untilMs, freshness });
    reading = { ...reading, end };
    if (last !== null)
      reading.from = (await findLast(client, { topic, partition: named, count: last.count, freshness, before: end })).offset;
    yield* readPartition(client, reading);
  } catch (error) {
    const isOfOne = named !== null || typeof begin === 'number';
    if (!(error instanceof LogError) || error.code !== 'partitionNeeded' || (isOfOne && places === null)) throw error;
    const ends = await endsOf();
    if (last !== null && reading.from === begin) {
      const partitions = (await client.partitionsOf(topic, 'read')).at(-1) as number;
      const found = await findLastOfAll(client, { topic, count: last.count, freshness, partitions, ends });
      const skip = last.isOfEach ? 0 : found.surplus;
      yield* readAllPartitions(client, { ...merged, from: encodePlaces(found.places), ends: found.ends, skip });
      return;
    }
    // It has several; or has got more since the reading began, which goes on in the first one behind what was given.
    const fromText = typeof reading.from === 'number' ? encodePlaces([{ from: 'offset', offset: reading.from }]) : reading.from;
    yield* readAllPartitions(client, { ...merged, from: fromText, sinceMs: reading.sinceMs, ends });
  }
}

/** The last ones are of all partitions together, those before the end of each. */
function lastOf({ last, from: begin }: ReadOptions): { readonly count: number; readonly isOfEach: boolean } | null {
  if (last !== undefined) return { count: last, isOfEach: false };
  return typeof begin === 'number' && begin < 0 ? { count: -begin, isOfEach: true } : null;
}

function beginOf({ from: begin }: ReadOptions, offsetOfPlace: number | null): number | 'end' | null {
  if (offsetOfPlace !== null) return offsetOfPlace;
  if (typeof begin === 'number') return begin < 0 ? null : begin;
  return begin === 'end' ? 'end' : null;
}
