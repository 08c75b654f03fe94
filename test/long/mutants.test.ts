// As many mutants as there is time for, from another place in the list with another LONG_SEED. All of them: `npm run mutants`.
import { expect, test } from 'vitest';
import { ask } from '../mutants/ask.ts';
import { mutants } from '../mutants/index.ts';
import { report, seedsWithinBudget } from './budget.ts';

/** Has no factor in common with any count below it, so that every mutant comes once, and neighbours in the list do not come together. */
const stepPrime = 7919;

test('each mutant is caught by a check that it names', async () => {
  let caught = 0;
  for (const seed of seedsWithinBudget({ countMax: mutants.length })) {
    const mutant = mutants[(seed * stepPrime) % mutants.length] as (typeof mutants)[number];
    const asked = await ask(mutant, { seedMax: 60, timeoutMs: 300_000, isMutated: true });
    expect(asked.check, `npm run mutants -- --only ${mutant.id}: ${asked.noVerdict ?? asked.harnessErrors.join('; ')}`).not.toBeNull();
    caught++;
  }
  report(`mutants: ${caught} of ${mutants.length} asked and caught`);
});
