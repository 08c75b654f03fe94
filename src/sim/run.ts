/**
 * `run` is the simulator's door: a seed in, a verdict out. It builds a cluster, lets clients and faults at it for some simulated minutes, ends all
 * faults, waits until the brokers agree again, reads everything back and asks every checker.
 */
import type { BrokerId } from '../base/branded.ts';
import { SeededRandom } from '../base/random.ts';
import { Broker, type BrokerApi, type BrokerOptions, catalogGroup, catalogVotersMax, internalReplicas } from '../broker/index.ts';
import { type BrokerSettings, defaultSettings } from '../broker/settings.ts';
import type { TraceEvent } from '../clocks/index.ts';
import {
  type AppendRequest,
  type AppendResult,
  type TopicPage,
  type TopicDescription,
  type TopicPlacement,
  topicPageMax,
} from '../eventlog/index.ts';
import type { Disk } from '../host/index.ts';
import { checkHistory } from './checkers/history-checks.ts';
import { checkAcknowledgedBecomesReadable } from './checkers/l17-acknowledged-becomes-readable.ts';
import { endOf, type GroupLedger } from './checkers/replica-ledger.ts';
import { StateWithItsPosition } from './checkers/st6-state-with-its-position.ts';
import { SpaceForElections } from './checkers/st9-space-for-elections.ts';
import { MajorityAcknowledges } from './checkers/v2-majority-acknowledges.ts';
import { checkHeldLogs, checkShownLogs } from './checkers/v5-replicas-converge.ts';
import { Liveness, settleMsMax } from './checkers/v6-liveness.ts';
import { type CheckReport, Findings, type Violation, violationsOf } from './checkers/verdict.ts';
import {
  addAppender,
  addDivider,
  addFailing,
  addLaterClient,
  addReader,
  addSearcher,
  addSubscriber,
  addWorkers,
  addTopicMaker,
  type ClientSettings,
  ClientWorld,
  streamAppendsMax,
} from './clients/index.ts';
import { Cluster, type Member } from './cluster.ts';
import { type FaultName, lastingDamage, longLasting } from './faults/names.ts';
import { FaultSchedule } from './faults/schedule.ts';
import { strikes } from './faults/strikes.ts';
import { readFinalLog } from './final-logs.ts';
import { type AppendOperation, batchOfAppend, History } from './history.ts';
import { readParkedCopies } from './parked-copies.ts';
import { recordsAt } from './place-name.ts';
import { changedSettings, forgetfulSettings, leastIdsKept, retrySettings, swarmSettings, topicLimits } from './settings.ts';
import { drawTopics, type LastingTopic, topicsLeast } from './topics.ts';
import type { CrashTrap, LogLine } from './world.ts';

export { type FaultName, faultNames, parseFaults } from './faults/names.ts';
export { describeViolation } from './checkers/verdict.ts';

export interface RunOptions {
  readonly seed: number;
  readonly brokers: number;
  /** Simulated minutes with clients and faults; healing comes on top. */
  readonly minutes: number;
  readonly faults: readonly FaultName[];
  /** That are there for the whole run, beside `log` and those that come and go: `topicsLeast`, which is the default, or more. */
  readonly topics?: number | undefined;
  /** Scales the clients' pauses; 1 is the default load. */
  readonly thinkMs?: number;
  readonly settings?: Partial<BrokerSettings>;
  readonly onLog?: (line: LogLine) => void;
  /** Told now and then how much of the time under faults is simulated. */
  readonly onProgress?: (simulatedMs: number) => void;
  /** Gets the run as a trace while it runs. */
  readonly onTrace?: (event: TraceEvent) => void;
  /** Kills a broker at a chosen host call of its first life, counted from its start; for sweeps over all of them. */
  readonly trap?: CrashTrap & { readonly broker: number };
  /** What is simulated, for proving that the checkers see a wrong program. */
  readonly makeBroker?: (options: BrokerOptions) => BrokerApi;
  readonly sabotageDisk?: (disk: Disk) => Disk;
}

