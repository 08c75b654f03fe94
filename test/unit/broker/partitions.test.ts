/** Topics of several partitions, on brokers that have some of them. */
import { describe, expect, test } from 'vitest';
import { sentencesOf } from '../../../src/cli/explain.ts';
import type { Outcome, TopicDescription, TopicPage, TopicPlacement } from '../../../src/eventlog/index.ts';
import { type Divided, DividedAppends, MergedReader, type PartitionPlace } from '../../../src/partitions/index.ts';
import { partitionOfKey } from '../../../src/placement/index.ts';
import { forEachRecord, RecordBatchBuilder, recordCount } from '../../../src/record/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import type { Clock } from '../../../src/host/index.ts';
import { appendOf, Rig, type RigOptions } from './rig.ts';

function made(partitions: number, options: RigOptions = { brokers: 5 }, settings: { readonly placement?: 'ring' | 'all' } = {}): Rig {
  const rig = new Rig(options);
  rig.awaitLeader();
  rig.run(1000);
  rig.ok<TopicDescription>(1, (service, answer) =>
    service.createTopic('orders', { retentionBytes: null, partitions, ...settings }, answer),
  );
  return rig;
}

const described = (rig: Rig, id: number): TopicDescription =>
  rig.ok<TopicDescription>(id, (service, answer) => service.describeTopic('orders', answer));

/** Nothing here is silent: what is started is never due. */
const clockOf = (rig: Rig): Clock => ({
  monotonicMs: () => rig.nowMs,
  wallMs: () => rig.nowMs,
  startTimer: () => ({ cancel: () => undefined }),
  defer: (run) => void rig.cluster.world.scheduler.schedule(0, 'client', 0, run),
});

const homesOf = (rig: Rig): readonly (number | undefined)[] =>
  rig.ok<TopicPlacement>(1, (service, answer) => service.explain('orders', answer)).partitions.map(({ replicas: [home] }) => home?.broker);

const everybody = [1, 2, 3, 4, 5];

