/**
 * The catalog as a state machine (design, D8): topics and brokers, changed by commands in the records of the catalog's group. Synchronous, total,
 * deterministic: the same commands give the same state on every broker, and time is that which the leader stamped. So nothing here looks at a setting: a
 * limit travels in the command that it is for, and which names are allowed is asked where a command is made, because a later program may allow more.
 *
 * A command is one JSON object in a record's value:
 *
 *     {"type":"createTopic","name":...,"retentionBytes":number|null,"builtIn":boolean,"topicsMax":number,     refused if there are so many already
 *      "retentionMs":number,"retentionRecords":number,"retentionUntilRead":boolean,                           each may be left out
 *      "placed":{"placement":"hypercube"|"ring"|"all","partitions":[{"replicas":[id,...],"leader":id|null,"awayFromHome":boolean},...]}|null,
 *          who keeps each partition, the home first, and who leads it first; null or left out is one partition on all brokers
 *      "originalName":...}                                                    what it was placed by in place of its name; may be left out
 *     {"type":"alterTopic","name":...,"id":...,"retentionBytes":number|null,"counted":...,"added":[partition as above,...]}
 *          `id` is the topic's, and `counted` how many partitions it had when this was decided: with others it changes nothing; without
 *          `retentionBytes`, or another of its kind, it keeps what it has
 *     {"type":"deleteTopic","name":...}
 *     {"type":"trimTopic","group":...,"offset":...}      whole segments below this offset may go: every replica has it
 *     {"type":"registerBroker","id":...,"incarnation":...,"nonce":...,"address":...}
 *
 * What is not understood changes nothing and answers `invalid`.
 */
import { type TopicChanges, type TopicSettings, withRetention } from '../../eventlog/index.ts';
import { eventsTopic, logTopic, topicGroupFirst } from '../well-known.ts';

/** What a topic keeps, or is to keep from now on; what is left out of a change stays. */
type Kept = Omit<TopicChanges, 'partitions'>;

export type CatalogCommand =
  | (Kept & {
      readonly type: 'createTopic';
      readonly name: string;
      readonly retentionBytes: number | null;
      readonly builtIn: boolean;
      /** Null in a command from before November 2026, which was judged by what each broker was configured with. */
      readonly topicsMax: number | null;
      /** Null: one partition on all brokers, as in commands from before there was placement. */
      readonly placed: { readonly placement: Placement; readonly partitions: readonly PlacedPartition[] } | null;
      /** Null: none but its name. */
      readonly originalName: string | null;
    })
  | (Kept & {
      readonly type: 'alterTopic';
      readonly name: string;
      readonly id: number;
      readonly counted: number;
      readonly added: readonly PlacedPartition[];
    })
  | { readonly type: 'deleteTopic'; readonly name: string }
  | { readonly type: 'trimTopic'; readonly group: number; readonly offset: number }
  | {
      readonly type: 'registerBroker';
      readonly id: number;
      readonly incarnation: number;
      readonly nonce: string;
      readonly address: string;
    };

export type CreateTopic = CatalogCommand & { readonly type: 'createTopic' };
type AlterTopic = CatalogCommand & { readonly type: 'alterTopic' };

export type CatalogOutcome =
  | 'done'
  | 'topicExists'
  | 'unknownTopic'
  | 'topicProtected'
  | 'tooManyTopics'
  | 'invalidTopicName'
  | 'staleIncarnation'
  | 'changedMeanwhile'
  | 'invalid';

export interface PlacedPartition {
  /** Distinct brokers, the home first. */
  readonly replicas: readonly number[];
  /** Who leads it first; null: whoever leads the catalog. */
  readonly leader: number | null;
  /** Of those that were assigned no majority lived when it was made. */
  readonly awayFromHome: boolean;
}

export interface Topic {
  readonly name: string;
  /** Offset of the command that made it: no other topic ever has it. */
  readonly id: number;
  readonly settings: TopicSettings;
  readonly createdMs: number;
  readonly builtIn: boolean;
  /** `all`: each partition is on all brokers. */
  readonly placement: Placement;
  readonly partitions: readonly Partition[];
  /** How many there were when it was made, and after each time that some were added: the last is how many there are. */
  readonly counts: readonly number[];
}

