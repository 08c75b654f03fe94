// ST1 recovered prefix
import type { RestoredState } from '../../raft/index.ts';
import { indexEndingAt, type ReplicaTrack, type TrackedBatch, withPending } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** What a replica finds on its disk after any crash is a prefix of what it had handed over, and holds all that it had synced. */
export class RecoveredPrefix {
  readonly findings = new Findings('ST1');

  /** Gives the log that was recovered. */
  opened(track: ReplicaTrack, state: RestoredState, lastChecksum: number): TrackedBatch[] {
    this.findings.checked++;
    const written = prefixOf(withPending(track), state.logEndOffset, lastChecksum);
    const log = written ?? prefixOf(track.synced, state.logEndOffset, lastChecksum);
    if (log === null) {
      this.findings.violate(
        `group ${track.group}: broker ${track.broker} came back with a log up to ${state.logEndOffset} that it never had`,
      );
      return [];
    }
    return log;
  }
}

function prefixOf(log: readonly TrackedBatch[], end: number, lastChecksum: number): TrackedBatch[] | null {
  if (end === 0) return [];
  const index = indexEndingAt(log, end);
  return index >= 0 && (log[index] as TrackedBatch).checksum === lastChecksum ? log.slice(0, index + 1) : null;
}
