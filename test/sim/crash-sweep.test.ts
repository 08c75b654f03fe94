import { expect, test } from 'vitest';
import { crashPoint, runWithCrash } from './crash-sweep.ts';

// All of them: `npm run test:long crash-sweep`.
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
