// R7 durable before sent
import type { Message } from '../../raft/index.ts';
import { endOf, type ReplicaTrack } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** R7: no vote and no acknowledgement leaves before what it promises is synced. */
export class DurableBeforeSent {
  readonly findings = new Findings('R7');

  sent(track: ReplicaTrack, message: Message): void {
    const where = `group ${track.group}: broker ${track.broker}`;
    if (message.type === 'requestVoteResponse' && message.granted && !message.preVote) {
      this.findings.checked++;
      const { term, votedFor } = track.syncedVote;
      if (term !== message.term || votedFor !== message.to) {
        this.findings.violate(
          `${where} sent its vote of term ${message.term} for ${message.to} while ${votedFor ?? 'nobody'} in term ${term} was synced`,
        );
      }
    }
    if (message.type === 'requestVote' && !message.preVote) {
      this.findings.checked++;
      const { term, votedFor } = track.syncedVote;
      if (term !== message.term || votedFor !== track.broker) {
        this.findings.violate(`${where} asked for votes in term ${message.term} before its own vote was synced`);
      }
    }
    if (message.type === 'appendEntriesResponse' && message.success) {
      this.findings.checked++;
      if (message.matchOffset > endOf(track.synced)) {
        this.findings.violate(`${where} acknowledged ${message.matchOffset} with ${endOf(track.synced)} synced`);
      }
    }
  }
}
