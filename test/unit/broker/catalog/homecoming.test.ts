/** A topic is led by its home again. "orders" is at home on broker 2 (see placing.test.ts). */
import { describe, expect, test } from 'vitest';
import type { Outcome, AppendResult } from '../../../../src/eventlog/index.ts';
import { Homecoming } from '../../../../src/broker/catalog/homecoming.ts';
import type { Core } from '../../../../src/broker/core.ts';
import type { Replica } from '../../../../src/broker/replica/index.ts';
import { Rig } from '../rig.ts';

const home = 2;

function made(homecomingAfterMs = 1000): Rig {
  const rig = new Rig({ settings: { homecomingAfterMs } });
  rig.awaitLeader();
  rig.createTopic('orders');
  rig.until('its home leads it', () => rig.leader('orders') === home);
  return rig;
}

const timesLed = (rig: Rig, id: number): number =>
  rig.lines.filter(
    ({ event, fields }) => event === 'role' && fields?.['group'] === groupOf(rig) && fields['role'] === 'leader' && fields['leader'] === id,
  ).length;
const groupOf = (rig: Rig): number =>
  rig
    .broker(1)
    .peek()
    .partitions.find(({ topic }) => topic === 'orders')?.group ?? 0;

describe('the leadership of a topic', () => {
  test('returns to its home, after the time that is set, and no append fails meanwhile', () => {
    const rig = made();
    rig.kill(home, true);
    rig.until('another leads it', () => [1, 3].includes(rig.leader('orders') ?? 0));
    rig.appended(1, ['while it was away'], { topic: 'orders' });
    rig.start(home);
    rig.run(700);
    expect(rig.leader('orders')).not.toBe(home);

    const appends: { outcome: Outcome<AppendResult> | null }[] = [];
    for (let i = 0; i < 60 && rig.leader('orders') !== home; i++) {
      appends.push(rig.beginAppend(1, [`${i}`], { topic: 'orders' }));
      rig.run(50);
    }

    expect(rig.leader('orders')).toBe(home);
    rig.until('all are answered', () => appends.every(({ outcome }) => outcome !== null));
    expect(appends.filter(({ outcome }) => outcome?.ok !== true)).toEqual([]);
    rig.until('it has all of them', () => rig.values(home, 'orders').length === appends.length + 1);
  });

  test('stays where it is while the home comes and goes', () => {
    const rig = made(1000);
    const before = timesLed(rig, home);
    for (let i = 0; i < 4; i++) {
      rig.kill(home);
      rig.until('another leads it', () => [1, 3].includes(rig.leader('orders') ?? 0));
      rig.start(home);
      rig.run(2200);
    }

    // Whoever led it meanwhile has each given it back twice at most.
    expect(timesLed(rig, home) - before).toBeLessThanOrEqual(4);
    expect(timesLed(rig, home) - before).toBeGreaterThan(0);
  });

  test('does not return to a home whose disk is slow', () => {
    const rig = made(300);
    rig.kill(home, true);
    rig.until('another leads it', () => [1, 3].includes(rig.leader('orders') ?? 0));
    rig.start(home);
    const { disk } = rig.member(home).machine;
    if (disk !== null) disk.extraSyncMs = 200;
    for (let i = 0; i < 20; i++) {
      rig.appended(1, [`${i}`], { topic: 'orders' });
      rig.run(100);
    }

    expect(rig.leader('orders')).not.toBe(home);
  });
});

test('a leader that cannot be asked keeps no other topic from coming home', () => {
  const replicas = [3, 2].map((leader, index) => ({ group: 16 + index, lag: 0, raft: { role: 'follower', leader } }) as unknown as Replica);
  const asked: number[] = [];
  let nowMs = 0;
  const core = {
    self: 1,
    nowMs: () => nowMs,
    wake: () => undefined,
    replica: (group: number) => replicas[group - 16],
    settings: { electionTimeoutMs: 300, homecomingAfterMs: 1000 },
  } as unknown as Core;
  const homecoming = new Homecoming(core, {
    requests: {
      send: (peer: number) => {
        asked.push(peer);
        return peer === 2;
      },
    } as never,
    state: () => ({ placeOf: () => ({ partition: { placed: { replicas: [1, 2, 3] } } }) }) as never,
    usualSyncMs: () => 1,
  });
  for (const replica of replicas) homecoming.roleChanged(replica);

  for (nowMs = 1000; nowMs < 2000; nowMs += 250) homecoming.tick(nowMs);

  expect(asked).toEqual([3, 2]);
});
