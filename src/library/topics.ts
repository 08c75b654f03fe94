import type { Client } from '../client/index.ts';
import {
  brokersMax,
  LogError,
  nameStartPattern,
  nameStartRule,
  partitionsMax,
  shownTopic,
  type TopicDescription,
  type TopicPlacement,
  topicPageMax,
} from '../eventlog/index.ts';
import { type Check, type Checks, checked, oneOf, orNull, signal, topicOf, whole } from './arguments.ts';

export interface CallOptions {
  /** Ends the call with `interrupted`: what was sent may be done. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreateTopicOptions extends CallOptions {
  /** 1 to 256; default 1. */
  readonly partitions?: number | undefined;
  /** Oldest segments are removed above this size; null, the default, keeps everything. */
  readonly retentionBytes?: number | null | undefined;
  /** And those whose records are older. */
  readonly retentionMs?: number | null | undefined;
  /** And those behind which so many more offsets stand. */
  readonly retentionRecords?: number | null | undefined;
  /** And those that all subscribers have read; the bounds above win. */
  readonly retentionUntilRead?: boolean | undefined;
  /** Brokers that keep each partition; left out, as the cluster is configured. */
  readonly replicas?: number | undefined;
  /** How they are chosen. */
  readonly placement?: 'hypercube' | 'ring' | 'all' | undefined;
}

export interface AlterTopicOptions extends CallOptions {
  /** As many as it has, or more: keys move. */
  readonly partitions?: number | undefined;
  readonly retentionBytes?: number | null | undefined;
  readonly retentionMs?: number | null | undefined;
  readonly retentionRecords?: number | null | undefined;
  readonly retentionUntilRead?: boolean | undefined;
}

export interface ListTopicsOptions extends CallOptions {
  /** Only topics whose names begin so. */
  readonly prefix?: string | undefined;
}

export interface EndsOptions extends CallOptions {
  readonly freshness?: 'linearizable' | 'local' | undefined;
}

const bytes = orNull(whole(0, Number.MAX_SAFE_INTEGER));
const callChecks: Checks<CallOptions> = { signal };
const bound = orNull(whole(1, Number.MAX_SAFE_INTEGER));
const alterChecks: Checks<AlterTopicOptions> = {
  signal,
  partitions: whole(1, partitionsMax),
  retentionBytes: bytes,
  retentionMs: bound,
  retentionRecords: bound,
  retentionUntilRead: { is: (value) => typeof value === 'boolean', must: 'true or false' },
};
const createChecks: Checks<CreateTopicOptions> = {
  ...alterChecks,
  replicas: whole(1, brokersMax),
  placement: oneOf('hypercube', 'ring', 'all'),
};
const nameStart: Check = { is: (value) => typeof value === 'string' && new RegExp(nameStartPattern).test(value), must: nameStartRule };
const listChecks: Checks<ListTopicsOptions> = { signal, prefix: nameStart };
const endsChecks: Checks<EndsOptions> = { signal, freshness: oneOf('linearizable', 'local') };

/** The topics that there are. */
export class Topics {
  readonly #client: Client;

  /** @internal */
  constructor(client: Client) {
    this.#client = client;
  }

  /** Fails with `topicExists` where there is one, which is not changed. */
  async create(name: string, options?: CreateTopicOptions): Promise<TopicDescription> {
    const topic = topicOf(name, 'create');
    const { signal: ending, retentionBytes = null, ...settings } = checked(options, createChecks, `create ${shownTopic(topic)}`);
    return this.#with(ending).createTopic(topic, { retentionBytes, ...defined(settings) });
  }

  /** Adds partitions, or changes how much is kept; what is left out stays. */
  async alter(name: string, changes: AlterTopicOptions): Promise<TopicDescription> {
    const topic = topicOf(name, 'alter');
    const { signal: ending, ...asked } = checked(changes, alterChecks, `alter ${shownTopic(topic)}`);
    return this.#with(ending).alterTopic(topic, defined(asked));
  }

  /** Deletes it with its records. */
  async delete(name: string, options?: CallOptions): Promise<void> {
    const topic = topicOf(name, 'delete');
    await this.#with(checked(options, callChecks, `delete ${shownTopic(topic)}`).signal).deleteTopic(topic);
  }

  async describe(name: string, options?: CallOptions): Promise<TopicDescription> {
    const topic = topicOf(name, 'describe');
    return this.#with(checked(options, callChecks, `describe ${shownTopic(topic)}`).signal).describeTopic(topic);
  }

  /** All of them by name, asked for page by page. */
  async *list(options?: ListTopicsOptions): AsyncGenerator<TopicDescription, void, undefined> {
    const { signal: ending, prefix = '' } = checked(options, listChecks, 'list the topics');
    const client = this.#with(ending);
    for (let after: string | null = ''; after !== null; ) {
      const page: Awaited<ReturnType<Client['listTopics']>> = await client.listTopics({ prefix, after, limit: topicPageMax });
      yield* page.topics;
      after = page.next;
    }
  }

  /** Of each partition, the offset that its next record will get. */
  async ends(name: string, options?: EndsOptions): Promise<readonly number[]> {
    const topic = topicOf(name, 'read the end of');
    const { signal: ending, freshness = 'linearizable' } = checked(options, endsChecks, `read the end of ${shownTopic(topic)}`);
    const client = this.#with(ending);
    try {
      return [(await client.end({ topic, freshness })).offset];
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'partitionNeeded') throw error;
      const ends = await client.ends(topic, freshness);
      const count = Number(error.details['partitions']);
      return Array.from({ length: count }, (_, partition) => {
        const end = ends.get(partition);
        if (end === undefined)
          throw new LogError('incomplete', `Cannot read all ends of ${shownTopic(topic)}: partition ${partition} does not answer`, {
            partition,
          });
        return end;
      });
    }
  }

  /** Where it is kept, and why. */
  async explain(name: string, options?: CallOptions): Promise<TopicPlacement> {
    const topic = topicOf(name, 'explain');
    return this.#with(checked(options, callChecks, `explain ${shownTopic(topic)}`).signal).explain(topic);
  }

  #with(ending: AbortSignal | undefined): Client {
    return ending === undefined ? this.#client : this.#client.withSignal(ending);
  }
}

/** Without what is undefined: the port knows left out only. */
const defined = <Fields extends object>(fields: Fields): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } =>
  fields as { [Name in keyof Fields]: Exclude<Fields[Name], undefined> };
