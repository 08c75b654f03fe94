export { type FollowRequest, follow } from './follow.ts';
export { LogError } from './log-error.ts';
export { type EventLog, withPromises } from './promises.ts';
export type * from './types.ts';
