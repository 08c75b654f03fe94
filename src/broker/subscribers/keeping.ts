import { type GroupId, groupId } from '../../base/branded.ts';
import { type Answer, LogError, type Outcome, type RecordService } from '../../eventlog/index.ts';
import {
  Coordinator,
  type KnownTopic,
  parseSubscriberCommand,
  type SubscriberCommand,
  type SubscriberOutcome,
  SubscriberState,
} from '../../subscribers/index.ts';
import type { Core } from '../core.ts';
import type { Appends } from '../edge/index.ts';
import { KeptMachine, type KeptMachineOptions } from '../kept-machine.ts';
import type { MachineState, Replica } from '../replica/index.ts';
import { parkedTopic, subscriberGroups } from '../well-known.ts';
import type { Call } from './passed-on.ts';

/** What is known of topics here. */
interface TopicDirectory {
  topic(name: string): KnownTopic | undefined;
  topics(): Iterable<KnownTopic>;
  version(): number;
  whenKnown(done: (isCurrent: boolean) => void): void;
}

/** The topic of parked records: each group that keeps subscribers has a partition of it, of its own number. */
interface ParkedTopic {
  /** Of its partitions; none before it was made. */
  groups(): readonly number[];
  /** Makes it, where there is none yet. */
  make(answer: Answer<undefined>): void;
}

export interface KeepingOptions extends KeptMachineOptions {
  readonly records: RecordService;
  readonly topics: TopicDirectory;
  readonly parkedTopic: ParkedTopic;
  /** By a command that has taken effect here. */
  readonly publisherDeleted: (id: string) => void;
}

const parkMs = 5000;

/** One group of publishers and subscribers on a broker that has a replica of it: their state, which follows the group's log, and who answers for it. */
export class Keeping {
  readonly #core: Core;
  readonly #machine: KeptMachine<SubscriberCommand, SubscriberOutcome>;
  readonly #coordinator: Coordinator;
  readonly #group: GroupId;
  /** Among the groups that keep subscribers. */
  readonly #number: number;
  readonly #appends: Appends;
  readonly #records: RecordService;
  readonly #parkedTopic: ParkedTopic;

