import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Message } from '../../raft/index.ts';
import { Findings } from './verdict.ts';

/**
 * Asking for pre-votes changes nobody's term: a term begins with a candidate that was granted a majority of pre-votes for it, or was told to campaign
 * by its leader (thesis §9.6, §3.10). And who has heard the leader of its term within the least election timeout grants no pre-vote (stickiness). Seen
 * from what was sent, so a message that was lost counts in the candidate's favour.
 */
export class PreVote {
  readonly findings = new Findings('R16');
  readonly #majority: number;
  readonly #stickyMs: number;
  /** By group, term and candidate. */
  readonly #granted = new Map<string, Set<BrokerId>>();
  readonly #told = new Set<string>();
  readonly #begun = new Map<GroupId, Set<number>>();
  /** When a replica answered a round of its leader at once and for the first time, by group and broker. */
  readonly #answered = new Map<string, { readonly atMs: number; readonly term: number; readonly round: number }>();

  /** `stickyMs`: for so long in true time a vote is surely withheld. */
  constructor(voterCount: number, stickyMs: number) {
    this.#majority = Math.floor(voterCount / 2) + 1;
    this.#stickyMs = stickyMs;
  }

  /** `atOnce`: it did not have to wait for a disk. */
  sent(group: GroupId, broker: BrokerId, message: Message, nowMs: number, atOnce: boolean): void {
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
        if (atOnce) this.#checkSticky(group, broker, message.to, message.term - 1, nowMs);
        break;
      case 'appendEntriesResponse':
        if (atOnce && message.success) this.#noteAnswer(`${group}/${broker}`, nowMs, message.term, message.readContext);
        break;
      case 'timeoutNow':
        this.#told.add(`${group}/${message.term + 1}`);
        break;
      case 'appendEntries':
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
    this.#answered.delete(`${group}/${broker}`);
  }

  #mayCampaign(group: GroupId, broker: BrokerId, term: number): boolean {
    const granted = this.#granted.get(`${group}/${term}/${broker}`)?.size ?? 0;
    return granted + 1 >= this.#majority || this.#told.has(`${group}/${term}`);
  }

  #grant(key: string, voter: BrokerId): void {
    const voters = this.#granted.get(key) ?? new Set();
    voters.add(voter);
    this.#granted.set(key, voters);
  }

  /** The same round is answered again when a sync has ended: that proves nothing about the leader. */
  #noteAnswer(key: string, atMs: number, term: number, round: number): void {
    const before = this.#answered.get(key);
    if (before?.term !== term || before.round < round) this.#answered.set(key, { atMs, term, round });
  }

  #checkSticky(group: GroupId, voter: BrokerId, candidate: BrokerId, term: number, nowMs: number): void {
    const answered = this.#answered.get(`${group}/${voter}`);
    if (answered?.term !== term) return;
    this.findings.checked++;
    const sinceMs = nowMs - answered.atMs;
    if (sinceMs < this.#stickyMs) {
      this.findings.violate(
        `group ${group}: broker ${voter} granted ${candidate} a pre-vote ${sinceMs.toFixed(0)} ms after it had heard the leader of its term ${term}`,
      );
    }
  }
}
