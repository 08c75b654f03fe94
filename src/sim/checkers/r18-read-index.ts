// R18 read index
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Message } from '../../raft/index.ts';
import { Findings } from './verdict.ts';

/**
 * A linearizable read shows at least what was committed anywhere when it was asked, and the number by which a leader confirms itself never goes back
 * within a term, so that no answer to an older round is taken for one to a newer.
 */
export class ReadIndex {
  readonly findings = new Findings('R18');
  readonly #rounds = new Map<string, { readonly term: number; readonly round: number }>();

  sent(group: GroupId, broker: BrokerId, message: Message): void {
    if (message.type !== 'appendEntries') return;
    const key = `${group}/${broker}`;
    const last = this.#rounds.get(key);
    if (last?.term === message.term && last.round === message.readContext) return;
    this.findings.checked++;
    if (last !== undefined && last.term === message.term && message.readContext < last.round) {
      this.findings.violate(
        `group ${group}: leader ${broker} of term ${message.term} sent round ${message.readContext} after round ${last.round}`,
      );
    }
    this.#rounds.set(key, { term: message.term, round: message.readContext });
  }

  /** `committed`: the end of what any broker knew to be committed when the read was asked. */
  answered(topic: string, broker: number, committed: number, answered: number): void {
    this.findings.checked++;
    if (answered < committed) {
      this.findings.violate(
        `a linearizable read of "${topic}" at broker ${broker} showed ${answered}, when ${committed} was committed before it began`,
      );
    }
  }
}
