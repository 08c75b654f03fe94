import { appendFileSync, closeSync, openSync } from 'node:fs';
import { cpus } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { styleText } from 'node:util';
import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { formatTraceEvent } from '../clocks/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import { Campaign, type CampaignSummary } from '../sim/campaign.ts';
import { rarePaths, seedsForCoverage } from '../sim/coverage.ts';
import { describeViolation, faultNames, parseFaults, run, type Verdict } from '../sim/run.ts';
import { drawnTopicCount, topicsLeast, topicsMost } from '../sim/topics.ts';
import { addExamples, ExitWith } from './command.ts';
import { type CliIo, isColourful, write } from './io.ts';
import { reasonOf } from './reason-of.ts';
import { integer, jsonOption } from './options.ts';
import { loadProgress } from './progress.ts';
import { count } from './table.ts';

interface SimOptions {
  readonly seed?: number;
  readonly seeds: number;
  readonly brokers: readonly number[];
  readonly topics: number | 'drawn';
  readonly minutes: number;
  readonly faults: string;
  readonly json?: boolean;
  readonly record?: string;
}

/** So that the last seed of a campaign is a number with a next one. */
const seedMax = 2 ** 52;
const seedsMax = 2 ** 31;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Run simulated brokers under faults and check every promise. The brokers are the real program; clock, disks and network are simulated. ' +
        `The same seed gives the same run on every machine. With ${seedsForCoverage} seeds or more it is also wrong if a fault or a rare path was never reached, or a check had nothing to look at.`,
    )
    .option('--seed <number>', 'the first seed (default: a random one, which is printed)', integer(0, seedMax))
    .option('--seeds <count>', 'how many seeds, one after another', integer(1, seedsMax), 1)
    .option('--brokers <list>', 'how many brokers; of several counts each seed takes the next one', parseBrokers, [5])
    .option(
      '--topics <count>',
      'how many topics of 1 to 4 partitions there are for the whole run; "drawn": 5 to 20, as the seed says, and with several seeds one in ten has 100, on 8 brokers',
      parseTopics,
      'drawn',
    )
    .option('--minutes <number>', 'simulated minutes under faults', parseMinutes, 2)
    .option('--faults <list>', `"all", "none", or some of: ${faultNames.join(', ')}`, checkFaults, 'all')
    .option('--record <file>', 'write the run down as a trace, one event a line, for `cairn trace` and the page; of one seed only')
    .addOption(jsonOption('each verdict, a line each, and the sum of all,'))
    .action(async (options: SimOptions) => {
      if (options.record !== undefined && options.seeds > 1)
        throw new LogError('usage', `Cannot record ${options.seeds} seeds: a recording is of one run`);
      const first = options.seed ?? Math.floor(Math.random() * 2 ** 31);
      const isRight = options.seeds === 1 ? await runOnce(first, options, io) : await runCampaign(first, options, io);
      if (!isRight) throw new ExitWith(exitCodes.failed);
    });
  addExamples(command, [
    { command: 'cairn sim --seed 42', does: 'five brokers, two minutes, every fault' },
    {
      command: 'cairn sim --seed 1 --seeds 1000 --brokers 3,5',
      does: 'seeds 1 to 1000 on three and five brokers, and what they prove together',
    },
    { command: 'cairn sim --seed 401 --seeds 600 --brokers 3,5', does: 'goes on where one was stopped after 400' },
    { command: 'cairn sim --seed 42 --brokers 8 --topics 100', does: '100 topics on a cube of eight' },
    { command: 'cairn sim --seed 42 --brokers 3 --faults none', does: 'the same load in good weather' },
    { command: 'cairn sim --seed 42 --minutes 0.2 --record run.ndjson', does: 'twelve seconds as a trace' },
  ]);
}

function parseMinutes(text: string): number {
  const value = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value >= 0.01 && value <= 1440) return value;
  throw new InvalidArgumentError('It is a number of minutes from 0.01 to 1440.');
}

function parseBrokers(text: string): readonly number[] {
  const counts = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : 0));
  if (counts.every((one) => one >= 1 && one <= brokersMost)) return counts;
  throw new InvalidArgumentError(`It is a whole number from 1 to ${brokersMost}, or several with commas.`);
}

const brokersMost = 16;

function parseTopics(text: string): number | 'drawn' {
  if (text === 'drawn') return text;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value >= topicsLeast && value <= topicsMost) return value;
  throw new InvalidArgumentError(`It is "drawn", or a whole number from ${topicsLeast} to ${topicsMost}.`);
}

