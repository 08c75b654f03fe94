import { describe, expect, test } from 'vitest';
import { Rig } from '../rig.ts';

/** What a broker says of another. */
const problemOf = (rig: Rig, of: number, by: number): string | null =>
  rig
    .broker(by)
    .peek()
    .peers.find(({ id }) => id === of)?.problem ?? null;
const stampsAhead = (rig: Rig, by: number): number => rig.broker(by).peek().counters['stampsAhead'] as number;
const jump = (rig: Rig, id: number, byMs: number): void => {
  rig.member(id).machine.clockError.wallSkewMs += byMs;
};

describe('a broker whose clock is too far ahead', () => {
  test('is counted by whoever hears of it, and named once it stays so', () => {
    const rig = new Rig();
    rig.makeLeader(1);
    // Followers say nothing to one another.
    const by = 1;

    jump(rig, 3, 10_000);
    rig.run(1000);
    expect(stampsAhead(rig, by)).toBeGreaterThan(0);
    expect(problemOf(rig, 3, by)).toBeNull();
    rig.run(4000);

    expect(problemOf(rig, 3, by)).toBe('its stamps are 10.0 s ahead of the clock here, and are not followed');
    expect([problemOf(rig, 2, 1), problemOf(rig, 1, 2), problemOf(rig, 1, 3), problemOf(rig, 2, 3)]).toEqual([null, null, null, null]);
    expect(stampsAhead(rig, 3)).toBe(0);
    // Told once, not with each frame.
    const told = rig.lines.filter(({ event, machine }) => event === 'peerClockAhead' && machine === by);
    expect(told).toMatchObject([{ level: 'warn', fields: { peer: 3 } }]);
  });

  test('is named by all others where it leads', () => {
    const rig = new Rig();
    rig.makeLeader(3);

    jump(rig, 3, 10_000);
    rig.run(5000);

    for (const by of [1, 2]) expect(problemOf(rig, 3, by)).toMatch(/^its stamps are 10\.0 s ahead/);
  });

  test('is no problem any more once the others have caught up', () => {
    const rig = new Rig();
    rig.makeLeader(1);

    jump(rig, 3, 10_000);
    rig.run(5000);
    expect(problemOf(rig, 3, 1)).not.toBeNull();
    for (const id of [1, 2]) jump(rig, id, 10_000);
    rig.run(2000);

    expect(problemOf(rig, 3, 1)).toBeNull();
  });

  test('is followed within the bound, and counted nowhere', () => {
    const rig = new Rig();
    rig.makeLeader(1);

    jump(rig, 3, 400);
    rig.run(5000);

    expect([1, 2, 3].map((id) => stampsAhead(rig, id))).toEqual([0, 0, 0]);
    expect(problemOf(rig, 3, 1)).toBeNull();
  });

  test('drives the time of the logs that it leads, and of no other after it', () => {
    const rig = new Rig();
    rig.createTopic('other');
    rig.makeLeader(3);
    jump(rig, 3, 60_000);
    const drivenMs = rig.appended(3, ['ahead']).timestampMs;
    const trueMs = drivenMs - 60_000;

    rig.kill(3);
    const leader = rig.awaitLeader();
    rig.until('"other" has a leader', () => rig.leader('other') !== null);

    // Log time does not go back, so this log stays ahead until its leaders have come so far; nothing else follows it.
    expect(rig.appended(leader, ['on']).timestampMs).toBeGreaterThanOrEqual(drivenMs);
    expect(rig.appended(leader, ['own time'], { topic: 'other' }).timestampMs).toBeLessThan(trueMs + 30_000);
    rig.run(5000);
    for (const [of, by] of [
      [1, 2],
      [2, 1],
    ] as const)
      expect(problemOf(rig, of, by)).toBeNull();
  });
});
