// What the simulator itself could get wrong, so that it would pass what is not right.
import type { Mutant } from './mutant.ts';

export const inTheRig: readonly Mutant[] = [
  {
    id: 'unknown-passes',
    title: 'a check that could not finish counts as passed',
    edits: [
      {
        file: 'src/sim/checkers/verdict.ts',
        find: "this.#count > 0 ? 'violated' : this.#unknown === null ? 'pass' : 'unknown';",
        replace: "this.#count > 0 ? 'violated' : this.#unknown === null || this.#unknown !== '' ? 'pass' : 'unknown';",
      },
    ],
    expected: [],
    how: { by: 'test', file: 'test/sim/checkers.test.ts', title: 'an unfinished check is unknown, not a pass' },
  },
  {
    id: 'generator-without-retries',
    title: 'the simulated clients never try again',
    edits: [
      { file: 'src/sim/clients/appender.ts', find: 'if (mayRetry) this.later(', replace: 'if (mayRetry && untilMs < 0) this.later(' },
    ],
    expected: [],
    how: { by: 'test', file: 'test/sim/run.test.ts', title: 'have reached append.deduplicated' },
  },
];