interface Figures {
  /** Answered with success, all levels. */
  readonly appendsAcknowledged: number;
  readonly recordsAcknowledged: number;
  readonly appendsFailedDefinitely: number;
  /** Nobody will ever tell the client. */
  readonly appendsUnknown: number;
  readonly duplicateAnswers: number;
  readonly revokes: number;
  readonly reads: number;
  readonly recordsRead: number;
  readonly ends: number;
  readonly kills: number;
  readonly elections: number;
  /** Longest time between two acknowledgements. */
  readonly longestGapMs: number;
  readonly simulatedMs: number;
  readonly events: number;
  readonly sends: number;
  readonly bytesSent: number;
  readonly hostCalls: number;
}

export interface Verdict {
  readonly ok: boolean;
  readonly seed: number;
  readonly brokers: number;
  readonly topics: number;
  readonly figures: Figures;
  readonly checks: readonly CheckReport[];
  /** Of all checks that found something or could not finish. */
  readonly violations: readonly Violation[];
  /** How often what: faults, crash points, rare paths. */
  readonly coverage: Readonly<Record<string, number>>;
  /** Equal for equal seeds and equal programs, on every computer. */
  readonly traceHash: string;
}

/** Of one topic that comes and goes. */
const passingPartitionsMost = 4;
/** Topics are made so many at a time, beyond the first. */
const makersAtOnce = 8;
/** Whether a run has subscribers is drawn by itself: the others are what they were before there were any. */
const pulledSalt = 7919;
const sharedSalt = 104_729;
const failingSalt = 67_867_967;
const laterSalt = 15_485_863;
const untilReadSalt = 49_979_687;
/** Simulated time between two words of progress. */
const progressMs = 1_000;
/** Acknowledged appends that are sent again after the last restart. */
const repeatsMax = 40;

