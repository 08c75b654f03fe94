import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { DelayCollector, exactEventsMax } from '../../../src/timeline/delays.ts';

/** Nearest rank, written the plain way. */
function nearestRank(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((percent * sorted.length) / 100)) - 1] as number;
}

function collect(values: readonly number[]): DelayCollector {
  const collector = new DelayCollector();
  for (const value of values) collector.add(value);
  return collector;
}

describe('percentiles of a second', () => {
  test('of nothing are none', () => {
    expect(new DelayCollector().summarise()).toBeNull();
  });

  test.each([1, 2, 3, 9, 10, 11, 100, 1000])('of %i delays are nearest-rank over all of them', (count) => {
    const random = new SeededRandom(count);
    const values = Array.from({ length: count }, () => random.float() * 20 - 2);

    expect(collect(values).summarise()).toEqual({
      count,
      min: Math.min(...values),
      median: nearestRank(values, 50),
      p90: nearestRank(values, 90),
      max: Math.max(...values),
      exact: true,
      negative: values.filter((value) => value < 0).length,
    });
  });

  test(`are exact up to ${exactEventsMax} delays, and within 1 % above, negative ones too`, () => {
    const random = new SeededRandom(7);
    const values = Array.from({ length: exactEventsMax + 1 }, () => random.float() ** 4 * 5000 - 0.3);

    expect(collect(values.slice(0, exactEventsMax)).summarise()?.exact).toBe(true);
    const summary = collect(values).summarise();

    expect(summary?.exact).toBe(false);
    expect(summary?.min).toBe(Math.min(...values));
    expect(summary?.max).toBe(values.reduce((a, b) => Math.max(a, b)));
    for (const [got, percent] of [
      [summary?.median ?? 0, 50],
      [summary?.p90 ?? 0, 90],
    ] as const) {
      const right = nearestRank(values, percent);
      expect(Math.abs(got - right) / Math.abs(right)).toBeLessThan(0.01);
    }
  });

  test('of several nodes are those of all their delays together', () => {
    const a = [5, 1, 9];
    const b = [2, -8, 2, 2];
    const all = new DelayCollector();

    all.merge(collect(a));
    all.merge(collect(b));

    expect(all.summarise()).toEqual(collect([...a, ...b]).summarise());
  });

  test('start anew after clear', () => {
    const collector = collect(Array.from({ length: exactEventsMax + 5 }, (_, i) => i));

    collector.clear();
    collector.add(3);

    expect(collector.summarise()).toMatchObject({ count: 1, min: 3, max: 3, exact: true });
  });
});
