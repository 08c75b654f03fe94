import { describe, expect, test } from 'vitest';
import { leftShare, shareMin } from '../../../src/search/topics/left-share.ts';
import { Pace } from '../../../src/search/topics/pace.ts';

/** A loop whose clock goes on with work and with rests only; `lateMs`: how much later it wakes than it was told. */
function loop(share: number, lateMs = 0) {
  let nowMs = 0;
  let restedMs = 0;
  const due: { readonly delayMs: number; readonly run: () => void }[] = [];
  const pace = new Pace({ nowMs: () => nowMs, after: (delayMs, run) => void due.push({ delayMs, run }), share: () => share });
  return {
    pace,
    work: (ms: number): void => {
      nowMs += ms;
    },
    run: (): void => {
      for (let next = due.shift(); next !== undefined; next = due.shift()) {
        const { delayMs, run } = next;
        const restMs = delayMs === 0 ? 0 : delayMs + lateMs;
        restedMs += restMs;
        nowMs += restMs;
        run();
      }
    },
    shareTaken: (): number => 1 - restedMs / nowMs,
  };
}

describe('the thread that searches', () => {
  test.each([
    [0.2, 2],
    [0.5, 0.3],
    [0.2, 40],
  ])('takes %d of a core in stretches of %d ms', (share, stretchMs) => {
    const { pace, work, run, shareTaken } = loop(share);
    for (let i = 0; i < 100; i++) pace.add(() => work(stretchMs));

    run();

    expect(shareTaken()).toBeCloseTo(share, 1);
  });

  test('rests no longer for timers that come late', () => {
    const { pace, work, run, shareTaken } = loop(0.5, 1);
    for (let i = 0; i < 100; i++) pace.add(() => work(0.5));

    run();

    expect(shareTaken()).toBeGreaterThan(0.3);
    expect(shareTaken()).toBeLessThanOrEqual(0.5);
  });

  test('never rests where it has all of one', () => {
    const { pace, work, run, shareTaken } = loop(1);
    for (let i = 0; i < 10; i++) pace.add(() => work(5));

    run();

    expect(shareTaken()).toBe(1);
  });

  test('gives everyone a turn in the order in which they came', () => {
    const { pace, work, run } = loop(0.2);
    const turns: string[] = [];
    const search = (name: string, left: number): void => {
      turns.push(name);
      work(1);
      if (left > 1) pace.add(() => search(name, left - 1));
    };
    pace.add(() => search('a', 3));
    pace.add(() => search('b', 2));

    run();

    expect(turns.join('')).toBe('ababa');
  });

  test('says when a stretch has been long enough', () => {
    const { pace, work, run } = loop(1);
    const due: boolean[] = [];
    pace.add(() => {
      due.push(pace.isDue);
      work(2);
      due.push(pace.isDue);
    });

    run();

    expect(due).toEqual([false, true]);
  });
});

test('a search is left less the busier a broker is that stores something, and all while it stores nothing', () => {
  expect(leftShare(0, 0.9)).toBe(1);
  expect(leftShare(3, 0)).toBe(1);
  expect(leftShare(3, 0.1)).toBeLessThan(leftShare(3, 0.05));
  expect(leftShare(3, 0.3)).toBe(shareMin);
  expect(leftShare(3, 1)).toBe(shareMin);
});
