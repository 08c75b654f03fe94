import type { GroupId } from '../../base/branded.ts';
import type { PartitionStatus } from '../../eventlog/index.ts';
import type { Replica } from './replica.ts';

export function partitionStatus(replica: Replica): PartitionStatus {
  const { raft, log } = replica;
  return {
    group: replica.group,
    role: raft.role === 'preCandidate' ? 'candidate' : raft.role,
    leader: raft.leader,
    leaderSinceMs: replica.leaderSinceMs,
    term: raft.term,
    replicas: [...raft.membership.voters],
    logStartOffset: log.logStartOffset,
    highWatermark: replica.visible,
    endOffset: raft.endOffset,
    syncedOffset: raft.syncedOffset,
    sizeBytes: log.sizeBytes,
    segmentCount: log.segmentCount,
    unreadableRanges: log.unreadableRanges,
    followers: raft.peers.map(({ peer, matchOffset }) => ({ broker: peer, matchOffset })),
    fenced: null,
  };
}

/** Of a partition whose replicas are on other brokers: as one of them says, null where none has. */
export function elsewhereStatus(group: GroupId, replicas: readonly number[], said: PartitionStatus | null): PartitionStatus {
  return { ...(said ?? absentStatus(group, replicas, null)), role: 'elsewhere' };
}

/** Of a partition without a replica here: `fenced` says why, null while it is being opened. */
export function absentStatus(group: GroupId, replicas: readonly number[], fenced: string | null): PartitionStatus {
  return {
    group,
    role: fenced === null ? 'follower' : 'fenced',
    leader: null,
    leaderSinceMs: null,
    term: 0,
    replicas,
    logStartOffset: 0,
    highWatermark: 0,
    endOffset: 0,
    syncedOffset: 0,
    sizeBytes: 0,
    segmentCount: 0,
    unreadableRanges: 0,
    followers: [],
    fenced,
  };
}
