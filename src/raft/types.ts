import type { BrokerId, Offset, Term } from '../base/branded.ts';
import type { LogBatch, Message } from './messages.ts';

/** Who takes part. Kept as data: joint consensus (both lists of voters must agree) and learners need no other shape. */
export interface Membership {
  readonly voters: readonly BrokerId[];
  /** Voters of the configuration being left; empty outside a joint configuration. */
  readonly votersOutgoing: readonly BrokerId[];
  /** Replicated to, never counted, never candidates. */
  readonly learners: readonly BrokerId[];
}

/** What a replica must never forget: written and synced before any message that depends on it (invariant R7). */
export interface Vote {
  readonly term: Term;
  readonly votedFor: BrokerId | null;
}

/** Records from `offsetFrom` up to the next entry have `term`. Ordered by offset; terms strictly increase. */
export interface TermStart {
  readonly term: Term;
  readonly offsetFrom: Offset;
}

export interface RaftConfig {
  readonly id: BrokerId;
  readonly membership: Membership;
  /** A follower campaigns after this many ticks without a leader, plus a random 0..electionTicks - 1 more. Also the stickiness and CheckQuorum period. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Ticks that an election needs beyond those because disks are slow, as the host has measured lately; bounded. 0 where it is left out. */
  readonly slowDiskTicks?: () => number;
  /** Ticks since the host's last common heartbeat, below `heartbeatTicks`: all groups that one broker leads beat at the same tick. 0 where it is left out. */
  readonly heartbeatPhase?: () => number;
  /** An integer in [0, limit); the only randomness the core sees. */
  readonly randomBelow: (limit: number) => number;
  /** Makes the control batch that a new leader appends first (Raft §8); takes exactly one offset. */
  readonly noOp: (offsetFrom: Offset, term: Term) => LogBatch;
  readonly appendBytesMax: number;
  /** Bytes sent to one follower and not yet acknowledged. */
  readonly inFlightBytesMax: number;
  /** So much may be in flight to a follower beside its heartbeats; what is more goes by the way for bulk, in messages of this size while that way is slow. */
  readonly bulkBytesMin: number;
  /** Bytes that wait in this host for the way for bulk to a peer: while they are many, no more is handed over. 0 where it is left out. */
  readonly bulkBytesQueued?: (peer: BrokerId) => number;
  /** Bytes of the leader's log that are not committed; at the limit `refusal()` says `uncommittedFull`. */
  readonly uncommittedBytesMax: number;
  /** Bytes of recent batches kept in memory for followers, now: looked at with every `ready()`; older ones are asked for with `load`. */
  readonly cacheBytesMax: () => number;
}

/** What a replica starts from: its vote, and its log as storage found it (all of it synced). */
export interface RestoredState {
  readonly vote: Vote;
  readonly logStartOffset: Offset;
  readonly logEndOffset: Offset;
  /** Of the record before `logStartOffset`; 0 where there was none, or where a log of before version 2 of the segment header does not say. */
  readonly termBeforeStart: Term;
  readonly termStarts: readonly TermStart[];
}

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** Exactly one thing that happened. `step` takes it and returns nothing; `ready()` then tells what is owed. */
export type Input =
  | { readonly type: 'tick' }
  /** Built by the host from `raft.endOffset` and `raft.term` right after `refusal()` gave null; anything else is a broken invariant. */
  | { readonly type: 'propose'; readonly batch: LogBatch }
  | { readonly type: 'receive'; readonly message: Message }
  /** The persist of that id is synced. */
  | { readonly type: 'persisted'; readonly id: number }
  /** Answer to a `load`; the first batch starts at or before the asked offset. Empty: could not be read, asked again later. */
  | { readonly type: 'loaded'; readonly request: LoadRequest; readonly batches: readonly LogBatch[] }
  /** A linearizable read begins; `context` comes back in `reads` or `readsFailed`. Fresh for every try (invariant R18). */
  | { readonly type: 'read'; readonly context: number }
  /** `to: null` picks the most caught-up voter. Ignored unless leader. */
  | { readonly type: 'transferLeadership'; readonly to: BrokerId | null }
  /** The host wants this replica not to lead: its disk hangs, it was declared crashed, it is about to stop. */
  | { readonly type: 'stepDown' }
  /**
   * Nobody leads this group yet, as the host knows better than the timer: it was made a moment ago. Asks for pre-votes at once; ignored by a leader, by
   * a candidate, and where a leader is known.
   */
  | { readonly type: 'campaign' }
  /** The link to this peer broke: what was in flight may be lost, so go back to probing. */
  | { readonly type: 'unreachable'; readonly peer: BrokerId }
  /** A link to this peer stands again: bring it what it lacks now, not with the next heartbeat. */
  | { readonly type: 'reachable'; readonly peer: BrokerId };

