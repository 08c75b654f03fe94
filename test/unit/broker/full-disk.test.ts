import { expect, test } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import { Rig } from './rig.ts';

const large = ['x'.repeat(900_000)];

test('an append larger than what is left on the disk is refused, and its leader goes on leading', () => {
  const rig = new Rig({ brokers: 1, settings: { segmentBytesMin: 64 * 1024 } });
  rig.awaitLeader();
  rig.appended(1, ['before']);
  rig.run(500);
  const { term } = rig.appended(1, ['still before']);
  const { disk } = rig.member(1).machine;
  assert(disk !== null, 'the broker has a disk');
  disk.capacityBytes = disk.usedBytes + 100_000;

  const refused = rig.refused(1, large, { timeoutMs: 5000 });

  expect([refused.code, refused.definite]).toEqual(['diskFull', true]);
  rig.run(3000);
  expect(
    rig
      .broker(1)
      .peek()
      .partitions.find(({ topic }) => topic === 'log'),
  ).toMatchObject({ role: 'leader', term });
  expect(rig.values(1)).toEqual(['before', 'still before']);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  rig.run(3000);
  expect(rig.appended(1, large).term).toBe(term);
  expect(rig.values(1)).toEqual(['before', 'still before', ...large]);
});

test('an append larger than the next segment waits for a larger one and is taken', () => {
  const rig = new Rig({ brokers: 3, settings: { segmentBytesMin: 64 * 1024 } });
  const leader = rig.awaitLeader();

  const first = rig.beginAppend(leader, large);
  const second = rig.beginAppend(rig.follower(), large);
  rig.until('both are answered', () => first.outcome !== null && second.outcome !== null);

  expect([first.outcome?.ok, second.outcome?.ok]).toEqual([true, true]);
  expect(rig.values(leader)).toHaveLength(2);
});

test('a topic is deleted, and a broker stops, while a write waits for space', () => {
  const rig = new Rig({ settings: { segmentBytesMin: 64 * 1024 } });
  rig.createTopic('orders', 1);
  const leader = rig.awaitLeader('orders');
  const other = [1, 2, 3].find((id) => id !== leader && id !== rig.awaitLeader()) as number;
  const { disk } = rig.member(other).machine;
  assert(disk !== null, 'the broker has a disk');
  disk.capacityBytes = disk.usedBytes + 100_000;
  rig.appended(leader, large, { topic: 'orders' });
  rig.appended(rig.awaitLeader(), large);
  rig.run(500);

  rig.ok(leader, (service, answer) => service.deleteTopic('orders', answer));
  rig.run(3000);

  expect(rig.lines.filter(({ event }) => event === 'fatal')).toEqual([]);
  rig.waitFor<undefined>((done) => rig.broker(other).close(0, () => done(undefined)));
  expect(rig.lines.filter(({ event }) => event === 'fatal')).toEqual([]);
});

test('brokers whose disks are all full elect leaders that know what is committed, again and again and after every one of them was started again', () => {
  const rig = new Rig({ settings: { segmentBytesMin: 64 * 1024 } });
  rig.awaitLeader('catalog');
  for (const { machine } of rig.cluster.members) if (machine.disk !== null) machine.disk.capacityBytes = machine.disk.usedBytes;
  let taken = 0;
  for (const bytes of [62_000, 9000, 9000, 9000, 9000, 9000, 9000]) if (rig.append(1, ['x'.repeat(bytes)], { timeoutMs: 3000 }).ok) taken++;

  for (let i = 0; i < 12; i++) {
    const leader = rig.awaitLeader();
    rig.kill(leader);
    rig.awaitLeader();
    rig.start(leader);
    rig.run(300);
  }
  for (const id of [1, 2, 3]) rig.kill(id, true);
  for (const id of [1, 2, 3]) rig.start(id);
  rig.awaitLeader();

  expect(rig.values(2)).toHaveLength(taken);
  expect(taken).toBeLessThan(7);
  expect(rig.violations).toEqual([]);
});