export interface Partition {
  readonly group: number;
  /** Null where its replicas are on all brokers. */
  readonly placed: PlacedPartition | null;
  /** Nothing below it is kept on purpose. */
  trimmedTo: number;
}

type Placement = 'all' | 'hypercube' | 'ring';

/** A partition and the topic that it is of. */
export interface Place {
  readonly topic: Topic;
  readonly partition: Partition;
}

/** Of which topic it is, and its number where there are several. */
export function numbered({ topic: { name, partitions }, partition }: Place): { readonly topic: string; readonly partition?: number } {
  return partitions.length === 1 ? { topic: name } : { topic: name, partition: partitions.indexOf(partition) };
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
  /** `added` are new among its partitions. */
  altered(topic: Topic, added: readonly Partition[]): void;
  deleted(topic: Topic): void;
  trimmed(partition: Partition): void;
}

interface Snapshot {
  readonly version: 2;
  readonly nextGroup: number;
  readonly topics: readonly (Omit<Topic, 'counts'> & Partial<Pick<Topic, 'counts'>>)[];
  readonly brokers: readonly RegisteredBroker[];
}

/** The rule by which commands were judged that do not carry their limit. It never changes, whatever `eventlog/topic-name.ts` allows. */
const isOldTopicName = (name: string): boolean => /^[a-z0-9._-]{1,200}$/.test(name) && name !== '.' && name !== '..';

/** Of all topics together, in UTF-16 units: 10,000 of 128 Ki would be more than a broker has. It is part of what commands mean, and does not change. */
const originalNamesLengthMax = 8 * 1024 * 1024;

/** Sorts behind whatever a name can go on with. */
const behindEveryName = '\uffff';

export class CatalogState {
  readonly #oldTopicsMax: number;
  readonly #topics = new Map<string, Topic>();
  readonly #byGroup = new Map<number, Place>();
  /** Of partitions that are placed, by broker; and how many are on all brokers. */
  readonly #replicas = new Map<number, number>();
  #everywhere = 0;
  #originalNamesLength = 0;
  #partitionCount = 0;
  /** By name, kept so: with thousands of topics nobody who asks for some of them pays for all. */
  #sorted: Topic[] = [];
  readonly #brokers = new Map<number, RegisteredBroker>();
  #nextGroup = topicGroupFirst;

  /** `oldTopicsMax` is for commands that do not say it, and stays what it was when this broker's data was first read by a program that asks for it. */
  constructor(oldTopicsMax: number) {
    this.#oldTopicsMax = oldTopicsMax;
  }

