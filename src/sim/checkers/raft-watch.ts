/**
 * Feeds the checkers of Raft's properties from the observers of all brokers. The work is bounded by what changed: each batch is looked at once on
 * each replica, each vote and acknowledgement once.
 */
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { BrokerObserver, ReplicaView } from '../../broker/contract.ts';
import type { Persist, Ready, RestoredState } from '../../raft/index.ts';
import type { Coverage } from '../coverage.ts';
import { ElectionSafety } from './r1-election-safety.ts';
import { CommittedStays } from './r10-committed-stays.ts';
import { LeaderAppendOnly } from './r2-leader-append-only.ts';
import { LogMatching } from './r3-log-matching.ts';
import { LeaderCompleteness } from './r4-leader-completeness.ts';
import { StateMachineSafety } from './r5-state-machine-safety.ts';
import { OneVoteATerm } from './r6-one-vote-a-term.ts';
import { DurableBeforeSent } from './r7-durable-before-sent.ts';
import { CommitOfTheCurrentTerm } from './r8-commit-of-the-current-term.ts';
import { CommitIndex } from './r9-commit-index.ts';
import {
  type Election,
  type GroupLedger,
  indexAt,
  ReplicaLedger,
  type ReplicaTrack,
  trackBatch,
  type TrackedBatch,
  withPending,
} from './replica-ledger.ts';
import { RecoveredPrefix } from './st1-recovered-prefix.ts';
import { RecoveryNeverLowers } from './st4-recovery-never-lowers.ts';
import type { CheckReport } from './verdict.ts';

export class RaftWatch {
  readonly ledger = new ReplicaLedger();
  readonly #coverage: Coverage;
  readonly #electionSafety = new ElectionSafety();
  readonly #leaderAppendOnly = new LeaderAppendOnly();
  readonly #logMatching = new LogMatching();
  readonly #leaderCompleteness = new LeaderCompleteness();
  readonly #stateMachineSafety = new StateMachineSafety();
  readonly #commitOfTheCurrentTerm = new CommitOfTheCurrentTerm();
  readonly #commitIndex: CommitIndex;
  readonly #oneVoteATerm = new OneVoteATerm();
  readonly #durableBeforeSent = new DurableBeforeSent();
  readonly #recoveredPrefix = new RecoveredPrefix();
  readonly #recoveryNeverLowers = new RecoveryNeverLowers();
  readonly #committedStays = new CommittedStays();
  #electionCount = 0;

  constructor(voterCount: number, coverage: Coverage) {
    this.#coverage = coverage;
    this.#commitIndex = new CommitIndex(voterCount);
  }

  /** Leaders elected, all groups. */
  get electionCount(): number {
    return this.#electionCount;
  }

  reports(): CheckReport[] {
    return [
      this.#electionSafety,
      this.#leaderAppendOnly,
      this.#logMatching,
      this.#leaderCompleteness,
      this.#stateMachineSafety,
      this.#oneVoteATerm,
      this.#durableBeforeSent,
      this.#commitOfTheCurrentTerm,
      this.#commitIndex,
      this.#committedStays,
      this.#recoveredPrefix,
      this.#recoveryNeverLowers,
    ].map((checker) => checker.findings.report());
  }

  /** What one life of a broker reports to; `alive` tells whether that life still runs. */
  observerOf(broker: BrokerId, alive: () => boolean): BrokerObserver {
    return {
      opened: (group, state, lastChecksum) => {
        if (alive()) this.#opened(broker, group, state, lastChecksum);
      },
      ready: (group, ready, replica) => {
        if (alive()) this.#ready(broker, group, ready, replica);
      },
      persisted: (group, persist) => {
        if (alive()) this.#persisted(broker, group, persist);
      },
    };
  }

