import { type BrokerId, firstTerm, type GroupId, groupId } from '../base/branded.ts';
import type { Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { LogError, PartitionStatus } from '../eventlog/index.ts';
import type { DiskError } from '../host/index.ts';
import type { Vote } from '../raft/index.ts';
import {
  type Corruption,
  openGroupLog,
  type OpenedLog,
  type OpenFailure,
  type ReadFailure,
  removedName,
  removeGroupLog,
  type StorageHost,
} from '../storage/index.ts';
import { catalogGroup, logGroup, topicGroupFirst } from './core.ts';
import { groupsPath, openError } from './opening.ts';
import { Replica, type ReplicaContext, type ReplicaListener, replay } from './replica.ts';
import { topicSegmentBytesMax } from './retention.ts';
import { absentStatus, partitionStatus } from './status.ts';
import { Tail } from './tail.ts';

export interface GroupsContext extends Omit<ReplicaContext, 'damaged'> {
  readonly voters: readonly BrokerId[];
  readonly storage: StorageHost;
  damaged(replica: Replica, failure: ReadFailure): void;
}

/** The replicas of this broker: opening, fencing, closing, removing them. A damaged group is fenced; the others go on. */
export class Groups {
  readonly #context: GroupsContext;
  readonly #listener: ReplicaListener;
  readonly #replicas = new Map<GroupId, Replica>();
  readonly #fenced = new Map<GroupId, string>();
  readonly #opening = new Map<GroupId, ((error: LogError | null) => void)[]>();
  #votes: ReadonlyMap<GroupId, Vote> = new Map();

  constructor(context: GroupsContext, listener: ReplicaListener) {
    this.#context = context;
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

  get isOpening(): boolean {
    return this.#opening.size > 0;
  }

  get fencedGroups(): Iterable<GroupId> {
    return this.#fenced.keys();
  }

  /** Why this group takes no part here, or null. */
  fenced(group: GroupId): string | null {
    return this.#fenced.get(group) ?? null;
  }

  status(group: GroupId): PartitionStatus {
    const replica = this.#replicas.get(group);
    return replica === undefined ? absentStatus(group, [...this.#context.voters], this.fenced(group)) : partitionStatus(replica);
  }

  /** Opens these groups and those that have files from before. `done` gets the first failure that is more than one damaged group. */
  openAll(groups: readonly GroupId[], done: (error: LogError | null) => void): void {
    this.#context.storage.disk.list(groupsPath, (listed) => {
      const kept = listed.ok && groups.includes(catalogGroup) ? listed.value.filter((name) => /^[1-9]\d{0,8}$/.test(name)).map(Number) : [];
      const all = [...groups, ...kept.filter((id) => id >= topicGroupFirst).map((id) => groupId(id))];
      let left = all.length;
      let first: LogError | null = null;
      for (const group of all) {
        this.#openIfUsed(group, all.indexOf(group) >= groups.length, (error) => {
          first ??= error;
          if (--left === 0) done(first);
        });
      }
    });
  }

  /** A removed topic leaves an empty folder, or one that is to be emptied. */
  #openIfUsed(group: GroupId, mustHaveFiles: boolean, done: (error: LogError | null) => void): void {
    if (!mustHaveFiles) return this.open(group, done);
    const { disk } = this.#context.storage;
    disk.list(pathOf(group), (listed) => {
      if (!listed.ok || (listed.value.length > 0 && !listed.value.includes(removedName))) return this.open(group, done);
      removeGroupLog(disk, pathOf(group), (result) =>
        done(result.ok ? null : openError(`what is left of the log of group ${group}`, { kind: 'disk', error: result.error })),
      );
    });
  }

  open(group: GroupId, done: (error: LogError | null) => void): void {
    if (this.#replicas.has(group) || this.#fenced.has(group)) return done(null);
    const waiting = this.#opening.get(group);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    this.#opening.set(group, [done]);
    runTask(
      () => this.#openTask(group),
      (error) => {
        const callbacks = this.#opening.get(group) ?? [];
        this.#opening.delete(group);
        for (const callback of callbacks) callback(error);
        this.#context.wake();
      },
    );
  }

  *#openTask(group: GroupId): Task<LogError | null> {
    const { storage, settings, bytes } = this.#context;
    // The checkpoint is asked for once the log is open and the tail there.
    let tail: Tail | null = null;
    const segmentBytesMax = group < topicGroupFirst ? settings.segmentBytesMax : topicSegmentBytesMax(settings);
    const isDue = checkpointRhythm(segmentBytesMax);
    const options = {
      group,
      path: pathOf(group),
      segmentBytesMin: settings.segmentBytesMin,
      segmentBytesMax,
      checkpoint: (offsetTo: number, lastChecksum: number): Uint8Array | null =>
        tail === null ? null : isDue(() => (tail as Tail).checkpoint(offsetTo, lastChecksum)),
    };
    const opened = yield* wait<Result<OpenedLog, OpenFailure>>((done) => openGroupLog(storage, options, done));
    if (!opened.ok) {
      if (opened.error.kind === 'disk') return openError(`the log of group ${group}`, opened.error);
      this.#fenced.set(group, describeCorruption(opened.error.corruption));
      return null;
    }
    const { log, checkpoint, cut } = opened.value;
    if (cut !== null) storage.logger.log('warn', 'tailCut', { group, path: cut.path, position: cut.position, bytes: cut.bytes });
    const built = new Tail(settings, bytes, log.logStartOffset);
    if (checkpoint !== null) built.restore(checkpoint.bytes, checkpoint.offsetTo);
    const replayed = yield* replay(built, log, () => log.endOffset);
    if (!replayed.ok) {
      if (replayed.error.kind === 'disk') {
        yield* wait<undefined>((done) => log.close(() => done(undefined)));
        return openError(`the log of group ${group}`, replayed.error);
      }
      this.#fenced.set(group, describeFailure(replayed.error));
      return null;
    }
    built.chainTo(log.lastChecksum);
    tail = built;
    const vote = this.#votes.get(group) ?? { term: firstTerm, votedFor: null };
    const lastTerm = log.termStarts.at(-1)?.term ?? log.termBeforeStart;
    if (lastTerm > vote.term) {
      this.#fenced.set(
        group,
        `its log holds term ${lastTerm}, the vote journal only term ${vote.term}: the votes were lost or rolled back`,
      );
      return null;
    }
    this.#replicas.set(group, new Replica({ group, voters: this.#context.voters, log, vote, tail: built }, this.#context, this.#listener));
    return null;
  }

  /** Damage met while running: the group takes no part any more. */
  fence(group: GroupId, failure: ReadFailure): void {
    if (failure.kind === 'belowLogStart' || failure.kind === 'closed') return;
    if (failure.kind === 'disk') return this.#context.diskFailed(failure.error, `read the log of group ${group}`);
    const replica = this.#replicas.get(group);
    if (replica === undefined) return;
    const reason = describeFailure(failure);
    this.#fenced.set(group, reason);
    this.#context.storage.logger.log('error', 'groupFenced', { group, reason });
    replica.appends.abandon('leadershipLost', 'its log is damaged there');
    this.#replicas.delete(group);
    this.#context.wake();
  }

  /** Closes a group and removes its files. */
  remove(group: GroupId): void {
    const opening = this.#opening.get(group);
    if (opening !== undefined) {
      opening.push(() => this.remove(group));
      return;
    }
    this.#fenced.delete(group);
    const replica = this.#replicas.get(group);
    this.#replicas.delete(group);
    const removed = (result: Result<undefined, DiskError>): void => {
      if (!result.ok) this.#context.diskFailed(result.error, `remove the log of group ${group}`);
    };
    if (replica === undefined) removeGroupLog(this.#context.storage.disk, pathOf(group), removed);
    else replica.log.remove(removed);
  }

  closeAll(done: () => void): void {
    const replicas = [...this.#replicas.values()];
    let left = replicas.length;
    if (left === 0) return done();
    for (const replica of replicas) {
      replica.log.close(() => {
        if (--left === 0) done();
      });
    }
  }
}

/**
 * A checkpoint costs its length in processor time and disk: many request ids make one of 14 MB. So the log grows by a few times the length of the last one
 * before the next is made; a start reads that much more.
 */
export function checkpointRhythm(segmentBytesMax: number): (make: () => Uint8Array | null) => Uint8Array | null {
  let lastBytes = 0;
  let sealedBytes = 0;
  return (make) => {
    sealedBytes += segmentBytesMax;
    if (sealedBytes < lastBytes * logToCheckpoint) return null;
    const state = make();
    if (state === null) return null;
    sealedBytes = 0;
    lastBytes = state.length;
    return state;
  };
}

const logToCheckpoint = 4;

const names: ReadonlyMap<number, string> = new Map([
  [catalogGroup, 'catalog'],
  [logGroup, 'log'],
]);

/** Names for people where there is one, group ids elsewhere: never a topic's name. */
const pathOf = (group: GroupId): string => `${groupsPath}/${names.get(group) ?? group}`;

export function describeFailure(failure: ReadFailure): string {
  if (failure.kind === 'corrupt') return describeCorruption(failure.corruption);
  if (failure.kind === 'belowLogStart') return 'its oldest records were removed meanwhile';
  if (failure.kind === 'closed') return 'it was closed meanwhile';
  const { operation, path, reason } = failure.error;
  return `${operation} of ${path} failed: ${reason}`;
}

const describeCorruption = ({ path, position, expected, found }: Corruption): string =>
  `${path} is damaged at ${position}: expected ${expected}, found ${found}; restore the file from a copy, the other brokers go on without this one`;