describe('a topic of several partitions', () => {
  test('is spread over the brokers: its homes, its first leaders and its replicas', () => {
    const rig = made(10);
    rig.run(2000);

    const { partitions = [] } = described(rig, 1);

    const leads = everybody.map((id) => partitions.filter(({ leader }) => leader === id).length);
    expect(leads).toEqual([2, 2, 2, 2, 2]);
    expect(new Set(partitions.map(({ group }) => group)).size).toBe(10);
  });

  test.each(['ring', 'all'] as const)('is spread by placement %s too, and read again after a restart of everything', (placement) => {
    const rig = made(6, { brokers: 5 }, { placement });
    const before = described(rig, 2);
    for (const id of everybody) rig.kill(id);
    for (const id of everybody) rig.start(id);
    rig.until('all are back', () => everybody.every((id) => rig.member(id).broker?.ready === true));
    rig.run(2000);

    const after = described(rig, 3);

    expect(after.partitions?.map(({ group, replicas }) => ({ group, replicas }))).toEqual(
      before.partitions?.map(({ group, replicas }) => ({ group, replicas })),
    );
    expect(new Set(homesOf(rig)).size).toBeGreaterThan(2);
    expect(before.partitions?.every(({ replicas }) => replicas.length === (placement === 'all' ? 5 : 3))).toBe(true);
  });

  test('is appended to and read through any broker, each partition by itself', () => {
    const rig = made(4);
    for (const id of everybody)
      for (const partition of [0, 1, 2, 3]) rig.appended(id, [`${partition} from ${id}`], { topic: 'orders', partition });

    for (const partition of [0, 1, 2, 3]) {
      const result = rig.read(2, { topic: 'orders', partition });
      const values: string[] = [];
      for (const batch of result.batches)
        forEachRecord(batch, (record) => void values.push(simBytes.utf8Decode(record.value() ?? new Uint8Array(0))));
      expect(values.toSorted()).toEqual(everybody.map((id) => `${partition} from ${id}`));
      expect(result.times).toHaveLength(result.batches.length);
    }
    expect(rig.refused(3, ['x'], { topic: 'orders' }).code).toBe('partitionNeeded');
    expect(rig.refused(3, ['x'], { topic: 'orders', partition: 4 }).code).toBe('invalidRequest');
  });

  test('is divided and merged through one broker, whichever has the replicas', () => {
    const rig = made(4);
    const values = Array.from({ length: 40 }, (_, index) => `value ${index}`);
    const builder = new RecordBatchBuilder();
    for (const [index, value] of values.entries()) builder.add(0, simBytes.utf8Encode(`key ${index}`), simBytes.utf8Encode(value));
    const request = { topic: 'orders', level: 'quorum', timeoutMs: 5000, requestId: 'r', sequence: 0, expectedOffset: null } as const;
    const batch = builder.finish(simBytes);
    const divided = rig.ok<Divided>(4, (service, answer) => {
      const appends = new DividedAppends({
        log: service,
        bytes: simBytes,
        partitionsOf: (topic) => service.partitionsOf(topic),
        whenPartitionsKnown: (topic, timeoutMs, answer) => service.whenPartitionsKnown(topic, timeoutMs, answer),
      });
      appends.append({ ...request, batch }, (value) => answer({ ok: true, value }));
    });

    expect(divided.kind === 'several' && divided.parts.every(({ outcome }) => outcome.ok)).toBe(true);
    for (const id of everybody) {
      const found: { readonly partition: number; readonly key: string; readonly value: string }[] = [];
      rig.ok<undefined>(id, (service, answer) => {
        const reader = new MergedReader({
          log: service,
          clock: clockOf(rig),
          topic: 'orders',
          places: Array.from({ length: 4 }, (): PartitionPlace => ({ from: 'start' })),
          bytesMax: 1_000_000,
          freshness: 'linearizable',
          sessionOffsets: [],
          silentMs: 5000,
        });
        reader.fill(0, { cancelled: false, onCancel: null }, (error) => {
          for (let piece = reader.piece(); piece !== null; piece = reader.piece()) {
            const { partition } = piece;
            forEachRecord(piece.batch, (record) => {
              const [key, value] = [record.key(), record.value()].map((bytes) => simBytes.utf8Decode(bytes ?? new Uint8Array(0)));
              found.push({ partition, key: key ?? '', value: value ?? '' });
            });
            reader.advance(piece);
          }
          const outcome: Outcome<undefined> = error === null ? { ok: true, value: undefined } : { ok: false, error };
          answer(outcome);
        });
      });
      expect(found.map(({ value }) => value).toSorted()).toEqual(values.toSorted());
      for (const { partition, key } of found) expect(partitionOfKey(simBytes.utf8Encode(key), 4)).toBe(partition);
    }
  });

  test('has a request revoked in the partition that it was for, whether or not it is there yet, and in no other', () => {
    const rig = made(4);
    const revoke = (id: number, partition: number, requestId: string): undefined =>
      rig.ok<undefined>(id, (service, answer) => service.revoke({ topic: 'orders', partition }, requestId, answer));
    for (const partition of [0, 2]) rig.appended(1, [`r in ${partition}`], { topic: 'orders', partition, requestId: 'r' });

    revoke(3, 2, 'r');
    revoke(4, 3, 'late');

    const counts = [0, 1, 2, 3].map((partition) => rig.read(5, { topic: 'orders', partition }).batches.length);
    expect(counts).toEqual([1, 0, 0, 0]);
    expect(rig.refused(2, ['x'], { topic: 'orders', partition: 3, requestId: 'late' }).code).toBe('revoked');
    expect(rig.appended(2, ['x'], { topic: 'orders', partition: 0, requestId: 'late' }).committed).toBe(true);
    const unnamed = rig.call<undefined>(1, (service, answer) => service.revoke({ topic: 'orders' }, 'r', answer));
    expect(unnamed).toMatchObject({ ok: false, error: { code: 'partitionNeeded' } });
  });

  test('is explained partition by partition', () => {
    const rig = made(3);

    const placement = rig.ok<TopicPlacement>(5, (service, answer) => service.explain('orders', answer));

    expect(placement.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2]);
    expect(sentencesOf(placement, 0)).toMatch(/Partition 0:\nIts last bits[^]*Partition 1:\nIt spreads from there[^]*Partition 2:\n/);
  });

  test('is gone with all of its partitions when it is deleted', () => {
    const rig = made(5);
    const groups = described(rig, 1).partitions?.map(({ group }) => group) ?? [];
    const folders = (): number =>
      everybody.flatMap((id) =>
        groups.filter((group) =>
          rig
            .member(id)
            .machine.disk?.filePaths()
            .some((path) => path.startsWith(`groups/${group}/`)),
        ),
      ).length;
    rig.until('all replicas are there', () => folders() === 15);

    rig.ok<undefined>(3, (service, answer) => service.deleteTopic('orders', answer));

    rig.until('its files are gone', () => folders() === 0);
    expect(rig.broker(2).peek().topics?.count).toBe(2);
  });

  test('counts for each of its partitions where brokers keep so many and no more', () => {
    const rig = new Rig({ brokers: 3, settings: { replicasPerBrokerMax: 6 } });
    rig.awaitLeader();
    const create = (name: string, partitions: number): Outcome<TopicDescription> =>
      rig.call<TopicDescription>(1, (service, answer) => service.createTopic(name, { retentionBytes: null, partitions }, answer));

    const refused = create('six', 6);
    const taken = create('five', 5);

    // The topic of events is one.
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'tooManyTopics', message: expect.stringContaining('would keep 6 of its partitions, and keeps 1 of the 6') },
    });
    expect(taken.ok).toBe(true);
    expect(create('one', 1)).toMatchObject({ ok: false, error: { code: 'tooManyTopics' } });
  });

  test('counts for each of them in a page, of which there is one at least', () => {
    const rig = made(5, { brokers: 3 });
    const page = (after: string, limit: number): TopicPage =>
      rig.ok<TopicPage>(2, (service, answer) => service.listTopics({ prefix: '', after, limit }, answer));

    const first = page('', 2);
    const second = page(first.next ?? '', 2);

    expect(first.topics.map(({ name }) => name)).toEqual(['cairn.events', 'log']);
    expect(second.topics.map(({ name }) => name)).toEqual(['orders']);
    expect(second.next).toBeNull();
  });
});

