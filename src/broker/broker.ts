import { type BrokerId, brokerId, groupId } from '../base/branded.ts';
import { failed, ok, type Result } from '../base/result.ts';
import {
  type Answer,
  type AppendRequest,
  type AppendResult,
  type BrokerStatus,
  type EndResult,
  type FaultSwitch,
  type Freshness,
  LogError,
  type ReadRequest,
  type ReadResult,
  type TopicDescription,
  type TopicSettings,
} from '../eventlog/index.ts';
import type { DiskError, Timer } from '../host/index.ts';
import type { Role } from '../raft/index.ts';
import { brokerProducerId } from '../record/index.ts';
import type { Identity } from '../storage/contract.ts';
import * as wire from '../wire/index.ts';
import { Appends } from './appends.ts';
import { Barriers } from './barriers.ts';
import type { BrokerApi, BrokerOptions } from './contract.ts';
import { catalogGroup, type Core, eventsTopic, failure, logGroup } from './core.ts';
import { Counters } from './counters.ts';
import { Events } from './events.ts';
import { Groups } from './groups.ts';
import { HybridClock } from './hybrid-clock.ts';
import { Links } from './links.ts';
import { Loop } from './loop.ts';
import { openData, type OpenedData } from './opening.ts';
import { PeerService } from './peer-service.ts';
import { Reads, freshnessMs } from './reads.ts';
import type { Replica } from './replica.ts';
import { Requests } from './requests.ts';
import { Revokes } from './revokes.ts';
import { Topics } from './topics.ts';

type State = 'new' | 'opening' | 'open' | 'draining' | 'closing' | 'closed' | 'failed';

/** What a broker promises about another's status: it is named, with null if it does not come in this time (promise 5). */
const statusMs = 1000;
const slowSyncMs = 250;

/**
 * One broker: wires the rooms of this folder together, takes what callers and peers ask, and has one turn at a time (`loop.ts`).
 */
export class Broker implements BrokerApi {
  readonly #options: BrokerOptions;
  readonly #counters = new Counters();
  readonly #hybrid: HybridClock;
  readonly #loop: Loop;
  readonly #groups: Groups;
  #services: Services | null = null;
  #data: OpenedData | null = null;
  #state: State = 'new';
  #isCrashed = false;
  #tickTimer: Timer | null = null;
  #tickDueMs = 0;
  #answers: (() => void)[] = [];
  #isAnswering = false;
  #startedMs = 0;
  #slowSyncToldMs = 0;
  readonly faults: FaultSwitch;

