// R1 election safety
import type { BrokerId, GroupId, Term } from '../../base/branded.ts';
import { Findings } from './verdict.ts';

/** R1, Election Safety (Raft §5.2): at most one leader in a term, over all time and all lives. */
export class ElectionSafety {
  readonly findings = new Findings('R1');
  readonly #leaders = new Map<GroupId, Map<Term, BrokerId>>();

  elected(group: GroupId, broker: BrokerId, term: Term): void {
    this.findings.checked++;
    const leaders = this.#leaders.get(group) ?? new Map<Term, BrokerId>();
    this.#leaders.set(group, leaders);
    const known = leaders.get(term);
    if (known === undefined) leaders.set(term, broker);
    else if (known !== broker) this.findings.violate(`group ${group}: brokers ${known} and ${broker} both lead in term ${term}`);
  }
}
