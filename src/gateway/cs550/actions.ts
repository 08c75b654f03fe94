import { type ErrorCode, errorCatalogue } from '../../base/errors.ts';
import { LogError, type PulledPart, type ReadResult, type RecordLog, type Subscriptions, type TopicAdmin } from '../../eventlog/index.ts';
import * as answers from './answers.ts';
import { encodeMessage, type Message, writeMessages } from './messages.ts';
import { clientIdOf, topicNameOf } from './names.ts';
import type { Peers } from './peers.ts';
import type { WireRequest } from './request.ts';
import type { WireSettings } from './settings.ts';

/** The requests that are about topics, publishers and subscribers; the others are about nodes. */
export type TopicRequest = Exclude<WireRequest, { readonly action: 'stopNode' | 'startNode' }>;

/** Whole, or in parts: lists of messages may be of any length. */
export type Reply = string | AsyncGenerator<string>;

export interface ActionsOptions {
  readonly log: RecordLog & TopicAdmin;
  readonly subscriptions: Pick<Subscriptions, 'createPublisher' | 'createSubscriber' | 'subscribe' | 'pull'>;
  readonly peers: Peers;
  readonly settings: WireSettings;
  /** The wall clock, for records. */
  readonly wallMs: () => number;
  /** One that goes on while a test's stands still would never end a wait: this one never goes back. */
  readonly monotonicMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly newRequestId: () => string;
}

/** Of one pull at the port; an answer is made of as many as it takes. */
const recordsMax = 10_000;
const askAgainMs = 50;

/** What is over soon: the next attempt may find a leader. */
const passing: ReadonlySet<ErrorCode> = new Set(['noLeader', 'notLeader', 'notCurrent', 'starting', 'notAppendedInTime']);
/** What may have happened: only asked again where that is safe. */
const unsure: ReadonlySet<ErrorCode> = new Set(['timeout', 'leadershipLost', 'connectionLost']);

/** What the old wire's requests do, over the port. Any peer does it: a broker passes on what is another's. A failure that the wire has no answer for rejects with a `LogError`. */
export class Actions {
  readonly #options: ActionsOptions;
  #turn = 0;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  async perform(request: TopicRequest): Promise<Reply> {
    switch (request.action) {
      case 'createPublisher':
        return await this.#createPublisher(request.publisher);
      case 'createSubscriber':
        return await this.#createSubscriber(request.subscriber);
      case 'createTopic':
        return await this.#createTopic(request.topic);
      case 'deleteTopic':
        return await this.#deleteTopic(request.topic);
      case 'publish':
        return await orNotFound(request.topic, () => this.#publish(request));
      case 'subscribe':
        return await this.#subscribe(request.subscriber, request.topic);
      case 'pull':
        return await orNotFound(request.topic, () => this.#pull(request.subscriber, request.topic));
      case 'pullLast':
        return await orNotFound(request.topic, () => this.#pullLast(request.topic));
    }
  }

  async #createPublisher(publisher: string): Promise<string> {
    const { subscriptions, newRequestId } = this.#options;
    const request = { id: clientIdOf(publisher), requestId: newRequestId() };
    const { created } = await this.#withinElection(() => subscriptions.createPublisher(request));
    return created ? answers.publisherCreated(publisher) : answers.publisherExists(publisher);
  }

  async #createSubscriber(subscriber: string): Promise<string> {
    const { subscriptions, newRequestId } = this.#options;
    const request = { id: clientIdOf(subscriber), requestId: newRequestId() };
    const { created } = await this.#withinElection(() => subscriptions.createSubscriber(request));
    return created ? answers.subscriberCreated(subscriber) : answers.subscriberExists(subscriber);
  }

