/**
 * What is appended later, on a broker (docs/decisions/0036). `Scheduled` takes what callers give to one of the groups that keep it, and asks whoever leads them;
 * `WaitingGroup` is one such group where there is a replica of it. What they do is in `src/scheduled/`.
 */
export { Scheduled } from './scheduled.ts';