  topic(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** By name, as they are now: whoever goes on later, after commands may have been applied, keeps a copy. */
  get topics(): readonly Topic[] {
    return this.#sorted;
  }

  /** Those whose names begin with `prefix`, from the first behind `after` on, at most `limit`; and how many begin so in all. By name. */
  page(prefix: string, after: string, limit: number): { readonly topics: readonly Topic[]; readonly count: number } {
    const from = this.#place(prefix);
    const to = this.#place(`${prefix}${behindEveryName}`);
    const first = Math.max(from, after === '' ? 0 : this.#place(`${after}\0`));
    return { topics: this.#sorted.slice(first, Math.min(to, first + limit)), count: to - from };
  }

  /** How many names sort before this one. */
  #place(name: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as Topic).name < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The partition whose records a group holds. */
  placeOf(group: number): Place | undefined {
    return this.#byGroup.get(group);
  }

  /** How many partitions this broker keeps, or is to keep. */
  replicasOn(broker: number): number {
    return this.#everywhere + (this.#replicas.get(broker) ?? 0);
  }

  /** Of all topics. */
  get partitionCount(): number {
    return this.#partitionCount;
  }

  #countReplicas({ partitions }: Topic, by: 1 | -1): void {
    this.#partitionCount += by * partitions.length;
    for (const { placed } of partitions) {
      if (placed === null) this.#everywhere += by;
      else for (const broker of placed.replicas) this.#replicas.set(broker, (this.#replicas.get(broker) ?? 0) + by);
    }
  }

  broker(id: number): RegisteredBroker | undefined {
    return this.#brokers.get(id);
  }

  /** No topic that is made later has a group below this. */
  get nextGroup(): number {
    return this.#nextGroup;
  }

  /** The whole state as text; equal where the same commands were applied. */
  snapshot(): string {
    const brokers = [...this.#brokers.values()].sort((a, b) => a.id - b.id);
    return JSON.stringify({ version: 2, nextGroup: this.#nextGroup, topics: this.topics, brokers } satisfies Snapshot);
  }

  /** Takes over the state of a snapshot. False, and nothing has changed, where it is none, or of another version. */
  restore(text: string): boolean {
    const snapshot = parseSnapshot(text);
    if (snapshot === null) return false;
    const { nextGroup, topics, brokers } = snapshot;
    this.#nextGroup = nextGroup;
    this.#topics.clear();
    this.#replicas.clear();
    this.#everywhere = 0;
    this.#originalNamesLength = 0;
    this.#partitionCount = 0;
    this.#byGroup.clear();
    this.#sorted = [];
    for (const { partitions, counts = [partitions.length], ...topic } of topics)
      this.#add({ ...topic, partitions: partitions.map((partition) => ({ ...partition })), counts });
    this.#brokers.clear();
    for (const broker of brokers) this.#brokers.set(broker.id, broker);
    return true;
  }

  /** The command that stands at offset `at` of the catalog's log. */
  apply(command: CatalogCommand, at: number, timeMs: number, effects: CatalogEffects): CatalogOutcome {
    switch (command.type) {
      case 'createTopic':
        return this.#create(command, at, timeMs, effects);
      case 'alterTopic':
        return this.#alter(command, effects);
      case 'deleteTopic':
        return this.#delete(command.name, effects);
      case 'trimTopic':
        return this.#trim(command.group, command.offset, effects);
      case 'registerBroker':
        return this.#register(command);
    }
  }

  #create(command: CreateTopic, at: number, timeMs: number, effects: CatalogEffects): CatalogOutcome {
    const { name, retentionBytes, builtIn, topicsMax, placed, originalName } = command;
    if (topicsMax === null) {
      if (!isOldTopicName(name)) return 'invalidTopicName';
      if (builtIn !== (name === eventsTopic) && !this.#topics.has(name) && name !== logTopic) return 'topicProtected';
    }
    if (this.#topics.has(name) || name === logTopic) return 'topicExists';
    if (!builtIn && this.#topics.size >= (topicsMax ?? this.#oldTopicsMax)) return 'tooManyTopics';
    if (originalName !== null && this.#originalNamesLength + originalName.length > originalNamesLengthMax) return 'tooManyTopics';
    const settings: TopicSettings = withRetention({ retentionBytes, ...(originalName === null ? {} : { originalName }) }, keptOf(command));
    const partitions = (placed?.partitions ?? [null]).map((one): Partition => ({ group: this.#nextGroup++, placed: one, trimmedTo: 0 }));
    const topic: Topic = {
      name,
      id: at,
      settings,
      createdMs: timeMs,
      builtIn,
      placement: placed?.placement ?? 'all',
      partitions,
      counts: [partitions.length],
    };
    this.#add(topic);
    effects.created(topic);
    return 'done';
  }

  #add(topic: Topic): void {
    this.#topics.set(topic.name, topic);
    this.#countReplicas(topic, 1);
    this.#originalNamesLength += topic.settings.originalName?.length ?? 0;
    for (const partition of topic.partitions) this.#byGroup.set(partition.group, { topic, partition });
    this.#sorted.splice(this.#place(topic.name), 0, topic);
  }

  #alter(command: AlterTopic, effects: CatalogEffects): CatalogOutcome {
    const { name, id, counted, added } = command;
    const topic = this.#topics.get(name);
    if (name === logTopic || topic?.builtIn === true) return 'topicProtected';
    if (topic === undefined || topic.id !== id) return 'unknownTopic';
    const { partitions, counts } = topic;
    if (partitions.length !== counted) return 'changedMeanwhile';
    if (counted + added.length > partitionsMax) return 'invalid';
    const more = added.map((placed): Partition => ({ group: this.#nextGroup++, placed, trimmedTo: 0 }));
    const all = [...partitions, ...more];
    const settings = withRetention(topic.settings, keptOf(command));
    const altered = { ...topic, settings, partitions: all, counts: more.length === 0 ? counts : [...counts, all.length] };
    this.#drop(topic);
    this.#add(altered);
    effects.altered(altered, more);
    return 'done';
  }

  #drop(topic: Topic): void {
    this.#topics.delete(topic.name);
    this.#countReplicas(topic, -1);
    this.#originalNamesLength -= topic.settings.originalName?.length ?? 0;
    for (const { group } of topic.partitions) this.#byGroup.delete(group);
    this.#sorted.splice(this.#place(topic.name), 1);
  }

  #delete(name: string, effects: CatalogEffects): CatalogOutcome {
    const topic = this.#topics.get(name);
    if (name === logTopic || topic?.builtIn === true) return 'topicProtected';
    if (topic === undefined) return 'unknownTopic';
    this.#drop(topic);
    effects.deleted(topic);
    return 'done';
  }

  #trim(group: number, offset: number, effects: CatalogEffects): CatalogOutcome {
    const partition = this.#byGroup.get(group)?.partition;
    if (partition === undefined) return 'unknownTopic';
    partition.trimmedTo = Math.max(partition.trimmedTo, offset);
    effects.trimmed(partition);
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

/** Without what is left out. */
export function keptOf({ retentionBytes, retentionMs, retentionRecords, retentionUntilRead }: Kept): Kept {
  return {
    ...(retentionBytes === undefined ? {} : { retentionBytes }),
    ...(retentionMs === undefined ? {} : { retentionMs }),
    ...(retentionRecords === undefined ? {} : { retentionRecords }),
    ...(retentionUntilRead === undefined ? {} : { retentionUntilRead }),
  };
}

/** Null for what is none. */
function parseKept(fields: Readonly<Record<string, unknown>>): Kept | null {
  const { retentionBytes, retentionMs, retentionRecords, retentionUntilRead } = fields;
  for (const bound of [retentionBytes, retentionMs, retentionRecords])
    if (bound !== undefined && bound !== null && !isCount(bound)) return null;
  return retentionUntilRead === undefined || typeof retentionUntilRead === 'boolean' ? keptOf(fields as Kept) : null;
}

function parseSnapshot(text: string): Snapshot | null {
  try {
    const value = JSON.parse(text) as Snapshot | null;
    return value?.version === 2 ? value : null;
  } catch {
    return null;
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
      const kept = parseKept(fields);
      const topicsMax = fields['topicsMax'] ?? null;
      if (typeof name !== 'string' || kept?.retentionBytes === undefined) return null;
      const { retentionBytes } = kept;
      if (topicsMax !== null && !isCount(topicsMax)) return null;
      const placed = parsePlaced(fields['placed'] ?? null);
      const originalName = fields['originalName'] ?? null;
      if (placed === undefined || (originalName !== null && typeof originalName !== 'string')) return null;
      return { type: 'createTopic', name, ...kept, retentionBytes, builtIn: fields['builtIn'] === true, topicsMax, placed, originalName };
    }
    case 'alterTopic': {
      const { id, counted } = fields;
      const added = parsePartitions(fields['added']);
      const kept = parseKept(fields);
      if (typeof name !== 'string' || !isCount(id) || !isCount(counted) || added === undefined || kept === null) return null;
      return { type: 'alterTopic', name, id, ...kept, counted, added };
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

/** Undefined for what is none. */
function parsePlaced(value: unknown): CreateTopic['placed'] | undefined {
  if (value === null) return null;
  if (typeof value !== 'object') return undefined;
  const { placement, partitions } = value as Readonly<Record<string, unknown>>;
  if (placement !== 'hypercube' && placement !== 'ring' && placement !== 'all') return undefined;
  const parsed = parsePartitions(partitions);
  return parsed === undefined || parsed.length === 0 ? undefined : { placement, partitions: parsed };
}

/** Undefined for what are none. */
function parsePartitions(value: unknown): readonly PlacedPartition[] | undefined {
  if (!Array.isArray(value) || value.length > partitionsMax) return undefined;
  const parsed: PlacedPartition[] = [];
  for (const one of value as readonly unknown[]) {
    if (typeof one !== 'object' || one === null) return undefined;
    const { replicas, leader, awayFromHome } = one as Readonly<Record<string, unknown>>;
    if (!Array.isArray(replicas) || replicas.length < 1 || !replicas.every(isCount) || new Set(replicas).size < replicas.length)
      return undefined;
    if (leader !== null && !isCount(leader)) return undefined;
    parsed.push({ replicas, leader, awayFromHome: awayFromHome === true });
  }
  return parsed;
}

/** Of one topic. */
const partitionsMax = 256;

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
