import { expect, test } from 'vitest';
import { describeOffsets } from '../../../src/eventlog/offsets.ts';

test.each([
  [0, 25, 'offsets 0 to 24'],
  [24, 25, 'offset 24'],
  [25, 25, 'no record, the next gets offset 25'],
  [0, 0, 'no record, the next gets offset 0'],
])('[%i, %i) is %s', (offsetFrom, offsetTo, text) => {
  expect(describeOffsets(offsetFrom, offsetTo)).toBe(text);
});
