/**
 * One broker over the injected host (design, D4, D7, D8): `Broker` is what the daemon, the gateway and the simulator see (`contract.ts`).
 *
 * `broker.ts` has its life, `services.ts` what it consists of once open, `calls.ts` what callers ask, `loop.ts` the turn, `ticker.ts` the time. The rest
 * are rooms, each entered through its `index.ts`: `replica/` (members of groups), `peers/` (links to other brokers), `edge/` (appends, reads and requests
 * on their way to a leader), `catalog/` (names). An append passes `edge/appends.ts` and `edge/append-queue.ts`, then `replica/leader-appends.ts`.
 *
 * It leaves out sockets, HTTP, processes and what records mean.
 */
export { Broker } from './broker.ts';
export { processName } from './causal-ring.ts';
export type { BrokerApi, BrokerObserver, BrokerOptions, DerivedFrom, ReplicaView } from './contract.ts';
export { type BrokerSettings, defaultSettings } from './settings.ts';
export { catalogGroup, catalogVotersMax, internalReplicas, logGroup, logTopic, parkedTopic, subscriberGroups } from './well-known.ts';
