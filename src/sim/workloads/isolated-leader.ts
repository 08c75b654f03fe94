/** A leader that nobody hears and who hears nobody, for as long as it takes: it must notice by itself, whatever its successor does. */
import type { CheckReport } from '../checkers/verdict.ts';
import { startLogCluster } from './log-cluster.ts';

const apartMs = 15_000;

export function runIsolatedLeader(seed: number): CheckReport[] {
  const { cluster, pass, leaderId } = startLogCluster(seed, 3, 1000);
  const { network } = cluster.world;
  const leader = leaderId();
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
