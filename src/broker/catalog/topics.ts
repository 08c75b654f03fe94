import { assert } from '../../base/assert.ts';
import { type BrokerId, type GroupId, groupId } from '../../base/branded.ts';
import type { ErrorCode } from '../../base/errors.ts';
import {
  type Answer,
  isTopicName,
  type PartitionStatus,
  shownTopic,
  type TopicDescription,
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
import { catalogGroup, eventsTopic, logGroup, logTopic, subscriberGroups, subscriberReplicas, subscribersTopic } from '../well-known.ts';
import { Catalog } from './catalog.ts';
import type { CatalogOutcome, CreateTopic, Partition, Topic } from './catalog-state.ts';
import { explainTopic } from './explaining.ts';
import { FirstElections } from './first-elections.ts';
import { Homecoming, type HomecomingOptions } from './homecoming.ts';
import { placeTopic, type PlacingOptions } from './placing.ts';
import { Registration, type RegistrationOptions } from './registration.ts';
import { Retention } from './retention.ts';
import { topicPage } from './topic-page.ts';
import { TopicReplicas, type TopicReplicasOptions } from './topic-replicas.ts';

export interface TopicsOptions extends TopicReplicasOptions, RegistrationOptions, Omit<HomecomingOptions, 'state'> {
  readonly logOnly: boolean;
  readonly barriers: Barriers;
  /** The groups that keep publishers and subscribers were made. */
  subscribersMade(): void;
}

/** No command has made it. */
const logTopicId = -1;

/** Of partitions without a replica here, by group. */
type Statuses = ReadonlyMap<number, PartitionStatus>;
const nobodyAsked: Statuses = new Map();

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
  readonly #startedMs: number;

  constructor(core: Core, options: TopicsOptions) {
    this.#core = core;
    this.#options = options;
    this.#startedMs = core.host.clock.wallMs();
    this.#firstElections = new FirstElections(core);
    this.#replicas = new TopicReplicas(core, () => this.catalog, options);
    this.catalog = new Catalog(core, options.appends, options.groups.topicsMaxOf(catalogGroup), {
      created: (topic) => this.#created(topic),
      deleted: (topic) => {
        this.#replicas.deleted(topic);
        for (const { group } of topic.partitions) {
          this.#retention.deleted(group);
          this.homecoming.deleted(group);
        }
      },
      trimmed: ({ group }) => this.#retention.changed(group),
    });
    this.#registration = new Registration(core, this.catalog, options);
    this.#retention = new Retention(core, this.catalog);
    this.homecoming = new Homecoming(core, { ...options, state: () => this.catalog.state });
  }

  // ------------------------------------------------------------------------------------------------------------- by name

  group(name: string): GroupId | null {
    if (name === logTopic) return logGroup;
    const group = this.catalog.state.topic(name)?.partitions[0]?.group;
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
    return group === catalogGroup ? '(catalog)' : (this.catalog.state.placeOf(group)?.topic.name ?? null);
  }

  /** The group of a topic that this broker knows and that is not fenced here. */
  whole(name: string): GroupId | null {
    const group = this.group(name);
    return group === null || this.#options.groups.fenced(group) !== null ? null : group;
  }

  /** Goes on with the topic's group, after asking the catalog's leader if this broker does not know the name. */
  resolve<Value>(name: string, waitMs: number, doing: string, answer: Answer<Value>, found: (group: GroupId) => void): void {
    const group = this.group(name);
    if (group !== null) return this.#unlessFenced(group, doing, answer, found);
    const fail = (code: ErrorCode, reason: string): void => this.#core.later(() => answer(failure(code, `Cannot ${doing}: ${reason}`)));
    if (this.#options.logOnly) return fail('unknownTopic', 'this broker keeps the topic "log" only');
    const goesOn = this.#lookUp(fail);
    this.#whenCurrent(Math.min(waitMs, lookUpMs), (isCurrent) => {
      if (!goesOn()) return;
      const known = this.group(name);
      if (known !== null) this.#unlessFenced(known, doing, answer, found);
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
    name: string,
    doing: string,
    answer: Answer<Value>,
    found: { here(replica: Replica): void; elsewhere(group: GroupId): void },
  ): void {
    this.resolve(name, lookUpMs, doing, answer, (group) => {
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
    if (this.group(name) === null) return this.#create(name, settings, fail, answer);
    // It may have been deleted since, elsewhere.
    this.#whenCurrent(lookUpMs, (isCurrent) => {
      if (!isCurrent) fail('noLeader', 'this broker knows a topic of that name, and nobody who leads the catalog could be asked');
      else if (this.group(name) !== null) fail('topicExists', 'it exists');
      else this.#create(name, settings, fail, answer);
    });
  }

  /** Of the groups that keep publishers and subscribers, in their order; none before they were made. */
  get subscriberGroups(): readonly number[] {
    return this.catalog.state.topic(subscribersTopic)?.partitions.map(({ group }) => group) ?? [];
  }

  /** Makes them, where there are none yet. */
  makeSubscriberGroups(answer: Answer<undefined>): void {
    const fail = (code: ErrorCode, reason: string): void =>
      this.#core.later(() => answer(failure(code, `Cannot make the groups that keep subscribers: ${reason}`)));
    if (this.#options.logOnly) return fail('topicProtected', 'this broker keeps the topic "log" only');
    const { topicsMax } = this.#core.settings;
    const replicas = Math.min(subscriberReplicas, this.#options.brokers.length);
    this.#place({ text: subscribersTopic, placement: 'hypercube', partitions: subscriberGroups, replicas }, fail, (placed) =>
      this.catalog.submit(
        { type: 'createTopic', name: subscribersTopic, retentionBytes: null, builtIn: true, topicsMax, placed, originalName: null },
        (result) => {
          if (!result.ok) return fail(result.error.code, `the catalog did not take it: ${result.error.message}`);
          if (result.value !== 'done' && result.value !== 'topicExists') return fail(codeOf(result.value), reasonOf(result.value));
          this.#core.later(() => answer({ ok: true, value: undefined }));
        },
      ),
    );
  }

  /** A topic of users, or `log`, as this broker knows it. */
  known(name: string): { readonly name: string; readonly id: number; readonly groups: readonly number[] } | undefined {
    if (name === logTopic) return { name, id: logTopicId, groups: [logGroup] };
    const topic = this.catalog.state.topic(name);
    return topic === undefined ? undefined : { name, id: topic.id, groups: topic.partitions.map(({ group }) => group) };
  }

  /** Those of users, as this broker knows them: what `*` means. */
  *allKnown(): Generator<NonNullable<ReturnType<Topics['known']>>> {
    for (const { name, id, partitions, builtIn } of this.catalog.state.topics)
      if (!builtIn) yield { name, id, groups: partitions.map(({ group }) => group) };
  }

  /** `done` comes once all topics are known here that there were when this was called, with false where nobody could say. */
  whenKnown(done: (isCurrent: boolean) => void): void {
    if (this.#options.logOnly) return done(true);
    this.#whenCurrent(lookUpMs, done);
  }

  /** Whether this broker has a replica of the group, or is to have one. */
  isGroupHere(group: number): boolean {
    const partition = this.catalog.state.placeOf(group)?.partition;
    return partition !== undefined && this.isHere(partition);
  }

  #create(name: string, settings: TopicSettings, fail: (code: ErrorCode, reason: string) => void, answer: Answer<TopicDescription>): void {
    const { retentionBytes, replicas, placement, originalName = null } = settings;
    const { topicsMax, replicasDefault } = this.#core.settings;
    const { brokers } = this.#options;
    const wanted = replicas ?? (placement === 'all' ? brokers.length : Math.min(replicasDefault, brokers.length));
    if (wanted > brokers.length) return fail('invalidRequest', `${wanted} replicas are wanted, and there are ${brokers.length} brokers`);
    if (placement === 'all' && wanted < brokers.length)
      return fail('invalidRequest', `with placement all each of the ${brokers.length} brokers has a replica`);
    const submit = (placed: CreateTopic['placed']): void =>
      this.catalog.submit({ type: 'createTopic', name, retentionBytes, builtIn: false, topicsMax, placed, originalName }, (result) => {
        if (!result.ok) return fail(result.error.code, `the catalog did not take it: ${result.error.message}`);
        if (result.value !== 'done') return fail(codeOf(result.value), reasonOf(result.value));
        const topic = this.catalog.state.topic(name);
        if (topic === undefined) return fail('timeout', 'it was created, and deleted again meanwhile');
        // Made it is, whether it can be opened here or not.
        this.#whenOpenHere(topic, () => this.#describe(topic, answer));
      });
    const full = placement === 'all' ? this.#fullAmong(brokers) : null;
    if (full !== null) fail('tooManyTopics', full);
    else if (placement === 'all') submit(null);
    else this.#place({ text: originalName ?? name, placement: placement ?? 'hypercube', partitions: 1, replicas: wanted }, fail, submit);
  }

  /**
   * A broker that has just started, or takes part again, does not know yet who lives: it waits until it does.
   * @param text its name, or what it is placed by in place of it
   */
  #place(
    { text, placement, partitions, replicas }: Pick<PlacingOptions, 'placement' | 'partitions' | 'replicas'> & { readonly text: string },
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
      const placing = placeTopic({ name: bytes, brokers: this.#options.brokers, placement, partitions, replicas, isAlive });
      const isSure = placing.kind === 'placed' && placing.partitions.every(({ awayFromHome }) => !awayFromHome);
      if (!isSure && nowMs() < untilMs && nowMs() < links.openedMs + settlingMs) return void host.clock.startTimer(placeAgainMs, attempt);
      if (!goesOn()) return;
      if (placing.kind === 'placed') {
        const full = this.#fullAmong(placing.partitions.flatMap((partition) => partition.replicas));
        return full === null ? placed({ placement, partitions: placing.partitions }) : fail('tooManyTopics', full);
      }
      fail(
        'noLeader',
        `it would be kept by brokers ${placing.assigned.join(', ')}, of which no majority can be reached, nor enough others`,
      );
    };
    attempt();
  }

  /** Why one of them takes no more, or null. */
  #fullAmong(brokers: readonly number[]): string | null {
    const { replicasPerBrokerMax } = this.#core.settings;
    const full = brokers.find((broker) => this.catalog.state.replicasOn(broker) >= replicasPerBrokerMax);
    return full === undefined
      ? null
      : `broker ${full} would keep it, and keeps ${replicasPerBrokerMax} partitions already, as many as its limit allows`;
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
    this.resolve(name, lookUpMs, doing, answer, (group) => {
      const give = (): void => {
        const topic = this.catalog.state.topic(name);
        if (name === logTopic) this.#core.later(() => answer({ ok: true, value: this.#logDescription() }));
        else if (topic !== undefined) this.#describe(topic, answer);
        else this.#core.later(() => answer(failure('unknownTopic', `Cannot ${doing}: it was deleted`)));
      };
      if (this.#isElsewhere(group)) give();
      else this.#replicas.whenOpen(group, give);
    });
  }

  explain(name: string, answer: Answer<TopicPlacement>): void {
    const doing = `explain ${shownTopic(name)}`;
    this.resolve(name, lookUpMs, doing, answer, () => {
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

  #describe(topic: Topic, answer: Answer<TopicDescription>): void {
    this.#ask([topic], (said) => this.#core.later(() => answer({ ok: true, value: this.#description(topic, said) })));
  }

  #description({ name, settings, createdMs, builtIn, placement, partitions }: Topic, said: Statuses): TopicDescription {
    const [partition] = partitions;
    assert(partition !== undefined, 'a topic has a partition');
    const replicas = this.#replicas.membersOf(partition).length;
    const { group } = partition;
    return { name, group, settings: { ...settings, placement, replicas }, createdMs, builtIn, partition: this.#statusOf(partition, said) };
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

  #created(topic: Topic): void {
    // What is only read again after a start was elected long ago.
    if (this.#registration.isDone) {
      const leadsCatalog = this.#core.replica(catalogGroup)?.raft.role === 'leader';
      for (const { group, placed } of topic.partitions) {
        const isFirst = placed === null || placed.leader === null ? leadsCatalog : placed.leader === this.#core.self;
        if (isFirst) this.#firstElections.begin(groupId(group));
      }
    }
    for (const { group } of topic.partitions) {
      // Open before the catalog told whose home it is.
      const replica = this.#core.replica(groupId(group));
      if (replica !== undefined) this.homecoming.roleChanged(replica);
    }
    this.#replicas.created(topic);
    // Not within the command: whoever hears of it looks at the whole state.
    if (topic.name === subscribersTopic) this.#core.later(() => this.#options.subscribersMade());
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
    this.homecoming.tick(nowMs);
    if (this.#options.logOnly || nowMs < this.#maintainAtMs) return;
    this.#maintainAtMs = nowMs + maintainMs;
    this.#replicas.openAgain(nowMs);
    this.#retention.maintain();
    this.#registration.maintain(() => {
      this.#maintainAtMs = 0;
    });
  }
}

function codeOf(outcome: CatalogOutcome): ErrorCode {
  switch (outcome) {
    case 'topicExists':
    case 'unknownTopic':
    case 'topicProtected':
    case 'tooManyTopics':
    case 'invalidTopicName':
      return outcome;
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
  invalid: 'the command was not understood',
};
const reasonOf = (outcome: CatalogOutcome): string => reasons[outcome];
