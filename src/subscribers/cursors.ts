/** Cursors of a subscriber as those that ask name them: by topic, partition and generation. */
import { type AckPosition, type CommittedPosition, type CursorPosition, topicPageMax } from '../eventlog/index.ts';
import type { AckedPosition, PartitionOf } from './commands.ts';
import { type Cursor, cursorKey, type Subscriber } from './subscriber.ts';
import type { KnownTopic } from './topic-reads.ts';

/** Undefined where there is no such cursor. */
export type CursorFinder = (topic: string, partition?: number) => Cursor | undefined;

export const positionOf = ({ topic, partition, offset, generation }: Cursor): CursorPosition => ({ topic, partition, offset, generation });

export const committedOf = (cursor: Cursor): CommittedPosition => ({ ...positionOf(cursor), metadata: cursor.metadata });

/** Of those that are still there. */
export const positionsOf = (subscriber: Subscriber | undefined, of: readonly PartitionOf[]): CommittedPosition[] =>
  of.flatMap((one) => {
    const cursor = subscriber?.cursors.get(cursorKey(one));
    return cursor === undefined ? [] : [committedOf(cursor)];
  });

/** Finds a subscriber's cursors by their topics' names, in time of what is asked for. */
export function finderOf({ cursors }: Subscriber, topicOf: (name: string) => KnownTopic | undefined): CursorFinder {
  let byName: Map<string, Cursor> | null = null;
  return (topic, partition = 0) => {
    const known = topicOf(topic);
    const cursor = known === undefined ? undefined : cursors.get(cursorKey({ topicId: known.id, partition }));
    if (cursor !== undefined) return cursor;
    // Of one that is gone: what is said of it says so.
    byName ??= new Map([...cursors.values()].map((one) => [`${one.topic}/${one.partition}`, one]));
    return byName.get(`${topic}/${partition}`);
  };
}

/** Where somebody has come by himself: of cursors that were moved since, nothing is left of that. */
export const cursorsAt = (find: CursorFinder, positions: readonly AckPosition[]): AckedPosition[] =>
  positions.flatMap(({ topic, partition, offset, generation = 0 }) => {
    const cursor = find(topic, partition);
    return cursor?.generation === generation ? [{ topicId: cursor.topicId, partition: cursor.partition, offset, generation }] : [];
  });

/** What is not, or no longer, to be acknowledged under that generation: its cursor was moved, or is gone with its topic or subscription. */
export const lostOf = (find: CursorFinder, positions: readonly AckPosition[]): AckPosition[] =>
  positions.filter(({ topic, partition, generation }) => {
    const cursor = find(topic, partition);
    return cursor === undefined || (generation !== undefined && cursor.generation !== generation);
  });

export function cursorsOf({ cursors }: Subscriber, topics: Iterable<KnownTopic>): CursorPosition[] {
  const ids = new Set([...topics].map(({ id }) => id));
  return [...cursors.values()]
    .filter(({ topicId }) => ids.has(topicId))
    .slice(0, topicPageMax)
    .map(positionOf);
}
