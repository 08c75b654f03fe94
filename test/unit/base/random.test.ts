import { expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';

const draw = (seed: number): number[] => {
  const random = new SeededRandom(seed);
  return Array.from({ length: 8 }, () => random.next());
};

test('the same seed gives the same numbers, and neighbours give others', () => {
  expect(draw(42)).toEqual(draw(42));
  expect(draw(42)).not.toEqual(draw(43));
  expect(draw(7)).not.toEqual(draw(7 + 2 ** 32));
});

test('numbers stay in their range and fill it evenly', () => {
  const random = new SeededRandom(3);
  for (let i = 0; i < 1000; i++) {
    expect(random.float()).toBeGreaterThanOrEqual(0);
    expect(random.float()).toBeLessThan(1);
    expect([4, 5, 6]).toContain(random.between(4, 6));
  }

  for (const seen of spread(new SeededRandom(4))) expect(Math.abs(seen - 10_000)).toBeLessThan(500);
});

test('a fork goes its own way without disturbing where its parent is', () => {
  const parent = new SeededRandom(5);
  const fork = parent.fork();
  const twin = new SeededRandom(5);
  twin.fork();
  for (let i = 0; i < 100; i++) fork.next();

  expect(parent.next()).toBe(twin.next());
});

function spread(random: SeededRandom): number[] {
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const bucket = random.below(10);
    counts[bucket] = (counts[bucket] as number) + 1;
  }
  return counts;
}
