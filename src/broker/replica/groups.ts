import { type BrokerId, firstTerm, type GroupId, groupId } from '../../base/branded.ts';
import type { Result } from '../../base/result.ts';
import { runTask, type Task, wait } from '../../base/task.ts';
import type { LogError, PartitionStatus } from '../../eventlog/index.ts';
import type { DiskError } from '../../host/index.ts';
import type { Vote } from '../../raft/index.ts';
import {
  describeFailure,
  type GroupIdentity,
  type GroupMembers,
  openGroupLog,
  type OpenedLog,
  type OpenFailure,
  type ReadFailure,
  readGroupIdentity,
  removedName,
  removeGroupLog,
  type StorageHost,
  writeGroupIdentity,
} from '../../storage/index.ts';
import { groupsPath, openError } from '../opening.ts';
import { type MachineState, splitCheckpoint, withMachine } from './machine-checkpoint.ts';
import { RequestIdLevels } from './request-id-levels.ts';
import { type LoadsUnderWay, Replica, type ReplicaContext, type ReplicaListener, replay } from './replica.ts';
import { type BrokerSettings, topicSegmentBytesMax } from '../settings.ts';
import { type Rooms, SharedRoom } from './shared-room.ts';
import { absentStatus, partitionStatus } from './status.ts';
import { Tail, type TailCheckpoint } from './tail.ts';
import { catalogGroup, logGroup, topicGroupFirst } from '../well-known.ts';

export interface GroupsContext extends Omit<ReplicaContext, 'damaged' | 'cacheBytesShare' | 'rooms' | 'loads' | 'requestIdsWanted'> {
  /** All of the cluster: the members of a group of which nothing else is written. */
  readonly brokers: readonly BrokerId[];
  /** Of the catalog in a data directory that has none yet. */
  readonly catalogMembers: GroupMembers;
  readonly storage: StorageHost;
  /** Something happened: have a turn. */
  wake(): void;
  damaged(replica: Replica, failure: ReadFailure): void;
  /**
   * The state of the machine that follows this log, at `least` or beyond: `none` where none does, null while it is not so far, or nobody knows yet whether there
   * is one.
   */
  machineState(group: GroupId, least: number): MachineState | 'none' | null;
  /** This replica takes no part any more: nobody need wait for it. */
  fenced(replica: Replica, reason: string): void;
}

/** The replicas of this broker: opening, fencing, closing, removing them. A damaged group is fenced; the others go on. */
export class Groups {
  readonly #context: GroupsContext;
  readonly #replicaContext: ReplicaContext;
  readonly #listener: ReplicaListener;
  readonly #replicas = new Map<GroupId, Replica>();
  /** Those whose clocks run. */
  readonly #awake = new Set<Replica>();
  readonly #fenced = new Map<GroupId, string>();
  /** Of groups that were opened; null for a folder from before there were identities. */
  readonly #identities = new Map<GroupId, GroupIdentity | null>();
  /** Of logs that state machines follow, as their checkpoints had them; until whoever follows them takes them. */
  readonly #machines = new Map<GroupId, MachineState>();
  readonly #opening = new Map<GroupId, ((error: LogError | null) => void)[]>();
  /** Groups whose opening has not begun, and how many are being opened. */
  readonly #toOpen = new Map<GroupId, Owner | null>();
  #openingCount = 0;
  /** Logs of fenced groups. */
  readonly #closing = new Map<GroupId, (() => void)[]>();
  #votes: ReadonlyMap<GroupId, Vote> = new Map();
  readonly #rooms: Rooms;
  readonly #levels: RequestIdLevels;