export function run(options: RunOptions): Verdict {
  const root = new SeededRandom(options.seed);
  const random = root.fork();
  const parting = root.fork();
  const { lasting, fixedPlaces, busyPlaces } = drawTopics(options.seed, options.topics ?? topicsLeast, parting);
  const faultsOfRun = swarmFaults(random, options.faults);
  /** Brokers remember so few request ids, for so short a time, that clients meet those limits. */
  const isForgetful = random.chance(0.5);
  /** Topics are on some of the brokers in half of the runs with more than three, and on all of them in the others. */
  const replicas = random.chance(0.5) ? Math.min(options.brokers, defaultSettings.replicasDefault) : options.brokers;
  /** Subscribers beside those who append and read, in one run of three. */
  const isPulled = new SeededRandom(options.seed + pulledSalt).chance(1 / 3);
  /** Or several workers that share one. */
  const isShared = !isPulled && new SeededRandom(options.seed + sharedSalt).chance(1 / 4);
  /** Topics that are kept until these have read them, in half of those. */
  const untilRead = new SeededRandom(options.seed + untilReadSalt);
  const isKeptUntilRead = isPulled && untilRead.chance(1 / 2);
  /** Or some who give records that are appended later. */
  const isLater = !isPulled && !isShared && new SeededRandom(options.seed + laterSalt).chance(1 / 2);
  /** Or some whose records fail, beside those now and then. */
  const failing = new SeededRandom(options.seed + failingSalt);
  const isFailing = !isPulled && !isShared && failing.chance(isLater ? 1 / 3 : 2 / 3);
  const cluster = new Cluster({
    seed: options.seed,
    brokerCount: options.brokers,
    makeBroker: options.makeBroker ?? ((brokerOptions) => new Broker(brokerOptions)),
    settings: options.settings,
    settingsOf: drawnSettings(
      random,
      isForgetful,
      { replicasDefault: replicas, ...(isFailing ? retrySettings(failing) : {}) },
      lasting.length,
    ),
    // So many as vote in the smallest group.
    replicas: Math.min(isPulled || isShared || isFailing || isLater ? internalReplicas : catalogVotersMax, replicas),
    inMemory: false,
    logOnly: false,
    clockSkewMsMax: 300,
    clockDriftMax: 0.001,
    sabotageDisk: options.sabotageDisk,
    onLog: options.onLog,
    onTrace: options.onTrace,
  });
  const history = new History();
  const passing = { passingPartitionsMax: parting.chance(0.5) ? passingPartitionsMost : 1 };
  const places = { topics: fixedPlaces, busyTopics: busyPlaces };
  const clients = new ClientWorld(cluster, history, { ...clientSettings(options), ...places, ...passing });
  const faults = new FaultSchedule(cluster, strikes, faultsOfRun, () => clients.appendsInFlight > 0);
  const liveness = new Liveness(cluster);
  const majorityAcknowledges = new MajorityAcknowledges();
  const spaceForElections = new SpaceForElections();

  record(options, cluster, faultsOfRun, [
    ...cluster.findings,
    ...clients.findings,
    ...[liveness, majorityAcknowledges, spaceForElections].map(({ findings }) => findings),
  ]);
  for (const member of cluster.members) cluster.start(member);
  if (options.trap !== undefined) cluster.member(options.trap.broker).machine.trap = { ...options.trap };
  const retentionBytes = random.pick([8, 16, 32]) * 1024;
  const laterClients: { whenAllDelivered(done: () => void): void }[] = [];
  const subscribers: { drain(done: () => void): void }[] = [];
  if (isKeptUntilRead) for (const { name, isRecent } of lasting) if (!isRecent) history.keptUntilRead.add(name);
  createTopics(cluster, clients, lasting, retentionBytes, () => {
    for (const kind of ['plain', 'plain', 'keyed', 'keyed', 'stream', 'pipeline', 'compare', 'revoker'] as const)
      addAppender(clients, kind);
    addDivider(clients);
    for (const kind of ['end', 'end', 'follower', 'follower', 'fromStart', 'session'] as const) addReader(clients, kind);
    for (let i = 0; i < 2; i++) addSearcher(clients);
    addTopicMaker(clients);
    if (isPulled) for (const kind of ['numbered', 'numbered', 'byHand', 'byHand'] as const) subscribers.push(addSubscriber(clients, kind));
    const isKept = (place: string): boolean => lasting.every(({ name, isRecent }) => !isRecent || recordsAt(place).topic !== name);
    if (isShared) subscribers.push(addWorkers(clients, busyPlaces.filter(isKept)));
    if (isFailing) subscribers.push(...addFailing(clients, busyPlaces.filter(isKept)));
    if (isLater) for (let i = 0; i < 2; i++) laterClients.push(addLaterClient(clients));
    clients.lastAckMs = cluster.nowMs;
    faults.begin();
    lookNowAndThen(cluster, clients, () => {
      const isCalm = majorityAcknowledges.look(cluster.nowMs, faults.calmSinceMs(), clients.lastAckMs);
      if (isCalm && faults.hasStruck('disksSlow')) cluster.world.coverage.reach('calm.disksSlow');
      spaceForElections.look(
        cluster.nowMs,
        faults.onlySinceMs('disksFull'),
        cluster.sound.map(({ broker }) => broker),
      );
    });
  });
  const faultsMs = options.minutes * 60_000;
  for (let atMs = 0; atMs < faultsMs; ) {
    atMs = Math.min(faultsMs, atMs + progressMs);
    cluster.world.scheduler.runUntil(atMs);
    options.onProgress?.(atMs);
  }

  faults.heal();
  clients.running = false;
  const healedMs = cluster.nowMs;
  // Disks that are slow for the whole run stay so: an append takes its leader's sync and a follower's.
  const slowestSyncMs = Math.max(...cluster.members.map(({ machine }) => machine.disk?.extraSyncMs ?? 0));
  const lastCallsMs = streamAppendsMax * 2 * slowestSyncMs;
  liveness.waitFor('the clients’ last calls are answered', () => clients.operationsInFlight === 0, lastCallsMs);
  const topics = [...fixedPlaces, ...clients.passingTopics];
  // One after another.
  const appendsMs = manyMs(topics.length, 2 * slowestSyncMs + 100);
  appendAtAll(cluster, clients, topics, liveness, appendsMs);
  if (!faults.hasStruck('disksSlow')) leadAtHome(cluster, topics, liveness);
  const [later] = laterClients;
  if (later !== undefined) deliver(later, cluster, liveness);
  // Whoever pulls what is left is to find that, too.
  drain(subscribers, liveness);
  const groups = liveGroups(cluster, liveness);
  const convergence = new Findings('V5');
  const { members } = cluster.watch;
  const sound = cluster.sound.map(({ id }) => id);
  for (const group of groups) {
    liveness.waitFor(`all brokers hold the same log of group ${group.group}`, () =>
      haveSameLog(
        group,
        sound.filter((id) => members.has(group.group, id)),
      ),
    );
    checkHeldLogs(convergence, [group], sound, members);
  }
  readFinals(cluster, history, topics, liveness);
  // Who remembers few request ids may append a copy twice, and says so to nobody.
  if (isForgetful) history.idsKept = leastIdsKept;
  if (isFailing) readParkedCopies(cluster, history, liveness);
  checkShownLogs(convergence, history.finals, topics, cluster.sound.length);
  const readable = checkAcknowledgedBecomesReadable(
    history,
    cluster.nowMs - healedMs,
    3 * settleMsMax + manyMs(topics.length, 1000) + appendsMs,
  );
  const { kills } = cluster;
  const elections = cluster.watch.electionCount;
  const stateWithItsPosition = repeatAfterRestart(cluster, history, liveness, isForgetful);

  const checks = [
    ...cluster.reports(),
    ...clients.findings.map((findings) => findings.report()),
    ...checkHistory(history),
    ...[
      readable,
      stateWithItsPosition.findings,
      spaceForElections.findings,
      majorityAcknowledges.findings,
      convergence,
      liveness.findings,
    ].map((findings) => findings.report()),
  ];
  noteVerdict(cluster, checks);
  return verdictOf(options, cluster, clients, checks, { kills, elections });
}

