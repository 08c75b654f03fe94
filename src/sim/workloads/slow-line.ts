/**
 * A broker that was cut off comes back at the end of a slow line and lacks far more than a window of bytes: they must go to it once, and in about the time
 * that the line needs for them.
 */
import type { AppendResult } from '../../eventlog/index.ts';
import { type CheckReport, Findings } from '../checkers/verdict.ts';
import { endOf } from '../checkers/replica-ledger.ts';
import { batchOfValues } from '../history.ts';
import { startLogCluster } from './log-cluster.ts';

export interface SlowLineRun {
  readonly reports: readonly CheckReport[];
  readonly lackedBytes: number;
  /** Of the log's batches, by the leader to the broker at the end of the line; also what the links did not take. */
  readonly sentBytes: number;
  /** What the line needs for what is lacking, and what was needed. */
  readonly leastMs: number;
  readonly tookMs: number;
}

const recordBytes = 256 * 1024;
const timesLeast = 3;

export function runSlowLine(seed: number, bytesPerMs: number, records = 48): SlowLineRun {
  const { cluster, pass, leaderId } = startLogCluster(seed, 3, 1000);
  const { network } = cluster.world;
  const leader = cluster.member(leaderId());
  const slow = cluster.members.find((member) => member !== leader) ?? leader;
  for (const { id } of cluster.members) {
    network.block(slow.id, id);
    network.block(id, slow.id);
  }
  pass(1000);
  let acknowledged = 0;
  for (let value = 0; value < records; value++) {
    const batch = batchOfValues(value, value + 1, recordBytes, 0);
    const request = { topic: 'log', batch, level: 'quorum', timeoutMs: 4000, requestId: null, sequence: 0, expectedOffset: null } as const;
    cluster.callInside<AppendResult>(
      leader,
      (service, answer) => service.append(request, answer),
      (outcome) => {
        if (outcome.ok) acknowledged++;
      },
    );
    pass(50);
  }
  const [group] = cluster.watch.ledger.groups;
  const held = (id: number): number => endOf(group?.replicas.get(cluster.member(id).id)?.synced ?? []);
  const lackedBytes = acknowledged * recordBytes;
  const end = held(leader.id);
  const sentBefore = cluster.watch.sentOnce.sentBytes;
  network.lineRates.set(slow.id, bytesPerMs);
  network.unblockAll();
  const fromMs = cluster.nowMs;
  const leastMs = lackedBytes / bytesPerMs;
  while (held(slow.id) < end && cluster.nowMs < fromMs + timesLeast * leastMs + 5000) pass(20);
  const findings = new Findings('V5');
  findings.checked++;
  if (held(slow.id) < end)
    findings.violate(`broker ${slow.id} has ${held(slow.id)} of ${end} after ${timesLeast} times what its line needs`);
  return {
    reports: [...cluster.reports(), findings.report()],
    lackedBytes,
    sentBytes: cluster.watch.sentOnce.sentBytes - sentBefore,
    leastMs,
    tookMs: cluster.nowMs - fromMs,
  };
}
