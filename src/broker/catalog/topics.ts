import { assert } from '../../base/assert.ts';
import { type BrokerId, type GroupId, groupId } from '../../base/branded.ts';
import type { ErrorCode } from '../../base/errors.ts';
import {
  type Answer,
  choosePartition,
  isTopicName,
  isTrimmed,
  partitionName,
  type PartitionStatus,
  type RecordsOf,
  shownTopic,
  type TopicDescription,
  type TopicChanges,
  type TopicPage,
  topicPageMax,
  type TopicPlacement,
  type TopicQuery,
  topicNameRule,
  type TopicSettings,
} from '../../eventlog/index.ts';
import { type Core, failure } from '../core.ts';
import type { Barriers } from '../edge/index.ts';
import { elsewhereStatus, type Replica } from '../replica/index.ts';
import { catalogGroup, eventsTopic, internalReplicas, isInternalTopic, logGroup, logTopic } from '../well-known.ts';
import { Catalog } from './catalog.ts';
import {
  type CatalogOutcome,
  type CreateTopic,
  keptOf,
  numbered,
  type Partition,
  type PlacedPartition,
  type Topic,
} from './catalog-state.ts';
import { explainTopic } from './explaining.ts';
import { FirstElections } from './first-elections.ts';
import { Homecoming, type HomecomingOptions } from './homecoming.ts';
import { placeTopic, type PlacingOptions } from './placing.ts';
import { Registration, type RegistrationOptions } from './registration.ts';
import { Retention, type RetentionOptions } from './retention.ts';
import { topicPage } from './topic-page.ts';
import { TopicReplicas, type TopicReplicasOptions } from './topic-replicas.ts';

export interface TopicsOptions extends TopicReplicasOptions, RegistrationOptions, RetentionOptions, Omit<HomecomingOptions, 'state'> {
  readonly logOnly: boolean;
  readonly barriers: Barriers;
  /** The groups of a topic that Cairn itself keeps were made. */
  internalMade(topic: string): void;
}

/** No command has made it. */
const logTopicId = -1;

/** Of partitions without a replica here, by group. */
type Statuses = ReadonlyMap<number, PartitionStatus>;
const nobodyAsked: Statuses = new Map();
const onePartition: readonly number[] = [1];

/** How long a caller waits to hear that a topic is really not there. */
const lookUpMs = 2000;
const maintainMs = 500;
/** So long after its links were opened a broker knows who lives. */
const settlingMs = 3000;
const placeAgainMs = 25;

/** Topics by name, for callers: from the catalog, and `log`, which needs none. */
export class Topics {
  readonly catalog: Catalog;
  readonly #core: Core;
  readonly #options: TopicsOptions;
  readonly #retention: Retention;
  readonly #registration: Registration;
  readonly #replicas: TopicReplicas;
  readonly #firstElections: FirstElections;
  readonly homecoming: Homecoming;
  /** Calls that look for their topic: how each fails. */
  readonly #lookUps = new Set<(code: ErrorCode, reason: string) => void>();
  #maintainAtMs = 0;
  #hasOpened = false;
  #version = 0;
  readonly #startedMs: number;

  constructor(core: Core, options: TopicsOptions) {
    this.#core = core;
    this.#options = options;
    this.#startedMs = core.host.clock.wallMs();
    this.#firstElections = new FirstElections(core);
    this.#replicas = new TopicReplicas(core, () => this.catalog, options);
    this.catalog = new Catalog(core, options.appends, options.groups.topicsMaxOf(catalogGroup), {
      created: (topic) => this.#made(topic, topic.partitions),
      altered: (topic, added) => {
        this.#made(topic, added);
        for (const { group } of topic.partitions) this.#retention.changed(group);
      },
      deleted: (topic) => {
        this.#version++;
        this.#replicas.deleted(topic);
        for (const { group } of topic.partitions) {
          this.#retention.deleted(group);
          this.homecoming.deleted(group);
        }
      },
      trimmed: ({ group }) => this.#retention.changed(group),
    });
    this.#registration = new Registration(core, this.catalog, options);
    this.#retention = new Retention(core, this.catalog, options);
    this.homecoming = new Homecoming(core, { ...options, state: () => this.catalog.state });
  }

