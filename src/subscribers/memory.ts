import {
  type AckRequest,
  type Acked,
  type Answer,
  type AppendResult,
  type Created,
  type CreateRequest,
  type HeartbeatRequest,
  type IdQuery,
  type LeaveRequest,
  type LogService,
  type Nacked,
  type NackRequest,
  type ParkedChange,
  type ParkedChanged,
  type ParkedPage,
  type ParkedQuery,
  type ParkedRecord,
  type ParkedRequest,
  type PublisherDescription,
  type PublisherPage,
  type PublishRequest,
  type PullRequest,
  type PullResult,
  type Seeked,
  type SeekRequest,
  type Subscribed,
  type SubscriberDescription,
  type SubscriberPage,
  type SubscribeRequest,
  type SubscriptionService,
  topicPageMax,
  type TopicDescription,
  type UnsubscribeRequest,
  type WorkerState,
} from '../eventlog/index.ts';
import { offset, term } from '../base/branded.ts';
import type { Bytes, Clock } from '../host/index.ts';
import { setPlacement } from '../record/index.ts';
import { Coordinator } from './coordinator.ts';
import { Publishing, refusing } from './front.ts';
import type { ParkedLog, RetrySchedule, SubscriberLimits } from './group.ts';
import { SubscriberState } from './state.ts';
import type { KnownTopic } from './topic-reads.ts';

const defaultSubscriberLimits: SubscriberLimits = {
  publishers: 12_500,
  subscribers: 12_500,
  subscriptions: 100,
  cursors: 10_000,
  groupCursors: 200_000,
  retries: 1000,
  groupRetries: 50_000,
  parked: 10_000,
  groupParked: 50_000,
  groupMetadata: 16 * 1024 * 1024,
};

const defaultSchedule: RetrySchedule = { waitMs: 1000, waitMsMax: 300_000, triesMax: 8 };

export interface MemorySubscriptionsOptions {
  /** What keeps the records, the memory twin of a broker mostly. */
  readonly log: LogService;
  readonly clock: Clock;
  readonly bytes: Bytes;
  readonly limits?: Partial<SubscriberLimits>;
  readonly retrying?: Partial<RetrySchedule>;
}

/**
 * The in-memory twin of a broker's subscriptions, over a log of any kind: the same state and the same coordinator, with commands that take effect at once. It
 * passes the same conformance suite (`test/conformance/subscriptions.ts`).
 */
export function memorySubscriptions(options: MemorySubscriptionsOptions): SubscriptionService {
  return refusing(new MemorySubscriptions(options), options.clock);
}

/** What is parked, in the order in which it came. */
function memoryParkedLog(clock: Clock): ParkedLog {
  const batches: Uint8Array[] = [];
  const ids = new Map<string, number>();
  return {
    place: null,
    append: (batch, requestId, done) => {
      const id = ids.get(requestId) ?? batches.length;
      if (!ids.has(requestId)) {
        ids.set(requestId, id);
        setPlacement(batch, offset(id), term(0));
        batches.push(batch);
      }
      clock.defer(() => done({ ok: true, value: id }));
    },
    read: (id, done) => clock.defer(() => done({ ok: true, value: batches.slice(id, id + 1) })),
  };
}

class MemorySubscriptions implements SubscriptionService {
  readonly #clock: Clock;
  readonly #coordinator: Coordinator;
  readonly #publishing: Publishing;
  readonly #log: LogService;
  readonly #topics = new Map<string, KnownTopic>();
  #at = 0;
  #calls = 0;

