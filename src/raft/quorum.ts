import type { BrokerId } from '../base/branded.ts';
import type { Membership } from './types.ts';

/**
 * Majorities, of one list of voters or of both lists of a joint configuration (Raft §6: agreement needs a majority of the old and of the new).
 * Everything that needs a quorum asks here: votes, high watermark, CheckQuorum, reads.
 */

/** The largest value that a majority of the voters has reached. */
export function majorityValue(voters: readonly BrokerId[], valueOf: (voter: BrokerId) => number): number {
  // Sorted as they come: a handful of numbers, looked at for every acknowledgement.
  const values: number[] = [];
  for (const voter of voters) {
    const value = valueOf(voter);
    let at = values.length;
    for (; at > 0 && (values[at - 1] as number) < value; at--) values[at] = values[at - 1] as number;
    values[at] = value;
  }
  return values[Math.floor(values.length / 2)] ?? 0;
}

/** So many of these voters are a majority. */
export const majorityOf = (voters: readonly unknown[]): number => Math.floor(voters.length / 2) + 1;

/** The largest value that a quorum has reached: both majorities when the configuration is joint. */
export function quorumValue(membership: Membership, valueOf: (voter: BrokerId) => number): number {
  const value = majorityValue(membership.voters, valueOf);
  if (membership.votersOutgoing.length === 0) return value;
  return Math.min(value, majorityValue(membership.votersOutgoing, valueOf));
}

/** Whether the voters for which `holds` is true form a quorum. */
export function isQuorum(membership: Membership, holds: (voter: BrokerId) => boolean): boolean {
  return quorumValue(membership, (voter) => (holds(voter) ? 1 : 0)) === 1;
}

export type VoteResult = 'won' | 'lost' | 'pending';

/** `lost` as soon as the voters that have not refused no longer form a quorum. */
export function countVotes(membership: Membership, votes: ReadonlyMap<BrokerId, boolean>): VoteResult {
  if (isQuorum(membership, (voter) => votes.get(voter) === true)) return 'won';
  return isQuorum(membership, (voter) => votes.get(voter) !== false) ? 'pending' : 'lost';
}