  // ------------------------------------------------------------------------------------------------------------- by name

  /** How many partitions it has had, the last is how many it has, as this broker knows it; null for a topic that it does not know. */
  partitionsOf(name: string): readonly number[] | null {
    return name === logTopic ? onePartition : (this.catalog.state.topic(name)?.counts ?? null);
  }

  /** The group of the partition that is meant; null where this broker knows none such. */
  group({ topic, partition }: RecordsOf): GroupId | null {
    if (topic === logTopic) return (partition ?? 0) === 0 ? logGroup : null;
    const partitions = this.catalog.state.topic(topic)?.partitions;
    if (partitions === undefined || (partition === undefined && partitions.length > 1)) return null;
    const group = partitions[partition ?? 0]?.group;
    return group === undefined ? null : groupId(group);
  }

  /** Who has a replica of it; all brokers where that is not known. */
  membersOf(group: GroupId): readonly BrokerId[] {
    const partition = this.catalog.state.placeOf(group)?.partition;
    return partition === undefined ? this.#options.brokers : this.#replicas.membersOf(partition);
  }

  #isElsewhere(group: GroupId): boolean {
    const partition = this.catalog.state.placeOf(group)?.partition;
    return partition !== undefined && !this.#replicas.isHere(partition);
  }

  /** As people call it; null for a group that no topic has, any more or yet. */
  nameOf(group: number): string | null {
    if (group === logGroup) return logTopic;
    if (group === catalogGroup) return '(catalog)';
    const place = this.catalog.state.placeOf(group);
    return place === undefined ? null : partitionName(numbered(place));
  }

  /** The group of a partition that this broker knows and that is not fenced here. */
  whole(records: RecordsOf): GroupId | null {
    const group = this.group(records);
    return group === null || this.#options.groups.fenced(group) !== null ? null : group;
  }

  /** Goes on with the partition's group, after asking the catalog's leader if this broker does not know it. */
  resolve<Value>(records: RecordsOf, waitMs: number, doing: string, answer: Answer<Value>, found: (group: GroupId) => void): void {
    const group = this.group(records);
    if (group !== null) return this.#unlessFenced(group, doing, answer, found);
    const count = this.partitionsOf(records.topic)?.at(-1) ?? null;
    // There may be more by now, and never fewer.
    const isSure = count !== null && (records.partition === undefined || records.topic === logTopic);
    const refuse = (of: number): void => {
      const chosen = choosePartition(doing, records, of);
      if (typeof chosen !== 'number') this.#core.later(() => answer({ ok: false, error: chosen }));
    };
    if (isSure) return refuse(count);
    const fail = (code: ErrorCode, reason: string): void => this.#core.later(() => answer(failure(code, `Cannot ${doing}: ${reason}`)));
    if (this.#options.logOnly) return fail('unknownTopic', 'this broker keeps the topic "log" only');
    const goesOn = this.#lookUp(fail);
    this.#whenCurrent(Math.min(waitMs, lookUpMs), (isCurrent) => {
      if (!goesOn()) return;
      const known = this.group(records);
      const countNow = this.partitionsOf(records.topic)?.at(-1) ?? null;
      if (known !== null) this.#unlessFenced(known, doing, answer, found);
      else if (isCurrent && countNow !== null) refuse(countNow);
      else if (isCurrent) fail('unknownTopic', 'there is no such topic');
      else fail('noLeader', 'this broker does not know the topic, and nobody who leads the catalog could be asked');
    });
  }

  /** A call that looks for its topic ends with `fail` where all are abandoned; what is given says, once, whether it goes on. */
  #lookUp(fail: (code: ErrorCode, reason: string) => void): () => boolean {
    this.#lookUps.add(fail);
    return () => this.#lookUps.delete(fail);
  }

  /** Whoever looks for a topic is answered, and does not go on to wait for what does not come. */
  abandon(code: ErrorCode, reason: string): void {
    const lookUps = [...this.#lookUps];
    this.#lookUps.clear();
    for (const fail of lookUps) fail(code, reason);
  }

  /** `done` comes when all of the catalog that was committed when this was called has taken effect here, with false when that could not be had in time. */
  #whenCurrent(waitMs: number, done: (isCurrent: boolean) => void): void {
    const deadlineMs = this.#core.nowMs() + waitMs;
    this.#options.barriers.begin(catalogGroup, deadlineMs, (isVisible) => {
      if (isVisible) this.catalog.whenApplied(deadlineMs, done);
      else done(false);
    });
  }

  #unlessFenced<Value>(group: GroupId, doing: string, answer: Answer<Value>, found: (group: GroupId) => void): void {
    const fenced = this.#options.groups.fenced(group);
    if (fenced === null) return found(group);
    this.#core.later(() => answer(failure('fenced', `Cannot ${doing}: ${fenced}`)));
  }

  /** Goes on with the replica here, once it is open, or with the group of a topic that has none here. */
  locate<Value>(
    records: RecordsOf,
    doing: string,
    answer: Answer<Value>,
    found: { here(replica: Replica): void; elsewhere(group: GroupId): void },
  ): void {
    this.resolve(records, lookUpMs, doing, answer, (group) => {
      if (this.#isElsewhere(group)) return found.elsewhere(group);
      const fail = (code: ErrorCode, reason: string): void => this.#core.later(() => answer(failure(code, `Cannot ${doing}: ${reason}`)));
      const goesOn = this.#lookUp(fail);
      this.#replicas.whenOpen(group, (error) => {
        if (!goesOn()) return;
        const replica = this.#core.replica(group);
        if (replica !== undefined) return found.here(replica);
        if (this.#options.groups.fenced(group) !== null) return this.#unlessFenced(group, doing, answer, () => undefined);
        // Whatever keeps this broker from it, another one has the topic: whoever asked may go there.
        const isFull = error?.code === 'dataUnusable';
        const reason = isFull ? 'this broker has no space for it, the others go on' : 'it is still being opened';
        fail(isFull ? 'diskFull' : 'starting', reason);
      });
    });
  }

  // ---------------------------------------------------------------------------------------------------------- by callers

  create(name: string, settings: TopicSettings, answer: Answer<TopicDescription>): void {
    const fail = (code: ErrorCode, reason: string): void =>
      this.#core.later(() => answer(failure(code, `Cannot create ${shownTopic(name)}: ${reason}`)));
    if (this.#options.logOnly) return fail('topicProtected', 'this broker keeps the topic "log" only');
    if (!isTopicName(name)) return fail('invalidTopicName', topicNameRule);
    if (this.group({ topic: name, partition: 0 }) === null) return this.#create(name, settings, fail, answer);
    // It may have been deleted since, elsewhere.
    this.#whenCurrent(lookUpMs, (isCurrent) => {
      if (!isCurrent) fail('noLeader', 'this broker knows a topic of that name, and nobody who leads the catalog could be asked');
      else if (this.group({ topic: name, partition: 0 }) !== null) fail('topicExists', 'it exists');
      else this.#create(name, settings, fail, answer);
    });
  }

  /** Of a topic that Cairn itself keeps, its groups in their order; none before they were made. */
  internalGroups(name: string): readonly number[] {
    return this.catalog.state.topic(name)?.partitions.map(({ group }) => group) ?? [];
  }

  /** Makes them, where there are none yet. */
  makeInternal(name: string, groups: number, kept: InternalKept, answer: Answer<undefined>): void {
    const fail = (code: ErrorCode, reason: string): void =>
      this.#core.later(() => answer(failure(code, `Cannot make the groups of ${shownTopic(name)}: ${reason}`)));
    if (this.#options.logOnly) return fail('topicProtected', 'this broker keeps the topic "log" only');
    const { topicsMax } = this.#core.settings;
    const replicas = Math.min(internalReplicas, this.#options.brokers.length);
    this.#place({ text: name, placement: 'hypercube', partitions: [0, groups], replicas }, fail, (placed) =>
      this.catalog.submit(
        {
          type: 'createTopic',
          name,
          ...kept,
          builtIn: true,
          topicsMax,
          placed,
          originalName: null,
        },
        (result) => {
          if (!result.ok) return fail(result.error.code, `the catalog did not take it: ${result.error.message}`);
          if (result.value !== 'done' && result.value !== 'topicExists') return fail(codeOf(result.value), reasonOf(result.value));
          this.#core.later(() => answer({ ok: true, value: undefined }));
        },
      ),
    );
  }

  /** A topic of users, or `log`, as this broker knows it. */
  known(name: string): KnownTopic | undefined {
    if (name === logTopic) return { name, id: logTopicId, groups: [logGroup], isKeptUntilRead: false };
    const topic = this.catalog.state.topic(name);
    return topic === undefined ? undefined : knownOf(topic);
  }

  /** Those of users, as this broker knows them: what `*` means. */
  *allKnown(): Generator<KnownTopic> {
    for (const topic of this.catalog.state.topics) if (!topic.builtIn) yield knownOf(topic);
  }

  /** `done` comes once all topics are known here that there were when this was called, with false where nobody could say. */
  whenKnown(done: (isCurrent: boolean) => void, waitMs: number = lookUpMs): void {
    if (this.#options.logOnly) return done(true);
    this.#whenCurrent(Math.min(waitMs, lookUpMs), done);
  }

  /** Another number where topics were made, deleted or given partitions since. */
  get version(): number {
    return this.#version;
  }

  /** Whether this broker has a replica of the group, or is to have one. */
  isGroupHere(group: number): boolean {
    const partition = this.catalog.state.placeOf(group)?.partition;
    return partition !== undefined && this.isHere(partition);
  }

  #create(name: string, settings: TopicSettings, fail: (code: ErrorCode, reason: string) => void, answer: Answer<TopicDescription>): void {
    const { retentionBytes, replicas, placement, partitions = 1, originalName = null } = settings;
    const { topicsMax, replicasDefault } = this.#core.settings;
    const { brokers } = this.#options;
    const wanted = replicas ?? (placement === 'all' ? brokers.length : Math.min(replicasDefault, brokers.length));
    if (wanted > brokers.length) return fail('invalidRequest', `${wanted} replicas are wanted, and there are ${brokers.length} brokers`);
    if (placement === 'all' && wanted < brokers.length)
      return fail('invalidRequest', `with placement all each of the ${brokers.length} brokers has a replica`);
    const made = { type: 'createTopic', name, ...keptOf(settings), retentionBytes, builtIn: false, originalName } as const;
    const submit = (placed: CreateTopic['placed']): void =>
      this.catalog.submit({ ...made, topicsMax, placed }, (result) => {
        if (!result.ok) return fail(result.error.code, `the catalog did not take it: ${result.error.message}`);
        if (result.value === 'tooManyTopics') return fail('tooManyTopics', this.#fullCatalog(topicsMax));
        if (result.value !== 'done') return fail(codeOf(result.value), reasonOf(result.value));
        const topic = this.catalog.state.topic(name);
        if (topic === undefined) return fail('timeout', 'it was created, and deleted again meanwhile');
        // Made it is, whether it can be opened here or not.
        this.#whenOpenHere(topic, () => this.#describe(topic, answer));
      });
    if (placement === 'all' && partitions === 1) {
      const full = this.#fullAmong(brokers);
      if (full === null) submit(null);
      else fail('tooManyTopics', full);
    } else {
      const placing = {
        text: originalName ?? name,
        placement: placement ?? 'hypercube',
        partitions: [0, partitions],
        replicas: wanted,
      } as const;
      this.#place(placing, fail, submit);
    }
  }

  /**
   * A broker that has just started, or takes part again, does not know yet who lives: it waits until it does.
   * @param text its name, or what it is placed by in place of it
   */
  #place(
    { text, ...wanted }: Pick<PlacingOptions, 'placement' | 'partitions' | 'replicas'> & { readonly text: string },
    fail: (code: ErrorCode, reason: string) => void,
    placed: (placed: NonNullable<CreateTopic['placed']>) => void,
  ): void {
    const { self, links, host } = this.#core;
    const nowMs = (): number => this.#core.nowMs();
    const bytes = host.bytes.utf8Encode(text);
    const goesOn = this.#lookUp(fail);
    const untilMs = nowMs() + lookUpMs;
    const attempt = (): void => {
      const isAlive = (broker: BrokerId): boolean => broker === self || links.isReady(broker);
      const placing = placeTopic({ ...wanted, name: bytes, brokers: this.#options.brokers, isAlive });
      const isSure = placing.kind === 'placed' && placing.partitions.every(({ awayFromHome }) => !awayFromHome);
      if (!isSure && nowMs() < untilMs && nowMs() < links.openedMs + settlingMs) return void host.clock.startTimer(placeAgainMs, attempt);
      if (!goesOn()) return;
      if (placing.kind === 'placed') {
        const full = this.#fullAmong(placing.partitions.flatMap((partition) => partition.replicas));
        const { placement } = wanted;
        return full === null ? placed({ placement, partitions: placing.partitions }) : fail('tooManyTopics', full);
      }
      fail(
        'noLeader',
        `it would be kept by brokers ${placing.assigned.join(', ')}, of which no majority can be reached, nor enough others`,
      );
    };
    attempt();
  }

  /** Why the catalog takes no more. */
  #fullCatalog(topicsMax: number): string {
    const { length: count } = this.catalog.state.topics;
    if (count < topicsMax) return 'the names that topics stand for are as many characters as the catalog keeps';
    return `the cluster has ${count} topics, those of Cairn among them, and may have ${topicsMax} (limits.topicsMax)`;
  }

  /** Why one of them takes no more, or null. A broker is named once for each replica that it would keep. */
  #fullAmong(brokers: readonly number[]): string | null {
    const { replicasPerBrokerMax: most } = this.#core.settings;
    const more = new Map<number, number>();
    for (const broker of brokers) more.set(broker, (more.get(broker) ?? 0) + 1);
    for (const [broker, count] of more) {
      const kept = this.catalog.state.replicasOn(broker);
      if (kept + count <= most) continue;
      return count === 1
        ? `broker ${broker} would keep it, and keeps ${most} partitions already, as many as its limit allows`
        : `broker ${broker} would keep ${count} of its partitions, and keeps ${kept} of the ${most} that its limit allows`;
    }
    return null;
  }

  #whenOpenHere({ partitions }: Topic, done: () => void): void {
    const here = partitions.filter((partition) => this.#replicas.isHere(partition));
    let left = here.length;
    if (left === 0) return done();
    for (const { group } of here)
      this.#replicas.whenOpen(groupId(group), () => {
        if (--left === 0) done();
      });
  }

  /** Gives it more partitions, or another size. Whoever else does so at the same time is reckoned with. */
  alter(name: string, changes: TopicChanges, answer: Answer<TopicDescription>): void {
    const doing = `alter ${shownTopic(name)}`;
    const fail = (code: ErrorCode, reason: string): void => this.#core.later(() => answer(failure(code, `Cannot ${doing}: ${reason}`)));
    if (name === logTopic || name === eventsTopic) return fail('topicProtected', 'it belongs to Cairn itself');
    if (this.#options.logOnly) return fail('unknownTopic', 'this broker keeps the topic "log" only');
    const untilMs = this.#core.nowMs() + lookUpMs;
    const attempt = (): void =>
      this.#whenCurrent(lookUpMs, (isCurrent) => {
        const topic = this.catalog.state.topic(name);
        if (!isCurrent) return fail('noLeader', 'nobody who leads the catalog could be asked');
        if (topic === undefined) return fail('unknownTopic', 'there is no such topic');
        this.#alter(topic, changes, fail, (result) => {
          if (!result.ok) return fail(result.error.code, `the catalog did not take it: ${result.error.message}`);
          if (result.value === 'changedMeanwhile' && this.#core.nowMs() < untilMs) return attempt();
          if (result.value !== 'done') return fail(codeOf(result.value), reasonOf(result.value));
          const altered = this.catalog.state.topic(name);
          if (altered === undefined) return fail('timeout', 'it was altered, and deleted meanwhile');
          this.#whenOpenHere(altered, () => this.#describe(altered, answer));
        });
      });
    attempt();
  }

  #alter(
    { name, id, settings, placement, partitions }: Topic,
    { partitions: wanted = partitions.length, ...others }: TopicChanges,
    fail: (code: ErrorCode, reason: string) => void,
    done: (result: Parameters<Parameters<Catalog['submit']>[1]>[0]) => void,
  ): void {
    const counted = partitions.length;
    if (wanted < counted) return fail('invalidRequest', `it has ${counted} partitions, and none is ever removed`);
    const submit = (added: readonly PlacedPartition[]): void =>
      this.catalog.submit({ type: 'alterTopic', name, id, ...others, counted, added }, done);
    const [first] = partitions;
    if (wanted === counted || first === undefined) return submit([]);
    const replicas = this.#replicas.membersOf(first).length;
    const placing = { text: settings.originalName ?? name, placement, partitions: [counted, wanted], replicas } as const;
    this.#place(placing, fail, (placed) => submit(placed.partitions));
  }

  delete(name: string, answer: Answer<undefined>): void {
    const fail = (code: ErrorCode, reason: string): void =>
      this.#core.later(() => answer(failure(code, `Cannot delete ${shownTopic(name)}: ${reason}`)));
    if (name === logTopic || name === eventsTopic) return fail('topicProtected', 'it belongs to Cairn itself');
    if (this.#options.logOnly) return fail('unknownTopic', 'this broker keeps the topic "log" only');
    this.catalog.submit({ type: 'deleteTopic', name }, (result) => {
      if (!result.ok) return fail(result.error.code, `the catalog did not take it: ${result.error.message}`);
      if (result.value !== 'done') return fail(codeOf(result.value), reasonOf(result.value));
      this.#core.later(() => answer({ ok: true, value: undefined }));
    });
  }

  /** As current as the catalog's leader if one can be asked, else as this broker knows it. */
  list(query: TopicQuery, answer: Answer<TopicPage>): void {
    const give = (isCurrent: boolean): void => {
      // A broker that has just started knows no topic yet, which must not look like a cluster without topics.
      if (!isCurrent && this.catalog.applied === 0) {
        const reason = 'this broker does not know the catalog yet, and nobody who leads it could be asked';
        return this.#core.later(() => answer(failure('noLeader', `Cannot list topics: ${reason}`)));
      }
      const { topics, count, next } = topicPage(this.catalog.state, { ...query, limit: Math.min(query.limit, topicPageMax) });
      const known = topics.filter((topic) => topic !== null);
      this.#ask(known, (said) => {
        const described = topics.map((topic) => (topic === null ? this.#logDescription() : this.#description(topic, said)));
        this.#core.later(() => answer({ ok: true, value: { topics: described, count, next } }));
      });
    };
    if (this.#options.logOnly) return give(true);
    this.#whenCurrent(lookUpMs, give);
  }

  describe(name: string, answer: Answer<TopicDescription>): void {
    const doing = `describe ${shownTopic(name)}`;
    this.resolve({ topic: name, partition: 0 }, lookUpMs, doing, answer, (group) => {
      const give = (): void => {
        const topic = this.catalog.state.topic(name);
        if (name === logTopic) this.#core.later(() => answer({ ok: true, value: this.#logDescription() }));
        else if (topic !== undefined) this.#describe(topic, answer);
        else this.#core.later(() => answer(failure('unknownTopic', `Cannot ${doing}: it was deleted`)));
      };
      const topic = this.catalog.state.topic(name);
      if (topic === undefined) this.#replicas.whenOpen(group, give);
      else this.#whenOpenHere(topic, give);
    });
  }

  explain(name: string, answer: Answer<TopicPlacement>): void {
    const doing = `explain ${shownTopic(name)}`;
    this.resolve({ topic: name, partition: 0 }, lookUpMs, doing, answer, () => {
      const known = this.catalog.state.topic(name);
      const partitions = name === logTopic ? [{ group: logGroup, placed: null }] : (known?.partitions ?? []);
      const led = (group: number): boolean => this.#core.replica(groupId(group))?.raft.role === 'leader';
      const others = partitions.filter(({ group }) => !led(group)).map(({ group }) => groupId(group));
      this.#options.elsewhere.statuses(others, (said) => {
        const { self, links, host } = this.#core;
        const value = explainTopic({
          topic: name,
          name: host.bytes.utf8Encode(known?.settings.originalName ?? name),
          placement: known?.placement ?? 'all',
          partitions,
          self,
          brokers: this.#options.brokers,
          isReachable: (broker) => links.isReady(broker),
          sinceHeardMs: (broker) => links.sinceHeardMs(broker),
          statusOf: (group) =>
            said.get(group) ?? (this.#core.replica(groupId(group)) === undefined ? undefined : this.#options.groups.status(groupId(group))),
        });
        this.#core.later(() => answer({ ok: true, value }));
      });
    });
  }

  /** Whether this broker has a replica of it, or is to have one. */
  isHere(partition: Partition): boolean {
    return this.#replicas.isHere(partition);
  }

  /** As this broker knows it. */
  statusOf(partition: Partition): PartitionStatus {
    return this.#statusOf(partition, nobodyAsked);
  }

  #logDescription(): TopicDescription {
    const partition = this.#options.groups.status(logGroup);
    return { name: logTopic, group: logGroup, settings: { retentionBytes: null }, createdMs: this.#startedMs, builtIn: true, partition };
  }

  /** What is known of partitions that have no replica here, by those who have one. */
  #ask(topics: readonly Topic[], done: (said: Statuses) => void): void {
    const away = topics.flatMap(({ partitions }) => partitions.filter((partition) => !this.#replicas.isHere(partition)));
    this.#options.elsewhere.statuses(
      away.map(({ group }) => groupId(group)),
      done,
    );
  }

  /** What is removed next of it its leaders know. */
  #describe(topic: Topic, answer: Answer<TopicDescription>): void {
    if (!isTrimmed(topic.settings))
      return this.#ask([topic], (said) => this.#core.later(() => answer({ ok: true, value: this.#description(topic, said) })));
    const led = (group: number): boolean => this.#core.replica(groupId(group))?.raft.role === 'leader';
    const others = topic.partitions.filter(({ group }) => !led(group)).map(({ group }) => groupId(group));
    this.#options.elsewhere.statuses(others, (said) => {
      const description = this.#description(topic, said);
      const whole = (status: PartitionStatus): PartitionStatus => {
        const nextRemoval = led(status.group) ? this.nextRemoval(status.group) : said.get(status.group)?.nextRemoval;
        return nextRemoval === undefined ? status : { ...status, nextRemoval };
      };
      const { partition, partitions } = description;
      const all = partitions === undefined ? {} : { partitions: partitions.map(whole) };
      this.#core.later(() => answer({ ok: true, value: { ...description, partition: whole(partition), ...all } }));
    });
  }

  /** Of a partition that is led here and of which something is removed. */
  nextRemoval(group: number): ReturnType<Retention['nextRemoval']> {
    return this.#retention.nextRemoval(group);
  }

  #description({ name, settings, createdMs, builtIn, placement, partitions, counts }: Topic, said: Statuses): TopicDescription {
    const [first] = partitions;
    assert(first !== undefined, 'a topic has a partition');
    const replicas = this.#replicas.membersOf(first).length;
    const { group } = first;
    const before = counts.slice(0, -1);
    const shown = { ...settings, placement, replicas };
    if (partitions.length === 1) return { name, group, settings: shown, createdMs, builtIn, partition: this.#statusOf(first, said) };
    const statuses = partitions.map((partition) => this.#statusOf(partition, said));
    const [partition = this.#statusOf(first, said)] = statuses;
    return {
      name,
      group,
      settings: { ...shown, partitions: partitions.length, ...(before.length === 0 ? {} : { partitionsBefore: before }) },
      createdMs,
      builtIn,
      partition,
      partitions: statuses,
    };
  }

  #statusOf(partition: Partition, said: Statuses): PartitionStatus {
    const group = groupId(partition.group);
    const members = this.#replicas.membersOf(partition);
    if (this.#replicas.isHere(partition)) return this.#options.groups.status(group, members);
    return elsewhereStatus(group, members, said.get(partition.group) ?? null);
  }

  // ------------------------------------------------------------------------------------------------------------ by the log

  advanced(replica: Replica): void {
    if (replica.group === catalogGroup) this.catalog.advanced(replica);
    else this.#retention.changed(replica.group);
  }

  #made(topic: Topic, partitions: readonly Partition[]): void {
    this.#version++;
    // What is only read again after a start was elected long ago.
    if (this.#registration.isDone) {
      const leadsCatalog = this.#core.replica(catalogGroup)?.raft.role === 'leader';
      for (const { group, placed } of partitions) {
        const isFirst = placed === null || placed.leader === null ? leadsCatalog : placed.leader === this.#core.self;
        if (isFirst) this.#firstElections.begin(groupId(group));
      }
    }
    for (const { group } of partitions) {
      // Open before the catalog told whose home it is.
      const replica = this.#core.replica(groupId(group));
      if (replica !== undefined) this.homecoming.roleChanged(replica);
    }
    this.#replicas.made(topic, partitions);
    // Its age may take something of a topic that nobody appends to.
    if (isTrimmed(topic.settings)) for (const { group } of partitions) this.#retention.changed(group);
    // Not within the command: whoever hears of it looks at the whole state.
    if (isInternalTopic(topic.name)) this.#core.later(() => this.#options.internalMade(topic.name));
  }

  roleChanged(replica: Replica): void {
    this.#maintainAtMs = 0;
    this.homecoming.roleChanged(replica);
  }

  /** Everything that the catalog had when it was read after the start has been opened. */
  get hasOpened(): boolean {
    return this.#hasOpened;
  }

  /** A topic that was made a moment ago has no leader yet. */
  get isElecting(): boolean {
    return this.#firstElections.isElecting;
  }

  /** What the catalog needs done now and then. */
  tick(nowMs: number): void {
    this.#replicas.openMade();
    this.#hasOpened ||= this.catalog.isCurrent && !this.#options.groups.isOpening;
    this.#firstElections.tick(nowMs);
    this.catalog.expire(nowMs);
    // Where the catalog is lost nobody knows here what became of them since.
    if (this.#options.groups.fenced(catalogGroup) === null) this.homecoming.tick(nowMs);
    if (this.#options.logOnly || nowMs < this.#maintainAtMs) return;
    this.#maintainAtMs = nowMs + maintainMs;
    this.#replicas.openAgain(nowMs);
    this.#retention.maintain();
    this.#registration.maintain(() => {
      this.#maintainAtMs = 0;
    });
  }
}

