import { expect, test } from 'vitest';
import { flipBytes, makeDataDirectory } from './byte-flips.ts';

// Every byte: `npm run test:long storage-images`.
test('a flipped byte in what a broker left is fenced, cut within the last group, read from a second copy, or made again', () => {
  const { reports, counts, flips } = flipBytes(makeDataDirectory(1), { stride: 31 });

  expect(reports.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(flips).toBeGreaterThan(2000);
  expect(counts.segment.fenced).toBeGreaterThan(500);
  expect(counts.segment.cut).toBeGreaterThan(10);
  expect(counts.index['made again']).toBeGreaterThan(10);
  expect(counts.checkpoint['made again']).toBeGreaterThan(50);
  expect(counts.votes['second copy']).toBeGreaterThan(50);
  expect(counts.identity['second copy']).toBeGreaterThan(10);
  expect(counts.peers['second copy']).toBeGreaterThan(10);
});
