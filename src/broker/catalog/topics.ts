import { type GroupId, groupId } from '../../base/branded.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { type Answer, LogError, type PartitionStatus, type TopicDescription, type TopicSettings } from '../../eventlog/index.ts';
import type { Identity } from '../../storage/index.ts';
import type { Appends, Barriers, Reads, Revokes } from '../edge/index.ts';
import { Catalog } from './catalog.ts';
import { type CatalogOutcome, isTopicName, type Topic } from './catalog-state.ts';
import { type Core, failure } from '../core.ts';
import type { Groups, Replica } from '../replica/index.ts';
import { Retention } from './retention.ts';
import { catalogGroup, eventsTopic, logGroup, logTopic } from '../well-known.ts';

export interface TopicsOptions {
  readonly identity: Identity;
  /** Of this life. */
  readonly nonce: string;
  readonly address: string;
  readonly logOnly: boolean;
  readonly groups: Groups;
  readonly appends: Appends;
  readonly barriers: Barriers;
  readonly reads: Reads;
  readonly revokes: Revokes;
  readonly voters: readonly number[];
  fatal(error: LogError): void;
}

/** How long a caller waits to hear that a topic is really not there. */
const lookUpMs = 2000;
const maintainMs = 500;
const openAgainMs = 5000;
/** How long a caller waits for a topic's log to be opened. */
const openMs = 2000;
/** A topic that was just made is elected at once by the catalog's leader, unless the others are slow to open it: then by the timer, as always. */
const firstElection = { retryMs: 50, untilMs: 400 } as const;

/** Topics by name: from the catalog, and `log`, which needs none. Keeps the replicas in step with the catalog. */
export class Topics {
  readonly catalog: Catalog;
  readonly #core: Core;
  readonly #options: TopicsOptions;
  readonly #retention: Retention;
  /** By group: made by what of the catalog's log has taken effect so far, and opened once all of it has, for it may have deleted them too. */
  readonly #toOpen = new Map<number, Topic>();
  /** When topics whose log could not be opened are tried again. */
  readonly #unopened = new Map<number, number>();
  #isRegistered = false;
  #isMaintaining = false;
  #maintainAtMs = 0;
  /** Groups made while this broker led the catalog, which have no leader yet. */
  #unled: { readonly group: GroupId; readonly sinceMs: number; nextMs: number }[] = [];
  readonly #startedMs: number;

  constructor(core: Core, options: TopicsOptions) {
    this.#core = core;
    this.#options = options;
    this.#startedMs = core.host.clock.wallMs();
    this.catalog = new Catalog(core, options.appends, options.groups.topicsMaxOf(catalogGroup), {
      created: (topic) => this.#opened(topic),
      deleted: (topic) => this.#deleted(topic),
      trimmed: () => undefined,
    });
    this.#retention = new Retention(core, this.catalog);
  }

  // ------------------------------------------------------------------------------------------------------------- by name

