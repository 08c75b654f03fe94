// R6 one vote a term
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { Message } from '../../raft/index.ts';
import type { ReplicaTrack } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** R6: a broker grants one vote a term over all its lives, and its term never goes back. */
export class OneVoteATerm {
  readonly findings = new Findings('R6');
  readonly #votes = new Map<string, BrokerId>();

  sent(track: ReplicaTrack, message: Message): void {
    if (message.type !== 'requestVoteResponse' || !message.granted || message.preVote) return;
    this.#voted(track.group, track.broker, message.term, message.to);
  }

  persistedVote(track: ReplicaTrack, term: number, votedFor: BrokerId | null): void {
    this.findings.checked++;
    if (term < track.syncedVote.term) {
      this.findings.violate(`group ${track.group}: broker ${track.broker} went back from term ${track.syncedVote.term} to ${term}`);
    }
    if (votedFor !== null) this.#voted(track.group, track.broker, term, votedFor);
  }

  #voted(group: GroupId, voter: BrokerId, term: number, candidate: BrokerId): void {
    this.findings.checked++;
    const key = `${group}/${voter}/${term}`;
    const known = this.#votes.get(key);
    if (known === undefined) this.#votes.set(key, candidate);
    else if (known !== candidate)
      this.findings.violate(`group ${group}: broker ${voter} voted for ${known} and for ${candidate} in term ${term}`);
  }
}
