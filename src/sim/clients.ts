/**
 * Clients that append and read at random brokers, as seeded state machines over callbacks. What they did and saw goes into the history.
 */
import { groupId, type GroupId } from '../base/branded.ts';
import type { SeededRandom } from '../base/random.ts';
import { logGroup, logTopic } from '../broker/core.ts';
import {
  type AppendResult,
  type EndResult,
  type Freshness,
  keptBatchBytesMax,
  type Level,
  type ReadResult,
  type TopicDescription,
} from '../eventlog/index.ts';
import { StatedStaleness } from './checkers/l13-stated-staleness.ts';
import { AcknowledgedByAMajority } from './checkers/p1-acknowledged-by-a-majority.ts';
import { ChecksumOnEveryRead } from './checkers/st2-checksum-on-every-read.ts';
import { MinorityNeverAcknowledges } from './checkers/v1-minority-never-acknowledges.ts';
import type { CheckReport } from './checkers/verdict.ts';
import { simBytes } from './bytes.ts';
import type { CallOutcome, Cluster, Member } from './cluster.ts';
import { type AppendOperation, batchOfAppend, type History, recordsOf } from './history.ts';

export interface ClientSettings {
  readonly topics: readonly string[];
  /** Mean pause between two operations of one client. */
  readonly thinkMs: number;
  readonly recordsMax: number;
  readonly fillBytesMax: number;
  /** One append in forty has values of up to so many bytes: large batches go ways of their own, from the gateway to the disk. */
  readonly largeFillBytesMax?: number;
  readonly levels?: readonly Level[];
  /** Longest pause before a client tries again. */
  readonly retryMsMax?: number;
}

/** How an appending client behaves. */
export type AppenderKind =
  /** No request id, no retry: what it does not know it never learns. */
  | 'plain'
  /** A request id for each append, sent again with the same id until it is answered. */
  | 'keyed'
  /** One request id for a stream of appends, each with its sequence. */
  | 'stream'
  /** The same, with several on their way at a time. */
  | 'pipeline'
  /** Compare-and-append at the end that it read. */
  | 'compare'
  /** Revokes what was not answered in time, and now and then what was. */
  | 'revoker';

export type ReaderKind = 'end' | 'follower' | 'fromStart' | 'session';

/** Appends of a pipeline that are on their way at a time. */
const pipelineMax = 3;

const retryForMs = 20_000;
const usualLevels: readonly Level[] = ['quorum', 'quorum', 'quorum', 'quorum', 'leader', 'all'];
/** Topics that come and go have names of their own, never used again. */
const passingTopicsMax = 2;
const epochMs = 1_767_225_600_000;

/** What the clients of a run share. */
export class ClientWorld {
  readonly cluster: Cluster;
  readonly history: History;
  readonly settings: ClientSettings;
  running = true;
  appendsInFlight = 0;
  operationsInFlight = 0;
  longestGapMs = 0;
  lastAckMs = 0;
  /** The groups of the topics, as far as they are known. */
  readonly groups = new Map<string, GroupId>([[logTopic, logGroup]]);
  readonly #acknowledgedByAMajority: AcknowledgedByAMajority;
  readonly #minorityNeverAcknowledges: MinorityNeverAcknowledges;
  readonly #statedStaleness = new StatedStaleness();
  readonly #checksumOnEveryRead = new ChecksumOnEveryRead(simBytes);
  /** Topics that come and go while the clients run. */
  readonly passingTopics: string[] = [];
  /** Ends of acknowledged appends, by topic: tokens for session reads. */
  readonly tokens = new Map<string, number>();
  #count = 0;

  constructor(cluster: Cluster, history: History, settings: ClientSettings) {
    this.cluster = cluster;
    this.history = history;
    this.settings = settings;
    this.#acknowledgedByAMajority = new AcknowledgedByAMajority(cluster.watch.ledger, cluster.members.length);
    this.#minorityNeverAcknowledges = new MinorityNeverAcknowledges(cluster.watch.ledger, cluster.members.length);
  }

