import { runTask } from '../base/task.ts';
import type {
  Acked,
  AckRequest,
  Answer,
  Created,
  CreateRequest,
  HeartbeatRequest,
  IdQuery,
  LeaveRequest,
  Nacked,
  NackRequest,
  ParkedChange,
  ParkedChanged,
  ParkedPage,
  ParkedQuery,
  ParkedRecord,
  ParkedRequest,
  PublisherDescription,
  PublisherPage,
  PullRequest,
  PullResult,
  Seeked,
  SeekRequest,
  Subscribed,
  SubscriberDescription,
  SubscriberPage,
  SubscribeRequest,
  UnsubscribeRequest,
  WorkerState,
} from '../eventlog/index.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { Clients, type Kind } from './clients.ts';
import { describeSubscriber } from './descriptions.ts';
import { furthestBehind, type NamedPartition } from './furthest-behind.ts';
import { type CoordinatorContext, Group } from './group.ts';
import { Membership } from './membership.ts';
import { nack } from './nacks.ts';
import { Parking } from './parking.ts';
import { Pulls } from './pulls.ts';
import { Redelivery } from './redelivery.ts';
import { seek } from './seeks.ts';
import type { FurthestBehind } from './state.ts';
import { Subscriptions } from './subscriptions.ts';
import { heartbeat, leave } from './workers.ts';

/**
 * What is asked of one group's publishers and subscribers, where it is led: the group coordinator of Kafka's protocol. It makes commands from the state as it is,
 * and each says what it was made from, so one that others came before changes nothing and is made anew.
 *
 * `attempt` is the same where it is the same request, tried again: what it has done it does not do again.
 */
export class Coordinator {
  readonly #group: Group;
  readonly #clients: Clients;
  readonly #subscriptions: Subscriptions;
  readonly #acknowledgements: Acknowledgements;
  readonly #membership: Membership;
  readonly #pulls: Pulls;
  readonly #parking: Parking;

  constructor(context: CoordinatorContext) {
    const group = new Group(context);
    this.#group = group;
    this.#clients = new Clients(group);
    this.#subscriptions = new Subscriptions(group);
    this.#acknowledgements = new Acknowledgements(group);
    this.#membership = new Membership({
      clock: context.clock,
      submit: (command, done) => context.submit(command, done),
      subscriber: (id) => group.subscriber(id),
      term: () => context.term(),
    });
    const redelivery = new Redelivery(group);
    this.#parking = new Parking(group, redelivery);
    this.#pulls = new Pulls({
      redelivery,
      parking: this.#parking,
      group,
      subscriptions: this.#subscriptions,
      acknowledgements: this.#acknowledgements,
      membership: this.#membership,
    });
  }

  create(kind: Kind, request: CreateRequest, attempt: string, answer: Answer<Created>): void {
    this.#clients.create(kind, request, attempt, answer);
  }

  delete(kind: Kind, id: string, attempt: string, answer: Answer<undefined>): void {
    this.#clients.delete(kind, id, attempt, answer);
  }

  describePublisher(id: string, answer: Answer<PublisherDescription>): void {
    this.#clients.describePublisher(id, answer);
  }

  listPublishers(query: IdQuery, answer: Answer<PublisherPage>): void {
    this.#clients.listPublishers(query, answer);
  }

  listSubscribers(query: IdQuery, answer: Answer<SubscriberPage>): void {
    this.#clients.listSubscribers(query, answer);
  }

  describeSubscriber(id: string, answer: Answer<SubscriberDescription>): void {
    runTask(() => describeSubscriber(this.#group, id), answer);
  }

  /** Of each of these, who has acknowledged least of it; in their order. */
  furthestBehind(partitions: readonly NamedPartition[], answer: Answer<readonly (FurthestBehind | null)[]>): void {
    runTask(() => furthestBehind(this.#group, partitions), answer);
  }

  subscribe(request: SubscribeRequest, attempt: string, answer: Answer<Subscribed>): void {
    runTask(() => this.#subscriptions.subscribe(request, attempt), answer);
  }

  unsubscribe(request: UnsubscribeRequest, attempt: string, answer: Answer<undefined>): void {
    this.#subscriptions.unsubscribe(request, attempt, answer);
  }

  pull(request: PullRequest, answer: Answer<PullResult>): void {
    this.#pulls.pull(request, answer);
  }

  ack(request: AckRequest, answer: Answer<Acked>): void {
    runTask(() => this.#acknowledgements.ack(request), answer);
  }

  nack(request: NackRequest, attempt: string, answer: Answer<Nacked>): void {
    runTask(
      () => nack(this.#group, this.#acknowledgements, request, attempt),
      (outcome) => {
        this.#parking.work();
        answer(outcome);
      },
    );
  }

  listParked(query: ParkedQuery, answer: Answer<ParkedPage>): void {
    runTask(() => this.#parking.list(query), answer);
  }

  showParked(request: ParkedRequest, answer: Answer<ParkedRecord>): void {
    runTask(() => this.#parking.show(request), answer);
  }

  changeParked(request: ParkedChange, attempt: string, answer: Answer<ParkedChanged>): void {
    runTask(() => this.#parking.change(request, attempt), answer);
  }

  /** Now and then, where the group is led: what whoever led it before has left. */
  tick(): void {
    this.#parking.work();
  }

  seek(request: SeekRequest, attempt: string, answer: Answer<Seeked>): void {
    runTask(() => seek(this.#group, this.#subscriptions, request, attempt), answer);
  }

  heartbeat(request: HeartbeatRequest, answer: Answer<WorkerState>): void {
    runTask(() => heartbeat(this.#group, this.#membership, request), answer);
  }

  leave(request: LeaveRequest, attempt: string, answer: Answer<undefined>): void {
    runTask(() => leave(this.#group, this.#membership, request, attempt), answer);
  }
}
