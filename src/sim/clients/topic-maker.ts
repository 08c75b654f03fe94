import { groupId } from '../../base/branded.ts';
import type { TopicDescription } from '../../eventlog/index.ts';
import { Client } from './client.ts';

/** Topics that come and go have names of their own, never used again. */
const passingTopicsMax = 2;

/** Makes topics for the others to use for a while, and deletes them again. */
export class TopicMaker extends Client {
  #count = 0;

  protected override act(): void {
    const { passingTopics } = this.world;
    const oldest = passingTopics[0];
    if (oldest !== undefined && (passingTopics.length === passingTopicsMax || this.random.chance(0.3))) this.#delete(oldest);
    else this.#create();
  }

  #create(): void {
    const { world } = this;
    const name = `passing-${this.number}-${++this.#count}`;
    world.cluster.call<TopicDescription>(
      this.number,
      this.anyBroker(),
      5000,
      (service, answer) => service.createTopic(name, { retentionBytes: null }, answer),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          world.cluster.world.coverage.reach('topic.created');
          world.groups.set(name, groupId(call.outcome.value.group));
          world.passingTopics.push(name);
        } else if (call.kind === 'answer' && !call.outcome.ok && call.outcome.error.code === 'tooManyTopics') {
          world.cluster.world.coverage.reach('topic.tooMany');
        }
        this.#rest();
      },
    );
  }

  #delete(name: string): void {
    const { world } = this;
    world.passingTopics.splice(world.passingTopics.indexOf(name), 1);
    world.history.deletedTopics.add(name);
    const group = world.groups.get(name);
    if (group !== undefined) world.cluster.watch.retire(group);
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
