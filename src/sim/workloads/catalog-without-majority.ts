/**
 * The catalog loses its majority for good and `log` goes on (design, D8): two brokers of three find damage in the middle of their catalog logs, which
 * fences that group there and nothing else; then the leader of `log` dies, so that `log` must elect without the catalog too.
 */
import { Broker, type BrokerApi, type BrokerOptions } from '../../broker/index.ts';
import type { TopicDescription } from '../../eventlog/index.ts';
import type { CheckReport } from '../checkers/verdict.ts';
import { checkHistory } from '../checkers/history-checks.ts';
import { addAppender, addReader, ClientWorld } from '../clients/index.ts';
import { type CallOutcome, Cluster, type Member } from '../cluster.ts';
import { readFinalLog } from '../final-logs.ts';
import { History } from '../history.ts';

export interface CatalogRun {
  readonly seed: number;
  /** Acknowledged appends to `log` before the damage, and after it. */
  readonly appendsBefore: number;
  readonly appendsWithout: number;
  readonly longestGapMs: number;
  /** What a client was told who created a topic meanwhile: an error's code, or `created`. */
  readonly creation: string;
  readonly checks: readonly CheckReport[];
  readonly traceHash: string;
}

export interface CatalogOptions {
  readonly seed: number;
  readonly makeBroker?: (options: BrokerOptions) => BrokerApi;
}

const brokerCount = 3;
const catalogFolder = 'groups/catalog/';
/** Behind the segment's header, within the first batches. */
const damagedAt = 1024 + 100;

export function runCatalogWithoutMajority(options: CatalogOptions): CatalogRun {
  const cluster = new Cluster({
    seed: options.seed,
    brokerCount,
    makeBroker: options.makeBroker ?? ((brokerOptions) => new Broker(brokerOptions)),
    inMemory: false,
    logOnly: false,
    clockSkewMsMax: 100,
    clockDriftMax: 0,
  });
  const history = new History();
  const clients = new ClientWorld(cluster, history, { topics: ['log'], thinkMs: 50, recordsMax: 3, fillBytesMax: 100 });
  const { scheduler } = cluster.world;
  const acknowledged = (): number => history.appends.filter(({ outcome }) => outcome === 'ok').length;
  const pass = (ms: number): void => scheduler.runUntil(cluster.nowMs + ms);

  for (const member of cluster.members) cluster.start(member);
  pass(1500);
  for (const name of ['a', 'b', 'c', 'd']) {
    createTopic(cluster, name, () => undefined);
    pass(500);
  }
  for (const kind of ['plain', 'keyed', 'stream', 'revoker'] as const) addAppender(clients, kind);
  for (const kind of ['end', 'follower'] as const) addReader(clients, kind);
  pass(3000);
  const appendsBefore = acknowledged();

  for (const member of cluster.members.slice(0, 2)) {
    cluster.kill(member, false);
    for (const path of member.machine.disk?.filePaths() ?? []) {
      if (path.startsWith(catalogFolder) && path.endsWith('.log')) cluster.damage(member, path, damagedAt);
    }
    cluster.start(member);
    pass(2000);
  }
  const beforeLoss = acknowledged();
  clients.lastAckMs = cluster.nowMs;
  clients.longestGapMs = 0;
  let creation = 'unanswered';
  createTopic(cluster, 'late', (outcome) => {
    creation = outcome.kind !== 'answer' ? outcome.kind : outcome.outcome.ok ? 'created' : outcome.outcome.error.code;
  });
  pass(5000);
  const leader = leaderOfLog(cluster);
  if (leader !== null) cluster.kill(leader, true);
  pass(10_000);
  if (leader !== null) cluster.start(leader);
  pass(5000);
  clients.running = false;
  pass(25_000);
  const appendsWithout = acknowledged() - beforeLoss;
  for (const member of cluster.members) {
    readFinalLog(cluster, member, 'log', (log) => {
      if (log !== null) history.finals.push(log);
    });
  }
  pass(1000);
  return {
    seed: options.seed,
    appendsBefore,
    appendsWithout,
    longestGapMs: Math.round(clients.longestGapMs),
    creation,
    checks: [...cluster.reports(), ...checkHistory(history)],
    traceHash: scheduler.traceHash,
  };
}

function createTopic(cluster: Cluster, name: string, done: (outcome: CallOutcome<TopicDescription>) => void): void {
  cluster.call<TopicDescription>(
    0,
    cluster.member(3),
    10_000,
    (service, answer) => service.createTopic(name, { retentionBytes: null }, answer),
    done,
  );
}

function leaderOfLog(cluster: Cluster): Member | null {
  const elections = [...cluster.watch.ledger.groups].find(({ group }) => (group as number) === 2)?.elections ?? [];
  const last = elections[elections.length - 1];
  return last === undefined ? null : cluster.member(last.broker);
}
