/**
 * The node that loses nothing: `Agent` takes lines in, keeps them in a `Spool` on disk until they are stored, and sends them over whatever connections
 * it gets. It works over `host/` (disk, clock, randomness) and a `dial` of the caller's, so that tests and the simulator run it as it is. What is left
 * out: where lines come from (standard input, a growing file), which is `daemon/collect/`.
 */
export { Agent, type AgentCounters, type AgentFailure } from './agent.ts';
export { inspectSpool, type SpoolView } from './inspect.ts';
export { openSpool, Spool, type SpoolFailure } from './spool.ts';
export { hexOf } from './spool-format.ts';
