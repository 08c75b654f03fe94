/**
 * `run` is the simulator's door: a seed in, a verdict out. It builds a cluster, lets clients and faults at it for some simulated minutes, ends all
 * faults, waits until the brokers agree again, reads everything back and asks every checker.
 */
import { groupId } from '../base/branded.ts';
import { SeededRandom } from '../base/random.ts';
import type { BrokerApi, BrokerOptions } from '../broker/contract.ts';
import type { BrokerSettings } from '../broker/settings.ts';
import { Broker } from '../broker/index.ts';
import type { AppendResult, TopicDescription } from '../eventlog/index.ts';
import type { Disk } from '../host/index.ts';
import { checkHistory } from './checkers/history-checks.ts';
import { endOf } from './checkers/replica-ledger.ts';
import { checkHeldLogs, checkShownLogs } from './checkers/v5-replicas-converge.ts';
import { type CheckReport, Findings, type Violation, violationsOf } from './checkers/verdict.ts';
import { type ClientSettings, ClientWorld } from './clients.ts';
import { Cluster, type Member } from './cluster.ts';
import { type FaultName, FaultSchedule } from './faults.ts';
import { readFinalLog } from './final-logs.ts';
import { batchOfValues, History } from './history.ts';
import type { CrashTrap, LogLine } from './world.ts';

export type { CrashTrap } from './world.ts';
export { type FaultName, faultNames, parseFaults } from './faults.ts';
export { type CheckReport, type CheckStatus, describeViolation, type Violation } from './checkers/verdict.ts';

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
  /** Kills a broker at a chosen host call of its first life, counted from its start; for sweeps over all of them. */
  readonly trap?: CrashTrap & { readonly broker: number };
  /** What is simulated, for proving that the checkers see a wrong program. */
  readonly makeBroker?: (options: BrokerOptions) => BrokerApi;
  readonly sabotageDisk?: (disk: Disk) => Disk;
}

