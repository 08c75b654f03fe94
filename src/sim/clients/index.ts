/**
 * Clients that append, read and search at random brokers, as seeded state machines over callbacks. What they did and saw goes into the history.
 *
 * All of a run share a `ClientWorld`; each is a `Client` of its own random numbers, one file for each kind.
 */
import { Appender, type AppenderKind } from './appender.ts';
import { Divider } from './divider.ts';
import { Reader, type ReaderKind } from './reader.ts';
import { Searcher } from './searcher.ts';
import { Subscriber, type SubscriberKind } from './subscriber.ts';
import { TopicMaker } from './topic-maker.ts';
import type { ClientWorld } from './world.ts';

export { streamAppendsMax } from './appender.ts';
export { type ClientSettings, ClientWorld } from './world.ts';

export function addAppender(world: ClientWorld, kind: AppenderKind): void {
  new Appender(world, world.nextNumber(), kind).begin();
}

/** Where no topic has several partitions there is nothing for it to do. */
export function addDivider(world: ClientWorld): void {
  if (world.history.dividedTopics.length > 0) new Divider(world, world.nextNumber()).begin();
}

export function addReader(world: ClientWorld, kind: ReaderKind): void {
  new Reader(world, world.nextNumber(), kind).begin();
}

export function addSearcher(world: ClientWorld): void {
  new Searcher(world, world.nextNumber()).begin();
}

export function addSubscriber(world: ClientWorld, kind: SubscriberKind): Subscriber {
  const subscriber = new Subscriber(world, world.nextNumber(), kind);
  subscriber.begin();
  return subscriber;
}

export function addTopicMaker(world: ClientWorld): void {
  new TopicMaker(world, world.nextNumber()).begin();
}
