import { expect, test, vi } from 'vitest';
import { crashPoint, runWithCrash } from './crash-sweep.ts';

// Simulations need seconds of a core, and cores may be busy with other things.
vi.setConfig({ testTimeout: 180_000 });

// All of them: `npm run test:long crash-sweep`.
test('a broker that dies at any host call loses nothing', () => {
  let killed = 0;
  for (let index = 0; index < 12; index++) {
    const point = crashPoint(index);
    const verdict = runWithCrash(point, 1);

    expect(verdict.violations, `${JSON.stringify(point)}`).toEqual([]);
    killed += verdict.figures.kills;
  }
  expect(killed).toBeGreaterThanOrEqual(10);
});
