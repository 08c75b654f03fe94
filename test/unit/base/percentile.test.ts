import { expect, test } from 'vitest';
import { percentile } from '../../../src/base/percentile.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test.each([
  [[440, 846], 0.5, 440],
  [[440, 846], 0.99, 846],
  [[1, 2, 3], 0.5, 2],
  [upTo(10), 0.9, 9],
  [upTo(100), 0.99, 99],
  [upTo(101), 0.99, 100],
  [upTo(1000), 0.07, 70],
  [[5], 0.01, 5],
  [[5], 1, 5],
  [[], 0.5, 0],
])('of %j, the part %d is within %d', (sorted, part, expected) => {
  expect(percentile(sorted, part)).toBe(expected);
});
