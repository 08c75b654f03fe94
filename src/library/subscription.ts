/// <reference lib="esnext.disposable" preserve="true" />
import { type Client, isMoved, patiently, Pulls } from '../client/index.ts';
import {
  type CancelSignal,
  clientIdBytesMax,
  LogError,
  type Nacked,
  sessionMsMax,
  sessionMsMin,
  type PulledPart,
  type PullProblem,
  type StartAt,
} from '../eventlog/index.ts';
import { type Check, type Checks, checked, offset, oneOf, refuse, shown, signal, time, toMs, whole } from './arguments.ts';
import { type LogRecord, recordsOfPart } from './log-record.ts';

export interface SubscribeOptions {
  /** Where a topic begins that it was not subscribed to: `start` (default), `end`, or an offset. A cursor that there is stays where it is. */
  readonly from?: number | 'start' | 'end' | undefined;
  /** In place of `from`: with what was appended at or after this time. */
  readonly since?: Date | number | undefined;
  /** Records that are pulled at once at most; default 1000. */
  readonly max?: number | undefined;
  /** How the topics are read. */
  readonly freshness?: 'linearizable' | 'local' | undefined;
  /** Told of a topic that cannot be read, and the others go on; left out, what does not pass by itself ends the subscription. */
  readonly onProblem?: ((problem: PullProblem) => void) | undefined;
  /** Told of each record whose processing has failed. What it throws ends the subscription. */
  readonly onFailure?: ((failed: FailedRecord) => void) | undefined;
  /** Nothing else of a partition comes until the record that has failed is processed or parked; default false: the others go on. */
  readonly ordered?: boolean | undefined;
  /** The name of one of several that share the subscriber: it is given the partitions that it holds. Left out, all of them, and it is the only one. */
  readonly worker?: string | undefined;
  /** A worker is taken for dead when a record takes longer; default 30 s. */
  readonly sessionMs?: number | undefined;
  /** Ends it as `close` does. */
  readonly signal?: AbortSignal | undefined;
}

/** A record whose processing has failed, and what becomes of it. */
export interface FailedRecord {
  readonly record: LogRecord;
  /** What the handler has thrown. */
  readonly error: unknown;
  /** How often it has failed. */
  readonly tries: number;
  /** When it comes again; null: it has failed too often, and is parked. */
  readonly againAt: Date | null;
}

/**
 * Its promise is waited for, then the next record comes. Where it throws, the record comes again later, with the number of its failures, and is parked at last.
 */
export type Handler = (record: LogRecord, tries: number) => unknown;

const idRule = `text of 1 to ${clientIdBytesMax} bytes without control characters`;

function isId(id: unknown): id is string {
  const isText = typeof id === 'string' && id !== '' && id !== '.' && id !== '..' && id.isWellFormed();
  return isText && !/\p{Cc}/u.test(id) && Buffer.byteLength(id) <= clientIdBytesMax;
}

const from: Check = { is: (value) => offset.is(value) || value === 'start' || value === 'end', must: 'an offset, "start" or "end"' };
const flag: Check = { is: (value) => typeof value === 'boolean', must: 'true or false' };
const callback: Check = { is: (value) => typeof value === 'function', must: 'a function' };
const subscribeChecks: Checks<SubscribeOptions> = {
  from,
  since: time,
  max: whole(1, 10_000),
  freshness: oneOf('linearizable', 'local'),
  onProblem: callback,
  onFailure: callback,
  ordered: flag,
  worker: { is: isId, must: idRule },
  sessionMs: whole(sessionMsMin, sessionMsMax),
  signal,
};

export interface Subscribing {
  readonly subscriber: string;
  readonly topics: readonly string[];
  readonly handler: Handler;
  readonly options: SubscribeOptions;
}

const topicOrPattern = /^[A-Za-z0-9._*-]{1,249}$/;
const topicsMax = 1000;

export function checkedSubscribing(
  subscriber: unknown,
  topics: unknown,
  handler: unknown,
  options: SubscribeOptions | undefined,
): Subscribing {
  if (!isId(subscriber)) throw refuse('subscribe', `the subscriber is ${shown(subscriber)}, it must be ${idRule}`);
  const doing = `subscribe ${shown(subscriber)}`;
  const named: readonly unknown[] = Array.isArray(topics) ? topics : [topics];
  if (named.length === 0 || named.length > topicsMax) throw refuse(doing, `${named.length} topics are named, it must be 1 to ${topicsMax}`);
  for (const topic of named)
    if (typeof topic !== 'string' || !topicOrPattern.test(topic))
      throw refuse(doing, `${shown(topic)} is neither a topic nor a pattern such as "orders.*"`);
  if (typeof handler !== 'function') throw refuse(doing, `the handler is ${shown(handler)}, it must be a function`);
  const given = checked(options, subscribeChecks, doing);
  if (given.sessionMs !== undefined && given.worker === undefined) throw refuse(doing, 'sessionMs is of a worker, and none is named');
  if (given.from !== undefined && given.since !== undefined) throw refuse(doing, 'from and since exclude each other');
  return { subscriber, topics: named as readonly string[], handler: handler as Handler, options: given };
}

const followWaitMs = 5_000;
/** While a handler takes long with what was pulled, what it has done is acknowledged so often. */
const ackEveryMs = 1_000;

/** Records of a subscriber, handed to a function one after another and acknowledged behind it. */
export class Subscription implements AsyncDisposable {
  /** Fulfilled once it has ended by `close` or its signal; rejected with what ended it otherwise. An error of the handler does not. */
  readonly done: Promise<void>;
  readonly #client: Client;
  readonly #subscribing: Subscribing;
  readonly #cancel: CancelSignal & { cancelled: boolean } = { cancelled: false, onCancel: null };
  readonly #pulls: Pulls;

