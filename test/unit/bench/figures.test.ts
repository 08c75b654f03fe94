import { describe, expect, test } from 'vitest';
import { atLeast, atMost, digits, median, medianRatio } from '../../../bench/figures.ts';

describe('the figures of the bench', () => {
  test('the median is the one in the middle, or the mean of the two there', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test('a ratio is taken in each round, so that a slow round of both sides leaves it as it is', () => {
    const ours = [100, 10, 100];
    const theirs = [200, 20, 50];

    expect(medianRatio(ours, theirs)).toBe(0.5);
  });

  test('a target is met at its very limit', () => {
    expect(atLeast('x', 0.6, 0.6).met).toBe(true);
    expect(atLeast('x', 0.599, 0.6)).toEqual({ name: 'x', expected: 'at least 0.6', got: '0.599', met: false });
    expect(atMost('x', 2, 2, ' ms')).toEqual({ name: 'x', expected: 'at most 2 ms', got: '2 ms', met: true });
    expect(atMost('x', Number.NaN, 2).met).toBe(false);
  });

  test('shows the digits that count', () => {
    expect([1234567.8, 99.55, 0.012345, 0, Number.NaN].map(digits)).toEqual(['1,234,568', '99.5', '0.0123', '0', '-']);
  });
});
