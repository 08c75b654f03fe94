import type { RestoredState } from '../../raft/index.ts';
import { indexEndingAt, type ReplicaTrack, type TrackedBatch } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/**
 * ST1 and ST4: what a replica finds on its disk after any crash is what it had synced, followed by a prefix of what was under way; its term and
 * vote are not older than those it had synced.
 */
export class Recovery {
  readonly findings = new Findings('recovery');

  /** Gives the log that was recovered. */
  opened(track: ReplicaTrack, state: RestoredState, lastChecksum: number): TrackedBatch[] {
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

    const written = this.#prefix(withPending(track), state.logEndOffset, lastChecksum);
    const old = this.#prefix(track.synced, state.logEndOffset, lastChecksum);
    const truncateTo = track.pending?.persist.truncateTo ?? null;
    const least = truncateTo ?? endOfSynced(track);
    if (state.logEndOffset < least) {
      this.findings.violate(`${where} came back with its log ending at ${state.logEndOffset} after it had synced up to ${least}`);
    }
    const log = written ?? old;
    if (log === null) {
      this.findings.violate(`${where} came back with a log up to ${state.logEndOffset} that it never had`);
      return [];
    }
    return log;
  }

  #prefix(log: readonly TrackedBatch[], end: number, lastChecksum: number): TrackedBatch[] | null {
    if (end === 0) return [];
    const index = indexEndingAt(log, end);
    return index >= 0 && (log[index] as TrackedBatch).checksum === lastChecksum ? log.slice(0, index + 1) : null;
  }
}

const endOfSynced = (track: ReplicaTrack): number => track.synced[track.synced.length - 1]?.offsetTo ?? 0;

/** The log as it is once the write that is under way has succeeded. */
export function withPending(track: ReplicaTrack): readonly TrackedBatch[] {
  const { pending, synced } = track;
  if (pending === null) return synced;
  const truncateTo = pending.persist.truncateTo;
  const kept = truncateTo === null ? synced : synced.filter((batch) => batch.offsetTo <= truncateTo);
  return [...kept, ...pending.batches];
}
