export { failsForGood, isAhead, isPassed, withRequestOutcome } from './attempts.ts';
export { type FollowRequest, follow } from './follow.ts';
export { LogError } from './log-error.ts';
export { MemoryLog, type MemoryLogOptions } from './memory-log.ts';
export { type EventLog, withPromises } from './promises.ts';
export { describeOffsets } from './offsets.ts';
export { refuseAppend, refuseRead, refuseSettings } from './ranges.ts';
export type * from './types.ts';
export { keptBatchBytesMax, requestIdBytesMax } from './types.ts';
