/** The real gateway in front of brokers of the simulator: real HTTP, and elections, disks and links that take no time. */
import { type Answer, type BrokerService, type FaultSwitch, LogError } from '../../src/eventlog/index.ts';
import { Rig, type RigOptions } from '../unit/broker/rig.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';

/** Simulated time that passes between two looks at the sockets. */
const strideMs = 20;

export interface SimulatedGateways {
  readonly rig: Rig;
  /** By broker id, from 1. */
  readonly gateways: ReadonlyMap<number, TestGateway>;
  close(): Promise<void>;
}

export async function startSimulatedGateways(options: RigOptions = {}): Promise<SimulatedGateways> {
  const rig = new Rig(options);
  const gateways = new Map<number, TestGateway>();
  let pending = 0;
  const waiting = new Set<() => void>();
  rig.cluster.onDown = () => {
    for (const fail of waiting) fail();
  };
  // The simulator stands still unless somebody waits for it.
  const goOn = (): void => {
    rig.run(strideMs);
    if (pending > 0) setImmediate(goOn);
  };
  const asked = <Value>(id: number, invoke: (service: BrokerService, answer: Answer<Value>) => void, answer: Answer<Value>): void => {
    if (pending++ === 0) setImmediate(goOn);
    const member = rig.member(id);
    const done = (outcome: Parameters<Answer<Value>>[0]): void => {
      if (!waiting.delete(fail)) return;
      pending--;
      answer(outcome);
    };
    const fail = (): void => done({ ok: false, error: new LogError('internal', 'Cannot answer: a broker has ended') });
    waiting.add(fail);
    if (member.broker === null) return fail();
    member.machine.process?.deliver('client', () => rig.cluster.callInside<Value>(member, invoke, done));
  };
  for (const { id } of rig.cluster.members) {
    const broker: BrokerService = {
      append: (request, answer) => asked(id, (service, done) => service.append(request, done), answer),
      partitionsOf: (topic) => rig.member(id).broker?.partitionsOf(topic) ?? null,
      whenPartitionsKnown: (topic, timeoutMs, answer) =>
        asked(id, (service, done) => service.whenPartitionsKnown(topic, timeoutMs, done), answer),
      explain: (topic, answer) => asked(id, (service, done) => service.explain(topic, done), answer),
      revoke: (records, requestId, answer) => asked(id, (service, done) => service.revoke(records, requestId, done), answer),
      read: (request, answer) => asked(id, (service, done) => service.read(request, done), answer),
      scan: (request, sink, answer) => asked(id, (service, done) => service.scan(request, sink, done), answer),
      end: (request, answer) => asked(id, (service, done) => service.end(request, done), answer),
      nextSequence: (request, answer) => asked(id, (service, done) => service.nextSequence(request, done), answer),
      createTopic: (name, settings, answer) => asked(id, (service, done) => service.createTopic(name, settings, done), answer),
      alterTopic: (name, changes, answer) => asked(id, (service, done) => service.alterTopic(name, changes, done), answer),
      deleteTopic: (name, answer) => asked(id, (service, done) => service.deleteTopic(name, done), answer),
      listTopics: (query, answer) => asked(id, (service, done) => service.listTopics(query, done), answer),
      describeTopic: (name, answer) => asked(id, (service, done) => service.describeTopic(name, done), answer),
      status: (query, answer) => asked(id, (service, done) => service.status(query, done), answer),
      brokers: (query, answer) => asked(id, (service, done) => service.brokers(query, done), answer),
      history: (withinMs, answer) => asked(id, (service, done) => service.history(withinMs, done), answer),
    };
    const ofBroker = {
      ...broker,
      get faults() {
        return rig.member(id).broker?.faults ?? noFaults;
      },
      get ready() {
        return rig.member(id).broker?.ready ?? false;
      },
    };
    gateways.set(id, await startTestGateway({ broker: ofBroker, faultInjection: false }));
  }
  const close = async (): Promise<void> => {
    await Promise.all([...gateways.values()].map((gateway) => gateway.close()));
  };
  return { rig, gateways, close };
}

const noFaults: FaultSwitch = { crashed: false, crash: () => undefined, recover: () => undefined, links: null, switchLinks: () => null };
