import { expect, test } from 'vitest';
import { RoundTimes } from '../../../../src/broker/replica/round-times.ts';

const term = 3;

test('a round counts from when it was first sent, however often it is sent again', () => {
  const times = new RoundTimes();
  times.note(term, 7, 100);
  times.note(term, 8, 101);

  // Too near to the one before to be kept, and sent once more.
  times.note(term, 8, 300);

  expect(times.timeOf(term, 8)).toBe(100);
  times.note(term, 9, 301);
  expect(times.timeOf(term, 9)).toBe(301);
  expect(times.timeOf(term, 8)).toBe(100);
});

test('a round that was sent before all that are known, or in another term, has no time', () => {
  const times = new RoundTimes();
  times.note(term, 7, 100);

  expect(times.timeOf(term, 6)).toBeNull();
  expect(times.timeOf(term - 1, 7)).toBeNull();
  times.note(term + 1, 1, 200);
  expect(times.timeOf(term, 7)).toBeNull();
  expect(times.timeOf(term + 1, 1)).toBe(200);
});

test('what is remembered is bounded, and what was forgotten never looks younger', () => {
  const times = new RoundTimes();
  for (let round = 1; round <= 1000; round++) times.note(term, round, round * 10);

  expect(times.timeOf(term, 1000)).toBe(10_000);
  expect(times.timeOf(term, 900)).toBe(9000);
  expect(times.timeOf(term, 1)).toBeNull();
});
