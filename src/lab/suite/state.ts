/** What is known of a report while it is made: kept in its folder after every step, so that it can be gone on with. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LogError } from '../../eventlog/index.ts';
import { describeMachine, findCommit, type Machine, type Summary } from '../report/index.ts';
import type { Extent } from './experiments.ts';

/** `done` also when checks did not hold: that is in the summary. */
type StepStatus = 'done' | 'cut' | 'failed' | 'left out';

export interface StepRecord {
  readonly id: string;
  readonly experiment: string;
  readonly title: string;
  readonly command: string;
  readonly status: StepStatus;
  /** Why it is not done. */
  readonly reason: string | null;
  readonly startedAt: string;
  readonly seconds: number;
  /** Of the minute before: how much else the machine had to do. */
  readonly loadBefore: number;
  readonly shortened: string | null;
  /** What the lab or benchmark left. */
  readonly summary: Summary | null;
}

/** summary.json of a report. */
export interface SuiteSummary {
  readonly report: Extent;
  readonly version: string;
  readonly commit: string | null;
  readonly machine: Machine;
  readonly startedAt: string;
  readonly steps: readonly StepRecord[];
}

const summaryFile = 'summary.json';

/** A new report, or what the folder holds of one; refused where the figures of both would not belong together. */
export function openSummary(folder: string, extent: Extent, version: string): SuiteSummary {
  const fresh: SuiteSummary = {
    report: extent,
    version,
    commit: findCommit(),
    machine: describeMachine(),
    startedAt: new Date().toISOString(),
    steps: [],
  };
  const file = path.join(folder, summaryFile);
  if (!existsSync(file)) return fresh;
  const found = readSummary(file);
  const other =
    found.report !== extent
      ? `a ${found.report} report`
      : found.commit !== fresh.commit || found.version !== version
        ? `figures of ${found.commit ?? found.version}, and this is ${fresh.commit ?? version}`
        : JSON.stringify(found.machine) === JSON.stringify(fresh.machine)
          ? null
          : 'figures of another machine';
  if (other !== null) throw new LogError('usage', `Cannot go on with the report in ${folder}: it holds ${other}`);
  return found;
}

export function readSummary(file: string): SuiteSummary {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<SuiteSummary>;
    if ((value.report === 'quick' || value.report === 'full') && Array.isArray(value.steps)) return value as SuiteSummary;
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot read ${file}: ${(error as Error).message}`, {}, { cause: error });
  }
  throw new LogError('dataUnusable', `Cannot read ${file}: it is not the summary of a report`);
}

/** Old or new, never a part: the file is what a report is gone on with. */
export function keepSummary(folder: string, summary: SuiteSummary): void {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, summaryFile);
  writeFileSync(`${file}.new`, `${JSON.stringify(summary, null, 1)}\n`);
  renameSync(`${file}.new`, file);
}

/** With this step in the place of what was known of it. */
export function withStep(summary: SuiteSummary, step: StepRecord): SuiteSummary {
  return { ...summary, steps: [...summary.steps.filter(({ id }) => id !== step.id), step] };
}
