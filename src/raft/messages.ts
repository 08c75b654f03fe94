import type { BrokerId, Offset, Term } from '../base/branded.ts';

/**
 * What the consensus core sends and receives. Positions are exclusive ends (design, D2): `endOffset` of a log is the offset that the next record
 * will get, the high watermark is the commit index + 1, an empty log is 0.
 */

/**
 * The unit of replication: records [offsetFrom, offsetTo) of one term, opaque to the core. Invariant: offsetFrom < offsetTo.
 * Two batches with equal (offsetFrom, term) are the same batch: a leader never makes two.
 */
export interface LogBatch {
  readonly offsetFrom: Offset;
  readonly offsetTo: Offset;
  readonly term: Term;
  /** Frame header and record batch (`record/frame.ts`); the core only counts its length. */
  readonly bytes: Uint8Array;
}

interface Envelope {
  readonly from: BrokerId;
  readonly to: BrokerId;
  /** The sender's term; for a pre-vote request the term it would campaign in, for a granted pre-vote that same term. */
  readonly term: Term;
}

export interface RequestVote extends Envelope {
  readonly type: 'requestVote';
  /** A pre-vote asks without raising anyone's term (thesis §9.6). */
  readonly preVote: boolean;
  /** Set after `timeoutNow`: voters do not protect their leader from this candidate (thesis §3.10). */
  readonly transfer: boolean;
  readonly endOffset: Offset;
  /** Term of the last batch, 0 for an empty log. */
  readonly lastTerm: Term;
}

export interface RequestVoteResponse extends Envelope {
  readonly type: 'requestVoteResponse';
  readonly preVote: boolean;
  readonly granted: boolean;
}

export interface AppendEntries extends Envelope {
  readonly type: 'appendEntries';
  /** The batches continue the log from here. Always a boundary between two batches of the leader's log. */
  readonly offsetFrom: Offset;
  /** Term of the batch that ends at `offsetFrom`; 0 when it is 0, or when retention has removed that batch (Raft §5.3, prevLogTerm). */
  readonly previousTerm: Term;
  /** Empty for a heartbeat. Whole batches, contiguous. */
  readonly batches: readonly LogBatch[];
  readonly highWatermark: Offset;
  /**
   * Answered back; proves leadership for reads begun before it was sent (thesis §6.4). A counter of the leader that starts at 0 in every term and
   * rises with every heartbeat and every group of reads.
   */
  readonly readContext: number;
  /**
   * The newest `readContext` that this follower had answered when the newest round that a quorum has confirmed began; 0 where there is none. Whatever was
   * committed before the follower sent that answer is below `highWatermark`: it tells the age of what it knows, without anybody's clock but its own.
   */
  readonly asOfContext: number;
  /** Rises with every message of this term to this peer, and is answered back: tells which of several that began at one offset was answered. */
  readonly number: number;
  /** It brings a new high watermark and nothing else: it needs no answer, and the next message to this peer makes it superfluous. */
  readonly isNews: boolean;
  /**
   * Not on the wire, absent in what was received: it goes by the way for bulk, where it delays nobody's heartbeat. Messages of one way arrive in the
   * order of sending; the way of a peer's entries changes only while none of them are in flight.
   */
  readonly isBulk?: boolean;
}

export interface AppendEntriesResponse extends Envelope {
  readonly type: 'appendEntriesResponse';
  readonly success: boolean;
  /** On success: the end of the log, known to be equal to the leader's and synced on this follower's disk. */
  readonly matchOffset: Offset;
  /** On refusal: where the follower suggests to go on (exclusive end, at most its log end), need not be a batch boundary of the leader. */
  readonly hintOffset: Offset;
  /** On refusal: the follower's term of the batch that ends at or covers `hintOffset`. */
  readonly hintTerm: Term;
  /** `offsetFrom` of the request that this answers. */
  readonly requestOffset: Offset;
  readonly readContext: number;
  /** Of the request that this answers, the highest where several are answered at once: tells a late refusal from a new one. */
  readonly number: number;
}

/** Asks a follower that has everything to campaign at once (leadership transfer, thesis §3.10). */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeoutNow';
}

export type Message = RequestVote | RequestVoteResponse | AppendEntries | AppendEntriesResponse | TimeoutNow;
