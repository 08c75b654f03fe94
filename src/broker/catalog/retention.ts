import { groupId, offset } from '../../base/branded.ts';
import { type NextRemoval, isTrimmed } from '../../eventlog/index.ts';
import type { Catalog } from './catalog.ts';
import type { Place } from './catalog-state.ts';
import type { Core } from '../core.ts';
import { stampMs } from '../../record/index.ts';
import { describeFailure, type SealedPart } from '../../storage/index.ts';
import type { Replica } from '../replica/index.ts';
import { topicSegmentBytesMax } from '../settings.ts';

/** A partition of a topic, for those that know who has read it. */
export interface PartitionRead {
  readonly topic: string;
  /** Of the topic. */
  readonly topicId: number;
  readonly partition: number;
}

/** The subscriber of a partition that is furthest behind: all below its offset is acknowledged. */
export interface FurthestBehind {
  readonly subscriber: string;
  readonly offset: number;
}

export interface RetentionOptions {
  /** What of a group's log is wanted by whoever follows it, though no bound says so: nothing from here on is removed. */
  keptFrom(group: number): number;
  /** Who is furthest behind in each of these, null where nobody is subscribed; null where that could not be had of all that keep subscribers. */
  furthestBehind(partitions: readonly PartitionRead[], done: (found: readonly (FurthestBehind | null)[] | null) => void): void;
}

/** Nothing could be removed: mostly the oldest segment reaches beyond what may go, else its checkpoint could not be written. */
const removeAgainMs = 5000;
/** How often it is looked whether time, or readers, let something go. */
const lookMs = 5000;
/** So long what was heard of readers counts: by then it has been decided by it, and cursors may be put elsewhere. */
const heardForMs = 1000;
/** Partitions of one question. */
const askedMax = 1000;

/** Who held back what a partition keeps, when it was asked last. */
interface Readers {
  /** Null: nobody is subscribed. */
  readonly furthest: FurthestBehind | null;
  /** When the first record was written that this one lacks; null until that is known. */
  sinceMs: number | null;
  heardMs: number;
  /** Where the partition ended when they were asked: of what has come since their answer says nothing. */
  readonly end: number;
}

/**
 * Keeps topics within what is asked of them (invariant ST11). The partition's leader decides up to where every replica has acknowledged, and says so through the
 * catalog; each replica then removes whole sealed segments below. So no replica is ever asked for what it no longer has.
 */
export class Retention {
  readonly #core: Core;
  readonly #catalog: Catalog;
  readonly #options: RetentionOptions;
  readonly #asking = new Set<number>();
  /** When the next removal may be tried; while one is under way, never. */
  readonly #nextMs = new Map<number, number>();
  /** Groups that may have something to remove: those that have grown or were trimmed, until nothing is left to do. The others cost nothing. */
  readonly #due = new Set<number>();
  /** Groups of topics of which time, or readers, let something go: looked at again and again. */
  readonly #watched = new Set<number>();
  #lookAtMs = 0;
  #isAskingReaders = false;
  readonly #readers = new Map<number, Readers>();

  constructor(core: Core, catalog: Catalog, options: RetentionOptions) {
    this.#core = core;
    this.#catalog = catalog;
    this.#options = options;
  }

  /** More of its log is committed, or less of it is wanted. */
  changed(group: number): void {
    this.#due.add(group);
  }

  deleted(group: number): void {
    this.#due.delete(group);
    this.#nextMs.delete(group);
    this.#watched.delete(group);
    this.#readers.delete(group);
  }

