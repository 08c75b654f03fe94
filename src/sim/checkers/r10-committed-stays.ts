// R10 committed stays
import { type GroupLedger, indexAt, type ReplicaTrack, type TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** R10: no replica takes a committed batch out of its log. */
export class CommittedStays {
  readonly findings = new Findings('R10');

  truncated(ledger: GroupLedger, track: ReplicaTrack, removed: readonly TrackedBatch[]): void {
    this.findings.checked++;
    const where = `group ${track.group}: broker ${track.broker}`;
    for (const batch of removed) {
      const known = ledger.committed[indexAt(ledger.committed, batch.offsetFrom)];
      if (known?.checksum === batch.checksum && known.offsetFrom === batch.offsetFrom) {
        this.findings.violate(`${where} removed [${batch.offsetFrom}, ${batch.offsetTo}) of term ${batch.term}, which is committed`);
        return;
      }
    }
  }
}
