import { existsSync, openSync, closeSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { Children, type ExitOfChild } from '../rig/index.ts';
import { type Summary } from '../report/index.ts';
import { packageFolder } from '../../system/package.ts';
import type { Experiment, Extent, Step } from './experiments.ts';
import { keepSummary, openSummary, type StepRecord, type SuiteSummary, withStep } from './state.ts';

export interface SuiteOptions {
  readonly extent: Extent;
  readonly experiments: readonly Experiment[];
  readonly folder: string;
  readonly version: string;
  readonly seed: number;
  /** What all of it may take; steps that would begin later are left out. */
  readonly secondsMax: number;
  /** Aborted: the step that runs is ended, and what is done is kept. */
  readonly signal: AbortSignal;
  readonly onStep: (event: StepEvent) => void;
  /** What is started for a step; null where it is not there. The checkout's own, unless given. */
  readonly programs?: Programs;
}

type Programs = Readonly<Record<Step['program'], string | null>>;

export type StepEvent =
  | { readonly what: 'kept' | 'begun'; readonly step: Step }
  | { readonly what: 'ended'; readonly step: Step; readonly record: StepRecord };

/** How long a step that was told to end may take for it. */
const endMsMax = 5_000;

/** Runs what the folder does not hold yet, one step after the other. One that fails or is cut is named, and the others go on. */
export async function runSuite(options: SuiteOptions): Promise<SuiteSummary> {
  const { folder, experiments, onStep, signal } = options;
  let summary = openSummary(folder, options.extent, options.version);
  const kept = new Set(summary.steps.filter(({ status }) => status === 'done').map(({ id }) => id));
  const beganMs = performance.now();
  const children = new Children();
  try {
    for (const experiment of experiments) {
      let left = experiment.secondsMax;
      for (const step of experiment.steps) {
        if (signal.aborted) return summary;
        if (kept.has(step.id)) {
          onStep({ what: 'kept', step });
          continue;
        }
        onStep({ what: 'begun', step });
        const isLate = (performance.now() - beganMs) / 1000 > options.secondsMax;
        const record = isLate
          ? leaveOut(experiment, step, `${options.secondsMax / 60} minutes were over`)
          : left < step.seconds / 2
            ? leaveOut(experiment, step, `the ${experiment.secondsMax} s of ${experiment.name} were spent`)
            : await runStep({ experiment, step, left, children, options });
        if (signal.aborted) return summary;
        left -= record.seconds;
        summary = withStep(summary, record);
        keepSummary(folder, summary);
        onStep({ what: 'ended', step, record });
      }
    }
    return summary;
  } finally {
    await children.end();
  }
}

interface StepRun {
  readonly experiment: Experiment;
  readonly step: Step;
  /** Seconds that the experiment may still take. */
  readonly left: number;
  readonly children: Children;
  readonly options: SuiteOptions;
}

async function runStep({ experiment, step, left, children, options }: StepRun): Promise<StepRecord> {
  const folder = path.join(options.folder, step.id);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const base = usualRecord(experiment, step);
  const program = (options.programs ?? ownPrograms())[step.program];
  if (program === null) return { ...base, status: 'left out', reason: 'the benchmarks are in a checkout, and not in the package' };
  const note = step.shortened === null ? [] : ['--note', `A quick report: ${step.shortened}.`];
  const seed = step.program === 'cairn' ? ['--seed', String(options.seed)] : [];
  const output = openSync(path.join(folder, 'output.txt'), 'w');
  const child = children.start(process.execPath, [program, ...step.args, ...seed, ...note, '-o', folder], {
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const exited = children.exitOf(child);
  const beganMs = performance.now();
  const outcome = await Promise.race([
    exited,
    after(left * 1000).then(() => 'cut' as const),
    new Promise<'interrupted'>((resolve) => options.signal.addEventListener('abort', () => resolve('interrupted'), { once: true })),
  ]);
  const isOver = typeof outcome !== 'string';
  if (!isOver) {
    child.kill('SIGINT');
    await Promise.race([exited, after(endMsMax)]);
    child.kill('SIGKILL');
    await exited;
  }
  const seconds = Math.round((performance.now() - beganMs) / 100) / 10;
  const summary = isOver ? readLabSummary(folder) : null;
  if (!isOver)
    return {
      ...base,
      seconds,
      status: 'cut',
      reason: `cut after ${Math.round(left)} s: ${experiment.name} may take ${experiment.secondsMax} s`,
    };
  if (summary === null) return { ...base, seconds, status: 'failed', reason: whyFailed(outcome, folder) };
  return { ...base, seconds, status: 'done', reason: null, summary };
}

const leaveOut = (experiment: Experiment, step: Step, reason: string): StepRecord => ({
  ...usualRecord(experiment, step),
  status: 'left out',
  reason,
});

function usualRecord(experiment: Experiment, step: Step): Omit<StepRecord, 'status' | 'reason'> {
  return {
    id: step.id,
    experiment: experiment.name,
    title: step.title,
    command: commandOf(step),
    startedAt: new Date().toISOString(),
    seconds: 0,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    shortened: step.shortened,
    summary: null,
  };
}

/** As somebody would type it. */
const commandOf = ({ program, args }: Step): string => `${program === 'cairn' ? 'cairn' : 'npm run bench --'} ${args.join(' ')}`;

function ownPrograms(): Programs {
  const bench = path.join(packageFolder, 'bench', 'main.ts');
  return { cairn: path.join(packageFolder, 'bin', 'cairn.mjs'), bench: existsSync(bench) ? bench : null };
}

function readLabSummary(folder: string): Summary | null {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'summary.json'), 'utf8')) as Summary;
  } catch {
    return null;
  }
}

function whyFailed({ code, signal }: ExitOfChild, folder: string): string {
  const lines = readFileSync(path.join(folder, 'output.txt'), 'utf8').trim().split('\n');
  return `it ended with ${String(code ?? signal)} and left no summary: ${lines.at(-1) ?? ''}`;
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    // What waits for nothing else may end.
    setTimeout(resolve, ms).unref();
  });
