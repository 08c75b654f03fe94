/// <reference lib="esnext.disposable" preserve="true" />
import { escapeControls } from '../base/escape.ts';
import { type BrokerList, Client, parseServer } from '../client/index.ts';
import {
  type AppendResult,
  type BrokerStatus,
  historySpanMs,
  type KnownHistory,
  type Level,
  LogError,
  requestIdBytesMax,
  type ScheduledPage,
  scheduledPageMax,
  type ScheduledRecords,
} from '../eventlog/index.ts';
import {
  type Check,
  type Checks,
  checked,
  offset,
  oneOf,
  orNull,
  partition,
  refuse,
  shown,
  signal,
  timeoutMs,
  topicOf,
  whole,
} from './arguments.ts';
import { type Appendable, batchOfRecords } from './batch-of-records.ts';
import type { FoundRecord } from './found-record.ts';
import { checkedGrep, type GrepOptions } from './grep-options.ts';
import { Producer, producerChecks, type ProducerOptions } from './producer.ts';
import { checkedFollow, checkedRead, follow, type FollowOptions, read, type ReadOptions } from './reading.ts';
import { Records } from './records.ts';
import { checkedSubscribing, type Handler, type SubscribeOptions, Subscription } from './subscription.ts';
import { type CallOptions, Topics } from './topics.ts';

export interface CairnClientOptions {
  /** Brokers to begin with: URLs, or host:port. The others are learnt from them. */
  readonly servers: readonly string[];
  /** Bearer token, where the brokers want one. */
  readonly token?: string | null | undefined;
  /** Certificates to trust, as PEM text, in place of the machine's. */
  readonly ca?: string | null | undefined;
  /** How long a call may take that brings no time of its own; default 10 s. */
  readonly timeoutMs?: number | undefined;
}

export interface AppendOptions extends CallOptions {
  /** What the acknowledgement waits for: the leader, a majority (default), or all brokers that keep the topic. */
  readonly level?: Level | undefined;
  /** This partition; left out, that of the key, and records without one go round. */
  readonly partition?: number | undefined;
  /** Makes the append safe to repeat: called again with the same id it appends nothing twice, and says where it is. Left out, the client makes one up. */
  readonly requestId?: string | undefined;
  /** Append only if the end is exactly this, else `offsetMismatch`. */
  readonly expectedOffset?: number | undefined;
  /** How long it is tried, whichever brokers die meanwhile. */
  readonly timeoutMs?: number | undefined;
}

export interface AppendLaterOptions extends AppendOptions {
  /** Append them later: not before this time by the log's clock, at most 30 days ahead. A `Date`, or milliseconds since 1970. */
  readonly deliverAt: Date | number;
}

type AnyAppendOptions = AppendOptions & { readonly deliverAt?: Date | number | undefined };

export interface HistoryOptions extends CallOptions {
  /** How far back, in ms, at most 15 minutes: the usual. */
  readonly withinMs?: number | undefined;
}

export interface ScheduledOptions extends CallOptions {
  /** Only what is for this topic. */
  readonly topic?: string | undefined;
}

/** What is known of records that are appended later: an offset they get then. */
export type ScheduledResult = Omit<AppendResult, 'offset' | 'term' | 'timestampMs' | 'scheduled' | 'parts'> & {
  readonly scheduled: true;
  /** For `cancelScheduled`. */
  readonly id: string;
  readonly deliverAtMs: number;
  /** Of records that fell into several partitions: each of them, of which this is the first. */
  readonly parts?: readonly ScheduledResult[];
};

const serversMax = 1000;
const token: Check = { is: (value) => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value), must: 'visible ASCII without spaces' };
const pem: Check = { is: (value) => typeof value === 'string', must: 'PEM text' };
const servers: Check = {
  is: (value) => Array.isArray(value) && value.length > 0 && value.length <= serversMax && value.every((each) => typeof each === 'string'),
  must: `an array of URLs, of 1 to ${serversMax}`,
};
const clientChecks: Checks<CairnClientOptions> = { servers, token: orNull(token), ca: orNull(pem), timeoutMs };
const moment: Check = {
  is: (value) => Number.isSafeInteger(value instanceof Date ? value.getTime() : value) && Number(value) >= 0,
  must: 'a Date, or milliseconds since 1970',
};
/** It travels as a header of HTTP, whose ends are trimmed. */
const requestId: Check = {
  is: (value) =>
    typeof value === 'string' &&
    value.isWellFormed() &&
    value === value.trim() &&
    value !== '' &&
    value === escapeControls(value, { keepTabs: false }) &&
    Buffer.byteLength(value) <= requestIdBytesMax,
  must: `text of 1 to ${requestIdBytesMax} bytes without control characters, and no space at its ends`,
};
const appendChecks: Checks<AnyAppendOptions> = {
  level: oneOf('leader', 'quorum', 'all'),
  partition,
  requestId,
  expectedOffset: offset,
  timeoutMs,
  deliverAt: moment,
  signal,
};
const callChecks: Checks<CallOptions> = { signal };
const historyChecks: Checks<HistoryOptions> = { signal, withinMs: whole(0, historySpanMs) };
const scheduledChecks: Checks<ScheduledOptions> = {
  signal,
  topic: { is: (value) => typeof value === 'string', must: 'the name of a topic' },
};

