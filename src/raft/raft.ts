import { assert, broken, unreachable } from '../base/assert.ts';
import { type BrokerId, firstOffset, firstTerm, type Offset, offset, type Term, term } from '../base/branded.ts';
import { DiskState } from './disk-state.ts';
import { isProtected, shouldGrant, type Voter } from './election.ts';
import { Leadership } from './leadership.ts';
import { ReplicaLog } from './log.ts';
import { isMember, isVoter, votersOf } from './membership.ts';
import type { AppendEntries, AppendEntriesResponse, LogBatch, Message, RequestVote, RequestVoteResponse, TimeoutNow } from './messages.ts';
import { countVotes, isQuorum } from './quorum.ts';
import type { CurrentRead } from './read-index.ts';
import type {
  Input,
  LoadRequest,
  Membership,
  PeerStatus,
  Persist,
  RaftConfig,
  Ready,
  Refusal,
  RestoredState,
  Role,
  RoleChange,
  TermStart,
  Vote,
} from './types.ts';
import { isWellFormed } from './well-formed.ts';

/**
 * One replica: the steps and the roles. What only a leader has lives in `Leadership`, what the disk knows in `DiskState`, the log in `ReplicaLog`.
 *
 * Messages leave through two doors. `#send`: may leave now. `#afterSync`, and the acknowledgement `#ack`: leave when the vote, and for an
 * acknowledgement the log up to the match, are synced. No message of a term leaves before that term is on disk (stricter than R7 needs, and simple
 * to check); pre-votes alone name a term that nobody has entered.
 */
export class Raft {
  readonly #config: RaftConfig;
  readonly #log: ReplicaLog;
  readonly #disk: DiskState;
  /** Everyone who may vote, ascending. */
  readonly #voters: readonly BrokerId[];

  #term: Term;
  #votedFor: BrokerId | null;
  #role: Role = 'follower';
  #leader: BrokerId | null = null;
  /** Not null exactly while the role is `leader`. */
  #leadership: Leadership | null = null;
  readonly #votes = new Map<BrokerId, boolean>();
  /** Of a candidate: the leader of the last term asked it to campaign. */
  #isTransfer = false;

  #ticksSinceReset = 0;
  /** Drawn anew at each reset: below `electionTicks`. */
  #timerDraw = 0;
  /** Newest term of which a leader is known, here or elsewhere; at the start the restored one. */
  #ledTerm: Term;
  /** Since a leader of the current term was heard; for stickiness. */
  #quietTicks: number;

  /** Of a follower: its log is equal to the log of this term's leader up to here. */
  #matchedOffset: Offset;
  /** Of a follower: highest high watermark heard in this term, which may be ahead of the match. */
  #leaderHighWatermark: Offset = firstOffset;
  /** Of a follower: an acknowledgement that waits for a sync. One is enough: acknowledgements add up. */
  #ack: { readonly to: BrokerId; readonly requestOffset: Offset; readonly readContext: number; readonly number: number } | null = null;
  /** What the leader of this term was told last. */
  #answeredReadContext = -1;
  #answeredMatch = -1;

  #send: Message[] = [];
  #afterSync: Message[] = [];
  #loads: LoadRequest[] = [];
  #reads: CurrentRead[] = [];
  #readsFailed: number[] = [];
  #rolledBack: BrokerId[] = [];
  #truncatedTo: Offset | null = null;
  #reportedHighWatermark: Offset;
  #reportedRole: RoleChange;

