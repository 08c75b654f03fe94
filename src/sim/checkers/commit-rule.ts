import type { BrokerId } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/contract.ts';
import { type GroupLedger, indexEndingAt, termAt, type TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/**
 * R8 and R9: a leader moves its high watermark only over batches of its own term that a majority has synced (Raft §5.4.2, figure 8); a high
 * watermark never goes back in one life and never passes the log's end.
 */
export class CommitRule {
  readonly findings = new Findings('commitRule');
  readonly #majority: number;

  constructor(voterCount: number) {
    this.#majority = Math.floor(voterCount / 2) + 1;
  }

  advanced(ledger: GroupLedger, broker: BrokerId, before: number, to: number, replica: ReplicaView): void {
    this.findings.checked++;
    const where = `group ${ledger.group}: broker ${broker} (${replica.role}, term ${replica.term})`;
    if (to < before) this.findings.violate(`${where} moved its high watermark back from ${before} to ${to}`);
    if (to > replica.endOffset) this.findings.violate(`${where} has high watermark ${to} beyond its end ${replica.endOffset}`);
    if (replica.role !== 'leader' || to <= before) return;

    const term = termAt(replica.termStarts, to - 1);
    if (term !== replica.term) {
      this.findings.violate(`${where} committed up to ${to} by counting, which is of term ${term}`);
      return;
    }
    let count = 0;
    for (const { synced } of ledger.replicas.values()) {
      const index = indexEndingAt(synced, to);
      if (index >= 0 && (synced[index] as TrackedBatch).term === term) count++;
    }
    if (count < this.#majority) {
      this.findings.violate(`${where} committed up to ${to}, which ${count} brokers have synced and a majority is ${this.#majority}`);
    }
  }
}
