/** Disks that are slower than an election is patient: what is slow everywhere is no reason for another leader, and every append is acknowledged. */
import { describe, expect, test } from 'vitest';
import { Rig } from './rig.ts';

const slow = (rig: Rig, extraSyncMs: number, ids: readonly number[] = rig.cluster.members.map(({ id }) => id)): void => {
  for (const id of ids) {
    const { disk } = rig.member(id).machine;
    if (disk === null) throw new Error('machines have disks here');
    disk.extraSyncMs = extraSyncMs;
  }
};

const termOf = (rig: Rig, id: number): number | undefined =>
  rig
    .broker(id)
    .peek()
    .partitions.find(({ topic }) => topic === 'log')?.term;

describe('appends are acknowledged in one term, however slow', () => {
  test.each([
    [1, 290],
    [1, 1000],
    [1, 4000],
    [3, 290],
    [3, 400],
    [3, 1000],
    [5, 1000],
  ])('%i brokers are, every sync of which takes %i ms more', (brokers, extraSyncMs) => {
    const rig = new Rig({ brokers });
    const leader = rig.awaitLeader();
    const term = termOf(rig, leader);
    slow(rig, extraSyncMs);
    const answers = Array.from({ length: 6 }, (_, i) => rig.append((i % brokers) + 1, [`value ${i}`], { timeoutMs: extraSyncMs * 4 }));

    expect(answers.filter(({ ok }) => !ok)).toEqual([]);
    expect([rig.leader(), termOf(rig, leader)]).toEqual([leader, term]);
    expect(rig.values(leader)).toHaveLength(6);
    expect(rig.violations).toEqual([]);
  });

  test('a follower and the leader are, because nobody who is faster has what it lacks', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const [follower, other] = rig.cluster.members.filter(({ id }) => id !== leader);
    const term = termOf(rig, leader);
    slow(rig, 800, [leader, follower?.id as number]);
    rig.kill(other?.id as number);
    for (let i = 0; i < 4; i++) rig.appended(leader, [`value ${i}`], { timeoutMs: 5000 });

    expect(termOf(rig, leader)).toBe(term);
  });
});

test('a leader whose disk alone is slow gives its office to a faster one, and every append is acknowledged', () => {
  const rig = new Rig();
  const leader = rig.awaitLeader();
  slow(rig, 1000, [leader]);
  for (let i = 0; i < 6; i++) rig.appended(leader, [`value ${i}`], { timeoutMs: 5000 });
  rig.until('another leads', () => (rig.leader() ?? leader) !== leader);
  const next = rig.awaitLeader();
  const term = termOf(rig, next);
  for (let i = 0; i < 6; i++) rig.appended(leader, [`more ${i}`], { timeoutMs: 5000 });

  rig.run(2000);

  expect([rig.leader(), termOf(rig, next)]).toEqual([next, term]);
});

describe('a new leader is elected', () => {
  test.each([
    ['on slow disks', [1, 2, 3], 1000],
    ['on slow disks that are worse', [1, 2, 3], 2000],
    ['by slow voters', [2, 3], 1200],
    ['by one slow voter', [3], 1200],
  ])('%s', (_, ids, extraSyncMs) => {
    for (let seed = 1; seed <= 6; seed++) {
      const rig = new Rig({ seed });
      rig.awaitLeader();
      slow(rig, extraSyncMs, ids);
      rig.run(100);
      const leader = rig.awaitLeader();
      rig.kill(leader);
      const left = rig.alive[0]?.id as number;
      rig.appended(left, ['after'], { timeoutMs: extraSyncMs * 16 });

      expect(termOf(rig, rig.awaitLeader()), `seed ${seed}`).toBeLessThan(12);
      expect(rig.violations).toEqual([]);
    }
  });

  test('by voters whose every sync takes six seconds more, though the candidate is fast', () => {
    for (const seed of [5, 7]) {
      const rig = new Rig({ seed });
      rig.awaitLeader();
      rig.run(3000);
      slow(rig, 6000, [2, 3]);
      rig.run(100);
      rig.kill(rig.awaitLeader());

      rig.until('another leads', () => rig.leader() !== null, 60_000);
      expect(rig.violations).toEqual([]);
    }
  });

  test('where the disks were slow from the start', () => {
    for (let seed = 1; seed <= 4; seed++) {
      const rig = new Rig({ seed });
      slow(rig, 1000);
      for (const id of [1, 2, 3]) rig.kill(id);
      for (const id of [1, 2, 3]) rig.start(id);
      rig.until('a leader', () => rig.leader() !== null, 60_000);
      expect(rig.appended(1, ['a'], { timeoutMs: 10_000 }).committed).toBe(true);
    }
  });
});