describe('a topic that gets more partitions', () => {
  const alter = (rig: Rig, id: number, partitions: number) =>
    rig.begin<TopicDescription>(id, (service, answer) => service.alterTopic('orders', { partitions }, answer));

  test('keeps what it has, and brokers that had not heard of the new ones take appends for them', () => {
    const rig = made(2);
    rig.appended(1, ['before'], { topic: 'orders', partition: 1 });
    const groups = described(rig, 1).partitions?.map(({ group }) => group);

    const call = alter(rig, 2, 7);
    rig.until('it is altered', () => call.outcome !== null);

    for (const id of everybody) rig.appended(id, [`from ${id}`], { topic: 'orders', partition: 6 });
    const after = described(rig, 4);
    expect(after.partitions?.slice(0, 2).map(({ group }) => group)).toEqual(groups);
    expect(after.settings).toMatchObject({ partitions: 7, partitionsBefore: [2], replicas: 3 });
    expect(rig.read(3, { topic: 'orders', partition: 1 }).batches).toHaveLength(1);
    for (const id of everybody) expect(rig.broker(id).partitionsOf('orders')).toEqual([2, 7]);
  });

  test('gets as many as the larger of two that are asked for at once', () => {
    const rig = made(1);

    const calls = [alter(rig, 1, 3), alter(rig, 2, 5), alter(rig, 3, 4)];
    rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));

    expect(described(rig, 1).partitions).toHaveLength(5);
    const refused = calls.filter(({ outcome }) => outcome?.ok === false);
    for (const { outcome } of refused) expect(outcome).toMatchObject({ error: { code: 'invalidRequest' } });
    expect(calls[1]?.outcome?.ok).toBe(true);
  });

  test('has them after a restart of everything, and in what brokers check of one another', () => {
    const rig = made(2, { brokers: 3 });
    const call = alter(rig, 1, 4);
    rig.until('it is altered', () => call.outcome !== null);
    for (const id of [1, 2, 3]) rig.kill(id);
    for (const id of [1, 2, 3]) rig.start(id);
    rig.until('all are back', () => [1, 2, 3].every((id) => rig.member(id).broker?.ready === true));

    rig.until('all know them', () => [1, 2, 3].every((id) => rig.broker(id).partitionsOf('orders')?.at(-1) === 4));

    rig.appended(2, ['x'], { topic: 'orders', partition: 3 });
    expect(rig.cluster.reports().filter(({ status }) => status !== 'pass')).toEqual([]);
  });

  test('a retry through a broker that has not heard of them yet is not stored a second time', () => {
    const rig = made(1, { brokers: 3 });
    const [asked, late] = [1, 3];
    const builder = new RecordBatchBuilder();
    for (const key of ['a', 'b', 'c', 'd', 'e']) builder.add(0, simBytes.utf8Encode(key), simBytes.utf8Encode(key));
    const batch = builder.finish(simBytes);
    const send = (id: number, firstAttemptMs?: number): Divided =>
      rig.ok<Divided>(id, (service, answer) => {
        const appends = new DividedAppends({
          log: service,
          bytes: simBytes,
          partitionsOf: (topic) => service.partitionsOf(topic),
          whenPartitionsKnown: (topic, timeoutMs, told) => service.whenPartitionsKnown(topic, timeoutMs, told),
        });
        const usual = { topic: 'orders', level: 'quorum', timeoutMs: 5000, requestId: 'r', sequence: 0, expectedOffset: null } as const;
        const order = { ...usual, batch: batch.slice(), ...(firstAttemptMs === undefined ? {} : { firstAttemptMs }) };
        appends.append(order, (value) => answer({ ok: true, value }));
      });
    rig.isolate(late);
    const call = alter(rig, asked, 4);
    rig.until('it is altered', () => call.outcome !== null);
    expect(send(asked).kind).toBe('several');
    expect(rig.broker(late).partitionsOf('orders')).toEqual([1]);

    rig.heal();
    const again = send(late, 10);

    expect(again.kind === 'several' && again.parts.every(({ outcome }) => outcome.ok && outcome.value.duplicate)).toBe(true);
    const counts = [0, 1, 2, 3].map((partition) =>
      rig.read(asked, { topic: 'orders', partition }).batches.reduce((sum, each) => sum + recordCount(each), 0),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5);
  });

  test('a retry is answered within its own time where nobody can be asked for its partitions', () => {
    const rig = made(1, { brokers: 3 });
    const alone = 3;
    rig.isolate(alone);
    const startMs = rig.nowMs;

    const divided = rig.ok<Divided>(alone, (service, answer) => {
      const appends = new DividedAppends({
        log: service,
        bytes: simBytes,
        partitionsOf: (topic) => service.partitionsOf(topic),
        whenPartitionsKnown: (topic, timeoutMs, told) => service.whenPartitionsKnown(topic, timeoutMs, told),
      });
      const retry = { ...appendOf(['x'], { topic: 'orders', requestId: 'r' }), timeoutMs: 400, firstAttemptMs: 10 };
      appends.append(retry, (value) => answer({ ok: true, value }));
    });

    expect(divided).toMatchObject({ kind: 'one', outcome: { ok: false, error: { code: 'noLeader' } } });
    expect(rig.nowMs - startMs).toBeLessThan(400 + 50);
  });
});