  constructor(options: BrokerOptions) {
    this.#options = options;
    const { host } = options;
    this.#hybrid = new HybridClock(host.clock);
    this.#loop = new Loop(host.clock, this.#counters, {
      work: () => this.#services?.work() ?? false,
      replicas: () => this.#groups.replicas(),
      flush: () => this.#services?.links.flush(),
      answer: () => this.#flushAnswers(),
      fatal: (error, doing) => this.#diskFailed(error, doing),
    });
    this.#groups = new Groups(
      {
        self: options.self.id,
        voters: options.brokers.map(({ id }) => id),
        clock: host.clock,
        bytes: host.bytes,
        settings: options.settings,
        counters: this.#counters,
        hybrid: this.#hybrid,
        observer: options.observer ?? null,
        storage: host,
        randomBelow: (limit) => host.random.below(limit),
        wake: () => this.#loop.wake(),
        sendRaft: (group, message) => this.#services?.links.sendRaft(group, message),
        persist: (replica, persist, done) => this.#loop.persist(replica, persist, done),
        damaged: (replica, error) => this.#groups.fence(replica.group, error),
        roleChanged: (replica, before) => this.#roleChanged(replica, before),
        synced: (replica, ms) => this.#synced(replica, ms),
        derivedAgain: (replica) => this.#log('info', 'derivedAgain', { group: replica.group, endOffset: replica.tail.endOffset }),
        rolledBack: (replica, peer) => this.#log('error', 'peerRolledBack', { group: replica.group, peer }),
        refusedFrames: (replica, peer, problem) => this.#log('error', 'framesRefused', { group: replica.group, peer, problem }),
        diskFailed: (error, doing) => this.#diskFailed(error, doing),
      },
      {
        advanced: (replica) => this.#services?.advanced(replica),
        readCurrent: (replica, context, highWatermark) => this.#services?.barriers.readCurrent(replica, context, highWatermark),
        readFailed: (replica, context) => this.#services?.barriers.readFailed(replica, context),
      },
    );
    const isCrashed = (): boolean => this.#isCrashed;
    this.faults = {
      get crashed() {
        return isCrashed();
      },
      crash: () => this.#crash(),
      recover: () => this.#recover(),
    };
  }

  // ----------------------------------------------------------------------------------------------------------- life

  open(done: (result: Result<undefined, LogError>) => void): void {
    this.#state = 'opening';
    const { host, self, brokers, clusterId } = this.#options;
    this.#startedMs = host.clock.wallMs();
    openData(host, { self, brokers, clusterId }, (result) => {
      if (!result.ok) return this.#failToOpen(result.error, done);
      this.#data = result.value;
      this.#loop.useJournal(result.value.journal);
      this.#groups.useVotes(result.value.journal.votes);
      const first = this.#options.logOnly ? [logGroup] : [catalogGroup, logGroup];
      this.#groups.openAll(first, (error) => {
        if (error !== null) return this.#failToOpen(error, done);
        if (this.#state !== 'opening')
          return this.#failToOpen(new LogError('shuttingDown', 'Cannot open the broker: it was closed meanwhile'), done);
        this.#start(result.value.identity);
        done(ok(undefined));
      });
    });
  }

  #failToOpen(error: LogError, done: (result: Result<undefined, LogError>) => void): void {
    this.#state = 'failed';
    const release = this.#data?.lock;
    if (release === undefined) return done(failed(error));
    release.release(() => done(failed(error)));
  }

  #start(identity: Identity): void {
    this.#state = 'open';
    this.#services = this.#makeServices(identity);
    this.#loop.start();
    if (!this.#isCrashed) this.#services.links.open();
    else this.#loop.stop();
    this.#scheduleTick();
    for (const group of this.#groups.fencedGroups) this.#log('error', 'groupFenced', { group, reason: this.#groups.fenced(group) });
    this.#log('info', 'started', { broker: identity.brokerId, incarnation: identity.incarnation, cluster: identity.clusterId });
  }

  #makeServices(identity: Identity): Services {
    const { host, self, brokers, settings, secret, version } = this.#options;
    const peers = brokers.map(({ id }) => id).filter((id) => id !== self.id);
    const links = new Links(
      {
        ...host,
        counters: this.#counters,
        self: self.id,
        peers,
        incarnation: identity.incarnation,
        clusterId: identity.clusterId,
        version,
        secret,
        linkBytesMax: settings.linkBytesMax,
        stamp: () => this.#hybrid.next(),
        registeredIncarnation: (peer) => this.#services?.topics.catalog.state.broker(peer)?.incarnation ?? 0,
      },
      {
        frame: (peer, frame, isInOrder) => this.#receive(peer, frame, isInOrder),
        lost: (peer) => this.#linkLost(peer),
        ready: (peer) => this.#linkReady(peer),
      },
    );
    const core: Core = {
      host,
      self: self.id,
      settings,
      counters: this.#counters,
      links,
      nowMs: () => host.clock.monotonicMs(),
      wake: () => this.#loop.wake(),
      replica: (group) => this.#groups.replica(group),
      later: (run) => this.#later(run),
    };
    const requests = new Requests(core);
    const barriers = new Barriers(core, requests);
    const appends = new Appends(core, requests, () => brokerProducerId(self.id, identity.incarnation));
    const reads = new Reads(core, barriers);
    const revokes = new Revokes(core, requests);
    const peerService = new PeerService(core, barriers, () => this.#status());
    const topics = new Topics(core, {
      identity,
      address: `${self.host}:${self.port}`,
      logOnly: this.#options.logOnly,
      groups: this.#groups,
      appends,
      barriers,
      reads,
      voters: brokers.map(({ id }) => id),
      fatal: (error) => this.#fatal(error),
    });
    const events = this.#options.logOnly ? null : new Events(core, appends, topics);
    events?.note('started', { version, incarnation: identity.incarnation });
    return {
      core,
      links,
      events,
      requests,
      barriers,
      appends,
      reads,
      revokes,
      peerService,
      topics,
      work: () => {
        const appended = appends.work();
        const revoked = revokes.work();
        const asked = barriers.work();
        return appended || revoked || asked;
      },
      advanced: (replica) => {
        topics.advanced(replica);
        barriers.advanced(replica);
        reads.advanced(replica);
      },
    };
  }

  get ready(): boolean {
    if (this.#state !== 'open' || this.#isCrashed) return false;
    return (this.#groups.replica(logGroup)?.raft.leader ?? null) !== null && !this.#groups.isOpening;
  }

  close(graceMs: number, done: () => void): void {
    if (this.#state !== 'open' || this.#services === null) {
      this.#state = this.#state === 'failed' ? 'failed' : 'closed';
      this.#loop.stop();
      this.#options.host.clock.defer(done);
      return;
    }
    this.#state = 'draining';
    const { clock } = this.#options.host;
    const startMs = clock.monotonicMs();
    const services = this.#services;
    if (!this.#isCrashed) for (const replica of this.#groups.replicas()) replica.step({ type: 'transferLeadership', to: null });
    const poll = (): void => {
      if (this.#state === 'failed') return done();
      const spentMs = clock.monotonicMs() - startMs;
      let leads = false;
      for (const replica of this.#groups.replicas()) if (replica.raft.role === 'leader') leads = true;
      const isAlone = this.#options.brokers.length === 1;
      // A successor has been found by then, or there is none: all brokers may be stopping at once.
      const handOverMs = Math.min(graceMs / 2, this.#options.settings.electionTimeoutMs * 4);
      if ((leads && !isAlone && spentMs < handOverMs) || (services.appends.queuedCount > 0 && spentMs < graceMs)) {
        clock.startTimer(5, poll);
        return;
      }
      this.#finishClosing(services, done);
    };
    if (this.#isCrashed) this.#finishClosing(services, done);
    else poll();
  }

  #finishClosing(services: Services, done: () => void): void {
    this.#state = 'closing';
    services.appends.abandon('shuttingDown', 'timeout', 'the broker is stopping');
    services.reads.abandon('shuttingDown', 'the broker is stopping');
    services.barriers.abandon();
    services.revokes.abandon();
    this.#flushAnswers();
    this.#loop.stop();
    this.#tickTimer?.cancel();
    services.links.close('stopping');
    this.#groups.closeAll(() => {
      this.#data?.journal.close(() => {
        this.#data?.lock.release(() => {
          this.#state = 'closed';
          done();
        });
      });
    });
  }

  #diskFailed(error: DiskError, doing: string): void {
    const message = `Cannot ${doing}: ${error.operation} of ${error.path} failed: ${error.reason}`;
    this.#fatal(new LogError('diskFailed', message, { path: error.path }));
  }

  /** Nothing is answered and nothing leaves from here on. */
  #fatal(error: LogError): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#loop.stop();
    this.#answers = [];
    this.#tickTimer?.cancel();
    this.#services?.links.close('failed');
    this.#log('error', 'fatal', { code: error.code, message: error.message });
    this.#options.onFatal(error);
  }

  // ----------------------------------------------------------------------------------------------------------- time

  #scheduleTick(): void {
    const { clock } = this.#options.host;
    this.#tickDueMs = clock.monotonicMs() + this.#options.settings.tickMs;
    this.#tickTimer = clock.startTimer(this.#options.settings.tickMs, () => this.#tick());
  }

  /** However late it comes, it is one tick: a process that was paused reads its sockets before it thinks that its leader is gone. */
  #tick(): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    this.#counters.noteLoopLag(Math.max(0, nowMs - this.#tickDueMs));
    this.#scheduleTick();
    const services = this.#services;
    if (services === null || this.#isCrashed) return;
    for (const replica of this.#groups.replicas()) replica.tick(nowMs);
    services.requests.expire(nowMs);
    services.appends.expire(nowMs);
    services.barriers.expire(nowMs);
    services.reads.expire(nowMs);
    services.topics.tick(nowMs);
    services.events?.tick(nowMs);
    this.#retry();
  }

  #retry(): void {
    this.#services?.appends.retry();
    this.#services?.barriers.retry();
    this.#services?.revokes.retry();
    this.#loop.wake();
  }

  // ---------------------------------------------------------------------------------------------------------- peers

  #receive(peer: BrokerId, frame: wire.WireFrame, isInOrder: boolean): void {
    const services = this.#services;
    if (services === null || this.#state === 'failed' || frame.group < 1) return;
    this.#hybrid.observe(frame.stamp);
    const group = groupId(frame.group);
    if (wire.isRaftKind(frame.kind)) {
      const message = wire.decodeRaftMessage(frame.kind, frame.body, peer, this.#options.self.id);
      if (message !== null) this.#groups.replica(group)?.receive(message);
    } else if (wire.isRequestKind(frame.kind)) {
      // One that came twice or late might do now what its sender has given up; it will ask again.
      const request = isInOrder ? wire.decodeRequest(frame.kind, frame.body) : null;
      if (request !== null) services.peerService.receive(peer, group, request);
    } else if (wire.isAnswerKind(frame.kind)) {
      const answer = wire.decodeAnswer(frame.kind, frame.body, this.#options.host.bytes);
      if (answer !== null) services.requests.answered(peer, answer);
    }
    this.#loop.wake();
  }

  /** What the peer missed goes to it at once; what waited for a way to it tries again. */
  #linkReady(peer: BrokerId): void {
    for (const replica of this.#groups.replicas()) replica.step({ type: 'reachable', peer });
    this.#retry();
  }

  #linkLost(peer: BrokerId): void {
    for (const replica of this.#groups.replicas()) replica.step({ type: 'unreachable', peer });
    this.#services?.requests.lost(peer);
  }

  #roleChanged(replica: Replica, before: Role): void {
    const { role, term, leader } = replica.raft;
    const events = this.#services?.events;
    if (role === 'candidate' && before !== 'candidate') {
      this.#counters.elections++;
      events?.note('election', { group: replica.group, term });
    }
    if (role === 'leader') events?.note('leader', { group: replica.group, term });
    if (leader !== null) this.#counters.leaderChanges++;
    this.#services?.appends.leaderChanged(replica.group);
    this.#services?.topics.roleChanged();
    this.#log(role === 'leader' ? 'info' : 'debug', 'role', { group: replica.group, role, term, leader });
    this.#retry();
  }

  /** Told once a second at most, and not about the topic that it is told in. */
  #synced(replica: Replica, ms: number): void {
    const services = this.#services;
    if (ms < slowSyncMs || services === null || services.topics.group(eventsTopic) === replica.group) return;
    const nowMs = services.core.nowMs();
    if (nowMs - this.#slowSyncToldMs < 1000) return;
    this.#slowSyncToldMs = nowMs;
    services.events?.note('slowSync', { group: replica.group, ms: Math.round(ms) });
    this.#log('warn', 'slowSync', { group: replica.group, ms: Math.round(ms) });
  }

  // --------------------------------------------------------------------------------------------------------- faults

  #crash(): void {
    if (this.#isCrashed) return;
    this.#isCrashed = true;
    const services = this.#services;
    if (services === null) return;
    this.#loop.stop();
    services.links.close('crashed');
    services.requests.clear();
    const reason = 'the broker was told to act as crashed';
    services.appends.abandon('crashed', 'crashed', reason);
    services.reads.abandon('crashed', reason);
    services.barriers.abandon();
    services.revokes.forgetAttempts();
    services.events?.note('fault', { kind: 'crash' });
    for (const replica of this.#groups.replicas()) replica.appends.abandon('crashed', reason);
    this.#log('warn', 'crashed');
  }

  #recover(): void {
    if (!this.#isCrashed) return;
    this.#isCrashed = false;
    if (this.#services === null || this.#state === 'failed') return;
    for (const replica of this.#groups.replicas()) replica.step({ type: 'stepDown' });
    this.#services.links.open();
    this.#loop.start();
    this.#retry();
    this.#services.events?.note('fault', { kind: 'recover' });
    this.#log('warn', 'recovered');
  }

  // -------------------------------------------------------------------------------------------------------- callers

  append(request: AppendRequest, answer: Answer<AppendResult>): void {
    const doing = `append to topic "${request.topic}"`;
    this.#counters.edgeAppends++;
    const services = this.#open(doing, answer);
    if (services === null) return;
    services.topics.resolve(request.topic, Math.min(request.timeoutMs, freshnessMs), doing, answer, (group) =>
      services.appends.append(group, request, answer),
    );
  }

  revoke(topic: string, requestId: string, answer: Answer<undefined>): void {
    const doing = `revoke a request of topic "${topic}"`;
    const services = this.#services;
    // A revoke outlives the fault switch: it is what is owed to whoever was not answered.
    if (services === null || (this.#state !== 'open' && this.#state !== 'draining')) return void this.#open(doing, answer);
    services.topics.resolve(topic, freshnessMs, doing, answer, (group) => services.revokes.begin(group, requestId, answer));
  }

  read(request: ReadRequest, answer: Answer<ReadResult>): void {
    const doing = `read topic "${request.topic}"`;
    // While it acts as crashed its own process can still look at what it holds: `POST /exit` of contract 2 writes that down.
    const services = this.#open(doing, answer, request.freshness === 'local' && request.waitMs === 0);
    if (services === null) return;
    services.topics.withReplica(request.topic, doing, answer, (replica) => services.reads.begin(request, replica, answer));
  }

  end(topic: string, freshness: Freshness, answer: Answer<EndResult>): void {
    const doing = `read the end of topic "${topic}"`;
    const services = this.#open(doing, answer);
    if (services === null) return;
    services.topics.withReplica(topic, doing, answer, (replica) => {
      const give = (isConfirmed: boolean): void => {
        const asOfMs = isConfirmed ? 0 : replica.asOfMs(services.core.nowMs());
        this.#later(() => answer({ ok: true, value: { topic, offset: replica.visible, freshness, asOfMs } }));
      };
      if (freshness !== 'linearizable') return give(false);
      services.barriers.begin(replica.group, services.core.nowMs() + freshnessMs, (isCurrent) => {
        if (isCurrent) give(true);
        else this.#later(() => answer(failure('notCurrent', `Cannot ${doing}: no leader confirmed it in time`)));
      });
    });
  }

  nextSequence(topic: string, requestId: string, answer: Answer<number>): void {
    const doing = `look up a request of topic "${topic}"`;
    const services = this.#open(doing, answer);
    if (services === null) return;
    const { core } = services;
    const text = core.host.bytes.utf8Encode(requestId);
    const deadlineMs = core.nowMs() + freshnessMs;
    services.topics.withReplica(topic, doing, answer, (replica) => {
      const attempt = (): void => {
        const again = (value: number | null): void => {
          if (value !== null) return this.#later(() => answer({ ok: true, value }));
          if (this.#isCrashed)
            return this.#later(() => answer(failure('crashed', `Cannot ${doing}: the broker was told to act as crashed`)));
          if (core.nowMs() < deadlineMs) return void core.host.clock.startTimer(50, attempt);
          this.#later(() => answer(failure('notCurrent', `Cannot ${doing}: no leader confirmed it in time`)));
        };
        const leader = replica.raft.leader;
        if (leader === core.self) return services.peerService.nextSequence(replica.group, text, again);
        const request = { type: 'nextSequence' as const, requestId: text };
        const isSent =
          leader !== null &&
          services.requests.send(leader, replica.group, request, statusMs, (outcome) =>
            again(outcome.type === 'number' ? outcome.value : null),
          );
        if (!isSent) again(null);
        core.wake();
      };
      attempt();
    });
  }

  createTopic(name: string, settings: TopicSettings, answer: Answer<TopicDescription>): void {
    this.#open(`create topic "${name}"`, answer)?.topics.create(name, settings, answer);
  }

  deleteTopic(name: string, answer: Answer<undefined>): void {
    this.#open(`delete topic "${name}"`, answer)?.topics.delete(name, answer);
  }

  listTopics(answer: Answer<readonly TopicDescription[]>): void {
    this.#open('list topics', answer)?.topics.list(answer);
  }

  describeTopic(name: string, answer: Answer<TopicDescription>): void {
    this.#open(`describe topic "${name}"`, answer)?.topics.describe(name, answer);
  }

  status(answer: Answer<BrokerStatus>): void {
    this.#later(() => answer({ ok: true, value: this.#status() }));
  }

  brokers(answer: Answer<readonly { readonly id: number; readonly address: string; readonly status: BrokerStatus | null }[]>): void {
    const services = this.#open('ask the brokers', answer);
    if (services === null) return;
    const { self, brokers } = this.#options;
    const statuses = new Map<number, BrokerStatus | null>();
    const note = (id: number, status: BrokerStatus | null): void => {
      statuses.set(id, status);
      if (statuses.size < brokers.length) return;
      const value = brokers.map((broker) => ({
        id: broker.id,
        address: `${broker.host}:${broker.port}`,
        status: statuses.get(broker.id) ?? null,
      }));
      this.#later(() => answer({ ok: true, value }));
    };
    for (const { id } of brokers) {
      if (id === self.id) continue;
      const isSent = services.requests.send(id, catalogGroup, { type: 'status' }, statusMs, (outcome) =>
        note(id, outcome.type === 'status' ? parseStatus(outcome.json) : null),
      );
      if (!isSent) note(id, null);
    }
    note(self.id, this.#status());
    this.#loop.wake();
  }

  /** The status without waiting for a turn; for code that runs between turns, such as metrics and tests. */
  peek(): BrokerStatus {
    return this.#status();
  }

  #status(): BrokerStatus {
    const { self, brokers, version, host } = this.#options;
    const services = this.#services;
    const replicas = brokers.map(({ id }) => id);
    return {
      id: self.id,
      clusterId: this.#data?.identity.clusterId ?? '',
      incarnation: this.#data?.identity.incarnation ?? 0,
      version,
      address: `${self.host}:${self.port}`,
      durable: host.disk.durable,
      crashed: this.#isCrashed,
      startedMs: this.#startedMs,
      catalog: this.#groups.status(catalogGroup),
      partitions: services?.topics.partitions() ?? [{ topic: 'log', ...this.#groups.status(logGroup), replicas }],
      peers: brokers
        .filter(({ id }) => id !== self.id)
        .map((peer) => ({
          id: peer.id,
          address: `${peer.host}:${peer.port}`,
          connected: services?.links.isReady(brokerId(peer.id)) ?? false,
          lastHeardMs: services?.links.sinceHeardMs(peer.id) ?? null,
          bytesQueued: services?.links.bytesQueued(peer.id) ?? 0,
        })),
      counters: this.#counters.snapshot(services?.appends.queuedBytes ?? 0),
    };
  }

  /** The services, or null after the caller was told why not. */
  #open<Value>(doing: string, answer: Answer<Value>, isCrashedToo = false): Services | null {
    const refuse = (code: 'crashed' | 'starting' | 'shuttingDown', reason: string): null => {
      this.#later(() => answer(failure(code, `Cannot ${doing}: ${reason}`)));
      return null;
    };
    if (this.#isCrashed && !isCrashedToo) return refuse('crashed', 'the broker was told to act as crashed');
    if (this.#state === 'new' || this.#state === 'opening' || this.#services === null)
      return refuse('starting', 'the broker is still opening its logs');
    if (this.#state !== 'open' && this.#state !== 'draining') return refuse('shuttingDown', 'the broker is stopping');
    return this.#services;
  }

  /** At the end of the turn; while no turns are had, soon. */
  #later(run: () => void): void {
    if (this.#state === 'failed') return;
    this.#answers.push(run);
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    this.#options.host.clock.defer(() => {
      this.#isAnswering = false;
      this.#flushAnswers();
    });
  }

  #flushAnswers(): void {
    if (this.#answers.length === 0 || this.#state === 'failed') return;
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) answer();
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', event: string, fields: Record<string, string | number | boolean | null> = {}): void {
    this.#options.host.logger.log(level, event, fields);
  }
}

function parseStatus(json: string): BrokerStatus | null {
  try {
    return JSON.parse(json) as BrokerStatus;
  } catch {
    return null;
  }
}

interface Services {
  readonly core: Core;
  readonly links: Links;
  /** Null where nothing but `log` is kept. */
  readonly events: Events | null;
  readonly requests: Requests;
  readonly barriers: Barriers;
  readonly appends: Appends;
  readonly reads: Reads;
  readonly revokes: Revokes;
  readonly peerService: PeerService;
  readonly topics: Topics;
  /** Takes up what waits; part of a turn. */
  work(): boolean;
  advanced(replica: Replica): void;
}
