import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { TimeWindow } from '../../../src/query/time-window.ts';

function makeWindow({ windowMs = 100, bytesMax = 1e6 } = {}): {
  readonly given: string[];
  readonly window: TimeWindow<string>;
  add(item: string, timeMs: number, nowMs: number, source?: number): void;
} {
  const given: string[] = [];
  const window = new TimeWindow<string>({ windowMs, bytesMax, onItem: (item, isLate) => given.push(isLate ? `late ${item}` : item) });
  return { given, window, add: (item, timeMs, nowMs, source = 0) => window.add(item, { timeMs, source, bytes: 10 }, nowMs) };
}

describe('a window of time', () => {
  test('gives what came within it in order of time, once the window is over', () => {
    const { given, window, add } = makeWindow();
    add('b', 20, 1000);
    add('a', 10, 1050);

    expect(window.advance(1099)).toBe(1);
    expect(given).toEqual([]);
    expect(window.advance(1100)).toBeNull();
    expect(given).toEqual(['a', 'b']);
  });

  test('marks what is older than something that was given, and gives it at once', () => {
    const { given, window, add } = makeWindow();
    add('b', 20, 1000);
    window.advance(1100);
    add('a', 10, 1101);
    add('c', 20, 1102);

    expect(given).toEqual(['b', 'late a']);
    window.flush();
    expect(given).toEqual(['b', 'late a', 'c']);
    expect(window.lateCount).toBe(1);
  });

  test('does not wait for a machine whose clock is ahead', () => {
    const { given, window, add } = makeWindow();
    add('ahead', 99_999, 1000);
    window.advance(1100);

    expect(given).toEqual(['ahead']);
  });

  test('keeps what one source tells in its order where times are the same', () => {
    const { given, window, add } = makeWindow();
    add('second 1', 10, 1000, 2);
    add('first 1', 10, 1001, 1);
    add('second 2', 10, 1002, 2);
    add('first 2', 10, 1003, 1);
    window.flush();

    expect(given).toEqual(['first 1', 'first 2', 'second 1', 'second 2']);
  });

  test('holds no more bytes than it may, and counts what it gave before its time', () => {
    const { given, window, add } = makeWindow({ bytesMax: 100 });
    for (let index = 0; index < 50; index++) add(String(index), 1000 - index, 0);

    expect(window.heldCount).toBeLessThanOrEqual(10);
    expect(window.hurriedCount).toBeGreaterThan(0);
    expect(given.length).toBe(50 - window.heldCount);
  });

  test('gives everything once, in order but for what is marked, whatever comes when', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = new SeededRandom(seed);
      const given: { readonly timeMs: number; readonly late: boolean }[] = [];
      const window = new TimeWindow<number>({
        windowMs: 50,
        bytesMax: random.pick([200, 1e6]),
        onItem: (timeMs, late) => given.push({ timeMs, late }),
      });
      let nowMs = 0;
      const count = random.between(1, 3000);
      for (let index = 0; index < count; index++) {
        nowMs += random.below(3);
        const timeMs = nowMs - random.below(100);
        window.add(timeMs, { timeMs, source: random.below(3), bytes: 10 }, nowMs);
        if (random.chance(0.2)) window.advance(nowMs);
      }
      window.flush();

      const onTime = given.filter(({ late }) => !late).map(({ timeMs }) => timeMs);
      expect(given, `seed ${seed}`).toHaveLength(count);
      expect(onTime, `seed ${seed}`).toEqual(onTime.toSorted((a, b) => a - b));
      let greatest = Number.NEGATIVE_INFINITY;
      const isMarkedRightly = given.map(({ timeMs, late }) => {
        const isOlder = timeMs < greatest;
        greatest = Math.max(greatest, timeMs);
        return late === isOlder;
      });
      expect(isMarkedRightly, `seed ${seed}`).not.toContain(false);
    }
  });
});
