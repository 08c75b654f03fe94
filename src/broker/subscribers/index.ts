/**
 * Publishers and subscribers on a broker (docs/decisions/0030). `Subscribers` takes what callers ask to whoever leads the group that keeps it; `Keeping` is one such
 * group where there is a replica of it. What they do is in `src/subscribers/`.
 */
export { Subscribers } from './subscribers.ts';
