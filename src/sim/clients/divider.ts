import { type AppendResult, judge, withRequestOutcome } from '../../eventlog/index.ts';
import { type Divided, DividedAppends } from '../../partitions/index.ts';
import { partitionOfKey } from '../../placement/index.ts';
import { simBytes } from '../bytes.ts';
import type { CallOutcome } from '../cluster.ts';
import { type AppendOperation, batchOfAppends } from '../history.ts';
import { placesOf } from '../place-name.ts';
import { Client } from './client.ts';

const keyCount = 40;
const retryForMs = 20_000;

/** What belongs to one partition, all or none. */
interface Share {
  readonly partition: number;
  readonly operation: AppendOperation;
  isUncertain: boolean;
  /** It needs no other attempt. One that the others need concerns it all the same, until it has succeeded. */
  isOver: boolean;
}

/** Appends records with keys to topics as a whole, through what gateways use, again and again under one request id until each partition has answered. */
export class Divider extends Client {
  #requestCount = 0;

  protected override act(): void {
    const { world, random } = this;
    const { cluster, history } = world;
    const topic = random.pick(history.dividedTopics);
    const count = history.partitionsOf(topic);
    const requestId = `divider-${this.number}-${++this.#requestCount}`;
    const level = random.pick(['quorum', 'quorum', 'all'] as const);
    const keys = new Map<number, string>();
    for (let left = 1 + random.below(4); left > 0; left--) {
      const key = `key ${random.below(keyCount)}`;
      keys.set(partitionOfKey(simBytes.utf8Encode(key), count), key);
    }
    const shares = [...keys].map(([partition, key]): Share => {
      const fields = {
        client: this.number,
        topic: placesOf(topic, count)[partition] as string,
        requestId,
        key,
        level,
        expectedOffset: null,
      };
      const operation = history.beginAppend({ ...fields, fillBytes: random.below(100) }, 1 + random.below(3), cluster.nowMs);
      return { partition, operation, isUncertain: false, isOver: false };
    });
    world.appendsInFlight++;
    const startedMs = cluster.nowMs;
    const timeoutMs = random.pick([200, 1000, 4000]);
    let attempts = 0;
    const attempt = (): void => {
      for (const { operation } of shares) operation.attempts++;
      const age = attempts++ === 0 ? {} : { firstAttemptMs: cluster.nowMs - startedMs };
      const batch = batchOfAppends(shares.map(({ operation }) => operation));
      const request = { topic, batch, level, timeoutMs, requestId, sequence: 0, expectedOffset: null, ...age };
      cluster.call<Divided>(
        this.number,
        this.anyBroker(),
        timeoutMs + 3000,
        (service, answer) => {
          const appends = new DividedAppends({
            log: service,
            bytes: simBytes,
            partitionsOf: (name) => service.partitionsOf(name),
            whenPartitionsKnown: (name, forMs, told) => service.whenPartitionsKnown(name, forMs, told),
          });
          appends.append(request, (value) => answer({ ok: true, value }));
        },
        (call) => {
          for (const share of shares) this.#settle(share, call, shares.length);
          const mayRetry = shares.some(({ isOver }) => !isOver) && cluster.nowMs < startedMs + retryForMs;
          if (mayRetry) return this.later(random.float() * 100, attempt);
          for (const { operation, isUncertain } of shares) {
            if (operation.outcome === 'open') this.#end(operation, isUncertain ? 'indefinite' : 'definite');
          }
          world.appendsInFlight--;
          if (shares.length > 1 && shares.every(({ operation }) => operation.outcome === 'ok'))
            cluster.world.coverage.reach('append.divided');
          if (attempts > 1 && shares.length > 1) cluster.world.coverage.reach('append.dividedAgain');
          this.ended();
        },
      );
    };
    attempt();
  }

  #settle(share: Share, call: CallOutcome<Divided>, shareCount: number): void {
    const { operation } = share;
    if (operation.outcome !== 'open') return;
    if (call.kind !== 'answer') {
      if (call.kind !== 'refused') share.isUncertain = true;
      return;
    }
    if (!call.outcome.ok) return;
    const divided = call.outcome.value;
    // Of several, all fail together only before anything is tried.
    const outcome =
      divided.kind === 'several'
        ? divided.parts.find(({ partition }) => partition === share.partition)?.outcome
        : divided.outcome.ok && shareCount > 1
          ? undefined
          : divided.outcome;
    if (outcome === undefined) {
      // Whatever became of it, what is read in the end says so.
      share.isUncertain = true;
      share.isOver = true;
      return;
    }
    if (outcome.ok) {
      operation.result = outcome.value;
      this.#end(operation, 'ok');
      share.isOver = true;
      this.#acknowledged(operation, outcome.value);
      return;
    }
    const error = withRequestOutcome(outcome.error);
    if (error.requestOutcome === 'appended') operation.saidAppended = true;
    operation.code = error.code;
    const judged = judge(error, { isUncertain: share.isUncertain, isRepeatable: true });
    share.isUncertain = judged.isUncertain;
    share.isOver = judged.again === 'no';
  }

  #acknowledged({ topic }: AppendOperation, result: AppendResult): void {
    const { world } = this;
    world.acknowledged(topic, result);
    const end = result.offset + result.count;
    if (result.committed && (world.tokens.get(topic) ?? 0) < end) world.tokens.set(topic, end);
  }

  #end(operation: AppendOperation, outcome: 'ok' | 'definite' | 'indefinite'): void {
    operation.outcome = outcome;
    operation.completed = this.world.history.tick();
    operation.completedMs = this.world.cluster.nowMs;
  }
}
