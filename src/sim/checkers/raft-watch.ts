/**
 * Feeds the checkers of Raft's properties from the observers of all brokers. The work is bounded by what changed: each batch is looked at once on
 * each replica, each vote and acknowledgement once.
 */
import { type BrokerId, brokerId, type GroupId } from '../../base/branded.ts';
import type { BrokerObserver, ReplicaView } from '../../broker/index.ts';
import { type BrokerSettings, defaultSettings } from '../../broker/settings.ts';
import type { Message, Persist, Ready, RestoredState } from '../../raft/index.ts';
import type { Coverage } from '../coverage.ts';
import { Timestamps } from './l18-timestamps.ts';
import { ElectionSafety } from './r1-election-safety.ts';
import { CommittedStays } from './r10-committed-stays.ts';
import { NodeIdentity } from './r15-node-identity.ts';
import { PreVote } from './r16-pre-vote.ts';
import { CheckQuorum } from './r17-check-quorum.ts';
import { SameState } from './r11-same-state.ts';
import { ReadIndex } from './r18-read-index.ts';
import { Members } from './r20-members.ts';
import { LeaderAppendOnly } from './r2-leader-append-only.ts';
import { GroupIsolation } from './r21-group-isolation.ts';
import { FlowControl } from './r22-flow-control.ts';
import { SentOnce } from './r23-sent-once.ts';
import { WaysAlongTheCube } from './r24-ways-along-the-cube.ts';
import { TakenAsSent } from './r25-taken-as-sent.ts';
import { LogMatching } from './r3-log-matching.ts';
import { LeaderCompleteness } from './r4-leader-completeness.ts';
import { StateMachineSafety } from './r5-state-machine-safety.ts';
import { OneVoteATerm } from './r6-one-vote-a-term.ts';
import { DurableBeforeSent } from './r7-durable-before-sent.ts';
import { CommitOfTheCurrentTerm } from './r8-commit-of-the-current-term.ts';
import { CommitIndex } from './r9-commit-index.ts';
import {
  type Election,
  endOf,
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
import { DerivedState } from './st5-derived-state.ts';
import type { Findings } from './verdict.ts';

/** The slowest clock that is injected, and what timers come late by. */
const stickyShare = 0.8;

export class RaftWatch {
  readonly ledger = new ReplicaLedger();
  readonly members: Members;
  readonly readIndex = new ReadIndex();
  readonly #coverage: Coverage;
  readonly #nowMs: () => number;
  readonly #electionSafety = new ElectionSafety();
  readonly #leaderAppendOnly = new LeaderAppendOnly();
  readonly #logMatching = new LogMatching();
  readonly #leaderCompleteness = new LeaderCompleteness();
  readonly #stateMachineSafety = new StateMachineSafety();
  readonly #oneVoteATerm = new OneVoteATerm();
  readonly #durableBeforeSent = new DurableBeforeSent();
  readonly #commitOfTheCurrentTerm = new CommitOfTheCurrentTerm();
  readonly #commitIndex: CommitIndex;
  readonly #committedStays = new CommittedStays();
  readonly nodeIdentity: NodeIdentity;
  readonly #preVote: PreVote;
  readonly #checkQuorum: CheckQuorum;
  readonly #groupIsolation = new GroupIsolation();
  readonly #flowControl: FlowControl;
  readonly sentOnce: SentOnce;
  readonly waysAlongTheCube: WaysAlongTheCube;
  readonly #takenAsSent = new TakenAsSent();
  readonly #recoveredPrefix = new RecoveredPrefix();
  readonly #recoveryNeverLowers = new RecoveryNeverLowers();
  readonly #sameState = new SameState();
  readonly #derivedState = new DerivedState();
  readonly #timestamps = new Timestamps();
  readonly #retired = new Set<GroupId>();
  readonly #settings = new Map<BrokerId, BrokerSettings>();
  #electionCount = 0;

  constructor(brokerCount: number, coverage: Coverage, settings: BrokerSettings = defaultSettings, nowMs: () => number = () => 0) {
    this.#coverage = coverage;
    this.#nowMs = nowMs;
    this.members = new Members(Array.from({ length: brokerCount }, (_, index) => brokerId(index + 1)));
    this.#commitIndex = new CommitIndex(this.members);
    this.nodeIdentity = new NodeIdentity(this.members);
    const settingsOf = (broker: BrokerId): BrokerSettings => this.#settings.get(broker) ?? settings;
    this.#preVote = new PreVote(this.members, (broker) => {
      const { electionTimeoutMs, tickMs } = settingsOf(broker);
      return (electionTimeoutMs - 2 * tickMs) * stickyShare;
    });
    this.#checkQuorum = new CheckQuorum(this.members, settingsOf);
    this.#flowControl = new FlowControl(settingsOf);
    this.waysAlongTheCube = new WaysAlongTheCube(brokerCount);
    this.sentOnce = new SentOnce((broker) => settingsOf(broker).inFlightBytesMax);
  }

  /** A broker is started with settings of its own. */
  startsWith(broker: BrokerId, settings: BrokerSettings): void {
    this.#settings.set(broker, settings);
  }

  /** Leaders elected, all groups. */
  get electionCount(): number {
    return this.#electionCount;
  }

  get findings(): readonly Findings[] {
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
      this.#sameState,
      this.nodeIdentity,
      this.#preVote,
      this.#checkQuorum,
      this.readIndex,
      this.members,
      this.#groupIsolation,
      this.#flowControl,
      this.sentOnce,
      this.waysAlongTheCube,
      this.#takenAsSent,
      this.#recoveredPrefix,
      this.#recoveryNeverLowers,
      this.#derivedState,
      this.#timestamps,
    ].map(({ findings }) => findings);
  }

  /**
   * The disk of this broker is from now on another one, which has seen these lives: nothing that it says or holds counts any more. What the lost one had
   * synced stays in the ledger, because answers that it gave may still be on their way.
   */
  becameImpostor(broker: BrokerId, seen: readonly string[]): void {
    this.nodeIdentity.becameImpostor(broker, seen);
  }

  /** The topic of this group is being deleted: each broker forgets its log in its own time, and may begin an empty one while it reads the catalog again. */
  retire(group: GroupId): void {
    this.#retired.add(group);
  }

  isRetired(group: GroupId): boolean {
    return this.#retired.has(group);
  }

  /** What one life of a broker reports to; `alive` tells whether that life still runs. */
  observerOf(broker: BrokerId, alive: () => boolean): BrokerObserver {
    const isHeard = (group: GroupId): boolean => alive() && !this.#retired.has(group);
    const counts = (group: GroupId): boolean => isHeard(group) && !this.nodeIdentity.isImpostor(broker);
    return {
      started: (life) => {
        if (!alive()) return;
        this.nodeIdentity.started(broker, life);
        this.#takenAsSent.started(broker);
      },
      met: (peer, life) => {
        if (alive()) this.nodeIdentity.met(broker, peer, life);
      },
      opened: (group, state, lastChecksum, membership) => {
        if (!counts(group)) return;
        this.members.opened(group, broker, membership);
        this.#opened(broker, group, state, lastChecksum);
      },
      received: (group, message) => {
        if (!counts(group)) return;
        this.#takenAsSent.received(group, broker, message);
        this.#checkQuorum.received(group, broker, message, this.#nowMs());
        this.#flowControl.received(group, broker, message);
      },
      ready: (group, ready, replica) => {
        if (isHeard(group)) for (const message of ready.send) this.#takenAsSent.sent(group, broker, message);
        if (counts(group)) this.#ready(broker, group, ready, replica);
        else if (isHeard(group) && ready.role?.role === 'leader') this.nodeIdentity.elected(group, broker, replica.term);
      },
      persisted: (group, persist) => {
        if (isHeard(group)) for (const message of persist.then) this.#takenAsSent.sent(group, broker, message);
        if (counts(group)) this.#persisted(broker, group, persist);
        else if (isHeard(group)) for (const message of persist.then) this.nodeIdentity.sent(group, broker, message);
      },
      pulsed: (round, groups) => {
        const counted = [...groups].filter(counts);
        if (alive()) this.#takenAsSent.pulsed(broker, round, counted);
        this.#coverage.reach('raft.quiet', counted.length);
        this.#checkQuorum.pulsed(counted, broker, this.#nowMs());
      },
      rests: (leader, round, groups) => {
        if (alive()) this.#takenAsSent.rests(broker, leader, round, groups);
      },
      confirmed: (peer, round, groups) => {
        const counted = [...groups].filter(counts);
        if (alive()) this.#takenAsSent.confirmed(broker, peer, round, counted);
        this.#checkQuorum.confirmed(peer, counted, broker, this.#nowMs());
      },
      passed: (hops, next, to, isDirect, reaches) => {
        if (alive()) this.waysAlongTheCube.passed(hops, next, to, isDirect, reaches);
      },
      derived: (group, what, at, digest) => {
        if (counts(group)) this.#sameState.derived(group, broker, what, at, digest);
      },
    };
  }

  #opened(broker: BrokerId, group: GroupId, state: RestoredState, lastChecksum: number): void {
    const track = this.ledger.replica(broker, group);
    this.#recoveryNeverLowers.opened(track, state);
    const log = this.#recoveredPrefix.opened(track, state, lastChecksum);
    this.#derivedState.opened(group, broker, state, log);
    this.#leaderAppendOnly.restarted(group, broker);
    this.#checkQuorum.restarted(group, broker);
    this.#flowControl.restarted(group, broker);
    this.#preVote.restarted(group, broker);
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
    for (const message of ready.send) this.#sent(track, message, replica);
    if (ready.truncatedTo !== null) this.#cut(ledger, track, ready.truncatedTo);
    if (ready.persist !== null) this.#handedOver(ledger, track, ready.persist);
    if (ready.role?.role === 'leader') this.#elected(ledger, broker, replica);
    if (ready.readsFailed.length > 0) this.#coverage.reach('raft.readRetried', ready.readsFailed.length);
    this.#leaderAppendOnly.changed(group, broker, replica);
    this.#checkQuorum.changed(group, broker, replica, this.#nowMs());
    if (ready.persist !== null) {
      this.#flowControl.taken(ledger, track, replica, ready.persist);
      this.sentOnce.stored(group, broker, replica, ready.persist);
    }
    if (ready.highWatermark !== null) {
      this.#commitOfTheCurrentTerm.advanced(ledger, broker, track.highWatermark, ready.highWatermark, replica);
      this.#commitIndex.advanced(ledger, broker, track.highWatermark, ready.highWatermark, replica);
      track.highWatermark = ready.highWatermark;
    }
    this.#compare(ledger, track, replica.term);
  }

  #sent(track: ReplicaTrack, message: Message, replica: ReplicaView | null): void {
    const { group, broker } = track;
    const nowMs = this.#nowMs();
    this.#oneVoteATerm.sent(track, message);
    this.#durableBeforeSent.sent(track, message);
    this.nodeIdentity.sent(group, broker, message);
    this.members.sent(group, broker, message);
    this.#preVote.sent(group, broker, message, nowMs, replica?.term ?? null);
    this.#flowControl.sent(group, broker, message);
    this.sentOnce.sent(group, broker, message);
    this.readIndex.sent(group, broker, message);
    if (replica !== null) this.#groupIsolation.sent(group, broker, message, replica);
    if (message.type === 'requestVoteResponse' && !message.granted) this.#refusedOlderLog(track, message.to);
  }

  /** A candidate whose log is older than the voter's is refused by it (Raft §5.4.1). */
  #refusedOlderLog(voter: ReplicaTrack, candidate: BrokerId): void {
    const own = voter.log[voter.log.length - 1];
    const other = this.ledger.replica(candidate, voter.group).log.at(-1);
    if (
      own === undefined ||
      (other !== undefined && (other.term > own.term || (other.term === own.term && other.offsetTo >= own.offsetTo)))
    )
      return;
    const hasLed = this.ledger.group(voter.group).elections.some((election) => election.broker === candidate);
    this.#coverage.reach(hasLed ? 'raft.olderLeaderRefused' : 'raft.olderLogRefused');
  }

  #elected(ledger: GroupLedger, broker: BrokerId, replica: ReplicaView): void {
    const last = ledger.elections[ledger.elections.length - 1];
    // A role is also reported when only the known leader changed.
    if (last?.term === replica.term && last.broker === broker) return;
    this.#electionCount++;
    this.#electionSafety.elected(ledger.group, broker, replica.term);
    this.nodeIdentity.elected(ledger.group, broker, replica.term);
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
    if (persist.vote !== null) this.#preVote.votes(ledger.group, track.broker, persist.vote.term, persist.vote.votedFor);
    if (persist.truncateTo !== null) this.#cut(ledger, track, persist.truncateTo);
    const batches: TrackedBatch[] = [];
    for (const logBatch of persist.batches) {
      const batch = trackBatch(logBatch);
      const previous = track.log[track.log.length - 1];
      this.#logMatching.appended(ledger.group, track.broker, batch, previous);
      this.#timestamps.appended(ledger.group, track.broker, batch, previous);
      this.#groupIsolation.written(ledger.group, track.broker, logBatch.bytes);
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
    for (const message of persist.then) this.#sent(track, message, null);
  }

  #compare(ledger: GroupLedger, track: ReplicaTrack, term: number): void {
    for (const batch of this.#stateMachineSafety.advanced(ledger, track, term, this.#nowMs()))
      this.#leaderCompleteness.committed(ledger, batch, term);
  }

  /** End of what is known to be committed by anybody. */
  committedEnd(group: GroupId): number {
    return endOf(this.ledger.group(group).committed);
  }
}