/** The first event of a recording says which run it is; what a check finds while it runs stands where it was found. */
function record(
  { seed, brokers, minutes }: RunOptions,
  cluster: Cluster,
  faults: readonly FaultName[],
  findings: readonly Findings[],
): void {
  const { recording } = cluster;
  if (recording === null) return;
  recording.note('run', { seed, brokers, minutes, faults: faults.join(' ') });
  cluster.world.scheduler.onEvent = () => recording.look(findings);
}

/** What only the whole history shows has its place at the end. */
function noteVerdict({ recording }: Cluster, checks: readonly CheckReport[]): void {
  if (recording === null) return;
  for (const { id, violations } of checks) {
    if (violations.length > 0 && !recording.hasSeen(id)) recording.note('violation', { check: id, message: violations[0] as string });
  }
  recording.note('verdict', { ok: checks.every(({ status }) => status === 'pass') });
}

/**
 * Half of the runs leave some faults out: what one fault shows another may hide. What spoils a disk for good is in one run of four, because such a broker
 * is not asked to come back; so is each fault that rules a run.
 */
function swarmFaults(random: SeededRandom, faults: readonly FaultName[]): readonly FaultName[] {
  if (faults.length < 6) return faults;
  const spoils = random.chance(0.25);
  const kept = random.chance(0.5) ? faults : faults.filter(() => random.chance(0.5));
  return kept.filter((fault) => (spoils || !lastingDamage.has(fault)) && (!longLasting.has(fault) || random.chance(0.25)));
}

/** For each start of a broker: what all have, and what only this one has. */
function drawnSettings(
  random: SeededRandom,
  isForgetful: boolean,
  fixed: Partial<BrokerSettings>,
  lastingTopics: number,
): () => Partial<BrokerSettings> {
  const common = { ...swarmSettings(random), ...fixed };
  const changes = random.chance(0.5);
  const limits = random.fork();
  return () => ({
    ...common,
    ...(changes ? changedSettings(limits) : {}),
    topicsMax: limits.pick(topicLimits(lastingTopics)),
    ...(isForgetful ? forgetfulSettings(limits) : {}),
  });
}

function clientSettings(options: RunOptions): Omit<ClientSettings, 'topics'> {
  return {
    thinkMs: options.thinkMs ?? 100,
    recordsMax: 4,
    fillBytesMax: 300,
    largeFillBytesMax: 20_000,
  };
}

