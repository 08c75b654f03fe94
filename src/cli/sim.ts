import { styleText } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { describeViolation, faultNames, parseFaults, run, type Verdict } from '../sim/run.ts';
import { addExamples, ExitWith } from './command.ts';
import { type CliIo, isColourful, write } from './io.ts';
import { integer, jsonOption } from './options.ts';
import { count } from './table.ts';

interface SimOptions {
  readonly seed?: number;
  readonly brokers: number;
  readonly minutes: number;
  readonly faults: string;
  readonly runs: number;
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Run simulated brokers under faults and check every promise. The brokers are the real program; clock, disks and network are simulated. ' +
        'The same seed gives the same run on every machine.',
    )
    .option('--seed <number>', 'which run (default: a random one, which is printed)', integer(0))
    .option('--brokers <count>', 'how many brokers', integer(1, 9), 5)
    .option('--minutes <number>', 'simulated minutes under faults', parseMinutes, 2)
    .option('--faults <list>', `"all", "none", or some of: ${faultNames.join(', ')}`, checkFaults, 'all')
    .option('--runs <count>', 'how many runs, with seeds one after another', integer(1), 1)
    .addOption(jsonOption('each verdict, a line each,'))
    .action(async (options: SimOptions) => {
      const first = options.seed ?? Math.floor(Math.random() * 2 ** 31);
      let wrong = 0;
      for (let seed = first; seed < first + options.runs; seed++) {
        const verdict = await runOnce(seed, options, io);
        if (!verdict.ok) wrong++;
      }
      if (options.runs > 1 && options.json !== true)
        await write(io.stdout, `\n${options.runs - wrong} of ${options.runs} runs are good.\n`);
      if (wrong > 0) throw new ExitWith(exitCodes.failed);
    });
  addExamples(command, [
    { command: 'cairn sim --seed 42', does: 'five brokers, two minutes, every fault' },
    { command: 'cairn sim --seed 1 --runs 100 --json', does: 'seeds 1 to 100, a verdict a line' },
    { command: 'cairn sim --seed 42 --brokers 3 --faults none', does: 'the same load in good weather' },
  ]);
}

function parseMinutes(text: string): number {
  const value = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value >= 0.01 && value <= 1440) return value;
  throw new InvalidArgumentError('It is a number of minutes from 0.01 to 1440.');
}

function checkFaults(text: string): string {
  const parsed = parseFaults(text);
  if ('unknown' in parsed) throw new InvalidArgumentError(`It is "all", "none", or some of: ${faultNames.join(', ')}.`);
  return text;
}

async function runOnce(seed: number, options: SimOptions, io: CliIo): Promise<Verdict> {
  const { brokers, minutes } = options;
  const parsed = parseFaults(options.faults);
  const startedMs = performance.now();
  const verdict = run({ seed, brokers, minutes, faults: 'faults' in parsed ? parsed.faults : [] });
  const tookMs = performance.now() - startedMs;
  const replay = `cairn sim --seed ${seed} --brokers ${brokers} --minutes ${minutes} --faults ${options.faults}`;
  if (options.json === true)
    await write(io.stdout, `${JSON.stringify({ ...verdict, minutes, faults: options.faults, tookMs: Math.round(tookMs), replay })}\n`);
  else await write(io.stdout, formatVerdict(verdict, { tookMs, replay, short: options.runs > 1, colourful: isColourful(io, io.stdout) }));
  return verdict;
}

interface VerdictContext {
  readonly tookMs: number;
  readonly replay: string;
  readonly short: boolean;
  readonly colourful: boolean;
}

export function formatVerdict(verdict: Verdict, context: VerdictContext): string {
  const { figures } = verdict;
  const paint = (format: 'green' | 'red' | 'yellow' | 'bold', text: string): string =>
    context.colourful ? styleText(format, text, { validateStream: false }) : text;
  const word = verdict.ok ? paint('green', 'good') : paint('red', 'WRONG');
  const violations = verdict.violations.map((violation) => `  ${describeViolation(violation)}\n`).join('');
  if (context.short)
    return `seed ${verdict.seed}: ${word}, ${count(figures.appendsAcknowledged)} appends, trace ${verdict.traceHash}\n${violations}`;

  const colours = { pass: 'green', violated: 'red', unknown: 'yellow' } as const;
  const width = Math.max(...verdict.checks.map(({ check }) => check.length));
  const checks = verdict.checks.map(
    ({ status, check, checked }) =>
      `  ${paint(colours[status], status.padEnd(8))}  ${check.padEnd(width)}  ${count(checked).padStart(10)} looked at\n`,
  );
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const lines: readonly (readonly [string, string])[] = [
    [
      'appends',
      `${count(figures.appendsAcknowledged)} acknowledged, ${count(figures.appendsFailedDefinitely)} refused, ${count(figures.appendsUnknown)} unknown`,
    ],
    ['records', `${count(figures.recordsAcknowledged)} acknowledged, ${count(figures.recordsRead)} read back`],
    ['faults', `${count(figures.kills)} kills, ${count(figures.elections)} elections, longest gap ${seconds(figures.longestGapMs)}`],
    [
      'time',
      `${seconds(figures.simulatedMs)} simulated in ${seconds(context.tookMs)}, ${(figures.simulatedMs / context.tookMs).toFixed(1)} times as fast`,
    ],
    ['trace', verdict.traceHash],
  ];
  return [
    `Seed ${verdict.seed}: ${word}\n`,
    ...checks,
    ...lines.map(([name, text]) => `${name.padEnd(8)} ${text}\n`),
    violations === '' ? '' : `What is wrong:\n${violations}`,
    `Run it again: ${context.replay}\n`,
  ].join('');
}
