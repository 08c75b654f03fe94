import { expect, test } from 'vitest';
import { crashPoint, runWithCrash } from './crash-sweep.ts';

// Its first read began below what retention removed while the time was looked up.
test('a read from the beginning goes on where retention has removed the beginning meanwhile', () => {
  expect(runWithCrash({ phase: 'before', powerLoss: false, call: 1840 }, 1).violations).toEqual([]);
});

// More of them: `npm run test:long crash-sweep`.
test('a broker that dies at any host call loses nothing', () => {
  let killed = 0;
  for (let index = 0; index < 6; index++) {
    const point = crashPoint(index);
    const verdict = runWithCrash(point, 1);

    expect(verdict.violations, `${JSON.stringify(point)}`).toEqual([]);
    killed += verdict.figures.kills;
  }
  expect(killed).toBeGreaterThanOrEqual(5);
});