/** The clients’ topics beside `log`, each asked for until it is there: the first ones one after another, of many several at a time. */
function createTopics(
  cluster: Cluster,
  clients: ClientWorld,
  topics: readonly LastingTopic[],
  retentionBytes: number,
  done: () => void,
): void {
  const left = [...topics];
  let making = 0;
  let made = 0;
  const next = (): void => {
    if (made === topics.length) return done();
    const atOnce = made < topicsLeast ? 1 : makersAtOnce;
    for (let topic = left.shift(); topic !== undefined; topic = making < atOnce ? left.shift() : undefined) {
      making++;
      createTopic(cluster, clients, topic, retentionBytes, () => {
        making--;
        made++;
        next();
      });
    }
  };
  next();
}

function createTopic(
  cluster: Cluster,
  clients: ClientWorld,
  { name, isRecent, partitions, placement, asked }: LastingTopic,
  retentionBytes: number,
  done: () => void,
): void {
  const settings = {
    retentionBytes: isRecent ? retentionBytes : null,
    ...(clients.history.keptUntilRead.has(name) ? { retentionUntilRead: true } : {}),
    ...(partitions === 1 ? {} : { partitions }),
    ...(placement === null ? {} : { placement }),
  };
  let created = false;
  const attempt = (): void => {
    if (created) return;
    cluster.call<TopicDescription>(
      0,
      cluster.members[asked % cluster.members.length] as Member,
      3000,
      (service, answer) => service.createTopic(name, settings, answer),
      (call) => {
        if (created) return;
        if (call.kind === 'answer' && (call.outcome.ok || call.outcome.error.code === 'topicExists')) {
          created = true;
          if (call.outcome.ok) clients.made(call.outcome.value);
          else clients.history.hasPartitions(name, partitions);
          done();
        } else {
          cluster.world.scheduler.schedule(200, 'client', 0, attempt);
        }
      },
    );
  };
  attempt();
}

/** Four times a second while the clients run. */
function lookNowAndThen(cluster: Cluster, clients: ClientWorld, look: () => void): void {
  cluster.world.scheduler.schedule(250, 'check', 0, () => {
    if (!clients.running) return;
    look();
    lookNowAndThen(cluster, clients, look);
  });
}

/** What is done to one partition after another takes longer with many of them than the healing of a few. */
const manyMs = (places: number, eachMs: number): number => Math.max(0, places - placesOfFew) * eachMs;
/** `log`, and twice as many partitions as a run of the fewest topics can have, for those that come and go. */
const placesOfFew = 1 + 2 * topicsLeast * passingPartitionsMost;

/** Every sound broker takes an append to every topic again. */
function appendAtAll(cluster: Cluster, clients: ClientWorld, topics: readonly string[], liveness: Liveness, moreMs: number): void {
  const { history } = clients;
  let left = cluster.sound.length;
  const attempt = (member: Member, index: number): void => {
    const topic = topics[index];
    if (topic === undefined) {
      left--;
      return;
    }
    const operation = history.beginAppend({ client: 0, topic, requestId: null, level: 'quorum', expectedOffset: null }, 1, cluster.nowMs);
    cluster.call<AppendResult>(
      0,
      member,
      5000,
      (service, answer) => service.append(requestOf(operation, 5000), answer),
      (call) => {
        operation.completed = history.tick();
        operation.completedMs = cluster.nowMs;
        if (call.kind === 'answer' && call.outcome.ok) {
          operation.outcome = 'ok';
          operation.result = call.outcome.value;
          attempt(member, index + 1);
          return;
        }
        const error = call.kind === 'answer' && !call.outcome.ok ? call.outcome.error : null;
        operation.outcome = call.kind === 'lost' || error?.definite === false ? 'indefinite' : 'definite';
        operation.code = error?.code ?? call.kind;
        cluster.world.scheduler.schedule(200, 'client', 0, () => attempt(member, index));
      },
    );
  };
  for (const member of cluster.sound) attempt(member, 0);
  liveness.waitFor('every broker takes an append to every topic', () => left === 0, moreMs);
}

