// R4 leader completeness
import type { GroupId } from '../../base/branded.ts';
import { type Election, type GroupLedger, termAt, type TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/**
 * R4, Leader Completeness (Raft §5.4): what was committed in a term is in the logs of the leaders of all higher terms. The term is that of the leader
 * who committed it, which may be above the entry's own. Checked from both sides, since a commit may be learnt after the election that should have
 * respected it.
 */
export class LeaderCompleteness {
  readonly findings = new Findings('R4');

  elected(ledger: GroupLedger, election: Election): void {
    // The last one stands for all before it: equal (offset, term) means equal logs up to there, which Log Matching watches.
    for (let i = ledger.committed.length - 1; i >= 0; i--) {
      if ((ledger.committedInTerm[i] as number) >= election.term) continue;
      this.#check(ledger.group, ledger.committed[i] as TrackedBatch, ledger.committedInTerm[i] as number, election);
      return;
    }
  }

  committed(ledger: GroupLedger, batch: TrackedBatch, inTerm: number): void {
    for (const election of ledger.elections) {
      if (election.term > inTerm) this.#check(ledger.group, batch, inTerm, election);
    }
  }

  #check(group: GroupId, batch: TrackedBatch, inTerm: number, election: Election): void {
    this.findings.checked++;
    const has = election.endOffset >= batch.offsetTo && termAt(election.termStarts, batch.offsetFrom) === batch.term;
    if (!has) {
      this.findings.violate(
        `group ${group}: broker ${election.broker} was elected in term ${election.term} without [${batch.offsetFrom}, ${batch.offsetTo}), committed in term ${inTerm}`,
      );
    }
  }
}