  group(name: string): GroupId | null {
    if (name === logTopic) return logGroup;
    const topic = this.catalog.state.topic(name);
    return topic === undefined ? null : groupId(topic.group);
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
    this.#whenCurrent(Math.min(waitMs, lookUpMs), (isCurrent) => {
      const known = this.group(name);
      if (known !== null) this.#unlessFenced(known, doing, answer, found);
      else if (isCurrent) fail('unknownTopic', 'there is no such topic');
      else fail('noLeader', 'this broker does not know the topic, and nobody who leads the catalog could be asked');
    });
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

  withReplica<Value>(name: string, doing: string, answer: Answer<Value>, found: (replica: Replica) => void): void {
    this.resolve(name, lookUpMs, doing, answer, (group) => {
      this.#whenOpen(name, group, (error) => {
        const replica = this.#core.replica(group);
        if (replica !== undefined) return found(replica);
        if (this.#options.groups.fenced(group) !== null) return this.#unlessFenced(group, doing, answer, () => undefined);
        // Whatever keeps this broker from it, another one has the topic: whoever asked may go there.
        const isFull = error?.code === 'dataUnusable';
        const reason = isFull ? 'this broker has no space for it, the others go on' : 'it is still being opened';
        this.#core.later(() => answer(failure(isFull ? 'diskFull' : 'starting', `Cannot ${doing}: ${reason}`)));
      });
    });
  }

  /** Calls back once the group is open here or cannot be opened, and after a while in any case: a disk may hang. */
  #whenOpen(name: string, group: GroupId, done: (error: LogError | null) => void): void {
    if (this.#core.replica(group) !== undefined) return done(null);
    let isOver = false;
    const end = (error: LogError | null): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      done(error);
    };
    const timer = this.#core.host.clock.startTimer(openMs, () => end(null));
    this.#options.groups.open(group, this.catalog.state.topic(name)?.id ?? null, end);
  }

  // ---------------------------------------------------------------------------------------------------------- by callers

  create(name: string, settings: TopicSettings, answer: Answer<TopicDescription>): void {
    const fail = (code: ErrorCode, reason: string): void =>
      this.#core.later(() => answer(failure(code, `Cannot create topic "${name}": ${reason}`)));
    if (this.#options.logOnly) return fail('topicProtected', 'this broker keeps the topic "log" only');
    if (!isTopicName(name)) return fail('invalidTopicName', 'a name is 1-200 characters of a-z, 0-9, dot, dash, underscore');
    if (this.group(name) === null) return this.#create(name, settings, fail, answer);
    // It may have been deleted since, elsewhere.
    this.#whenCurrent(lookUpMs, (isCurrent) => {
      if (!isCurrent) fail('noLeader', 'this broker knows a topic of that name, and nobody who leads the catalog could be asked');
      else if (this.group(name) !== null) fail('topicExists', 'it exists');
      else this.#create(name, settings, fail, answer);
    });
  }

  #create(name: string, settings: TopicSettings, fail: (code: ErrorCode, reason: string) => void, answer: Answer<TopicDescription>): void {
    const { retentionBytes } = settings;
    const { topicsMax } = this.#core.settings;
    this.catalog.submit({ type: 'createTopic', name, retentionBytes, builtIn: false, topicsMax }, (result) => {
      if (!result.ok) return fail(result.error.code, `the catalog did not take it: ${result.error.message}`);
      if (result.value !== 'done') return fail(codeOf(result.value), reasonOf(result.value));
      const topic = this.catalog.state.topic(name);
      if (topic === undefined) return fail('timeout', 'it was created, and deleted again meanwhile');
      // Made it is, whether it can be opened here or not.
      this.#whenOpen(name, groupId(topic.group), () => this.#core.later(() => answer({ ok: true, value: this.#description(topic) })));
    });
  }

  delete(name: string, answer: Answer<undefined>): void {
    const fail = (code: ErrorCode, reason: string): void =>
      this.#core.later(() => answer(failure(code, `Cannot delete topic "${name}": ${reason}`)));
    if (name === logTopic || name === eventsTopic) return fail('topicProtected', 'it belongs to Cairn itself');
    if (this.#options.logOnly) return fail('unknownTopic', 'this broker keeps the topic "log" only');
    this.catalog.submit({ type: 'deleteTopic', name }, (result) => {
      if (!result.ok) return fail(result.error.code, `the catalog did not take it: ${result.error.message}`);
      if (result.value !== 'done') return fail(codeOf(result.value), reasonOf(result.value));
      this.#core.later(() => answer({ ok: true, value: undefined }));
    });
  }

  /** As current as the catalog's leader if one can be asked, else as this broker knows it. */
  list(answer: Answer<readonly TopicDescription[]>): void {
    const give = (isCurrent: boolean): void => {
      // A broker that has just started knows no topic yet, which must not look like a cluster without topics.
      if (!isCurrent && this.catalog.applied === 0) {
        const reason = 'this broker does not know the catalog yet, and nobody who leads it could be asked';
        return this.#core.later(() => answer(failure('noLeader', `Cannot list topics: ${reason}`)));
      }
      const descriptions = [this.#logDescription(), ...this.catalog.state.topics.map((topic) => this.#description(topic))];
      descriptions.sort((a, b) => (a.name < b.name ? -1 : 1));
      this.#core.later(() => answer({ ok: true, value: descriptions }));
    };
    if (this.#options.logOnly) return give(true);
    this.#whenCurrent(lookUpMs, give);
  }

  describe(name: string, answer: Answer<TopicDescription>): void {
    const doing = `describe topic "${name}"`;
    this.resolve(name, lookUpMs, doing, answer, (group) => {
      this.#whenOpen(name, group, () => {
        const topic = this.catalog.state.topic(name);
        if (name === logTopic) this.#core.later(() => answer({ ok: true, value: this.#logDescription() }));
        else if (topic !== undefined) this.#core.later(() => answer({ ok: true, value: this.#description(topic) }));
        else this.#core.later(() => answer(failure('unknownTopic', `Cannot ${doing}: it was deleted`)));
      });
    });
  }

  partitions(): ({ readonly topic: string } & PartitionStatus)[] {
    const partitions = [{ topic: logTopic, ...this.#options.groups.status(logGroup) }];
    for (const topic of this.catalog.state.topics)
      partitions.push({ topic: topic.name, ...this.#options.groups.status(groupId(topic.group)) });
    return partitions;
  }

  #logDescription(): TopicDescription {
    const partition = this.#options.groups.status(logGroup);
    return { name: logTopic, group: logGroup, settings: { retentionBytes: null }, createdMs: this.#startedMs, builtIn: true, partition };
  }

  #description({ name, group, settings, createdMs, builtIn }: Topic): TopicDescription {
    return { name, group, settings, createdMs, builtIn, partition: this.#options.groups.status(groupId(group)) };
  }

  // ------------------------------------------------------------------------------------------------------------ by the log

  advanced(replica: Replica): void {
    if (replica.group === catalogGroup) this.catalog.advanced(replica);
  }

  #opened(topic: Topic): void {
    const catalog = this.#core.replica(catalogGroup);
    // What is only read again after a start was elected long ago.
    if (catalog?.raft.role === 'leader' && this.#isRegistered) {
      const nowMs = this.#core.nowMs();
      this.#unled.push({ group: groupId(topic.group), sinceMs: nowMs, nextMs: nowMs });
    }
    if (this.#toOpen.size === 0) this.#core.later(() => this.#openMade());
    this.#toOpen.set(topic.group, topic);
  }

  #openMade(): void {
    // A catalog that is still being read comes back to this with the next tick.
    if (!this.catalog.isCurrent) return;
    const made = [...this.#toOpen.values()];
    this.#toOpen.clear();
    for (const topic of made) this.#open(topic);
  }

  #open(topic: Topic): void {
    this.#options.groups.open(groupId(topic.group), topic.id, (error) => {
      if (error === null) return void this.#unopened.delete(topic.group);
      if (error.code === 'diskFailed') return this.#options.fatal(error);
      // No space for its first file: without it the others go on, and it is tried again.
      if (!this.#unopened.has(topic.group))
        this.#core.host.logger.log('error', 'topicNotOpened', { topic: topic.name, reason: error.message });
      this.#unopened.set(topic.group, this.#core.nowMs() + openAgainMs);
    });
  }

  #openAgain(nowMs: number): void {
    for (const [group, atMs] of this.#unopened) {
      const topic = this.catalog.state.topics.find((one) => one.group === group);
      if (topic === undefined) this.#unopened.delete(group);
      else if (nowMs >= atMs) this.#open(topic);
    }
  }

  #deleted(topic: Topic): void {
    const group = groupId(topic.group);
    const replica = this.#core.replica(group);
    this.#toOpen.delete(topic.group);
    this.#options.appends.drop(group);
    this.#options.revokes.drop(group);
    if (replica !== undefined) {
      replica.appends.abandon('leadershipLost', 'it was deleted');
      this.#options.reads.abandon('unknownTopic', 'it was deleted', replica);
    }
    this.#options.groups.remove(group, topic.id);
  }

  roleChanged(): void {
    this.#maintainAtMs = 0;
  }

  #elect(nowMs: number): void {
    this.#unled = this.#unled.filter(({ group, sinceMs }) => {
      const leader = this.#core.replica(group)?.raft.leader ?? null;
      return leader === null && nowMs - sinceMs < firstElection.untilMs;
    });
    for (const one of this.#unled) {
      if (nowMs < one.nextMs) continue;
      one.nextMs = nowMs + firstElection.retryMs;
      this.#core.replica(one.group)?.step({ type: 'campaign' });
    }
  }

  /** A group that was made a moment ago has no leader yet. */
  get isElecting(): boolean {
    return this.#unled.length > 0;
  }

  /** What the catalog needs done now and then. */
  tick(nowMs: number): void {
    if (this.#toOpen.size > 0) this.#openMade();
    if (this.#unled.length > 0) this.#elect(nowMs);
    this.catalog.expire(nowMs);
    if (this.#options.logOnly || nowMs < this.#maintainAtMs) return;
    this.#maintainAtMs = nowMs + maintainMs;
    this.#openAgain(nowMs);
    this.#retention.maintain();
    if (this.#isMaintaining || !this.catalog.isCurrent) return;
    if (!this.#isRegistered) this.#register();
    else if (this.#core.replica(catalogGroup)?.raft.role === 'leader' && this.catalog.state.topic(eventsTopic) === undefined)
      this.#createEvents();
  }

  /** A data directory that was rolled back, or copied, comes with an incarnation that the catalog has seen already (design, D11). */
  #register(): void {
    const { nonce, identity } = this.#options;
    const { brokerId: id, incarnation } = identity;
    this.#isMaintaining = true;
    const command = { type: 'registerBroker' as const, id, incarnation, nonce, address: this.#options.address };
    this.catalog.submit(command, (result) => {
      this.#isMaintaining = false;
      if (!result.ok) return;
      if (result.value === 'done') {
        this.#isRegistered = true;
        this.#maintainAtMs = 0;
        return;
      }
      const known = this.catalog.state.broker(id);
      const reason = `it comes as incarnation ${incarnation}, but incarnation ${known?.incarnation ?? 0} has been here: it was rolled back or copied`;
      this.#options.fatal(new LogError('wrongIdentity', `Cannot take part with this data directory: ${reason}`));
    });
  }

  #createEvents(): void {
    this.#isMaintaining = true;
    const { eventsRetentionBytes: retentionBytes, topicsMax } = this.#core.settings;
    this.catalog.submit({ type: 'createTopic', name: eventsTopic, retentionBytes, builtIn: true, topicsMax }, () => {
      this.#isMaintaining = false;
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
  invalidTopicName: 'a name is 1-200 characters of a-z, 0-9, dot, dash, underscore',
  staleIncarnation: 'a later incarnation is registered',
  invalid: 'the command was not understood',
};
const reasonOf = (outcome: CatalogOutcome): string => reasons[outcome];
