/**
 * Records that are appended later (docs/decisions/0036). `ScheduledState` is what the commands of one group's log say; `Deliverer` claims what is nearly due where
 * that group is led, and appends it when it is.
 *
 * It leaves out groups, brokers and who leads what: that is `broker/scheduled/`.
 */
export { carriedOf, encodeCommand, type ScheduledCommand } from './commands.ts';
export { Deliverer } from './deliverer.ts';
export { type Due, Nearest } from './nearest.ts';
export { type ScheduledOutcome, ScheduledState } from './state.ts';
export type { Target } from './waiting.ts';