/** What is removed of a topic of Cairn's own. */
type InternalKept = Pick<TopicSettings, 'retentionBytes' | 'retentionUntilRead'>;

/** For those that keep subscribers. */
interface KnownTopic {
  readonly name: string;
  readonly id: number;
  readonly groups: readonly number[];
  readonly isKeptUntilRead: boolean;
}

const knownOf = ({ name, id, partitions, settings }: Topic): KnownTopic => ({
  name,
  id,
  groups: partitions.map(({ group }) => group),
  isKeptUntilRead: settings.retentionUntilRead === true,
});

function codeOf(outcome: CatalogOutcome): ErrorCode {
  switch (outcome) {
    case 'topicExists':
    case 'unknownTopic':
    case 'topicProtected':
    case 'tooManyTopics':
    case 'invalidTopicName':
      return outcome;
    case 'changedMeanwhile':
      return 'notCurrent';
    default:
      return 'internal';
  }
}

const reasons: Readonly<Record<CatalogOutcome, string>> = {
  done: 'it is done',
  topicExists: 'it exists',
  unknownTopic: 'there is no such topic',
  topicProtected: 'it belongs to Cairn itself',
  tooManyTopics: 'the cluster has as many topics as its limit allows',
  invalidTopicName: topicNameRule,
  staleIncarnation: 'a later incarnation is registered',
  changedMeanwhile: 'others alter it at the same time',
  invalid: 'the command was not understood',
};
const reasonOf = (outcome: CatalogOutcome): string => reasons[outcome];
