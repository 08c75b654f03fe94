import type { BrokerId, Term } from '../base/branded.ts';
import type { ReplicaLog } from './log.ts';
import type { RequestVote } from './messages.ts';

/** What a voter looks at when it is asked. */
export interface Voter {
  readonly term: Term;
  readonly votedFor: BrokerId | null;
  readonly leader: BrokerId | null;
  /** It leads, or has heard from a leader within the shortest election timeout. */
  readonly hasLiveLeader: boolean;
  readonly log: ReplicaLog;
}

/**
 * Stickiness (Raft §6, thesis §4.2.3): a voter that is served by a leader neither votes nor takes over the candidate's term, so that a broker that
 * cannot hear the leader does not depose it. A candidate that the leader itself has asked to campaign is let through.
 */
export function isProtected(voter: Voter, request: RequestVote): boolean {
  return voter.hasLiveLeader && !request.transfer;
}

/** Whether to grant; the caller has refused protected requests and, for a real vote, taken over a higher term. */
export function shouldGrant(voter: Voter, request: RequestVote): boolean {
  if (request.term < voter.term) return false;
  if (!voter.log.isUpToDate(request.endOffset, request.lastTerm)) return false;
  // A pre-vote for a later term binds nobody (thesis §9.6).
  if (request.preVote && request.term > voter.term) return true;
  return voter.votedFor === request.from || (voter.votedFor === null && voter.leader === null);
}
