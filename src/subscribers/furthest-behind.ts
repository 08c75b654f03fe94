import { type Task, wait } from '../base/task.ts';
import type { LogError, Outcome } from '../eventlog/index.ts';
import type { PartitionOf } from './commands.ts';
import type { Group } from './group.ts';
import { retriesOf } from './retries.ts';
import type { FurthestBehind, SubscriberState } from './state.ts';

export interface NamedPartition extends PartitionOf {
  readonly topic: string;
}

/** As all that was committed before has left them: what retention may remove for having been read depends on it. */
export function* furthestBehind(group: Group, partitions: readonly NamedPartition[]): Task<Outcome<readonly (FurthestBehind | null)[]>> {
  const refusal = yield* wait<LogError | null>((done) => group.context.confirm(done));
  if (refusal !== null) return { ok: false, error: refusal };
  const { state, parkedLog } = group.context;
  return {
    ok: true,
    value: partitions.map(({ topic, ...of }) => {
      if (topic !== parkedLog.place?.topic) return state.furthestBehind(topic, of);
      // No subscriber can be subscribed to it, and no pattern means it: copies are wanted by those whose records are parked.
      return of.partition === parkedLog.place.partition ? (firstCopy(state) ?? { subscriber: '', offset: Number.MAX_SAFE_INTEGER }) : null;
    }),
  };
}

/** Of the copies of parked records that are still wanted, those too that come again: the first, and by whom. One that is yet to be parked may have its copy anywhere. */
function firstCopy(state: SubscriberState): FurthestBehind | null {
  for (const { subscriber } of state.retries.toPark) return { subscriber, offset: 0 };
  let found: FurthestBehind | null = null;
  const look = (subscriber: string, offset: number | null): void => {
    if (offset !== null && (found === null || offset < found.offset)) found = { subscriber, offset };
  };
  for (const { id, parked, cursors } of state.subscribers()) {
    for (const copy of parked.keys()) look(id, copy);
    for (const cursor of cursors.values()) for (const { parkedAt } of retriesOf(cursor)) look(id, parkedAt);
  }
  return found;
}