/** Every subscriber pulls what is left for it. */
function drain(subscribers: readonly { drain(done: () => void): void }[], liveness: Liveness): void {
  let left = subscribers.length;
  for (const subscriber of subscribers) subscriber.drain(() => left--);
  liveness.waitFor('every subscriber has pulled what there is', () => left === 0);
}

/** What waits to be appended later is due by then, or soon, once the clocks that are behind are set right: it is due by the clock of whoever leads its group. */
function deliver(later: { whenAllDelivered(done: () => void): void }, cluster: Cluster, liveness: Liveness): void {
  for (const { machine } of cluster.members) machine.clockError.wallSkewMs = Math.max(0, machine.clockError.wallSkewMs);
  let isOver = false;
  later.whenAllDelivered(() => {
    isOver = true;
  });
  liveness.waitFor('what was to be appended later has been', () => isOver);
}

/** Each topic is led by its home again, unless that has lost its disk; where disks are slow it may well refuse. */
function leadAtHome(cluster: Cluster, places: readonly string[], liveness: Liveness): void {
  const topics = new Set(places.map((place) => recordsAt(place).topic));
  const isSound = (id: number): boolean => cluster.sound.some((member) => member.id === id);
  for (const topic of topics) {
    let isHome = false;
    const ask = (): void => {
      const [member] = cluster.sound;
      if (member === undefined) return;
      cluster.call<TopicPlacement>(
        0,
        member,
        5000,
        (service, answer) => service.explain(topic, answer),
        (call) => {
          const placement = call.kind === 'answer' && call.outcome.ok ? call.outcome.value : null;
          isHome =
            placement !== null &&
            (placement.placement === 'all' ||
              placement.partitions.every(({ replicas: [home], leader }) => home?.broker === leader || !isSound(home?.broker ?? 0)));
          if (!isHome) cluster.world.scheduler.schedule(200, 'client', 0, ask);
        },
      );
    };
    ask();
    liveness.waitFor(`"${topic}" is led by its home`, () => isHome);
  }
}

function requestOf(operation: AppendOperation, timeoutMs: number): AppendRequest {
  const { topic, level, requestId, sequence, expectedOffset } = operation;
  return { ...recordsAt(topic), batch: batchOfAppend(operation), level, timeoutMs, requestId, sequence, expectedOffset };
}

/** The same append once more, which says how old its first attempt is. */
const retryOf = (operation: AppendOperation, timeoutMs: number, nowMs: number): AppendRequest => ({
  ...requestOf(operation, timeoutMs),
  firstAttemptMs: nowMs - operation.invokedMs,
});

/** The logs of the catalog and of all topics that are there; those of deleted topics vanish at each broker in its own time. */
function liveGroups(cluster: Cluster, liveness: Liveness): readonly GroupLedger[] {
  let names: ReadonlySet<number> | null = null;
  const ask = (): void => {
    const [member] = cluster.sound;
    if (member === undefined) return;
    cluster.call<TopicPage>(
      0,
      member,
      5000,
      (service, answer) => service.listTopics({ prefix: '', after: '', limit: topicPageMax }, answer),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) names = new Set([catalogGroup, ...call.outcome.value.topics.flatMap(groupsOf)]);
        else cluster.world.scheduler.schedule(200, 'client', 0, ask);
      },
    );
  };
  ask();
  liveness.waitFor('the topics are known', () => names !== null);
  return [...cluster.watch.ledger.groups].filter(({ group }) => names?.has(group) === true && !cluster.watch.isRetired(group));
}

const groupsOf = ({ group, partitions }: TopicDescription): readonly number[] => partitions?.map((partition) => partition.group) ?? [group];

/** Brokers write events of their own, so this holds at one moment, and of one log at a time where disks are slow. */
function haveSameLog({ replicas }: GroupLedger, brokers: readonly BrokerId[]): boolean {
  const tracks = brokers.map((id) => replicas.get(id));
  const [first] = tracks;
  if (first === undefined || first.highWatermark !== endOf(first.log)) return false;
  return tracks.every(
    (replica) =>
      replica !== undefined &&
      replica.pending === null &&
      endOf(replica.synced) === endOf(first.synced) &&
      replica.highWatermark === first.highWatermark,
  );
}

