import { expect, it } from 'vitest';
import { Raft } from '../../src/raft/index.ts';
import { Rig } from '../property/raft/rig.ts';
import { report, seedsWithinBudget } from './budget.ts';

// The same cluster of cores as in test/property/raft, for as many seeds as there is time for.
it('a cluster of cores under faults keeps every safety property', () => {
  let count = 0;
  let committedCount = 0;
  for (const seed of seedsWithinBudget({ countMax: 100_000 })) {
    const run = (): void => {
      committedCount += new Rig({ seed, Raft }).run().committedCount;
    };
    expect(run, `replay: CAIRN_SEED=${seed} npx vitest run test/property/raft`).not.toThrow();
    count++;
  }
  report(`raft: ${count} seeds, ${committedCount} batches committed`);
});
