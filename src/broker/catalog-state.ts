/**
 * The catalog as a state machine (design, D8): topics and brokers, changed by commands in the records of the catalog's group. Synchronous, total,
 * deterministic: the same commands give the same state on every broker, and time is that which the leader stamped.
 *
 * A command is one JSON object in a record's value:
 *
 *     {"type":"createTopic","name":...,"retentionBytes":number|null,"builtIn":boolean}
 *     {"type":"deleteTopic","name":...}
 *     {"type":"trimTopic","group":...,"offset":...}      whole segments below this offset may go: every replica has it
 *     {"type":"registerBroker","id":...,"incarnation":...,"nonce":...,"address":...}
 *
 * What is not understood changes nothing and answers `invalid`.
 */
import type { TopicSettings } from '../eventlog/index.ts';
import type { Bytes } from '../host/index.ts';
import { eventsTopic, logTopic, topicGroupFirst } from './core.ts';

export type CatalogCommand =
  | { readonly type: 'createTopic'; readonly name: string; readonly retentionBytes: number | null; readonly builtIn: boolean }
  | { readonly type: 'deleteTopic'; readonly name: string }
  | { readonly type: 'trimTopic'; readonly group: number; readonly offset: number }
  | {
      readonly type: 'registerBroker';
      readonly id: number;
      readonly incarnation: number;
      readonly nonce: string;
      readonly address: string;
    };

export type CatalogOutcome =
  | 'done'
  | 'topicExists'
  | 'unknownTopic'
  | 'topicProtected'
  | 'tooManyTopics'
  | 'invalidTopicName'
  | 'staleIncarnation'
  | 'invalid';

export interface Topic {
  readonly name: string;
  readonly group: number;
  readonly settings: TopicSettings;
  readonly createdMs: number;
  readonly builtIn: boolean;
  /** Nothing below it is kept on purpose. */
  trimmedTo: number;
}

export interface RegisteredBroker {
  readonly id: number;
  readonly incarnation: number;
  /** Tells two processes with one identity apart. */
  readonly nonce: string;
  readonly address: string;
}

/** What a command did, for those who keep replicas. */
export interface CatalogEffects {
  created(topic: Topic): void;
  deleted(topic: Topic): void;
  trimmed(topic: Topic): void;
}

const topicNamePattern = /^[a-z0-9._-]{1,200}$/;
export const isTopicName = (name: string): boolean => topicNamePattern.test(name) && name !== '.' && name !== '..';

export class CatalogState {
  readonly #topicsMax: number;
  readonly #topics = new Map<string, Topic>();
  readonly #brokers = new Map<number, RegisteredBroker>();
  #nextGroup = topicGroupFirst;

  constructor(topicsMax: number) {
    this.#topicsMax = topicsMax;
  }

  topic(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** By name. */
  get topics(): readonly Topic[] {
    return [...this.#topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  broker(id: number): RegisteredBroker | undefined {
    return this.#brokers.get(id);
  }

  /** No topic that is made later has a group below this. */
  get nextGroup(): number {
    return this.#nextGroup;
  }

  /** Equal where the same commands were applied. */
  digest(bytes: Bytes): number {
    const brokers = [...this.#brokers.values()].sort((a, b) => a.id - b.id);
    return bytes.crc32c(bytes.utf8Encode(JSON.stringify([this.#nextGroup, this.topics, brokers])));
  }

  apply(command: CatalogCommand, timeMs: number, effects: CatalogEffects): CatalogOutcome {
    switch (command.type) {
      case 'createTopic':
        return this.#create(command, timeMs, effects);
      case 'deleteTopic':
        return this.#delete(command.name, effects);
      case 'trimTopic':
        return this.#trim(command.group, command.offset, effects);
      case 'registerBroker':
        return this.#register(command);
    }
  }

  #create(command: CatalogCommand & { readonly type: 'createTopic' }, timeMs: number, effects: CatalogEffects): CatalogOutcome {
    const { name, retentionBytes, builtIn } = command;
    if (!isTopicName(name)) return 'invalidTopicName';
    if (this.#topics.has(name) || name === logTopic) return 'topicExists';
    if (builtIn !== (name === eventsTopic)) return 'topicProtected';
    if (!builtIn && this.#topics.size >= this.#topicsMax) return 'tooManyTopics';
    const topic: Topic = { name, group: this.#nextGroup++, settings: { retentionBytes }, createdMs: timeMs, builtIn, trimmedTo: 0 };
    this.#topics.set(name, topic);
    effects.created(topic);
    return 'done';
  }

  #delete(name: string, effects: CatalogEffects): CatalogOutcome {
    const topic = this.#topics.get(name);
    if (name === logTopic || topic?.builtIn === true) return 'topicProtected';
    if (topic === undefined) return 'unknownTopic';
    this.#topics.delete(name);
    effects.deleted(topic);
    return 'done';
  }

  #trim(group: number, offset: number, effects: CatalogEffects): CatalogOutcome {
    const topic = [...this.#topics.values()].find((one) => one.group === group);
    if (topic === undefined) return 'unknownTopic';
    topic.trimmedTo = Math.max(topic.trimmedTo, offset);
    effects.trimmed(topic);
    return 'done';
  }

  #register(command: CatalogCommand & { readonly type: 'registerBroker' }): CatalogOutcome {
    const { id, incarnation, nonce, address } = command;
    const known = this.#brokers.get(id);
    if (known !== undefined && (incarnation < known.incarnation || (incarnation === known.incarnation && nonce !== known.nonce)))
      return 'staleIncarnation';
    this.#brokers.set(id, { id, incarnation, nonce, address });
    return 'done';
  }
}

/** Null for what is no command. */
export function parseCommand(text: string): CatalogCommand | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Readonly<Record<string, unknown>>;
  const name = fields['name'];
  switch (fields['type']) {
    case 'createTopic': {
      const retentionBytes = fields['retentionBytes'];
      if (typeof name !== 'string' || (retentionBytes !== null && !isCount(retentionBytes))) return null;
      return { type: 'createTopic', name, retentionBytes, builtIn: fields['builtIn'] === true };
    }
    case 'deleteTopic':
      return typeof name === 'string' ? { type: 'deleteTopic', name } : null;
    case 'trimTopic': {
      const group = fields['group'];
      const offset = fields['offset'];
      return isCount(group) && isCount(offset) ? { type: 'trimTopic', group, offset } : null;
    }
    case 'registerBroker': {
      const id = fields['id'];
      const incarnation = fields['incarnation'];
      const nonce = fields['nonce'];
      const address = fields['address'];
      if (!isCount(id) || !isCount(incarnation) || typeof nonce !== 'string' || typeof address !== 'string') return null;
      return { type: 'registerBroker', id, incarnation, nonce, address };
    }
    default:
      return null;
  }
}

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
