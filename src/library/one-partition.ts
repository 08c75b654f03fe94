import { type Client, forEachRead, type OnWaiting, patiently } from '../client/index.ts';
import type { ReadResult } from '../eventlog/index.ts';
import { type LogRecord, recordOf } from './log-record.ts';
import type { Page } from './records.ts';

/** What is left to be read; it is kept up to date, for whoever goes on otherwise. */
export interface PartitionReading {
  readonly topic: string;
  /** Null: the only one. */
  readonly partition: number | null;
  /** Null: the first record kept, or `sinceMs`. */
  from: number | 'end' | null;
  sinceMs: number | null;
  /** Where it ends at the latest; null: at the end that there is when it begins. */
  readonly end: number | null;
  readonly freshness: 'linearizable' | 'local';
  /** Goes on as records come; otherwise up to the end that there was when it began. */
  readonly isFollowing: boolean;
  /** Records are to say their log time. */
  readonly tellTimes: boolean;
  readonly onWaiting: OnWaiting;
}

const bytesPerRead = 1024 * 1024;
/** A broker that hangs holds a follower for so long and an attempt more. */
const followWaitMs = 5_000;

export async function* readPartition(client: Client, reading: PartitionReading): AsyncGenerator<Page, void, undefined> {
  const { topic, partition, freshness, isFollowing, tellTimes, onWaiting } = reading;
  const where = partition === null ? { topic } : { topic, partition };
  const ask = isFollowing
    ? <Value>(attempt: () => Promise<Value>) => patiently(client, attempt, onWaiting)
    : <Value>(attempt: () => Promise<Value>) => attempt();
  if (reading.from === 'end') reading.from = (await ask(() => client.end({ ...where, freshness }))).offset;
  let offsetTo = reading.end ?? Number.POSITIVE_INFINITY;
  for (let isFirst = true; ; isFirst = false) {
    const offsetFrom = reading.from as number | null;
    const result = await ask(() =>
      client.read({
        ...where,
        offsetFrom,
        sinceMs: reading.sinceMs,
        bytesMax: bytesPerRead,
        // Another broker must not go back: it answers once it is as far as the one before.
        freshness: freshness === 'local' ? 'local' : isFirst ? 'linearizable' : 'session',
        sessionOffset: offsetFrom ?? 0,
        waitMs: isFollowing && !isFirst ? followWaitMs : 0,
        ...(tellTimes ? { tellTimes } : {}),
      }),
    );
    if (isFirst) {
      if (!isFollowing) offsetTo = Math.min(offsetTo, result.highWatermark);
      const ahead = result.timesAheadMs === undefined ? {} : { timesAhead: { offset: result.offsetFrom, ms: result.timesAheadMs } };
      yield { records: [], after: [{ from: 'offset', offset: result.offsetFrom }], missing: [], ...ahead };
    }
    // It may end before it begins.
    const offsetNext = Math.max(result.offsetFrom, Math.min(result.offsetNext, offsetTo));
    reading.from = offsetNext;
    reading.sinceMs = null;
    yield { records: recordsOf(result, topic, partition ?? 0, offsetTo), after: [{ from: 'offset', offset: offsetNext }], missing: [] };
    const isAtEnd = result.offsetNext >= offsetTo || (result.batches.length === 0 && result.offsetNext === result.offsetFrom);
    if (!isFollowing && isAtEnd) return;
  }
}

function recordsOf(result: ReadResult, topic: string, partition: number, offsetTo: number): readonly LogRecord[] {
  const records: LogRecord[] = [];
  forEachRead(result, (cursor, logTime) => {
    if (cursor.offset >= offsetTo) return false;
    records.push(recordOf(topic, partition, cursor, logTime));
    return true;
  });
  return records;
}
