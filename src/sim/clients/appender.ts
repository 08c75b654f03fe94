import type { AppendResult, EndResult, Level } from '../../eventlog/index.ts';
import { keptBatchBytesMax } from '../../eventlog/index.ts';
import type { CallOutcome } from '../cluster.ts';
import { type AppendOperation, batchOfAppend } from '../history.ts';
import { Client } from './client.ts';
import type { ClientWorld } from './world.ts';

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

/** Appends of a pipeline that are on their way at a time. */
const pipelineMax = 3;

const retryForMs = 20_000;
const usualLevels: readonly Level[] = ['quorum', 'quorum', 'quorum', 'quorum', 'leader', 'all'];

/** Appends, tries again as its kind does, and revokes. */
export class Appender extends Client {
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
              ...(operation.attempts > 1 ? { firstAttemptMs: cluster.nowMs - operation.invokedMs } : {}),
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
