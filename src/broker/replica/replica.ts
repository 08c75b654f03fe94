import { assert, broken } from '../../base/assert.ts';
import { type BrokerId, type GroupId, type Offset, offset, type Term } from '../../base/branded.ts';
import { runTask, type Task, wait } from '../../base/task.ts';
import { failed, type Result } from '../../base/result.ts';
import type { HybridClock, Stamp } from '../../clocks/index.ts';
import type { Bytes, Clock, DiskError, Logger } from '../../host/index.ts';
import {
  type AppendEntries,
  type Input,
  type LoadRequest,
  type LogBatch,
  type Message,
  type PeerStatus,
  type Persist,
  Raft,
  type RestoredState,
  type Role,
  type Vote,
} from '../../raft/index.ts';
import * as record from '../../record/index.ts';
import type { GroupLog, GroupMembers, ReadFailure } from '../../storage/index.ts';
import type { CausalRing } from '../causal-ring.ts';
import type { BrokerObserver, ReplicaView } from '../contract.ts';
import type { Counters } from '../counters.ts';
import type { LogSpans } from '../log-spans.ts';
import { LeaderAppends } from './leader-appends.ts';
import { LogAges } from './log-ages.ts';
import { findFrameProblem } from './received-frames.ts';
import { RoundTimes } from './round-times.ts';
import type { BrokerSettings } from '../settings.ts';
import type { Spans } from '../spans.ts';
import type { Rooms } from './shared-room.ts';
import type { SyncTimes } from './sync-times.ts';
import { WaitingEntries } from './waiting-entries.ts';
import type { LogView, Tail } from './tail.ts';
import { sameUpTo } from './terms.ts';

/** What a replica needs of its broker. */
export interface ReplicaContext {
  readonly self: BrokerId;
  readonly clock: Clock;
  readonly bytes: Bytes;
  readonly settings: BrokerSettings;
  readonly counters: Counters;
  readonly hybrid: HybridClock;
  readonly causes: CausalRing;
  readonly spans: Spans;
  readonly logSpans: LogSpans;
  readonly observer: BrokerObserver | null;
  readonly logger: Logger;
  /** How long writes with their syncs took lately, all logs and votes of this broker. */
  readonly syncTimes: SyncTimes;
  /** What all groups that it leads share. */
  readonly rooms: Rooms;
  /** Of all its groups. */
  readonly loads: LoadsUnderWay;
  /** A request id found no room. */
  requestIdsWanted(): void;
  randomBelow(limit: number): number;
  /** Ticks since the start; the same for all groups. */
  tickCount(): number;
  /** Something happened to this replica: it has its part of the next turn. */
  touched(replica: Replica): void;
  sendRaft(group: GroupId, message: Message): void;
  /** Whether this replica still leads, as a round of messages begun after this call finds; false too when nobody could say in time. */
  confirmOffice(replica: Replica, deadlineMs: number, done: (isConfirmed: boolean) => void): void;
  bulkBytesQueued(peer: BrokerId): number;
  /** While it is quiet: all that anybody had committed at this moment is here; null where that is not known. */
  quietCurrentMs(replica: Replica): number | null;
  /** Of this broker's memory for recent batches, what one partition may have now. */
  cacheBytesShare(): number;
  /** Takes over a persist; `done` is called once everything in it is synced. A failure stops the broker and never comes back here. */
  persist(replica: Replica, persist: Persist, done: () => void): void;
  /** A write or sync failed: the broker stops (design, D5). */
  diskFailed(error: DiskError, doing: string): void;
  /** A read that this replica cannot do without met other bytes than once were synced, or was refused by the disk. */
  damaged(replica: Replica, failure: ReadFailure): void;
  roleChanged(replica: Replica, before: Role): void;
  /** A write and its sync took this long. */
  synced(replica: Replica, ms: number): void;
}

/** Reads of logs for followers that are under way, of all groups of a broker. */
export interface LoadsUnderWay {
  count: number;
}

/** More wait until others have ended: each holds what it reads. */
const loadsMax = 64;

export interface ReplicaOptions {
  readonly group: GroupId;
  readonly members: GroupMembers;
  readonly log: GroupLog;
  readonly vote: Vote;
  readonly tail: Tail;
}

/** At a megabit a second a heartbeat waits for a second behind so much. */
const bulkBytesMin = 128 * 1024;

/** What wants to know how far a replica's committed and readable part reaches. */
export interface ReplicaListener {
  /** `visible` has risen. */
  advanced(replica: Replica): void;
  /** A read begun with `context` is current: answer once `visible` reaches `highWatermark`. */
  readCurrent(replica: Replica, context: number, highWatermark: Offset): void;
  readFailed(replica: Replica, context: number): void;
}

