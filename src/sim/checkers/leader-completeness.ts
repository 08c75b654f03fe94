import type { GroupId } from '../../base/branded.ts';
import { type Election, type GroupLedger, termAt, type TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/**
 * R4, Leader Completeness (Raft §5.4): what is committed is in the logs of the leaders of all higher terms. Checked from both sides, since a
 * commit may be learnt after the election that should have respected it.
 */
export class LeaderCompleteness {
  readonly findings = new Findings('leaderCompleteness');

  elected(ledger: GroupLedger, election: Election): void {
    let from = 0;
    // Batches of one term stand together: one look for each term and one at the end is enough.
    for (const batch of ledger.committed) {
      if (batch.term >= election.term) break;
      if (batch.offsetFrom < from) continue;
      this.#check(ledger.group, batch, election);
      from = batch.offsetTo;
    }
  }

  committed(ledger: GroupLedger, batch: TrackedBatch): void {
    for (let i = ledger.elections.length - 1; i >= 0; i--) {
      const election = ledger.elections[i] as Election;
      if (election.term > batch.term) this.#check(ledger.group, batch, election);
    }
  }

  #check(group: GroupId, batch: TrackedBatch, election: Election): void {
    this.findings.checked++;
    const has = election.endOffset >= batch.offsetTo && termAt(election.termStarts, batch.offsetFrom) === batch.term;
    if (!has) {
      this.findings.violate(
        `group ${group}: broker ${election.broker} was elected in term ${election.term} without [${batch.offsetFrom}, ${batch.offsetTo}), committed in term ${batch.term}`,
      );
    }
  }
}