  constructor({ log, clock, bytes, limits = {}, retrying = {} }: MemorySubscriptionsOptions) {
    this.#clock = clock;
    this.#log = log;
    const state = new SubscriberState();
    this.#coordinator = new Coordinator({
      state,
      clock,
      log,
      bytes,
      limits: { ...defaultSubscriberLimits, ...limits },
      retrying: { ...defaultSchedule, ...retrying },
      parkedLog: memoryParkedLog(clock),
      group: 0,
      self: 1,
      submit: (command, done) => {
        const value = state.apply(command, ++this.#at, Math.floor(clock.wallMs()));
        clock.defer(() => done({ ok: true, value }));
      },
      // No catalog tells of topics as they change: they are looked at with each call.
      confirm: (done) => this.#lookUp('', [], () => done(null)),
      topic: (name) => this.#topics.get(name),
      topics: () => this.#topics.values(),
      topicsVersion: () => ++this.#calls,
      whenTopicsKnown: (done) => this.#lookUp('', [], () => done(true)),
      term: () => 1,
      nonce: () => this.#attempt(),
    });
    this.#publishing = new Publishing({
      clock,
      describe: (id, answer) => this.describePublisher(id, answer),
      append: (request, answer) => log.append(request, answer),
    });
  }

  #lookUp(after: string, found: readonly TopicDescription[], done: () => void): void {
    this.#log.listTopics({ prefix: '', after, limit: topicPageMax }, (outcome) => {
      const all = outcome.ok ? [...found, ...outcome.value.topics] : found;
      if (outcome.ok && outcome.value.next !== null) return this.#lookUp(outcome.value.next, all, done);
      this.#topics.clear();
      for (const { name, group, partitions, settings } of all) {
        const groups = partitions?.map((partition) => partition.group) ?? [group];
        this.#topics.set(name, { name, id: group, groups, isKeptUntilRead: settings.retentionUntilRead ?? false });
      }
      done();
    });
  }

  #attempt(requestId?: string): string {
    return requestId === undefined ? `call ${++this.#calls}` : `request ${requestId}`;
  }

  #later<Value>(answer: Answer<Value>): Answer<Value> {
    return (outcome) => this.#clock.defer(() => answer(outcome));
  }

  createPublisher(request: CreateRequest, answer: Answer<Created>): void {
    this.#coordinator.create('publisher', request, this.#attempt(), this.#later(answer));
  }

  listPublishers(query: IdQuery, answer: Answer<PublisherPage>): void {
    this.#coordinator.listPublishers(query, this.#later(answer));
  }

  describePublisher(id: string, answer: Answer<PublisherDescription>): void {
    this.#coordinator.describePublisher(id, this.#later(answer));
  }

  deletePublisher(id: string, answer: Answer<undefined>, requestId?: string): void {
    this.#publishing.forget(id);
    this.#coordinator.delete('publisher', id, this.#attempt(requestId), this.#later(answer));
  }

  publish(request: PublishRequest, answer: Answer<AppendResult>): void {
    this.#publishing.publish(request, answer);
  }

  createSubscriber(request: CreateRequest, answer: Answer<Created>): void {
    this.#coordinator.create('subscriber', request, this.#attempt(), this.#later(answer));
  }

  listSubscribers(query: IdQuery, answer: Answer<SubscriberPage>): void {
    this.#coordinator.listSubscribers(query, this.#later(answer));
  }

  describeSubscriber(id: string, answer: Answer<SubscriberDescription>): void {
    this.#coordinator.describeSubscriber(id, this.#later(answer));
  }

  deleteSubscriber(id: string, answer: Answer<undefined>, requestId?: string): void {
    this.#coordinator.delete('subscriber', id, this.#attempt(requestId), this.#later(answer));
  }

  subscribe(request: SubscribeRequest, answer: Answer<Subscribed>): void {
    this.#coordinator.subscribe(request, this.#attempt(request.requestId), this.#later(answer));
  }

  unsubscribe(request: UnsubscribeRequest, answer: Answer<undefined>): void {
    this.#coordinator.unsubscribe(request, this.#attempt(request.requestId), this.#later(answer));
  }

  pull(request: PullRequest, answer: Answer<PullResult>): void {
    this.#coordinator.pull(request, this.#later(answer));
  }

  ack(request: AckRequest, answer: Answer<Acked>): void {
    this.#coordinator.ack(request, this.#later(answer));
  }

  nack(request: NackRequest, answer: Answer<Nacked>): void {
    this.#coordinator.nack(request, this.#attempt(request.requestId), this.#later(answer));
  }

  listParked(query: ParkedQuery, answer: Answer<ParkedPage>): void {
    this.#coordinator.listParked(query, this.#later(answer));
  }

  showParked(request: ParkedRequest, answer: Answer<ParkedRecord>): void {
    this.#coordinator.showParked(request, this.#later(answer));
  }

  changeParked(request: ParkedChange, answer: Answer<ParkedChanged>): void {
    this.#coordinator.changeParked(request, this.#attempt(request.requestId), this.#later(answer));
  }

  seek(request: SeekRequest, answer: Answer<Seeked>): void {
    this.#coordinator.seek(request, this.#attempt(request.requestId), this.#later(answer));
  }

  heartbeat(request: HeartbeatRequest, answer: Answer<WorkerState>): void {
    this.#coordinator.heartbeat(request, this.#later(answer));
  }

  leave(request: LeaveRequest, answer: Answer<undefined>): void {
    this.#coordinator.leave(request, this.#attempt(request.requestId), this.#later(answer));
  }
}