/** One broker's member of one group: the consensus core, its log on disk, and what is derived from it. */
export class Replica {
  readonly group: GroupId;
  readonly log: GroupLog;
  readonly tail: Tail;
  readonly raft: Raft;
  readonly appends: LeaderAppends;
  /** Its clock stands still, until something happens to it (docs/decisions/0022). */
  isQuiet = false;
  /** How old the committed part of the log was when. */
  ages: LogAges;
  readonly #context: ReplicaContext;
  readonly #listener: ReplicaListener;
  readonly #logView: LogView;
  #isDerived = true;
  /** The log is being read for it. */
  #isDeriving = false;
  #persistStartedMs: number | null = null;
  /** End of the log once the write under way is synced. */
  #persistEnd: Offset;
  /** Since when a peer is known to have synced all of that; null where none is. */
  #outrunSinceMs: number | null = null;
  /** Bytes being written, and bytes proposed or received since that write was handed over. */
  readonly #unsyncedBytes = { writing: 0, proposed: 0 };
  /** Of a follower: what it cannot take yet. */
  readonly #waiting: WaitingEntries;
  #visible: Offset;
  /** The highest high watermark that any leader told; the log here may still be shorter. */
  #heardHighWatermark = 0;
  /** When a leader was last heard that knew what is committed: one that has committed something of its own term. */
  #heardMs: number | null = null;
  /** The newest term whose leader is known to know. */
  #knowingTerm: Term | null = null;
  /** All that anybody had committed at this moment is below the highest high watermark heard. */
  #currentMs: number | null = null;
  /** Of a leader: when it sent its rounds. Of a follower: when it answered its leader's. */
  readonly #sentRounds = new RoundTimes();
  readonly #answeredRounds = new RoundTimes();
  #framesRefusedIn: Term | null = null;
  #lastWriteMs = 0;
  /** When it was last asked for something that no write shows. */
  #lastAskedMs: number;
  /** Of a leader: the newest round when it was last woken, and its term then. */
  #woken = { term: 0, round: 0 };
  #isMarked = true;
  /** Reads from the log under way for peers, so that one peer never has two. */
  readonly #loading = new Set<BrokerId>();
  /** What a peer lacks and the disk refused to read, and until when it is not asked for again. */
  readonly #unreadable = new Map<BrokerId, { readonly offsetFrom: Offset; readonly untilMs: number }>();
  #handOverAgainMs = 0;
  /** What it has of the rooms that the groups led here share. */
  readonly #held = { uncommitted: 0, requestIds: 0, sessions: 0 };
  /** The last limit that it has written into its log stands here. */
  #limitedAt: Offset | null = null;

