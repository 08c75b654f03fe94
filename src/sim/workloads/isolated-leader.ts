/** A leader that nobody hears and who hears nobody, for as long as it takes: it must notice by itself, whatever its successor does. */
import { Broker } from '../../broker/index.ts';
import type { CheckReport } from '../checkers/verdict.ts';
import { Cluster } from '../cluster.ts';

const apartMs = 15_000;

export function runIsolatedLeader(seed: number): CheckReport[] {
  const cluster = new Cluster({
    seed,
    brokerCount: 3,
    makeBroker: (options) => new Broker(options),
    inMemory: false,
    logOnly: true,
    clockSkewMsMax: 0,
    clockDriftMax: 0,
  });
  const { scheduler, network } = cluster.world;
  const pass = (ms: number): void => scheduler.runUntil(cluster.nowMs + ms);
  for (const member of cluster.members) cluster.start(member);
  pass(1000);
  const leader = [...cluster.watch.ledger.groups][0]?.elections.at(-1)?.broker ?? 1;
  for (const { id } of cluster.members) {
    if (id === leader) continue;
    network.block(leader, id);
    network.block(id, leader);
  }
  pass(apartMs);
  network.unblockAll();
  pass(2000);
  return cluster.reports();
}
