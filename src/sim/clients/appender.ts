import {
  type AppendResult,
  type EndResult,
  isAhead,
  isPassed,
  judge,
  keptBatchBytesMax,
  type Level,
  withRequestOutcome,
} from '../../eventlog/index.ts';
import type { CallOutcome } from '../cluster.ts';
import { type AppendOperation, batchOfAppend } from '../history.ts';
import { recordsAt } from '../place-name.ts';
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

/** Appends of a pipeline that are on their way at a time; once in a while as many as a leader remembers of one request id. */
const windowUsual = 3;
const windowMax = 64;
const windowMaxRate = 1 / 80;
/** Appends of the longest stream. After an interruption each may have to wait for the one before it. */
export const streamAppendsMax = 2 + 2 * windowMax;

const retryForMs = 20_000;
const usualLevels: readonly Level[] = ['quorum', 'quorum', 'quorum', 'quorum', 'leader', 'all'];

/** Appends, tries again as its kind does, and revokes. */
export class Appender extends Client {
  readonly #kind: AppenderKind;
  #requestCount = 0;
  #streamId: string;
  #streamTopic: string;
  #streamNext = 0;
  /** What waits for an append to end. */
  readonly #after = new Map<AppendOperation, () => void>();

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

  /** Several batches of one stream at a time; what fails ends the stream. The first goes alone: until its leader knows the stream, later ones are refused. */
  #pipeline(): void {
    this.#newStream();
    const { world, random } = this;
    const window = random.chance(windowMaxRate) ? windowMax : windowUsual;
    let left = 2 + random.below(2 * window);
    let underWay = 0;
    let begun = false;
    let failed = false;
    let previous: AppendOperation | null = null;
    const fill = (): void => {
      while (!failed && left > 0 && underWay < (begun ? window : 1)) {
        left--;
        underWay++;
        const fields = { topic: this.#streamTopic, requestId: this.#streamId, sequence: this.#streamNext, expectedOffset: null };
        previous = this.#begin(
          fields,
          (operation) => {
            underWay--;
            begun = true;
            if (operation.outcome !== 'ok') failed = true;
            fill();
          },
          previous,
        );
        this.#streamNext += previous.valueTo - previous.valueFrom;
        if (underWay === windowMax) world.cluster.world.coverage.reach('append.windowFull');
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
      (service, answer) => service.end({ ...recordsAt(topic), freshness: 'linearizable' }, answer),
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
    previous: AppendOperation | null = null,
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
    let untilMs = cluster.nowMs + retryForMs;
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
              ...recordsAt(fields.topic),
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
      // As a gateway tells it and the client library reads it.
      const error = call.kind === 'answer' && !call.outcome.ok ? withRequestOutcome(call.outcome.error) : null;
      if (error?.requestOutcome === 'appended') operation.saidAppended = true;
      if (fields.requestId !== null && error !== null && isPassed(error, fields.sequence + operation.valueTo - operation.valueFrom)) {
        finish('ok', null);
        return;
      }
      const code = error?.code ?? call.kind;
      const isRepeatable = fields.requestId !== null;
      const judged = error === null ? null : judge(error, { isUncertain: uncertain, isRepeatable });
      const isDefinite = call.kind === 'refused' ? !uncertain : judged?.proves === 'notAppended';
      if (call.kind !== 'refused') uncertain = judged?.isUncertain ?? true;
      const fail = (): void => finish(isDefinite ? 'definite' : 'indefinite', code);
      if (isAhead(error) && previous?.outcome === 'open') {
        // It overtook its predecessor, and comes again after that.
        this.#after.set(previous, () => {
          untilMs = cluster.nowMs + retryForMs;
          if (previous.outcome === 'ok') attempt();
          else fail();
        });
        return;
      }
      const isWorthIt = judged === null || judged.again !== 'no' || (isAhead(error) && previous !== null);
      const mayRetry = isRepeatable && this.#kind !== 'revoker' && isWorthIt && cluster.nowMs < untilMs;
      if (mayRetry) this.later(random.float() * (world.settings.retryMsMax ?? 100), attempt);
      else fail();
    };
    const finish = (outcome: 'ok' | 'definite' | 'indefinite', code: string | null): void => {
      operation.outcome = outcome;
      operation.code = code;
      operation.completed = world.history.tick();
      operation.completedMs = cluster.nowMs;
      world.appendsInFlight--;
      this.#note(operation);
      const next = this.#after.get(operation);
      this.#after.delete(operation);
      next?.();
      done(operation);
    };
    attempt();
    return operation;
  }

  #note(operation: AppendOperation): void {
    const { world } = this;
    const coverage = world.cluster.world.coverage;
    if (operation.outcome === 'ok' && operation.result !== null) {
      world.acknowledged(operation.topic, operation.result);
      if (operation.result.committed) {
        const end = operation.result.offset + operation.result.count;
        if ((world.tokens.get(operation.topic) ?? 0) < end) world.tokens.set(operation.topic, end);
      }
      if (operation.result.duplicate) coverage.reach('append.deduplicated');
      if (operation.fillBytes * (operation.valueTo - operation.valueFrom) > keptBatchBytesMax) coverage.reach('append.large');
    } else {
      coverage.reach(`append.${operation.outcome}.${operation.code ?? 'none'}`);
      if (operation.code === 'unknownProducer' && operation.attempts > 1 && operation.sequence === 0) coverage.reach('append.forgotten');
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
        (service, answer) => service.revoke(recordsAt(topic), requestId, answer),
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
