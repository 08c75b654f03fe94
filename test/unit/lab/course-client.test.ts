import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { putsLeftUnanswered } from '../../../src/lab/consistency/comparer.ts';
import { ceilings } from '../../../src/lab/consistency/ceilings.ts';
import { scenarios } from '../../../src/sim/workloads/course-scenarios.ts';
import { runPerfectly } from './perfect-world.ts';

const RUNS = 400;

describe("the course's client, restated, against a perfect server", () => {
  for (const scenario of scenarios) {
    it(`reaches the contract's ceiling in scenario ${scenario.id}`, async () => {
      const ceiling = ceilings[scenario.id]!;
      let successes = 0;
      let excused = 0;
      let puts = 0;
      let warnings = 0;

      for (let seed = 1; seed <= RUNS; seed++) {
        const { history, verdict } = await runPerfectly({ scenario, serverCount: 5, random: new SeededRandom(seed), speed: 1 });
        successes += verdict.result === 'Success' ? 1 : 0;
        excused += verdict.isExcused ? 1 : 0;
        puts += history.puts.filter((put) => put.ok).length;
        warnings += history.puts.filter((put) => put.warned).length;
        expect(putsLeftUnanswered(history), `seed ${seed}`).toBe(0);
      }

      // Every failure of a perfect server is the test's own doing.
      expect(successes + excused).toBe(RUNS);
      // Four standard errors of the mean of so many runs.
      expect(Math.abs(successes / RUNS - ceiling.successRate)).toBeLessThanOrEqual(4 * Math.sqrt(0.03 / RUNS));
      expect(Math.abs(puts / RUNS - ceiling.putsMean)).toBeLessThanOrEqual((4 * 4.5) / Math.sqrt(RUNS));
      expect(Math.abs(warnings / RUNS - ceiling.warningsMean)).toBeLessThanOrEqual((4 * 1.6) / Math.sqrt(RUNS));
    });
  }

  it('does the same again for the same seed, whatever the speed', async () => {
    const run = async (speed: number) => {
      const { history } = await runPerfectly({ scenario: scenarios[3]!, serverCount: 5, random: new SeededRandom(7), speed });
      return history.puts.map((put) => `${put.word} ${put.server} ${put.ok}`);
    };

    expect(await run(1)).toEqual(await run(1));
    expect(await run(2)).toEqual(await run(1));
  });
});
