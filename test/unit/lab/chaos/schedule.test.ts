import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../src/base/random.ts';
import { allFaults, planSchedule, type Schedule, type ScheduleOptions } from '../../../../src/lab/chaos/schedule.ts';
import type { Tool } from '../../../../src/lab/chaos/tools.ts';

const usual: ScheduleOptions = { kills: 40, partitions: 10, others: 2, faults: null, brokers: 3 };

function plan(change: Partial<ScheduleOptions> = {}, missing: readonly (readonly [Tool, string])[] = [], seed = 1): Schedule {
  return planSchedule({ ...usual, ...change }, { missing: new Map(missing), faketimeLibrary: null }, new SeededRandom(seed));
}

const count = (schedule: Schedule, is: (name: string, family: string) => boolean): number =>
  schedule.faults.filter(({ name, family }) => is(name, family)).length;

const killsOf = (schedule: Schedule, brokers: number): number => {
  const each: Record<string, number> = { 'kill-all': brokers, 'kill-majority': Math.floor(brokers / 2) + 1, 'kill-at-fsync': 2 };
  return schedule.faults.reduce((sum, { name, family }) => sum + (family === 'kill' ? (each[name] ?? 1) : 0), 0);
};

describe('the schedule of a chaos run', () => {
  test.each([
    [1, 3],
    [40, 3],
    [500, 3],
    [60, 5],
  ])('kills at least %i processes of %i brokers, and not many more', (kills, brokers) => {
    const planned = killsOf(plan({ kills, brokers }), brokers);

    expect(planned).toBeGreaterThanOrEqual(kills);
    expect(planned).toBeLessThan(kills * 1.2 + 12);
  });

  test('has as many partitions as are wanted, of every shape, and each other fault as often', () => {
    const schedule = plan();

    expect(count(schedule, (_, family) => family === 'partition')).toBe(10);
    const timesOf = (family: string): readonly number[] =>
      allFaults.filter((fault) => fault.family === family).map(({ name }) => count(schedule, (other) => other === name));
    expect(Math.min(...timesOf('partition'))).toBeGreaterThanOrEqual(2);
    const others = ['pause', 'clock', 'network', 'disk', 'limit'].flatMap(timesOf);
    expect(others).toEqual(others.map(() => 2));
  });

  test('is the same for the same seed and another for another', () => {
    const names = (seed: number): string[] => plan({}, [], seed).faults.map(({ name }) => name);

    expect(names(7)).toEqual(names(7));
    expect(names(7)).not.toEqual(names(8));
  });

  test('leaves out what a missing tool would be needed for, and says so', () => {
    const schedule = plan({}, [['strace', 'strace is not installed']]);

    expect(count(schedule, (name) => name === 'fsync-eio' || name === 'kill-at-fsync')).toBe(0);
    expect(schedule.notReached).toContainEqual({ fault: 'fsync-eio', reason: 'strace is not installed' });
    expect(killsOf(schedule, 3)).toBeGreaterThanOrEqual(40);
  });

  test('takes the named faults only, and refuses a name that is none', () => {
    expect(new Set(plan({ faults: ['pause-leader', 'reset'], kills: 0, partitions: 0 }).faults.map(({ name }) => name))).toEqual(
      new Set(['pause-leader', 'reset']),
    );
    expect(() => plan({ faults: ['earthquake'] })).toThrow('Cannot inject "earthquake": the faults are kill-leader,');
  });
});
