// R15 node identity
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Message } from '../../raft/index.ts';
import { Findings } from './verdict.ts';

/**
 * A broker whose disk was lost or put back does not act under its old id: it neither leads, nor does anybody lead by its vote. What it acknowledges is no
 * part of a majority for R9, P1 and V1, which do not count it either.
 */
export class NodeIdentity {
  readonly findings = new Findings('R15');
  readonly #majority: number;
  readonly #impostors = new Set<BrokerId>();
  /** Who voted, by group, term and candidate; impostors left out. */
  readonly #voters = new Map<string, Set<BrokerId>>();

  constructor(voterCount: number) {
    this.#majority = Math.floor(voterCount / 2) + 1;
  }

  isImpostor(broker: BrokerId): boolean {
    return this.#impostors.has(broker);
  }

  becameImpostor(broker: BrokerId): void {
    this.#impostors.add(broker);
  }

  sent(group: GroupId, broker: BrokerId, message: Message): void {
    if (message.type !== 'requestVoteResponse' || !message.granted || message.preVote || this.#impostors.has(broker)) return;
    const key = `${group}/${message.term}/${message.to}`;
    const voters = this.#voters.get(key) ?? new Set();
    voters.add(broker);
    this.#voters.set(key, voters);
  }

  elected(group: GroupId, broker: BrokerId, term: number): void {
    this.findings.checked++;
    const where = `group ${group}: broker ${broker}`;
    if (this.#impostors.has(broker)) {
      this.findings.violate(`${where} leads term ${term} although its disk is not the one that it had`);
      return;
    }
    const count = 1 + (this.#voters.get(`${group}/${term}/${broker}`)?.size ?? 0);
    if (count < this.#majority) {
      this.findings.violate(
        `${where} leads term ${term} with ${count} votes of brokers that are who they say; ${this.#majority} are a majority`,
      );
    }
  }
}