export interface LoadRequest {
  readonly peer: BrokerId;
  readonly offsetFrom: Offset;
  /** Batches from here on are still in memory: reading may stop. */
  readonly offsetTo: Offset;
  readonly bytesMax: number;
  /** Term in which it was asked; an answer from an earlier term is ignored. */
  readonly term: Term;
}

/** At most one is outstanding; the next is handed over only after `persisted`. What arrives meanwhile is joined into it. */
export interface Persist {
  readonly id: number;
  /** To be synced with or before the batches, or null when unchanged. */
  readonly vote: Vote | null;
  /**
   * The log is to end here before the batches are written, or null. What is cut was never committed (invariant R10); yet the high watermark may be
   * above it when it is handed over: the batches that replace the cut ones can be committed by others while an earlier write is outstanding.
   */
  readonly truncateTo: Offset | null;
  readonly batches: readonly LogBatch[];
  /** May leave only when all of the above is synced. */
  readonly then: readonly Message[];
}

/** What the host owes, each thing exactly once. */
export interface Ready {
  /** May leave now, in this order. */
  readonly send: readonly Message[];
  readonly persist: Persist | null;
  /**
   * The log in memory was cut here since the last ready, or null: roll back what was derived from records at or above it, then take up
   * `raft.batches(truncatedTo, raft.endOffset)`. Also set when the cut batches never reached a persist, where `truncateTo` stays null.
   */
  readonly truncatedTo: Offset | null;
  /** The new high watermark, or null when unchanged. Everything below it may be applied and shown; it may exceed what is synced locally but never the log end. */
  readonly highWatermark: Offset | null;
  readonly load: readonly LoadRequest[];
  /** Reads that are now known to be current: answer once applied up to `highWatermark`. */
  readonly reads: readonly { readonly context: number; readonly highWatermark: Offset }[];
  /** Reads that can no longer be confirmed here (leadership lost): retry elsewhere with a fresh context. */
  readonly readsFailed: readonly number[];
  /** Set when role, term or known leader changed. */
  readonly role: RoleChange | null;
  /** A peer acknowledged less than it had acknowledged in this term: its disk was rolled back (design, D11). */
  readonly rolledBack: readonly BrokerId[];
}

export interface RoleChange {
  readonly role: Role;
  readonly term: Term;
  readonly leader: BrokerId | null;
}

/** Why a proposal cannot be taken now; null from `refusal()` means that it can. */
export type Refusal =
  | { readonly reason: 'notLeader'; readonly leader: BrokerId | null }
  | { readonly reason: 'uncommittedFull' }
  | { readonly reason: 'transferring'; readonly leader: BrokerId | null };

/** What a leader knows of a peer; for status, and so that retention keeps what a peer still needs. */
export interface PeerStatus {
  readonly peer: BrokerId;
  /** Known to be equal to this leader's log and synced there. */
  readonly matchOffset: Offset;
  readonly nextOffset: Offset;
  readonly state: 'probe' | 'replicate' | 'rolledBack';
  readonly inFlightBytes: number;
}