  #opened(broker: BrokerId, group: GroupId, state: RestoredState, lastChecksum: number): void {
    const track = this.ledger.replica(broker, group);
    this.#recoveryNeverLowers.opened(track, state);
    const log = this.#recoveredPrefix.opened(track, state, lastChecksum);
    this.#leaderAppendOnly.restarted(group, broker);
    track.synced = [...log];
    track.log.splice(0, track.log.length, ...log);
    track.syncedVote = state.vote;
    track.pending = null;
    track.highWatermark = 0;
    track.comparedTo = 0;
    track.comparedIndex = 0;
  }

  #ready(broker: BrokerId, group: GroupId, ready: Ready, replica: ReplicaView): void {
    const ledger = this.ledger.group(group);
    const track = this.ledger.replica(broker, group);
    for (const message of ready.send) {
      this.#oneVoteATerm.sent(track, message);
      this.#durableBeforeSent.sent(track, message);
    }
    if (ready.truncatedTo !== null) this.#cut(ledger, track, ready.truncatedTo);
    if (ready.persist !== null) this.#handedOver(ledger, track, ready.persist);
    if (ready.role?.role === 'leader') this.#elected(ledger, broker, replica);
    this.#leaderAppendOnly.changed(group, broker, replica);
    if (ready.highWatermark !== null) {
      this.#commitOfTheCurrentTerm.advanced(ledger, broker, track.highWatermark, ready.highWatermark, replica);
      this.#commitIndex.advanced(ledger, broker, track.highWatermark, ready.highWatermark, replica);
      track.highWatermark = ready.highWatermark;
    }
    this.#compare(ledger, track, replica.term);
  }

  #elected(ledger: GroupLedger, broker: BrokerId, replica: ReplicaView): void {
    const last = ledger.elections[ledger.elections.length - 1];
    // A role is also reported when only the known leader changed.
    if (last?.term === replica.term && last.broker === broker) return;
    this.#electionCount++;
    this.#electionSafety.elected(ledger.group, broker, replica.term);
    // Its own no-op may stand in the log already; what it was elected with ends before its term.
    const own = replica.termStarts.find((start) => start.term === replica.term);
    const election: Election = {
      broker,
      term: replica.term,
      endOffset: own?.offsetFrom ?? replica.endOffset,
      termStarts: replica.termStarts.filter((start) => start.term < replica.term),
    };
    this.#leaderCompleteness.elected(ledger, election);
    ledger.elections.push(election);
  }

  /** The log in memory is cut, which may be long before the write that cuts it on the disk. */
  #cut(ledger: GroupLedger, track: ReplicaTrack, truncateTo: number): void {
    const from = indexAt(track.log, truncateTo);
    const removed = track.log.splice(from);
    if (removed.length === 0) return;
    this.#coverage.reach('raft.truncation');
    this.#committedStays.truncated(ledger, track, removed);
    if (track.comparedIndex > from) {
      track.comparedIndex = from;
      track.comparedTo = truncateTo;
    }
  }

  #handedOver(ledger: GroupLedger, track: ReplicaTrack, persist: Persist): void {
    if (persist.truncateTo !== null) this.#cut(ledger, track, persist.truncateTo);
    const batches: TrackedBatch[] = [];
    for (const logBatch of persist.batches) {
      const batch = trackBatch(logBatch);
      this.#logMatching.appended(ledger.group, track.broker, batch, track.log[track.log.length - 1]);
      track.log.push(batch);
      batches.push(batch);
    }
    track.pending = { persist, batches };
  }

  #persisted(broker: BrokerId, group: GroupId, persist: Persist): void {
    const track = this.ledger.replica(broker, group);
    const { pending } = track;
    if (pending?.persist !== persist) return;
    if (persist.truncateTo === null) track.synced.push(...pending.batches);
    else track.synced = [...withPending(track)];
    track.pending = null;
    if (persist.vote !== null) {
      this.#oneVoteATerm.persistedVote(track, persist.vote.term, persist.vote.votedFor);
      track.syncedVote = persist.vote;
    }
    for (const message of persist.then) {
      this.#oneVoteATerm.sent(track, message);
      this.#durableBeforeSent.sent(track, message);
    }
  }

  #compare(ledger: GroupLedger, track: ReplicaTrack, term: number): void {
    for (const batch of this.#stateMachineSafety.advanced(ledger, track, term)) this.#leaderCompleteness.committed(ledger, batch, term);
  }
}
