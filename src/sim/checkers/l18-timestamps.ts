// L18 timestamps
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** Log time, assigned by the leader, rises along each log, whatever the clocks of the leaders say. */
export class Timestamps {
  readonly findings = new Findings('L18');

  appended(group: GroupId, broker: BrokerId, batch: TrackedBatch, previous: TrackedBatch | undefined): void {
    this.findings.checked++;
    if (previous === undefined) return;
    const rises = batch.stampMs > previous.stampMs || (batch.stampMs === previous.stampMs && batch.stampCounter > previous.stampCounter);
    if (!rises) {
      this.findings.violate(
        `group ${group}: broker ${broker} put log time ${batch.stampMs}.${batch.stampCounter} at ${batch.offsetFrom} after ${previous.stampMs}.${previous.stampCounter}`,
      );
    }
  }
}