function checkFaults(text: string): string {
  const parsed = parseFaults(text);
  if ('unknown' in parsed) throw new InvalidArgumentError(`It is "all", "none", or some of: ${faultNames.join(', ')}.`);
  return text;
}

const faultsOf = (text: string): RunFaults => {
  const parsed = parseFaults(text);
  return 'faults' in parsed ? parsed.faults : [];
};
type RunFaults = Parameters<typeof run>[0]['faults'];

const replayOf = ({ seed, brokers, topics }: Pick<Verdict, 'seed' | 'brokers' | 'topics'>, { minutes, faults }: SimOptions): string =>
  `cairn sim --seed ${seed} --brokers ${brokers} --topics ${topics} --minutes ${minutes} --faults ${faults}`;

async function runOnce(seed: number, options: SimOptions, io: CliIo): Promise<boolean> {
  const { minutes, faults } = options;
  const brokers = options.brokers[seed % options.brokers.length] as number;
  const topics = options.topics === 'drawn' ? drawnTopicCount(seed) : options.topics;
  const startedMs = performance.now();
  const progress = await startProgress(minutes, 'simulated seconds', io);
  const verdict = recorded(options.record, (onTrace) =>
    run({ seed, brokers, topics, minutes, faults: faultsOf(faults), onProgress: progress.at, ...onTrace }),
  );
  progress.stop();
  const tookMs = performance.now() - startedMs;
  const replay = replayOf(verdict, options);
  const text =
    options.json === true
      ? `${JSON.stringify({ ...verdict, minutes, faults, tookMs: Math.round(tookMs), replay })}\n`
      : formatVerdict(verdict, { tookMs, replay, colourful: isColourful(io, io.stdout) });
  await write(io.stdout, text);
  return verdict.ok;
}

/** A bar on a terminal, which is drawn while the run lets nothing else happen. */
async function startProgress(
  minutes: number,
  what: string,
  io: CliIo,
): Promise<{ readonly at: (simulatedMs: number) => void; readonly stop: () => void }> {
  const start = await loadProgress(io);
  const { moved, counted, stop } = start({ bytesTotal: minutes * 60_000, what: `${what}; then all is healed and checked` });
  let before = 0;
  return {
    at: (simulatedMs) => {
      moved(simulatedMs - before);
      counted(Math.round(simulatedMs / 1000));
      before = simulatedMs;
    },
    stop,
  };
}

/** A run is one long step: its lines are written as they gather, without a turn of the machine's loop between them. */
function recorded(file: string | undefined, play: (onTrace: Pick<Parameters<typeof run>[0], 'onTrace'>) => Verdict): Verdict {
  if (file === undefined) return play({});
  let descriptor: number;
  try {
    descriptor = openSync(file, 'w');
  } catch (error) {
    throw new LogError('usage', `Cannot record the run in "${file}": ${reasonOf(error)}`, {}, { cause: error });
  }
  let lines = '';
  try {
    const verdict = play({
      onTrace: (event) => {
        lines += formatTraceEvent(event);
        if (lines.length < linesHeldMax) return;
        appendFileSync(descriptor, lines);
        lines = '';
      },
    });
    appendFileSync(descriptor, lines);
    return verdict;
  } finally {
    closeSync(descriptor);
  }
}

const linesHeldMax = 1 << 20;

interface Spent {
  readonly wallMs: number;
  /** Of this process, on all cores. */
  readonly cpuMs: number;
}