/**
 * Records in, records out: the log for programs. It asks whichever broker answers, tries again what may be tried again, and says of what failed whether it is
 * definite (`LogError`). Safe to share; close it in the end, or declare it with `await using`.
 */
export class CairnClient implements AsyncDisposable {
  /** The same log in record batches, for programs that want their bytes. */
  readonly batches: Client;
  readonly topics: Topics;
  readonly #timeoutMs: number;
  readonly #credentials: { readonly token: string | null; readonly ca: string | null };
  readonly #closing = new AbortController();
  /** What is to end before the connections do. */
  readonly #open = new Set<Producer | Subscription>();

  /** @param batches where there is one already; it is closed with this (the command line) */
  constructor(options: CairnClientOptions, batches?: Client) {
    const doing = 'connect';
    if ((options as CairnClientOptions | undefined)?.servers === undefined) throw refuse(doing, 'no server is named');
    const { servers: named, token: bearer = null, ca = null, timeoutMs: usualMs = 10_000 } = checked(options, clientChecks, doing);
    this.#timeoutMs = usualMs;
    this.batches = batches ?? new Client({ servers: named.map(serverOf), token: bearer, ca, timeoutMs: usualMs });
    this.#credentials = { token: bearer, ca };
    this.topics = new Topics(this.batches);
  }

