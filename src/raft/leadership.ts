import { assert } from '../base/assert.ts';
import { type BrokerId, type Offset, offset, type Term } from '../base/branded.ts';
import type { ReplicaLog } from './log.ts';
import { isVoter, peersOf } from './membership.ts';
import type { AppendEntriesResponse, LogBatch, Message } from './messages.ts';
import { Progress } from './progress.ts';
import { quorumValue } from './quorum.ts';
import { type CurrentRead, ReadIndex } from './read-index.ts';
import type { LoadRequest, PeerStatus, RaftConfig } from './types.ts';

/** Of more rounds than these that wait for a quorum, nobody remembers when they began: what is known is then a little older than need be. */
const unconfirmedMax = 64;

function bytesOf(batches: readonly LogBatch[]): number {
  let bytes = 0;
  for (const batch of batches) bytes += batch.bytes.length;
  return bytes;
}

/**
 * What a replica knows and does only while it leads, in one term: the progress of every peer, reads that wait, a transfer under way.
 * It is made when an election is won and thrown away when leadership ends, so nothing of one term can leak into the next.
 *
 * Nothing is sent when something happens; `replicate` looks at every peer once, when the host takes what is owed. So proposals, a new high
 * watermark, a heartbeat and a read that come together travel in one message.
 */
export class Leadership {
  readonly #config: RaftConfig;
  readonly #term: Term;
  readonly #log: ReplicaLog;
  /** Offset of the first batch of this term. */
  readonly #termStart: Offset;
  readonly #progress = new Map<BrokerId, Progress>();
  readonly #reads = new ReadIndex();
  /** Travels as `readContext`: rises with every heartbeat and every group of reads, never reused in this term. */
  #round = 0;
  /** Rounds that no quorum has confirmed yet, oldest first, with what each peer had answered when they began. */
  #unconfirmed: { readonly round: number; readonly answered: readonly number[] }[] = [];
  #confirmedRound = -1;
  #ticksSinceHeartbeat = 0;
  #now = 0;
  #transfer: { readonly to: BrokerId; ticks: number; asked: boolean } | null = null;

  /** The log ends where the first batch of the new term will begin. */
  constructor(config: RaftConfig, term: Term, log: ReplicaLog) {
    this.#config = config;
    this.#term = term;
    this.#log = log;
    this.#termStart = log.endOffset;
    this.#ticksSinceHeartbeat = config.heartbeatPhase?.() ?? 0;
    for (const peer of peersOf(config.membership, config.id)) this.#progress.set(peer, new Progress(peer, log.endOffset));
  }

  get transferTarget(): BrokerId | null {
    return this.#transfer === null ? null : this.#transfer.to;
  }

