// R16 pre-vote
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Message } from '../../raft/index.ts';
import type { Members } from './r20-members.ts';
import { Findings } from './verdict.ts';

/**
 * Asking for pre-votes changes nobody's term: a term begins with a candidate that was granted a majority of pre-votes for it, or was told to campaign
 * by its leader (thesis §9.6, §3.10). And who has heard the leader of its term within the least election timeout grants no pre-vote (stickiness). Seen
 * from what was sent: a message that was lost counts in the candidate's favour, and an answer proves that its round was heard after it was sent.
 */
export class PreVote {
  readonly findings = new Findings('R16');
  readonly #members: Members;
  readonly #stickyMs: (voter: BrokerId) => number;
  /** By group, term and candidate. */
  readonly #granted = new Map<string, Set<BrokerId>>();
  readonly #told = new Set<string>();
  readonly #begun = new Map<GroupId, Set<number>>();
  /** When each round of a leader's term was first sent, by group and leader. */
  readonly #rounds = new Map<string, { readonly term: number; readonly sentMs: Map<number, number> }>();
  /** A replica has heard its leader later than that, by group and broker. */
  readonly #heard = new Map<string, { readonly afterMs: number; readonly term: number }>();

  /** `stickyMs`: for so long in true time a vote is surely withheld. */
  constructor(members: Members, stickyMs: (voter: BrokerId) => number) {
    this.#members = members;
    this.#stickyMs = stickyMs;
  }

  /** `term` is the sender's when its turn is over, null for what had to wait for a disk. */
  sent(group: GroupId, broker: BrokerId, message: Message, nowMs: number, term: number | null): void {
    switch (message.type) {
      case 'requestVote':
        if (message.preVote) break;
        if (message.transfer) this.#told.add(`${group}/${message.term}`);
        this.findings.checked++;
        if (!this.#mayCampaign(group, broker, message.term)) {
          this.findings.violate(`group ${group}: broker ${broker} asked for votes in term ${message.term} without a majority of pre-votes`);
        }
        break;
      case 'requestVoteResponse':
        if (!message.granted || !message.preVote) break;
        this.#grant(`${group}/${message.term}/${message.to}`, broker);
        // Asked for the term after its own, by a candidate that is no further.
        if (message.term - 1 === term) this.#checkSticky(group, broker, message.to, term, nowMs);
        break;
      case 'appendEntriesResponse':
        this.#noteAnswer(group, broker, message.to, message.term, message.readContext);
        break;
      case 'timeoutNow':
        this.#told.add(`${group}/${message.term + 1}`);
        break;
      case 'appendEntries':
        this.#noteRound(`${group}/${broker}`, message.term, message.readContext, nowMs);
        break;
    }
  }

  /** A term and a vote go to the disk. */
  votes(group: GroupId, broker: BrokerId, term: number, votedFor: BrokerId | null): void {
    let begun = this.#begun.get(group);
    if (begun === undefined) {
      begun = new Set();
      this.#begun.set(group, begun);
    }
    if (votedFor === broker) begun.add(term);
    this.findings.checked++;
    if (!begun.has(term)) this.findings.violate(`group ${group}: broker ${broker} went to term ${term}, in which nobody has campaigned`);
  }

  restarted(group: GroupId, broker: BrokerId): void {
    this.#heard.delete(`${group}/${broker}`);
  }

  #mayCampaign(group: GroupId, broker: BrokerId, term: number): boolean {
    const granted = this.#granted.get(`${group}/${term}/${broker}`)?.size ?? 0;
    return granted + 1 >= this.#members.majorityOf(group) || this.#told.has(`${group}/${term}`);
  }

  #grant(key: string, voter: BrokerId): void {
    const voters = this.#granted.get(key) ?? new Set();
    voters.add(voter);
    this.#granted.set(key, voters);
  }

  #noteRound(key: string, term: number, round: number, nowMs: number): void {
    let rounds = this.#rounds.get(key);
    if (rounds === undefined || rounds.term < term) {
      rounds = { term, sentMs: new Map() };
      this.#rounds.set(key, rounds);
    }
    if (rounds.term === term && !rounds.sentMs.has(round)) rounds.sentMs.set(round, nowMs);
  }

  #noteAnswer(group: GroupId, broker: BrokerId, leader: BrokerId, term: number, round: number): void {
    const rounds = this.#rounds.get(`${group}/${leader}`);
    const afterMs = rounds?.term === term ? rounds.sentMs.get(round) : undefined;
    if (afterMs === undefined) return;
    const key = `${group}/${broker}`;
    const before = this.#heard.get(key);
    if (before === undefined || before.term !== term || before.afterMs < afterMs) this.#heard.set(key, { afterMs, term });
  }

  #checkSticky(group: GroupId, voter: BrokerId, candidate: BrokerId, term: number, nowMs: number): void {
    const heard = this.#heard.get(`${group}/${voter}`);
    if (heard?.term !== term) return;
    this.findings.checked++;
    const sinceMs = nowMs - heard.afterMs;
    if (sinceMs < this.#stickyMs(voter)) {
      this.findings.violate(
        `group ${group}: broker ${voter} granted ${candidate} a pre-vote less than ${sinceMs.toFixed(0)} ms after it had heard the leader of its term ${term}`,
      );
    }
  }
}
