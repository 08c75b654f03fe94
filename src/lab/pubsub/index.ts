/**
 * `cairn lab pubsub`: the eight evaluations of contract 3 on eight brokers. `peers-at-once.ts` is the first, `replicas.ts` the second, `outage.ts` has the
 * next three; `apis.ts` and `wire-apis.ts` measure each API on each broker (6). `cluster.ts` has the brokers, `clients.ts` the closed loop that all figures
 * come from, `lab.ts` puts together what the parts leave, and `discussion.ts` says what it comes to.
 */
export { discuss } from './discussion.ts';
export { fullExtent, quickExtent } from './extents.ts';
export { type PartName, parts, runPubsubLab } from './lab.ts';
