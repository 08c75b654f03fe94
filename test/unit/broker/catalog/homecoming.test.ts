/** A topic is led by its home again. "orders" is at home on broker 2 (see placing.test.ts). */
import { describe, expect, test } from 'vitest';
import type { Outcome, AppendResult } from '../../../../src/eventlog/index.ts';
import { Homecoming, type HomecomingOptions } from '../../../../src/broker/catalog/homecoming.ts';
import type { Core } from '../../../../src/broker/core.ts';
import type { Replica } from '../../../../src/broker/replica/index.ts';
import { brokerId, groupId } from '../../../../src/base/branded.ts';
import { Rig } from '../rig.ts';

const home = 2;

function made(homecomingAfterMs = 1000): Rig {
  const rig = new Rig({ settings: { homecomingAfterMs } });
  rig.awaitLeader();
  rig.createTopic('orders');
  rig.until('its home leads it', () => rig.leader('orders') === home);
  return rig;
}

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

  test('is handed to a home that comes and goes twice in ten times the time, however many topics come with it', () => {
    let nowMs = 0;
    const settings = { homecomingAfterMs: 30_000 };
    const core = { self: 1, settings, nowMs: () => nowMs } as unknown as Core;
    const placed = { replicas: [home, 1, 3], leader: home, awayFromHome: false };
    const state = { placeOf: () => ({ partition: { group: 16, placed, trimmedTo: 0 } }) };
    const homecoming = new Homecoming(core, { state: () => state } as unknown as HomecomingOptions);
    const asks = (seconds: number, by = home, ledMs = 60_000): boolean => {
      nowMs = seconds * 1000;
      return homecoming.mayHandOver(groupId(16), brokerId(by), nowMs - ledMs);
    };

    expect(asks(100, home, 29_000)).toBe(false);
    expect(asks(100, 3)).toBe(false);
    expect([100, 101, 120, 140].map((seconds) => asks(seconds))).toEqual([true, true, true, true]);
    expect(asks(200)).toBe(true);
    expect([260, 300, 430].map((seconds) => asks(seconds))).toEqual([false, false, false]);
    expect(asks(441)).toBe(true);
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
