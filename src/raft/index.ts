/**
 * The consensus core: Raft (Ongaro and Ousterhout 2014; thesis 2014) as a synchronous machine.
 *
 * `Raft.step(input)` takes one thing that happened and returns nothing; `Raft.ready()` hands over, once, what the host owes: messages that may
 * leave now, at most one write whose messages may leave after its sync, the new high watermark, batches to load, reads that became current.
 * Safety travels as data: what must not leave before a sync stands in `persist.then`, and there is no other way out.
 *
 * It knows no clock, disk, network, promise or global randomness, and of a record batch only its range, term and bytes.
 */
export type { AppendEntries, AppendEntriesResponse, LogBatch, Message, RequestVote, RequestVoteResponse } from './messages.ts';
export type {
  Input,
  LoadRequest,
  Membership,
  PeerStatus,
  Persist,
  RaftConfig,
  Ready,
  RestoredState,
  Role,
  TermStart,
  Vote,
} from './types.ts';
export { isMember, peersOf } from './membership.ts';
export { isQuorum, majorityOf, quorumValue } from './quorum.ts';
export { noteTerm, termBefore, truncateTerms } from './term-starts.ts';
export { describe, describeReady } from './describe.ts';
export { Raft } from './raft.ts';
