/**
 * Clients that append, read and search at random brokers, as seeded state machines over callbacks. What they did and saw goes into the history.
 *
 * All of a run share a `ClientWorld`; each is a `Client` of its own random numbers, one file for each kind.
 */
import { Appender, type AppenderKind } from './appender.ts';
import { Divider } from './divider.ts';
import { Failing } from './failing.ts';
import { LaterClient } from './later.ts';
import { Reader, type ReaderKind } from './reader.ts';
import { Searcher } from './searcher.ts';
import { Subscriber, type SubscriberKind } from './subscriber.ts';
import { TopicMaker } from './topic-maker.ts';
import { Shared, Worker } from './worker.ts';
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

/** Several that share a subscriber of these partitions, one of them without a name; the first goes on alone in the end. */
export function addWorkers(world: ClientWorld, names: readonly string[]): Worker {
  const shared = new Shared('shared', names);
  const [first] = (['byHand', 'numbered', 'numbered', 'byHand'] as const).map((kind, index) => {
    const worker = new Worker(world, world.nextNumber(), shared, kind, index < 3);
    worker.begin();
    return worker;
  });
  return first as Worker;
}

export function addLaterClient(world: ClientWorld): LaterClient {
  const client = new LaterClient(world, world.nextNumber());
  client.begin();
  return client;
}

/** Subscribers some of whose records fail: by number, by hand, and one that several workers share, of which the first goes on alone in the end. */
export function addFailing(world: ClientWorld, names: readonly string[]): readonly Failing[] {
  const begin = (id: string, kind: SubscriberKind, worker: string | null): Failing => {
    const failing = new Failing(world, world.nextNumber(), { id, names, kind, worker });
    failing.begin();
    return failing;
  };
  const alone = (['numbered', 'byHand'] as const).map((kind) => begin(`failing ${kind}`, kind, null));
  const [first] = ['one', 'two', 'three'].map((worker) => begin('failing shared', 'byHand', worker));
  return [...alone, first as Failing];
}

export function addTopicMaker(world: ClientWorld): void {
  new TopicMaker(world, world.nextNumber()).begin();
}
