import { type BrokerId, type GroupId, groupId } from '../base/branded.ts';
import { formatHostPort } from '../base/host-port.ts';
import type { HybridClock, Stamp } from '../clocks/index.ts';
import { type BrokerStatus, LogError, type RecordService, type TopicQuery } from '../eventlog/index.ts';
import type { BrokerAddress, Host } from '../host/index.ts';
import type { Role } from '../raft/index.ts';
import { brokerProducerId } from '../record/index.ts';
import { inlineScanner, type SegmentScanner } from '../storage/index.ts';
import * as wire from '../wire/index.ts';
import {
  Appends,
  type Asker,
  Barriers,
  Elsewhere,
  PeerService,
  Reads,
  Relays,
  Requests,
  Revokes,
  Scans,
  Whereabouts,
} from './edge/index.ts';
import type { BrokerOptions } from './contract.ts';
import type { Core } from './core.ts';
import type { CausalRing } from './causal-ring.ts';
import type { Counters } from './counters.ts';
import { Events } from './events.ts';
import type { Groups, MachineState, Replica } from './replica/index.ts';
import { type FaultsByHand, Links, PeerLives } from './peers/index.ts';
import { decodeTopicQuery } from './topic-query.ts';
import { decodeHistoryQuery } from './history-query.ts';
import { QuietGroups } from './replica/index.ts';
import { openError, type OpenedData } from './opening.ts';
import type { LogSpans } from './log-spans.ts';
import type { Spans } from './spans.ts';
import { Scheduled } from './scheduled/index.ts';
import { Subscribers } from './subscribers/index.ts';
import { Topics } from './catalog/index.ts';
import {
  catalogGroup,
  eventsTopic,
  scheduledGroups,
  parkedTopic,
  scheduledTopic,
  subscriberGroups,
  subscribersTopic,
  topicGroupFirst,
} from './well-known.ts';

export interface ServicesOptions {
  readonly broker: BrokerOptions;
  readonly data: OpenedData;
  readonly groups: Groups;
  readonly hybrid: HybridClock;
  readonly causes: CausalRing;
  readonly spans: Spans;
  readonly logSpans: LogSpans;
  readonly counters: Counters;
  readonly linkFaults: FaultsByHand;
  wake(): void;
  /** Ticks since the start. */
  tickCount(): number;
  later(run: () => void): void;
  /** A message is about to be looked at: what time has passed counts first. */
  passTime(): void;
  /** Something was asked for: every tick counts again. */
  stir(): void;
  status(query: TopicQuery | null): BrokerStatus;
  /** The broker itself, for those of its services that use it as callers do. */
  readonly records: RecordService;
  fatal(error: LogError): void;
}

/** A sync that took this long is worth an event. */
const slowSyncMs = 250;

/** What a broker has once its data is open: the services of this folder, and what reaches several of them at once. */
export class Services {
  readonly core: Core;
  readonly links: Links;
  readonly peerLives: PeerLives;
  readonly requests: Requests;
  readonly relays: Relays;
  readonly barriers: Barriers;
  readonly appends: Appends;
  readonly reads: Reads;
  readonly scans: Scans;
  /** Of topics that have no replica here. */
  readonly elsewhere: Elsewhere;
  readonly revokes: Revokes;
  readonly peerService: PeerService;
  readonly topics: Topics;
  readonly subscribers: Subscribers;
  readonly scheduled: Scheduled;
  readonly quiet: QuietGroups;
  /** Null where nothing but `log` is kept. */
  readonly events: Events | null;
  readonly #options: ServicesOptions;
  #slowSyncToldMs = 0;