  get peers(): PeerStatus[] {
    return [...this.#progress.values()].map((progress) => progress.status);
  }

  /** Every peer is known to have our log up to here. */
  get heldByAll(): Offset {
    let least = this.#log.endOffset;
    for (const { matchOffset } of this.#progress.values()) if (matchOffset < least) least = matchOffset;
    return least;
  }

  /** The newest round of messages to all peers; what they answer to it they have done since it began. */
  get round(): number {
    return this.#round;
  }

  /**
   * Peers that have all of this log, know that all of it is committed, and have answered the newest round since. None while a read or a transfer is under way.
   */
  get settledPeers(): BrokerId[] {
    const { endOffset, highWatermark } = this.#log;
    if (this.#transfer !== null || this.#reads.isWaitingForRound || this.#reads.isWaitingForAnswers || highWatermark < endOffset) return [];
    const isSettled = ({ state, matchOffset, highWatermarkSent, roundAnswered }: Progress): boolean =>
      state === 'replicate' && matchOffset === endOffset && highWatermarkSent === highWatermark && roundAnswered === this.#round;
    return [...this.#progress.values()].filter(isSettled).map(({ peer }) => peer);
  }

  /** How much of our log a voter is known to have synced. */
  matchOffsetOf(voter: BrokerId, ownSyncedOffset: Offset): Offset {
    if (voter === this.#config.id) return ownSyncedOffset;
    return (this.#progress.get(voter) as Progress).matchOffset;
  }

  /** Gives `lostQuorum` when an election timeout has passed without hearing from a quorum (CheckQuorum, thesis §6.2). */
  tick(): 'leads' | 'lostQuorum' {
    if (this.#transfer !== null && ++this.#transfer.ticks >= this.#config.electionTicks) this.#transfer = null;
    this.#now++;
    const heard = quorumValue(this.#config.membership, (voter) => this.#lastHeard(voter));
    if (this.#now - heard >= this.#config.electionTicks) return 'lostQuorum';
    if (++this.#ticksSinceHeartbeat >= this.#config.heartbeatTicks) this.#startRound();
    return 'leads';
  }

  /** Takes an answer of this term. Gives true when the peer turns out to have lost what it had acknowledged. */
  answered(response: AppendEntriesResponse): boolean {
    const progress = this.#progress.get(response.from);
    if (progress === undefined || progress.state === 'rolledBack' || response.matchOffset > this.#log.endOffset) return false;
    if (progress.showsRollback(response)) {
      progress.rolledBack();
      return true;
    }
    progress.heardAt = this.#now;
    if (response.readContext > progress.roundAnswered) {
      progress.roundAnswered = response.readContext;
      this.#confirm();
    }
    if (response.success) {
      progress.acknowledged(response, this.#now, () => this.#config.bulkBytesQueued?.(progress.peer) ?? 0, this.#config);
    } else this.#refused(progress, response);
    return false;
  }

  #refused(progress: Progress, response: AppendEntriesResponse): void {
    const { requestOffset, hintOffset, hintTerm } = response;
    // Asked where our log starts before we knew the term there, the peer has told it: asked again, with it.
    const isToldStart = requestOffset === hintOffset && requestOffset > progress.matchOffset;
    if (isToldStart && this.#log.learnsStartFrom(hintOffset, hintTerm)) progress.probeFrom(hintOffset);
    else progress.refused(response, () => this.#log.backUp(hintOffset, hintTerm));
  }

  unreachable(peer: BrokerId): void {
    this.#progress.get(peer)?.lostLink();
  }

  reachable(peer: BrokerId): void {
    this.#progress.get(peer)?.foundLink();
  }

  /**
   * The high watermark that the acknowledgements allow. Only a batch of this term is committed by counting; what is older is committed with it
   * (Raft §5.4.2, Figure 8).
   */
  committableOffset(ownSyncedOffset: Offset): Offset {
    const counted = offset(quorumValue(this.#config.membership, (voter) => this.matchOffsetOf(voter, ownSyncedOffset)));
    if (counted <= this.#log.highWatermark || this.#log.termBefore(counted) !== this.#term) return this.#log.highWatermark;
    return counted;
  }

  beginRead(context: number): void {
    this.#reads.begin(context);
  }

  confirmReads(): CurrentRead[] {
    if (!this.#reads.isWaitingForAnswers) return [];
    return this.#reads.confirm(this.#quorumRound());
  }

  /** The newest round that a quorum has answered: nobody else had committed anything when it was sent. */
  get confirmedRound(): number {
    return this.#progress.size === 0 ? Number.MAX_SAFE_INTEGER : this.#confirmedRound;
  }

  #quorumRound(): number {
    return quorumValue(this.#config.membership, (voter) =>
      voter === this.#config.id ? Number.MAX_SAFE_INTEGER : (this.#progress.get(voter) as Progress).roundAnswered,
    );
  }

  #beginRound(): void {
    this.#round++;
    if (this.#unconfirmed.length === unconfirmedMax) return;
    this.#unconfirmed.push({ round: this.#round, answered: [...this.#progress.values()].map(({ roundAnswered }) => roundAnswered) });
  }

  #confirm(): void {
    this.#confirmedRound = this.#quorumRound();
    let count = 0;
    while (count < this.#unconfirmed.length && (this.#unconfirmed[count] as { round: number }).round <= this.#confirmedRound) count++;
    if (count === 0) return;
    const { answered } = this.#unconfirmed[count - 1] as { answered: readonly number[] };
    this.#unconfirmed.splice(0, count);
    let index = 0;
    for (const progress of this.#progress.values()) progress.asOfContext = Math.max(0, answered[index++] as number);
  }

  failReads(): number[] {
    return this.#reads.fail();
  }

  /** Starts to hand leadership over; `null` picks the active voter that is most caught up. */
  transfer(to: BrokerId | null): void {
    const target = to ?? this.#bestTarget();
    if (target === null || target === this.#config.id || !isVoter(this.#config.membership, target)) return;
    if (this.#transfer?.to === target) return;
    this.#transfer = { to: target, ticks: 0, asked: false };
  }

  /** Takes batches that were loaded from disk and sends them, if the peer still waits for exactly them. */
  loaded(request: LoadRequest, batches: readonly LogBatch[], send: Message[]): void {
    const progress = this.#progress.get(request.peer);
    if (progress === undefined || progress.load === null || request.term !== this.#term) return;
    if (progress.load.offsetFrom !== request.offsetFrom) return;
    progress.load = null;

    const usable = this.#usable(batches, request.offsetFrom);
    if (usable.length === 0) {
      progress.loadAfterRound = this.#round;
      return;
    }
    if (progress.nextOffset !== request.offsetFrom || progress.isProbeOut || progress.state === 'rolledBack') return;
    progress.isAtBoundary = true;
    progress.nextOffset = (usable[0] as LogBatch).offsetFrom;
    const bytes = bytesOf(usable);
    // Asked for when it may leave; this only tells which way.
    progress.mayTake(bytes, this.#config);
    this.#entries(progress, usable, bytes, send);
  }

  /** Brings every peer what it lacks, as far as its window allows. */
  replicate(send: Message[], load: LoadRequest[]): void {
    if (this.#reads.isWaitingForRound && this.#log.highWatermark > this.#termStart) {
      this.#beginRound();
      this.#reads.startRound(this.#round, this.#log.highWatermark);
    }
    for (const progress of this.#progress.values()) {
      if (progress.state === 'probe') this.#probe(progress, send, load);
      else if (progress.state === 'replicate') this.#stream(progress, send, load);
    }
    this.#askTarget(send);
  }

  #startRound(): void {
    this.#ticksSinceHeartbeat = 0;
    this.#beginRound();
    for (const progress of this.#progress.values()) progress.raiseFence(this.#round);
  }

  /** In ticks of this leadership. */
  #lastHeard(voter: BrokerId): number {
    return voter === this.#config.id ? this.#now : (this.#progress.get(voter) as Progress).heardAt;
  }

  /** The first probe brings what is cached where it most likely fits; a repeated one is empty. */
  #probe(progress: Progress, send: Message[], load: LoadRequest[]): void {
    if (!progress.isAtBoundary) {
      this.#load(progress, load);
      // The peer must go on hearing from its leader; up to the match nothing is in question.
      if (progress.roundSent < this.#round) this.#append(progress, progress.matchOffset, [], send);
      return;
    }
    const { nextOffset } = progress;
    if (progress.isProbeOut) {
      if (progress.roundSent >= this.#round) return;
    } else if (progress.isCertain && nextOffset >= this.#log.cachedFrom && nextOffset < this.#log.endOffset) {
      const batches = this.#next(progress);
      const bytes = bytesOf(batches);
      if (progress.mayTake(bytes, this.#config)) return this.#entries(progress, batches, bytes, send);
    }
    this.#append(progress, nextOffset, [], send);
    progress.sentProbe(nextOffset);
  }

  #stream(progress: Progress, send: Message[], load: LoadRequest[]): void {
    while (progress.nextOffset < this.#log.endOffset && progress.inFlightBytes < this.#config.inFlightBytesMax) {
      if (progress.nextOffset < this.#log.cachedFrom) {
        // What is older comes in large pieces.
        if (progress.mayTake(this.#config.bulkBytesMin, this.#config)) this.#load(progress, load);
        break;
      }
      const batches = this.#next(progress);
      const bytes = bytesOf(batches);
      if (!progress.mayTake(bytes, this.#config)) break;
      this.#entries(progress, batches, bytes, send);
    }
    if (progress.roundSent < this.#round) this.#append(progress, progress.matchOffset, [], send);
    else if (progress.highWatermarkSent < this.#log.highWatermark) this.#append(progress, progress.matchOffset, [], send, { isNews: true });
    if (progress.isStuck(this.#now, this.#config.heartbeatTicks))
      this.#append(progress, progress.nextOffset, [], send, { isBulk: progress.isBulk });
  }

  /** The cached batches that come next, as many as go in one message. */
  #next(progress: Progress): LogBatch[] {
    return this.#log.slice(progress.nextOffset, this.#log.endOffset, this.#messageBytesMax(progress));
  }

  #messageBytesMax(progress: Progress): number {
    return Math.min(this.#config.appendBytesMax, progress.bulkMessageBytes(this.#config));
  }

  #entries(progress: Progress, batches: readonly LogBatch[], bytes: number, send: Message[]): void {
    const offsetTo = (batches.at(-1) as LogBatch).offsetTo;
    this.#append(progress, (batches[0] as LogBatch).offsetFrom, batches, send, { isBulk: progress.isBulk });
    progress.sentEntries(offsetTo, bytes, this.#now);
    if (progress.state === 'probe') progress.sentProbe(offsetTo);
  }

  #append(
    progress: Progress,
    offsetFrom: Offset,
    batches: readonly LogBatch[],
    send: Message[],
    { isBulk = false, isNews = false }: { readonly isBulk?: boolean; readonly isNews?: boolean } = {},
  ): void {
    send.push({
      type: 'appendEntries',
      from: this.#config.id,
      to: progress.peer,
      term: this.#term,
      offsetFrom,
      previousTerm: this.#log.termBefore(offsetFrom),
      batches,
      highWatermark: this.#log.highWatermark,
      readContext: this.#round,
      asOfContext: progress.asOfContext,
      number: progress.nextNumber(),
      isBulk,
      isNews,
    });
    progress.roundSent = this.#round;
    progress.highWatermarkSent = this.#log.highWatermark;
  }

  #load(progress: Progress, load: LoadRequest[]): void {
    if (progress.load !== null || this.#round <= progress.loadAfterRound) return;
    progress.load = {
      peer: progress.peer,
      offsetFrom: progress.nextOffset,
      offsetTo: this.#log.cachedFrom,
      bytesMax: this.#messageBytesMax(progress),
      term: this.#term,
    };
    load.push(progress.load);
  }

  /**
   * The loaded batches that are part of this log. A read that began before our truncation reached the disk can bring batches of an earlier term
   * behind the right ones.
   */
  #usable(batches: readonly LogBatch[], offsetFrom: Offset): LogBatch[] {
    const usable: LogBatch[] = [];
    for (const batch of batches) {
      if (batch.offsetTo <= offsetFrom) continue;
      const previous = usable.at(-1);
      const continues = previous === undefined ? batch.offsetFrom <= offsetFrom : batch.offsetFrom === previous.offsetTo;
      if (!continues || !this.#log.holds(batch) || batch.offsetTo > this.#log.endOffset) break;
      usable.push(batch);
    }
    return usable;
  }

  /** Asks the target to campaign as soon as it has everything; proposals wait meanwhile, so the end stands still (thesis §3.10). */
  #askTarget(send: Message[]): void {
    const transfer = this.#transfer;
    if (transfer === null || transfer.asked) return;
    const progress = this.#progress.get(transfer.to);
    assert(progress !== undefined, 'leadership goes to a peer');
    if (progress.state === 'rolledBack') {
      this.#transfer = null;
      return;
    }
    if (progress.matchOffset < this.#log.endOffset) return;
    transfer.asked = true;
    send.push({ type: 'timeoutNow', from: this.#config.id, to: transfer.to, term: this.#term });
  }

  #bestTarget(): BrokerId | null {
    let best: Progress | null = null;
    for (const progress of this.#progress.values()) {
      if (!isVoter(this.#config.membership, progress.peer) || progress.state === 'rolledBack') continue;
      if (best === null || this.#isBetterTarget(progress, best)) best = progress;
    }
    return best === null ? null : best.peer;
  }

  /** A peer that was heard of lately is better than one that was not, then the longer match. */
  #isBetterTarget(a: Progress, b: Progress): boolean {
    const isLately = (progress: Progress): boolean => this.#now - progress.heardAt <= 2 * this.#config.heartbeatTicks;
    return isLately(a) === isLately(b) ? a.matchOffset > b.matchOffset : isLately(a);
  }
}
