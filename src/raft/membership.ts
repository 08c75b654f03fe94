import type { BrokerId } from '../base/branded.ts';
import type { Membership } from './types.ts';

export function isVoter(membership: Membership, id: BrokerId): boolean {
  return membership.voters.includes(id) || membership.votersOutgoing.includes(id);
}

export function isMember(membership: Membership, id: BrokerId): boolean {
  return isVoter(membership, id) || membership.learners.includes(id);
}

/** Everyone who may vote, each once, ascending. */
export function votersOf(membership: Membership): BrokerId[] {
  return ascending([...membership.voters, ...membership.votersOutgoing]);
}

/** Everyone that a leader replicates to, each once, ascending. */
export function peersOf(membership: Membership, self: BrokerId): BrokerId[] {
  return ascending([...membership.voters, ...membership.votersOutgoing, ...membership.learners]).filter((id) => id !== self);
}

function ascending(ids: readonly BrokerId[]): BrokerId[] {
  return [...new Set(ids)].sort((a, b) => a - b);
}
