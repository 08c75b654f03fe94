import { groupId, offset } from '../../base/branded.ts';
import type { Catalog } from './catalog.ts';
import type { Place } from './catalog-state.ts';
import type { Core } from '../core.ts';
import { describeFailure } from '../../storage/index.ts';
import type { Replica } from '../replica/index.ts';
import { topicSegmentBytesMax } from '../settings.ts';

/** Nothing could be removed: mostly the oldest segment reaches beyond what may go, else its checkpoint could not be written. */
const removeAgainMs = 5000;

/**
 * Keeps topics within their size (invariant ST11). The partition's leader decides up to where every replica has acknowledged, and says so through the
 * catalog; each replica then removes whole sealed segments below. So no replica is ever asked for what it no longer has.
 */
export class Retention {
  readonly #core: Core;
  readonly #catalog: Catalog;
  readonly #asking = new Set<number>();
  /** When the next removal may be tried; while one is under way, never. */
  readonly #nextMs = new Map<number, number>();
  /** Groups that may have something to remove: those that have grown or were trimmed, until nothing is left to do. The others cost nothing. */
  readonly #due = new Set<number>();

  constructor(core: Core, catalog: Catalog) {
    this.#core = core;
    this.#catalog = catalog;
  }

  /** More of its log is committed, or less of it is wanted. */
  changed(group: number): void {
    this.#due.add(group);
  }

  deleted(group: number): void {
    this.#due.delete(group);
    this.#nextMs.delete(group);
  }

  maintain(): void {
    // A topic that is not known yet is not one that is gone.
    if (!this.#catalog.isCurrent) return;
    for (const group of this.#due) {
      const place = this.#catalog.state.placeOf(group);
      const replica = this.#core.replica(groupId(group));
      const isLeft = place !== undefined && replica !== undefined && this.#maintain(place, replica);
      if (!isLeft) this.#due.delete(group);
    }
  }

  /** True where something is left to do. */
  #maintain(place: Place, replica: Replica): boolean {
    const isTooLong = replica.raft.role === 'leader' && this.#decide(place, replica);
    const isToTrim = this.#remove(place, replica);
    return isTooLong || isToTrim;
  }

  #decide({ topic, partition }: Place, replica: Replica): boolean {
    const { retentionBytes } = topic.settings;
    if (retentionBytes === null) return false;
    const { log, raft } = replica;
    const limit = Math.max(retentionBytes / 2, retentionBytes - topicSegmentBytesMax(this.#core.settings));
    if (log.sizeBytes <= limit || log.segmentCount < 2) return false;
    if (this.#asking.has(partition.group)) return true;
    let everybodyHas: number = replica.visible;
    for (const { matchOffset } of raft.peers) everybodyHas = Math.min(everybodyHas, matchOffset);
    // Records are about equally long, so a share of the bytes is a share of the offsets; what is too little now is taken next time.
    const share = 1 - (limit * 0.75) / log.sizeBytes;
    const wanted = log.logStartOffset + Math.floor((log.endOffset - log.logStartOffset) * share);
    const to = Math.min(wanted, everybodyHas);
    if (to <= partition.trimmedTo) return true;
    this.#asking.add(partition.group);
    this.#catalog.submit({ type: 'trimTopic', group: partition.group, offset: to }, () => this.#asking.delete(partition.group));
    return true;
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