  constructor(context: GroupsContext, listener: ReplicaListener) {
    this.#context = context;
    const { settings } = context;
    this.#rooms = {
      uncommitted: new SharedRoom(settings.uncommittedBytesPerBrokerMax),
      requestIds: new SharedRoom(settings.requestIdsPerBrokerMax),
      sessions: new SharedRoom(settings.requestSessionsPerBrokerMax),
    };
    this.#levels = new RequestIdLevels(this.#rooms.requestIds, () => this.#led());
    const loads: LoadsUnderWay = { count: 0 };
    this.#replicaContext = {
      ...context,
      rooms: this.#rooms,
      loads,
      requestIdsWanted: () => this.#levels.wanted(),
      cacheBytesShare: () => cacheBytesShare(settings, this.#awake.size),
    };
    this.#listener = listener;
  }

  useVotes(votes: ReadonlyMap<GroupId, Vote>): void {
    this.#votes = votes;
  }

  replica(group: GroupId): Replica | undefined {
    return this.#replicas.get(group);
  }

  replicas(): Iterable<Replica> {
    return this.#replicas.values();
  }

  /** What the groups led here hold together. */
  get held(): { readonly uncommittedBytes: number; readonly requestIds: number; readonly requestSessions: number } {
    const { uncommitted, requestIds, sessions } = this.#rooms;
    return { uncommittedBytes: uncommitted.held, requestIds: requestIds.held, requestSessions: sessions.held };
  }

  *#led(): Generator<Replica> {
    for (const replica of this.#replicas.values()) if (replica.raft.role === 'leader') yield replica;
  }

  tick(nowMs: number): void {
    this.#levels.tick(nowMs);
  }

  /** Those whose clocks run: the others cost nothing while nothing happens to them. */
  awake(): Iterable<Replica> {
    return this.#awake;
  }

  rest(replica: Replica): void {
    replica.isQuiet = true;
    replica.raft.rest();
    this.#awake.delete(replica);
  }

  wake(replica: Replica): void {
    replica.isQuiet = false;
    this.#awake.add(replica);
  }

  /** It takes part no more. */
  #forget(replica: Replica): void {
    if (replica.isQuiet) this.#context.touched(replica);
    replica.leave();
    this.#replicas.delete(replica.group);
    this.#awake.delete(replica);
  }

  /** What this broker's disk takes for a sync, lately. */
  get usualSyncMs(): number {
    return this.#context.syncTimes.usualMs(this.#context.clock.monotonicMs());
  }

  /** What the checkpoint of a log has of the machine that follows it; null where it has nothing. */
  takeMachine(group: GroupId): MachineState | null {
    const state = this.#machines.get(group) ?? null;
    this.#machines.delete(group);
    return state;
  }

  get isOpening(): boolean {
    return this.#opening.size > 0;
  }

  /** Why this group takes no part here, or null. */
  fenced(group: GroupId): string | null {
    return this.#fenced.get(group) ?? null;
  }

  /** What the configuration allowed when this group's folder was made, or first opened by a program that writes it down. */
  topicsMaxOf(group: GroupId): number {
    return this.#identities.get(group)?.topicsMax ?? this.#context.settings.topicsMaxBefore;
  }

  /** `members` are those of a group that is not open here: what else is known of it; left out, all brokers are. */
  status(group: GroupId, members: readonly number[] = this.#context.brokers): PartitionStatus {
    const replica = this.#replicas.get(group);
    return replica === undefined ? absentStatus(group, members, this.fenced(group)) : partitionStatus(replica);
  }

  /** Opens these groups and those that have files from before. `done` gets the first failure that is more than one damaged group. */
  openAll(groups: readonly GroupId[], done: (error: LogError | null) => void): void {
    this.#context.storage.disk.list(groupsPath, (listed) => {
      const kept = listed.ok && groups.includes(catalogGroup) ? listed.value.filter((name) => /^[1-9]\d{0,8}$/.test(name)).map(Number) : [];
      const all = [...groups, ...kept.filter((id) => id >= topicGroupFirst).map((id) => groupId(id))];
      let left = all.length;
      let first: LogError | null = null;
      for (const [at, group] of all.entries()) {
        this.#openIfUsed(group, at >= groups.length, (error) => {
          first ??= error;
          if (--left === 0) done(first);
        });
      }
    });
  }

  /** A topic that was removed, or never got its first segment, can leave a folder: it is opened when the catalog asks for it. */
  #openIfUsed(group: GroupId, mustHaveFiles: boolean, done: (error: LogError | null) => void): void {
    if (!mustHaveFiles) return this.open(group, { topic: ownTopic, members: this.#ownMembers(group) }, done);
    const { disk } = this.#context.storage;
    disk.list(pathOf(group), (listed) => {
      const isLog = listed.ok && listed.value.some((name) => name.endsWith('.log')) && !listed.value.includes(removedName);
      if (!listed.ok || isLog) return this.open(group, null, done);
      removeGroupLog(disk, pathOf(group), (result) =>
        done(result.ok ? null : openError(`what is left of the log of group ${group}`, result.error)),
      );
    });
  }

  get #everybody(): GroupMembers {
    return { voters: this.#context.brokers, learners: [] };
  }

  /** Also of one that is fenced: what its folder says, or, where that cannot be read, what a new cluster would have. */
  membersOf(group: GroupId): GroupMembers {
    const identity = this.#identities.get(group);
    if (identity === undefined) return this.#ownMembers(group);
    return identity?.members ?? this.#everybody;
  }

  #ownMembers(group: GroupId): GroupMembers {
    return group === catalogGroup ? this.#context.catalogMembers : this.#everybody;
  }

  /** `owner` says whose log the group must be, null while that is not known. */
  open(group: GroupId, owner: Owner | null, done: (error: LogError | null) => void): void {
    const claimed = (error: LogError | null): void => {
      if (error !== null || owner === null) done(error);
      else this.#claim(group, owner.topic, () => done(null));
    };
    if (this.#replicas.has(group) || this.#fenced.has(group)) return claimed(null);
    const waiting = this.#opening.get(group);
    if (waiting !== undefined) {
      waiting.push(claimed);
      return;
    }
    this.#opening.set(group, [claimed]);
    this.#toOpen.set(group, owner);
    this.#openNext();
  }

  /** In the order in which they were asked for, so that the catalog and `log` come first. */
  #openNext(): void {
    if (this.#openingCount >= openingMax) return;
    const [next] = this.#toOpen;
    if (next === undefined) return;
    const [group, owner] = next;
    this.#toOpen.delete(group);
    this.#openingCount++;
    runTask(
      () => this.#openTask(group, owner),
      (error) => {
        this.#openingCount--;
        const callbacks = this.#opening.get(group) ?? [];
        this.#opening.delete(group);
        for (const callback of callbacks) callback(error);
        this.#openNext();
        this.#context.wake();
      },
    );
  }

  /** A group that is open takes part as this topic's, or not at all. */
  #claim(group: GroupId, topic: number, done: () => void): void {
    const replica = this.#replicas.get(group);
    const identity = this.#identities.get(group);
    if (replica === undefined || identity === undefined) return done();
    if (identity !== null) {
      if (identity.topic !== topic) this.#fenceFor(replica, foreign(group, identity, topic));
      return done();
    }
    // Records were removed before checkpoints outlived them, and there is none yet that does: its absence must not be taken for damage at the next start.
    if (replica.log.logStartOffset > 0 && replica.log.checkpointedTo === 0) return done();
    const { voters, learners } = replica.raft.membership;
    this.#identify(group, { topic, members: { voters, learners } }, (failure) => {
      if (failure !== null) this.#context.storage.logger.log('warn', 'groupNotIdentified', { group, reason: failure });
      done();
    });
  }

  #identify(group: GroupId, owner: Owner, done: (failure: string | null) => void): void {
    const identity: GroupIdentity = { group, ...owner, topicsMax: this.#context.settings.topicsMaxBefore };
    writeGroupIdentity(this.#context.storage, pathOf(group), identity, (result) => {
      if (result.ok) this.#identities.set(group, identity);
      done(result.ok ? null : describeFailure(result.error));
    });
  }

  *#openTask(group: GroupId, owner: Owner | null): Task<LogError | null> {
    const { storage, settings, bytes } = this.#context;
    const path = pathOf(group);
    const read = yield* wait<Result<GroupIdentity | null, OpenFailure>>((done) => readGroupIdentity(storage, path, group, done));
    if (!read.ok) {
      if (read.error.kind === 'disk') return openError(`the log of group ${group}`, read.error);
      this.#setFenced(group, fencedBy(read.error));
      return null;
    }
    const identity = read.value;
    this.#identities.set(group, identity);
    if (identity !== null && owner !== null && identity.topic !== owner.topic) {
      this.#setFenced(group, foreign(group, identity, owner.topic));
      return null;
    }
    if (identity === null && owner !== null && (yield* this.#isNew(path))) {
      const fresh: GroupIdentity = { group, ...owner, topicsMax: settings.topicsMax };
      const written = yield* wait<Result<undefined, OpenFailure>>((done) => writeGroupIdentity(storage, path, fresh, done));
      if (!written.ok) return openError(`the log of group ${group}`, written.error);
      this.#identities.set(group, fresh);
    }
    // The checkpoint is asked for once the log is open and the tail there.
    let tail: Tail | null = null;
    const segmentBytesMax = group < topicGroupFirst ? settings.segmentBytesMax : topicSegmentBytesMax(settings);
    const isDue = checkpointRhythm(segmentBytesMax);
    const options = {
      group,
      path,
      segmentBytesMin: settings.segmentBytesMin,
      segmentBytesMax,
      checkpoint: (_sealedTo: number, _checksum: number, isNeeded: boolean): TailCheckpoint | null => {
        const of = tail;
        if (of === null) return null;
        // Before there were identities no machine followed but the catalog's, which keeps its whole log.
        const isFromBefore = (this.#identities.get(group) ?? null) === null;
        const machine = isFromBefore ? 'none' : this.#context.machineState(group, of.committedTo);
        if (machine === null) return null;
        const make = (): TailCheckpoint => (machine === 'none' ? of.checkpoint() : withMachine(of.checkpoint(), machine));
        return isNeeded ? make() : isDue(make);
      },
    };
    const opened = yield* wait<Result<OpenedLog, OpenFailure>>((done) => openGroupLog(storage, options, done));
    if (!opened.ok) {
      if (opened.error.kind === 'disk') return openError(`the log of group ${group}`, opened.error);
      this.#setFenced(group, fencedBy(opened.error));
      return null;
    }
    const { log, checkpoint, cut } = opened.value;
    if (cut !== null) storage.logger.log('warn', 'tailCut', { group, path: cut.path, position: cut.position, bytes: cut.bytes });
    const built = new Tail(bytes, log.logStartOffset);
    const stored = checkpoint === null ? null : splitCheckpoint(checkpoint.bytes);
    const isRestored = checkpoint !== null && stored !== null && built.restore(stored.tail, checkpoint.offsetTo);
    if (isRestored && stored.machine !== null) this.#machines.set(group, stored.machine);
    if (!isRestored && log.logStartOffset > 0 && identity !== null) {
      yield* wait<undefined>((done) => log.close(() => done(undefined)));
      this.#setFenced(group, lostState(path, log.logStartOffset));
      return null;
    }
    const replayed = yield* replay(built, log, () => log.endOffset);
    if (!replayed.ok) {
      this.#setFenced(group, fencedBy(replayed.error));
      yield* wait<undefined>((done) => log.close(() => done(undefined)));
      return null;
    }
    built.chainTo(log.lastChecksum);
    tail = built;
    // From before checkpoints outlived what they cover. What is known now, and from where on, is kept at once.
    if (!isRestored && log.logStartOffset > 0) yield* wait<Result<undefined, OpenFailure>>((done) => log.storeCheckpoint(done));
    const vote = this.#votes.get(group) ?? { term: firstTerm, votedFor: null };
    const lastTerm = log.termStarts.at(-1)?.term ?? log.termBeforeStart;
    if (lastTerm > vote.term) {
      this.#setFenced(group, `its log holds term ${lastTerm}, the vote journal only term ${vote.term}: the votes were lost or rolled back`);
      yield* wait<undefined>((done) => log.close(() => done(undefined)));
      return null;
    }
    const replica = new Replica({ group, members: this.membersOf(group), log, vote, tail: built }, this.#replicaContext, this.#listener);
    this.#replicas.set(group, replica);
    this.#awake.add(replica);
    return null;
  }

  /** Met while running, by something that this group cannot do without: it takes no part any more. */
  fence(group: GroupId, failure: OpenFailure | ReadFailure): void {
    if (failure.kind === 'belowLogStart' || failure.kind === 'closed') return;
    const replica = this.#replicas.get(group);
    if (replica !== undefined) this.#fenceFor(replica, fencedBy(failure));
  }

  #fenceFor(replica: Replica, reason: string): void {
    const { group } = replica;
    this.#setFenced(group, reason);
    this.#forget(replica);
    this.#context.fenced(replica, reason);
    this.#closing.set(group, []);
    replica.log.close(() => {
      const waiting = this.#closing.get(group) ?? [];
      this.#closing.delete(group);
      for (const closed of waiting) closed();
    });
    this.#context.wake();
  }

  #setFenced(group: GroupId, reason: string): void {
    this.#fenced.set(group, reason);
    this.#context.storage.logger.log('error', 'groupFenced', { group, reason });
  }

  /** Closes a group and removes its files, unless they are another topic's. */
  remove(group: GroupId, topic: number): void {
    const opening = this.#opening.get(group) ?? this.#closing.get(group);
    if (opening !== undefined) {
      opening.push(() => this.remove(group, topic));
      return;
    }
    const identity = this.#identities.get(group);
    if (identity !== undefined) return this.#removeOwn(group, topic, identity);
    readGroupIdentity(this.#context.storage, pathOf(group), group, (read) => {
      if (read.ok) this.#removeOwn(group, topic, read.value);
      else this.#kept(group, describeFailure(read.error));
    });
  }

  #removeOwn(group: GroupId, topic: number, identity: GroupIdentity | null): void {
    if (identity !== null && identity.topic !== topic) return this.#kept(group, foreign(group, identity, topic));
    this.#fenced.delete(group);
    this.#identities.delete(group);
    const replica = this.#replicas.get(group);
    if (replica !== undefined) this.#forget(replica);
    const removed = (result: Result<undefined, OpenFailure>): void => {
      if (result.ok) return;
      if (result.error.kind === 'disk') return this.#context.diskFailed(result.error.error, `remove the log of group ${group}`);
      // What is left of it costs space: it is removed at the next start.
      this.#context.storage.logger.log('warn', 'logNotRemoved', { group, reason: describeFailure(result.error) });
    };
    if (replica === undefined) removeGroupLog(this.#context.storage.disk, pathOf(group), removed);
    else replica.log.remove(removed);
  }

  #kept(group: GroupId, reason: string): void {
    this.#context.storage.logger.log('error', 'folderKept', { group, reason });
  }

  *#isNew(path: string): Task<boolean> {
    const listed = yield* wait<Result<readonly string[], DiskError>>((done) => this.#context.storage.disk.list(path, done));
    return listed.ok ? !listed.value.some((name) => name.endsWith('.log')) : listed.error.code === 'notFound';
  }

  /** Also those that are being closed already. */
  closeAll(done: () => void): void {
    const replicas = [...this.#replicas.values()];
    let left = replicas.length + this.#closing.size;
    if (left === 0) return done();
    const closed = (): void => {
      if (--left === 0) done();
    };
    for (const waiting of this.#closing.values()) waiting.push(closed);
    for (const replica of replicas) replica.log.close(closed);
  }
}

/**
 * A checkpoint costs its length in processor time and disk: many request ids make one of 14 MB. So the log grows by a few times the length of the last one
 * before the next is made; a start reads that much more.
 */
export function checkpointRhythm(
  segmentBytesMax: number,
): <Checkpoint extends { readonly bytes: Uint8Array }>(make: () => Checkpoint) => Checkpoint | null {
  let lastBytes = 0;
  let sealedBytes = 0;
  return (make) => {
    sealedBytes += segmentBytesMax;
    if (sealedBytes < lastBytes * logToCheckpoint) return null;
    const state = make();
    sealedBytes = 0;
    lastBytes = state.bytes.length;
    return state;
  };
}

const logToCheckpoint = 4;

/** All partitions that anything happens to together keep no more than the broker may; those that are quiet keep nothing. */
export const cacheBytesShare = (
  { cacheBytesMax, cachesBytesMax }: Pick<BrokerSettings, 'cacheBytesMax' | 'cachesBytesMax'>,
  awake: number,
): number => Math.min(cacheBytesMax, Math.floor(cachesBytesMax / Math.max(1, awake)));

/** Logs that are opened at once: each holds descriptors and what it reads. */
const openingMax = 32;

/** Whose log a group is: of which topic, and of whom when it is made. */
export interface Owner {
  readonly topic: number;
  readonly members: GroupMembers;
}

/** The topic id of the catalog and of `log`, which are no topics of the catalog. */
const ownTopic = 0;

const foreign = (group: GroupId, { topic }: GroupIdentity, wanted: number): string =>
  `${pathOf(group)} holds the log of topic id ${topic}, and group ${group} is the one of topic id ${wanted}: it is neither served nor removed`;

const lostState = (path: string, logStartOffset: number): string =>
  `${path} begins at offset ${logStartOffset} and holds no checkpoint of what was derived from the records before: which requests were appended and ` +
  'revoked is lost here; restore the file from a copy, the other brokers go on without this one';

const names: ReadonlyMap<number, string> = new Map([
  [catalogGroup, 'catalog'],
  [logGroup, 'log'],
]);

/** Names for people where there is one, group ids elsewhere: never a topic's name. */
const pathOf = (group: GroupId): string => `${groupsPath}/${names.get(group) ?? group}`;

/** Why a group takes no part any more, and what to do about it. */
function fencedBy(failure: OpenFailure | ReadFailure): string {
  const what = describeFailure(failure);
  return failure.kind === 'unreadable' ? `${what}; check the disk and start this broker again, the other brokers go on without it` : what;
}