  reports(): CheckReport[] {
    return [this.#acknowledgedByAMajority, this.#minorityNeverAcknowledges, this.#statedStaleness, this.#checksumOnEveryRead].map(
      ({ findings }) => findings.report(),
    );
  }

  /** What was known to be committed of a topic, by anybody, at this moment. */
  committedEnd(topic: string): number {
    const group = this.groups.get(topic);
    return group === undefined ? 0 : this.cluster.watch.committedEnd(group);
  }

  /** A broker has answered a read. */
  answered(broker: number, { topic, highWatermark, lag, asOfMs, batches }: ReadResult, freshness: Freshness): void {
    this.#checksumOnEveryRead.read(topic, broker, batches);
    const group = this.groups.get(topic);
    if (
      group === undefined ||
      freshness !== 'local' ||
      this.history.deletedTopics.has(topic) ||
      this.cluster.isDamaged(this.cluster.member(broker))
    )
      return;
    const local = { topic, broker, highWatermark, lag, asOfMs };
    this.#statedStaleness.answered(local, this.cluster.watch.ledger.group(group), this.cluster.nowMs);
  }

  addAppender(kind: AppenderKind): void {
    new Appender(this, ++this.#count, kind).begin();
  }

  addTopicMaker(): void {
    new TopicMaker(this, ++this.#count).begin();
  }

  addReader(kind: ReaderKind): void {
    new Reader(this, ++this.#count, kind).begin();
  }

  acknowledged(result: AppendResult): void {
    const { nowMs } = this.cluster;
    const group = this.groups.get(result.topic);
    if (group !== undefined && !this.history.deletedTopics.has(result.topic)) {
      this.#acknowledgedByAMajority.acknowledged(group, result);
      this.#minorityNeverAcknowledges.acknowledged(group, result);
    }
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.lastAckMs);
    this.lastAckMs = nowMs;
  }
}

abstract class Client {
  readonly #world: ClientWorld;
  readonly number: number;
  readonly random: SeededRandom;

  constructor(world: ClientWorld, number: number) {
    this.#world = world;
    this.number = number;
    this.random = world.cluster.world.random.fork();
  }

  get world(): ClientWorld {
    return this.#world;
  }

  protected abstract act(): void;

  /** Scales this client's pauses. */
  protected pace = 1;

  begin(): void {
    this.later(this.random.float() * 500, () => this.#next());
  }

  /** An operation has ended: think, then go on. */
  protected ended(): void {
    this.#world.operationsInFlight--;
    // Mostly short pauses, some bursts, some long ones.
    const factor = this.random.pick([0, 0.5, 1, 1, 1, 4]) * this.pace;
    this.later(this.#world.settings.thinkMs * factor * this.random.float() * 2, () => this.#next());
  }

  #next(): void {
    if (!this.#world.running) return;
    this.#world.operationsInFlight++;
    this.act();
  }

  protected later(delayMs: number, run: () => void): void {
    this.#world.cluster.world.scheduler.schedule(delayMs, 'client', this.number, run);
  }

  protected anyBroker(): Member {
    return this.random.pick(this.#world.cluster.members);
  }

  protected anyTopic(): string {
    const { settings, passingTopics } = this.#world;
    if (passingTopics.length > 0 && this.random.chance(0.15)) return this.random.pick(passingTopics);
    return this.random.pick(settings.topics);
  }
}

class Appender extends Client {
  readonly #kind: AppenderKind;
  #requestCount = 0;
  #streamId: string;
  #streamTopic: string;
  #streamNext = 0;

  constructor(world: ClientWorld, number: number, kind: AppenderKind) {
    super(world, number);
    this.#kind = kind;
    this.#streamTopic = this.anyTopic();
    this.#streamId = this.#newRequestId();
  }

  #newRequestId(): string {
    return `client-${this.number}-${++this.#requestCount}`;
  }

  protected override act(): void {
    switch (this.#kind) {
      case 'plain':
        this.#append({ topic: this.anyTopic(), requestId: null, sequence: 0, expectedOffset: null });
        break;
      case 'keyed':
      case 'revoker':
        this.#append({ topic: this.anyTopic(), requestId: this.#newRequestId(), sequence: 0, expectedOffset: null });
        break;
      case 'stream':
        if (this.random.chance(0.05)) this.#newStream();
        this.#append({ topic: this.#streamTopic, requestId: this.#streamId, sequence: this.#streamNext, expectedOffset: null });
        break;
      case 'pipeline':
        this.#pipeline();
        break;
      case 'compare':
        this.#compare();
        break;
    }
  }

  /** Several batches of one stream at a time; what fails ends the stream. */
  #pipeline(): void {
    this.#newStream();
    const { world, random } = this;
    let left = 2 + random.below(6);
    let underWay = 0;
    let failed = false;
    const fill = (): void => {
      while (!failed && left > 0 && underWay < pipelineMax) {
        left--;
        underWay++;
        const sequence = this.#streamNext;
        const append = this.#begin({ topic: this.#streamTopic, requestId: this.#streamId, sequence, expectedOffset: null }, (operation) => {
          underWay--;
          if (operation.outcome !== 'ok') failed = true;
          fill();
        });
        this.#streamNext += append.valueTo - append.valueFrom;
      }
      if (underWay === 0) {
        if (failed) world.cluster.world.coverage.reach('append.pipelineFailed');
        this.ended();
      }
    };
    fill();
  }

  #newStream(): void {
    this.#streamId = this.#newRequestId();
    this.#streamTopic = this.anyTopic();
    this.#streamNext = 0;
  }

