import { type Client, forEachRead } from '../client/index.ts';
import type { PartitionPlace } from '../partitions/index.ts';

/** Where the last records of partitions begin. */
export interface LastRecords {
  readonly places: readonly PartitionPlace[];
  readonly ends: ReadonlyMap<number, number>;
  /** From there on there are so many more than were asked for. */
  readonly surplus: number;
}

const bytesPerRead = 1024 * 1024;
/** Offsets without a visible record: each leader begins with one. */
const slackOffsets = 16;
const partitionsAtOnce = 8;

/** Of one partition. */
export async function findLast(
  client: Client,
  {
    topic,
    partition,
    count,
    freshness,
    before = null,
  }: {
    readonly topic: string;
    readonly partition: number | null;
    readonly count: number;
    readonly freshness: 'linearizable' | 'local';
    /** Of those below this offset. */
    readonly before?: number | null;
  },
): Promise<{ readonly offset: number; readonly end: number; readonly found: number }> {
  const where = partition === null ? { topic } : { topic, partition };
  const end = before ?? (await client.end({ ...where, freshness })).offset;
  const readAt = (offsetFrom: number): ReturnType<Client['read']> =>
    client.read({
      ...where,
      offsetFrom,
      sinceMs: null,
      bytesMax: bytesPerRead,
      freshness: freshness === 'local' ? 'local' : 'session',
      sessionOffset: end,
      waitMs: 0,
    });
  const { logStartOffset } = await readAt(end);
  for (let span = count + slackOffsets; ; span *= 2) {
    const from = Math.max(logStartOffset, end - span);
    const offsets: number[] = [];
    for (let at = from; at < end; ) {
      const result = await readAt(at);
      forEachRead(result, ({ offset }) => {
        if (offset >= end) return false;
        offsets.push(offset);
        return true;
      });
      if (result.offsetNext <= at) break;
      at = result.offsetNext;
    }
    if (offsets.length >= count || from === logStartOffset) {
      const given = Math.min(count, offsets.length);
      return { offset: offsets[offsets.length - given] ?? end, end, found: given };
    }
  }
}

/** Of all partitions: as many of each, since nobody knows whose are the last. */
export async function findLastOfAll(
  client: Client,
  {
    topic,
    count,
    freshness,
    partitions,
    ends,
  }: {
    readonly topic: string;
    readonly count: number;
    readonly freshness: 'linearizable' | 'local';
    readonly partitions: number;
    readonly ends: ReadonlyMap<number, number> | null;
  },
): Promise<LastRecords> {
  const found = await ofEach(partitions, (partition) =>
    findLast(client, { topic, partition, count, freshness, before: ends?.get(partition) ?? null }),
  );
  const all = found.reduce((sum, each) => sum + each.found, 0);
  return {
    places: found.map(({ offset }) => ({ from: 'offset', offset })),
    ends: new Map(found.map(({ end }, partition) => [partition, end])),
    surplus: Math.max(0, all - count),
  };
}

/** The offset of the first record whose log time is at least this; the end where there is none. */
export async function offsetAtTime(
  client: Client,
  {
    topic,
    partition,
    timeMs,
    freshness,
  }: {
    readonly topic: string;
    readonly partition: number | null;
    readonly timeMs: number;
    readonly freshness: 'linearizable' | 'local';
  },
): Promise<number> {
  const where = partition === null ? { topic } : { topic, partition };
  const request = { ...where, offsetFrom: null, sinceMs: timeMs, bytesMax: 1, freshness, sessionOffset: 0, waitMs: 0 };
  return (await client.read(request)).offsetFrom;
}

/** The same in each partition. */
export async function offsetsAtTime(
  client: Client,
  {
    partitions,
    ...wanted
  }: {
    readonly topic: string;
    readonly partitions: number;
    readonly timeMs: number;
    readonly freshness: 'linearizable' | 'local';
  },
): Promise<ReadonlyMap<number, number>> {
  return new Map((await ofEach(partitions, (partition) => offsetAtTime(client, { ...wanted, partition }))).entries());
}

/** A few partitions at a time. */
async function ofEach<Value>(partitions: number, ask: (partition: number) => Promise<Value>): Promise<readonly Value[]> {
  const found: Value[] = [];
  for (let from = 0; from < partitions; from += partitionsAtOnce) {
    const some = Array.from({ length: Math.min(partitionsAtOnce, partitions - from) }, (_, index) => from + index);
    found.push(...(await Promise.all(some.map(ask))));
  }
  return found;
}
