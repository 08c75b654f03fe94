import { type Task, wait } from '../base/task.ts';
import type { LogError, Outcome } from '../eventlog/index.ts';
import type { PartitionOf } from './commands.ts';
import type { Group } from './group.ts';
import type { FurthestBehind } from './state.ts';

export interface NamedPartition extends PartitionOf {
  readonly topic: string;
}

/** As all that was committed before has left them: what retention may remove for having been read depends on it. */
export function* furthestBehind(group: Group, partitions: readonly NamedPartition[]): Task<Outcome<readonly (FurthestBehind | null)[]>> {
  const refusal = yield* wait<LogError | null>((done) => group.context.confirm(done));
  if (refusal !== null) return { ok: false, error: refusal };
  const { state } = group.context;
  return { ok: true, value: partitions.map(({ topic, ...of }) => state.furthestBehind(topic, of)) };
}