  maintain(): void {
    // A topic that is not known yet is not one that is gone.
    if (!this.#catalog.isCurrent) return;
    const nowMs = this.#core.nowMs();
    if (nowMs >= this.#lookAtMs) {
      this.#lookAtMs = nowMs + lookMs;
      for (const group of this.#watched) this.#due.add(group);
      this.#askReaders();
    }
    for (const group of this.#due) {
      const place = this.#catalog.state.placeOf(group);
      const replica = this.#core.replica(groupId(group));
      const isLeft = place !== undefined && replica !== undefined && this.#maintain(place, replica);
      if (!isLeft) this.#due.delete(group);
    }
  }

  /** What is removed next, where this broker leads the partition of a topic that does not keep everything; null: no segment is whole yet. */
  nextRemoval(group: number): NextRemoval | null | undefined {
    const place = this.#catalog.state.placeOf(group);
    const replica = this.#core.replica(groupId(group));
    if (place === undefined || replica?.raft.role !== 'leader' || !isTrimmed(place.topic.settings)) return undefined;
    const [oldest] = replica.log.sealedParts;
    if (oldest === undefined) return null;
    const { offsetFrom, offsetTo, sizeBytes, lastStampMs } = oldest;
    const { retentionMs = null, retentionUntilRead = false } = place.topic.settings;
    const { furthest = null, sinceMs = null } = (retentionUntilRead ? this.#readers.get(group) : undefined) ?? {};
    const unreadBy = furthest === null || furthest.offset >= offsetTo ? null : { ...furthest, sinceMs };
    const missing = replica.raft.peers.flatMap(({ peer, matchOffset }) => (matchOffset < offsetTo ? [peer] : []));
    return { offsetFrom, offsetTo, sizeBytes, dueMs: retentionMs === null ? null : lastStampMs + retentionMs, unreadBy, missing };
  }

  /** True where something is left to do. */
  #maintain(place: Place, replica: Replica): boolean {
    const { group } = place.partition;
    const { retentionMs = null, retentionUntilRead = false } = place.topic.settings;
    if (retentionMs !== null || retentionUntilRead) this.#watched.add(group);
    else this.#watched.delete(group);
    const isTooLong = replica.raft.role === 'leader' && this.#decide(place, replica);
    const isToTrim = this.#remove(place, replica);
    return isTooLong || isToTrim;
  }

  #decide(place: Place, replica: Replica): boolean {
    const { partition } = place;
    if (replica.log.segmentCount < 2) return false;
    const isTooLarge = this.#isTooLarge(place, replica);
    const wanted = Math.max(isTooLarge ? this.#belowBySize(place, replica) : 0, this.#belowByBounds(place, replica));
    if (wanted === 0) return false;
    if (this.#asking.has(partition.group)) return true;
    let everybodyHas: number = replica.visible;
    for (const { matchOffset } of replica.raft.peers) everybodyHas = Math.min(everybodyHas, matchOffset);
    const to = Math.min(wanted, everybodyHas, this.#options.keptFrom(partition.group));
    if (to <= partition.trimmedTo) return isTooLarge;
    this.#asking.add(partition.group);
    this.#catalog.submit({ type: 'trimTopic', group: partition.group, offset: to }, () => this.#asking.delete(partition.group));
    return true;
  }

  #limitOf({ topic }: Place): number | null {
    const { retentionBytes } = topic.settings;
    return retentionBytes === null ? null : Math.max(retentionBytes / 2, retentionBytes - topicSegmentBytesMax(this.#core.settings));
  }

  #isTooLarge(place: Place, { log }: Replica): boolean {
    const limit = this.#limitOf(place);
    return limit !== null && log.sizeBytes > limit;
  }

  /** Records are about equally long, so a share of the bytes is a share of the offsets; what is too little now is taken next time. */
  #belowBySize(place: Place, { log }: Replica): number {
    const share = 1 - ((this.#limitOf(place) ?? 0) * 0.75) / log.sizeBytes;
    return log.logStartOffset + Math.floor((log.endOffset - log.logStartOffset) * share);
  }

  /** Where the oldest segments end that are too old, or too many, or that all have read; 0 where there are none. */
  #belowByBounds({ topic, partition }: Place, { log, visible }: Replica): number {
    const { retentionMs = null, retentionRecords = null, retentionUntilRead = false } = topic.settings;
    const isOld = retentionMs === null ? never : agedBefore(this.#core.host.clock.wallMs() - retentionMs);
    const isTooMany = retentionRecords === null ? never : endingBy(visible - retentionRecords);
    const { furthest = null, heardMs = 0, end = 0 } = (retentionUntilRead ? this.#readers.get(partition.group) : undefined) ?? {};
    const isRead = furthest === null || this.#core.nowMs() > heardMs + heardForMs ? never : endingBy(Math.min(furthest.offset, end));
    let below = 0;
    for (const part of isOld === never && isTooMany === never && isRead === never ? [] : log.sealedParts) {
      if (!isOld(part) && !isTooMany(part) && !isRead(part)) break;
      below = part.offsetTo;
    }
    return below;
  }

  /** Of all partitions that are led here and kept until they are read, at once. */
  #askReaders(): void {
    if (this.#isAskingReaders) return;
    const asked = [...this.#watched].flatMap((group) => {
      const place = this.#catalog.state.placeOf(group);
      const replica = this.#core.replica(groupId(group));
      const isKept = place?.topic.settings.retentionUntilRead === true && replica?.raft.role === 'leader' && replica.log.segmentCount > 1;
      return isKept ? [{ group, ...partitionOf(place), end: replica.visible }] : [];
    });
    // Of what is not led here any more nothing is known.
    const groups = new Set(asked.map(({ group }) => group));
    for (const group of this.#readers.keys()) if (!groups.has(group)) this.#readers.delete(group);
    this.#askSome(asked);
  }

  #askSome(asked: readonly (PartitionRead & { readonly group: number; readonly end: number })[]): void {
    const some = asked.slice(0, askedMax);
    if (some.length === 0) return;
    this.#isAskingReaders = true;
    this.#options.furthestBehind(
      some.map(({ topic, topicId, partition }) => ({ topic, topicId, partition })),
      (found) => {
        this.#isAskingReaders = false;
        for (const [index, { group, end }] of some.entries()) this.#heard(group, end, found === null ? undefined : (found[index] ?? null));
        this.#askSome(asked.slice(askedMax));
      },
    );
  }

  /** Undefined where it could not be had: nothing goes then for having been read. */
  #heard(group: number, end: number, furthest: FurthestBehind | null | undefined): void {
    const before = this.#readers.get(group);
    if (furthest === undefined) return void this.#readers.delete(group);
    const isSame = before !== undefined && before.furthest?.offset === furthest?.offset;
    const readers: Readers = { furthest, sinceMs: isSame ? before.sinceMs : null, heardMs: this.#core.nowMs(), end };
    this.#readers.set(group, readers);
    this.#due.add(group);
    if (furthest !== null && readers.sinceMs === null) this.#findTime(group, furthest.offset, readers);
  }

  #findTime(group: number, at: number, readers: Readers): void {
    const replica = this.#core.replica(groupId(group));
    if (replica === undefined || at >= replica.visible) return;
    const from = Math.max(at, replica.log.logStartOffset);
    replica.log.read({ offsetFrom: offset(from), offsetTo: replica.visible, bytesMax: 1 }, (result) => {
      const [first] = result.ok ? result.value : [];
      if (first !== undefined) readers.sinceMs = stampMs(first.bytes);
    });
  }

  #remove({ topic, partition }: Place, replica: Replica): boolean {
    const to = Math.min(partition.trimmedTo, replica.visible);
    if (to <= replica.log.logStartOffset || replica.log.segmentCount < 2) return false;
    const nowMs = this.#core.nowMs();
    if (nowMs < (this.#nextMs.get(partition.group) ?? 0)) return true;
    this.#nextMs.set(partition.group, Number.POSITIVE_INFINITY);
    const { logStartOffset } = replica.log;
    // Not above what a durable checkpoint covers: where one cannot be written the log stays as long as it is.
    replica.log.deleteBefore(offset(to), (result) => {
      const isGone = this.#catalog.state.placeOf(partition.group) === undefined;
      if (isGone || replica.log.logStartOffset > logStartOffset) this.#nextMs.delete(partition.group);
      else this.#nextMs.set(partition.group, nowMs + removeAgainMs);
      replica.tail.producers.trimmed(replica.log.logStartOffset);
      // Removing is housekeeping: a failure costs space, not records, and is tried again.
      if (!result.ok) this.#core.host.logger.log('warn', 'retentionFailed', { topic: topic.name, reason: describeFailure(result.error) });
    });
    return true;
  }
}

const partitionOf = ({ topic, partition }: Place): PartitionRead => ({
  topic: topic.name,
  topicId: topic.id,
  partition: topic.partitions.indexOf(partition),
});

const never = (): boolean => false;

const agedBefore =
  (timeMs: number) =>
  ({ lastStampMs }: SealedPart): boolean =>
    lastStampMs < timeMs;

const endingBy =
  (at: number) =>
  ({ offsetTo }: SealedPart): boolean =>
    offsetTo <= at;
