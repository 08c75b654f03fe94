import { type BrokerId, type GroupId, groupId } from '../../base/branded.ts';
import type { LogError } from '../../eventlog/index.ts';
import type { Core } from '../core.ts';
import type { Appends, Elsewhere, Reads, Revokes, Scans, Whereabouts } from '../edge/index.ts';
import type { Groups, Owner } from '../replica/index.ts';
import type { Catalog } from './catalog.ts';
import type { Partition, Place, Topic } from './catalog-state.ts';

export interface TopicReplicasOptions {
  readonly groups: Groups;
  readonly appends: Appends;
  readonly reads: Reads;
  readonly scans: Scans;
  readonly revokes: Revokes;
  readonly elsewhere: Elsewhere;
  readonly whereabouts: Whereabouts;
  /** All of the cluster. */
  readonly brokers: readonly BrokerId[];
  fatal(error: LogError): void;
}

const openAgainMs = 5000;
/** How long a caller waits for a topic's log to be opened. */
const openMs = 2000;

/** Keeps this broker's replicas in step with the topics of the catalog: opens what was made, lets go of what was deleted. */
export class TopicReplicas {
  readonly #core: Core;
  readonly #catalog: () => Catalog;
  readonly #options: TopicReplicasOptions;
  /** By group: made by what of the catalog's log has taken effect so far, and opened once all of it has, for it may have deleted them too. */
  readonly #toOpen = new Map<number, Place>();
  /** When topics whose log could not be opened are tried again. */
  readonly #unopened = new Map<number, number>();

  constructor(core: Core, catalog: () => Catalog, options: TopicReplicasOptions) {
    this.#core = core;
    this.#catalog = catalog;
    this.#options = options;
  }

  made(topic: Topic, partitions: readonly Partition[]): void {
    for (const partition of partitions) {
      if (!this.isHere(partition)) continue;
      if (this.#toOpen.size === 0) this.#core.later(() => this.openMade());
      this.#toOpen.set(partition.group, { topic, partition });
    }
  }

  /** Whether this broker has a replica of it, or is to have one. */
  isHere({ placed }: Partition): boolean {
    return placed === null || placed.replicas.includes(this.#core.self);
  }

  membersOf({ placed }: Partition): readonly BrokerId[] {
    return placed === null ? this.#options.brokers : (placed.replicas as readonly BrokerId[]);
  }

  deleted(topic: Topic): void {
    for (const partition of topic.partitions) this.#deleted(topic, partition);
  }

  #deleted(topic: Topic, partition: Partition): void {
    const { groups, appends, reads, scans, revokes, elsewhere, whereabouts } = this.#options;
    const group = groupId(partition.group);
    const replica = this.#core.replica(group);
    this.#toOpen.delete(partition.group);
    appends.drop(group);
    revokes.drop(group);
    elsewhere.drop(group);
    whereabouts.forget(group);
    if (replica !== undefined) {
      replica.appends.abandon('leadershipLost', 'it was deleted');
      reads.abandon('unknownTopic', 'it was deleted', replica);
      scans.abandon('unknownTopic', 'it was deleted', replica);
    }
    if (this.isHere(partition)) groups.remove(group, topic.id);
  }

  /** Opens what waits for that, unless the catalog is still being read; then with a later tick. */
  openMade(): void {
    if (this.#toOpen.size === 0 || !this.#catalog().isCurrent) return;
    const made = [...this.#toOpen.values()];
    this.#toOpen.clear();
    for (const place of made) this.#open(place);
  }

  #ownerOf({ topic, partition }: Place): Owner {
    const voters = [...this.membersOf(partition)].sort((a, b) => a - b);
    return { topic: topic.id, members: { voters, learners: [] } };
  }

  #open(place: Place): void {
    const { topic, partition } = place;
    this.#options.groups.open(groupId(partition.group), this.#ownerOf(place), (error) => {
      if (error === null) return void this.#unopened.delete(partition.group);
      if (error.code === 'diskFailed') return this.#options.fatal(error);
      // No space for its first file: without it the others go on, and it is tried again.
      if (!this.#unopened.has(partition.group))
        this.#core.host.logger.log('error', 'topicNotOpened', { topic: topic.name, reason: error.message });
      this.#unopened.set(partition.group, this.#core.nowMs() + openAgainMs);
    });
  }

  /** Tries again what could not be opened. */
  openAgain(nowMs: number): void {
    for (const [group, atMs] of this.#unopened) {
      const place = this.#catalog().state.placeOf(group);
      if (place === undefined) this.#unopened.delete(group);
      else if (nowMs >= atMs) this.#open(place);
    }
  }

  /** Calls back once the group is open here or cannot be opened, and after a while in any case: a disk may hang. */
  whenOpen(group: GroupId, done: (error: LogError | null) => void): void {
    if (this.#core.replica(group) !== undefined) return done(null);
    let isOver = false;
    const end = (error: LogError | null): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      done(error);
    };
    const timer = this.#core.host.clock.startTimer(openMs, () => end(null));
    const place = this.#catalog().state.placeOf(group);
    this.#options.groups.open(group, place === undefined ? null : this.#ownerOf(place), end);
  }
}
