// R5 state machine safety
import type { GroupLedger, ReplicaTrack, TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** R5, State Machine Safety (Raft §5.4.3): what one replica holds as committed at an offset no replica ever holds otherwise. */
export class StateMachineSafety {
  readonly findings = new Findings('R5');

  /** Compares what became committed on a replica with the ledger; gives the batches that are new to it. */
  advanced(ledger: GroupLedger, track: ReplicaTrack, term: number, nowMs: number): TrackedBatch[] {
    const fresh: TrackedBatch[] = [];
    for (;;) {
      const batch = track.log[track.comparedIndex];
      if (batch === undefined || batch.offsetTo > track.highWatermark) return fresh;
      const known = ledger.committed[track.comparedIndex];
      this.findings.checked++;
      if (known === undefined) {
        ledger.committed.push(batch);
        ledger.committedInTerm.push(term);
        ledger.committedAtMs.push(nowMs);
        fresh.push(batch);
      } else if (known.checksum !== batch.checksum || known.offsetFrom !== batch.offsetFrom) {
        this.findings.violate(
          `group ${ledger.group}: broker ${track.broker} holds another batch as committed at ${batch.offsetFrom} (term ${batch.term}) than was committed at ${known.offsetFrom} (term ${known.term})`,
        );
      }
      track.comparedIndex++;
      track.comparedTo = batch.offsetTo;
    }
  }
}
