/**
 * `run` is the simulator's door: a seed in, a verdict out. It builds a cluster, lets clients and faults at it for some simulated minutes, ends all
 * faults, waits until the brokers agree again, reads everything back and asks every checker.
 */
import type { BrokerId } from '../base/branded.ts';
import { SeededRandom } from '../base/random.ts';
import { Broker, type BrokerApi, type BrokerOptions, catalogGroup, subscriberReplicas } from '../broker/index.ts';
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
  addReader,
  addSearcher,
  addSubscriber,
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
import { placesOf, recordsAt } from './place-name.ts';
import { changedSettings, forgetfulSettings, swarmSettings, topicLimits } from './settings.ts';
import type { CrashTrap, LogLine } from './world.ts';

export { type FaultName, faultNames, parseFaults } from './faults/names.ts';
export { describeViolation } from './checkers/verdict.ts';

export interface RunOptions {
  readonly seed: number;
  readonly brokers: number;
  /** Simulated minutes with clients and faults; healing comes on top. */
  readonly minutes: number;
  readonly faults: readonly FaultName[];
  /** Scales the clients' pauses; 1 is the default load. */
  readonly thinkMs?: number;
  readonly settings?: Partial<BrokerSettings>;
  readonly onLog?: (line: LogLine) => void;
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
  readonly figures: Figures;
  readonly checks: readonly CheckReport[];
  /** Of all checks that found something or could not finish. */
  readonly violations: readonly Violation[];
  /** How often what: faults, crash points, rare paths. */
  readonly coverage: Readonly<Record<string, number>>;
  /** Equal for equal seeds and equal programs, on every computer. */
  readonly traceHash: string;
}

const topicName = 'orders';
/** Retention removes from it what is old. */
const recentTopic = 'recent';
/** Of one topic. */
const partitionsMost = 4;
const KiB = 1024;
/** Whether a run has subscribers is drawn by itself: the others are what they were before there were any. */
const pulledSalt = 7919;
/** Acknowledged appends that are sent again after the last restart. */
const repeatsMax = 40;

