import { type ErrorCode, errorCatalogue } from '../../base/errors.ts';
import { LogError, type ReadResult, type RecordLog, type Subscriptions, type TopicAdmin } from '../../eventlog/index.ts';
import * as answers from './answers.ts';
import { encodeMessage, writeMessages } from './messages.ts';
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

  /** A broker tries an append again by itself, under one request id. */
  async #publish({ topic, content }: TopicRequest & { readonly action: 'publish' }): Promise<string> {
    const { log, peers, settings, wallMs } = this.#options;
    const batch = encodeMessage(content, wallMs());
    const append = { topic: topicNameOf(topic), batch, level: 'quorum', timeoutMs: settings.electionWaitMs } as const;
    await log.append({ ...append, requestId: null, sequence: 0, expectedOffset: null });
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
      const first = await this.#withinElection(() => this.#read(topic, null));
      return this.#allMessages(topic, first);
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
    return {
      messages: parts.flatMap((part) => writeMessages(part, part.offsetTo)),
      offsetTo: parts.at(-1)?.offsetTo ?? 0,
      highWatermark: parts.at(-1)?.highWatermark ?? 0,
    };
  }

  /** All that was there when the pull began. What has failed, or finds no reader, has not been pulled: the next pull gives it. */
  async *#newMessages(subscriber: string, topic: string, first: Pulled): AsyncGenerator<string> {
    let pulled = first;
    let text = `[${first.messages.join(', ')}`;
    let isFirst = first.messages.length === 0;
    while (pulled.offsetTo < first.highWatermark) {
      yield text;
      try {
        pulled = await this.#pullNew(subscriber, topic);
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        text = '';
        break;
      }
      if (pulled.offsetTo === 0) {
        text = '';
        break;
      }
      text = pulled.messages.length === 0 ? '' : `${isFirst ? '' : ', '}${pulled.messages.join(', ')}`;
      isFirst &&= pulled.messages.length === 0;
    }
    yield `${text}]`;
  }

  /** From the first that is kept to the end that there was; a failure on the way leaves the answer without its end. */
  async *#allMessages(topic: string, first: ReadResult): AsyncGenerator<string> {
    let result = first;
    let text = '[';
    let isFirst = true;
    for (;;) {
      const messages = writeMessages(result, first.highWatermark);
      if (messages.length > 0) text += `${isFirst ? '' : ', '}${messages.join(', ')}`;
      isFirst &&= messages.length === 0;
      if (result.offsetNext >= first.highWatermark) break;
      yield text;
      text = '';
      const { offsetNext } = result;
      result = await this.#withinElection(() => this.#read(topic, offsetNext, first.group));
    }
    yield `${text}]`;
  }

  /** Looks back from the end, further each time: behind the last message there may be batches that are no messages. */
  async #pullLast(topic: string): Promise<string> {
    const { log, peers } = this.#options;
    const request = { topic: topicNameOf(topic), freshness: 'linearizable' } as const;
    const { offset: end } = await this.#withinElection(() => log.end(request));
    let message: string | null = null;
    for (let back = 1; message === null; back *= 16) {
      const offsetFrom = end - back;
      for (let at: number | null = offsetFrom <= 0 ? null : offsetFrom; at === null || at < end; ) {
        const from: number | null = at;
        const result: ReadResult = await this.#withinElection(() => this.#readFrom(topic, from));
        message = writeMessages(result, end).at(-1) ?? message;
        at = result.offsetNext;
      }
      if (offsetFrom <= 0) break;
    }
    return answers.lastMessage(peers.homeOf(topic), message ?? 'null');
  }

  /** From the first that is kept where retention has removed what is asked for. */
  async #readFrom(topic: string, offset: number | null): Promise<ReadResult> {
    try {
      return await this.#read(topic, offset);
    } catch (error) {
      if (codeOf(error) !== 'offsetOutOfRange' || offset === null) throw error;
      return await this.#read(topic, null);
    }
  }

  /** @param offset null: the first that is kept */
  async #read(topic: string, offset: number | null, group?: number): Promise<ReadResult> {
    const { log, settings } = this.#options;
    return await log.read({
      topic: topicNameOf(topic),
      offsetFrom: offset,
      sinceMs: offset === null ? 0 : null,
      bytesMax: settings.answerPartBytes,
      freshness: 'linearizable',
      sessionOffset: 0,
      waitMs: 0,
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
  /** 0: nothing was new. */
  readonly offsetTo: number;
  readonly highWatermark: number;
}

async function orNotFound(topic: string, run: () => Promise<Reply>): Promise<Reply> {
  try {
    return await run();
  } catch (error) {
    if (codeOf(error) !== 'unknownTopic') throw error;
    return answers.topicNotFound(topic);
  }
}

const codeOf = (error: unknown): ErrorCode | null => (error instanceof LogError ? error.code : null);
