// ST4 recovery never lowers
import type { RestoredState } from '../../raft/index.ts';
import { endOf, type ReplicaTrack } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** A start lowers neither the term and vote nor the end of the log below what was synced. */
export class RecoveryNeverLowers {
  readonly findings = new Findings('ST4');

  opened(track: ReplicaTrack, state: RestoredState): void {
    this.findings.checked++;
    const where = `group ${track.group}: broker ${track.broker}`;
    const { term, votedFor } = track.syncedVote;
    const pendingVote = track.pending?.persist.vote ?? null;
    const found = state.vote;
    const isSynced = found.term === term && found.votedFor === votedFor;
    const isPending = pendingVote !== null && found.term === pendingVote.term && found.votedFor === pendingVote.votedFor;
    if (!isSynced && !isPending) {
      this.findings.violate(
        `${where} came back with term ${found.term} and vote ${found.votedFor ?? 'none'} after it had synced term ${term} and vote ${votedFor ?? 'none'}`,
      );
    }
    const least = track.pending?.persist.truncateTo ?? endOf(track.synced);
    if (state.logEndOffset < least) {
      this.findings.violate(`${where} came back with its log ending at ${state.logEndOffset} after it had synced up to ${least}`);
    }
  }
}
