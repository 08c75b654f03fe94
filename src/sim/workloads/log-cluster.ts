/** A cluster that keeps only `log`, with clocks that are right, for directed runs: their faults are their own. */
import { Broker } from '../../broker/index.ts';
import { Cluster } from '../cluster.ts';

export interface LogCluster {
  readonly cluster: Cluster;
  /** Lets so much time pass. */
  readonly pass: (ms: number) => void;
  /** The broker that was elected last; 0 if none was. */
  readonly leaderId: () => number;
}

/** All brokers are started and had `settleMs` to elect a leader. */
export function startLogCluster(seed: number, brokerCount: number, settleMs: number): LogCluster {
  const cluster = new Cluster({
    seed,
    brokerCount,
    makeBroker: (options) => new Broker(options),
    inMemory: false,
    logOnly: true,
    clockSkewMsMax: 0,
    clockDriftMax: 0,
  });
  const pass = (ms: number): void => cluster.world.scheduler.runUntil(cluster.nowMs + ms);
  const leaderId = (): number => [...cluster.watch.ledger.groups][0]?.elections.at(-1)?.broker ?? 0;
  for (const member of cluster.members) cluster.start(member);
  pass(settleMs);
  return { cluster, pass, leaderId };
}
