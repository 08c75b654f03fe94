/**
 * Publishers and subscribers (docs/decisions/0030). `SubscriberState` is what the commands of one group's log say; `Coordinator` answers what is asked where that
 * group is led, over any log of records; `memorySubscriptions` is both without a group, for tests.
 *
 * It leaves out groups, brokers and who leads what: that is `broker/subscribers/`.
 */
export { parseSubscriberCommand, type SubscriberCommand, type SubscriberOutcome } from './commands.ts';
export { Coordinator } from './coordinator.ts';
export { Publishing, refusing } from './front.ts';
export type { NamedPartition } from './furthest-behind.ts';
export { type FurthestBehind, SubscriberState } from './state.ts';
export type { KnownTopic } from './topic-reads.ts';
