import { setTimeout as pause } from 'node:timers/promises';
import { type Client, type MergedRecords, type OnWaiting, patiently } from '../client/index.ts';
import { LogError } from '../eventlog/index.ts';
import { decodePlaces, encodePlaces, type PartitionPlace } from '../partitions/index.ts';
import { recordOfJson } from './log-record.ts';
import type { MissingPartition, Page } from './records.ts';

/** A reading of all partitions of a topic in order of log time, the time at which the leader of each took a record. */
export interface TopicReading {
  readonly topic: string;
  /** Places as text, or the ends; null: the first records kept, or `sinceMs`. */
  readonly from: string | null;
  readonly sinceMs: number | null;
  readonly freshness: 'linearizable' | 'local';
  readonly isFollowing: boolean;
  /** Records to pass over first. */
  readonly skip: number;
  /** Records that are wanted behind those; more may be given. */
  readonly max: number;
  /** Where it ends, by partition; null: the ends when it begins. */
  readonly ends: ReadonlyMap<number, number> | null;
  /** How long partitions that do not answer are asked for again; of what is followed, for ever. */
  readonly timeoutMs: number;
  /** What does not answer is read without, and not waited for. */
  readonly isPartial: boolean;
  /** Records are to say their log time. */
  readonly tellTimes: boolean;
  readonly onWaiting: OnWaiting;
}

const recordsPerRead = 10_000;
const followWaitMs = 5_000;
const pauseMs = 200;

export async function* readAllPartitions(client: Client, reading: TopicReading): AsyncGenerator<Page, void, undefined> {
  const { topic, freshness, isFollowing, timeoutMs, isPartial, tellTimes, onWaiting } = reading;
  const ends = new Map(isFollowing ? [] : (reading.ends ?? (await client.ends(topic, freshness))));
  const ask = isFollowing
    ? <Value>(attempt: () => Promise<Value>) => patiently(client, attempt, onWaiting)
    : <Value>(attempt: () => Promise<Value>) => attempt();
  let { from, sinceMs, skip, max: left } = reading;
  let movedMs = performance.now();
  for (let isFirst = true; ; isFirst = false) {
    const answer: MergedRecords = await ask(() =>
      client.readMerged({
        topic,
        from,
        sinceMs,
        max: Math.min(recordsPerRead, skip + Math.max(1, left)),
        freshness: freshness === 'local' ? 'local' : isFirst ? 'linearizable' : 'session',
        session: from === 'end' ? null : from,
        waitMs: isFollowing && !isFirst ? followWaitMs : 0,
        tellTimes,
      }),
    );
    if (isFirst) yield { records: [], after: placesBefore(from, sinceMs, answer.partitions), missing: answer.missing };
    const wanted = answer.records.filter(
      ({ partition, offset }) => isFollowing || offset < (ends.get(partition) ?? Number.POSITIVE_INFINITY),
    );
    const given = wanted.slice(skip).map((record) => recordOfJson(topic, record, record.partition));
    skip -= wanted.length - given.length;
    left -= given.length;
    const places = (decodePlaces(answer.next, answer.partitions) ?? []).map((place, partition) => upTo(place, ends.get(partition)));
    from = encodePlaces(places);
    sinceMs = null;
    yield { records: given, after: places, missing: answer.missing };
    if (isFollowing) continue;

    if (wanted.length > 0) movedMs = performance.now();
    const leftOut = new Set(isPartial ? answer.missing.map(({ partition }) => partition) : []);
    const isOver = places.every((place, partition) => leftOut.has(partition) || isAt(place, ends.get(partition)));
    const hasAll = isPartial || ends.size >= places.length;
    const isWhole = isPartial || answer.missing.length === 0;
    // Behind the last record may stand what nobody is shown.
    if (hasAll && (isOver || (answer.records.length === 0 && isWhole))) return;
    if (isWhole && hasAll) continue;
    if (performance.now() - movedMs > timeoutMs) throw missingOf(topic, answer.missing, places.length, ends);
    await pause(pauseMs);
    if (!hasAll) for (const [partition, end] of await client.ends(topic, freshness)) if (!ends.has(partition)) ends.set(partition, end);
  }
}

/** What came later than the end is not given, and not passed over. */
const upTo = (place: PartitionPlace, end: number | undefined): PartitionPlace =>
  place.from === 'offset' && end !== undefined && place.offset > end ? { from: 'offset', offset: end } : place;

const isAt = (place: PartitionPlace, end: number | undefined): boolean =>
  place.from === 'offset' && end !== undefined && place.offset >= end;

function placesBefore(from: string | null, sinceMs: number | null, partitions: number): readonly PartitionPlace[] {
  const given = from === null ? null : decodePlaces(from, partitions);
  if (given !== null) return given;
  // The ends are known by the answer only.
  if (from !== null) return [];
  return Array.from(
    { length: partitions },
    (): PartitionPlace => (sinceMs === null ? { from: 'start' } : { from: 'since', timeMs: sinceMs }),
  );
}

function missingOf(topic: string, missing: readonly MissingPartition[], partitions: number, ends: ReadonlyMap<number, number>): LogError {
  const [first] = missing;
  const partition = first?.partition ?? Array.from({ length: partitions }, (_, index) => index).find((index) => !ends.has(index)) ?? 0;
  const reason = first?.reason ?? 'nobody says where it ends';
  return new LogError('incomplete', `Cannot read all of topic "${topic}": partition ${partition} is missing: ${reason}`, { partition });
}