  /** @internal */
  constructor(client: Client, subscribing: Subscribing, onEnded: () => void) {
    this.#client = client;
    this.#subscribing = subscribing;
    const { subscriber, topics, options } = subscribing;
    const { signal: ending, worker, sessionMs, freshness = 'linearizable', onProblem } = options;
    this.#pulls = new Pulls(client, {
      subscriber,
      // Where a pattern is among them: all that it is subscribed to.
      topics: topics.some((topic) => topic.includes('*')) ? null : topics,
      freshness,
      // Who wants to hear of topics that cannot be read hears of them, however quiet the others are.
      partial: onProblem !== undefined,
      worker,
      sessionMs,
      cancel: this.#cancel,
    });
    ending?.addEventListener('abort', this.#stop, { once: true });
    if (ending?.aborted === true) this.#stop();
    this.done = this.#run().finally(() => {
      ending?.removeEventListener('abort', this.#stop);
      onEnded();
    });
  }

  /** Takes nothing more, waits for the handler, and acknowledges what it has processed. Fails as `done` does. */
  async close(): Promise<void> {
    this.#stop();
    await this.done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #stop = (): void => {
    this.#cancel.cancelled = true;
    this.#cancel.onCancel?.();
  };

  async #run(): Promise<void> {
    const { max: recordsMax = 1000 } = this.#subscribing.options;
    try {
      await this.#subscribe();
      while (!this.#cancel.cancelled) {
        const result = await patiently(this.#client, () => this.#pulls.next({ recordsMax, waitMs: followWaitMs }));
        if (result === null) continue;
        for (const part of result.parts) if (!(await this.#process(part))) break;
        for (const problem of result.problems) this.#tell(problem);
      }
      await this.#pulls.acknowledge();
    } finally {
      await this.#pulls.leave();
    }
  }

  async #subscribe(): Promise<void> {
    const { subscriber, topics, options } = this.#subscribing;
    const { subscriptions } = this.#client;
    if (this.#cancel.cancelled) return;
    await subscriptions.createSubscriber({ id: subscriber, requestId: null });
    for (const topic of topics) await subscriptions.subscribe({ subscriber, topic, start: startOf(options) });
    if (!this.#cancel.cancelled) await this.#pulls.join();
  }

  /** False where what else was pulled is not to be processed. */
  async #process(part: PulledPart): Promise<boolean> {
    const { generation, offsetTo, tries } = part;
    for (const record of recordsOfPart(part)) {
      if (this.#cancel.cancelled) return false;
      let failure: { readonly error: unknown } | null = null;
      try {
        await this.#subscribing.handler(record, tries ?? 0);
      } catch (error) {
        failure = { error };
      }
      if (failure === null) this.#pulls.processed(part, record.offset + 1);
      else if (!(await this.#failed(record, failure.error, generation, tries ?? 0))) return tries !== undefined;
      if ((await this.#unlessAway(this.#pulls.keepAlive())) === false) return false;
      const isTime = performance.now() - this.#pulls.acknowledgedMs > ackEveryMs;
      if (isTime && (await this.#unlessAway(this.#pulls.acknowledge())) === false) return false;
    }
    // A record that has failed again is not processed.
    if (tries === undefined) this.#pulls.processed(part, offsetTo);
    return true;
  }

  /**
   * Says that a record has failed, and with that that all below it is processed. False where nothing behind it is to be processed: its partition waits for it,
   * or it could not be said, and comes again as if nothing had been.
   */
  async #failed(record: LogRecord, error: unknown, generation: number, tries: number): Promise<boolean> {
    const { subscriber, options } = this.#subscribing;
    const { ordered = false, onFailure } = options;
    const { topic, partition, offset: at } = record;
    const failed = { topic, partition, offset: at, generation, tries, reason: reasonOf(error) };
    let nacked: Nacked | null = null;
    try {
      nacked = await this.#unlessAway(this.#client.subscriptions.nack({ subscriber, records: [failed], ordered }));
    } catch (refusal) {
      if (!isMoved(refusal)) throw refusal;
    }
    const [said] = nacked?.records ?? [];
    if (said === undefined) return false;
    if (tries === 0) this.#pulls.passed(topic, partition);
    onFailure?.({ record, error, tries: said.tries, againAt: said.dueMs === null ? null : new Date(said.dueMs) });
    return !ordered || tries > 0 || said.state === 'done';
  }

  /** Null where no broker answers for now: the next one will hear of it. */
  async #unlessAway<Value>(call: Promise<Value>): Promise<Value | null> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof LogError && error.retriable && error.code !== 'interrupted') return null;
      throw error;
    }
  }

  #tell(problem: PullProblem): void {
    // Another worker holds it now, and it comes again there; or it waits until some that have failed are done.
    if (problem.code === 'staleGeneration' || problem.code === 'tooManyRetries') return;
    const { onProblem } = this.#subscribing.options;
    if (onProblem !== undefined) {
      onProblem(problem);
      return;
    }
    const error = new LogError(problem.code, problem.message, problem.details);
    if (!error.retriable) throw error;
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));

function startOf({ from: begin = 'start', since }: SubscribeOptions): StartAt {
  if (since !== undefined) return { at: 'time', ms: toMs(since) };
  if (typeof begin === 'number') return { at: 'offset', offset: begin };
  return { at: begin === 'end' ? 'end' : 'beginning' };
}
