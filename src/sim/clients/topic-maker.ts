import type { TopicDescription } from '../../eventlog/index.ts';
import { placesOf } from '../place-name.ts';
import { Client } from './client.ts';

/** Topics that come and go have names of their own, never used again. */
const passingTopicsMax = 2;

/** Makes topics for the others to use for a while, and deletes them again. */
export class TopicMaker extends Client {
  #count = 0;
  /** Oldest first. */
  readonly #names: string[] = [];

  protected override act(): void {
    const [oldest] = this.#names;
    if (oldest !== undefined && (this.#names.length === passingTopicsMax || this.random.chance(0.3))) this.#delete(oldest);
    else this.#create();
  }

  #create(): void {
    const { world } = this;
    const name = `passing-${this.number}-${++this.#count}`;
    const most = world.settings.passingPartitionsMax ?? 1;
    const partitions = most === 1 ? 1 : 1 + this.random.below(most);
    world.cluster.call<TopicDescription>(
      this.number,
      this.anyBroker(),
      5000,
      (service, answer) => service.createTopic(name, { retentionBytes: null, ...(partitions === 1 ? {} : { partitions }) }, answer),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          world.cluster.world.coverage.reach('topic.created');
          world.cluster.world.coverage.reach('partition.passing', partitions);
          world.made(call.outcome.value);
          world.passingTopics.push(...placesOf(name, partitions));
          this.#names.push(name);
        } else if (call.kind === 'answer' && !call.outcome.ok && call.outcome.error.code === 'tooManyTopics') {
          world.cluster.world.coverage.reach('topic.tooMany');
        }
        this.#rest();
      },
    );
  }

  #delete(name: string): void {
    const { world } = this;
    this.#names.splice(this.#names.indexOf(name), 1);
    for (const place of placesOf(name, world.history.partitionsOf(name))) {
      world.passingTopics.splice(world.passingTopics.indexOf(place), 1);
      world.history.deletedTopics.add(place);
      const group = world.groups.get(place);
      if (group !== undefined) world.cluster.watch.retire(group);
    }
    world.history.isGone(name);
    world.cluster.call<undefined>(
      this.number,
      this.anyBroker(),
      5000,
      (service, answer) => service.deleteTopic(name, answer),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) world.cluster.world.coverage.reach('topic.deleted');
        this.#rest();
      },
    );
  }

  /** A topic is to be used before the next thing happens to it. */
  #rest(): void {
    this.pace = 20 + this.random.below(60);
    this.ended();
  }
}