  /** Appends a record, or the records of an array with consecutive offsets, all or none (in a topic of several partitions, those of each). */
  append(topic: string, records: Appendable | readonly Appendable[], options: AppendLaterOptions): Promise<ScheduledResult>;
  append(topic: string, records: Appendable | readonly Appendable[], options?: AppendOptions): Promise<AppendResult>;
  async append(
    topic: string,
    records: Appendable | readonly Appendable[],
    options?: AnyAppendOptions,
  ): Promise<AppendResult | ScheduledResult> {
    const name = topicOf(topic, 'append to');
    const doing = `append to topic "${name}"`;
    const given = checked(options, appendChecks, doing);
    const result = await this.#with(given.signal).append({
      topic: name,
      ...(given.partition === undefined ? {} : { partition: given.partition }),
      batch: batchOfRecords(records, doing),
      level: given.level ?? 'quorum',
      timeoutMs: given.timeoutMs ?? this.#timeoutMs,
      requestId: given.requestId ?? null,
      sequence: 0,
      expectedOffset: given.expectedOffset ?? null,
      ...(given.deliverAt === undefined ? {} : { deliverAtMs: Number(given.deliverAt) }),
    });
    return given.deliverAt === undefined ? result : scheduledOf(result);
  }

  /** What waits to be appended later, the next first, asked for page by page. */
  async *scheduled(options?: ScheduledOptions): AsyncGenerator<ScheduledRecords, void, undefined> {
    const { signal: ending, topic } = checked(options, scheduledChecks, 'list what is appended later');
    const { schedules } = this.#with(ending);
    for (let after: string | null = null, isFirst = true; isFirst || after !== null; isFirst = false) {
      const page: ScheduledPage = await schedules.listScheduled({ topic: topic ?? null, after, limit: scheduledPageMax });
      yield* page.scheduled;
      after = page.next;
    }
  }

  /** Cancels what waits to be appended later; fails with `notScheduled` where it does not wait, or no more, and with `beingDelivered`. */
  async cancelScheduled(id: string, options?: CallOptions): Promise<void> {
    const doing = `cancel ${shown(id)}`;
    if (typeof id !== 'string' || id === '') throw refuse(doing, 'its id is no text');
    await this.#with(checked(options, callChecks, doing).signal).schedules.cancelScheduled(id);
  }

  /** The records of a topic, up to the end that it has when the loop begins. */
  read(topic: string, options?: ReadOptions): Records {
    const name = topicOf(topic, 'read');
    const given = checkedRead(options, `read topic "${name}"`);
    return new Records(read(this.#with(given.signal), name, given, this.#timeoutMs), given.partition ?? null);
  }

  /** The same without an end: goes on as records come, from whichever broker answers, and misses none and repeats none. */
  follow(topic: string, options?: FollowOptions): Records {
    const name = topicOf(topic, 'follow');
    const given = checkedFollow(options, `follow topic "${name}"`);
    return new Records(follow(this.#with(given.signal), name, given), given.partition ?? null);
  }

  /** Appends many records in order, in batches of what queues up. */
  producer(topic: string, options?: ProducerOptions): Producer {
    const name = topicOf(topic, 'append to');
    const doing = `append to topic "${name}"`;
    const given = checked(options, producerChecks, doing);
    this.#refuseClosed(doing);
    const producer: Producer = new Producer(this.batches, name, given, {
      timeoutMs: this.#timeoutMs,
      onClosed: () => void this.#open.delete(producer),
    });
    this.#open.add(producer);
    return producer;
  }

  /**
   * Hands what is new to a subscriber to a function, record after record, and acknowledges behind it. The subscriber is made, and subscribed to these topics
   * or patterns, where it was not. A record for which the handler throws comes again later, and is parked where that happens too often; the others go on.
   */
  subscribe(subscriber: string, topics: string | readonly string[], handler: Handler, options?: SubscribeOptions): Subscription {
    const subscribing = checkedSubscribing(subscriber, topics, handler, options);
    this.#refuseClosed(`subscribe ${shown(subscriber)}`);
    const subscription: Subscription = new Subscription(this.batches, subscribing, () => void this.#open.delete(subscription));
    this.#open.add(subscription);
    return subscription;
  }

  /** Searches the values of a topic where they are kept, as `cairn grep` does; fails behind what it gave where that is not all. */
  async *grep(topic: string, pattern: string, options?: GrepOptions): AsyncGenerator<FoundRecord, void, undefined> {
    const name = topicOf(topic, 'search');
    const given = checkedGrep(pattern, options, `search topic "${name}"`);
    this.#refuseClosed(`search topic "${name}"`);
    const { signal: ending } = given;
    const all = ending === undefined ? this.#closing.signal : AbortSignal.any([this.#closing.signal, ending]);
    const { grep } = await import('./grep.ts');
    yield* grep(name, pattern, given, { client: this.#with(ending), ...this.#credentials, signal: all });
  }

  /** The broker in use about itself. */
  async status(options?: CallOptions): Promise<BrokerStatus> {
    return this.#with(checked(options, callChecks, 'ask for the status').signal).status();
  }

  /** Every broker of the cluster, with what it says of itself. */
  async brokers(options?: CallOptions): Promise<BrokerList> {
    return this.#with(checked(options, callChecks, 'list the brokers').signal).brokers();
  }

  /** What every broker did in the last minutes, a sample for each stretch of 5 s, oldest first. */
  async history(options?: HistoryOptions): Promise<readonly KnownHistory[]> {
    const { signal: ending, withinMs } = checked(options, historyChecks, 'ask for the history');
    return this.#with(ending).history(withinMs ?? null);
  }

  /** Lets producers and subscriptions finish what they have, ends all else with `interrupted`, and refuses from then on. Fails with what could not be finished. */
  async close(): Promise<void> {
    const ends = await Promise.allSettled([...this.#open].map((each) => each.close()));
    this.#closing.abort();
    this.batches.close();
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuseClosed(doing: string): void {
    if (this.#closing.signal.aborted) throw new LogError('clientClosed', `Cannot ${doing}: the client is closed`);
  }

  #with(ending: AbortSignal | undefined): Client {
    return ending === undefined ? this.batches : this.batches.withSignal(ending);
  }
}

function scheduledOf(result: AppendResult): ScheduledResult {
  const { scheduled, parts, offset: _offset, term: _term, timestampMs: _timestampMs, ...rest } = result;
  if (scheduled === undefined)
    throw new LogError('invalidRequest', 'Cannot append later: the broker does not know how, and has appended it at once');
  return { ...rest, scheduled: true, ...scheduled, ...(parts === undefined ? {} : { parts: parts.map(scheduledOf) }) };
}

/** What the client says of a server in the words of the command line. */
function serverOf(text: string): string {
  try {
    return parseServer(text);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    throw new LogError('invalidRequest', `Cannot connect: ${shown(text)} is no server such as http://127.0.0.1:8000`, {}, { cause: error });
  }
}
