import { expect, test } from 'vitest';
import { mitTests } from '../sim/mit-6.5840.ts';
import { report, seedsWithinBudget } from './budget.ts';

test.each(mitTests.map((mitTest, index) => ({ ...mitTest, share: 1 / (mitTests.length - index) })))(
  'MIT 6.5840 $name',
  ({ name, run, share }) => {
    let count = 0;
    for (const seed of seedsWithinBudget({ countMax: 200, share })) {
      expect(() => run(seed), `${name} with seed ${seed}`).not.toThrow();
      count++;
    }
    report(`MIT 6.5840 ${name}: ${count} of 200 seeds`);
  },
);
