// The whole of what test/storage samples: every moment of recorded runs, every byte of data directories.
import { expect, test } from 'vitest';
import { flipBytes, makeDataDirectory, outcomes } from '../storage/byte-flips.ts';
import { sweepCrashImages } from '../storage/crash-images.ts';
import { report, seedsWithinBudget } from './budget.ts';

test('no flipped byte of a data directory goes by unnoticed', () => {
  let flips = 0;
  let directories = 0;
  const sums = new Map<string, number>();
  for (const seed of seedsWithinBudget({ countMax: 20, share: 1 / 3 })) {
    const flipped = flipBytes(makeDataDirectory(seed), { stride: 1 });
    expect(
      flipped.reports.filter(({ status }) => status !== 'pass'),
      `seed ${seed}`,
    ).toEqual([]);
    directories++;
    flips += flipped.flips;
    for (const [kind, counts] of Object.entries(flipped.counts)) {
      for (const outcome of outcomes)
        if (counts[outcome] > 0) sums.set(`${kind} ${outcome}`, (sums.get(`${kind} ${outcome}`) ?? 0) + counts[outcome]);
    }
  }
  const figures = [...sums].map(([name, count]) => `${name} ${count}`).join(', ');
  report(`byte flips: ${directories} of 20 data directories, ${flips} flips: ${figures}; undetected 0`);
});

test('every image that a crash may leave opens with all that was acknowledged', () => {
  let runs = 0;
  const sums = { moments: 0, images: 0, killed: 0, rebuilt: 0 };
  for (const seed of seedsWithinBudget({ countMax: 200 })) {
    const swept = sweepCrashImages({ seed, steps: 20 });
    expect(
      swept.reports.filter(({ status }) => status !== 'pass'),
      `seed ${seed}`,
    ).toEqual([]);
    runs++;
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += swept[name];
  }
  report(
    `crash images: ${runs} of 200 recorded runs, ${sums.moments} moments, ${sums.images} images opened, ${sums.killed} kills with a loss of power after them, ${sums.rebuilt} rebuilt without derived files`,
  );
});