  #compare(): void {
    const topic = this.anyTopic();
    this.world.cluster.call<EndResult>(
      this.number,
      this.anyBroker(),
      3000,
      (service, answer) => service.end(topic, 'linearizable', answer),
      (outcome) => {
        if (outcome.kind !== 'answer' || !outcome.outcome.ok) {
          this.ended();
          return;
        }
        const requestId = this.random.chance(0.5) ? this.#newRequestId() : null;
        this.#append({ topic, requestId, sequence: 0, expectedOffset: outcome.outcome.value.offset });
      },
    );
  }

  #append(fields: {
    readonly topic: string;
    readonly requestId: string | null;
    readonly sequence: number;
    readonly expectedOffset: number | null;
  }): void {
    this.#begin(fields, (operation) => this.#finished(operation, fields.sequence));
  }

  #begin(
    fields: {
      readonly topic: string;
      readonly requestId: string | null;
      readonly sequence: number;
      readonly expectedOffset: number | null;
    },
    done: (operation: AppendOperation) => void,
  ): AppendOperation {
    const { world, random } = this;
    const level: Level = random.pick(world.settings.levels ?? usualLevels);
    const { cluster } = world;
    const { fillBytesMax, largeFillBytesMax } = world.settings;
    const isLarge = largeFillBytesMax !== undefined && random.chance(1 / 40);
    const operation = world.history.beginAppend(
      { client: this.number, level, fillBytes: random.below(isLarge ? largeFillBytesMax : fillBytesMax), ...fields },
      1 + random.below(world.settings.recordsMax),
      cluster.nowMs,
    );
    world.appendsInFlight++;
    const untilMs = cluster.nowMs + retryForMs;
    const timeoutMs = this.#kind === 'revoker' ? random.pick([10, 50, 200, 1000]) : random.pick([200, 1000, 4000]);
    /** An attempt ended without a definite answer, so a later definite failure says nothing about it. */
    let uncertain = false;
    /** How far the leader's high watermark was when it was handed a repeated append. */
    let committedAtRetry = Number.POSITIVE_INFINITY;

    const attempt = (): void => {
      operation.attempts++;
      const broker = this.anyBroker();
      cluster.call<AppendResult>(
        this.number,
        broker,
        timeoutMs + random.pick([0, 500]),
        (service, answer) => {
          const group = world.groups.get(fields.topic);
          if (group !== undefined && cluster.leaderOf(group) === broker) {
            committedAtRetry = cluster.watch.ledger.replica(broker.id, group).highWatermark;
          }
          service.append(
            {
              topic: fields.topic,
              batch: batchOfAppend(operation),
              level,
              timeoutMs,
              requestId: fields.requestId,
              sequence: fields.sequence,
              expectedOffset: fields.expectedOffset,
            },
            answer,
          );
        },
        settled,
      );
    };
    const settled = (call: CallOutcome<AppendResult>): void => {
      if (call.kind === 'answer' && call.outcome.ok) {
        const { duplicate, offset } = call.outcome.value;
        operation.result = call.outcome.value;
        if (duplicate && offset >= committedAtRetry) cluster.world.coverage.reach('append.deduplicatedBeforeCommit');
        finish('ok', null);
        return;
      }
      const error = call.kind === 'answer' && !call.outcome.ok ? call.outcome.error : null;
      const code = error?.code ?? call.kind;
      const definite = call.kind === 'refused' || error?.definite === true;
      // What overtook its predecessor is refused and comes again.
      const retriable = call.kind !== 'answer' || error?.retriable === true || (this.#kind === 'pipeline' && code === 'sequenceGap');
      if (!definite) uncertain = true;
      const mayRetry = fields.requestId !== null && this.#kind !== 'revoker' && retriable && cluster.nowMs < untilMs;
      if (mayRetry) this.later(random.float() * (world.settings.retryMsMax ?? 100), attempt);
      else finish(uncertain ? 'indefinite' : 'definite', code);
    };
    const finish = (outcome: 'ok' | 'definite' | 'indefinite', code: string | null): void => {
      operation.outcome = outcome;
      operation.code = code;
      operation.completed = world.history.tick();
      operation.completedMs = cluster.nowMs;
      world.appendsInFlight--;
      this.#note(operation);
      done(operation);
    };
    attempt();
    return operation;
  }

  #note(operation: AppendOperation): void {
    const { world } = this;
    const coverage = world.cluster.world.coverage;
    if (operation.outcome === 'ok' && operation.result !== null) {
      world.acknowledged(operation.result);
      if (operation.result.committed) {
        const end = operation.result.offset + operation.result.count;
        if ((world.tokens.get(operation.topic) ?? 0) < end) world.tokens.set(operation.topic, end);
      }
      if (operation.result.duplicate) coverage.reach('append.deduplicated');
      if (operation.fillBytes * (operation.valueTo - operation.valueFrom) > keptBatchBytesMax) coverage.reach('append.large');
    } else {
      coverage.reach(`append.${operation.outcome}.${operation.code ?? 'none'}`);
    }
  }

  #finished(operation: AppendOperation, sequence: number): void {
    if (this.#kind === 'stream') {
      if (operation.outcome === 'ok') this.#streamNext = sequence + operation.valueTo - operation.valueFrom;
      else this.#newStream();
    }
    if (this.#kind === 'revoker' && (operation.outcome === 'indefinite' || this.random.chance(0.1))) this.#revoke(operation);
    else this.ended();
  }

  #revoke(operation: AppendOperation): void {
    const { cluster } = this.world;
    const { requestId, topic } = operation;
    if (requestId === null) return;
    operation.revokeTried = true;
    const untilMs = cluster.nowMs + retryForMs;
    const attempt = (): void =>
      cluster.call<undefined>(
        this.number,
        this.anyBroker(),
        5000,
        (service, answer) => service.revoke(topic, requestId, answer),
        (call) => {
          if (call.kind === 'answer' && call.outcome.ok) {
            operation.revoked = this.world.history.tick();
            cluster.world.coverage.reach(operation.result?.committed === true ? 'append.revokedAfterCommit' : 'append.revoked');
            this.ended();
          } else if (cluster.nowMs < untilMs) {
            this.later(this.random.float() * 100, attempt);
          } else {
            this.ended();
          }
        },
      );
    attempt();
  }
}

