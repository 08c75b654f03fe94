import { expect, test } from 'vitest';
import { callCount, crashPoint, runWithCrash } from '../sim/crash-sweep.ts';
import { report, seedsWithinBudget } from './budget.ts';

test('a broker that dies at any host call loses nothing', () => {
  let points = 0;
  let killed = 0;
  for (const index of seedsWithinBudget({ countMax: callCount * 6 })) {
    const point = crashPoint(index);
    const verdict = runWithCrash(point, 1);
    expect(verdict.violations, `${JSON.stringify(point)}`).toEqual([]);
    points++;
    killed += verdict.figures.kills;
  }
  report(`crash sweep: ${points} of ${callCount * 6} crash points, ${killed} reached`);
});
