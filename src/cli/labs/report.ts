import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { exitCodes } from '../../base/errors.ts';
import { makeFolder } from '../../daemon/make-folder.ts';
import { LogError } from '../../eventlog/log-error.ts';
import type { Experiment, Extent, StepEvent, SuiteSummary } from '../../lab/suite/index.ts';
import { addExamples, ExitWith } from '../command.ts';
import { type CliIo, write } from '../io.ts';
import { reasonOf } from '../reason-of.ts';
import { integer, jsonOption } from '../options.ts';
import { inMinutes, startTimeBar } from '../progress.ts';
import { packageVersion } from '../../system/package.ts';

interface ReportOptions {
  readonly quick?: boolean;
  readonly full?: boolean;
  readonly only?: string;
  readonly output?: string;
  readonly seed: number;
  readonly json?: boolean;
}

/** What all steps together may take. */
const secondsMax: Readonly<Record<Extent, number>> = { quick: 285, full: 3600 };

/** `cairn lab report` is not one lab but all: it has no results of its own. */
export function addReport(parent: Command, io: CliIo): void {
  const command = parent
    .command('report')
    .summary('run every experiment and leave one page of all')
    .description(
      'Run the experiments of the contracts, the chaos run and the benchmarks one after another, and leave one page that needs nothing else: graphs, tables beside the figures of the source documents, the reports of the contracts, machine and commit; the raw data beside it. Interrupted, it goes on where it was when it is given the same folder. An experiment that takes longer than it may is cut, marked and named.',
    )
    .option('--quick', 'less than five minutes: shorter durations and fewer trials, which each figure says')
    .option('--full', 'at most an hour; says first how long it will take')
    .option('--only <experiment,...>', 'these and no others')
    .option('-o, --output <folder>', 'where the report goes, or is gone on with (default: ./cairn-lab/report-<time>)')
    .option('--seed <number>', 'what is random follows from it', integer(0), 1)
    .addOption(jsonOption('the summary'))
    .action((options: ReportOptions) => runReport(options, io));
  addExamples(command, [
    { command: 'cairn lab report --quick -o report', does: 'a first look at everything' },
    { command: 'cairn lab report --full -o report', does: 'figures to keep, or going on with them' },
  ]);
}

async function runReport(options: ReportOptions, io: CliIo): Promise<void> {
  if ((options.quick === true) === (options.full === true)) {
    throw new LogError('usage', 'Cannot make a report: say either --quick or --full');
  }
  const suite = await import('../../lab/suite/index.ts');
  const { defaultFolder } = await import('../../lab/report/index.ts');
  const extent: Extent = options.full === true ? 'full' : 'quick';
  const names = options.only?.split(',').map((name) => name.trim()) ?? null;
  const unknown = names?.find((name) => !suite.experimentNames.includes(name));
  if (unknown !== undefined) {
    throw new LogError('usage', `Cannot run the experiment "${unknown}": there are ${suite.experimentNames.join(', ')}`);
  }
  const folder = options.output ?? defaultFolder('report', Date.now());
  try {
    makeFolder(folder, 0o777);
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot write the report to ${folder}: ${reasonOf(error)}`, {}, { cause: error });
  }
  const experiments = suite.planExperiments(extent, names);
  const say = (line: string): void => void io.stderr.write(`${line}\n`);
  say(estimate(experiments));
  const follow = await followSteps(io, experiments, say);
  const signal = io.interrupt();
  let summary: SuiteSummary;
  try {
    summary = await suite.runSuite({
      extent,
      experiments,
      folder,
      version: packageVersion(),
      seed: options.seed,
      secondsMax: secondsMax[extent],
      signal,
      onStep: follow.onStep,
    });
  } finally {
    follow.stop();
  }
  if (signal.aborted) {
    throw new LogError(
      'interrupted',
      `Cannot finish the report: interrupted; \`cairn lab report --${extent} -o ${folder}\` goes on with it`,
    );
  }
  const page = path.join(folder, 'report.html');
  // All that the folder holds, also of experiments that --only has left out this time.
  writeFileSync(page, suite.renderSuite(summary, suite.planExperiments(extent, null), folder));
  await write(io.stdout, options.json === true ? `${JSON.stringify(summary)}\n` : `${outcome(summary, experiments)}Report: ${page}\n`);
  const ours = summary.steps.filter(({ experiment }) => experiments.some(({ name }) => name === experiment));
  const isGood = ours.every((step) => step.status !== 'failed' && (step.summary?.checks ?? []).every(({ ok }) => ok));
  if (!isGood) throw new ExitWith(exitCodes.failed);
}

const secondsOf = ({ steps, secondsMax: most }: Experiment): number =>
  Math.min(
    most,
    steps.reduce((sum, step) => sum + step.seconds, 0),
  );

function estimate(experiments: readonly Experiment[]): string {
  const each = experiments.map((experiment) => `${experiment.name} ${inMinutes(secondsOf(experiment))}`);
  const total = experiments.reduce((sum, experiment) => sum + secondsOf(experiment), 0);
  return `About ${inMinutes(total)}: ${each.join(', ')}`;
}

/** A bar on a terminal, and a line for each step that ends. */
async function followSteps(
  io: CliIo,
  experiments: readonly Experiment[],
  say: (line: string) => void,
): Promise<{ readonly onStep: (event: StepEvent) => void; readonly stop: () => void }> {
  const total = experiments.reduce((sum, experiment) => sum + secondsOf(experiment), 0);
  const bar = await startTimeBar(io, total);
  const isShown = io.stderr.isTTY === true && io.env['TERM'] !== 'dumb';
  let overSeconds = 0;
  let current: { readonly title: string; readonly beganMs: number; readonly seconds: number } | null = null;
  const timer = setInterval(() => {
    if (current === null) return;
    const inStep = Math.min((performance.now() - current.beganMs) / 1000, current.seconds);
    bar.at(overSeconds + inStep, current.title);
  }, 500);
  timer.unref();
  return {
    onStep: (event) => {
      const { step } = event;
      if (event.what === 'begun') {
        current = { title: step.title, beganMs: performance.now(), seconds: step.seconds };
        return;
      }
      overSeconds += step.seconds;
      current = null;
      const line =
        event.what !== 'ended'
          ? `${step.id}: kept from before`
          : `${step.id}: ${event.record.status}${event.record.reason === null ? '' : ` (${event.record.reason})`}, ${event.record.seconds} s`;
      // The bar is in the way of lines; what was done stands in the end's table.
      if (!isShown) say(line);
    },
    stop: () => {
      clearInterval(timer);
      bar.stop();
    },
  };
}

function outcome(summary: SuiteSummary, experiments: readonly Experiment[]): string {
  const steps = experiments.flatMap((experiment) => experiment.steps).map(({ id }) => summary.steps.find((step) => step.id === id));
  const rows = steps.flatMap((step) => {
    if (step === undefined) return [];
    const checks = step.summary?.checks ?? [];
    const failed = checks.filter(({ ok }) => !ok).map(({ name, got }) => `${name}: ${got}`);
    const how = step.status === 'done' ? `${checks.length - failed.length} of ${checks.length} checks hold` : (step.reason ?? step.status);
    return [
      `${step.status === 'done' && failed.length === 0 ? 'ok    ' : step.status.toUpperCase().padEnd(6)} ${step.id}: ${how}${failed.map((each) => `\n         ${each}`).join('')}\n`,
    ];
  });
  return rows.join('');
}