  constructor(config: RaftConfig, restored: RestoredState) {
    assert(config.membership.voters.length > 0, 'a group has at least one voter');
    assert(config.electionTicks > config.heartbeatTicks && config.heartbeatTicks > 0, 'several heartbeats fit into an election timeout');
    this.#config = config;
    this.#voters = votersOf(config.membership);
    this.#log = new ReplicaLog(restored);
    this.#disk = new DiskState(restored);
    this.#term = restored.vote.term;
    this.#votedFor = restored.vote.votedFor;
    assert(this.#log.lastTerm <= this.#term, `the vote is at least as new as the log: term ${this.#term}, log ${this.#log.lastTerm}`);
    this.#ledTerm = this.#term;
    this.#quietTicks = config.electionTicks;
    this.#matchedOffset = this.#log.highWatermark;
    this.#reportedHighWatermark = this.#log.highWatermark;
    this.#reportedRole = { role: 'follower', term: this.#term, leader: null };
    this.#resetElectionTimer();
  }

  get id(): BrokerId {
    return this.#config.id;
  }

  get role(): Role {
    return this.#role;
  }

  get term(): Term {
    return this.#term;
  }

  get leader(): BrokerId | null {
    return this.#leader;
  }

  /** Of the log in memory: the offset of the next record. */
  get endOffset(): Offset {
    return this.#log.endOffset;
  }

  /** The log is durable on this replica's disk up to here. */
  get syncedOffset(): Offset {
    return this.#disk.syncedOffset;
  }

  get highWatermark(): Offset {
    return this.#log.highWatermark;
  }

  /**
   * Of a leader: the newest `readContext` that a quorum has answered, so that nothing had been committed by others when it was first sent. Null on others,
   * and on a leader that has committed nothing in its own term, since it does not know what was committed before (Raft §8).
   */
  get confirmedContext(): number | null {
    if (this.#leadership === null || this.#log.termBefore(this.#log.highWatermark) !== this.#term) return null;
    return this.#leadership.confirmedRound;
  }

  get membership(): Membership {
    return this.#config.membership;
  }

  get termStarts(): readonly TermStart[] {
    return this.#log.termStarts;
  }

  /** Term of the record before `end`, 0 when there is none or it is not known. */
  termBefore(end: Offset): Term {
    return this.#log.termBefore(end);
  }

  /** Bytes of the log above the high watermark, as far as they arrived since the start. */
  get uncommittedBytes(): number {
    return this.#log.uncommittedBytes;
  }

  get cachedBytes(): number {
    return this.#log.cachedBytes;
  }

  /** What a leader knows of its peers; empty on others. */
  get peers(): readonly PeerStatus[] {
    return this.#leadership === null ? [] : this.#leadership.peers;
  }

  /** Of a leader: the newest round of messages to all peers, in its term; 0 of others. */
  get round(): number {
    return this.#leadership?.round ?? 0;
  }

  /** Of a leader with nothing under way: the peers that know all that it knows, itself left out. */
  get settledPeers(): readonly BrokerId[] {
    return this.#leadership === null || this.#disk.syncedOffset < this.#log.endOffset ? [] : this.#leadership.settledPeers;
  }

  /** Voters known to have synced the log up to `offsetTo`, ascending. Others than a leader know only themselves. */
  acknowledgedBy(offsetTo: Offset): BrokerId[] {
    return this.#voters.filter((voter) => this.#hasAcknowledged(voter, offsetTo));
  }

  /** Whether those are a quorum. */
  isOnQuorum(offsetTo: Offset): boolean {
    return isQuorum(this.membership, (voter) => this.#hasAcknowledged(voter, offsetTo));
  }

  #hasAcknowledged(voter: BrokerId, offsetTo: Offset): boolean {
    const { syncedOffset } = this.#disk;
    if (this.#leadership !== null) return this.#leadership.matchOffsetOf(voter, syncedOffset) >= offsetTo;
    return voter === this.id && syncedOffset >= offsetTo;
  }

  /**
   * Whole batches of [offsetFrom, offsetTo) from memory, or null when they are not all cached: then read them from disk. What is not committed or
   * not synced here is always cached.
   */
  batches(offsetFrom: Offset, offsetTo: Offset): readonly LogBatch[] | null {
    if (offsetFrom < this.#log.cachedFrom) return null;
    return this.#log.slice(offsetFrom, offsetTo, Number.POSITIVE_INFINITY);
  }

  /** Why a proposal cannot be taken now; null when it can. */
  refusal(): Refusal | null {
    if (this.#leadership === null) return { reason: 'notLeader', leader: this.#leader };
    const target = this.#leadership.transferTarget;
    if (target !== null) return { reason: 'transferring', leader: target };
    return this.#log.uncommittedBytes >= this.#config.uncommittedBytesMax ? { reason: 'uncommittedFull' } : null;
  }

  step(input: Input): void {
    switch (input.type) {
      case 'tick':
        return this.#tick();
      case 'propose':
        return this.#propose(input.batch);
      case 'receive':
        return this.#receive(input.message);
      case 'persisted':
        return this.#persisted(input.id);
      case 'loaded':
        return this.#leadership?.loaded(input.request, input.batches, this.#send);
      case 'read':
        return this.#read(input.context);
      case 'transferLeadership':
        return this.#leadership?.transfer(input.to);
      case 'stepDown':
        if (this.#role !== 'follower') this.#becomeFollower(this.#term, null);
        return;
      case 'campaign':
        if (this.#leader === null && (this.#role === 'follower' || this.#role === 'preCandidate') && isVoter(this.membership, this.id))
          this.#becomePreCandidate();
        return;
      case 'unreachable':
        return this.#leadership?.unreachable(input.peer);
      case 'reachable':
        return this.#leadership?.reachable(input.peer);
      default:
        return unreachable(input);
    }
  }

  /** Nothing will be asked of it for a while: what is committed and synced is on the disk, and no longer in memory. */
  rest(): void {
    this.#shrinkCache(0);
  }

  #shrinkCache(bytesMax: number): void {
    this.#log.shrinkCache(bytesMax, this.#disk.syncedOffset, this.#leadership?.heldByAll ?? this.#log.endOffset);
  }

  /** What the host owes since the last call, or null. */
  ready(): Ready | null {
    if (this.#leadership !== null) {
      this.#leadership.replicate(this.#send, this.#loads);
      for (const read of this.#leadership.confirmReads()) this.#reads.push(read);
    }
    const persist = this.#takePersist();
    const highWatermark = this.#log.highWatermark > this.#reportedHighWatermark ? this.#log.highWatermark : null;
    const role = this.#takeRoleChange();
    this.#shrinkCache(this.#config.cacheBytesMax());

    const isOwed =
      persist !== null ||
      highWatermark !== null ||
      role !== null ||
      this.#truncatedTo !== null ||
      this.#send.length + this.#loads.length + this.#reads.length + this.#readsFailed.length + this.#rolledBack.length > 0;
    if (!isOwed) return null;

    const ready: Ready = {
      send: this.#send,
      persist,
      truncatedTo: this.#truncatedTo,
      highWatermark,
      load: this.#loads,
      reads: this.#reads,
      readsFailed: this.#readsFailed,
      role,
      rolledBack: this.#rolledBack,
    };
    this.#send = [];
    this.#loads = [];
    this.#reads = [];
    this.#readsFailed = [];
    this.#rolledBack = [];
    this.#truncatedTo = null;
    this.#reportedHighWatermark = this.#log.highWatermark;
    return ready;
  }

  // Time.

  #tick(): void {
    if (this.#leadership !== null) {
      if (this.#leadership.tick() === 'lostQuorum') this.#becomeFollower(this.#term, null);
      return;
    }
    this.#quietTicks++;
    // A candidate has asked nobody before its own vote is on disk: another term would only mean another vote to write.
    if (this.#role === 'candidate' && !this.#disk.hasSynced(this.#vote)) return;
    this.#ticksSinceReset++;
    if (this.#isElectionDue && isVoter(this.membership, this.id)) this.#becomePreCandidate();
    else if (this.#role !== 'follower' && this.#ticksSinceReset % this.#config.heartbeatTicks === 0) this.#repeatRequests();
  }

  #resetElectionTimer(): void {
    this.#ticksSinceReset = 0;
    this.#timerDraw = this.#config.randomBelow(this.#config.electionTicks);
  }

  /**
   * `electionTicks` and a random part of the same length. Longer where votes take long to be written, or the next term begins before the votes of this one
   * are there, again and again: by what the host measures of its own disk, and twice as long for each term after the second that nobody came to lead, up to
   * 32 times (8 times what includes its own disk), because a candidate does not know how slow the others' disks are.
   */
  get #isElectionDue(): boolean {
    const { electionTicks, slowDiskTicks } = this.#config;
    if (this.#ticksSinceReset < electionTicks) return false;
    const patience = 2 ** Math.min(5, Math.max(0, this.#term - this.#ledTerm - 2));
    const least = Math.max((electionTicks + (slowDiskTicks?.() ?? 0)) * Math.min(8, patience), electionTicks * patience);
    return this.#ticksSinceReset >= least + Math.floor((this.#timerDraw * least) / electionTicks);
  }

  // Roles.

  /** Everything that belongs to one term begins anew. What waited for a sync on behalf of the old term is moot. */
  #enterTerm(newTerm: Term, votedFor: BrokerId | null): void {
    assert(newTerm > this.#term, `terms rise: ${this.#term} to ${newTerm}`);
    this.#term = newTerm;
    this.#votedFor = votedFor;
    this.#leader = null;
    this.#afterSync = [];
    this.#ack = null;
    this.#answeredReadContext = -1;
    this.#answeredMatch = -1;
    // What is committed is in the log of every later leader (Leader Completeness).
    this.#matchedOffset = this.#log.highWatermark;
    this.#leaderHighWatermark = firstOffset;
  }

  #becomeFollower(newTerm: Term, leader: BrokerId | null): void {
    if (this.#leadership !== null) {
      for (const context of this.#leadership.failReads()) this.#readsFailed.push(context);
      this.#leadership = null;
    }
    if (newTerm > this.#term) this.#enterTerm(newTerm, null);
    // A follower keeps its timer: only a leader of this term and a vote that it grants put an election off (Raft §5.2).
    if (this.#role !== 'follower') this.#resetElectionTimer();
    this.#role = 'follower';
    this.#leader = leader;
    if (leader !== null) this.#ledTerm = this.#term;
  }

  /** Asks whether an election could be won, without disturbing anyone's term (thesis §9.6). */
  #becomePreCandidate(): void {
    this.#role = 'preCandidate';
    this.#leader = null;
    this.#resetElectionTimer();
    this.#votes.clear();
    this.#requestVotes(true, false);
    this.#countVote(this.id, true);
  }

  /** The requests, and the candidate's own vote, wait until the new term and the vote are synced. */
  #becomeCandidate(transfer: boolean): void {
    this.#enterTerm(term(this.#term + 1), this.id);
    this.#role = 'candidate';
    this.#resetElectionTimer();
    this.#votes.clear();
    this.#isTransfer = transfer;
    this.#requestVotes(false, transfer);
  }

  #becomeLeader(): void {
    assert(this.#disk.hasSynced(this.#vote), 'a leader has its own vote on disk');
    this.#role = 'leader';
    this.#leader = this.id;
    this.#ledTerm = this.#term;
    this.#leadership = new Leadership(this.#config, this.#term, this.#log);
    // Nothing older can be committed before something of this term is (Raft §8).
    const noOp = this.#config.noOp(this.#log.endOffset, this.#term);
    assert(noOp.offsetTo === noOp.offsetFrom + 1 && noOp.term === this.#term, 'the first batch of a term takes one offset');
    this.#log.append(noOp);
  }

  // Elections.

  /** Requests are repeated until they are answered (Raft §5.1): one lost message must not cost an election timeout. */
  #repeatRequests(): void {
    if (this.#role === 'preCandidate') this.#requestVotes(true, false);
    else if (this.#disk.hasSynced(this.#vote)) this.#requestVotes(false, this.#isTransfer);
  }

  /** Asks every voter that has not answered yet. */
  #requestVotes(preVote: boolean, transfer: boolean): void {
    for (const to of votersOf(this.membership)) {
      if (to === this.id || this.#votes.has(to)) continue;
      const request: RequestVote = {
        type: 'requestVote',
        from: this.id,
        to,
        term: preVote ? term(this.#term + 1) : this.#term,
        preVote,
        transfer,
        endOffset: this.#log.endOffset,
        lastTerm: this.#log.lastTerm,
      };
      if (preVote) this.#send.push(request);
      else this.#afterSync.push(request);
    }
  }

  #countVote(voter: BrokerId, granted: boolean): void {
    this.#votes.set(voter, granted);
    const result = countVotes(this.membership, this.#votes);
    if (result === 'pending') return;
    if (result === 'lost') this.#becomeFollower(this.#term, null);
    else if (this.#role === 'preCandidate') this.#becomeCandidate(false);
    else this.#becomeLeader();
  }

  #answerRequestVote(request: RequestVote): void {
    const voter = this.#voter;
    if (isProtected(voter, request)) return this.#answerVote(request, false);
    if (!request.preVote && request.term > this.#term) this.#becomeFollower(request.term, null);
    const granted = shouldGrant(this.#voter, request);
    if (granted && !request.preVote) {
      this.#votedFor = request.from;
      this.#resetElectionTimer();
    }
    this.#answerVote(request, granted);
  }

  #answerVote(request: RequestVote, granted: boolean): void {
    const { preVote } = request;
    const isPromiseless = preVote && granted;
    const response: RequestVoteResponse = {
      type: 'requestVoteResponse',
      from: this.id,
      to: request.from,
      term: isPromiseless ? request.term : this.#term,
      preVote,
      granted,
    };
    if (isPromiseless) this.#send.push(response);
    else this.#answer(response);
  }

  #takeVote(response: RequestVoteResponse): void {
    if (response.preVote) {
      if (this.#role !== 'preCandidate') return;
      // A grant names the term of the campaign, a refusal the voter's own.
      if (!response.granted || response.term === this.#term + 1) this.#countVote(response.from, response.granted);
    } else if (this.#role === 'candidate' && response.term === this.#term) {
      this.#countVote(response.from, response.granted);
    }
  }

  #campaignNow(request: TimeoutNow): void {
    if (this.#role !== 'follower' || request.term !== this.#term || request.from !== this.#leader) return;
    if (isVoter(this.membership, this.id)) this.#becomeCandidate(true);
  }

  // Messages.

  #receive(message: Message): void {
    if (message.to !== this.id || message.from === this.id || !isMember(this.membership, message.from) || !isWellFormed(message)) return;
    if (message.type === 'requestVote') return this.#answerRequestVote(message);
    if (message.type === 'requestVoteResponse' && message.preVote && message.granted) return this.#takeVote(message);
    if (message.term > this.#term) this.#becomeFollower(message.term, message.type === 'appendEntries' ? message.from : null);
    switch (message.type) {
      case 'appendEntries':
        return message.term < this.#term ? this.#refuse(message) : this.#follow(message);
      case 'requestVoteResponse':
        return this.#takeVote(message);
      case 'appendEntriesResponse':
        return this.#takeAnswer(message);
      case 'timeoutNow':
        return this.#campaignNow(message);
      default:
        return unreachable(message);
    }
  }

  /** Sends now if the term and vote of this replica are on disk, else with the write that brings them there. */
  #answer(message: Message): void {
    if (this.#disk.hasSynced(this.#vote)) this.#send.push(message);
    else this.#afterSync.push(message);
  }

  // A follower's log.

  #follow(request: AppendEntries): void {
    if (this.#leadership !== null) broken(`term ${this.#term} has one leader, not ${this.id} and ${request.from}`);
    if (this.#role !== 'follower') this.#becomeFollower(this.#term, request.from);
    this.#leader = request.from;
    this.#ledTerm = this.#term;
    this.#ticksSinceReset = 0;
    this.#quietTicks = 0;
    if (!this.#log.continuesFrom(request)) return this.#refuse(request);

    this.#appendMissing(request.batches);
    const matchedOffset = request.batches.at(-1)?.offsetTo ?? request.offsetFrom;
    this.#matchedOffset = offset(Math.max(this.#matchedOffset, matchedOffset));
    this.#leaderHighWatermark = offset(Math.max(this.#leaderHighWatermark, request.highWatermark));
    // Beyond the match the log may be another leader's (Raft §5.3, step 5 of Figure 2).
    const highWatermark = offset(Math.min(this.#leaderHighWatermark, this.#matchedOffset));
    if (highWatermark > this.#log.highWatermark) this.#log.commit(highWatermark);
    this.#acknowledge(request);
  }

  /** Raft §5.3: what is there already stays, so that a late request never shortens the log (R10); a conflict is cut at its first batch. */
  #appendMissing(batches: readonly LogBatch[]): void {
    for (const batch of batches) {
      if (this.#log.holds(batch)) continue;
      if (batch.offsetFrom < this.#log.endOffset) this.#truncate(batch.offsetFrom);
      this.#log.append(batch);
    }
  }

  #truncate(end: Offset): void {
    this.#log.truncate(end);
    this.#disk.truncate(end);
    this.#truncatedTo = offset(Math.min(this.#truncatedTo ?? end, end));
  }

  /**
   * The acknowledgement leaves when everything that matches is synced. A new read context is answered at once all the same, with what is synced
   * so far: a read does not wait for a disk. One that only brings a high watermark is not answered.
   */
  #acknowledge(request: AppendEntries): void {
    if (request.isNews && this.#matchedOffset <= this.#answeredMatch) return;
    const readContext = Math.max(request.readContext, this.#ack?.readContext ?? -1);
    const number = Math.max(request.number, this.#ack?.number ?? 0);
    this.#ack = { to: request.from, requestOffset: request.offsetFrom, readContext, number };
    if (this.#isAckSynced) return this.#releaseAck(this.#send);
    if (readContext > this.#answeredReadContext && this.#disk.hasSynced(this.#vote)) {
      this.#send.push(this.#success(this.#ack, offset(Math.min(this.#matchedOffset, this.#disk.syncedOffset))));
    }
  }

  get #isAckSynced(): boolean {
    return this.#disk.hasSynced(this.#vote) && this.#matchedOffset <= this.#disk.syncedOffset;
  }

  /** `into` is a place from which the message leaves only when the whole match is synced. */
  #releaseAck(into: Message[]): void {
    if (this.#ack === null) return;
    into.push(this.#success(this.#ack, this.#matchedOffset));
    this.#ack = null;
  }

  #success(ack: { to: BrokerId; requestOffset: Offset; readContext: number; number: number }, matchOffset: Offset): AppendEntriesResponse {
    this.#answeredReadContext = Math.max(this.#answeredReadContext, ack.readContext);
    this.#answeredMatch = Math.max(this.#answeredMatch, matchOffset);
    return {
      type: 'appendEntriesResponse',
      from: this.id,
      to: ack.to,
      term: this.#term,
      success: true,
      matchOffset,
      hintOffset: firstOffset,
      hintTerm: firstTerm,
      requestOffset: ack.requestOffset,
      readContext: ack.readContext,
      number: ack.number,
    };
  }

  #refuse(request: AppendEntries): void {
    const { hintOffset, hintTerm } = this.#log.hintFor(request);
    this.#answer({
      type: 'appendEntriesResponse',
      from: this.id,
      to: request.from,
      term: this.#term,
      success: false,
      matchOffset: firstOffset,
      hintOffset,
      hintTerm,
      requestOffset: request.offsetFrom,
      // Contexts and numbers count within a term. The sender of an old request may lead this term by now: it must not find an answer to a later round in it.
      readContext: request.term === this.#term ? request.readContext : 0,
      number: request.term === this.#term ? request.number : 0,
    });
  }

  // A leader's log.

  #propose(batch: LogBatch): void {
    assert(this.refusal() === null, 'a proposal comes only when refusal() gave null');
    assert(batch.offsetFrom === this.#log.endOffset && batch.term === this.#term, 'a proposal continues the log in the current term');
    this.#log.append(batch);
  }

  #takeAnswer(response: AppendEntriesResponse): void {
    if (this.#leadership === null || response.term < this.#term) return;
    if (this.#leadership.answered(response)) this.#rolledBack.push(response.from);
    this.#advance(this.#leadership);
  }

  #advance(leadership: Leadership): void {
    const committable = leadership.committableOffset(this.#disk.syncedOffset);
    if (committable > this.#log.highWatermark) this.#log.commit(committable);
  }

  #read(context: number): void {
    if (this.#leadership === null) this.#readsFailed.push(context);
    else this.#leadership.beginRead(context);
  }

  // The disk.

  #persisted(id: number): void {
    this.#disk.done(id);
    if (this.#leadership !== null) this.#advance(this.#leadership);
    else if (this.#role === 'candidate' && this.#disk.hasSynced(this.#vote)) this.#countVote(this.id, true);
  }

  /** Lets go what needs no further write, and makes the next write of all that is owed if none is under way. */
  #takePersist(): Persist | null {
    if (this.#isAckSynced) this.#releaseAck(this.#send);
    if (this.#afterSync.length > 0 && this.#disk.hasSynced(this.#vote)) {
      for (const message of this.#afterSync) this.#send.push(message);
      this.#afterSync = [];
    }
    if (!this.#disk.owes(this.#log, this.#vote)) return null;
    const then = this.#afterSync;
    this.#afterSync = [];
    this.#releaseAck(then);
    return this.#disk.take(this.#log, this.#vote, then);
  }

  get #vote(): Vote {
    return { term: this.#term, votedFor: this.#votedFor };
  }

  get #voter(): Voter {
    const hasLiveLeader = this.#leadership !== null || (this.#leader !== null && this.#quietTicks < this.#config.electionTicks);
    return { term: this.#term, votedFor: this.#votedFor, leader: this.#leader, hasLiveLeader, log: this.#log };
  }

  #takeRoleChange(): RoleChange | null {
    const reported = this.#reportedRole;
    if (reported.role === this.#role && reported.term === this.#term && reported.leader === this.#leader) return null;
    this.#reportedRole = { role: this.#role, term: this.#term, leader: this.#leader };
    return this.#reportedRole;
  }
}
