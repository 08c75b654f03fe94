/**
 * A broker is asked for everything that callers can ask for, and a moment later, each time another one, it is cut off from the others or its disk hangs:
 * whatever was on its way or half done by then, each call must be answered within its deadline.
 */
import { Broker, type BrokerApi, type BrokerOptions } from '../../broker/index.ts';
import type { CheckReport } from '../checkers/verdict.ts';
import { Cluster, type Member } from '../cluster.ts';
import { batchOfValues } from '../history.ts';

export interface CutOffOptions {
  readonly seed: number;
  /** How often a broker is asked and cut off. */
  readonly rounds: number;
  readonly makeBroker?: (options: BrokerOptions) => BrokerApi;
}

/** A request is on its way for a millisecond or two; a follower hears of its commit with the next heartbeat at the latest. */
const momentsMs = [2, 5, 120] as const;
const apartMs = 12_000;

export function runCutOff({ seed, rounds, makeBroker = (options) => new Broker(options) }: CutOffOptions): CheckReport[] {
  const cluster = new Cluster({
    seed,
    brokerCount: 3,
    makeBroker,
    inMemory: false,
    logOnly: false,
    clockSkewMsMax: 0,
    clockDriftMax: 0,
  });
  const { network, random } = cluster.world;
  const pass = (ms: number): void => cluster.world.scheduler.runUntil(cluster.nowMs + ms);
  for (const member of cluster.members) cluster.start(member);
  pass(2000);
  let value = 0;
  for (let round = 0; round < rounds; round++) {
    const asked = random.pick(cluster.members);
    askEverything(cluster, asked, `round-${round}`, () => value++);
    pass(random.float() * random.pick(momentsMs));
    const { disk } = asked.machine;
    if (round % 2 === 0 && disk !== null) disk.hung = true;
    else isolate(cluster, asked);
    pass(apartMs);
    if (disk !== null) disk.hung = false;
    network.unblockAll();
    pass(2000);
  }
  return cluster.reports();
}

function isolate({ members, world: { network } }: Cluster, { id }: Member): void {
  for (const other of members) {
    if (other.id === id) continue;
    network.block(id, other.id);
    network.block(other.id, id);
  }
}

function askEverything(cluster: Cluster, member: Member, name: string, nextValue: () => number): void {
  const nothing = (): void => undefined;
  cluster.callInside(member, (service, answer) => service.createTopic(name, { retentionBytes: null }, answer), nothing);
  cluster.callInside(member, (service, answer) => service.deleteTopic(`${name}-none`, answer), nothing);
  cluster.callInside(member, (service, answer) => service.listTopics({ prefix: '', after: '', limit: 10 }, answer), nothing);
  cluster.callInside(member, (service, answer) => service.describeTopic('log', answer), nothing);
  cluster.callInside(member, (service, answer) => service.nextSequence({ topic: 'log', requestId: name }, answer), nothing);
  cluster.callInside(member, (service, answer) => service.end({ topic: 'log', freshness: 'linearizable' }, answer), nothing);
  cluster.callInside(member, (service, answer) => service.brokers(null, answer), nothing);
  cluster.callInside(member, (service, answer) => service.status(null, answer), nothing);
  for (const requestId of [null, name]) {
    const from = nextValue();
    const batch = batchOfValues(from, from + 1, 0, 0);
    const request = { topic: 'log', batch, level: 'quorum', timeoutMs: 4000, requestId, sequence: 0, expectedOffset: null } as const;
    cluster.callInside(member, (service, answer) => service.append(request, answer), nothing);
  }
}