export interface Figures {
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
const topics = ['log', topicName] as const;
const settleMsMax = 60_000;
const KiB = 1024;

export function run(options: RunOptions): Verdict {
  const random = new SeededRandom(options.seed).fork();
  const cluster = new Cluster({
    seed: options.seed,
    brokerCount: options.brokers,
    makeBroker: options.makeBroker ?? ((brokerOptions) => new Broker(brokerOptions)),
    settings: { ...swarmSettings(random), ...options.settings },
    inMemory: false,
    logOnly: false,
    clockSkewMsMax: 300,
    clockDriftMax: 0.001,
    sabotageDisk: options.sabotageDisk,
    onLog: options.onLog,
  });
  const history = new History();
  const clients = new ClientWorld(cluster, history, clientSettings(options));
  const faults = new FaultSchedule(cluster, swarmFaults(random, options.faults), () => clients.appendsInFlight > 0);
  const { scheduler } = cluster.world;
  const liveness = new Findings('V6');

  for (const member of cluster.members) cluster.start(member);
  if (options.trap !== undefined) cluster.member(options.trap.broker).machine.trap = { ...options.trap };
  createTopic(cluster, (group) => {
    if (group !== null) clients.groups.set(topicName, groupId(group));
    for (const kind of ['plain', 'plain', 'keyed', 'keyed', 'stream', 'stream', 'compare', 'revoker'] as const) clients.addAppender(kind);
    for (const kind of ['end', 'end', 'follower', 'follower', 'fromStart', 'session'] as const) clients.addReader(kind);
    clients.lastAckMs = cluster.nowMs;
    faults.begin();
  });
  scheduler.runUntil(options.minutes * 60_000);

  faults.heal();
  clients.running = false;
  waitFor(cluster, liveness, 'the clients’ last calls are answered', () => clients.operationsInFlight === 0);
  appendAtAll(cluster, clients, liveness);
  waitFor(cluster, liveness, 'all brokers hold the same logs', () => haveSameLogs(cluster));
  const convergence = new Findings('V5');
  checkHeldLogs(convergence, cluster.watch.ledger.groups, options.brokers);
  readFinals(cluster, history, liveness);
  checkShownLogs(convergence, history.finals, topics, options.brokers);

  const checks = [
    ...cluster.reports(),
    ...checkHistory(history),
    clients.acknowledgedByAMajority.findings.report(),
    convergence.report(),
    liveness.report(),
  ];
  return verdictOf(options, cluster, clients, checks);
}

/**
 * Small limits make rare paths common: segments roll, batches for followers are read back from the disk, flow control holds. Each run has limits of
 * its own, because one set of them would hide what another reaches.
 */
function swarmSettings(random: SeededRandom): Partial<BrokerSettings> {
  const segmentBytesMin = random.pick([4, 16, 64]) * KiB;
  const appendBytesMax = random.pick([2 * KiB, 64 * KiB, 1024 * KiB]);
  return {
    segmentBytesMin,
    segmentBytesMax: segmentBytesMin * random.pick([1, 4]),
    appendBytesMax,
    inFlightBytesMax: appendBytesMax * random.pick([1, 4]),
    cacheBytesMax: random.pick([4 * KiB, 64 * KiB, 8 * 1024 * KiB]),
    uncommittedBytesMax: random.pick([16 * KiB, 32 * 1024 * KiB]),
    markAfterMs: random.pick([20, 100]),
    eventsRetentionBytes: random.pick([8 * KiB, 64 * 1024 * KiB]),
    linkBytesMax: random.pick([128 * KiB, 64 * 1024 * KiB]),
  };
}

/** Half of the runs leave some faults out: what one fault shows another may hide. */
function swarmFaults(random: SeededRandom, faults: readonly FaultName[]): readonly FaultName[] {
  if (faults.length < 4 || random.chance(0.5)) return faults;
  return faults.filter(() => random.chance(0.5));
}

function clientSettings(options: RunOptions): ClientSettings {
  return { topics, thinkMs: options.thinkMs ?? 100, recordsMax: 4, fillBytesMax: 300 };
}

/** The clients' second topic, asked for until it is there. */
function createTopic(cluster: Cluster, done: (group: number | null) => void): void {
  let created = false;
  const attempt = (): void => {
    if (created) return;
    cluster.call<TopicDescription>(
      0,
      cluster.member(1),
      3000,
      (service, answer) => service.createTopic(topicName, { retentionBytes: null }, answer),
      (call) => {
        if (created) return;
        if (call.kind === 'answer' && (call.outcome.ok || call.outcome.error.code === 'topicExists')) {
          created = true;
          done(call.outcome.ok ? call.outcome.value.group : null);
        } else {
          cluster.world.scheduler.schedule(200, 'client', 0, attempt);
        }
      },
    );
  };
  attempt();
}

function waitFor(cluster: Cluster, liveness: Findings, what: string, reached: () => boolean): void {
  const { scheduler } = cluster.world;
  const untilMs = cluster.nowMs + settleMsMax;
  liveness.checked++;
  while (!reached()) {
    if (cluster.nowMs >= untilMs) {
      liveness.violate(`not within ${settleMsMax / 1000} s after the faults stopped: ${what}`);
      return;
    }
    scheduler.runUntil(cluster.nowMs + 50);
  }
}

/** Every broker takes an append again. */
function appendAtAll(cluster: Cluster, clients: ClientWorld, liveness: Findings): void {
  const { history } = clients;
  const waiting = new Set<Member>(cluster.members);
  const attempt = (member: Member, topic: string): void => {
    const operation = history.beginAppend({ client: 0, topic, requestId: null, level: 'quorum', expectedOffset: null }, 1, cluster.nowMs);
    cluster.call<AppendResult>(
      0,
      member,
      5000,
      (service, answer) =>
        service.append(
          {
            topic,
            batch: batchOfValues(operation.valueFrom, operation.valueTo, 0, 0),
            level: 'quorum',
            timeoutMs: 5000,
            requestId: null,
            sequence: 0,
            expectedOffset: null,
          },
          answer,
        ),
      (call) => {
        operation.completed = history.tick();
        operation.completedMs = cluster.nowMs;
        if (call.kind === 'answer' && call.outcome.ok) {
          operation.outcome = 'ok';
          operation.result = call.outcome.value;
          if (topic === topicName) waiting.delete(member);
          else attempt(member, topicName);
          return;
        }
        operation.outcome =
          call.kind === 'answer' && !call.outcome.ok && !call.outcome.error.definite
            ? 'indefinite'
            : call.kind === 'lost'
              ? 'indefinite'
              : 'definite';
        operation.code = call.kind === 'answer' && !call.outcome.ok ? call.outcome.error.code : call.kind;
        cluster.world.scheduler.schedule(200, 'client', 0, () => attempt(member, topic));
      },
    );
  };
  for (const member of cluster.members) attempt(member, 'log');
  waitFor(cluster, liveness, 'every broker takes an append to every topic', () => waiting.size === 0);
}

function haveSameLogs(cluster: Cluster): boolean {
  for (const { replicas } of cluster.watch.ledger.groups) {
    if (replicas.size !== cluster.members.length) return false;
    const [first, ...rest] = replicas.values();
    if (first === undefined || first.highWatermark !== endOf(first.log)) return false;
    for (const replica of [first, ...rest]) {
      if (replica.pending !== null || endOf(replica.synced) !== endOf(first.synced) || replica.highWatermark !== first.highWatermark)
        return false;
    }
  }
  return true;
}

function readFinals(cluster: Cluster, history: History, liveness: Findings): void {
  let left = 0;
  for (const topic of topics) {
    for (const member of cluster.members) {
      left++;
      readFinalLog(cluster, member, topic, (log) => {
        left--;
        if (log !== null) history.finals.push(log);
      });
    }
  }
  waitFor(cluster, liveness, 'every log is read to its end on every broker', () => left === 0);
}

function verdictOf(options: RunOptions, cluster: Cluster, clients: ClientWorld, checks: readonly CheckReport[]): Verdict {
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
      revokes: coverage.count('append.revoked'),
      reads: history.reads.length,
      recordsRead: sum(history.reads.map(({ records }) => records.length / 2)),
      ends: history.ends.length,
      kills: cluster.kills,
      elections: cluster.watch.electionCount,
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
