/** What is removed of a topic by age, by number, and once all subscribers have read it; and who holds it back. */
import { beforeEach, expect, test } from 'vitest';
import type {
  Answer,
  AppendResult,
  PartitionStatus,
  SubscriberDescription,
  SubscriptionService,
  TopicDescription,
  TopicSettings,
} from '../../../src/eventlog/index.ts';
import { batchOfValues } from '../../conformance/event-log.ts';
import { Rig } from './rig.ts';

const KiB = 1024;
let rig: Rig;
/** Where the last record ends that was appended. */
let end = 0;

function ok<Value>(invoke: (service: SubscriptionService, answer: Answer<Value>) => void): Value {
  return rig.ok<Value>(1, (_service, answer) => invoke(rig.broker(1).subscriptions, answer));
}

const create = (settings: Partial<TopicSettings>): void =>
  void rig.ok<TopicDescription>(1, (service, answer) => service.createTopic('jobs', { retentionBytes: null, ...settings }, answer));

/** So many records of 200 bytes. */
function append(count: number): void {
  const common = { level: 'all', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
  for (let i = 0; i < count; i++) {
    const batch = batchOfValues('x'.repeat(200));
    end = rig.ok<AppendResult>(1, (service, answer) => service.append({ topic: 'jobs', batch, ...common }, answer)).offset + 1;
  }
}

const described = (broker = 1): PartitionStatus =>
  rig.ok<TopicDescription>(broker, (service, answer) => service.describeTopic('jobs', answer)).partition;

/** On every broker, whichever leads. */
const starts = (): number[] => [1, 2, 3].map((broker) => described(broker).logStartOffset);

function subscribe(id: string, topic: string): void {
  ok((service, answer) => service.createSubscriber({ id, requestId: null }, answer));
  ok((service, answer) => service.subscribe({ subscriber: id, topic, start: { at: 'beginning' } }, answer));
}

const acknowledge = (subscriber: string, offset: number): void =>
  void ok((service, answer) => service.ack({ subscriber, positions: [{ topic: 'jobs', offset }] }, answer));

beforeEach(() => {
  rig = new Rig({ settings: { segmentBytesMin: 4 * KiB, segmentBytesMax: 4 * KiB } });
});

test('what all subscribers have read goes, and no more; a description says who holds back what goes next', () => {
  subscribe('slow', 'j*');
  create({ retentionUntilRead: true });
  subscribe('quick', 'jobs');
  append(100);
  // The pattern has not taken it up yet: it is kept for it from the beginning.
  acknowledge('quick', end);
  rig.run(15_000);
  expect(starts()).toEqual([0, 0, 0]);
  for (const broker of [1, 2, 3]) {
    const { nextRemoval } = described(broker);
    expect(nextRemoval).toMatchObject({ offsetFrom: 0, dueMs: null, unreadBy: { subscriber: 'slow', offset: 0 }, missing: [] });
    expect(nextRemoval?.unreadBy?.sinceMs).toBeGreaterThan(0);
  }

  ok((service, answer) =>
    service.pull(
      {
        subscriber: 'slow',
        topics: null,
        mode: 'explicit',
        number: null,
        acknowledge: [],
        recordsMax: 1,
        bytesMax: 1,
        waitMs: 0,
        freshness: 'linearizable',
      },
      answer,
    ),
  );
  acknowledge('slow', 50);
  rig.untilSeen('what both have read is gone', () => starts().every((start) => start > 20), 30_000);
  rig.run(15_000);
  expect(Math.max(...starts())).toBeLessThanOrEqual(50);
  const [cursor] = ok<SubscriberDescription>((service, answer) => service.describeSubscriber('slow', answer)).cursors;
  expect(cursor).toMatchObject({ offset: 50, holdsBack: true, problem: null });

  ok((service, answer) => service.deleteSubscriber('slow', answer));
  rig.untilSeen('nobody holds it back', () => starts().every((start) => start > 60), 30_000);
  expect(described().nextRemoval?.unreadBy ?? null).toBeNull();
  expect(rig.violations).toEqual([]);
});

test('with nobody subscribed nothing goes for having been read', () => {
  create({ retentionUntilRead: true });
  append(100);

  rig.run(20_000);

  expect(starts()).toEqual([0, 0, 0]);
});

test('a bound wins over subscribers, not over a broker that is away, and the description says so', () => {
  create({ retentionUntilRead: true, retentionRecords: 40 });
  subscribe('slow', 'jobs');
  append(100);
  rig.untilSeen('the bound has removed what is not read', () => starts().every((start) => start > 30), 30_000);
  expect(Math.max(...starts())).toBeLessThanOrEqual(end - 40);
  const outside = [1, 2, 3].find((broker) => broker !== rig.leader('jobs')) ?? 3;
  rig.kill(outside);
  const before = described(rig.leader('jobs') ?? 1).logStartOffset;
  const common = { level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
  const asked = rig.leader('jobs') ?? 1;
  for (let i = 0; i < 60; i++)
    rig.ok<AppendResult>(asked, (service, answer) =>
      service.append({ topic: 'jobs', batch: batchOfValues('x'.repeat(200)), ...common }, answer),
    );
  rig.run(15_000);
  const { nextRemoval, logStartOffset } = described(asked);
  expect(logStartOffset).toBeLessThanOrEqual(end);
  expect(logStartOffset).toBeGreaterThanOrEqual(before);
  expect(nextRemoval).toMatchObject({ missing: [outside], unreadBy: { subscriber: 'slow', offset: 0 } });
});

test('what is older than the age goes, without anybody appending', () => {
  create({ retentionMs: 60_000 });
  append(100);
  rig.run(20_000);
  expect(starts()).toEqual([0, 0, 0]);
  const { nextRemoval } = described();
  expect(nextRemoval?.dueMs).toBeGreaterThan(0);

  rig.run(60_000);

  // All that is whole: the newest segment stays, whatever its age.
  expect(Math.min(...starts())).toBeGreaterThan(80);
});

test('bounds are altered, and taken back', () => {
  create({});
  append(100);
  const alter = (changes: Partial<TopicSettings>): TopicSettings =>
    rig.ok<TopicDescription>(1, (service, answer) => service.alterTopic('jobs', changes, answer)).settings;
  expect(alter({ retentionMs: 5000, retentionRecords: 10, retentionUntilRead: true })).toMatchObject({
    retentionBytes: null,
    retentionMs: 5000,
    retentionRecords: 10,
    retentionUntilRead: true,
  });
  expect(alter({ retentionMs: null, retentionRecords: null, retentionUntilRead: false })).toEqual({
    retentionBytes: null,
    placement: 'hypercube',
    replicas: 3,
  });
  expect(described().nextRemoval).toBeUndefined();
});
