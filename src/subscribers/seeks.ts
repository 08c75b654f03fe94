import type { Task } from '../base/task.ts';
import { type CursorMove, type Outcome, type Seeked, type SeekRequest, shownTopic } from '../eventlog/index.ts';
import { positionOf } from './cursors.ts';
import { type Group, triesMax } from './group.ts';
import { failure, refused } from './refusals.ts';
import { shownClient } from './requests.ts';
import type { Subscriber } from './subscriber.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Puts cursors of a topic elsewhere, or tells where they would stand. */
export function* seek(group: Group, subscriptions: Subscriptions, request: SeekRequest, attempt: string): Task<Outcome<Seeked>> {
  const { subscriber: id, topic, partition, to, preview, generation } = request;
  const doing = `seek ${shownClient('subscriber', id)} in ${shownTopic(topic)}`;
  yield* group.whenTopicsKnown();
  for (let tries = 0; tries < triesMax; tries++) {
    const current = yield* group.current(doing, id);
    if (!current.ok) return current;
    // A topic that was made again under this name may be one that a pattern has not taken up yet.
    const ready = yield* subscriptions.takeUp(current.value, doing);
    const subscriber = 'error' in ready ? current.value : ready.subscriber;
    if (!preview && group.context.state.hasDone(attempt)) return sought(group, subscriber, attempt, request);
    const named = [...subscriber.cursors.values()].filter(
      (one) => one.topic === topic && (partition === null || one.partition === partition),
    );
    // Those of one that is gone are meant only where there is no other: what is said of them says so.
    const isThere = named.some((cursor) => group.isKnown(cursor));
    const cursors = named.filter((cursor) => !isThere || group.isKnown(cursor));
    if (cursors.length === 0) return refused(doing, 'notSubscribed');
    if (generation !== undefined && cursors.some((cursor) => cursor.generation !== generation)) return refused(doing, 'staleGeneration');
    const moves: CursorMove[] = [];
    const puts = [];
    for (const cursor of cursors.map((one) => ({ ...one }))) {
      const wanted = group.wanted(cursor, cursor.offset);
      if ('code' in wanted) return failure(wanted.code, doing, wanted.message);
      const place = yield* group.reads.place(topic, cursor.partition, wanted.group, to, doing);
      if (!place.ok) return place;
      puts.push({ topicId: cursor.topicId, partition: cursor.partition, generation: cursor.generation, offset: place.value });
      moves.push({ ...positionOf(cursor), offset: place.value, from: cursor.offset, distance: place.value - cursor.offset });
    }
    if (preview) return { ok: true, value: { subscriber: id, isDone: false, moves } };
    const outcome = yield* group.submit({ type: 'seek', subscriber: id, made: subscriber.made, attempt, puts });
    if (!outcome.ok) return outcome;
    if (outcome.value === 'staleGeneration') continue;
    if (outcome.value !== 'done') return refused(doing, outcome.value);
    const now = group.subscriber(id);
    return now === undefined ? refused(doing, 'unknownSubscriber') : sought(group, now, attempt, request);
  }
  return failure('overloaded', doing, 'others keep moving it at the same moment');
}

/**
 * What an attempt has done, this one or one before it: the ends and beginnings of now may be others. Of one that others have followed since only where its
 * cursors stand is known.
 */
function sought(
  group: Group,
  { id, lastSeek, cursors }: Subscriber,
  attempt: string,
  { topic, partition: of }: SeekRequest,
): Outcome<Seeked> {
  const isLast = lastSeek?.attempt === attempt;
  const moves = isLast
    ? lastSeek.puts.map(({ partition, from, offset }): CursorMove => {
        const { generation } = lastSeek;
        return { topic, partition, offset, generation, from, distance: offset - from };
      })
    : [...cursors.values()]
        .filter((cursor) => cursor.topic === topic && (of === null || cursor.partition === of) && group.isKnown(cursor))
        .map((cursor): CursorMove => ({ ...positionOf(cursor), from: cursor.offset, distance: 0 }));
  return { ok: true, value: { subscriber: id, isDone: true, moves } };
}
