import type { GroupId } from '../base/branded.ts';
import { formatHostPort } from '../base/host-port.ts';
import { failed, ok, type Result } from '../base/result.ts';
import {
  type Answer,
  type AppendRequest,
  type AppendResult,
  type BrokerCounters,
  type CountedStatus,
  type EndRequest,
  type EndResult,
  type FaultSwitch,
  type KnownBroker,
  type KnownHistory,
  type LinkFault,
  LogError,
  type Outcome,
  type ReadRequest,
  type ReadResult,
  type RecordsOf,
  type ScanRequest,
  type ScanResult,
  type ScanSink,
  refuseAppend,
  refuseChanges,
  refuseRead,
  refuseScan,
  refuseSettings,
  type ScheduleService,
  type SequenceRequest,
  type SubscriptionService,
  shownTopic,
  type TopicChanges,
  type TopicDescription,
  type TopicPage,
  type TopicPlacement,
  type TopicQuery,
  type TopicSettings,
} from '../eventlog/index.ts';
import { type AgentCauses, HybridClock, type TraceSource } from '../clocks/index.ts';
import type { DiskError } from '../host/index.ts';
import { isQuorum } from '../raft/index.ts';
import { refusing } from '../subscribers/index.ts';
import * as calls from './calls.ts';
import { CausalRing, processName } from './causal-ring.ts';
import type { BrokerApi, BrokerOptions, RecentCounts } from './contract.ts';
import { failure } from './core.ts';
import { countedDisk } from './counted-disk.ts';
import { Counters } from './counters.ts';
import { HeardAgents } from './heard-agents.ts';
import { FaultsByHand, fieldsOf } from './peers/index.ts';
import { Groups, SyncTimes } from './replica/index.ts';
import { LogSpans } from './log-spans.ts';
import { Loop } from './loop.ts';
import { openData, type OpenedData } from './opening.ts';
import { freshnessMs } from './edge/index.ts';
import { Services } from './services.ts';
import { Spans } from './spans.ts';
import { Ticker } from './ticker.ts';
import { TopicReport } from './topic-report.ts';
import { catalogGroup, catalogMembers, isInternalTopic, logGroup, logTopic } from './well-known.ts';

type State = 'new' | 'opening' | 'open' | 'draining' | 'closing' | 'closed' | 'failed';

const linkFaultNames = { pause: 'paused', partition: 'partitioned', delay: 'delayed', heal: 'healed' } as const;

const notByName = (topic: string): LogError =>
  new LogError('topicProtected', `Cannot append to ${shownTopic(topic)}: only Cairn itself does`);

const closedMeanwhile = (): LogError => new LogError('shuttingDown', 'Cannot open the broker: it was closed meanwhile');

/**
 * One broker: wires the rooms of this folder together, takes what callers and peers ask, and has one turn at a time (`loop.ts`).
 */
export class Broker implements BrokerApi {
  readonly #options: BrokerOptions;
  readonly #counters = new Counters();
  readonly #hybrid: HybridClock;
  readonly #causes: CausalRing;
  readonly spans: Spans;
  readonly #logSpans: LogSpans;
  readonly #loop: Loop;
  readonly #ticker: Ticker;
  readonly #groups: Groups;
  readonly #report: TopicReport;
  #services: Services | null = null;
  #data: OpenedData | null = null;
  #state: State = 'new';
  /** It was closed while it opened: told once that has come to its end. */
  #whenNotOpened: (() => void) | null = null;
  #isCrashed = false;
  readonly #linkFaults: FaultsByHand;
  #answers: (() => void)[] = [];
  #isAnswering = false;
  #startedMs = 0;
  readonly faults: FaultSwitch;
  readonly subscriptions: SubscriptionService;
  readonly schedules: ScheduleService;
  readonly agents: AgentCauses;

