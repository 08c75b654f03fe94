// R21 group isolation
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/index.ts';
import type { Message } from '../../raft/index.ts';
import { frameGroup } from '../../record/index.ts';
import { Findings } from './verdict.ts';

/** What a replica sends and writes belongs to its own group: terms that it has reached there, offsets that it holds, batches that name the group. */
export class GroupIsolation {
  readonly findings = new Findings('R21');

  sent(group: GroupId, broker: BrokerId, message: Message, replica: ReplicaView): void {
    this.findings.checked++;
    const where = (): string => `group ${group}: broker ${broker} sent ${message.type}`;
    const isPreVote = (message.type === 'requestVote' || message.type === 'requestVoteResponse') && message.preVote;
    if (!isPreVote && message.term > replica.term) {
      this.findings.violate(`${where()} of term ${message.term} and has reached term ${replica.term} there`);
    }
    // An acknowledgement that waited for its sync may leave when a later term has already cut what it tells of: it is as old as a delayed message.
    const isOfNow = message.term === replica.term;
    if (message.type === 'appendEntriesResponse' && message.success && isOfNow && message.matchOffset > replica.endOffset) {
      this.findings.violate(`${where()} up to ${message.matchOffset} and ends at ${replica.endOffset} there`);
    }
    if (message.type === 'appendEntries') for (const { bytes } of message.batches) this.written(group, broker, bytes);
  }

  written(group: GroupId, broker: BrokerId, frame: Uint8Array): void {
    this.findings.checked++;
    const named = frameGroup(frame);
    if (named !== group) this.findings.violate(`group ${group}: broker ${broker} handed on a batch of group ${named}`);
  }
}
