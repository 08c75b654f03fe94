// R8 commit of the current term
import type { BrokerId } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/index.ts';
import { type GroupLedger, termAt } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** A leader commits by counting only what is of its own term (Raft §5.4.2, figure 8). */
export class CommitOfTheCurrentTerm {
  readonly findings = new Findings('R8');

  advanced(ledger: GroupLedger, broker: BrokerId, before: number, to: number, replica: ReplicaView): void {
    if (replica.role !== 'leader' || to <= before) return;
    this.findings.checked++;
    const term = termAt(replica.termStarts, to - 1);
    if (term !== replica.term) {
      this.findings.violate(
        `group ${ledger.group}: broker ${broker} (leader, term ${replica.term}) committed up to ${to} by counting, which is of term ${term}`,
      );
    }
  }
}
