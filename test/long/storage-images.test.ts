// The whole of what test/storage samples: every moment of recorded runs, every byte of data directories. Sixteen numbers, `LONG_SEED=16` to 31 say, are one of
// them: each takes a sixteenth, spread over all of it, as the whole of one takes minutes.
import { expect, test } from 'vitest';
import { flipBytes, makeDataDirectory, outcomes } from '../storage/byte-flips.ts';
import { sweepCrashImages } from '../storage/crash-images.ts';
import type { Image } from '../storage/recorded-disk.ts';
import { report, seedsWithinBudget } from './budget.ts';

const parts = 16;
const wholeOf = (seed: number): number => Math.floor(seed / parts);

test('no flipped byte of a data directory goes by unnoticed', () => {
  let flips = 0;
  let sixteenths = 0;
  let directory: { readonly seed: number; readonly image: Image } | null = null;
  const sums = new Map<string, number>();
  for (const seed of seedsWithinBudget({ countMax: 20 * parts, share: 1 / 3 })) {
    if (directory?.seed !== wholeOf(seed)) directory = { seed: wholeOf(seed), image: makeDataDirectory(wholeOf(seed)) };
    const flipped = flipBytes(directory.image, { stride: parts, first: seed % parts });
    expect(
      flipped.reports.filter(({ status }) => status !== 'pass'),
      `seed ${seed}`,
    ).toEqual([]);
    sixteenths++;
    flips += flipped.flips;
    for (const [kind, counts] of Object.entries(flipped.counts)) {
      for (const outcome of outcomes)
        if (counts[outcome] > 0) sums.set(`${kind} ${outcome}`, (sums.get(`${kind} ${outcome}`) ?? 0) + counts[outcome]);
    }
  }
  const figures = [...sums].map(([name, count]) => `${name} ${count}`).join(', ');
  report(`byte flips: ${sixteenths} of ${20 * parts} sixteenths of data directories, ${flips} flips: ${figures}; undetected 0`);
});

test('every image that a crash may leave opens with all that was acknowledged', () => {
  let sixteenths = 0;
  const sums = { moments: 0, images: 0, killed: 0, rebuilt: 0 };
  for (const seed of seedsWithinBudget({ countMax: 200 * parts })) {
    const swept = sweepCrashImages({ seed: wholeOf(seed), steps: 20, stride: parts, first: seed % parts });
    expect(
      swept.reports.filter(({ status }) => status !== 'pass'),
      `seed ${seed}`,
    ).toEqual([]);
    sixteenths++;
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += swept[name];
  }
  report(
    `crash images: ${sixteenths} of ${200 * parts} sixteenths of recorded runs, ${sums.moments} moments, ${sums.images} images opened, ${sums.killed} kills with a loss of power after them, ${sums.rebuilt} rebuilt without derived files`,
  );
});
