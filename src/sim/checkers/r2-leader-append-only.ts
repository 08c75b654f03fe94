// R2 leader append-only
import type { BrokerId, GroupId, Offset, Term } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/index.ts';
import type { TermStart } from '../../raft/index.ts';
import { Findings } from './verdict.ts';

interface Seen {
  readonly term: Term;
  readonly endOffset: Offset;
  readonly termStarts: readonly TermStart[];
}

/** R2, Leader Append-Only (Raft §5.3): while it leads, a leader's log only grows, and no entry in it changes its term. */
export class LeaderAppendOnly {
  readonly findings = new Findings('R2');
  readonly #seen = new Map<string, Seen>();

  changed(group: GroupId, broker: BrokerId, replica: ReplicaView): void {
    const key = `${group}/${broker}`;
    if (replica.role !== 'leader') {
      this.#seen.delete(key);
      return;
    }
    this.findings.checked++;
    const before = this.#seen.get(key);
    if (before !== undefined && before.term === replica.term) {
      if (replica.endOffset < before.endOffset) {
        this.findings.violate(
          `group ${group}: leader ${broker} of term ${replica.term} shortened its log from ${before.endOffset} to ${replica.endOffset}`,
        );
      }
      before.termStarts.forEach((start, index) => {
        const now = replica.termStarts[index];
        // Retention may drop whole terms from the front; what is left must be as it was.
        if (
          now !== undefined &&
          replica.termStarts.length >= before.termStarts.length &&
          now.term === start.term &&
          now.offsetFrom < start.offsetFrom
        ) {
          this.findings.violate(
            `group ${group}: leader ${broker} moved the start of term ${start.term} from ${start.offsetFrom} to ${now.offsetFrom}`,
          );
        }
      });
    }
    if (before === undefined || before.term !== replica.term || before.endOffset !== replica.endOffset) {
      this.#seen.set(key, { term: replica.term, endOffset: replica.endOffset, termStarts: [...replica.termStarts] });
    }
  }

  /** A process ended: what it led is over. */
  restarted(group: GroupId, broker: BrokerId): void {
    this.#seen.delete(`${group}/${broker}`);
  }
}
