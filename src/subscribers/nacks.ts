import type { Task } from '../base/task.ts';
import type { Nacked, NackedRecord, NackRequest, Outcome } from '../eventlog/index.ts';
import { reasonLengthMax } from '../eventlog/index.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { FailedRecord } from './commands.ts';
import type { Group } from './group.ts';
import { refused } from './refusals.ts';
import { shownClient } from './requests.ts';
import { cursorKey } from './subscriber.ts';

/** Records whose processing has failed: counted on a majority before it is answered, and once however often it is said. */
export function* nack(
  group: Group,
  acknowledgements: Acknowledgements,
  { subscriber: id, records, ordered: isOrdered = false }: NackRequest,
  attempt: string,
): Task<Outcome<Nacked>> {
  const doing = `take failed records of ${shownClient('subscriber', id)}`;
  const current = yield* group.current(doing, id);
  if (!current.ok) return current;
  const { made } = current.value;
  // What comes for the first time acknowledges all below it, and itself: it must be there.
  const places = records.map(({ topic, partition = 0, offset, generation }) => ({
    topic,
    partition,
    offset: offset + 1,
    ...(generation === undefined ? {} : { generation }),
  }));
  const positions = yield* acknowledgements.positions(current.value, places, doing);
  if (!positions.ok) return positions;
  const failed = positions.value.map(({ topicId, partition, generation }, index): FailedRecord => {
    const { offset = 0, tries = 0, reason = '' } = records[index] ?? {};
    return { topicId, partition, generation, offset, tries, reason: reason.slice(0, reasonLengthMax).toWellFormed() };
  });
  const { limits, retrying } = group.context;
  const most = { retriesMax: limits.retries, groupRetriesMax: limits.groupRetries };
  const outcome = yield* group.submit({ type: 'nack', subscriber: id, made, records: failed, isOrdered, ...retrying, ...most, attempt });
  if (!outcome.ok) return outcome;
  if (outcome.value !== 'done') return refused(doing, outcome.value);
  const subscriber = group.subscriber(id);
  let parkedTries: Map<string, number> | null = null;
  const now = failed.map(({ offset, ...of }, index): NackedRecord => {
    const retry = subscriber?.cursors.get(cursorKey(of))?.retries?.get(offset);
    const place = { topic: records[index]?.topic ?? '', partition: of.partition, offset };
    if (retry === undefined) {
      // It may have been parked before this could be answered: it was not done, and in order nothing behind it was given for good.
      parkedTries ??= new Map([...(subscriber?.parked.values() ?? [])].map((one) => [`${cursorKey(one)} ${one.offset}`, one.tries]));
      const parked = parkedTries.get(`${cursorKey(of)} ${offset}`);
      if (parked !== undefined) return { ...place, state: 'parks', tries: parked, dueMs: null };
      return { ...place, state: 'done', tries: 0, dueMs: null };
    }
    const { tries, isToBeParked, failedMs, waitMs } = retry;
    return { ...place, tries, ...(isToBeParked ? { state: 'parks', dueMs: null } : { state: 'waits', dueMs: failedMs + waitMs }) };
  });
  return { ok: true, value: { subscriber: id, records: now } };
}