  /** @param number the group's, among those that keep subscribers */
  constructor(group: GroupId, number: number, { records, topics, parkedTopic: parked, publisherDeleted, ...options }: KeepingOptions) {
    const { core, appends } = options;
    this.#core = core;
    this.#group = group;
    this.#number = number;
    this.#appends = appends;
    this.#records = records;
    this.#parkedTopic = parked;
    const { bytes, clock, random } = core.host;
    const { publishersMax, subscribersMax, subscriptionsMax, cursorsMax, cursorsPerGroupMax } = core.settings;
    const { retriesMax, retriesPerGroupMax, parkedMax, parkedPerGroupMax, retryWaitMs, retryWaitMsMax, triesMax } = core.settings;
    const state = new SubscriberState();
    this.#machine = new KeptMachine(
      group,
      {
        encode: (command) => bytes.utf8Encode(JSON.stringify(command)),
        apply: (value, at, timeMs) => {
          const command = value === null ? null : parseSubscriberCommand(bytes.utf8Decode(value));
          if (command?.type === 'deletePublisher') publisherDeleted(command.id);
          return command === null ? 'invalid' : state.apply(command, at, timeMs);
        },
        snapshot: () => bytes.utf8Encode(state.snapshot()),
        restore: (snapshot) => state.restore(bytes.utf8Decode(snapshot)),
      },
      { called: 'a group of subscribers', what: 'subscribers', derivedFrom: 'subscribers' },
      options,
    );
    this.#coordinator = new Coordinator({
      state,
      clock,
      log: records,
      limits: {
        publishers: Math.ceil(publishersMax / subscriberGroups),
        subscribers: Math.ceil(subscribersMax / subscriberGroups),
        subscriptions: subscriptionsMax,
        cursors: cursorsMax,
        groupCursors: cursorsPerGroupMax,
        retries: retriesMax,
        groupRetries: retriesPerGroupMax,
        parked: parkedMax,
        groupParked: parkedPerGroupMax,
        groupMetadata: core.settings.metadataPerGroupBytesMax,
      },
      bytes,
      retrying: { waitMs: retryWaitMs, waitMsMax: retryWaitMsMax, triesMax },
      parkedLog: {
        place: { topic: parkedTopic, partition: number },
        append: (batch, requestId, done) => this.#park(batch, requestId, done),
        read: (offset, done) => this.#readParked(offset, done),
      },
      group,
      self: core.self,
      submit: (command, done) => this.#machine.submit(command, done),
      confirm: (done) => this.#machine.confirm(done),
      topic: (name) => topics.topic(name),
      topics: () => topics.topics(),
      topicsVersion: () => topics.version(),
      whenTopicsKnown: (done) => topics.whenKnown(done),
      term: () => core.replica(group)?.raft.term ?? -1,
      nonce: () => `${core.self}/${random.next()}/${random.next()}`,
    });
    const replica = core.replica(group);
    if (replica !== undefined) this.advanced(replica);
  }

  advanced(replica: Replica): void {
    this.#machine.advanced(replica);
  }

  /** All records below `least` have taken effect in it; null while that is not so. */
  stateAt(least: number): MachineState | null {
    return this.#machine.stateAt(least);
  }

  expire(nowMs: number): void {
    this.#machine.expire(nowMs);
    const leader = this.#core.replica(this.#group)?.raft.leader ?? null;
    if (leader === this.#core.self && this.#machine.isCurrent) this.#coordinator.tick();
  }

  #park(batch: Uint8Array, requestId: string, done: Answer<number>): void {
    const group = this.#parkedTopic.groups()[this.#number];
    if (group === undefined) {
      this.#parkedTopic.make((outcome) => {
        if (outcome.ok && this.#parkedTopic.groups().length > 0) this.#park(batch, requestId, done);
        else done(outcome.ok ? notAppended('it is not known here yet') : outcome);
      });
      return;
    }
    const common = { topic: parkedTopic, partition: this.#number, level: 'quorum' as const, sequence: 0, expectedOffset: null };
    this.#appends.append(groupId(group), { ...common, batch, requestId, timeoutMs: parkMs }, (outcome) =>
      done(outcome.ok ? { ok: true, value: outcome.value.offset } : outcome),
    );
  }

  #readParked(offset: number, done: Answer<readonly Uint8Array[]>): void {
    const of = { topic: parkedTopic, partition: this.#number, offsetFrom: offset, sinceMs: null };
    const how = { bytesMax: 1, freshness: 'linearizable' as const, sessionOffset: 0, waitMs: 0 };
    this.#records.read({ ...of, ...how }, (outcome) => done(outcome.ok ? { ok: true, value: outcome.value.batches } : outcome));
  }

  answer(call: Call, answer: Answer<unknown>): void {
    const told = (outcome: Outcome<unknown>): void => this.#core.later(() => answer(outcome));
    const coordinator = this.#coordinator;
    switch (call.call) {
      case 'createPublisher':
        return coordinator.create('publisher', call.request, call.attempt, told);
      case 'createSubscriber':
        return coordinator.create('subscriber', call.request, call.attempt, told);
      case 'listPublishers':
        return coordinator.listPublishers(call.request, told);
      case 'listSubscribers':
        return coordinator.listSubscribers(call.request, told);
      case 'describePublisher':
        return coordinator.describePublisher(call.request.id, told);
      case 'describeSubscriber':
        return coordinator.describeSubscriber(call.request.id, told);
      case 'deletePublisher':
        return coordinator.delete('publisher', call.request.id, call.attempt, told);
      case 'deleteSubscriber':
        return coordinator.delete('subscriber', call.request.id, call.attempt, told);
      case 'subscribe':
        return coordinator.subscribe(call.request, call.attempt, told);
      case 'unsubscribe':
        return coordinator.unsubscribe(call.request, call.attempt, told);
      case 'pull':
        return coordinator.pull(call.request, told);
      case 'ack':
        return coordinator.ack(call.request, told);
      case 'nack':
        return coordinator.nack(call.request, call.attempt, told);
      case 'listParked':
        return coordinator.listParked(call.request, told);
      case 'showParked':
        return coordinator.showParked(call.request, told);
      case 'changeParked':
        return coordinator.changeParked(call.request, call.attempt, told);
      case 'seek':
        return coordinator.seek(call.request, call.attempt, told);
      case 'furthestBehind':
        return coordinator.furthestBehind(call.request.partitions, told);
      case 'heartbeat':
        return coordinator.heartbeat(call.request, told);
      case 'leave':
        return coordinator.leave(call.request, call.attempt, told);
    }
  }
}

const notAppended = (reason: string): Outcome<never> => ({
  ok: false,
  error: new LogError('noLeader', `Cannot append to topic "${parkedTopic}": ${reason}`),
});
