/**
 * A rolling restart under load: each broker is asked to stop, as SIGTERM does, and started again, while clients append at whichever broker takes them.
 * Nothing may fail, and who leads hands its office over first.
 */
import { Broker, type BrokerApi, type BrokerOptions } from '../../broker/index.ts';
import { checkHistory } from '../checkers/history-checks.ts';
import type { CheckReport } from '../checkers/verdict.ts';
import { addAppender, ClientWorld } from '../clients/index.ts';
import { Cluster } from '../cluster.ts';
import { readFinalLog } from '../final-logs.ts';
import { type AppendOperation, History } from '../history.ts';

export interface RollingRun {
  readonly seed: number;
  readonly appends: number;
  readonly failed: readonly AppendOperation[];
  /** By broker: the longest time without an acknowledgement around its stop, in ms. */
  readonly gapsMs: readonly number[];
  readonly checks: readonly CheckReport[];
}

export interface RollingOptions {
  readonly seed: number;
  readonly brokers: number;
  readonly makeBroker?: (options: BrokerOptions) => BrokerApi;
}

const graceMs = 5000;

export function runRollingRestart(options: RollingOptions): RollingRun {
  const cluster = new Cluster({
    seed: options.seed,
    brokerCount: options.brokers,
    makeBroker: options.makeBroker ?? ((brokerOptions) => new Broker(brokerOptions)),
    inMemory: false,
    logOnly: false,
    clockSkewMsMax: 100,
    clockDriftMax: 0,
  });
  const history = new History();
  const clients = new ClientWorld(cluster, history, {
    topics: ['log'],
    thinkMs: 10,
    recordsMax: 2,
    fillBytesMax: 100,
    levels: ['quorum'],
    retryMsMax: 10,
  });
  const pass = (ms: number): void => cluster.world.scheduler.runUntil(cluster.nowMs + ms);
  cluster.onDown = (member) => cluster.world.scheduler.schedule(300, 'lifecycle', member.id, () => cluster.start(member));

  for (const member of cluster.members) cluster.start(member);
  pass(1500);
  for (let i = 0; i < 8; i++) addAppender(clients, 'keyed');
  pass(1500);
  const gapsMs: number[] = [];
  for (const member of cluster.members) {
    clients.lastAckMs = cluster.nowMs;
    clients.longestGapMs = 0;
    let stopped = false;
    cluster.stop(member, graceMs, () => {
      stopped = true;
    });
    while (!stopped) pass(10);
    pass(1000);
    gapsMs.push(Math.round(clients.longestGapMs));
    pass(1000);
  }
  clients.running = false;
  pass(25_000);
  for (const member of cluster.members) {
    readFinalLog(cluster, member, 'log', (log) => {
      if (log !== null) history.finals.push(log);
    });
  }
  pass(1000);
  return {
    seed: options.seed,
    appends: history.appends.length,
    failed: history.appends.filter(({ outcome }) => outcome !== 'ok'),
    gapsMs,
    checks: [...cluster.reports(), ...checkHistory(history)],
  };
}