function readFinals(cluster: Cluster, history: History, topics: readonly string[], liveness: Liveness): void {
  let left = 0;
  for (const topic of topics) {
    for (const member of cluster.sound) {
      left++;
      readFinalLog(cluster, member, topic, (log) => {
        left--;
        if (log === null) return;
        history.finals.push(log);
        if (log.offsetFrom > 0 && history.keptUntilRead.has(recordsAt(topic).topic)) cluster.world.coverage.reach('kept.removed');
      });
    }
  }
  liveness.waitFor('every log is read to its end on every broker', () => left === 0);
}

/** Everything starts again from what is on the disks, and is asked what it still knows. */
function repeatAfterRestart(cluster: Cluster, history: History, liveness: Liveness, mayForget: boolean): StateWithItsPosition {
  const stateWithItsPosition = new StateWithItsPosition(mayForget);
  const known = history.appends.filter(
    ({ requestId, outcome, result, revokeTried, sequence, topic }) =>
      requestId !== null &&
      outcome === 'ok' &&
      result?.committed === true &&
      !revokeTried &&
      sequence === 0 &&
      !history.deletedTopics.has(topic),
  );
  const repeats = known.slice(-repeatsMax);
  for (const member of cluster.members) cluster.kill(member, true);
  for (const member of cluster.members) cluster.start(member);
  let left = repeats.length;
  repeats.forEach((append, index) => {
    const attempt = (tries: number): void => {
      const member = cluster.sound[(index + tries) % cluster.sound.length] as Member;
      cluster.call<AppendResult>(
        0,
        member,
        5000,
        (service, answer) => service.append(retryOf({ ...append, level: 'quorum' }, 5000, cluster.nowMs), answer),
        (call) => {
          if (call.kind === 'answer' && (call.outcome.ok || !call.outcome.error.retriable)) {
            stateWithItsPosition.repeated(append, call.outcome);
            left--;
          } else {
            cluster.world.scheduler.schedule(200, 'client', 0, () => attempt(tries + 1));
          }
        },
      );
    };
    attempt(0);
  });
  liveness.waitFor('after a restart of everything, request ids are known again', () => left === 0);
  return stateWithItsPosition;
}

function verdictOf(
  options: RunOptions,
  cluster: Cluster,
  clients: ClientWorld,
  checks: readonly CheckReport[],
  faced: Pick<Figures, 'kills' | 'elections'>,
): Verdict {
  const { history } = clients;
  const { scheduler, network, coverage, machines } = cluster.world;
  const acknowledged = history.appends.filter((append) => append.outcome === 'ok');
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    ok: checks.every((check) => check.status === 'pass'),
    seed: options.seed,
    brokers: options.brokers,
    topics: options.topics ?? topicsLeast,
    figures: {
      appendsAcknowledged: acknowledged.length,
      recordsAcknowledged: sum(acknowledged.map(({ valueFrom, valueTo }) => valueTo - valueFrom)),
      appendsFailedDefinitely: history.appends.filter(({ outcome }) => outcome === 'definite').length,
      appendsUnknown: history.appends.filter(({ outcome }) => outcome === 'indefinite' || outcome === 'open').length,
      duplicateAnswers: coverage.count('append.deduplicated'),
      revokes: coverage.count('append.revoked') + coverage.count('append.revokedAfterCommit'),
      reads: history.reads.length,
      recordsRead: sum(history.reads.map(({ records }) => records.length / 2)),
      ends: history.ends.length,
      ...faced,
      longestGapMs: Math.round(clients.longestGapMs),
      simulatedMs: Math.round(cluster.nowMs),
      events: scheduler.eventCount,
      sends: network.counters.sends,
      bytesSent: network.counters.bytes,
      hostCalls: sum(machines.map(({ hostCalls }) => hostCalls)),
    },
    checks,
    violations: violationsOf(checks),
    coverage: coverage.counts(),
    traceHash: scheduler.traceHash,
  };
}
