/** Topics that have no replica on the broker that is asked, while something is wrong. */
import { describe, expect, test } from 'vitest';
import { brokerId } from '../../../src/base/branded.ts';
import type { PartitionStatus, TopicDescription } from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import * as wire from '../../../src/wire/index.ts';
import { explainTopic } from '../../../src/broker/catalog/explaining.ts';
import { Rig } from './rig.ts';

interface Made {
  readonly rig: Rig;
  readonly home: number;
  readonly replicas: readonly number[];
  readonly outsider: number;
}

/** Five brokers, and a topic on three of them that its home leads. */
function made(rig = new Rig({ brokers: 5 })): Made {
  rig.awaitLeader();
  const { partition } = rig.ok<TopicDescription>(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
  const [home = 0] = partition.replicas;
  const outsider = [1, 2, 3, 4, 5].find((id) => !partition.replicas.includes(id)) ?? 0;
  rig.until('its home leads it', () => leads(rig, home));
  return { rig, home, replicas: partition.replicas, outsider };
}

const leads = (rig: Rig, id: number): boolean =>
  rig
    .broker(id)
    .peek()
    .partitions.some(({ topic, role }) => topic === 'orders' && role === 'leader');

describe('through a broker without a replica', () => {
  test('an append goes to the next leader while the one that has it says nothing, its links whole', () => {
    const { rig, home, replicas, outsider } = made();
    rig.appended(outsider, ['first'], { topic: 'orders' });
    rig.isolate(home);
    rig.until('another leads it', () => replicas.some((id) => id !== home && leads(rig, id)));

    const append = rig.beginAppend(outsider, ['second'], { topic: 'orders', requestId: 'r' });
    rig.run(2500);

    expect(append.outcome).toMatchObject({ ok: true, value: { committed: true, duplicate: false } });
    rig.heal();
    rig.until('both are there, once', () => rig.values(home, 'orders').length === 2);
  });

  test('an append that nobody leads is said to have found no leader, and is not sent to and fro meanwhile', () => {
    const { rig, replicas, outsider } = made();
    const [first = 0, second = 0] = replicas;
    rig.appended(outsider, ['first'], { topic: 'orders' });
    for (const id of [first, second]) rig.kill(id);
    const linked = () =>
      rig
        .broker(outsider)
        .peek()
        .peers.filter(({ connected }) => connected)
        .map(({ id }) => id);
    rig.until('their links are known to be down', () => [first, second].every((id) => !linked().includes(id)), 60_000);

    const bytesSent = () => rig.broker(outsider).peek().counters.bytesSent;
    const before = bytesSent();

    expect(rig.refused(outsider, ['x'.repeat(100_000)], { topic: 'orders', timeoutMs: 1000 })).toMatchObject({
      code: 'noLeader',
      definite: true,
    });
    expect(bytesSent() - before).toBeLessThan(500_000);
  });

  test('a read since a time before all times begins at the start', () => {
    const { rig, outsider } = made();
    rig.appended(outsider, ['first'], { topic: 'orders' });

    const read = rig.read(outsider, { topic: 'orders', offsetFrom: null, sinceMs: -5 });

    expect(read.batches.length).toBe(1);
  });

  test('a read whose answer nobody knows the age of does not claim one', () => {
    const answer = { type: 'records', correlation: 1, offsetFrom: 0, offsetNext: 0, highWatermark: 0, logStartOffset: 0, lag: 0 } as const;
    const frame = wire.encodeAnswer(16, { ...answer, asOfMs: Number.MAX_SAFE_INTEGER, batches: [], times: [] }, simBytes);
    const end = wire.encodeAnswer(16, { type: 'end', correlation: 1, offset: 0, asOfMs: Number.MAX_SAFE_INTEGER }, simBytes);

    for (const { kind, head } of [frame, end])
      expect(wire.decodeAnswer(kind, head.subarray(wire.wireHeaderBytes), simBytes)).toMatchObject({ asOfMs: Number.MAX_SAFE_INTEGER });
  });
});

test('a broker that took part again a moment ago waits until it has met the others before it makes a topic', () => {
  const rig = new Rig({ brokers: 5 });
  rig.awaitLeader();
  rig.run(5000);
  rig.broker(1).faults.crash();
  rig.run(3000);
  rig.broker(1).faults.recover();

  const { partition } = rig.ok<TopicDescription>(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));

  expect(partition.replicas.length).toBe(3);
});

test('of more than five brokers one whose catalog is damaged takes part in everything else', () => {
  const rig = new Rig({ brokers: 6 });
  rig.createTopic('all', 1);
  rig.run(1000);
  for (const id of [1, 6]) {
    rig.kill(id);
    const path = rig
      .member(id)
      .machine.disk?.filePaths()
      .find((name) => name.startsWith('groups/catalog/') && name.endsWith('.log')) as string;
    rig.cluster.damage(rig.member(id), path, 200);
    rig.start(id);
    rig.run(3000);

    const { catalog, peers, partitions } = rig.broker(id).peek();
    expect(catalog.role).toBe('fenced');
    expect(peers.filter(({ connected }) => !connected)).toEqual([]);
    expect(partitions.find(({ topic }) => topic === 'log')?.leader).not.toBeNull();
  }
});

test('no way is named to a leader that cannot be reached', () => {
  const status = { group: 16, leader: 2, term: 1, endOffset: 0, followers: [] };
  const explained = (reachable: readonly number[]) =>
    explainTopic({
      topic: 'orders',
      name: simBytes.utf8Encode('orders'),
      placement: 'hypercube',
      partitions: [{ group: 16, placed: { replicas: [2, 1, 4], leader: 2, awayFromHome: false } }],
      self: brokerId(5),
      brokers: [1, 2, 3, 4, 5].map(brokerId),
      isReachable: (broker) => reachable.includes(broker),
      sinceHeardMs: () => null,
      statusOf: () => status as unknown as PartitionStatus,
    }).partitions[0];

  expect(explained([1, 2, 4])?.route).toEqual([5, 2]);
  expect(explained([1, 4])?.route).toBeNull();
});
