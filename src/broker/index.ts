/**
 * One broker over the injected host (design, D4, D7, D8): `Broker` is what the daemon, the gateway and the simulator see (`contract.ts`).
 *
 * `broker.ts` has its life, `services.ts` what it consists of once open, `calls.ts` what callers ask, `loop.ts` the turn, `groups.ts` the
 * replicas, `replica.ts` one of them with its consensus core, log and derived state (`tail.ts`, `producers.ts`).
 * An append passes `appends.ts` and `append-queue.ts` (the edge: bounds, packing, forwarding, retry, deadline), then `leader-appends.ts` (the leader:
 * duplicates, order, levels). Reads pass `barriers.ts` and `reads.ts`. `links.ts` speaks with peers, `topics.ts` and `catalog.ts` know names.
 *
 * It leaves out sockets, HTTP, processes and what records mean.
 */
export { Broker } from './broker.ts';
export type { BrokerApi, BrokerObserver, BrokerOptions, ReplicaView } from './contract.ts';
export { type BrokerSettings, defaultSettings } from './settings.ts';