  constructor(options: ServicesOptions) {
    this.#options = options;
    const { data, groups, counters } = options;
    const { identity, life } = data;
    const { host, self, settings, logOnly, version } = options.broker;
    this.peerLives = new PeerLives({
      host,
      own: life,
      known: data.peers,
      registered: (peer) => this.topics.catalog.state.broker(peer) ?? null,
      failed: (failure) => options.fatal(openError('what it knows of its peers', failure)),
    });
    this.links = this.#makeLinks();
    this.quiet = new QuietGroups({
      self: self.id,
      peers: this.links.peers,
      settings,
      groups,
      observer: options.broker.observer ?? null,
      nowMs: () => host.clock.monotonicMs(),
      tickCount: () => options.tickCount(),
      isLinked: (peer) => this.links.isReady(peer),
      send: (peer, message) => this.links.send(peer, message),
    });
    const core: Core = {
      host,
      self: self.id,
      settings,
      counters,
      causes: options.causes,
      spans: options.spans,
      logSpans: options.logSpans,
      links: this.links,
      observer: options.broker.observer ?? null,
      nowMs: () => host.clock.monotonicMs(),
      wake: () => options.wake(),
      replica: (group) => groups.replica(group),
      membersOf: (group) => this.topics.membersOf(group),
      later: (run) => options.later(run),
    };
    this.core = core;
    this.relays = new Relays(
      core,
      options.broker.brokers.map(({ id }) => id),
    );
    this.requests = new Requests(core, this.relays);
    this.barriers = new Barriers(core, this.requests);
    const whereabouts = new Whereabouts(core, this.requests);
    this.appends = new Appends(core, this.requests, whereabouts, () => brokerProducerId(self.id, identity.incarnation));
    this.reads = new Reads(core, this.barriers);
    this.scans = new Scans(core, this.barriers, options.broker.scanner ?? ownScanner(host));
    this.elsewhere = new Elsewhere(core, this.requests, whereabouts);
    this.revokes = new Revokes(core, this.requests, whereabouts);
    this.peerService = new PeerService(core, this.barriers, this.reads, this.relays, {
      status: (asked) => {
        const withinMs = decodeHistoryQuery(asked, host.bytes);
        if (withinMs === null) return options.status(decodeTopicQuery(asked, host.bytes));
        return { history: options.broker.history?.(withinMs) ?? [] };
      },
      nameOf: (group) => this.topics.nameOf(group),
      keeping: (group, json, answer) => (this.#isScheduled(group) ? this.scheduled : this.subscribers).receive(group, json, answer),
      mayHandOver: (replica, to) => this.topics.homecoming.mayHandOver(replica.group, to, replica.leaderSinceMonotonicMs),
      statusOf: (group) => {
        if (groups.replica(groupId(group)) === undefined) return null;
        const nextRemoval = this.topics.nextRemoval(group);
        const status = groups.status(groupId(group));
        return nextRemoval === undefined ? status : { ...status, nextRemoval };
      },
    });
    this.topics = new Topics(core, {
      identity,
      nonce: life.nonce,
      address: formatHostPort(self),
      logOnly,
      brokers: options.broker.brokers.map(({ id }) => id),
      groups,
      appends: this.appends,
      barriers: this.barriers,
      reads: this.reads,
      scans: this.scans,
      elsewhere: this.elsewhere,
      requests: this.requests,
      usualSyncMs: () => groups.usualSyncMs,
      whereabouts,
      revokes: this.revokes,
      fatal: (error) => options.fatal(error),
      internalMade: (topic) => (topic === scheduledTopic ? this.scheduled : this.subscribers).created(),
      keptFrom: (group) => this.scheduled.keptFrom(group),
      furthestBehind: (partitions, done) => this.subscribers.furthestBehind(partitions, done),
    });
    const { topics } = this;
    const keeping = {
      core,
      appends: this.appends,
      barriers: this.barriers,
      requests: this.requests,
      whereabouts,
      records: this.#recordsForSubscribers(),
      isHere: (group: number) => topics.isGroupHere(group),
      isCatalogLost: () => groups.fenced(catalogGroup) !== null,
      takeState: (group: GroupId) => groups.takeMachine(group),
      lost: (group: GroupId, logStartOffset: number) => {
        const corruption = {
          path: `the log of group ${group}`,
          position: logStartOffset,
          expected: 'a checkpoint of what is kept in it',
          found: 'none',
        };
        core.later(() => groups.fence(group, { kind: 'corrupt', corruption }));
      },
    };
    this.subscribers = new Subscribers({
      ...keeping,
      topics: {
        topic: (name) => topics.known(name),
        topics: () => topics.allKnown(),
        version: () => topics.version,
        whenKnown: (done) => topics.whenKnown(done),
      },
      groups: () => topics.internalGroups(subscribersTopic),
      make: (answer) =>
        topics.makeInternal(subscribersTopic, subscriberGroups, { retentionBytes: settings.subscribersRetentionBytes }, answer),
      // Read is what no subscriber has as parked any more.
      parkedTopic: {
        groups: () => topics.internalGroups(parkedTopic),
        make: (answer) =>
          topics.makeInternal(
            parkedTopic,
            subscriberGroups,
            { retentionBytes: settings.parkedRetentionBytes, retentionUntilRead: true },
            answer,
          ),
      },
      whenKnown: (done) => topics.whenKnown(done),
    });
    this.scheduled = new Scheduled({
      ...keeping,
      topics: { topic: (name) => topics.known(name), whenKnown: (done) => topics.whenKnown(done) },
      groups: () => topics.internalGroups(scheduledTopic),
      make: (answer) => topics.makeInternal(scheduledTopic, scheduledGroups, { retentionBytes: settings.scheduledRetentionBytes }, answer),
      timeMs: () => Math.max(Math.floor(host.clock.wallMs()), options.hybrid.last.ms),
      stir: () => options.stir(),
      dropped: (id, { topic, partition }, reason) => {
        this.events?.note('scheduledDropped', { id, topic, partition, reason });
        host.logger.log('warn', 'scheduledDropped', { id, topic, partition, reason });
      },
    });
    this.events = logOnly ? null : new Events(core, this.appends, this.topics);
    this.events?.note('started', { version, incarnation: identity.incarnation });
  }

  /** As any caller reads, but where the replica here is damaged one of the others is read: whoever keeps cursors need not have all that they stand in. */
  #recordsForSubscribers(): RecordService {
    const { records } = this.#options;
    return {
      append: (request, answer) => records.append(request, answer),
      end: (request, answer) => records.end(request, answer),
      nextSequence: (request, answer) => records.nextSequence(request, answer),
      read: (request, answer) =>
        records.read(request, (outcome) => {
          const { group } = request;
          if (outcome.ok || outcome.error.code !== 'fenced' || group === undefined) return answer(outcome);
          this.elsewhere.read(request, groupId(group), (found) =>
            answer(found.ok ? { ok: true, value: { ...found.value, group } } : found),
          );
        }),
    };
  }

