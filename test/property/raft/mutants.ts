import type { Ready } from '../../../src/raft/index.ts';

/** A way to break the core, by a change of its source, and the check that has to notice. */
export interface Mutant {
  readonly title: string;
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly from: string;
  readonly to: string;
  /** Any of these is a catch. An invariant of the core itself is named by its fact. */
  readonly caughtBy: readonly string[];
}

export const mutants: readonly Mutant[] = [
  {
    title: 'the leader counts itself before its own sync',
    file: 'leadership.ts',
    from: 'if (voter === this.#config.id) return ownSyncedOffset;',
    to: 'if (voter === this.#config.id) return this.#log.endOffset;',
    caughtBy: ['Committed Means Durable'],
  },
  {
    title: 'an append is acknowledged before it is synced',
    file: 'raft.ts',
    from: 'return this.#disk.hasSynced(this.#vote) && this.#matchedOffset <= this.#disk.syncedOffset;',
    to: 'return this.#disk.hasSynced(this.#vote);',
    caughtBy: ['Persist Before Send'],
  },
  {
    title: 'votes leave before they are synced',
    file: 'disk-state.ts',
    from: 'return sameVote(this.#syncedVote, vote);',
    to: 'return sameVote(vote, vote);',
    caughtBy: ['Persist Before Send'],
  },
  {
    title: 'batches of older terms are committed by counting',
    file: 'leadership.ts',
    from: ' || this.#log.termBefore(counted) !== this.#term',
    to: '',
    caughtBy: ['Commit Rule'],
  },
  {
    title: 'the term before an append is not compared',
    file: 'log.ts',
    from: 'return this.#terms.termBefore(request.offsetFrom) === request.previousTerm;',
    to: 'return request.previousTerm <= request.term;',
    caughtBy: ['Log Matching', 'State Machine Safety', 'False Rollback', 'terms rise along the log', 'the log is cut between batches'],
  },
  {
    title: 'every append cuts the log first',
    file: 'raft.ts',
    from: 'if (this.#log.holds(batch)) continue;',
    to: '',
    caughtBy: ['nothing committed is cut', 'Persist Before Send', 'False Rollback'],
  },
  {
    title: 'a follower takes the high watermark beyond its match',
    file: 'raft.ts',
    from: 'offset(Math.min(this.#leaderHighWatermark, this.#matchedOffset))',
    to: 'offset(Math.min(this.#leaderHighWatermark, this.#log.endOffset))',
    caughtBy: ['State Machine Safety', 'nothing committed is cut'],
  },
  {
    title: 'the match of an older term is kept',
    file: 'raft.ts',
    from: 'this.#matchedOffset = this.#log.highWatermark;\n    this.#leaderHighWatermark = firstOffset;',
    to: 'this.#leaderHighWatermark = firstOffset;',
    caughtBy: [
      'State Machine Safety',
      'Committed Means Durable',
      'Persist Before Send',
      'the high watermark rises within the log',
      'nothing committed is cut',
    ],
  },
  {
    title: 'a vote is granted to a shorter log',
    file: 'log.ts',
    from: 'return endOffset >= this.endOffset;',
    to: 'return endOffset >= 0;',
    caughtBy: ['Leader Completeness', 'State Machine Safety', 'nothing committed is cut'],
  },
  {
    title: 'a vote is granted twice in a term',
    file: 'election.ts',
    from: 'return voter.votedFor === request.from || (voter.votedFor === null && voter.leader === null);',
    to: 'return true;',
    caughtBy: ['One Vote', 'Election Safety', 'Persist Before Send'],
  },
  {
    title: 'half of the voters are a majority',
    file: 'quorum.ts',
    from: 'Math.floor(values.length / 2)',
    to: 'Math.floor((values.length - 1) / 2)',
    caughtBy: ['Committed Means Durable', 'Election Safety', 'Leader Completeness'],
  },
  {
    title: 'a joint configuration asks the incoming voters only',
    file: 'quorum.ts',
    from: 'return Math.min(value, majorityValue(membership.votersOutgoing, valueOf));',
    to: 'return value;',
    caughtBy: ['Committed Means Durable', 'Election Safety', 'Leader Completeness'],
  },
  {
    title: 'a cut is not told to the disk',
    file: 'raft.ts',
    from: '    this.#disk.truncate(end);\n',
    to: '',
    caughtBy: ['Persist Before Send', 'Committed Means Durable', 'Log Matching'],
  },
  {
    title: 'a cut during a write leaves the write its old end',
    file: 'disk-state.ts',
    from: 'if (this.#outstanding !== null) this.#outstanding.end = least(this.#outstanding.end, end);',
    to: '',
    caughtBy: ['Persist Before Send', 'Committed Means Durable', 'Leader Completeness', 'State Machine Safety', 'False Rollback'],
  },
  {
    title: 'acknowledgements of an older term are counted',
    file: 'raft.ts',
    from: 'if (this.#leadership === null || response.term < this.#term) return;',
    to: 'if (this.#leadership === null) return;',
    caughtBy: ['Committed Means Durable', 'Stale Read', 'False Rollback', 'State Machine Safety'],
  },
  {
    title: 'reads are answered from memory',
    file: 'read-index.ts',
    from: '.round <= round) count++;',
    to: '.round <= Number.MAX_VALUE) count++;',
    caughtBy: ['Stale Read'],
  },
  {
    title: 'reads do not wait for a commit of the current term',
    file: 'leadership.ts',
    from: 'this.#reads.isWaitingForRound && this.#log.highWatermark > this.#termStart',
    to: 'this.#reads.isWaitingForRound',
    caughtBy: ['Stale Read'],
  },
  {
    title: 'a refusal of an older term answers a round of the current one',
    file: 'raft.ts',
    from: 'readContext: request.term === this.#term ? request.readContext : 0,',
    to: 'readContext: request.readContext,',
    caughtBy: ['False Rollback', 'Stale Read'],
  },
  {
    title: 'late answers count as evidence of a lost disk',
    file: 'progress.ts',
    from: 'response.readContext >= this.#fence.round && shown',
    to: 'shown',
    caughtBy: ['False Rollback'],
  },
  {
    title: 'a refused probe is not backed up',
    file: 'leadership.ts',
    from: 'else progress.refused(response, () => this.#log.backUp(hintOffset, hintTerm));',
    to: '',
    caughtBy: ['Liveness'],
  },
  {
    title: 'a probe that was lost is not repeated',
    file: 'leadership.ts',
    from: 'if (progress.roundSent >= this.#round) return;',
    to: 'return;',
    caughtBy: ['Liveness'],
  },
  {
    title: 'a new leader appends nothing',
    file: 'raft.ts',
    from: '    this.#log.append(noOp);\n  }',
    to: '  }',
    caughtBy: ['Stale Read', 'Liveness'],
  },
  {
    title: 'host is not told of a cut that never reached the disk',
    file: 'raft.ts',
    from: '    this.#truncatedTo = offset(Math.min(this.#truncatedTo ?? end, end));\n',
    to: '',
    caughtBy: ['Host Contract', 'Log Matching', 'Convergence'],
  },
];

/** A host that breaks its side: what must wait for the sync leaves at once. */
export function leakBeforeSync(ready: Ready): Ready {
  if (ready.persist === null) return ready;
  // oxlint-disable-next-line unicorn/no-thenable -- a list of messages, never a function: nothing can await it
  return { ...ready, send: [...ready.send, ...ready.persist.then], persist: { ...ready.persist, then: [] } };
}
