import { beforeEach, describe, expect, test } from 'vitest';
import type {
  Answer,
  AppendResult,
  Outcome,
  PullRequest,
  PullResult,
  SubscriberDescription,
  SubscriptionService,
  TopicDescription,
  TopicPage,
} from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { recordsOf } from '../../../src/sim/history.ts';
import { Rig } from './rig.ts';
import { batchOfValues } from '../../conformance/event-log.ts';

let rig: Rig;
const id = 'billing';

function ask<Value>(broker: number, invoke: (service: SubscriptionService, answer: Answer<Value>) => void): Outcome<Value> {
  return rig.call<Value>(broker, (_service, answer) => invoke(rig.broker(broker).subscriptions, answer));
}

function ok<Value>(broker: number, invoke: (service: SubscriptionService, answer: Answer<Value>) => void): Value {
  const outcome = ask<Value>(broker, invoke);
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

const pull = (broker: number, more: Partial<PullRequest> = {}): Outcome<PullResult> =>
  ask(broker, (service, answer) =>
    service.pull(
      {
        subscriber: id,
        topics: null,
        mode: 'automatic',
        number: 1,
        acknowledge: [],
        recordsMax: 100,
        bytesMax: 65_536,
        waitMs: 0,
        freshness: 'linearizable',
        ...more,
      },
      answer,
    ),
  );

function pulled(broker: number, more: Partial<PullRequest> = {}): number[] {
  const outcome = pull(broker, more);
  if (!outcome.ok) throw outcome.error;
  return outcome.value.parts.flatMap(({ batches, offsetFrom, offsetTo }) => {
    const all = recordsOf(batches, offsetFrom);
    return all.filter((_, index) => index % 2 === 1 && (all[index - 1] as number) < offsetTo);
  });
}

function append(broker: number, ...values: number[]): void {
  const common = { level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
  rig.ok<AppendResult>(broker, (service, answer) =>
    service.append({ topic: 'orders', batch: batchOfValues(...values.map(String)), ...common }, answer),
  );
}

const described = (broker: number): SubscriberDescription => ok(broker, (service, answer) => service.describeSubscriber(id, answer));

beforeEach(() => {
  rig = new Rig({ brokers: 5 });
  rig.ok(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
  ok(2, (service, answer) => service.createSubscriber({ id, requestId: null }, answer));
  ok(3, (service, answer) => service.subscribe({ subscriber: id, topic: 'orders', start: { at: 'beginning' } }, answer));
});

describe('a subscriber of five brokers', () => {
  test('is the same on each of them, its group being on three', () => {
    append(1, 1, 2);

    for (const broker of [1, 2, 3, 4, 5]) expect(pulled(broker)).toEqual([1, 2]);

    const page = rig.ok<TopicPage>(4, (service, answer) => service.listTopics({ prefix: 'cairn/', after: '', limit: 9 }, answer));
    expect(page.topics).toMatchObject([{ name: 'cairn/subscribers', builtIn: true, settings: { replicas: 3 } }]);
  });

  test('goes on where it was when the leader of its group dies, and the same number gives the same', () => {
    append(1, 1, 2);
    expect(pulled(1, { recordsMax: 1 })).toEqual([1]);
    const { coordinator } = described(1);
    if (coordinator === null) throw new Error('nobody leads it');
    append(1, 3);
    rig.cluster.kill(rig.member(coordinator), true);
    const other = coordinator === 5 ? 4 : 5;

    expect(pulled(other)).toEqual([1]);
    expect(pulled(other, { number: 2 })).toEqual([2, 3]);
    expect(pulled(other, { number: 2 })).toEqual([2, 3]);
    expect(pull(other, { number: 1 })).toMatchObject({ ok: false, error: { code: 'pullOutOfOrder', details: { nextNumber: 3 } } });
    expect(described(other)).toMatchObject({ lastPull: 2 });
    expect(described(other).coordinator).not.toBe(coordinator);
  });

  test('is what it was after a restart of everything', () => {
    append(1, 1, 2, 3);
    pulled(1, { recordsMax: 1 });
    pulled(1, { recordsMax: 1, number: 2 });
    const before = described(1);
    for (const member of rig.cluster.members) rig.cluster.kill(member, true);
    for (const member of rig.cluster.members) rig.cluster.start(member);
    rig.until('all brokers are up', () => rig.cluster.members.every(({ broker }) => broker?.ready === true));

    const { usedMs, lastPull, cursors, subscriptions, createdMs } = described(2);
    expect({ usedMs, lastPull, subscriptions, createdMs }).toEqual({
      usedMs: before.usedMs,
      lastPull: 2,
      subscriptions: before.subscriptions,
      createdMs: before.createdMs,
    });
    const places = (all: typeof cursors) => all.map(({ topic, offset, pulledTo, generation }) => [topic, offset, pulledTo, generation]);
    expect(places(cursors)).toEqual(places(before.cursors));
    expect(pulled(2, { number: 2 })).toEqual([2]);
  });

  test('waits for records through any broker', () => {
    const waiting = [1, 2, 3, 4, 5].map((broker) =>
      rig.begin<PullResult>(broker, (_service, answer) =>
        rig.broker(broker).subscriptions.pull(
          {
            subscriber: id,
            topics: null,
            mode: 'explicit',
            number: null,
            acknowledge: [],
            recordsMax: 1,
            bytesMax: 1,
            waitMs: 20_000,
            freshness: 'local',
          },
          answer,
        ),
      ),
    );
    rig.run(5000);
    expect(waiting.every(({ outcome }) => outcome === null)).toBe(true);
    append(1, 7);
    rig.until('all are answered', () => waiting.every(({ outcome }) => outcome?.ok === true && outcome.value.parts.length === 1));
  });

  test('is given what there is though one of its topics has no majority, through any broker', () => {
    const coordinator = described(1).coordinator as number;
    // Each on one broker.
    const single = Array.from({ length: 12 }, (_, index) => `single-${index}`).find((name) => {
      const made = rig.ok<TopicDescription>(1, (service, answer) =>
        service.createTopic(name, { retentionBytes: null, replicas: 1 }, answer),
      );
      return made.partition.replicas.every((broker) => broker !== coordinator);
    }) as string;
    const placed = rig.ok<TopicDescription>(1, (service, answer) => service.describeTopic(single, answer)).partition.replicas;
    ok(3, (service, answer) => service.subscribe({ subscriber: id, topic: single, start: { at: 'beginning' } }, answer));
    const gone = placed[0] as number;
    rig.kill(gone);
    const others = [1, 2, 3, 4, 5].filter((broker) => broker !== gone);
    append(others[0] as number, 1);
    rig.until('its group is led', () => ask(others[0] as number, (service, answer) => service.describeSubscriber(id, answer)).ok);

    for (const broker of others) {
      const outcome = pull(broker, { mode: 'explicit', number: null });
      expect(outcome).toMatchObject({ ok: true, value: { parts: [{ topic: 'orders' }], problems: [{ topic: single }] } });
    }
    const cursors = described(others[0] as number).cursors.map(({ topic, problem }) => [topic, problem !== null]);
    expect(cursors).toEqual([
      ['orders', false],
      [single, true],
    ]);
  });

  test('is refused where no majority of its group can be reached, and answered again afterwards', () => {
    append(1, 1);
    for (const broker of [2, 3, 4, 5]) rig.cluster.kill(rig.member(broker), true);
    expect(pull(1)).toMatchObject({ ok: false, error: { retriable: true } });
    for (const broker of [2, 3, 4, 5]) rig.cluster.start(rig.member(broker));
    rig.until('it is answered', () => pull(1).ok);
    expect(pulled(1)).toEqual([1]);
  });
});

test('a publisher that was deleted is refused by all who keep it, also where it was known a moment ago', () => {
  rig = new Rig();
  rig.ok(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
  ok(1, (service, answer) => service.createPublisher({ id: 'till', requestId: null }, answer));
  const common = { level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
  const publish = (broker: number): Outcome<AppendResult> =>
    ask(broker, (service, answer) => service.publish({ publisher: 'till', topic: 'orders', batch: batchOfValues('x'), ...common }, answer));
  for (const broker of [1, 2, 3]) expect(publish(broker).ok).toBe(true);
  ok(1, (service, answer) => service.deletePublisher('till', answer));
  rig.run(500);
  for (const broker of [1, 2, 3]) expect(publish(broker)).toMatchObject({ ok: false, error: { code: 'unknownPublisher' } });
});

test('nobody but Cairn appends to what keeps subscribers', () => {
  const common = { level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
  const topic = 'cairn/subscribers';
  const outcome = rig.call<AppendResult>(1, (service, answer) => service.append({ topic, batch: batchOfValues('{}'), ...common }, answer));
  expect(outcome).toMatchObject({ ok: false, error: { code: 'topicProtected' } });
  expect(rig.call<undefined>(1, (service, answer) => service.revoke({ topic }, 'x', answer))).toMatchObject({
    error: { code: 'topicProtected' },
  });
  expect(rig.call<undefined>(1, (service, answer) => service.deleteTopic(topic, answer))).toMatchObject({
    error: { code: 'topicProtected' },
  });
});

test('what is acknowledged is cut from the log, and known after a restart of everything', () => {
  const KiB = 1024;
  const settings = { segmentBytesMin: 4 * KiB, segmentBytesMax: 4 * KiB, subscribersRetentionBytes: 16 * KiB };
  rig = new Rig({ brokers: 3, settings });
  // Of the first group, whose log is the one that is described.
  const subscriber =
    Array.from({ length: 100 }, (_, i) => `s${i}`).find((name) => simBytes.crc32c(simBytes.utf8Encode(name)) % 8 === 0) ?? '';
  rig.ok(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
  ok(2, (service, answer) => service.createSubscriber({ id: subscriber, requestId: null }, answer));
  ok(2, (service, answer) => service.createPublisher({ id: subscriber, requestId: null }, answer));
  ok(3, (service, answer) => service.subscribe({ subscriber, topic: 'orders', start: { at: 'beginning' } }, answer));
  for (let i = 0; i < 10; i++) append(1, ...Array.from({ length: 40 }, (_, j) => i * 40 + j));
  const kept = () => rig.ok<TopicDescription>(1, (service, answer) => service.describeTopic('cairn/subscribers', answer)).partition;
  let offset = 0;
  rig.until(
    'its beginning is removed',
    () => {
      const positions = [{ topic: 'orders', offset: (offset = Math.min(offset + 1, 400)) }];
      ok(1, (service, answer) => service.ack({ subscriber, positions }, answer));
      // Of each of them: one that still has its whole log would make up for the others.
      return [1, 2, 3].every((broker) => {
        const { partitions } = rig.broker(broker).peek();
        return partitions.some(({ topic, logStartOffset }) => topic.startsWith('cairn/subscribers') && logStartOffset > 0);
      });
    },
    120_000,
  );
  const before = ok<SubscriberDescription>(1, (service, answer) => service.describeSubscriber(subscriber, answer));
  for (const member of rig.cluster.members) rig.cluster.kill(member, true);
  for (const member of rig.cluster.members) rig.cluster.start(member);
  rig.until('all brokers are up', () => rig.cluster.members.every(({ broker }) => broker?.ready === true));

  for (const broker of [1, 2, 3]) {
    const found = ask<SubscriberDescription>(broker, (service, answer) => service.describeSubscriber(subscriber, answer));
    expect(found).toMatchObject({ ok: true, value: { createdMs: before.createdMs, usedMs: before.usedMs, cursors: [{ offset }] } });
    expect(ok(broker, (service, answer) => service.describePublisher(subscriber, answer))).toMatchObject({ id: subscriber });
  }
  expect(kept().logStartOffset).toBeGreaterThan(0);
  expect(kept().sizeBytes).toBeLessThan(24 * KiB);
});
