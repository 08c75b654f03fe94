import path from 'node:path';
import { Children } from '../rig/index.ts';
import { type Check, check, type Graph, type LabResult } from '../report/index.ts';
import { runOnce, type RunResult } from './run.ts';
import { scenarios } from '../../sim/workloads/course-scenarios.ts';
import { ceilings } from './ceilings.ts';

export interface ConsistencyOptions {
  readonly scenario: number;
  readonly servers: number;
  readonly runs: number;
  readonly speed: number;
  readonly parallel: number;
  readonly seed: number;
  readonly folder: string;
  readonly serverCommand: readonly string[] | null;
  readonly onRun: (result: RunResult, index: number) => void;
}

/** `cairn lab consistency`: the course's test against real servers, as often as asked. */
export async function runConsistencyLab(options: ConsistencyOptions): Promise<LabResult> {
  const scenario = scenarios[options.scenario];
  if (scenario === undefined) throw new RangeError(`there is no scenario ${options.scenario}`);
  const children = new Children();
  const results: RunResult[] = [];
  let nextIndex = 0;
  let starting: Promise<unknown> = Promise.resolve();
  const oneAtATime = <Value>(start: () => Promise<Value>): Promise<Value> => {
    const started = starting.then(start);
    starting = started.catch(() => undefined);
    return started;
  };

  const worker = async (): Promise<void> => {
    while (nextIndex < options.runs) {
      const index = nextIndex++;
      const result = await runOnce({
        children,
        folder: path.resolve(options.folder, `run-${index + 1}`),
        scenario,
        serverCount: options.servers,
        seed: options.seed + index,
        speed: options.speed,
        serverCommand: options.serverCommand,
        oneAtATime,
      });
      results.push(result);
      options.onRun(result, index);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(options.parallel, options.runs) }, worker));
  } finally {
    await children.end();
  }
  results.sort((a, b) => a.seed - b.seed);
  return {
    lab: 'consistency',
    about:
      'The test of the INF-3203 course against real server processes: a client puts words on random servers, threads crash and recover servers, in the end every server writes its log, and the comparer says whether all logs are one and hold exactly what was answered. A failure is excused only where the test itself makes it unavoidable: a server still crashed at /exit that missed what was committed during that crash.',
    settings: {
      scenario: scenario.id,
      servers: options.servers,
      runs: options.runs,
      speed: options.speed,
      parallel: options.parallel,
      seed: options.seed,
      'server command': options.serverCommand?.join(' ') ?? 'python3 log-server.py',
    },
    results: [...results.map(rowOf), meanRow(options, results)],
    graphs: [
      graphOf('puts', 'Puts answered', 'puts', results, (result) => result.putsAnswered),
      graphOf('longest-answer', 'Longest answer of a put', 'time (ms)', results, (result) => result.answerMsMax),
    ],
    checks: checksOf(options, results),
  };
}

function graphOf(name: string, title: string, yTitle: string, results: readonly RunResult[], value: (result: RunResult) => number): Graph {
  const pick = (isSuccess: boolean): (readonly [number, number])[] =>
    results.filter((result) => (result.verdict.result === 'Success') === isSuccess).map((result) => [result.seed, value(result)]);
  const series = [
    { label: 'Success', marks: 'points', points: pick(true) },
    { label: 'Failure', marks: 'points', points: pick(false) },
  ] as const;
  return {
    name,
    kind: 'chart',
    title,
    xTitle: 'seed of the run',
    xScale: 'numbers',
    yTitle,
    series: series.filter((each) => each.points.length > 0),
  };
}

function rowOf(result: RunResult): LabResult['results'][number] {
  return {
    seed: result.seed,
    verdict: result.verdict.isExcused ? 'Failure (excused)' : result.verdict.result,
    puts: result.putsAnswered,
    warnings: result.warnings,
    unanswered: result.unanswered,
    'not started': result.refused,
    elections: result.elections,
    'longest gap s': Math.round(result.gapMsMax / 10) / 100,
    'longest answer ms': Math.round(result.answerMsMax),
    why: [
      ...(result.verdict.excuse === null ? result.verdict.reasons : [result.verdict.excuse]),
      ...result.badEnds,
      ...(result.verdict.doubled.length > 0 ? [`twice in a log: ${result.verdict.doubled.join(', ')}`] : []),
    ].join('; '),
  };
}

function checksOf(options: ConsistencyOptions, results: readonly RunResult[]): Check[] {
  const failures = results.filter((result) => result.verdict.result === 'Failure');
  const unexcused = failures.filter((result) => !result.verdict.isExcused);
  const unanswered = results.reduce((sum, result) => sum + result.unanswered, 0);
  const checks = [
    check('failures that nothing excuses', unexcused.length === 0, 0, unexcused.length),
    check(
      'entries doubled',
      results.every((result) => result.verdict.doubled.length === 0),
      0,
      results.flatMap((result) => result.verdict.doubled).length,
    ),
    check(
      'servers that ended badly',
      results.every((result) => result.badEnds.length === 0),
      0,
      results.flatMap((result) => result.badEnds).length,
    ),
    check('puts that a running server left unanswered', unanswered === 0, 0, unanswered),
  ];
  const ceiling = ceilings[options.scenario];
  if (ceiling !== undefined && options.servers === SERVERS_OF_CEILINGS) {
    // Chance alone moves the mean of so few runs: five standard errors below the ceiling it is no longer chance.
    const least = ceiling.putsMean - (5 * PUTS_DEVIATION) / Math.sqrt(results.length);
    const puts = mean(results.map((result) => result.putsAnswered));
    checks.push(
      check(
        'mean of puts answered',
        puts >= least,
        `at least ${Math.max(0, least).toFixed(1)}, ceiling ${ceiling.putsMean}`,
        rounded(puts),
      ),
    );
  }
  return checks;
}

/** The course's own test with 5 servers is what the contract's ceilings are of. */
const SERVERS_OF_CEILINGS = 5;
/** Standard deviation of the puts answered by a perfect server in one run, the largest of all scenarios. */
const PUTS_DEVIATION = 4.5;

/** The last row of the table: all runs together, beside what a perfect server gets. */
function meanRow(options: ConsistencyOptions, results: readonly RunResult[]): LabResult['results'][number] {
  const ceiling = options.servers === SERVERS_OF_CEILINGS ? ceilings[options.scenario] : undefined;
  const beside = (value: number, perfect: number | undefined): string =>
    perfect === undefined ? String(rounded(value)) : `${rounded(value)} (perfect: ${perfect})`;
  const successes = results.filter((result) => result.verdict.result === 'Success').length;
  return {
    seed: 'all',
    verdict: `Success in ${beside(successes / Math.max(1, results.length), ceiling?.successRate)}`,
    puts: beside(mean(results.map((result) => result.putsAnswered)), ceiling?.putsMean),
    warnings: beside(mean(results.map((result) => result.warnings)), ceiling?.warningsMean),
    unanswered: results.reduce((sum, result) => sum + result.unanswered, 0),
    'not started': results.reduce((sum, result) => sum + result.refused, 0),
    elections: rounded(mean(results.map((result) => result.elections ?? 0))),
    'longest gap s': Math.round(Math.max(0, ...results.map((result) => result.gapMsMax)) / 10) / 100,
    'longest answer ms': Math.round(Math.max(0, ...results.map((result) => result.answerMsMax))),
    why: '',
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const rounded = (value: number): number => Math.round(value * 1000) / 1000;
