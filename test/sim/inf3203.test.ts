import { describe, expect, test } from 'vitest';
import { compareLogs, type Verdict } from '../../src/lab/consistency/comparer.ts';
import { scenarios } from '../../src/sim/workloads/course-scenarios.ts';
import { type CourseOptions, type CourseRun, runCourse } from '../../src/sim/workloads/inf3203.ts';
import { answeringAtOnce } from './broken-brokers.ts';

function judge({ puts, posts, logs }: CourseRun): Verdict {
  return compareLogs({ history: { puts, posts }, logs });
}

const replay = ({ scenario, servers, seed }: CourseOptions): string => `scenario ${scenario}, ${servers} servers, seed ${seed}`;

describe('contract 2 in virtual time', () => {
  test.each(scenarios.map(({ id }) => [id]))('scenario %i ends in success, or in a failure that the test itself causes', (scenario) => {
    for (const seed of scenario < 2 ? [1, 2, 3] : [1]) {
      const options = { seed, servers: 5, scenario };
      const courseRun = runCourse(options);
      const { reasons, isExcused, doubled } = judge(courseRun);

      expect(isExcused ? [] : reasons, `${replay(options)}`).toEqual([]);
      expect(doubled, `${replay(options)}`).toEqual([]);
      expect(
        courseRun.checks.filter(({ status }) => status !== 'pass'),
        `${replay(options)}`,
      ).toEqual([]);
    }
  });

  // It waited for the next heartbeat, and `/exit` came first.
  test.each([104, 117, 402])('a server that recovered 45 ms before its /exit has all there is, seed %i', (seed) => {
    expect(judge(runCourse({ seed, servers: 5, scenario: 1 })).reasons).toEqual([]);
  });

  test('with 8 servers too', () => {
    const options = { seed: 3, servers: 8, scenario: 1 };
    const { reasons, isExcused } = judge(runCourse(options));

    expect(isExcused ? [] : reasons, `${replay(options)}`).toEqual([]);
  });

  test('one seed gives one run', () => {
    const options = { seed: 4, servers: 3, scenario: 1 };

    expect(runCourse(options)).toEqual(runCourse(options));
  });

  test('servers that answer before the commit get a failure that nothing excuses', () => {
    const isFoundBy = (seed: number): boolean => {
      const { result, isExcused } = judge(runCourse({ seed, servers: 5, scenario: 2, makeBroker: answeringAtOnce }));
      return result === 'Failure' && !isExcused;
    };

    expect([1, 2, 3, 4].some(isFoundBy)).toBe(true);
  });
});
