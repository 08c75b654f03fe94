// What consensus could get wrong: src/raft.
import type { Edit, How, Mutant } from './mutant.ts';

const everything: How = { by: 'sim' };
const cores: How = { by: 'probe', probe: 'cores' };
/** Logs that differ for long: short messages, and nobody hears everybody. */
const slowCatchUp: How = {
  by: 'sim',
  brokers: 5,
  minutes: 0.3,
  faults: ['partition', 'oneWayPartition', 'crash', 'linkBreak', 'delay', 'leaderStop', 'bridge'],
  thinkMs: 20,
  settings: { appendBytesMax: 1024, inFlightBytesMax: 1024 },
};
const raft = (find: string, replace: string): Edit => ({ file: 'src/raft/raft.ts', find, replace });
const progress = (find: string, replace: string): Edit => ({ file: 'src/raft/progress.ts', find, replace });
const leadership = (find: string, replace: string): Edit => ({ file: 'src/raft/leadership.ts', find, replace });

/** The core's own guard is taken away too, where it would end the broker before a check could speak. */
const uncutGuard: Edit = { file: 'src/raft/log.ts', find: 'if (end < this.#highWatermark) broken(', replace: 'if (end < 0) broken(' };

export const inRaft: readonly Mutant[] = [
  {
    id: 'ack-before-sync',
    title: 'a follower acknowledges what it has not synced',
    edits: [
      raft(
        'return this.#disk.hasSynced(this.#vote) && this.#matchedOffset <= this.#disk.syncedOffset;',
        'return this.#disk.hasSynced(this.#vote);',
      ),
    ],
    expected: ['R7'],
    how: everything,
  },
  {
    id: 'leader-counts-itself-early',
    title: 'the leader counts itself before its own sync',
    edits: [
      leadership('if (voter === this.#config.id) return ownSyncedOffset;', 'if (voter === this.#config.id) return this.#log.endOffset;'),
    ],
    expected: ['R9', 'P1'],
    how: everything,
  },
  {
    id: 'single-broker-shortcut',
    title: 'a broker that is alone commits before its sync',
    edits: [
      leadership(
        'const counted = offset(quorumValue(this.#config.membership, (voter) => this.matchOffsetOf(voter, ownSyncedOffset)));',
        `const isAlone = this.#config.membership.voters.length === 1;
    const counted = isAlone
      ? this.#log.endOffset
      : offset(quorumValue(this.#config.membership, (voter) => this.matchOffsetOf(voter, ownSyncedOffset)));`,
      ),
    ],
    expected: ['R9', 'L1'],
    how: { by: 'sim', brokers: 1 },
  },
  {
    id: 'vote-before-sync',
    title: 'a vote leaves before it is synced',
    edits: [{ file: 'src/raft/disk-state.ts', find: 'return sameVote(this.#syncedVote, vote);', replace: 'return sameVote(vote, vote);' }],
    expected: ['R7'],
    how: everything,
  },
  {
    id: 'two-votes-a-term',
    title: 'a broker votes twice in a term',
    edits: [
      {
        file: 'src/raft/election.ts',
        find: 'return voter.votedFor === request.from || (voter.votedFor === null && voter.leader === null);',
        replace: 'return true;',
      },
      // The journal would end the broker before a check could speak.
      {
        file: 'src/storage/vote-journal.ts',
        find: 'return previous.votedFor !== null && previous.votedFor !== vote.votedFor;',
        replace: 'return false;',
      },
    ],
    expected: ['R6', 'R1'],
    how: slowCatchUp,
  },
  {
    id: 'vote-for-a-shorter-log',
    title: 'a vote goes to a candidate with a shorter log',
    edits: [{ file: 'src/raft/log.ts', find: 'return endOffset >= this.endOffset;', replace: 'return endOffset >= 0;' }],
    expected: ['R4', 'R5', 'R10', 'L1'],
    how: everything,
  },
  {
    id: 'half-is-a-majority',
    title: 'half of an even number of answers is a majority',
    edits: [{ file: 'src/raft/quorum.ts', find: 'Math.floor(values.length / 2)', replace: 'Math.floor((values.length - 1) / 2)' }],
    expected: ['R9', 'R1', 'P1'],
    how: { by: 'sim', brokers: 4 },
  },
  {
    id: 'older-term-by-count',
    title: 'entries of older terms are committed by counting',
    edits: [leadership(' || this.#log.termBefore(counted) !== this.#term', '')],
    expected: ['R8'],
    how: everything,
  },
  {
    id: 'previous-term-ignored',
    title: 'the term before an append is not compared',
    edits: [
      {
        file: 'src/raft/log.ts',
        find: 'return this.#terms.termBefore(request.offsetFrom) === request.previousTerm;',
        replace: 'return request.previousTerm <= request.term;',
      },
      // The chain of checksums, a second guard, is taken away too: it alone would hide this.
      {
        file: 'src/broker/replica/replica.ts',
        find: 'const previousChecksum = isContinued ? this.tail.checksumBefore(message.offsetFrom) : null;',
        replace: 'const previousChecksum = isContinued ? null : null;',
      },
    ],
    expected: ['R3', 'R5'],
    how: cores,
  },
  {
    id: 'every-append-cuts',
    title: 'every append cuts the log first',
    edits: [raft('if (this.#log.holds(batch)) continue;', ''), uncutGuard],
    expected: ['R10', 'R9', 'ST4'],
    how: everything,
  },
  {
    id: 'heartbeat-commits-past-match',
    title: 'a heartbeat moves the high watermark beyond the match',
    edits: [
      raft(
        'offset(Math.min(this.#leaderHighWatermark, this.#matchedOffset))',
        'offset(Math.min(this.#leaderHighWatermark, this.#log.endOffset))',
      ),
      uncutGuard,
    ],
    expected: ['R5', 'R9', 'R10'],
    how: slowCatchUp,
  },
  {
    id: 'match-of-an-older-term',
    title: 'a follower keeps the match of an older term',
    edits: [
      raft(
        'this.#matchedOffset = this.#log.highWatermark;\n    this.#leaderHighWatermark = firstOffset;',
        'this.#leaderHighWatermark = firstOffset;',
      ),
      uncutGuard,
    ],
    expected: ['R3', 'R5', 'R7', 'R9', 'R10'],
    how: slowCatchUp,
  },
  {
    id: 'acks-of-an-older-term',
    title: 'acknowledgements of an older term are counted',
    edits: [raft('if (this.#leadership === null || response.term < this.#term) return;', 'if (this.#leadership === null) return;')],
    expected: ['R9', 'R18', 'R15', 'R5'],
    how: cores,
  },
  {
    id: 'no-no-op',
    title: 'a new leader appends nothing of its own',
    edits: [raft('    this.#log.append(noOp);\n  }', '  }')],
    expected: ['V6', 'L11', 'R18'],
    how: everything,
  },
  {
    id: 'read-from-memory',
    title: 'a leader answers linearizable reads from memory',
    edits: [{ file: 'src/raft/read-index.ts', find: '.round <= round) count++;', replace: '.round <= Number.MAX_VALUE) count++;' }],
    expected: ['R18', 'L11'],
    how: { by: 'probe', probe: 'staleLeader' },
  },
  {
    id: 'read-round-reused',
    title: 'a read shares the number of a round that was sent before it began',
    edits: [leadership('      this.#beginRound();\n      this.#reads.startRound', '      this.#reads.startRound')],
    expected: ['R18', 'L11'],
    how: cores,
  },
  {
    id: 'read-before-own-commit',
    title: 'a new leader confirms reads before it has committed anything',
    edits: [leadership('this.#reads.isWaitingForRound && this.#log.highWatermark > this.#termStart', 'this.#reads.isWaitingForRound')],
    expected: ['R18', 'L11'],
    how: everything,
  },
  {
    id: 'pre-vote-raises-term',
    title: 'being asked for a pre-vote raises the term',
    edits: [
      raft(
        'if (!request.preVote && request.term > this.#term) this.#becomeFollower(request.term, null);',
        'if (request.term > this.#term) this.#becomeFollower(request.term, null);',
      ),
    ],
    expected: ['R16'],
    how: everything,
  },
  {
    id: 'no-stickiness',
    title: 'a broker that hears its leader votes for another',
    edits: [
      {
        file: 'src/raft/election.ts',
        find: 'return voter.hasLiveLeader && !request.transfer;',
        replace: 'return voter.hasLiveLeader && request.transfer;',
      },
    ],
    expected: ['R16'],
    how: everything,
  },
  {
    id: 'no-check-quorum',
    title: 'a leader that hears nobody goes on leading',
    edits: [leadership('if (this.#now - heard >= this.#config.electionTicks) return', 'if (this.#now - heard >= 1e9) return')],
    expected: ['R17'],
    how: { by: 'probe', probe: 'isolatedLeader' },
  },
  {
    id: 'flow-control-off',
    title: 'the bytes in flight to a peer are not bounded',
    edits: [
      leadership(' && progress.inFlightBytes < this.#config.inFlightBytesMax', ''),
      progress('if (this.#inFlightBytes >= inFlightBytesMax) return false;', ''),
      progress('Math.min(inFlightBytesMax, window + acknowledgedBytes)', 'window + acknowledgedBytes'),
    ],
    expected: ['R22'],
    how: { by: 'sim', brokers: 3, minutes: 1, settings: { inFlightBytesMax: 4096, appendBytesMax: 2048 } },
  },
  {
    id: 'uncommitted-not-bounded',
    title: 'what a leader takes and cannot commit is not bounded',
    edits: [
      {
        file: 'src/raft/raft.ts',
        find: 'this.#log.uncommittedBytes >= this.#config.uncommittedBytesMax',
        replace: 'this.#log.uncommittedBytes >= 1e15',
      },
    ],
    expected: ['R22'],
    how: { by: 'sim', brokers: 3, minutes: 1, settings: { uncommittedBytesMax: 300 } },
  },
  {
    id: 'uncommitted-unbounded',
    title: 'a leader without a majority takes any number of appends',
    edits: [raft('this.#log.uncommittedBytes >= this.#config.uncommittedBytesMax ?', 'this.#log.uncommittedBytes < 0 ?')],
    expected: [],
    how: { by: 'test', file: 'test/scenario/raft.test.ts', title: 'raft-flow-control goes as written' },
  },
  {
    id: 'candidate-in-a-hurry',
    title: 'a candidate begins another term while its vote is being written',
    edits: [raft("if (this.#role === 'candidate' && !this.#disk.hasSynced(this.#vote)) return;", '')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/raft/raft.test.ts',
      title: 'a candidate waits for its own vote, and only then does its time begin',
    },
  },
  {
    id: 'slow-leader-gives-up',
    title: 'a leader whose disk is slow gives up, though nobody is known to be faster',
    edits: [
      {
        file: 'src/broker/replica/replica.ts',
        find: '      if (this.raft.acknowledgedBy(this.#persistEnd).some((voter) => voter !== id)) this.#outrunSinceMs = nowMs;',
        replace: '      if (id > 0) this.#outrunSinceMs = nowMs;',
      },
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/slow-disks.test.ts', title: '3 brokers are, every sync of which takes 1000 ms more' },
  },
  {
    id: 'cut-not-told-to-disk',
    title: 'the log is cut and the disk is not told',
    edits: [raft('    this.#disk.truncate(end);\n', '')],
    expected: ['R3', 'R7', 'ST1', 'ST4'],
    how: everything,
  },
];
