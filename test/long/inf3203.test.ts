import { expect, test } from 'vitest';
import { compareLogs } from '../../src/lab/consistency/comparer.ts';
import { scenarios } from '../../src/sim/workloads/course-scenarios.ts';
import { runCourse } from '../../src/sim/workloads/inf3203.ts';
import { report, seedsWithinBudget } from './budget.ts';

test.each(scenarios.map(({ id }, index) => ({ scenario: id, share: 1 / (scenarios.length - index) })))(
  'contract 2, scenario $scenario, in virtual time',
  ({ scenario, share }) => {
    let runs = 0;
    let successes = 0;
    let puts = 0;
    let warnings = 0;
    for (const seed of seedsWithinBudget({ countMax: 1000, share })) {
      const courseRun = runCourse({ seed, servers: 5, scenario });
      const verdict = compareLogs({ history: { puts: courseRun.puts, posts: courseRun.posts }, logs: courseRun.logs });
      const wrong = courseRun.checks.filter(({ status }) => status !== 'pass');
      expect(verdict.isExcused ? [] : verdict.reasons, `scenario ${scenario}, seed ${seed}`).toEqual([]);
      expect(wrong, `scenario ${scenario}, seed ${seed}`).toEqual([]);
      runs++;
      if (verdict.result === 'Success') successes++;
      puts += courseRun.puts.filter(({ ok }) => ok).length;
      warnings += courseRun.puts.filter(({ warned }) => warned).length;
    }
    report(
      `contract 2, scenario ${scenario}, 5 servers: ${runs} of 1000 seeds, ${successes} Success, the rest excused; mean PUTs ${(puts / runs).toFixed(1)}, warnings ${(warnings / runs).toFixed(2)}`,
    );
  },
);
