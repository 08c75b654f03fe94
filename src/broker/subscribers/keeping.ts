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
import type { Appends, Barriers } from '../edge/index.ts';
import { type MachineState, type Replica, ReplicatedStateMachine } from '../replica/index.ts';
import { subscriberGroups } from '../well-known.ts';
import type { Call } from './passed-on.ts';

/** What is known of topics here. */
interface TopicDirectory {
  topic(name: string): KnownTopic | undefined;
  topics(): Iterable<KnownTopic>;
  version(): number;
  whenKnown(done: (isCurrent: boolean) => void): void;
}

export interface KeepingOptions {
  readonly core: Core;
  readonly appends: Appends;
  readonly barriers: Barriers;
  readonly records: RecordService;
  readonly topics: TopicDirectory;
  /** What the checkpoint of a group's log has of its subscribers. */
  readonly takeState: (group: GroupId) => MachineState | null;
  /** The log begins here, and nothing has what was before: this broker takes no part in it. */
  readonly lost: (group: GroupId, logStartOffset: number) => void;
}

const confirmMs = 2000;

/** One group of publishers and subscribers on a broker that has a replica of it: their state, which follows the group's log, and who answers for it. */
export class Keeping {
  readonly #core: Core;
  readonly #barriers: Barriers;
  readonly #group: GroupId;
  readonly #machine: ReplicatedStateMachine<SubscriberCommand, SubscriberOutcome>;
  readonly #coordinator: Coordinator;
  readonly #takeState: () => MachineState | null;
  readonly #lost: (logStartOffset: number) => void;
  #isBegun = false;
  /** The log begins behind what nothing is known of: others go on without this broker. */
  #isLost = false;

  constructor(group: number, { core, appends, barriers, records, topics, takeState, lost }: KeepingOptions) {
    this.#core = core;
    this.#barriers = barriers;
    this.#group = groupId(group);
    const { bytes, clock, random } = core.host;
    const { publishersMax, subscribersMax, subscriptionsMax, cursorsMax, cursorsPerGroupMax } = core.settings;
    const state = new SubscriberState();
    this.#machine = new ReplicatedStateMachine(
      {
        encode: (command) => bytes.utf8Encode(JSON.stringify(command)),
        apply: (value, at, timeMs) => {
          const command = value === null ? null : parseSubscriberCommand(bytes.utf8Decode(value));
          return command === null ? 'invalid' : state.apply(command, at, timeMs);
        },
        snapshot: () => bytes.utf8Encode(state.snapshot()),
        restore: (snapshot) => state.restore(bytes.utf8Decode(snapshot)),
      },
      {
        group: this.#group,
        called: 'a group of subscribers',
        derivedFrom: 'subscribers',
        bytes,
        observer: core.observer,
        nowMs: () => core.nowMs(),
        wallMs: () => clock.wallMs(),
        replica: () => core.replica(this.#group),
        wake: () => core.wake(),
        append: (batch, timeoutMs, answer) => {
          const common = { topic: 'a group of subscribers', level: 'quorum' as const, requestId: null, sequence: 0, expectedOffset: null };
          appends.append(this.#group, { ...common, batch, timeoutMs }, answer);
        },
      },
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
      },
      group,
      self: core.self,
      submit: (command, done) => this.#machine.submit(command, done),
      confirm: (done) => this.#confirm(done),
      topic: (name) => topics.topic(name),
      topics: () => topics.topics(),
      topicsVersion: () => topics.version(),
      whenTopicsKnown: (done) => topics.whenKnown(done),
      nonce: () => `${core.self}/${random.next()}/${random.next()}`,
    });
    this.#takeState = () => takeState(this.#group);
    this.#lost = (logStartOffset) => lost(this.#group, logStartOffset);
    const replica = core.replica(this.#group);
    if (replica !== undefined) this.advanced(replica);
  }

  advanced(replica: Replica): void {
    if (!this.#isBegun) this.#begin(replica);
    if (!this.#isLost) this.#machine.advanced(replica);
  }

  /** The log may begin where a checkpoint ends: what was before is in that. */
  #begin(replica: Replica): void {
    this.#isBegun = true;
    const state = this.#takeState();
    const isResumed = state !== null && this.#machine.resume(state);
    this.#isLost = !isResumed && replica.log.logStartOffset > 0;
    if (this.#isLost) this.#lost(replica.log.logStartOffset);
  }

  /** All records below `least` have taken effect in it; null while that is not so. */
  stateAt(least: number): MachineState | null {
    return this.#isBegun && !this.#isLost && this.#machine.applied >= least ? this.#machine.kept : null;
  }

  expire(nowMs: number): void {
    this.#machine.expire(nowMs);
  }

  /** Everything that was committed when this was called has taken effect here. */
  #confirm(done: (refusal: LogError | null) => void): void {
    const deadlineMs = this.#core.nowMs() + confirmMs;
    const refuse = (): void => done(new LogError('noLeader', 'Cannot ask for subscribers: nobody who leads their group could confirm it'));
    this.#barriers.begin(this.#group, deadlineMs, (isCurrent) => {
      if (!isCurrent) return refuse();
      this.#machine.whenApplied(deadlineMs, (isApplied) => (isApplied ? done(null) : refuse()));
    });
  }

  answer(call: Call, answer: Answer<unknown>): void {
    const told = (outcome: Outcome<unknown>): void => this.#core.later(() => answer(outcome));
    const coordinator = this.#coordinator;
    switch (call.call) {
      case 'createPublisher':
        return coordinator.create('publisher', call.request, told);
      case 'createSubscriber':
        return coordinator.create('subscriber', call.request, told);
      case 'listPublishers':
        return coordinator.listPublishers(call.request, told);
      case 'listSubscribers':
        return coordinator.listSubscribers(call.request, told);
      case 'describePublisher':
        return coordinator.describePublisher(call.request.id, told);
      case 'describeSubscriber':
        return coordinator.describeSubscriber(call.request.id, told);
      case 'deletePublisher':
        return coordinator.delete('publisher', call.request.id, told);
      case 'deleteSubscriber':
        return coordinator.delete('subscriber', call.request.id, told);
      case 'subscribe':
        return coordinator.subscribe(call.request, told);
      case 'unsubscribe':
        return coordinator.unsubscribe(call.request, told);
      case 'pull':
        return coordinator.pull(call.request, told);
      case 'ack':
        return coordinator.ack(call.request, told);
      case 'seek':
        return coordinator.seek(call.request, call.attempt, told);
    }
  }
}