async function runCampaign(first: number, options: SimOptions, io: CliIo): Promise<boolean> {
  const { seeds, minutes, faults, brokers, topics, json } = options;
  const seedTo = first + seeds;
  const campaign = new Campaign({ minutes, brokers, topics, faults: faultsOf(faults) });
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const spent = (): Spent => {
    const { user, system } = process.cpuUsage(startedCpu);
    return { wallMs: performance.now() - startedMs, cpuMs: (user + system) / 1000 };
  };
  // Ctrl-C ends the campaign after the present seed, and what was done until then is added up.
  let isStopped = false;
  const stop = (): void => {
    isStopped = true;
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  for (let seed = first; seed < seedTo && !isStopped; seed++) {
    const seedStartedMs = performance.now();
    const place = `${seed - first + 1} of ${seeds}`;
    const progress = await startProgress(minutes, `simulated seconds of seed ${seed}, ${place}`, io);
    const verdict = campaign.runSeed(seed, progress.at);
    progress.stop();
    const { ok, violations, traceHash, figures } = verdict;
    // A signal is heard only between two turns of the machine's loop.
    await nextTurn();
    const tookMs = Math.round(performance.now() - seedStartedMs);
    const replay = replayOf(verdict, options);
    if (json === true) {
      await write(
        io.stdout,
        `${JSON.stringify({ seed, brokers: verdict.brokers, topics: verdict.topics, ok, violations, figures, traceHash, tookMs, replay })}\n`,
      );
    } else {
      const acknowledged = campaign.summary().appendsAcknowledged;
      const wrong = violations.map((violation) => `  ${describeViolation(violation)}\n`).join('');
      await write(
        io.stdout,
        `${place}: seed ${seed} on ${verdict.brokers} brokers with ${verdict.topics} topics ${ok ? 'good' : 'WRONG'}, ${count(figures.appendsAcknowledged)} appends (${count(acknowledged)} in all), trace ${traceHash}\n${wrong}${ok ? '' : `  ${replay}\n`}`,
      );
    }
  }
  process.off('SIGINT', stop).off('SIGTERM', stop);
  const summary = campaign.summary();
  const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}`;
  await write(
    io.stdout,
    json === true ? `${JSON.stringify({ summary, ...spent(), machine })}\n` : formatSummary(summary, spent(), machine),
  );
  return summary.ok;
}

export function formatSummary(summary: CampaignSummary, { wallMs, cpuMs }: Spent, machine: string): string {
  const { coverage, missing, coverageIsJudged } = summary;
  const simulatedMs = summary.simulatedHours * 3_600_000;
  const faults = Object.keys(coverage).filter((name) => /^fault\.\w+$/.test(name));
  const lines: readonly (readonly [string, string])[] = [
    ['seeds', `${count(summary.seeds)}, ${summary.simulatedHours.toFixed(1)} simulated hours`],
    ['checked', `${count(summary.appendsAcknowledged)} acknowledged appends, ${count(summary.recordsAcknowledged)} records`],
    [
      'faults',
      `${count(summary.kills)} kills, ${count(summary.elections)} elections, longest gap ${(summary.longestGapMs / 1000).toFixed(1)} s`,
    ],
    ['speed', `${(simulatedMs / cpuMs).toFixed(1)} times real time by processor time, ${(simulatedMs / wallMs).toFixed(1)} by the clock`],
    ['machine', machine],
    ['traces', summary.traceHash],
    ['wrong', summary.wrong.length === 0 ? '0 seeds' : `seeds ${summary.wrong.map(({ seed }) => seed).join(', ')}`],
  ];
  const verdictOnCoverage = !coverageIsJudged
    ? `Fewer than ${seedsForCoverage} seeds: what was not reached is not held against them${missing.length === 0 ? '' : ` (${missing.join(', ')})`}\n`
    : missing.length === 0
      ? 'Every fault struck while an append was in flight, every rare path was taken, and every check had something to look at\n'
      : `NEVER REACHED: ${missing.join(', ')}\n`;
  return [
    '\n',
    ...lines.map(([name, text]) => `${name.padEnd(8)} ${text}\n`),
    'fault, times injected, of these with an append in flight\n',
    ...faults.map(
      (name) =>
        `  ${name.slice(6).padEnd(20)} ${count(coverage[name] ?? 0).padStart(10)} ${count(coverage[`${name}.inFlight`] ?? 0).padStart(10)}\n`,
    ),
    'rare path, times taken\n',
    ...rarePaths.map(({ name, what }) => `  ${what.padEnd(66)} ${count(coverage[name] ?? 0).padStart(10)}\n`),
    verdictOnCoverage,
  ].join('');
}

interface VerdictContext {
  readonly tookMs: number;
  readonly replay: string;
  readonly colourful: boolean;
}

export function formatVerdict(verdict: Verdict, context: VerdictContext): string {
  const { figures } = verdict;
  const paint = (format: 'green' | 'red' | 'yellow', text: string): string =>
    context.colourful ? styleText(format, text, { validateStream: false }) : text;
  const word = verdict.ok ? paint('green', 'good') : paint('red', 'WRONG');
  const violations = verdict.violations.map((violation) => `  ${describeViolation(violation)}\n`).join('');
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
