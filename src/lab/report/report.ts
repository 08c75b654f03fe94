import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Graph, renderGraph } from './graph.ts';
import { renderReport } from './html.ts';
import { describeMachine, findCommit, type Machine } from './machine.ts';

export type Figure = string | number | boolean | null;

/** One thing that had to hold. */
export interface Check {
  readonly name: string;
  readonly expected: string;
  readonly got: string;
  readonly ok: boolean;
}

/** What every lab leaves as summary.json (design, section 6). */
export interface Summary {
  readonly lab: string;
  readonly version: string;
  readonly commit: string | null;
  readonly machine: Machine;
  readonly startedAt: string;
  readonly seconds: number;
  readonly settings: Readonly<Record<string, Figure>>;
  readonly results: readonly Readonly<Record<string, Figure>>[];
  readonly checks: readonly Check[];
  readonly targets?: readonly Check[];
}

export interface LabResult {
  readonly lab: string;
  /** What was typed; `cairn lab <lab>` if left out. */
  readonly command?: string;
  /** A sentence or two for a reader who has not read this code. */
  readonly about: string;
  readonly settings: Readonly<Record<string, Figure>>;
  readonly results: readonly Readonly<Record<string, Figure>>[];
  readonly checks: readonly Check[];
  /** Figures that were asked for and depend on the machine's mood: one that is missed is said, and is no failure. */
  readonly targets?: readonly Check[];
  readonly graphs: readonly Graph[];
}

export interface ReportOptions {
  readonly folder: string;
  readonly version: string;
  readonly startedMs: number;
}

/** Writes summary.json, report.html and the graphs beside the raw data that the lab has left in the folder. */
export function writeReport(result: LabResult, options: ReportOptions): Summary {
  const summary: Summary = {
    lab: result.lab,
    version: options.version,
    commit: findCommit(),
    machine: describeMachine(),
    startedAt: new Date(options.startedMs).toISOString(),
    seconds: Math.round((Date.now() - options.startedMs) / 100) / 10,
    settings: result.settings,
    results: result.results,
    checks: result.checks,
    ...(result.targets === undefined ? {} : { targets: result.targets }),
  };
  mkdirSync(options.folder, { recursive: true });
  const graphs = result.graphs.map(renderGraph);
  for (const [index, graph] of result.graphs.entries()) writeFileSync(path.join(options.folder, `${graph.name}.svg`), graphs[index] ?? '');
  writeFileSync(path.join(options.folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  writeFileSync(path.join(options.folder, 'report.html'), renderReport(summary, result, graphs));
  return summary;
}

/** `./cairn-lab/<lab>-<time>`, where no other run has been. */
export function defaultFolder(lab: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  return path.join('cairn-lab', `${lab}-${time}`);
}

export function check(name: string, ok: boolean, expected: Figure, got: Figure): Check {
  return { name, expected: String(expected), got: String(got), ok };
}
