/**
 * A leader that was stopped and cut off wakes up among old answers and hears of nothing new: for a moment it has every reason to believe that it leads.
 * What it answers as linearizable must not be older than what was acknowledged meanwhile.
 */
import type { AppendResult, EndResult } from '../../eventlog/index.ts';
import { type CheckReport, Findings } from '../checkers/verdict.ts';
import type { Member } from '../cluster.ts';
import { batchOfValues } from '../history.ts';
import { startLogCluster } from './log-cluster.ts';

export interface StaleLeaderRun {
  readonly report: CheckReport;
  /** Ends that the old leader answered. */
  readonly answers: readonly number[];
  /** Of the append that its successor acknowledged; 0 if there was none. */
  readonly acknowledgedEnd: number;
  readonly isReplaced: boolean;
}

export function runStaleLeader(seed: number): StaleLeaderRun {
  const { cluster, pass, leaderId } = startLogCluster(seed, 3, 1000);
  const { network } = cluster.world;
  let value = 0;
  const append = (member: Member, done: (end: number) => void): void => {
    const batch = batchOfValues(value, ++value, 0, 0);
    const request = { topic: 'log', batch, level: 'quorum', timeoutMs: 4000, requestId: null, sequence: 0, expectedOffset: null } as const;
    cluster.callInside<AppendResult>(
      member,
      (service, answer) => service.append(request, answer),
      (outcome) => {
        if (outcome.ok) done(outcome.value.offset + outcome.value.count);
      },
    );
  };
  const old = cluster.member(leaderId());
  const others = cluster.members.filter((member) => member !== old);
  for (let i = 0; i < 20; i++) append(old, () => undefined);
  // Answers are on their way to it as it stops.
  pass(0.9);
  old.machine.process?.pause();
  pass(5);
  for (const { id } of others) {
    network.block(old.id, id);
    network.block(id, old.id);
  }
  pass(1500);
  let acknowledgedEnd = 0;
  append(cluster.member(leaderId()), (end) => {
    acknowledgedEnd = end;
  });
  pass(200);
  const isReplaced = leaderId() !== old.id;

  old.machine.process?.resume();
  const answers: number[] = [];
  for (let i = 0; i < 40; i++) {
    cluster.callInside<EndResult>(
      old,
      (service, answer) => service.end({ topic: 'log', freshness: 'linearizable' }, answer),
      (outcome) => {
        if (outcome.ok) answers.push(outcome.value.offset);
      },
    );
    pass(10);
  }
  network.unblockAll();
  pass(6000);

  const findings = new Findings('L11');
  for (const end of answers) {
    findings.checked++;
    if (end < acknowledgedEnd)
      findings.violate(`the replaced leader ${old.id} answered end ${end} after ${acknowledgedEnd} had been acknowledged`);
  }
  return { report: findings.report(), answers, acknowledgedEnd, isReplaced };
}
