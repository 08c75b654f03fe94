import { describe, expect, test } from 'vitest';
import { RequestIdLevels } from '../../../../src/broker/replica/request-id-levels.ts';
import { SharedRoom } from '../../../../src/broker/replica/shared-room.ts';

/** Groups that take one at a time for as long as they may. */
function filled(room: SharedRoom, groups: number): number[] {
  const own = Array.from({ length: groups }, () => 0);
  for (let isTaken = true; isTaken; ) {
    isTaken = false;
    for (const [at, held] of own.entries()) {
      if (!room.admits(held)) continue;
      own[at] = held + 1;
      room.add(1);
      isTaken = true;
    }
  }
  return own;
}

describe('what the groups of a broker share', () => {
  test.each([1, 2, 4, 9])('is never taken whole by %i that give nothing back: one more finds as much as each of them has', (stuck) => {
    const room = new SharedRoom(1000);

    const own = filled(room, stuck);

    expect(room.held).toBe(own.reduce((sum, held) => sum + held, 0));
    expect(room.held).toBeLessThan(1000);
    for (const held of own) expect(Math.abs(held - 1000 / (stuck + 1))).toBeLessThanOrEqual(stuck);
    expect(room.admits(0)).toBe(true);
  });

  test('that are stuck one after another leave one batch to each that has nothing', () => {
    const room = new SharedRoom(1000);
    const fill = (): number => {
      let own = 0;
      for (; room.admits(own); own++) room.add(1);
      return own;
    };

    const own = Array.from({ length: 14 }, fill);

    expect(own).toEqual([500, 250, 125, 63, 31, 16, 8, 4, 2, 1, 1, 1, 1, 1]);
    expect(room.admits(0)).toBe(true);
    expect(room.admits(1)).toBe(false);
    expect(room.free).toBe(0);
  });

  test('has a level that the largest are cut to', () => {
    const room = new SharedRoom(100);

    expect(room.levelOf([10, 20, 90, 90], 0.75)).toBe(22);
    expect(room.levelOf([10, 20], 0.75)).toBe(Number.POSITIVE_INFINITY);
    expect(room.levelOf([], 0.75)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('request ids of all groups that a broker leads', () => {
  function led(room: SharedRoom, sizes: readonly number[]) {
    const groups = sizes.map((size) => ({ size, limits: [] as number[] }));
    for (const { size } of groups) room.add(size);
    const levels = new RequestIdLevels(room, () =>
      groups.map((group) => ({
        requestIdsHeld: group.size,
        limitRequestIds: (most: number) => {
          group.limits.push(most);
          return true;
        },
      })),
    );
    return { levels, limits: () => groups.map((group) => group.limits) };
  }

  test('are left alone while there is room', () => {
    const { levels, limits } = led(new SharedRoom(1000), [400, 400]);

    levels.tick(1000);

    expect(limits()).toEqual([[], []]);
  });

  test('are forgotten where there are most once there is little room, and looked at once a second', () => {
    const { levels, limits } = led(new SharedRoom(1000), [600, 300, 5]);

    levels.tick(1000);
    levels.tick(1999);

    expect(limits()).toEqual([[445], [225], []]);
  });

  test('of a group that may have no more are pushed out by its own, however little it has', () => {
    const { levels, limits } = led(new SharedRoom(1000), [450, 300, 130]);
    levels.wanted();

    levels.tick(1000);

    expect(limits()[2]).toEqual([97]);
  });
});
