import { expect, test } from 'vitest';
import { differenceOf, spreadOf } from '../../../../src/lab/grep/statistics.ts';

test('a spread is the mean and the deviation of a sample', () => {
  expect(spreadOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7), count: 8 });
  expect(spreadOf([3])).toEqual({ mean: 3, deviation: 0, count: 1 });
});

test('a difference counts only when it is greater than the trials explain', () => {
  // Ten trials each of 100 and 110 with a deviation of 10: t = 2.236 with 18 degrees of freedom, of which 2.13 is asked for (15, the row below).
  const a = { mean: 110, deviation: 10, count: 10 };
  const b = { mean: 100, deviation: 10, count: 10 };

  expect(differenceOf(a, b)).toMatchObject({ ms: 10, exceedsNoise: true });
  expect(differenceOf(a, b).noiseMs).toBeCloseTo(2.13 * Math.sqrt(20), 6);
  expect(differenceOf(a, { ...b, mean: 101 })).toMatchObject({ ms: 9, exceedsNoise: false });
  expect(differenceOf(b, a).ms).toBe(-10);
});

test('one trial of each says nothing', () => {
  expect(differenceOf(spreadOf([1]), spreadOf([100])).exceedsNoise).toBe(false);
});