  constructor(options: BrokerOptions) {
    const host = { ...options.host, disk: countedDisk(options.host.disk, this.#counters) };
    this.#options = { ...options, host };
    this.#linkFaults = new FaultsByHand(
      options.self.id,
      options.brokers.map(({ id }) => id),
    );
    this.#hybrid = new HybridClock(host.clock);
    this.#causes = new CausalRing(options.self.id, host.clock, () => this.#hybrid.last);
    this.spans = new Spans(processName(options.self.id), host.clock, host.random);
    this.#logSpans = new LogSpans(this.spans, () => host.clock.monotonicMs());
    this.#causes.watch = options.observer?.happened ?? null;
    this.agents = new HeardAgents(this.#hybrid, this.#causes, this.#counters);
    this.#causes.topicOf = (group) => this.#services?.topics.nameOf(group) ?? null;
    this.#loop = new Loop(host.clock, this.#counters, {
      work: () => this.#services?.work() ?? false,
      holds: (replica) => this.#groups.replica(replica.group) === replica,
      flush: () => this.#services?.links.flush() ?? false,
      answer: () => this.#flushAnswers(),
      fatal: (error, doing) => this.#diskFailed(error, doing),
      fence: (replica, failure) => this.#groups.fence(replica.group, failure),
    });
    this.#ticker = new Ticker(host.clock, options.settings, {
      pass: (nowMs) => this.#services?.pass(nowMs),
      tick: (nowMs) => this.#services?.tick(nowMs),
      mayRest: (nowMs, restMs) => this.#state === 'open' && !this.#isCrashed && this.#services?.mayRest(nowMs, restMs) === true,
      counts: () => !this.#isCrashed,
      lag: (ms) => this.#counters.noteLoopLag(ms),
    });
    this.#groups = new Groups(
      {
        self: options.self.id,
        brokers: options.brokers.map(({ id }) => id),
        catalogMembers: catalogMembers(options.brokers.map(({ id }) => id)),
        clock: host.clock,
        bytes: host.bytes,
        settings: options.settings,
        counters: this.#counters,
        hybrid: this.#hybrid,
        causes: this.#causes,
        spans: this.spans,
        logSpans: this.#logSpans,
        observer: options.observer ?? null,
        logger: host.logger,
        syncTimes: new SyncTimes(),
        storage: host,
        randomBelow: (limit) => host.random.below(limit),
        tickCount: () => this.#ticker.count,
        wake: () => this.#loop.wake(),
        touched: (replica) => {
          if (replica.isQuiet) this.#services?.quiet.wake(replica);
          this.#loop.touched(replica);
        },
        quietCurrentMs: (replica) => this.#services?.quiet.currentMs(replica) ?? null,
        sendRaft: (group, message) => this.#services?.links.sendRaft(group, message),
        confirmOffice: (replica, deadlineMs, done) =>
          this.#services?.barriers.confirm(replica.group, deadlineMs, (highWatermark) => done(highWatermark !== null)),
        bulkBytesQueued: (peer) => this.#services?.links.bulkBytesQueued(peer) ?? 0,
        persist: (replica, persist, done) => this.#loop.persist(replica, persist, done),
        damaged: (replica, error) => this.#groups.fence(replica.group, error),
        machineState: (group, least) => this.#services?.machineState(group, least) ?? null,
        fenced: (replica, reason) => this.#services?.fenced(replica, reason),
        roleChanged: (replica, before) => this.#services?.roleChanged(replica, before),
        synced: (replica, ms) => this.#services?.synced(replica, ms),
        diskFailed: (error, doing) => this.#diskFailed(error, doing),
      },
      {
        advanced: (replica) => this.#services?.advanced(replica),
        readCurrent: (replica, context, highWatermark) => this.#services?.barriers.readCurrent(replica, context, highWatermark),
        readFailed: (replica, context) => this.#services?.barriers.readFailed(replica, context),
      },
    );
    this.#report = new TopicReport({
      groups: this.#groups,
      topics: () => this.#services?.topics ?? null,
      nowMs: () => options.host.clock.monotonicMs(),
    });
    this.subscriptions = refusing(this.#subscriptions(), host.clock);
    this.schedules = this.#schedules();
    const isCrashed = (): boolean => this.#isCrashed;
    const linkFaults = this.#linkFaults;
    this.faults = {
      get crashed() {
        return isCrashed();
      },
      crash: () => this.#crash(),
      recover: () => this.#recover(),
      get links() {
        return linkFaults.told;
      },
      switchLinks: (fault) => this.#switchLinks(fault),
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
      if (this.#state !== 'opening') return this.#failToOpen(closedMeanwhile(), done);
      this.#loop.useJournal(result.value.journal);
      this.#groups.useVotes(result.value.journal.votes);
      const first = this.#options.logOnly ? [logGroup] : [catalogGroup, logGroup];
      this.#groups.openAll(first, (error) => {
        if (error !== null) return this.#failToOpen(error, done);
        if (this.#state !== 'opening') return this.#failToOpen(closedMeanwhile(), done);
        this.#start(result.value);
        done(ok(undefined));
      });
    });
  }

  /** Whatever is open by then is closed again, so that nothing stays locked. */
  #failToOpen(error: LogError, done: (result: Result<undefined, LogError>) => void): void {
    if (this.#state !== 'closed') this.#state = 'failed';
    const data = this.#data;
    const told = (): void => {
      done(failed(error));
      this.#whenNotOpened?.();
    };
    if (data === null) return told();
    this.#groups.closeAll(() => data.journal.close(() => data.lock.release(told)));
  }

  #start(data: OpenedData): void {
    const { identity, life } = data;
    this.#state = 'open';
    this.#options.observer?.started(life);
    this.#causes.started(identity.incarnation);
    this.#services = new Services({
      broker: this.#options,
      data,
      groups: this.#groups,
      hybrid: this.#hybrid,
      causes: this.#causes,
      spans: this.spans,
      logSpans: this.#logSpans,
      counters: this.#counters,
      linkFaults: this.#linkFaults,
      wake: () => this.#loop.wake(),
      tickCount: () => this.#ticker.count,
      later: (run) => this.#later(run),
      passTime: () => this.#ticker.passTime(),
      stir: () => this.#ticker.stir(),
      status: (query) => this.peek(query),
      records: this,
      fatal: (error) => this.#fatal(error),
    });
    this.#loop.start();
    if (!this.#isCrashed) this.#services.links.open();
    else this.#loop.stop();
    this.#ticker.start();
    this.#log('info', 'started', { broker: identity.brokerId, incarnation: identity.incarnation, cluster: identity.clusterId });
  }

  get ready(): boolean {
    if (this.#state !== 'open' || this.#isCrashed) return false;
    // A topic that is made later is opened beside what is served: it would take all brokers from behind a load balancer at once.
    if (this.#groups.isOpening && this.#services?.topics.hasOpened !== true) return false;
    // A damaged `log` will not come back by waiting: the status says so, and the other topics are served.
    return this.#groups.fenced(logGroup) !== null || (this.#groups.replica(logGroup)?.raft.leader ?? null) !== null;
  }

  close(graceMs: number, done: () => void): void {
    if (this.#state !== 'open' || this.#services === null) {
      const isOpening = this.#state === 'opening';
      this.#state = this.#state === 'failed' ? 'failed' : 'closed';
      this.#loop.stop();
      if (isOpening) {
        this.#whenNotOpened = done;
        return;
      }
      this.#options.host.clock.defer(done);
      return;
    }
    this.#state = 'draining';
    this.#ticker.stir();
    const { clock } = this.#options.host;
    const startMs = clock.monotonicMs();
    const services = this.#services;
    const poll = (): void => {
      if (this.#state === 'failed') return done();
      const spentMs = clock.monotonicMs() - startMs;
      let handsOver = false;
      for (const replica of this.#groups.replicas()) {
        const { role, membership } = replica.raft;
        if (role !== 'leader' || membership.voters.length === 1) continue;
        // Without a majority nobody takes over and nothing is committed any more: all brokers are stopping, and this one is among the last.
        if (isQuorum(membership, (id) => id === this.#options.self.id || services.links.isReady(id))) handsOver = true;
        // Again and again: an office may come back from one that is stopping too, and a successor may have gone meanwhile.
        replica.step({ type: 'transferLeadership', to: null });
      }
      // A successor has been found by then, or there is none: all brokers may be stopping at once.
      const handOverMs = Math.min(graceMs / 2, this.#options.settings.electionTimeoutMs * 4);
      const hasAppends = services.appends.queuedCount > 0 && this.#seesMajority(services);
      if ((handsOver && spentMs < handOverMs) || (hasAppends && spentMs < graceMs)) {
        clock.startTimer(5, poll);
        return;
      }
      this.#finishClosing(services, done);
    };
    if (this.#isCrashed) this.#finishClosing(services, done);
    else poll();
  }

  #seesMajority({ links }: Services): boolean {
    const { brokers, self } = this.#options;
    const membership = { voters: brokers.map(({ id }) => id), votersOutgoing: [], learners: [] };
    return isQuorum(membership, (id) => id === self.id || links.isReady(id));
  }

  #finishClosing(services: Services, done: () => void): void {
    this.#state = 'closing';
    services.stop('the broker is stopping');
    this.#flushAnswers();
    this.#loop.close();
    this.#ticker.stop();
    services.links.close('stopping');
    this.#groups.closeAll(() => {
      services.peerLives.close(() => {
        this.#data?.journal.close(() => {
          this.#data?.lock.release(() => {
            this.#state = 'closed';
            done();
          });
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
    this.#causes.fault('fatal');
    this.#loop.stop();
    this.#answers = [];
    this.#ticker.stop();
    this.#services?.links.close('failed');
    this.#log('error', 'fatal', { code: error.code, message: error.message });
    this.#options.onFatal(error);
  }

  // --------------------------------------------------------------------------------------------------------- faults

  #crash(): void {
    if (this.#isCrashed) return;
    this.#isCrashed = true;
    const services = this.#services;
    if (services === null) return;
    this.#loop.stop();
    this.#causes.fault('crashed');
    services.links.close('crashed');
    services.abandonAll('the broker was told to act as crashed');
    services.events?.note('fault', { kind: 'crash' });
    this.#log('warn', 'crashed');
  }

  #recover(): void {
    if (!this.#isCrashed) return;
    this.#isCrashed = false;
    if (this.#services === null || this.#state === 'failed') return;
    this.#causes.fault('recovered');
    for (const replica of this.#groups.replicas()) replica.step({ type: 'stepDown' });
    this.#ticker.stir();
    this.#services.links.open();
    this.#loop.start();
    this.#services.retry();
    this.#services.events?.note('fault', { kind: 'recover' });
    this.#log('warn', 'recovered');
  }

  #switchLinks(fault: LinkFault): LogError | null {
    const refusal = this.#linkFaults.refuse(fault);
    if (refusal !== null) return new LogError('invalidRequest', refusal);
    if (!this.#linkFaults.take(fault)) return null;
    const services = this.#services;
    const fields = fieldsOf(fault);
    this.#log('warn', 'linkFault', fields);
    if (services === null || this.#state === 'failed') return null;
    this.#causes.fault(linkFaultNames[fault.action]);
    this.#ticker.stir();
    services.links.faultsChanged();
    services.events?.note('fault', fields);
    return null;
  }

  // -------------------------------------------------------------------------------------------------------- callers

  append(request: AppendRequest, answer: Answer<AppendResult>): void {
    this.#counters.edgeAppends++;
    const isOpen = this.#state === 'open' && !this.#isCrashed;
    if (isOpen) this.#ticker.stir();
    const services = isOpen ? this.#services : this.#open(`append to ${shownTopic(request.topic)}`, answer, false, false);
    if (services === null) return;
    if (isInternalTopic(request.topic)) return this.#later(() => answer({ ok: false, error: notByName(request.topic) }));
    const refusal = refuseAppend(request);
    if (refusal !== null) this.#later(() => answer({ ok: false, error: refusal }));
    else if (request.deliverAtMs !== undefined) this.#appendLater(request, request.deliverAtMs, services, answer);
    else calls.append(services, request, answer);
  }

  #appendLater(request: AppendRequest, deliverAtMs: number, services: Services, answer: Answer<AppendResult>): void {
    if (!this.#options.logOnly) return services.scheduled.schedule(request, deliverAtMs, answer);
    const doing = `append to ${shownTopic(request.topic)} later`;
    this.#later(() => answer(failure('topicProtected', `Cannot ${doing}: this broker keeps the topic "log" only`)));
  }

  partitionsOf(topic: string): readonly number[] | null {
    return this.#services?.topics.partitionsOf(topic) ?? null;
  }

  whenPartitionsKnown(topic: string, timeoutMs: number, answer: Answer<number>): void {
    const doing = `learn the partitions of ${shownTopic(topic)}`;
    const services = this.#open(doing, answer);
    if (services === null) return;
    const { clock } = this.#options.host;
    const startMs = clock.monotonicMs();
    const unknown = (): Outcome<number> => failure('noLeader', `Cannot ${doing}: nobody who leads the catalog could be asked`);
    const told = (isKnown: boolean): void => {
      const leftMs = Math.max(0, timeoutMs - Math.round(clock.monotonicMs() - startMs));
      this.#later(() => answer(isKnown ? { ok: true, value: leftMs } : unknown()));
    };
    // `log` has one whatever the catalog says, and needs none.
    if (topic === logTopic) told(true);
    else services.topics.whenKnown(told, timeoutMs);
  }

  explain(topic: string, answer: Answer<TopicPlacement>): void {
    this.#open(`explain ${shownTopic(topic)}`, answer)?.topics.explain(topic, answer);
  }

  revoke(records: RecordsOf, requestId: string, answer: Answer<undefined>): void {
    const { topic } = records;
    const doing = `revoke a request of ${shownTopic(topic)}`;
    // A revoke outlives the fault switch: it is what is owed to whoever was not answered.
    const services = this.#open(doing, answer, true);
    if (services === null) return;
    if (isInternalTopic(topic)) return this.#later(() => answer({ ok: false, error: notByName(topic) }));
    const begin = (group: GroupId): void => services.revokes.begin(group, requestId, answer);
    const known = services.topics.group(records);
    if (known === null) services.topics.resolve(records, freshnessMs, doing, answer, begin);
    else begin(known);
  }

  read(request: ReadRequest, answer: Answer<ReadResult>): void {
    // While it acts as crashed its own process can still look at what it holds: `POST /exit` of contract 2 writes that down.
    const services = this.#open(`read ${shownTopic(request.topic)}`, answer, request.freshness === 'local' && request.waitMs === 0);
    if (services === null) return;
    const refusal = refuseRead(request);
    if (refusal === null) calls.read(services, request, answer);
    else this.#later(() => answer({ ok: false, error: refusal }));
  }

  scan(request: ScanRequest, sink: ScanSink, answer: Answer<ScanResult>): void {
    const services = this.#open(`search ${shownTopic(request.topic)}`, answer);
    if (services === null) return;
    const refusal = refuseScan(request);
    if (refusal === null) calls.scan(services, request, sink, answer);
    else this.#later(() => answer({ ok: false, error: refusal }));
  }

  end(request: EndRequest, answer: Answer<EndResult>): void {
    const services = this.#open(`read the end of ${shownTopic(request.topic)}`, answer);
    if (services !== null) calls.end(services, request, answer);
  }

  nextSequence(request: SequenceRequest, answer: Answer<number>): void {
    const services = this.#open(`look up a request of ${shownTopic(request.topic)}`, answer);
    if (services !== null) calls.nextSequence(services, () => this.#isCrashed, request, answer);
  }

  /** Publishers and subscribers, of whatever broker keeps them. */
  #subscriptions(): SubscriptionService {
    const open = (doing: string, answer: Answer<never>): SubscriptionService | null => {
      const services = this.#open(doing, answer);
      if (services === null) return null;
      if (!this.#options.logOnly) return services.subscribers;
      this.#later(() => answer(failure('topicProtected', `Cannot ${doing}: this broker keeps the topic "log" only`)));
      return null;
    };
    return {
      createPublisher: (request, answer) => open('create a publisher', answer)?.createPublisher(request, answer),
      listPublishers: (query, answer) => open('list publishers', answer)?.listPublishers(query, answer),
      describePublisher: (id, answer) => open('describe a publisher', answer)?.describePublisher(id, answer),
      deletePublisher: (id, answer, requestId) => open('delete a publisher', answer)?.deletePublisher(id, answer, requestId),
      publish: (request, answer) => open(`publish to ${shownTopic(request.topic)}`, answer)?.publish(request, answer),
      createSubscriber: (request, answer) => open('create a subscriber', answer)?.createSubscriber(request, answer),
      listSubscribers: (query, answer) => open('list subscribers', answer)?.listSubscribers(query, answer),
      describeSubscriber: (id, answer) => open('describe a subscriber', answer)?.describeSubscriber(id, answer),
      deleteSubscriber: (id, answer, requestId) => open('delete a subscriber', answer)?.deleteSubscriber(id, answer, requestId),
      subscribe: (request, answer) => open(`subscribe to ${shownTopic(request.topic)}`, answer)?.subscribe(request, answer),
      unsubscribe: (request, answer) => open(`unsubscribe from ${shownTopic(request.topic)}`, answer)?.unsubscribe(request, answer),
      pull: (request, answer) => open('pull', answer)?.pull(request, answer),
      ack: (request, answer) => open('acknowledge', answer)?.ack(request, answer),
      nack: (request, answer) => open('take failed records', answer)?.nack(request, answer),
      listParked: (query, answer) => open('list what is parked', answer)?.listParked(query, answer),
      showParked: (request, answer) => open('show a parked record', answer)?.showParked(request, answer),
      changeParked: (request, answer) => open(`${request.does} what is parked`, answer)?.changeParked(request, answer),
      seek: (request, answer) => open(`seek in ${shownTopic(request.topic)}`, answer)?.seek(request, answer),
      heartbeat: (request, answer) => open('join a worker', answer)?.heartbeat(request, answer),
      leave: (request, answer) => open('end a worker', answer)?.leave(request, answer),
    };
  }

  /** What is appended later, whatever broker keeps it. */
  #schedules(): ScheduleService {
    const open = (doing: string, answer: Answer<never>): ScheduleService | null => {
      const services = this.#open(doing, answer);
      if (services === null || !this.#options.logOnly) return services?.scheduled ?? null;
      this.#later(() => answer(failure('topicProtected', `Cannot ${doing}: this broker keeps the topic "log" only`)));
      return null;
    };
    return {
      listScheduled: (query, answer) => open('list what is appended later', answer)?.listScheduled(query, answer),
      cancelScheduled: (id, answer) => open('cancel what is appended later', answer)?.cancelScheduled(id, answer),
    };
  }

  createTopic(name: string, settings: TopicSettings, answer: Answer<TopicDescription>): void {
    const services = this.#open(`create ${shownTopic(name)}`, answer);
    if (services === null) return;
    const refusal = refuseSettings(name, settings);
    if (refusal === null) services.topics.create(name, settings, answer);
    else this.#later(() => answer({ ok: false, error: refusal }));
  }

  alterTopic(name: string, changes: TopicChanges, answer: Answer<TopicDescription>): void {
    const services = this.#open(`alter ${shownTopic(name)}`, answer);
    if (services === null) return;
    const refusal = refuseChanges(name, changes);
    if (refusal === null) services.topics.alter(name, changes, answer);
    else this.#later(() => answer({ ok: false, error: refusal }));
  }

  deleteTopic(name: string, answer: Answer<undefined>): void {
    this.#open(`delete ${shownTopic(name)}`, answer)?.topics.delete(name, answer);
  }

  listTopics(query: TopicQuery, answer: Answer<TopicPage>): void {
    this.#open('list topics', answer)?.topics.list(query, answer);
  }

  describeTopic(name: string, answer: Answer<TopicDescription>): void {
    this.#open(`describe ${shownTopic(name)}`, answer)?.topics.describe(name, answer);
  }

  status(query: TopicQuery | null, answer: Answer<CountedStatus>): void {
    this.#later(() => answer({ ok: true, value: this.peek(query) }));
  }

  brokers(query: TopicQuery | null, answer: Answer<readonly KnownBroker[]>): void {
    const services = this.#open('ask the brokers', answer);
    if (services !== null) calls.askBrokers(services, this.#options.brokers, query, this.peek(query), answer);
  }

  history(withinMs: number, answer: Answer<readonly KnownHistory[]>): void {
    const services = this.#open('ask the brokers', answer);
    if (services !== null) calls.askHistories(services, this.#options, withinMs, answer);
  }

  get diskSyncs(): number {
    return this.#counters.diskSyncs;
  }

  get trace(): TraceSource {
    return this.#causes;
  }

  /** The status without waiting for a turn; for code that runs between turns, such as metrics and tests. */
  peek(query: TopicQuery | null = null): CountedStatus {
    const { self, brokers, version, host } = this.#options;
    const services = this.#services;
    const linkFaults = this.#linkFaults.told;
    return {
      id: self.id,
      clusterId: this.#data?.identity.clusterId ?? '',
      incarnation: this.#data?.identity.incarnation ?? 0,
      version,
      address: formatHostPort(self),
      durable: host.disk.durable,
      crashed: this.#isCrashed,
      ...(linkFaults === null ? {} : { linkFaults }),
      startedMs: this.#startedMs,
      wallMs: host.clock.wallMs(),
      catalog: this.#groups.status(catalogGroup),
      ...this.#report.of(query),
      peers: brokers
        .filter(({ id }) => id !== self.id)
        .map((peer) => ({
          id: peer.id,
          address: formatHostPort(peer),
          connected: services?.links.isReady(peer.id) ?? false,
          lastHeardMs: services?.links.sinceHeardMs(peer.id) ?? null,
          bytesQueued: services?.links.bytesQueued(peer.id) ?? 0,
          problem: services?.links.problemOf(peer.id) ?? null,
        })),
      counters: this.#counted(),
    };
  }

  #counted(): BrokerCounters {
    return this.#counters.snapshot({
      links: this.#services?.links.openCount ?? 0,
      queuedAppendBytes: this.#services?.appends.queuedBytes ?? 0,
      ...this.#groups.held,
    });
  }

  takeCounts(): RecentCounts {
    return {
      counters: this.#counted(),
      loopLagMs: this.#counters.takeLoopLag('history'),
      syncP99Ms: this.#counters.takeSyncMsP99(),
    };
  }

  /** The services, or null after the caller was told why not. */
  #open<Value>(doing: string, answer: Answer<Value>, isCrashedToo = false, isDrainingToo = true): Services | null {
    const refuse = (code: 'crashed' | 'starting' | 'shuttingDown', reason: string): null => {
      this.#later(() => answer(failure(code, `Cannot ${doing}: ${reason}`)));
      return null;
    };
    if (this.#isCrashed && !isCrashedToo) return refuse('crashed', 'the broker was told to act as crashed');
    if (this.#state === 'new' || this.#state === 'opening' || this.#services === null)
      return refuse('starting', 'the broker is still opening its logs');
    if (this.#state !== 'open' && !(this.#state === 'draining' && isDrainingToo)) return refuse('shuttingDown', 'the broker is stopping');
    this.#ticker.stir();
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
