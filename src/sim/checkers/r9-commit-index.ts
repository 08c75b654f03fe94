// R9 commit index
import type { BrokerId } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/index.ts';
import type { Members } from './r20-members.ts';
import { type GroupLedger, indexEndingAt, termAt, type TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** A high watermark never goes back in one life, never passes the log's end, and a leader's never passes what a majority has synced. */
export class CommitIndex {
  readonly findings = new Findings('R9');
  readonly #members: Members;

  constructor(members: Members) {
    this.#members = members;
  }

  advanced(ledger: GroupLedger, broker: BrokerId, before: number, to: number, replica: ReplicaView): void {
    this.findings.checked++;
    const where = `group ${ledger.group}: broker ${broker} (${replica.role}, term ${replica.term})`;
    if (to < before) this.findings.violate(`${where} moved its high watermark back from ${before} to ${to}`);
    if (to > replica.endOffset) this.findings.violate(`${where} has high watermark ${to} beyond its end ${replica.endOffset}`);
    if (replica.role !== 'leader' || to <= before) return;

    const term = termAt(replica.termStarts, to - 1);
    let count = 0;
    for (const voter of this.#members.votersOf(ledger.group)) {
      const synced = ledger.replicas.get(voter)?.synced ?? [];
      const index = indexEndingAt(synced, to);
      if (index >= 0 && (synced[index] as TrackedBatch).term === term) count++;
    }
    const majority = this.#members.majorityOf(ledger.group);
    if (count < majority) {
      this.findings.violate(`${where} committed up to ${to}, which ${count} brokers have synced and a majority is ${majority}`);
    }
  }
}