  constructor(options: ReplicaOptions, context: ReplicaContext, listener: ReplicaListener) {
    const { log, tail } = options;
    this.group = options.group;
    this.log = log;
    this.tail = tail;
    this.#context = context;
    this.#listener = listener;
    const restored: RestoredState = {
      vote: options.vote,
      logStartOffset: log.logStartOffset,
      logEndOffset: log.endOffset,
      termBeforeStart: log.termBeforeStart,
      termStarts: [...log.termStarts],
    };
    const { settings } = context;
    const heartbeatTicks = Math.max(1, Math.round(settings.heartbeatMs / settings.tickMs));
    this.raft = new Raft(
      {
        id: context.self,
        membership: { ...options.members, votersOutgoing: [] },
        electionTicks: Math.max(2, Math.round(settings.electionTimeoutMs / settings.tickMs)),
        heartbeatTicks,
        slowDiskTicks: () => this.#slowDiskTicks(),
        heartbeatPhase: () => context.tickCount() % heartbeatTicks,
        randomBelow: (limit) => context.randomBelow(limit),
        noOp: (offsetFrom, term) => this.#noOp(offsetFrom, term),
        appendBytesMax: settings.appendBytesMax,
        inFlightBytesMax: settings.inFlightBytesMax,
        bulkBytesMin: Math.min(bulkBytesMin, settings.appendBytesMax),
        bulkBytesQueued: (peer) => context.bulkBytesQueued(peer),
        uncommittedBytesMax: settings.uncommittedBytesMax,
        cacheBytesMax: () => context.cacheBytesShare(),
      },
      restored,
    );
    const { raft } = this;
    this.#logView = {
      get endOffset() {
        return raft.endOffset;
      },
      termBefore: (end) => raft.termBefore(end),
      batches: (from, to) => {
        const batches = raft.batches(from, to);
        assert(batches !== null, 'what is not committed or not synced is in memory');
        return batches;
      },
    };
    this.#waiting = new WaitingEntries(settings.inFlightBytesMax);
    this.#lastAskedMs = context.clock.monotonicMs();
    this.#visible = raft.highWatermark;
    this.#persistEnd = raft.endOffset;
    this.appends = new LeaderAppends(this, {
      clock: context.clock,
      bytes: context.bytes,
      settings,
      counters: context.counters,
      causes: context.causes,
      spans: context.spans,
      logSpans: context.logSpans,
      rooms: context.rooms,
      requestIdsWanted: () => context.requestIdsWanted(),
      confirmOffice: (deadlineMs, done) => context.confirmOffice(this, deadlineMs, done),
    });
    this.ages = new LogAges(context.clock.monotonicMs(), tail.producers.ageMs);
    context.observer?.opened(this.group, restored, log.lastChecksum, raft.membership);
    this.#touch();
  }

  /** Committed and readable here: records below it may be shown. */
  get visible(): Offset {
    return this.#visible;
  }

  get lag(): number {
    return Math.max(0, Math.max(this.#heardHighWatermark, this.raft.highWatermark) - this.#visible);
  }

  /** False while derived state is being built again: nothing may be appended here. */
  get isDerived(): boolean {
    return this.#isDerived;
  }

  get persistStartedMs(): number | null {
    return this.#persistStartedMs;
  }

  get view(): ReplicaView {
    const { role, term, leader, endOffset, highWatermark, termStarts } = this.raft;
    return { role, term, leader, endOffset, highWatermark, termStarts };
  }

  /**
   * How old the knowledge of the high watermark is, in ms: all that was committed that long ago is below `visible` + `lag`. It counts from before the last
   * round of messages that a majority has answered was sent, not from when anything was heard: what was heard may have waited, on its way or in this
   * process while it slept, and a leader may have been replaced meanwhile without knowing. So a follower counts from an answer of its own that its leader
   * had before it began that round. A new leader does not know what was committed before it, until it has committed something itself (Raft §8).
   */
  asOfMs(nowMs: number): number {
    if (this.raft.confirmedContext === Number.MAX_SAFE_INTEGER) return 0;
    const quietMs = this.isQuiet ? this.#context.quietCurrentMs(this) : null;
    const currentMs = Math.max(this.#currentMs ?? Number.NEGATIVE_INFINITY, quietMs ?? Number.NEGATIVE_INFINITY);
    return currentMs === Number.NEGATIVE_INFINITY ? Number.MAX_SAFE_INTEGER : Math.max(0, Math.ceil(nowMs - currentMs));
  }

  /** As that of its context, for whoever reads its log. */
  damaged(failure: ReadFailure): void {
    this.#context.damaged(this, failure);
  }

  // ---------------------------------------------------------------------------------------------------------------- inputs

  step(input: Input): void {
    if (input.type !== 'tick' && input.type !== 'receive') this.#lastAskedMs = this.#context.clock.monotonicMs();
    this.raft.step(input);
    this.#touch();
  }

  receive(message: Message): void {
    if (message.type !== 'appendEntries') this.#take(message);
    else if (this.#mustWait(message)) {
      this.#waiting.add(message);
      this.#touch();
    } else this.#take(this.#aboutWaiting(message));
  }

  /**
   * Where a leader asks whether entries have arrived that wait here for room, they have, and are not to be sent again: it is answered as if it had asked
   * where they begin. It is so too where more has come than may wait: sent again now, that would find no room either.
   */
  #aboutWaiting(message: AppendEntries): AppendEntries {
    const { first, endOffset = 0 } = this.#waiting;
    if (first === undefined || first.term !== message.term || message.batches.length > 0 || message.offsetFrom < endOffset) return message;
    const { offsetFrom, previousTerm } = first;
    // What stands here behind that place is of another term, and goes once there is room.
    const isContinued = offsetFrom <= this.raft.endOffset && previousTerm === this.raft.termBefore(offsetFrom);
    return isContinued ? { ...message, offsetFrom, previousTerm } : message;
  }

  /**
   * Whether these entries have to wait for room. A log that is written to its end takes no vote either, and with it the group's elections would wait for space:
   * so a follower keeps the room that elections need too, and what leaders write for themselves may use it.
   */
  #mustWait(message: AppendEntries): boolean {
    if (message.batches.length === 0 || message.term < this.raft.term) return false;
    const { first } = this.#waiting;
    if (first !== undefined && first.term === message.term && message.offsetFrom > first.offsetFrom) return true;
    return message.offsetFrom <= this.raft.endOffset && this.#lacksRoomFor(message);
  }

  #lacksRoomFor({ batches }: AppendEntries): boolean {
    const { writing, proposed } = this.#unsyncedBytes;
    const added = batches.filter(({ offsetTo }) => offsetTo > this.raft.endOffset);
    if (added.every((batch) => record.isControl(record.batchOf(batch.bytes)))) return false;
    return !this.log.hasRoomFor(added.reduce((sum, batch) => sum + batch.bytes.length, writing + proposed));
  }

  /** Takes what waited for room, as far as there is some now. */
  #takeWaiting(): void {
    for (;;) {
      const { first } = this.#waiting;
      if (first === undefined || (first.term >= this.raft.term && this.#lacksRoomFor(first))) return;
      this.#waiting.takeFirst();
      if (first.term >= this.raft.term) this.#take(first);
    }
  }

  #take(message: Message): void {
    if (message.type === 'appendEntries' && message.batches.length > 0 && !this.#admits(message)) return;
    const { endOffset } = this.raft;
    const nowMs = this.#context.clock.monotonicMs();
    if (message.type === 'appendEntries' && message.term >= this.raft.term) {
      if (this.#isFromKnowingLeader(message)) {
        this.#heardMs = nowMs;
        this.noteCurrent(this.#answeredRounds.timeOf(message.term, message.asOfContext));
      }
      if (message.highWatermark > this.#heardHighWatermark) this.#heardHighWatermark = message.highWatermark;
    }
    this.#context.observer?.received(this.group, message);
    this.step({ type: 'receive', message });
    if (message.type === 'appendEntriesResponse') {
      const confirmed = this.raft.confirmedContext;
      if (confirmed !== null) this.noteCurrent(this.#sentRounds.timeOf(this.raft.term, confirmed));
    }
    if (message.type !== 'appendEntries' || message.batches.length === 0) return;
    if (this.raft.endOffset > endOffset)
      for (const batch of message.batches) if (batch.offsetTo > endOffset) this.#unsyncedBytes.proposed += batch.bytes.length;
    this.#derive();
  }

  /** All that anybody had committed at this moment is below the highest high watermark heard. */
  noteCurrent(atMs: number | null): void {
    if (atMs !== null && (this.#currentMs === null || atMs > this.#currentMs)) this.#currentMs = atMs;
  }

  /** Every message of consensus leaves here. */
  #sendRaft(message: Message): void {
    const isRequest = message.type === 'appendEntries';
    // Round 0 is none: an answer to a request of an earlier term names it too.
    if ((isRequest || message.type === 'appendEntriesResponse') && message.readContext > 0) {
      const rounds = isRequest ? this.#sentRounds : this.#answeredRounds;
      rounds.note(message.term, message.readContext, this.#context.clock.monotonicMs());
    }
    this.#context.sendRaft(this.group, message);
  }

  #isFromKnowingLeader({ term, highWatermark }: AppendEntries): boolean {
    if (this.#knowingTerm === term) return true;
    if (highWatermark > this.raft.endOffset || this.raft.termBefore(highWatermark) !== term) return false;
    this.#knowingTerm = term;
    return true;
  }

  /** A batch that is not what it says is dropped like a lost message: it must neither enter this log nor stop this broker. */
  #admits(message: AppendEntries): boolean {
    const isContinued = this.#isDerived && this.raft.termBefore(message.offsetFrom) === message.previousTerm;
    const previousChecksum = isContinued ? this.tail.checksumBefore(message.offsetFrom) : null;
    const problem = findFrameProblem(message.batches, this.group, previousChecksum, this.#context.bytes);
    if (problem === null) return true;
    // Once a term: it will be sent again.
    if (this.#framesRefusedIn !== message.term) this.#log('error', 'framesRefused', { peer: message.from, problem });
    this.#framesRefusedIn = message.term;
    return false;
  }

  tick(nowMs: number): void {
    const { settings } = this.#context;
    this.#takeWaiting();
    this.passTick(nowMs);
    this.ages.note(nowMs, this.tail.producers.ageMs);
    this.appends.expire(nowMs);
    if (!this.#isMarked && this.#persistStartedMs === null && nowMs - this.#lastWriteMs >= settings.markAfterMs) {
      this.#isMarked = true;
      this.log.mark((result) => {
        if (result.ok) return;
        if (result.error.kind === 'disk') this.#context.diskFailed(result.error.error, 'mark its log');
        else this.#context.damaged(this, result.error);
      });
    }
  }

  /**
   * Counts one tick, unless this is no leader and its disk has not answered for an election timeout: it should not ask for votes that it could not store. A
   * candidate that waits for its own vote has asked nobody yet, and waits on. A leader goes on, however long its disk takes, unless somebody else is faster.
   */
  passTick(nowMs: number): void {
    const { role } = this.raft;
    if (role === 'leader') {
      if (this.#isOutrun(nowMs)) this.step({ type: 'stepDown' });
    } else if (this.#persistStartedMs !== null && nowMs - this.#persistStartedMs > this.#context.settings.electionTimeoutMs) {
      if (role === 'preCandidate') this.step({ type: 'stepDown' });
      return;
    }
    this.step({ type: 'tick' });
  }

  /**
   * Whether a peer has had on its disk for an election timeout what is still being written here. Disks that are slow everywhere are no reason to change
   * leaders, nor is one's own where nobody is known to do better. Where writes take long anyway, half of what they took lately may pass before the
   * difference counts, so that chance in it does not move the office to and fro.
   */
  #isOutrun(nowMs: number): boolean {
    if (this.#persistStartedMs === null) return false;
    if (this.#outrunSinceMs === null) {
      const { id } = this.raft;
      if (this.raft.acknowledgedBy(this.#persistEnd).some((voter) => voter !== id)) this.#outrunSinceMs = nowMs;
      return false;
    }
    const { electionTimeoutMs } = this.#context.settings;
    return nowMs - this.#outrunSinceMs > Math.max(electionTimeoutMs, this.#boundedSyncMs / 2);
  }

  /** Bounded, so that a disk that hung for a minute does not make elections slow for longer than they would be with one that is merely bad. */
  get #boundedSyncMs(): number {
    const { clock, settings, syncTimes } = this.#context;
    return Math.min(syncTimes.usualMs(clock.monotonicMs()), settings.electionTimeoutMs * 10);
  }

  /** A candidate waits for its own vote; then a voter may have to finish a write of its log before it writes its vote. */
  #slowDiskTicks(): number {
    return Math.floor((2 * this.#boundedSyncMs) / this.#context.settings.tickMs);
  }

  /** Nothing is owed here or waited for, and all that is here is committed and on the disk. */
  get #isSettled(): boolean {
    const { endOffset } = this.raft;
    if (this.#persistStartedMs !== null || !this.#isDerived || !this.#isMarked || this.#waiting.first !== undefined) return false;
    return this.#visible === endOffset && this.appends.waitingCount === 0;
  }

  /** Nobody has wanted anything of this leader for so long that its clock may stand still. */
  isIdle(nowMs: number): boolean {
    const isLeft = nowMs - Math.max(this.#lastWriteMs, this.#lastAskedMs) >= this.#context.settings.quietAfterMs;
    const hasAsked = this.raft.term > this.#woken.term || this.raft.round > this.#woken.round;
    return isLeft && hasAsked && this.#isSettled;
  }

  /** Its clock runs again: before it stops once more, peers must have answered a round of this time, and some of it must have passed. */
  woken(): void {
    this.#lastAskedMs = this.#context.clock.monotonicMs();
    this.#woken = { term: this.raft.term, round: this.raft.round };
  }

  /** Whether this follower has exactly what its leader says that everybody has. */
  mayRestUnder(leader: BrokerId, { term, endOffset }: { readonly term: Term; readonly endOffset: Offset }): boolean {
    const { raft } = this;
    const isFollowing = raft.role === 'follower' && raft.leader === leader && raft.term === term;
    return isFollowing && raft.endOffset === endOffset && this.#isSettled;
  }

  /** Nothing here is due within `restMs`: it leads and nobody waits, or it hears its leader. */
  mayRest(nowMs: number, restMs: number): boolean {
    const { role, leader } = this.raft;
    if (this.#persistStartedMs !== null || !this.#isDerived || leader === null || this.#waiting.first !== undefined) return false;
    if (role === 'leader') return this.appends.waitingCount === 0;
    const { tickMs, electionTimeoutMs } = this.#context.settings;
    return role === 'follower' && this.#heardMs !== null && nowMs - this.#heardMs + restMs + tickMs < electionTimeoutMs;
  }

  /** Appends a batch as leader; the caller has seen `refusal()` give null and `sync` give true. The batch's header is placed in the copy. */
  propose(batch: Uint8Array): LogBatch {
    const framed = this.#frame(this.raft.endOffset, this.raft.term, batch);
    this.raft.step({ type: 'propose', batch: framed });
    this.#unsyncedBytes.proposed += framed.bytes.length;
    this.tail.append(framed);
    this.#countHeld();
    this.#touch();
    return framed;
  }

  /** Log time of what is appended next is this or later. */
  get nextStampMs(): number {
    return Math.max(this.#context.hybrid.next().ms, this.tail.lastStamp.ms);
  }

  get requestIdsHeld(): number {
    return this.tail.producers.singleCount;
  }

  /** As leader, once the last limit is committed: nothing is forgotten before that. */
  limitRequestIds(most: number): boolean {
    if (this.#limitedAt !== null && this.#limitedAt >= this.raft.highWatermark && this.#limitedAt < this.raft.endOffset) return false;
    const batch = this.#limits(most);
    if (this.appends.refusal() !== null || this.log.full || !this.hasRoomFor(batch)) return false;
    this.#limitedAt = this.propose(batch).offsetFrom;
    this.#log('info', 'requestIdsLimited', { most });
    return true;
  }

  /** It takes part no more. */
  leave(): void {
    this.#hold(0, 0, 0);
  }

  #countHeld(): void {
    if (this.raft.role !== 'leader') return this.#hold(0, 0, 0);
    const { producers } = this.tail;
    this.#hold(this.raft.uncommittedBytes, producers.singleCount, producers.sessionCount);
  }

  #hold(uncommitted: number, requestIds: number, sessions: number): void {
    const held = this.#held;
    const { rooms } = this.#context;
    if (uncommitted !== held.uncommitted) rooms.uncommitted.add(uncommitted - held.uncommitted);
    if (requestIds !== held.requestIds) rooms.requestIds.add(requestIds - held.requestIds);
    if (sessions !== held.sessions) rooms.sessions.add(sessions - held.sessions);
    held.uncommitted = uncommitted;
    held.requestIds = requestIds;
    held.sessions = sessions;
  }

  /** Whether one more batch of this size finds its place on the disk here behind all that is not synced yet. */
  hasRoomFor(batch: Uint8Array): boolean {
    const { writing, proposed } = this.#unsyncedBytes;
    return this.log.hasRoomFor(writing + proposed + record.frameHeaderBytes + batch.length);
  }

  /** Derived state covers the whole log; false while it is being built again. */
  sync(): boolean {
    if (this.#isDerived) this.#derive();
    return this.#isDerived;
  }

  /** The log on disk was just handed more. */
  written(): void {
    this.#touch();
  }

  #touch(): void {
    this.#context.touched(this);
  }

  // ------------------------------------------------------------------------------------------------------------------ turn

  /** Does what the core owes. False when there was nothing. */
  turn(): boolean {
    const before = this.#roleNow;
    if (!this.#isDerived) this.#deriveAgain();
    const ready = this.raft.ready();
    if (ready === null) {
      this.#see();
      this.#countHeld();
      this.appends.settle(false);
      return false;
    }
    this.#context.observer?.ready(this.group, ready, this.view);
    const { causes } = this.#context;
    if (ready.truncatedTo !== null) causes.cut(this.group, ready.truncatedTo);
    if (ready.highWatermark !== null) causes.commit(this.group, ready.highWatermark);
    this.#derive();
    for (const message of ready.send) this.#sendRaft(message);
    if (ready.persist !== null) this.#persist(ready.persist);
    this.#see();
    for (const request of ready.load) this.#load(request);
    for (const read of ready.reads) this.#listener.readCurrent(this, read.context, read.highWatermark);
    for (const context of ready.readsFailed) this.#listener.readFailed(this, context);
    this.#countHeld();
    this.appends.settle(ready.role !== null);
    if (ready.role !== null) {
      this.#roleNow = ready.role.role;
      this.#noteLeader();
      this.#context.roleChanged(this, before);
    }
    for (const peer of ready.rolledBack) this.#log('error', 'peerRolledBack', { peer });
    return true;
  }

  #roleNow: Role = 'follower';

  /** By the wall clock, since when its leader is known here. */
  leaderSinceMs: number | null = null;
  /** By the monotonic clock. */
  leaderSinceMonotonicMs = 0;
  #leaderNoted: BrokerId | null = null;

  #noteLeader(): void {
    const { leader } = this.raft;
    if (leader === this.#leaderNoted) return;
    this.#leaderNoted = leader;
    this.leaderSinceMs = leader === null ? null : this.#context.clock.wallMs();
    this.leaderSinceMonotonicMs = this.#context.clock.monotonicMs();
  }

  #persist(persist: Persist): void {
    this.#unsyncedBytes.writing = 0;
    for (const batch of persist.batches) this.#unsyncedBytes.writing += batch.bytes.length;
    this.#unsyncedBytes.proposed = 0;
    this.#persistStartedMs = this.#context.clock.monotonicMs();
    this.#persistEnd = persist.batches.at(-1)?.offsetTo ?? this.#persistEnd;
    this.#outrunSinceMs = null;
    this.#context.persist(this, persist, () => this.#persisted(persist));
  }

  #persisted(persist: Persist): void {
    const nowMs = this.#context.clock.monotonicMs();
    const startedMs = this.#persistStartedMs ?? nowMs;
    const spentMs = nowMs - startedMs;
    this.#context.counters.noteSync(spentMs);
    this.#context.syncTimes.note(spentMs, nowMs);
    this.#context.synced(this, spentMs);
    this.#persistStartedMs = null;
    this.#unsyncedBytes.writing = 0;
    if (persist.batches.length > 0) {
      this.#lastWriteMs = nowMs;
      this.#isMarked = false;
    }
    if (persist.batches.length > 0) {
      const { causes, logSpans } = this.#context;
      causes.stored(this.group, this.#persistEnd);
      if (logSpans.isActive) logSpans.stored(this.group, this.#persistEnd, startedMs);
    }
    this.raft.step({ type: 'persisted', id: persist.id });
    this.#context.observer?.persisted(this.group, persist);
    for (const message of persist.then) this.#sendRaft(message);
    this.#takeWaiting();
    this.#touch();
  }

  /**
   * How far the log on disk is this log. A cut waits for the write under way and for the vote before it, and until then the disk holds what was cut: it
   * must not be taken for what was committed in its place.
   */
  get #writtenEnd(): number {
    return sameUpTo(this.raft, this.log);
  }

  /** The log on disk grows after the core's: what is committed elsewhere but not written here yet cannot be read here. */
  #see(): void {
    const visible = offset(Math.min(this.raft.highWatermark, this.#writtenEnd));
    // A majority may be further than this disk. A checkpoint must not be of what a loss of power takes from here.
    const before = this.tail.committedTo;
    this.tail.commit(Math.min(visible, this.log.syncedOffset));
    const { tail } = this;
    if (tail.committedTo > before) this.#context.observer?.derived(this.group, 'producers', tail.committedTo, () => tail.digest());
    if (visible <= this.#visible) return;
    this.#visible = visible;
    const { logSpans } = this.#context;
    if (logSpans.isActive) logSpans.committed(this.group, visible);
    this.#listener.advanced(this);
  }

  #load(request: LoadRequest): void {
    const unreadable = this.#unreadable.get(request.peer);
    const isRefused = unreadable?.offsetFrom === request.offsetFrom && this.#context.clock.monotonicMs() < unreadable.untilMs;
    const { loads } = this.#context;
    if (this.#loading.has(request.peer) || isRefused || loads.count >= loadsMax) {
      this.step({ type: 'loaded', request, batches: [] });
      return;
    }
    this.#loading.add(request.peer);
    const { offsetFrom, bytesMax } = request;
    const offsetTo = offset(Math.min(request.offsetTo, this.#writtenEnd));
    if (offsetTo <= offsetFrom) {
      // What is to stand there is not on the disk yet: asked again later.
      this.#loading.delete(request.peer);
      this.step({ type: 'loaded', request, batches: [] });
      return;
    }
    loads.count++;
    this.log.read({ offsetFrom, offsetTo, bytesMax }, (result) => {
      loads.count--;
      this.#loading.delete(request.peer);
      if (!result.ok && result.error.kind === 'unreadable') {
        this.#unreadable.set(request.peer, { offsetFrom, untilMs: this.#context.clock.monotonicMs() + loadAgainMs });
        this.#letAnotherBringOn(request.peer);
      } else if (!result.ok) this.#context.damaged(this, result.error);
      this.step({ type: 'loaded', request, batches: result.ok ? result.value : [] });
    });
  }

  /**
   * The disk refuses to read what a peer lacks. Another replica has it: one that has all of this log leads from here on, if there is one. If that cannot read
   * it either, office comes back, and stays for a while: a peer that nobody can bring on must not cost the others their leader again and again.
   */
  #letAnotherBringOn(lacking: BrokerId): void {
    const nowMs = this.#context.clock.monotonicMs();
    const { role, peers, highWatermark } = this.raft;
    if (role !== 'leader' || nowMs < this.#handOverAgainMs) return;
    // One that its link has lost is probed.
    const isWhole = ({ peer, state, matchOffset }: PeerStatus): boolean =>
      peer !== lacking && state === 'replicate' && matchOffset >= highWatermark;
    const to = peers.find(isWhole)?.peer ?? null;
    if (to === null) return;
    this.#handOverAgainMs = nowMs + handOverEveryMs;
    this.#context.causes.handover(this.group, to);
    this.#log('warn', 'leadershipHandedOver', { to, lacking });
    this.step({ type: 'transferLeadership', to });
  }

  // --------------------------------------------------------------------------------------------------------- derived state

  #derive(): void {
    if (!this.#isDerived) return;
    if (this.tail.sync(this.#logView)) return;
    // The cut went below the checkpoint that this replica started from, one from before they were of committed records: all of it is derived again.
    this.#isDerived = false;
    this.tail.reset(this.log.logStartOffset);
    this.ages = new LogAges(this.#context.clock.monotonicMs(), 0);
    this.#deriveAgain();
  }

  /** What is committed comes from the disk, as far as it is known to be; the rest is in memory, and may be cut or grow meanwhile. */
  #deriveAgain(): void {
    if (this.#isDeriving) return;
    const committedEnd = (): Offset => offset(Math.min(this.#writtenEnd, this.raft.highWatermark));
    const isRestInMemory = (): boolean => this.raft.batches(offset(this.tail.endOffset), this.raft.endOffset) !== null;
    if (this.tail.endOffset >= committedEnd() && !isRestInMemory()) return;
    this.#isDeriving = true;
    runTask(
      () => replay(this.tail, this.log, committedEnd),
      (result) => {
        this.#isDeriving = false;
        if (!result.ok) return this.#context.damaged(this, result.error);
        // Not yet: the next turn in which more is known to be committed goes on.
        if (!isRestInMemory()) return;
        this.#isDerived = true;
        this.#derive();
        // A cut went below the checkpoint of the last start, one from before November 2026.
        this.#log('info', 'derivedAgain', { endOffset: this.tail.endOffset });
        this.#listener.advanced(this);
        this.#touch();
      },
    );
  }

  #noOp(offsetFrom: Offset, term: Term): LogBatch {
    this.#derive();
    return this.#frame(offsetFrom, term, this.#limits(this.#context.settings.requestIdsMax));
  }

  /** What a leader says of how much is remembered from here on. */
  #limits(requestIdsMax: number): Uint8Array {
    const { clock, bytes, settings } = this.#context;
    const { requestIdRetentionMs } = settings;
    return record.noOpBatch(Math.floor(clock.wallMs()), { requestIdsMax, requestIdRetentionMs }, bytes);
  }

  #frame(offsetFrom: Offset, term: Term, batch: Uint8Array): LogBatch {
    const { previousChecksum, stamp } = this.#previous(offsetFrom);
    const next = this.#context.hybrid.nextAfter(stamp);
    const fields = { group: this.group, offsetFrom, term, stampMs: next.ms, stampCounter: next.counter, previousChecksum };
    return record.frameBatch(fields, batch, this.#context.bytes);
  }

  #previous(offsetFrom: Offset): { readonly previousChecksum: number; readonly stamp: Stamp } {
    if (this.#isDerived) {
      if (this.tail.endOffset !== offsetFrom) broken(`derived state ends where the log does: ${this.tail.endOffset}, ${offsetFrom}`);
      return { previousChecksum: this.tail.lastChecksum, stamp: this.tail.lastStamp };
    }
    // It is being derived again because the log was cut and continued a moment ago, so the end of the log is in memory.
    const last = this.raft.batches(offset(offsetFrom - 1), offsetFrom)?.at(-1);
    assert(last !== undefined, 'the end of a log that was just cut is in memory');
    return {
      previousChecksum: record.frameChecksum(last.bytes),
      stamp: { ms: record.stampMs(last.bytes), counter: record.stampCounter(last.bytes) },
    };
  }

  #log(level: 'info' | 'warn' | 'error', event: string, fields: Readonly<Record<string, string | number>>): void {
    this.#context.logger.log(level, event, { group: this.group, ...fields });
  }
}

const loadAgainMs = 5000;
/** A leader that cannot read what a peer lacks gives office to another no more often than this. */
const handOverEveryMs = 60_000;

const replayBytesMax = 1024 * 1024;

/** Feeds the tail from the log on disk up to an end that may move. */
export function* replay(tail: Tail, log: GroupLog, end: () => Offset): Task<Result<undefined, ReadFailure>> {
  while (tail.endOffset < end()) {
    const request = { offsetFrom: offset(tail.endOffset), offsetTo: end(), bytesMax: replayBytesMax };
    const result = yield* wait<Result<readonly LogBatch[], ReadFailure>>((done) => log.read(request, done));
    if (!result.ok) return result;
    if (result.value.length === 0) break;
    for (const batch of result.value) {
      if (batch.offsetFrom < tail.endOffset) continue;
      const expected = tail.lastChecksum;
      if (expected !== 0 && record.previousChecksum(batch.bytes) !== expected) return failed(misplaced(batch));
      tail.append(batch);
    }
  }
  return { ok: true, value: undefined };
}

/** Every frame continues the one before, so this is a checkpoint that is not of this log. */
const misplaced = ({ bytes, offsetFrom }: LogBatch): ReadFailure => ({
  kind: 'corrupt',
  corruption: {
    path: `the log of group ${record.frameGroup(bytes)}`,
    position: offsetFrom,
    expected: 'a frame that continues what its checkpoint covers',
    found: 'another',
  },
});
