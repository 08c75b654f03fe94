import { beforeEach, describe, expect, test } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import type {
  Answer,
  AppendRequest,
  AppendResult,
  Cancelled,
  Outcome,
  ReadResult,
  ScheduledPage,
  ScheduleService,
  TopicPage,
  TopicPlacement,
} from '../../../src/eventlog/index.ts';
import { forEachRecord } from '../../../src/record/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { wallAtStartMs } from '../../../src/sim/clock.ts';
import { batchOfValues } from '../../conformance/event-log.ts';
import { Rig } from './rig.ts';

let rig: Rig;
const inMs = (ms: number): number => Math.floor(wallAtStartMs + rig.nowMs + ms);

function ask<Value>(broker: number, invoke: (service: ScheduleService, answer: Answer<Value>) => void): Outcome<Value> {
  return rig.call<Value>(broker, (_service, answer) => invoke(rig.broker(broker).schedules, answer));
}

function list(broker: number, topic: string | null = null, limit = 100, after: string | null = null): ScheduledPage {
  const outcome = ask<ScheduledPage>(broker, (service, answer) => service.listScheduled({ topic, after, limit }, answer));
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

const cancel = (broker: number, id: string): Outcome<Cancelled> => ask(broker, (service, answer) => service.cancelScheduled(id, answer));

const requestOf = (deliverAtMs: number, values: readonly string[], more: Partial<AppendRequest> = {}): AppendRequest => ({
  topic: 'orders',
  batch: batchOfValues(...values),
  level: 'quorum',
  timeoutMs: 5000,
  requestId: null,
  sequence: 0,
  expectedOffset: null,
  deliverAtMs,
  ...more,
});

const give = (broker: number, deliverAtMs: number, values: readonly string[], more: Partial<AppendRequest> = {}): Outcome<AppendResult> =>
  rig.call(broker, (service, answer) => service.append(requestOf(deliverAtMs, values, more), answer));

function given(broker: number, deliverAtMs: number, values: readonly string[], more: Partial<AppendRequest> = {}): AppendResult {
  const outcome = give(broker, deliverAtMs, values, more);
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

const idOf = (result: AppendResult): string => result.scheduled?.id ?? '';

interface Shown {
  readonly value: string;
  readonly timeMs: number;
}

function shown(broker: number, topic = 'orders'): Shown[] {
  const result = rig.ok<ReadResult>(broker, (service, answer) =>
    service.read({ topic, offsetFrom: 0, sinceMs: null, bytesMax: 1e6, freshness: 'linearizable', sessionOffset: 0, waitMs: 0 }, answer),
  );
  const all: Shown[] = [];
  for (const [index, batch] of result.batches.entries())
    forEachRecord(batch, (record) => {
      all.push({ value: simBytes.utf8Decode(record.value() ?? new Uint8Array()), timeMs: result.times?.[index] ?? 0 });
    });
  return all;
}

const values = (broker: number): string[] => shown(broker).map(({ value }) => value);

/** Who leads the group that keeps this. */
function keeperOf(id: string, asked = 1): number {
  const page = rig.ok<TopicPage>(asked, (service, answer) =>
    service.listTopics({ prefix: 'cairn/scheduled', after: '', limit: 9 }, answer),
  );
  return page.topics[0]?.partitions?.[Number(id.split('-')[0])]?.leader ?? 0;
}

beforeEach(() => {
  rig = new Rig({ brokers: 5 });
  rig.ok(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
});

describe('what is to be appended later', () => {
  test('is kept by a majority, and appended when it is due, not before and not much later', () => {
    const dueMs = inMs(5000);
    const result = given(5, dueMs, ['a', 'b']);

    expect(result).toMatchObject({
      topic: 'orders',
      partition: 0,
      offset: -1,
      count: 2,
      committed: true,
      scheduled: { deliverAtMs: dueMs },
    });
    expect(list(2).scheduled).toEqual([
      {
        id: idOf(result),
        topic: 'orders',
        partition: 0,
        deliverAtMs: dueMs,
        count: 2,
        bytes: expect.any(Number),
        state: 'waiting',
        problem: null,
      },
    ]);
    rig.run(dueMs - inMs(200));
    expect(values(1)).toEqual([]);
    rig.untilSeen('it is there', () => values(1).length > 0);

    const all = shown(3);
    expect(all.map(({ value }) => value)).toEqual(['a', 'b']);
    for (const { timeMs } of all) {
      expect(timeMs).toBeGreaterThanOrEqual(dueMs);
      expect(timeMs).toBeLessThanOrEqual(dueMs + 100);
    }
    rig.run(1000);
    expect(list(4)).toMatchObject({ scheduled: [], next: null, totals: { waiting: 0, waitingBytes: 0, delivered: 1 } });
  });

  test('comes at once where its time is over, and for a topic of several partitions into the one that is named', () => {
    rig.ok(1, (service, answer) => service.createTopic('many', { retentionBytes: null, partitions: 3 }, answer));

    expect(give(2, inMs(-10_000), ['x'], { topic: 'many' })).toMatchObject({ ok: false, error: { code: 'partitionNeeded' } });
    given(2, inMs(-10_000), ['x'], { topic: 'many', partition: 2 });
    rig.run(1000);

    const read = rig.ok<ReadResult>(4, (service, answer) =>
      service.read(
        {
          topic: 'many',
          partition: 2,
          offsetFrom: 0,
          sinceMs: null,
          bytesMax: 1e6,
          freshness: 'linearizable',
          sessionOffset: 0,
          waitMs: 0,
        },
        answer,
      ),
    );
    expect(read.batches.length).toBe(1);
  });

  test('is the same when it is asked again under its request id, and another one at another time', () => {
    const dueMs = inMs(2000);
    const first = given(1, dueMs, ['once'], { requestId: 'r' });
    const again = given(4, dueMs, ['once'], { requestId: 'r', firstAttemptMs: 10 });
    const other = given(4, dueMs + 1, ['once'], { requestId: 'r' });

    expect(again).toMatchObject({ duplicate: true, scheduled: first.scheduled });
    expect(idOf(other)).not.toBe(idOf(first));
    rig.run(4000);
    expect(values(2)).toEqual(['once', 'once']);
  });

  test('comes once when the leader of its group dies as it is due, however often', () => {
    const ids = Array.from({ length: 40 }, (_, index) => idOf(given((index % 5) + 1, inMs(3000), [`v${index}`])));
    const keeper = keeperOf(ids[0] ?? '');
    const asked = keeper === 1 ? 2 : 1;
    rig.run(3000 - (rig.nowMs % 10));
    rig.until('some of it is there', () => values(asked).length > 0);
    rig.kill(keeper);
    rig.untilSeen('all of it is there', () => values(asked).length >= 40);
    rig.start(keeper);
    rig.run(3000);

    expect(values(asked).toSorted()).toEqual(Array.from({ length: 40 }, (_, index) => `v${index}`).toSorted());
    rig.untilSeen('nothing waits', () => list(asked).totals.waiting === 0);
  });

  test('waits through a restart of all brokers', () => {
    const dueMs = inMs(6000);
    given(1, dueMs, ['still there']);
    for (const id of [1, 2, 3, 4, 5]) rig.kill(id);
    for (const id of [1, 2, 3, 4, 5]) rig.start(id);
    rig.untilSeen('it is there', () => rig.leader('orders') !== null && values(2).length > 0);

    expect(shown(2)[0]?.timeMs).toBeGreaterThanOrEqual(dueMs);
    rig.run(2000);
    expect(values(3)).toEqual(['still there']);
  });
});

describe('a cancellation', () => {
  test('before it is due wins: it is never appended, and may be asked again', () => {
    const [one, two] = [given(1, inMs(2000), ['cancelled']), given(1, inMs(2000), ['stays'])];

    expect(cancel(3, idOf(one))).toEqual({ ok: true, value: { id: idOf(one) } });
    expect(cancel(4, idOf(one))).toMatchObject({ ok: true });
    rig.run(4000);

    expect(values(2)).toEqual(['stays']);
    expect(cancel(5, idOf(two))).toMatchObject({ ok: false, error: { code: 'notScheduled' } });
    for (const id of ['0-99999', '77-1', 'what']) expect(cancel(5, id)).toMatchObject({ ok: false, error: { code: 'notScheduled' } });
  });

  test('once it is being delivered is refused, and then it is delivered', () => {
    const dueMs = inMs(2000);
    const id = idOf(given(1, dueMs, ['late']));
    rig.run(dueMs - inMs(50));

    const outcome = cancel(1, id);

    expect(outcome).toMatchObject({
      ok: false,
      error: { code: 'beingDelivered', message: `Cannot cancel "${id}": it is being delivered` },
    });
    rig.run(2000);
    expect(values(2)).toEqual(['late']);
  });
});

describe('where it cannot be appended', () => {
  test('because its topic was deleted, also one that was made again, it is given up and counted', () => {
    given(1, inMs(2000), ['for nobody']);
    rig.ok(1, (service, answer) => service.deleteTopic('orders', answer));
    rig.ok(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
    rig.run(5000);

    expect(values(2)).toEqual([]);
    expect(list(3).totals).toMatchObject({ waiting: 0, dropped: 1, delivered: 0 });
  });

  test('because its partition has no majority, it waits for that, others go on, and the list says why', () => {
    // By the rules of the cube the one topic is on some of the brokers, and the other on all.
    rig = new Rig({ brokers: 5 });
    rig.ok(1, (service, answer) => service.createTopic('orders', { retentionBytes: null, replicas: 1 }, answer));
    const place = rig.ok<TopicPlacement>(1, (service, answer) => service.explain('orders', answer));
    const [home = 1] = place.partitions.flatMap(({ replicas }) => replicas.map(({ broker }) => broker));
    const asked = (home % 5) + 1;
    const ids = Array.from({ length: 6 }, (_, index) => idOf(given(asked, inMs(3000 + index * 400), [`v${index}`])));
    given(asked, inMs(4000), ['for the log'], { topic: 'log' });
    rig.kill(home);
    rig.untilSeen('the log has its own', () => rig.leader() !== null && shown(asked, 'log').length > 0);
    rig.run(20_000);

    const waiting = list(asked).scheduled;
    expect(waiting.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(waiting.filter(({ state }) => state === 'delivering').every(({ problem }) => problem !== null)).toBe(true);
    expect(waiting.some(({ problem }) => problem !== null)).toBe(true);

    rig.start(home);
    rig.untilSeen('nothing waits', () => list(asked).totals.waiting === 0, 60_000);
    expect(values(asked).toSorted()).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5']);
  });

  test('because the disk of its partition is full, it waits for that, the list says so, and it comes once there is room', () => {
    rig = new Rig({ brokers: 5 });
    rig.ok(1, (service, answer) => service.createTopic('orders', { retentionBytes: null, replicas: 1 }, answer));
    const place = rig.ok<TopicPlacement>(1, (service, answer) => service.explain('orders', answer));
    const [home = 1] = place.partitions.flatMap(({ replicas }) => replicas.map(({ broker }) => broker));
    const asked = (home % 5) + 1;
    const large = 'x'.repeat(900_000);
    const due = idOf(given(asked, inMs(3000), [large]));
    given(asked, inMs(4000), ['for the log'], { topic: 'log' });
    const { disk } = rig.member(home).machine;
    assert(disk !== null, 'the broker has a disk');
    disk.capacityBytes = disk.usedBytes + 200_000;
    rig.until('the log has its own', () => shown(asked, 'log').length > 0, 60_000);
    rig.run(5000);

    const entry = list(asked, 'orders').scheduled.find(({ id }) => id === due);
    expect(entry).toMatchObject({ state: 'delivering', problem: expect.stringContaining('space') as string });
    expect(values(asked)).toEqual([]);
    expect(cancel(asked, due)).toMatchObject({ ok: false, error: { code: 'beingDelivered' } });

    disk.capacityBytes = Number.POSITIVE_INFINITY;
    rig.until('nothing waits', () => list(asked).totals.waiting === 0, 60_000);
    expect(values(asked)).toEqual([large]);
    expect(list(asked).totals).toMatchObject({ delivered: 2, dropped: 0 });
  });

  test('because the clock of its leader is behind by seconds, it comes later, and not before by log time', () => {
    const leader = rig.awaitLeader('orders');
    rig.member(leader).machine.clockError.wallSkewMs = -5000;
    const dueMs = inMs(3000);
    given((leader % 5) + 1, dueMs, ['late']);
    rig.run(dueMs - inMs(-2000));
    expect(values((leader % 5) + 1)).toEqual([]);
    rig.untilSeen('it is there', () => values((leader % 5) + 1).length > 0);

    expect(shown(leader)[0]?.timeMs).toBeGreaterThanOrEqual(dueMs);
  });

  test('because there is no such topic, nothing is taken', () => {
    expect(give(1, inMs(2000), ['x'], { topic: 'none' })).toMatchObject({ ok: false, error: { code: 'unknownTopic' } });
    expect(give(1, inMs(2000), ['x'], { topic: 'cairn/scheduled' })).toMatchObject({ ok: false, error: { code: 'topicProtected' } });
  });

  test('what cannot be kept, or not for so long, is refused', () => {
    expect(give(1, inMs(31 * 24 * 3_600_000), ['x'])).toMatchObject({ ok: false, error: { code: 'invalidRequest' } });
    expect(give(1, inMs(2000), ['x'], { level: 'leader' })).toMatchObject({ ok: false, error: { code: 'invalidRequest' } });
    expect(give(1, inMs(2000), ['x'], { expectedOffset: 0 })).toMatchObject({ ok: false, error: { code: 'invalidRequest' } });
    expect(give(1, -1, ['x'])).toMatchObject({ ok: false, error: { code: 'invalidRequest' } });
    expect(give(1, inMs(2000), ['x'.repeat(1_000_001)])).toMatchObject({ ok: false, error: { code: 'recordTooLarge' } });
  });
});

test('a list is by time over all groups, and goes on where a page ended', () => {
  rig.ok(1, (service, answer) => service.createTopic('other', { retentionBytes: null }, answer));
  const at = inMs(60_000);
  for (let index = 0; index < 25; index++) given(1, at + ((index * 7) % 25), [`${index}`], { topic: index % 5 === 0 ? 'other' : 'orders' });

  const pages: ScheduledPage[] = [];
  for (let after: string | null = null, isFirst = true; isFirst || after !== null; isFirst = false) {
    const page = list(2, 'orders', 6, after);
    pages.push(page);
    after = page.next;
  }

  const all = pages.flatMap(({ scheduled }) => scheduled);
  expect(pages.map(({ scheduled }) => scheduled.length)).toEqual([6, 6, 6, 2]);
  expect(all.map(({ deliverAtMs }) => deliverAtMs)).toEqual(all.map(({ deliverAtMs }) => deliverAtMs).toSorted((a, b) => a - b));
  expect(new Set(all.map(({ id }) => id)).size).toBe(20);
  expect(pages[0]?.totals.waiting).toBe(25);
});

test('so many as a group may have it takes, and says of the next that it is one too many', () => {
  rig = new Rig({ brokers: 3, settings: { scheduledMax: 16 } });
  const outcomes = Array.from({ length: 40 }, () => give(1, inMs(60_000), ['x'], { topic: 'log' }));

  const refused = outcomes.filter((outcome) => !outcome.ok);
  expect(outcomes.length - refused.length).toBe(16);
  for (const outcome of refused) expect(outcome).toMatchObject({ error: { code: 'tooManyScheduled', definite: true } });
});

test('the log of a group loses its beginning, whatever waits there for long', () => {
  const small = { segmentBytesMin: 4096, segmentBytesMax: 4096, scheduledRetentionBytes: 16_384, markAfterMs: 20 };
  rig = new Rig({ brokers: 3, settings: small });
  given(1, inMs(600_000), ['long'], { topic: 'log' });
  for (let index = 0; index < 120; index++) {
    const request = requestOf(inMs(500), ['x'.repeat(1500)], { topic: 'log' });
    rig.begin<AppendResult>((index % 3) + 1, (service, answer) => service.append(request, answer));
    if (index % 10 === 0) rig.run(100);
  }
  rig.run(15_000);

  const page = rig.ok<TopicPage>(1, (service, answer) => service.listTopics({ prefix: 'cairn/scheduled', after: '', limit: 9 }, answer));
  const partitions = page.topics[0]?.partitions ?? [];
  expect(partitions.length).toBeGreaterThan(0);
  for (const { sizeBytes, logStartOffset } of partitions) {
    expect(logStartOffset).toBeGreaterThan(0);
    expect(sizeBytes).toBeLessThan(60_000);
  }
  for (const id of [1, 2, 3]) rig.kill(id);
  for (const id of [1, 2, 3]) rig.start(id);
  rig.untilSeen('it is still known', () => rig.leader() !== null && list(2).totals.waiting === 1);
  expect(list(2).totals.delivered).toBe(120);
});

describe('an id that its partition may have forgotten', () => {
  /** The group that keeps it loses its leader after it was appended, before that is known: here by a broker that is stopped just then. */
  test('is looked for where it would be, and not appended again', () => {
    rig = new Rig({ brokers: 3, settings: { requestIdsMax: 8 } });
    const dueMs = inMs(2000);
    const ids = Array.from({ length: 30 }, (_, index) => idOf(given((index % 3) + 1, dueMs, [`v${index}`], { topic: 'log' })));
    rig.until('some are there', () => rig.values(1).length > 0);
    const keeper = keeperOf(ids[0] ?? '');
    const asked = (keeper % 3) + 1;
    rig.kill(keeper);
    rig.awaitLeader();
    for (let index = 0; index < 40; index++) rig.append(asked, [`other ${index}`], { requestId: `r${index}` });
    rig.start(keeper);
    rig.untilSeen('nothing waits', () => list(asked).totals.waiting === 0, 60_000);

    const later = rig.values(asked).filter((value) => value.startsWith('v'));
    expect(later.toSorted()).toEqual(Array.from({ length: 30 }, (_, index) => `v${index}`).toSorted());
    expect(list(asked).totals).toMatchObject({ delivered: 30, dropped: 0 });
  });

  test('is appended once, and without much ado, where log time stands still', () => {
    rig = new Rig({ brokers: 3, settings: { requestIdsMax: 8 } });
    const setClocks = (skewMs: number): void => {
      for (const id of [1, 2, 3]) rig.member(id).machine.clockError.wallSkewMs = skewMs;
    };
    const refused = (): number => [1, 2, 3].reduce((sum, id) => sum + rig.broker(id).peek().counters.refusedAppends, 0);
    setClocks(86_400_000);
    rig.append(1, ['a day ahead'], { requestId: 'ahead' });
    setClocks(0);
    for (let index = 0; index < 40; index++) rig.append(1, [`other ${index}`], { requestId: `r${index}` });
    const before = refused();
    given(1, inMs(2000), ['later'], { topic: 'log' });
    rig.untilSeen('nothing waits', () => list(1).totals.waiting === 0, 60_000);

    expect(rig.values(1).filter((value) => value === 'later')).toHaveLength(1);
    expect(list(1).totals).toMatchObject({ delivered: 1, dropped: 0 });
    expect(refused() - before).toBeLessThan(10);
  });
});
