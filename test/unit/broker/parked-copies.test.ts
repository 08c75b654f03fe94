/** What is removed of the topic of parked records: copies that nobody has as parked any more, and what a bound lets go. */
import { expect, test } from 'vitest';
import type {
  Answer,
  AppendResult,
  Nacked,
  ParkedChanged,
  ParkedPage,
  ParkedRecord,
  PullResult,
  SubscriberDescription,
  SubscriptionService,
  TopicDescription,
} from '../../../src/eventlog/index.ts';
import { type BrokerSettings, parkedTopic } from '../../../src/broker/index.ts';
import { batchOfValues } from '../../conformance/event-log.ts';
import { pulledValues } from '../../conformance/subscriptions.ts';
import { Rig } from './rig.ts';

const KiB = 1024;
const count = 24;

/** A subscriber that has failed at each of 24 records of 500 bytes, which are parked. */
class Parked {
  readonly rig: Rig;

  constructor(more: Partial<BrokerSettings> = {}) {
    this.rig = new Rig({ settings: { segmentBytesMin: 4 * KiB, segmentBytesMax: 4 * KiB, triesMax: 1, ...more } });
    this.rig.ok<TopicDescription>(1, (service, answer) => service.createTopic('jobs', { retentionBytes: null }, answer));
    const batch = batchOfValues(...Array.from({ length: count }, (_, index) => `${index} ${'x'.repeat(500)}`));
    const request = { topic: 'jobs', batch, level: 'quorum', timeoutMs: 5000, requestId: null, sequence: 0, expectedOffset: null } as const;
    const { offset } = this.rig.ok<AppendResult>(1, (service, answer) => service.append(request, answer));
    this.ok((service, answer) => service.createSubscriber({ id: 's', requestId: null }, answer));
    this.ok((service, answer) => service.subscribe({ subscriber: 's', topic: 'jobs', start: { at: 'beginning' } }, answer));
    const records = Array.from({ length: count }, (_, index) => ({ topic: 'jobs', offset: offset + index, reason: 'no' }));
    this.ok<Nacked>((service, answer) => service.nack({ subscriber: 's', records }, answer));
    this.rig.untilSeen('all are parked', () => this.list().count === count, 30_000);
  }

  ok<Value>(invoke: (service: SubscriptionService, answer: Answer<Value>) => void): Value {
    return this.rig.ok<Value>(1, (_service, answer) => invoke(this.rig.broker(1).subscriptions, answer));
  }

  list(): ParkedPage {
    return this.ok((service, answer) => service.listParked({ subscriber: 's', topic: null, after: -1, limit: 1000 }, answer));
  }

  show(id: number): ParkedRecord {
    return this.ok((service, answer) => service.showParked({ subscriber: 's', id }, answer));
  }

  change(does: 'replay' | 'drop', ids: readonly number[]): ParkedChanged {
    return this.ok((service, answer) => service.changeParked({ subscriber: 's', does, ids }, answer));
  }

  pull(acknowledge: { topic: string; offset: number; tries: number }[] = []): PullResult {
    const how = { topics: null, mode: 'explicit', number: null, recordsMax: 100, bytesMax: 1024 * KiB, waitMs: 0 } as const;
    const request = { subscriber: 's', acknowledge, freshness: 'linearizable', ...how } as const;
    return this.ok((service, answer) => service.pull(request, answer));
  }

  /** Of the partition that its copies are in, on every broker. */
  starts(): number[] {
    const { group } = this.ok<SubscriberDescription>((service, answer) => service.describeSubscriber('s', answer));
    const number = this.rig.ok<TopicDescription>(1, (service, answer) => service.describeTopic('cairn/subscribers', answer)).partitions;
    const index = number?.findIndex((one) => one.group === group) ?? -1;
    return [1, 2, 3].map((broker) => {
      const { partitions } = this.rig.ok<TopicDescription>(broker, (service, answer) => service.describeTopic(parkedTopic, answer));
      return partitions?.[index]?.logStartOffset ?? -1;
    });
  }
}

const textOf = (shown: ParkedRecord): string =>
  pulledValues(shown as unknown as PullResult)
    .join()
    .split(' ')[0] ?? '';

test('a failure that is told again once its record is parked is told so: what stands behind it waited for it', () => {
  const parked = new Parked();
  const [first, second] = parked.list().parked;
  const again = (): Nacked => {
    const records = [first, second].map((one) => ({ topic: 'jobs', offset: one?.offset ?? -1, reason: 'no' }));
    return parked.ok<Nacked>((service, answer) => service.nack({ subscriber: 's', records, ordered: true }, answer));
  };

  expect(again().records).toMatchObject([
    { state: 'parks', tries: 1, dueMs: null },
    { state: 'parks', tries: 1, dueMs: null },
  ]);
  parked.change('drop', [first?.id ?? -1]);
  expect(again().records).toMatchObject([{ state: 'done', tries: 0 }, { state: 'parks' }]);
}, 30_000);

test('copies go once all before them are dropped, or were replayed and processed; one that is parked keeps what is behind it', () => {
  const parked = new Parked();
  const ids = parked.list().parked.map(({ id }) => id);
  const kept = ids[12] as number;

  parked.change('drop', ids.slice(1, 12));
  parked.change('drop', ids.slice(13));
  parked.change('replay', ids.slice(0, 1));
  const { parts } = parked.pull();
  expect(parts).toMatchObject([{ tries: 1 }]);
  parked.rig.run(6000);
  // It is in retry from its copy.
  expect(parked.starts()).toEqual([0, 0, 0]);
  parked.pull(parts.map(({ topic, offsetTo: offset, tries = 0 }) => ({ topic, offset, tries })));
  parked.rig.untilSeen('what is before the one that is kept is gone', () => parked.starts().every((start) => start > 4), 30_000);
  parked.rig.run(6000);
  expect(Math.max(...parked.starts())).toBeLessThanOrEqual(kept);
  expect(textOf(parked.show(kept))).toBe('12');

  parked.ok((service, answer) => service.deleteSubscriber('s', answer));
  parked.ok((service, answer) => service.createSubscriber({ id: 's', requestId: null }, answer));
  parked.rig.untilSeen('all whole segments are gone', () => parked.starts().every((start) => start > kept), 30_000);
  expect(parked.rig.violations).toEqual([]);
}, 30_000);

test('a bound removes copies that are still parked: they stay listed, and are replayed from their topic', () => {
  const parked = new Parked({ parkedRetentionBytes: 8 * KiB });
  parked.rig.untilSeen('the bound has removed some', () => parked.starts().every((start) => start > 0), 30_000);
  const { count: listed, parked: all } = parked.list();
  expect(listed).toBe(count);
  const first = all[0]?.id as number;
  expect(parked.show(first)).toMatchObject({ id: first, reason: 'no', parts: [] });
  expect(textOf(parked.show(all.at(-1)?.id as number))).toBe(String(count - 1));

  expect(parked.change('replay', [first])).toMatchObject({ count: 1, left: [] });
  expect(pulledValues(parked.pull())).toEqual([`0 ${'x'.repeat(500)}`]);
  expect(parked.rig.violations).toEqual([]);
}, 30_000);
