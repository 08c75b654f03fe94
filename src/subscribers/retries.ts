/**
 * Records whose processing has failed (docs/decisions/0041). One that comes again is in retry: it stands below its cursor's offset, which has passed it, so that
 * it is neither in front of it nor done. One that has failed too often is parked: a copy of it stands in the topic of parked records, and its subscriber knows it
 * by the offset of that. Functions of what was applied before, as all of the state is; the clock of none of them is asked.
 */
import type { ParkedLeft } from '../eventlog/index.ts';
import type { FailedRecord, PartitionOf, SubscriberCommand, SubscriberOutcome } from './commands.ts';
import type { Metadata } from './metadata.ts';
import { type Cursor, cursorKey, holderOf, type Parked, pullerOf, type Retry, type Subscriber } from './subscriber.ts';

/** A record that is to be parked. */
export interface ToPark extends PartitionOf {
  readonly subscriber: string;
  readonly made: number;
  readonly offset: number;
}

type Of<Type extends SubscriberCommand['type']> = SubscriberCommand & { readonly type: Type };

/** Counts of one group, and what of it is to be parked. All changes of what is in retry, or parked, go through it. */
export class Retries {
  #retryCount = 0;
  #parkedCount = 0;
  readonly #toPark = new Map<string, ToPark>();
  readonly #metadata: Metadata;

  /** @param metadata of the same group */
  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  get retryCount(): number {
    return this.#retryCount;
  }

  /** In the order in which they have failed, but for those of a snapshot. */
  get toPark(): Iterable<ToPark> {
    return this.#toPark.values();
  }

  get toParkCount(): number {
    return this.#toPark.size;
  }

  clear(): void {
    this.#retryCount = 0;
    this.#parkedCount = 0;
    this.#toPark.clear();
  }

  /** What a snapshot has of one subscriber. */
  restored(subscriber: Subscriber): void {
    this.#parkedCount += subscriber.parked.size;
    for (const cursor of subscriber.cursors.values()) {
      this.#retryCount += cursor.retries?.size ?? 0;
      for (const retry of retriesOf(cursor)) this.#note(subscriber, cursor, retry);
    }
  }

  forgetSubscriber(subscriber: Subscriber): void {
    for (const cursor of subscriber.cursors.values()) this.forgetFrom(subscriber, cursor, 0);
    this.#parkedCount -= subscriber.parked.size;
    subscriber.parked.clear();
  }

  /** Those at or above an offset: they come again by themselves, or their cursor is gone. */
  forgetFrom(subscriber: Subscriber, cursor: Cursor, offset: number): void {
    for (const retry of retriesOf(cursor)) if (retry.offset >= offset) this.done(subscriber, cursor, retry.offset);
  }

  /** It is in retry no more: processed, parked, or forgotten. */
  done(subscriber: Subscriber, cursor: Cursor, offset: number): void {
    if (cursor.retries?.delete(offset) !== true) return;
    this.#retryCount--;
    this.#toPark.delete(keyOf(subscriber, cursor, offset));
    if (cursor.retries.size === 0) cursor.retries = null;
  }