  /** What is asked of a group is of what it keeps. */
  #isScheduled(group: GroupId): boolean {
    return this.topics.catalog.state.placeOf(group)?.topic.name === scheduledTopic;
  }

  #makeLinks(): Links {
    const { broker, data, counters, causes, logSpans, hybrid, groups, linkFaults } = this.#options;
    const { host, self, brokers, settings, secret, version, logOnly } = broker;
    return new Links(
      {
        ...host,
        counters,
        causes,
        logSpans,
        self: self.id,
        peers: brokers.map(({ id }) => id).filter((id) => id !== self.id),
        clusterId: data.identity.clusterId,
        version,
        secret,
        // Two that differ in who votes in the catalog must not meet: they might count two quorums that miss each other.
        brokers: listOf(brokers, logOnly ? [] : groups.membersOf(catalogGroup).learners),
        linkBytesMax: settings.linkBytesMax,
        linkIdleMs: settings.linkIdleMs,
        faults: linkFaults,
        stamp: () => hybrid.next(),
        lives: this.peerLives,
      },
      {
        frame: (peer, frame, isInOrder) => this.#receive(peer, frame, isInOrder),
        stamped: (peer, stamp) => this.#stamped(peer, stamp),
        lost: (peer) => this.#linkLost(peer),
        ready: (peer) => this.#linkReady(peer),
        met: (peer, life) => broker.observer?.met(peer, life),
        disowned: (peer, reason) => {
          const said = `broker ${peer} says that ${reason}`;
          this.#options.fatal(new LogError('wrongIdentity', `Cannot take part with this data directory: ${said}`));
        },
      },
    );
  }

  /** Takes up what callers and peers have asked; part of a turn. True when something was done. */
  work(): boolean {
    const appended = this.appends.work();
    const revoked = this.revokes.work();
    const asked = this.barriers.work();
    return appended || revoked || asked;
  }

  /** More of a replica is committed and readable. */
  advanced(replica: Replica): void {
    this.topics.advanced(replica);
    this.subscribers.advanced(replica);
    this.scheduled.advanced(replica);
    this.barriers.advanced(replica);
    this.reads.advanced(replica);
    this.scans.advanced(replica);
  }

  /** As `GroupsContext` asks for it. */
  machineState(group: GroupId, least: number): MachineState | 'none' | null {
    if (group < topicGroupFirst) return 'none';
    const place = this.topics.catalog.state.placeOf(group);
    // As long as the catalog, read from its beginning after a start, has not come to it, nobody can tell that no machine follows it.
    if (place === undefined) return null;
    const { name } = place.topic;
    if (name === scheduledTopic) return this.scheduled.stateAt(group, least);
    return name === subscribersTopic ? this.subscribers.stateAt(group, least) : 'none';
  }

  /** A replica takes no part any more. */
  fenced(replica: Replica, reason: string): void {
    this.#options.causes.fault('fenced', replica.group);
    replica.appends.abandon('leadershipLost', 'its log cannot be used there any more');
    this.reads.abandon('fenced', reason, replica);
    this.scans.abandon('fenced', reason, replica);
  }

  tick(nowMs: number): void {
    // Nothing happens to the others, of which there may be thousands.
    this.#options.causes.restate(() => this.#options.groups.awake());
    // First: whoever is asked with this tick has not answered yet, and whoever rests is not asked.
    this.quiet.tick(nowMs);
    for (const replica of this.#options.groups.awake()) replica.tick(nowMs);
    this.#options.groups.tick(nowMs);
    this.requests.expire(nowMs);
    if (this.core.logSpans.isActive) this.core.logSpans.expire(nowMs);
    this.appends.expire(nowMs);
    this.barriers.expire(nowMs);
    this.reads.expire(nowMs);
    this.scans.expire(nowMs);
    this.topics.tick(nowMs);
    this.subscribers.tick(nowMs);
    this.scheduled.tick(nowMs);
    this.events?.tick(nowMs);
    this.retry();
  }

  /** One tick of a rest is over: it counts, and nothing else. */
  pass(nowMs: number): void {
    for (const replica of this.#options.groups.awake()) replica.passTick(nowMs);
    this.quiet.pass();
  }

  /** Nobody waits for anything that a tick within `restMs` would bring. */
  mayRest(nowMs: number, restMs: number): boolean {
    const isAsked = this.appends.queuedCount + this.requests.pendingCount + this.revokes.count > 0 || this.barriers.isWaiting;
    if (isAsked || this.scans.count + this.elsewhere.count > 0 || this.#options.groups.isOpening || this.topics.isElecting) return false;
    for (const replica of this.#options.groups.awake()) if (!replica.mayRest(nowMs, restMs)) return false;
    return true;
  }

  /** What was tried in vain may be tried again. */
  retry(): void {
    this.appends.retry();
    this.barriers.retry();
    this.revokes.retry();
    this.#options.wake();
  }

  /** The broker is told to act as crashed: whoever waits is answered, and nobody will answer what was asked of others. */
  abandonAll(reason: string): void {
    this.topics.abandon('crashed', reason);
    this.appends.abandon('crashed', 'crashed', reason);
    this.reads.abandon('crashed', reason);
    this.scans.abandon('crashed', reason);
    this.elsewhere.abandon('crashed', reason);
    this.subscribers.abandon('crashed', reason);
    this.scheduled.abandon('crashed', reason);
    this.barriers.abandon();
    this.revokes.forgetAttempts();
    this.requests.loseAll();
    for (const replica of this.#options.groups.replicas()) replica.appends.abandon('crashed', reason);
  }

  /** The broker stops: like `abandonAll`, but revokes end too. */
  stop(reason: string): void {
    this.topics.abandon('shuttingDown', reason);
    this.appends.abandon('shuttingDown', 'timeout', reason);
    this.reads.abandon('shuttingDown', reason);
    this.scans.abandon('shuttingDown', reason);
    this.elsewhere.abandon('shuttingDown', reason);
    this.subscribers.abandon('shuttingDown', reason);
    this.scheduled.abandon('shuttingDown', reason);
    this.barriers.abandon();
    this.revokes.abandon();
    this.requests.loseAll();
  }

  // ---------------------------------------------------------------------------------------------------------- peers

  #receive(peer: BrokerId, frame: wire.WireFrame, isInOrder: boolean): void {
    const { kind, body } = frame;
    this.#options.passTime();
    this.quiet.heard(peer);
    if (kind === wire.raftKinds.joined) {
      for (const message of wire.splitJoined(body) ?? []) this.#receiveRaft(peer, message);
    } else if (wire.isPulseKind(kind)) {
      const message = isInOrder ? wire.decodePulse(kind, body) : null;
      if (message !== null) this.quiet.receive(peer, message);
    } else if (frame.group < 1) {
      return;
    } else if (wire.isRaftKind(kind)) {
      if (frame.traces !== null) this.core.logSpans.received(groupId(frame.group), peer, frame.traces.batches);
      this.#receiveRaft(peer, frame);
    } else if (kind === wire.relayKinds.relay) {
      const arrived = isInOrder ? this.relays.receive(peer, frame) : null;
      if (arrived !== null)
        this.#asked({ broker: arrived.from, hops: arrived.hops, trace: arrived.trace }, frame.group, arrived, arrived.asked);
    } else if (isInOrder || wire.isAnswerKind(kind)) {
      // A request that came twice or late might do now what its sender has given up; it will ask again.
      this.#asked({ broker: peer, hops: null, trace: frame.traces?.context ?? null }, frame.group, frame, null);
    }
    this.#options.wake();
  }

  /** A request, or the answer to one. */
  #asked(asker: Asker, group: number, { kind, body }: Pick<wire.WireFrame, 'kind' | 'body'>, asked: wire.HopList | null): void {
    if (wire.isRequestKind(kind)) {
      const request = wire.decodeRequest(kind, body);
      if (request === null) return;
      this.#options.stir();
      this.peerService.receive(asker, groupId(group), request);
    } else if (wire.isAnswerKind(kind)) {
      const answer = wire.decodeAnswer(kind, body, this.#options.broker.host.bytes);
      if (answer !== null) this.requests.answered(asker.broker, answer, asked);
    }
  }

  #receiveRaft(peer: BrokerId, { kind, group, body }: wire.JoinedMessage): void {
    if (group < 1) return;
    const { groups, broker } = this.#options;
    const message = wire.decodeRaftMessage(kind, body, peer, broker.self.id);
    if (message !== null) groups.replica(groupId(group))?.receive(message);
  }

  #stamped(peer: BrokerId, stamp: Stamp): void {
    const { hybrid, broker } = this.#options;
    if (hybrid.observe(stamp)) this.links.clocksAhead.followed(peer);
    else this.links.clocksAhead.refused(peer, stamp.ms - broker.host.clock.wallMs());
  }

  /** What the peer missed goes to it at once; what waited for a way to it tries again. */
  #linkReady(peer: BrokerId): void {
    this.#options.stir();
    for (const replica of this.#options.groups.replicas()) replica.step({ type: 'reachable', peer });
    this.retry();
  }

  #linkLost(peer: BrokerId): void {
    this.#options.stir();
    for (const replica of this.#options.groups.replicas()) replica.step({ type: 'unreachable', peer });
    this.quiet.lost(peer);
    this.requests.lost(peer);
  }

  // ------------------------------------------------------------------------------------------------------- replicas

  roleChanged(replica: Replica, before: Role): void {
    const { counters, broker } = this.#options;
    this.#options.stir();
    const { role, term, leader } = replica.raft;
    this.#options.causes.role(replica.group, replica.raft);
    if (role === 'candidate' && before !== 'candidate') {
      counters.elections++;
      this.events?.note('election', { group: replica.group, term });
    }
    if (role === 'leader') this.events?.note('leader', { group: replica.group, term });
    if (leader !== null) counters.leaderChanges++;
    this.appends.leaderChanged(replica.group);
    this.topics.roleChanged(replica);
    broker.host.logger.log(role === 'leader' ? 'info' : 'debug', 'role', { group: replica.group, role, term, leader });
    this.retry();
  }

  /** Told once a second at most, and not about the topic that it is told in. */
  synced(replica: Replica, ms: number): void {
    if (ms < slowSyncMs || this.topics.group({ topic: eventsTopic }) === replica.group) return;
    const nowMs = this.core.nowMs();
    if (nowMs - this.#slowSyncToldMs < 1000) return;
    this.#slowSyncToldMs = nowMs;
    this.events?.note('slowSync', { group: replica.group, ms: Math.round(ms) });
    this.core.host.logger.log('warn', 'slowSync', { group: replica.group, ms: Math.round(ms) });
  }
}

/** Between the turns, and of texts only: for whoever has nothing better. */
const ownScanner = ({ disk, clock, bytes }: Host): SegmentScanner =>
  inlineScanner({ disk, clock, search: { bytes, regex: null, grep: null } });

/** As brokers compare it, and as people read it. */
const listOf = (brokers: readonly BrokerAddress[], catalogLearners: readonly BrokerId[]): string =>
  [...brokers]
    .sort((a, b) => a.id - b.id)
    .map(({ id, host, port }) => `${id}${catalogLearners.includes(id) ? ' (no voter)' : ''}=${formatHostPort({ host, port })}`)
    .join(', ');