export function run(options: RunOptions): Verdict {
  const root = new SeededRandom(options.seed);
  const random = root.fork();
  const parting = root.fork();
  /** Half of the topics have several partitions. */
  const partitionsOf = (): number => (parting.chance(0.5) ? 1 + parting.below(partitionsMost) : 1);
  const partitions = { [topicName]: partitionsOf(), [recentTopic]: partitionsOf() };
  const fixedPlaces = ['log', ...placesOf(topicName, partitions[topicName]), ...placesOf(recentTopic, partitions[recentTopic])];
  const faultsOfRun = swarmFaults(random, options.faults);
  /** Brokers remember so few request ids, for so short a time, that clients meet those limits. */
  const isForgetful = random.chance(0.5);
  /** Topics are on some of the brokers in half of the runs with more than three, and on all of them in the others. */
  const replicas = random.chance(0.5) ? Math.min(options.brokers, defaultSettings.replicasDefault) : options.brokers;
  /** Subscribers beside those who append and read, in one run of three. */
  const isPulled = new SeededRandom(options.seed + pulledSalt).chance(1 / 3);
  const cluster = new Cluster({
    seed: options.seed,
    brokerCount: options.brokers,
    makeBroker: options.makeBroker ?? ((brokerOptions) => new Broker(brokerOptions)),
    settings: options.settings,
    settingsOf: drawnSettings(random, isForgetful, replicas),
    // So many as the smallest group has.
    replicas: isPulled ? Math.min(options.brokers, subscriberReplicas) : replicas,
    inMemory: false,
    logOnly: false,
    clockSkewMsMax: 300,
    clockDriftMax: 0.001,
    sabotageDisk: options.sabotageDisk,
    onLog: options.onLog,
    onTrace: options.onTrace,
  });
  const history = new History();
  const passing = { passingPartitionsMax: parting.chance(0.5) ? partitionsMost : 1 };
  const clients = new ClientWorld(cluster, history, { ...clientSettings(options), topics: fixedPlaces, ...passing });
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
  const retentionBytes = random.pick([8, 16, 32]) * KiB;
  const subscribers: ReturnType<typeof addSubscriber>[] = [];
  const topicsMade = [
    { name: topicName, retentionBytes: null, partitions: partitions[topicName] },
    { name: recentTopic, retentionBytes, partitions: partitions[recentTopic] },
  ];
  createTopics(cluster, clients, topicsMade, () => {
    for (const kind of ['plain', 'plain', 'keyed', 'keyed', 'stream', 'pipeline', 'compare', 'revoker'] as const)
      addAppender(clients, kind);
    addDivider(clients);
    for (const kind of ['end', 'end', 'follower', 'follower', 'fromStart', 'session'] as const) addReader(clients, kind);
    for (let i = 0; i < 2; i++) addSearcher(clients);
    addTopicMaker(clients);
    if (isPulled) for (const kind of ['numbered', 'numbered', 'byHand', 'byHand'] as const) subscribers.push(addSubscriber(clients, kind));
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
  cluster.world.scheduler.runUntil(options.minutes * 60_000);

  faults.heal();
  clients.running = false;
  const healedMs = cluster.nowMs;
  // Disks that are slow for the whole run stay so: an append takes its leader's sync and a follower's.
  const slowestSyncMs = Math.max(...cluster.members.map(({ machine }) => machine.disk?.extraSyncMs ?? 0));
  const lastCallsMs = streamAppendsMax * 2 * slowestSyncMs;
  liveness.waitFor('the clients’ last calls are answered', () => clients.operationsInFlight === 0, lastCallsMs);
  const topics = [...fixedPlaces, ...clients.passingTopics];
  appendAtAll(cluster, clients, topics, liveness);
  if (!faults.hasStruck('disksSlow')) leadAtHome(cluster, topics, liveness);
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
  checkShownLogs(convergence, history.finals, topics, cluster.sound.length);
  const readable = checkAcknowledgedBecomesReadable(history, cluster.nowMs - healedMs, 3 * settleMsMax);
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
function drawnSettings(random: SeededRandom, isForgetful: boolean, replicasDefault: number): () => Partial<BrokerSettings> {
  const common = { ...swarmSettings(random), replicasDefault };
  const changes = random.chance(0.5);
  const limits = random.fork();
  return () => ({
    ...common,
    ...(changes ? changedSettings(limits) : {}),
    topicsMax: limits.pick(topicLimits),
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

/** The clients’ topics beside `log`, each asked for until it is there. */
function createTopics(
  cluster: Cluster,
  clients: ClientWorld,
  topics: readonly { readonly name: string; readonly retentionBytes: number | null; readonly partitions: number }[],
  done: () => void,
): void {
  const [topic, ...others] = topics;
  if (topic === undefined) {
    done();
    return;
  }
  const { name, retentionBytes, partitions } = topic;
  const settings = { retentionBytes, ...(partitions === 1 ? {} : { partitions }) };
  let created = false;
  const attempt = (): void => {
    if (created) return;
    cluster.call<TopicDescription>(
      0,
      cluster.member(1),
      3000,
      (service, answer) => service.createTopic(name, settings, answer),
      (call) => {
        if (created) return;
        if (call.kind === 'answer' && (call.outcome.ok || call.outcome.error.code === 'topicExists')) {
          created = true;
          if (call.outcome.ok) clients.made(call.outcome.value);
          else clients.history.hasPartitions(name, partitions);
          createTopics(cluster, clients, others, done);
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

/** Every sound broker takes an append to every topic again. */
function appendAtAll(cluster: Cluster, clients: ClientWorld, topics: readonly string[], liveness: Liveness): void {
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
  liveness.waitFor('every broker takes an append to every topic', () => left === 0);
}

/** Every subscriber pulls what is left for it. */
function drain(subscribers: readonly ReturnType<typeof addSubscriber>[], liveness: Liveness): void {
  let left = subscribers.length;
  for (const subscriber of subscribers) subscriber.drain(() => left--);
  liveness.waitFor('every subscriber has pulled what there is', () => left === 0);
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
        if (log !== null) history.finals.push(log);
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