class Reader extends Client {
  readonly #kind: ReaderKind;
  #topic: string;
  #position = 0;
  #poll = 0;

  constructor(world: ClientWorld, number: number, kind: ReaderKind) {
    super(world, number);
    this.#kind = kind;
    this.#topic = this.anyTopic();
    // Who asks a leader that does not know yet that it is none has little time to do so.
    this.pace = kind === 'end' ? 0.3 : 1;
  }

  protected override act(): void {
    if (this.#kind === 'end') this.#readEnd();
    else this.#read();
  }

  #readEnd(): void {
    const { world } = this;
    const topic = this.anyTopic();
    const broker = this.anyBroker();
    const invoked = world.history.tick();
    const committed = world.committedEnd(topic);
    world.cluster.call<EndResult>(
      this.number,
      broker,
      3000,
      (service, answer) => service.end(topic, 'linearizable', answer),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          const { offset, freshness } = call.outcome.value;
          world.cluster.watch.readIndex.answered(topic, broker.id, committed, offset);
          world.history.ends.push({
            client: this.number,
            broker: broker.id,
            topic,
            freshness,
            invoked,
            completed: world.history.tick(),
            offset,
          });
        }
        this.ended();
      },
    );
  }

  #read(): void {
    const { world, random } = this;
    if (this.#kind === 'fromStart' && random.chance(0.02)) {
      this.#go();
    }
    const topic = this.#topic;
    const broker = this.anyBroker();
    const freshness: Freshness = this.#kind === 'session' ? 'session' : random.pick(['local', 'local', 'linearizable']);
    const sessionOffset = freshness === 'session' ? (world.tokens.get(topic) ?? 0) : 0;
    // Now and then by time: wherever that leads, what follows must be whole.
    const sinceMs = random.chance(0.05) ? epochMs + random.below(Math.ceil(world.cluster.nowMs)) : null;
    const offsetFrom = sinceMs === null ? this.#position : null;
    if (sinceMs !== null) this.#poll++;
    const poll = this.#poll;
    const committed = world.committedEnd(topic);
    const waitMs = this.#kind === 'follower' ? random.pick([0, 100, 1000]) : 0;
    const invoked = world.history.tick();
    world.cluster.call<ReadResult>(
      this.number,
      broker,
      4000,
      (service, answer) =>
        service.read(
          { topic, offsetFrom, sinceMs, bytesMax: random.pick([1, 1024, 65536]), freshness, sessionOffset, waitMs },
          (outcome) => {
            if (outcome.ok) world.answered(broker.id, outcome.value, freshness);
            answer(outcome);
          },
        ),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          const { batches, offsetNext, highWatermark } = call.outcome.value;
          if (freshness === 'linearizable') world.cluster.watch.readIndex.answered(topic, broker.id, committed, highWatermark);
          world.history.reads.push({
            client: this.number,
            poll,
            broker: broker.id,
            life: broker.machine.lives,
            topic,
            freshness,
            sessionOffset,
            invoked,
            completed: world.history.tick(),
            offsetFrom: call.outcome.value.offsetFrom,
            offsetNext,
            highWatermark,
            records: recordsOf(batches, call.outcome.value.offsetFrom),
          });
          this.#position = offsetNext;
        } else if (call.kind === 'answer' && !call.outcome.ok && call.outcome.error.code === 'unknownTopic') {
          this.#go();
        }
        this.ended();
      },
    );
  }

  /** Reads elsewhere from now on, from the start. */
  #go(): void {
    this.#position = 0;
    this.#poll++;
    this.#topic = this.anyTopic();
  }
}

/** Makes topics for the others to use for a while, and deletes them again. */
class TopicMaker extends Client {
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
