// R20 members
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Membership, Message } from '../../raft/index.ts';
import { Findings } from './verdict.ts';

/**
 * Who votes in a group is the same for all its replicas, in every life: else two quorums could miss each other. Whoever does not vote in it asks for no votes and
 * gives none, and counts in no quorum: the checks that count ask here.
 */
export class Members {
  readonly findings = new Findings('R20');
  readonly #everybody: readonly BrokerId[];
  readonly #voters = new Map<GroupId, readonly BrokerId[]>();
  readonly #learners = new Map<GroupId, readonly BrokerId[]>();

  /** `everybody` votes where nothing else is known yet. */
  constructor(everybody: readonly BrokerId[]) {
    this.#everybody = everybody;
  }

  opened(group: GroupId, broker: BrokerId, { voters, learners }: Membership): void {
    this.findings.checked++;
    const known = this.#voters.get(group);
    if (known === undefined) {
      this.#voters.set(group, [...voters]);
      this.#learners.set(group, [...learners]);
    } else if (said(known, this.learnersOf(group)) !== said(voters, learners)) {
      const other = said(known, this.learnersOf(group));
      this.findings.violate(`group ${group}: broker ${broker} takes ${said(voters, learners)} for its members, others ${other}`);
    }
  }

  sent(group: GroupId, broker: BrokerId, message: Message): void {
    const isVote = message.type === 'requestVote' || (message.type === 'requestVoteResponse' && message.granted);
    if (!isVote) return;
    this.findings.checked++;
    if (!this.votersOf(group).includes(broker))
      this.findings.violate(`group ${group}: broker ${broker} sent a ${message.type} and does not vote in it`);
  }

  votersOf(group: GroupId): readonly BrokerId[] {
    return this.#voters.get(group) ?? this.#everybody;
  }

  learnersOf(group: GroupId): readonly BrokerId[] {
    return this.#learners.get(group) ?? [];
  }

  has(group: GroupId, broker: BrokerId): boolean {
    return this.votersOf(group).includes(broker) || this.learnersOf(group).includes(broker);
  }

  majorityOf(group: GroupId): number {
    return Math.floor(this.votersOf(group).length / 2) + 1;
  }
}

const said = (voters: readonly BrokerId[], learners: readonly BrokerId[]): string =>
  `${voters.toSorted((a, b) => a - b).join(',')} (learners ${learners.toSorted((a, b) => a - b).join(',') || 'none'})`;
