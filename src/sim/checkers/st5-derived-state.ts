// ST5 derived state
import type { RestoredState } from '../../raft/index.ts';
import type { TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** What is derived from a log (here the table of where terms start, which comes from indexes) is what the log itself says, whatever became of the files. */
export class DerivedState {
  readonly findings = new Findings('ST5');

  /** `log` is what was recovered. */
  opened(group: number, broker: number, state: RestoredState, log: readonly TrackedBatch[]): void {
    this.findings.checked++;
    let at = 0;
    let term = -1;
    for (const batch of log) {
      if (batch.term === term) continue;
      term = batch.term;
      // Retention may have removed whole segments from the front, and with them the starts of terms.
      if (batch.offsetFrom <= state.logStartOffset) continue;
      while ((state.termStarts[at]?.offsetFrom ?? Number.POSITIVE_INFINITY) < batch.offsetFrom) at++;
      const found = state.termStarts[at];
      if (found?.offsetFrom !== batch.offsetFrom || found.term !== batch.term) {
        this.findings.violate(
          `group ${group}: broker ${broker} came back without the start of term ${batch.term} at ${batch.offsetFrom}, but with ${found === undefined ? 'nothing' : `term ${found.term} at ${found.offsetFrom}`}`,
        );
        return;
      }
    }
  }
}