  #add(cursor: Cursor, retry: Retry): void {
    cursor.retries ??= new Map();
    cursor.retries.set(retry.offset, retry);
    this.#retryCount++;
  }

  #note(subscriber: Subscriber, cursor: Cursor, { offset, isToBeParked }: Retry): void {
    if (!isToBeParked) return;
    const { topicId, partition } = cursor;
    this.#toPark.set(keyOf(subscriber, cursor, offset), { subscriber: subscriber.id, made: subscriber.made, topicId, partition, offset });
  }

  /** All of them, or none. A failure that was counted before changes nothing. */
  nack(subscriber: Subscriber, command: Of<'nack'>, at: number, timeMs: number): SubscriberOutcome {
    const { records, retriesMax, groupRetriesMax } = command;
    const added = new Map<string, number>();
    let addedCount = 0;
    for (const record of records) {
      const cursor = subscriber.cursors.get(cursorKey(record));
      if (cursor === undefined) return 'notSubscribed';
      if (record.generation !== null && record.generation !== cursor.generation) return 'staleGeneration';
      if (record.tries > 0 || record.offset < cursor.offset) continue;
      const key = cursorKey(record);
      added.set(key, (added.get(key) ?? cursor.retries?.size ?? 0) + 1);
      addedCount++;
      if ((added.get(key) as number) > retriesMax || this.#retryCount + addedCount > groupRetriesMax) return 'tooManyRetries';
    }
    // From the lowest offset on: each of them acknowledges what is below it.
    for (const record of [...records].sort((a, b) => a.offset - b.offset)) this.#fail(subscriber, record, command, at, timeMs);
    return 'done';
  }

  #fail(subscriber: Subscriber, record: FailedRecord, command: Of<'nack'>, at: number, timeMs: number): void {
    const cursor = subscriber.cursors.get(cursorKey(record)) as Cursor;
    const { offset, tries, reason } = record;
    const { isOrdered } = command;
    const failed = { reason, failedMs: timeMs, isOrdered, isGiven: false, ...waitOf(tries + 1, command) };
    if (tries === 0) {
      if (offset < cursor.offset) {
        // Whoever crashed may be given again what it had said to have failed, and says so once more: what stands behind it waits all the same.
        const known = cursor.retries?.get(offset);
        if (isOrdered && known !== undefined) hold(subscriber, cursor, known);
        return;
      }
      const retry = { offset, since: at, parkedAt: null, tries: 1, ...failed };
      this.#add(cursor, retry);
      this.#metadata.forget(cursor);
      cursor.offset = offset + 1;
      cursor.pulledTo = Math.max(cursor.pulledTo, cursor.offset);
      if (isOrdered) hold(subscriber, cursor, retry);
      this.#note(subscriber, cursor, retry);
      return;
    }
    const known = cursor.retries?.get(offset);
    if (known === undefined || known.tries !== tries || known.isToBeParked) return;
    Object.assign(known, failed, { tries: tries + 1 });
    this.#note(subscriber, cursor, known);
  }

  /** Its copy stands at `id` of the topic of parked records: the cursor is done with it. */
  park(subscriber: Subscriber, command: Of<'park'>, timeMs: number): SubscriberOutcome {
    const { topicId, partition, offset, since, id, parkedMax, groupParkedMax } = command;
    const cursor = subscriber.cursors.get(cursorKey(command));
    const retry = cursor?.retries?.get(offset);
    if (cursor === undefined || retry === undefined || retry.since !== since || retry.tries !== command.tries) return 'stale';
    if (subscriber.parked.size >= parkedMax || this.#parkedCount >= groupParkedMax) return 'tooManyParked';
    const { tries, reason } = retry;
    this.done(subscriber, cursor, offset);
    if (!subscriber.parked.has(id)) this.#parkedCount++;
    subscriber.parked.set(id, { id, topic: cursor.topic, topicId, partition, offset, tries, reason, parkedMs: timeMs });
    return 'done';
  }

  /** Where they can be they are in retry again, due at once, as if they had failed once; the others stay parked. */
  replay(subscriber: Subscriber, { ids, ...most }: Of<'replayParked'>, at: number, timeMs: number): SubscriberOutcome {
    for (const id of ids) {
      const parked = subscriber.parked.get(id);
      if (parked === undefined || this.refusalOf(subscriber, parked, most) !== null) continue;
      const { offset, reason } = parked;
      const begun = { tries: 1, reason, failedMs: timeMs, waitMs: 0, isToBeParked: false, isOrdered: false, isGiven: false };
      this.#add(subscriber.cursors.get(cursorKey(parked)) as Cursor, { offset, since: at, parkedAt: id, ...begun });
      this.#unpark(subscriber, id);
    }
    return 'done';
  }

  drop(subscriber: Subscriber, { ids }: Of<'dropParked'>): SubscriberOutcome {
    for (const id of ids) this.#unpark(subscriber, id);
    return 'done';
  }

  #unpark(subscriber: Subscriber, id: number): void {
    if (subscriber.parked.delete(id)) this.#parkedCount--;
  }

  /** Null where it can be replayed. */
  refusalOf(
    { cursors }: Subscriber,
    parked: Parked,
    { retriesMax, groupRetriesMax }: Pick<Of<'replayParked'>, 'retriesMax' | 'groupRetriesMax'>,
  ): ParkedLeft | null {
    const cursor = cursors.get(cursorKey(parked));
    if (cursor === undefined) return 'notSubscribed';
    if (parked.offset >= cursor.offset || cursor.retries?.has(parked.offset) === true) return 'comesAnyway';
    return (cursor.retries?.size ?? 0) >= retriesMax || this.#retryCount >= groupRetriesMax ? 'tooManyRetries' : null;
  }
}

const keyOf = ({ made }: Subscriber, { topicId, partition }: PartitionOf, offset: number): string =>
  `${made}/${topicId}/${partition}/${offset}`;

/** Twice as long each time. */
function waitOf(tries: number, { triesMax, waitMs, waitMsMax }: Of<'nack'>): Pick<Retry, 'waitMs' | 'isToBeParked'> {
  if (tries >= triesMax) return { waitMs: 0, isToBeParked: true };
  return { waitMs: Math.min(waitMsMax, waitMs * 2 ** Math.min(tries - 1, 30)), isToBeParked: false };
}

/** What a numbered pull has given behind where the cursor stands now comes later: the next pull does not acknowledge it. */
function hold(subscriber: Subscriber, cursor: Cursor, retry: Retry): void {
  retry.isOrdered = true;
  cursor.pulledTo = cursor.offset;
  const puller = pullerOf(subscriber, holderOf(cursor));
  if (puller === undefined || puller.given === null) return;
  puller.given = puller.given.flatMap((range) => {
    if (cursorKey(range) !== cursorKey(cursor) || range.tries !== undefined || range.offsetTo <= cursor.offset) return [range];
    return range.offsetFrom >= cursor.offset ? [] : [{ ...range, offsetTo: cursor.offset }];
  });
}

export const retriesOf = ({ retries }: Pick<Cursor, 'retries'>): Iterable<Retry> => retries?.values() ?? [];

/** All below it is read: processed, or parked. What was parked and comes again has its copy. */
export function readTo(cursor: Cursor | undefined): number {
  let least = cursor?.offset ?? 0;
  if (cursor !== undefined) for (const { offset, parkedAt } of retriesOf(cursor)) if (parkedAt === null) least = Math.min(least, offset);
  return least;
}

/** A numbered pull has given one of them, which is neither acknowledged nor has failed since. */
export function hasGiven(cursor: Cursor): boolean {
  for (const { isGiven } of retriesOf(cursor)) if (isGiven) return true;
  return false;
}

/** Another holder, or another place: what was given to whoever had it is given again. */
export function takeBack(cursor: Cursor): void {
  for (const retry of retriesOf(cursor)) retry.isGiven = false;
}
