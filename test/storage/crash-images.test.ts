import { expect, test } from 'vitest';
import { sweepCrashImages } from './crash-images.ts';

// Every moment of many runs: `npm run test:long storage-images`.
test('every image that a crash may leave opens with all that was acknowledged, at some moments of a recorded run', () => {
  const { reports, moments, images, killed, rebuilt } = sweepCrashImages({ seed: 1, steps: 24, stride: 61 });

  expect(reports.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(reports.filter(({ checked }) => checked === 0)).toEqual([]);
  expect(moments).toBeGreaterThan(7);
  expect(images).toBeGreaterThan(200);
  expect(killed).toBeGreaterThan(3);
  expect(rebuilt).toBeGreaterThan(20);
});
