import type { TopicChanges, TopicDescription } from '../../eventlog/index.ts';
import { placesOf } from '../place-name.ts';
import { Client } from './client.ts';

/** Topics that come and go have names of their own, never used again. */
const passingTopicsMax = 2;
/** Each so many of those with several partitions gets more, and another size. */
const grownEvery = 2;
const grownBytes = [null, 16 * 1024] as const;

type Grown = Required<Pick<TopicChanges, 'partitions' | 'retentionBytes'>>;

/** Makes topics for the others to use for a while, alters some of them, and deletes them again. */
export class TopicMaker extends Client {
  #count = 0;
  /** Oldest first. */
  readonly #names: string[] = [];
  /** What is asked until it is said that it is so: nobody tells whether it was done where an answer was lost. */
  #altering: { readonly name: string; readonly changes: Grown } | null = null;

  protected override act(): void {
    if (this.#altering !== null) return this.#alter(this.#altering);
    const [oldest] = this.#names;
    if (oldest !== undefined && (this.#names.length === passingTopicsMax || this.random.chance(0.3))) this.#delete(oldest);
    else this.#create();
  }

  #create(): void {
    const { world } = this;
    const name = `passing-${this.number}-${++this.#count}`;
    const most = world.settings.passingPartitionsMax ?? 1;
    const drawn = most === 1 ? 1 : 1 + this.random.below(most);
    const grows = most > 1 && this.#count % grownEvery === 1;
    const partitions = grows ? Math.max(2, drawn) : drawn;
    world.cluster.call<TopicDescription>(
      this.number,
      this.anyBroker(),
      5000,
      (service, answer) => service.createTopic(name, { retentionBytes: null, ...(partitions === 1 ? {} : { partitions }) }, answer),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          world.cluster.world.coverage.reach('topic.created');
          world.cluster.world.coverage.reach('partition.passing', partitions);
          if (grows) {
            world.history.mayGrow(name);
            const more = 1 + this.random.below(2);
            this.#altering = { name, changes: { partitions: partitions + more, retentionBytes: this.random.pick(grownBytes) } };
          }
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

  #alter({ name, changes }: { readonly name: string; readonly changes: Grown }): void {
    const { world } = this;
    world.cluster.call<TopicDescription>(
      this.number,
      this.anyBroker(),
      5000,
      (service, answer) => service.alterTopic(name, changes, answer),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          this.#altering = null;
          const before = world.history.partitionsOf(name);
          world.made(call.outcome.value);
          world.passingTopics.push(...placesOf(name, changes.partitions).slice(before));
          world.cluster.world.coverage.reach('topic.altered');
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