  /** On home and neighbours, by the text as it came. Where a home is down it is made all the same, and the home fetches it when it is back. */
  async #createTopic(topic: string): Promise<string> {
    const { log, peers } = this.#options;
    const name = topicNameOf(topic);
    const original = name === topic ? {} : { originalName: topic };
    const settings = { retentionBytes: null, replicas: peers.replicas, placement: 'hypercube', ...original } as const;
    const isNew = await this.#changed('topicExists', () => log.createTopic(name, settings));
    return isNew ? answers.topicCreated(peers.homeOf(topic)) : answers.topicExists(topic);
  }

  async #deleteTopic(topic: string): Promise<string> {
    const { log, peers } = this.#options;
    const isDeleted = await this.#changed('unknownTopic', () => log.deleteTopic(topicNameOf(topic)));
    return isDeleted ? answers.topicDeleted(peers.homeOf(topic)) : answers.topicNotFound(topic);
  }

  /** Whether a change was made. One that finds it made already, behind an attempt whose end nobody knows, counts that as its own. */
  async #changed(already: ErrorCode, change: () => Promise<unknown>): Promise<boolean> {
    let mayBeDone = false;
    return await this.#withinElection(async () => {
      try {
        await change();
        return true;
      } catch (error) {
        if (codeOf(error) === already) return mayBeDone;
        mayBeDone ||= error instanceof LogError && !errorCatalogue[error.code].definite;
        throw error;
      }
    });
  }

  /** A broker tries an append again by itself, under one request id. Of a topic of several partitions each takes its turn. */
  async #publish({ topic, content }: TopicRequest & { readonly action: 'publish' }): Promise<string> {
    const { log, peers, settings, wallMs } = this.#options;
    const batch = encodeMessage(content, wallMs());
    const common = { topic: topicNameOf(topic), batch, level: 'quorum', timeoutMs: settings.electionWaitMs } as const;
    const append = { ...common, requestId: null, sequence: 0, expectedOffset: null };
    await this.#withinElection(async () => {
      try {
        await log.append(append);
      } catch (error) {
        const partitions = partitionsIn(error);
        if (partitions === null) throw error;
        await log.append({ ...append, partition: this.#turn++ % partitions.length });
      }
    }, false);
    return answers.published(topic, peers.homeOf(topic));
  }

  async #subscribe(subscriber: string, topic: string): Promise<string> {
    const { subscriptions } = this.#options;
    const request = { subscriber: clientIdOf(subscriber), topic: topicNameOf(topic), start: { at: 'beginning' } } as const;
    try {
      await this.#withinElection(() => subscriptions.subscribe(request));
      return answers.subscribed(subscriber, topic);
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'unknownSubscriber' && code !== 'unknownTopic') throw error;
      return answers.notSubscribed(subscriber, topic);
    }
  }

  async #pull(subscriber: string, topic: string): Promise<Reply> {
    try {
      // One that may have been given is given to nobody again, as this wire has it: the client is told, and not shown what comes behind.
      const first = await this.#withinElection(() => this.#pullNew(subscriber, topic), false);
      return this.#newMessages(subscriber, topic, first);
    } catch (error) {
      // Never subscribed, or to another topic that had the name; where there is no topic, the reading says so.
      const code = codeOf(error);
      if (code !== 'unknownSubscriber' && code !== 'notSubscribed' && code !== 'unknownTopic') throw error;
      return await this.#pullAll(topic);
    }
  }

  async #pullNew(subscriber: string, topic: string): Promise<Pulled> {
    const { subscriptions, settings } = this.#options;
    const { parts } = await subscriptions.pull({
      subscriber: clientIdOf(subscriber),
      topics: [topicNameOf(topic)],
      mode: 'atMostOnce',
      number: null,
      acknowledge: [],
      recordsMax,
      bytesMax: settings.answerPartBytes,
      waitMs: 0,
      freshness: 'linearizable',
    });
    const messages = parts.flatMap((part) => writeMessages(part, part.offsetTo).map(({ json }) => json));
    const bytes = parts.reduce((sum, { batches }) => sum + batches.reduce((inPart, { length }) => inPart + length, 0), 0);
    return { messages, parts, isFull: messages.length >= recordsMax || bytes >= settings.answerPartBytes };
  }

  /** All that was there when the pull began. What has failed, or finds no reader, has not been pulled: the next pull gives it. */
  async *#newMessages(subscriber: string, topic: string, first: Pulled): AsyncGenerator<string> {
    const ends = new Map<number, number>();
    const isMore = ({ parts, isFull }: Pulled): boolean => {
      for (const { partition, highWatermark } of parts) if (!ends.has(partition)) ends.set(partition, highWatermark);
      return parts.some(({ partition, offsetTo }) => offsetTo < (ends.get(partition) ?? 0)) || (isFull && ends.size > 1);
    };
    let text = `[${first.messages.join(', ')}`;
    let isEmpty = first.messages.length === 0;
    for (let pulled = first; isMore(pulled); ) {
      yield text;
      text = '';
      try {
        pulled = await this.#pullNew(subscriber, topic);
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        break;
      }
      text = joined(pulled.messages, isEmpty);
      isEmpty &&= pulled.messages.length === 0;
    }
    yield `${text}]`;
  }

  async #pullAll(topic: string): Promise<Reply> {
    const [partitions, first] = await this.#withPartitions(async (all) => [all, await this.#read(topic, null, all[0])] as const);
    return this.#allMessages(topic, partitions, first);
  }

  /** Partition by partition, from the first that is kept to the end that there was; a failure on the way leaves the answer without its end. */
  async *#allMessages(topic: string, partitions: Partitions, first: ReadResult): AsyncGenerator<string> {
    let text = '[';
    let isEmpty = true;
    for (const [index, partition] of partitions.entries()) {
      const begun = index === 0 ? first : await this.#withinElection(() => this.#read(topic, null, partition));
      for (let result = begun; ; ) {
        const messages = writeMessages(result, begun.highWatermark).map(({ json }) => json);
        text += joined(messages, isEmpty);
        isEmpty &&= messages.length === 0;
        const { offsetNext } = result;
        if (offsetNext >= begun.highWatermark) break;
        yield text;
        text = '';
        result = await this.#withinElection(() => this.#read(topic, offsetNext, partition, begun.group));
      }
    }
    yield `${text}]`;
  }

  /** Of several partitions that which was written last, by log time. */
  async #pullLast(topic: string): Promise<string> {
    const found = await this.#withPartitions((all) => Promise.all(all.map((partition) => this.#lastOf(topic, partition))));
    const last = found.reduce(
      (latest, one) => (one !== null && (latest === null || one.timestampMs > latest.timestampMs) ? one : latest),
      null,
    );
    return answers.lastMessage(this.#options.peers.homeOf(topic), last?.json ?? 'null');
  }

  /** Looks back from the end, further each time: behind the last message there may be batches that are no messages. */
  async #lastOf(topic: string, partition: number | undefined): Promise<Message | null> {
    const { log } = this.#options;
    const { offset: end } = await log.end({ topic: topicNameOf(topic), freshness: 'linearizable', ...only(partition) });
    for (let back = 1; ; back *= 16) {
      let last: Message | null = null;
      const offsetFrom = end - back;
      for (let at: number | null = offsetFrom <= 0 ? null : offsetFrom; at === null || at < end; ) {
        const result: ReadResult = await this.#readFrom(topic, at, partition);
        last = writeMessages(result, end).at(-1) ?? last;
        at = result.offsetNext;
      }
      if (last !== null || offsetFrom <= 0) return last;
    }
  }

  /** Reads a topic whose partitions need not be named where it has one: it says how many there are where it has more. */
  async #withPartitions<Value>(read: (partitions: Partitions) => Promise<Value>): Promise<Value> {
    return await this.#withinElection(async () => {
      try {
        return await read([undefined]);
      } catch (error) {
        const partitions = partitionsIn(error);
        if (partitions === null) throw error;
        return await read(partitions);
      }
    });
  }

  /** From the first that is kept where retention has removed what is asked for. */
  async #readFrom(topic: string, offset: number | null, partition: number | undefined): Promise<ReadResult> {
    try {
      return await this.#read(topic, offset, partition);
    } catch (error) {
      if (codeOf(error) !== 'offsetOutOfRange' || offset === null) throw error;
      return await this.#read(topic, null, partition);
    }
  }

  /** @param offset null: the first that is kept */
  async #read(topic: string, offset: number | null, partition: number | undefined, group?: number): Promise<ReadResult> {
    const { log, settings } = this.#options;
    return await log.read({
      topic: topicNameOf(topic),
      offsetFrom: offset,
      sinceMs: offset === null ? 0 : null,
      bytesMax: settings.answerPartBytes,
      freshness: 'linearizable',
      sessionOffset: 0,
      waitMs: 0,
      ...only(partition),
      ...(group === undefined ? {} : { group }),
    });
  }

  /** Tries again while nobody leads what it is about; where it may be done twice, or goes under one request id, also what may have happened. */
  async #withinElection<Value>(call: () => Promise<Value>, isRepeatable = true): Promise<Value> {
    const { monotonicMs, pause, settings } = this.#options;
    const untilMs = monotonicMs() + settings.electionWaitMs;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const code = codeOf(error);
        const isOver = code === null || !(passing.has(code) || (isRepeatable && unsure.has(code)));
        if (isOver || monotonicMs() + askAgainMs > untilMs) throw error;
      }
      await pause(askAgainMs);
    }
  }
}

interface Pulled {
  readonly messages: readonly string[];
  readonly parts: readonly PulledPart[];
  /** There may be more: it has as much as was asked for. */
  readonly isFull: boolean;
}

/** By their numbers; one that is alone has none. */
type Partitions = readonly (number | undefined)[];

const only = (partition: number | undefined): { readonly partition?: number } => (partition === undefined ? {} : { partition });

/** Those of a topic that has several, where that is what an error says. */
function partitionsIn(error: unknown): readonly number[] | null {
  if (!(error instanceof LogError) || error.code !== 'partitionNeeded') return null;
  return Array.from({ length: Number(error.details['partitions']) }, (_, partition) => partition);
}

/** What is added to a list. */
const joined = (messages: readonly string[], isEmpty: boolean): string =>
  messages.length === 0 ? '' : `${isEmpty ? '' : ', '}${messages.join(', ')}`;

async function orNotFound(topic: string, run: () => Promise<Reply>): Promise<Reply> {
  try {
    return await run();
  } catch (error) {
    if (codeOf(error) !== 'unknownTopic') throw error;
    return answers.topicNotFound(topic);
  }
}

const codeOf = (error: unknown): ErrorCode | null => (error instanceof LogError ? error.code : null);
