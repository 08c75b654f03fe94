import type { Task } from '../base/task.ts';
import { type HeartbeatRequest, type LeaveRequest, type Outcome, shownTopic, topicPageMax, type WorkerState } from '../eventlog/index.ts';
import { committedOf } from './cursors.ts';
import type { Group } from './group.ts';
import { isAskedBack, type Membership, shareOf } from './membership.ts';
import { refused } from './refusals.ts';
import { shownClient } from './requests.ts';
import { holderOf } from './subscriber.ts';
import { isSubscribed } from './subscriptions.ts';

/** A worker's sign of life, answered with what it holds. */
export function* heartbeat(
  group: Group,
  membership: Membership,
  { subscriber: id, worker: name, ...coming }: HeartbeatRequest,
): Task<Outcome<WorkerState>> {
  const doing = `join worker ${JSON.stringify(name)} to ${shownClient('subscriber', id)}`;
  const current = yield* group.current(doing, id);
  if (!current.ok) return current;
  for (const topic of coming.topics ?? [])
    if (!isSubscribed(current.value, topic)) return refused(`${doing} for ${shownTopic(topic)}`, 'notSubscribed');
  const entered = yield* membership.enter(current.value, { worker: name, ...coming }, doing);
  if ('error' in entered) return entered;
  yield* membership.look(current.value);
  const subscriber = group.subscriber(id);
  if (subscriber === undefined) return refused(doing, 'unknownSubscriber');
  const mine = [...subscriber.cursors.values()].filter((cursor) => holderOf(cursor) === name);
  const cursors = mine.slice(0, topicPageMax).map((cursor) => ({ ...committedOf(cursor), isAskedBack: isAskedBack(cursor) }));
  const { lastPull } = entered.worker;
  return { ok: true, value: { subscriber: id, ...shareOf(subscriber, entered.worker), lastPull, cursors } };
}

export function* leave(group: Group, membership: Membership, request: LeaveRequest, attempt: string): Task<Outcome<undefined>> {
  const { subscriber: id, worker } = request;
  const doing = `end worker ${JSON.stringify(worker)} of ${shownClient('subscriber', id)}`;
  const current = yield* group.current(doing, id);
  if (!current.ok) return current;
  if (group.context.state.hasDone(attempt)) return { ok: true, value: undefined };
  return yield* membership.leave(current.value, request, attempt, doing);
}
