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

test('followers that have less space than their leader elect one of them when it is gone', () => {
  const rig = new Rig({ settings: { segmentBytesMin: 64 * 1024 } });
  const leader = rig.awaitLeader();
  rig.awaitLeader('catalog');
  const others = rig.cluster.members.filter(({ id }) => id !== leader);
  for (const { machine } of others) if (machine.disk !== null) machine.disk.capacityBytes = machine.disk.usedBytes;
  for (let i = 0; i < 12; i++) rig.append(leader, ['x'.repeat(9000)], { timeoutMs: 500 });

  rig.kill(leader, true);
  expect(rig.awaitLeader()).not.toBe(leader);

  for (const { machine } of others) if (machine.disk !== null) machine.disk.capacityBytes = Number.POSITIVE_INFINITY;
  rig.start(leader);
  rig.until('appends are taken again', () => rig.append(leader, ['after'], { timeoutMs: 1000 }).ok);
  expect(rig.values(leader).at(-1)).toBe('after');
  expect(rig.violations).toEqual([]);
});

test('where every disk is full, revokes leave the room that is kept for elections, and no broker stops once elections have used it up', () => {
  const rig = new Rig({ settings: { segmentBytesMin: 4096, segmentBytesMax: 4096 } });
  rig.awaitLeader('catalog');
  rig.appended(rig.awaitLeader(), ['before'], { requestId: 'before' });
  const disks = rig.cluster.members.map(({ machine }) => machine.disk).filter((disk) => disk !== null);
  for (const disk of disks) disk.capacityBytes = disk.usedBytes;
  while (rig.append(rig.awaitLeader(), ['x'.repeat(200)], { timeoutMs: 1500 }).ok);
  const revokes = Array.from({ length: 40 }, (_, i) =>
    rig.begin<undefined>(1, (service, answer) => service.revoke({ topic: 'log' }, `never sent ${i}`, answer)),
  );
  rig.run(3000);
  expect(revokes.some(({ outcome }) => outcome !== null)).toBe(false);
  // A new leader shows what is committed only once it has appended.
  rig.kill(rig.awaitLeader());
  rig.awaitLeader();
  expect(rig.values(rig.alive[0]?.id as number)[0]).toBe('before');

  for (let i = 0; i < 30; i++) {
    const id = (i % 3) + 1;
    if (rig.member(id).broker !== null) rig.kill(id, i % 2 === 0);
    rig.run(700);
    rig.start(id);
    rig.run(300);
  }
  expect(rig.lines.filter(({ event }) => event === 'fatal')).toEqual([]);
  const logs = rig.cluster.members.map(({ id }) =>
    rig
      .broker(id)
      .peek()
      .partitions.find(({ topic }) => topic === 'log'),
  );
  expect(logs.some((log) => log !== undefined && log.syncedOffset < log.endOffset)).toBe(true);
  for (const disk of disks) disk.capacityBytes = Number.POSITIVE_INFINITY;
  // The next file is tried for once a second, and until then an append may be refused at once.
  rig.run(2000);
  rig.until('a leader appends again', () => rig.append(1, ['after'], { requestId: 'after' }).ok);
  expect(rig.values(2).at(0)).toBe('before');
  expect(rig.values(2).at(-1)).toBe('after');
  rig.ok(2, (service, answer) => service.revoke({ topic: 'log' }, 'before', answer));
  expect(rig.values(3).at(0)).not.toBe('before');
  expect(rig.violations).toEqual([]);
});
