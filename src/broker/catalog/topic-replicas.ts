import { type GroupId, groupId } from '../../base/branded.ts';
import type { LogError } from '../../eventlog/index.ts';
import type { Core } from '../core.ts';
import type { Appends, Reads, Revokes, Scans } from '../edge/index.ts';
import type { Groups } from '../replica/index.ts';
import type { Catalog } from './catalog.ts';
import type { Topic } from './catalog-state.ts';

export interface TopicReplicasOptions {
  readonly groups: Groups;
  readonly appends: Appends;
  readonly reads: Reads;
  readonly scans: Scans;
  readonly revokes: Revokes;
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
  readonly #toOpen = new Map<number, Topic>();
  /** When topics whose log could not be opened are tried again. */
  readonly #unopened = new Map<number, number>();

  constructor(core: Core, catalog: () => Catalog, options: TopicReplicasOptions) {
    this.#core = core;
    this.#catalog = catalog;
    this.#options = options;
  }

  created(topic: Topic): void {
    if (this.#toOpen.size === 0) this.#core.later(() => this.openMade());
    this.#toOpen.set(topic.group, topic);
  }

  deleted(topic: Topic): void {
    const { groups, appends, reads, scans, revokes } = this.#options;
    const group = groupId(topic.group);
    const replica = this.#core.replica(group);
    this.#toOpen.delete(topic.group);
    appends.drop(group);
    revokes.drop(group);
    if (replica !== undefined) {
      replica.appends.abandon('leadershipLost', 'it was deleted');
      reads.abandon('unknownTopic', 'it was deleted', replica);
      scans.abandon('unknownTopic', 'it was deleted', replica);
    }
    groups.remove(group, topic.id);
  }

  /** Opens what waits for that, unless the catalog is still being read; then with a later tick. */
  openMade(): void {
    if (this.#toOpen.size === 0 || !this.#catalog().isCurrent) return;
    const made = [...this.#toOpen.values()];
    this.#toOpen.clear();
    for (const topic of made) this.#open(topic);
  }

  #open(topic: Topic): void {
    this.#options.groups.open(groupId(topic.group), topic.id, (error) => {
      if (error === null) return void this.#unopened.delete(topic.group);
      if (error.code === 'diskFailed') return this.#options.fatal(error);
      // No space for its first file: without it the others go on, and it is tried again.
      if (!this.#unopened.has(topic.group))
        this.#core.host.logger.log('error', 'topicNotOpened', { topic: topic.name, reason: error.message });
      this.#unopened.set(topic.group, this.#core.nowMs() + openAgainMs);
    });
  }

  /** Tries again what could not be opened. */
  openAgain(nowMs: number): void {
    for (const [group, atMs] of this.#unopened) {
      const topic = this.#catalog().state.topicOf(group);
      if (topic === undefined) this.#unopened.delete(group);
      else if (nowMs >= atMs) this.#open(topic);
    }
  }

  /** Calls back once the group is open here or cannot be opened, and after a while in any case: a disk may hang. */
  whenOpen(name: string, group: GroupId, done: (error: LogError | null) => void): void {
    if (this.#core.replica(group) !== undefined) return done(null);
    let isOver = false;
    const end = (error: LogError | null): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      done(error);
    };
    const timer = this.#core.host.clock.startTimer(openMs, () => end(null));
    this.#options.groups.open(group, this.#catalog().state.topic(name)?.id ?? null, end);
  }
}
