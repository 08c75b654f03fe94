import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderPicture } from '../../chart/index.ts';
import { renderPng } from '../../timeline/plot/index.ts';
import { renderReport } from './html.ts';
import { describeMachine, findCommit } from './machine.ts';
import type { LabResult, Summary } from './result.ts';

export interface ReportOptions {
  readonly folder: string;
  readonly version: string;
  readonly startedMs: number;
  /** Written below every graph. */
  readonly note?: string;
  /** What was typed, and makes it again. */
  readonly repeat?: string;
}

/** Writes summary.json, report.html and the graphs, as SVG and PNG, beside the raw data that the lab has left in the folder. */
export async function writeReport(result: LabResult, options: ReportOptions): Promise<Summary> {
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
    graphs: result.graphs.map(({ name, title }) => ({ name, title })),
  };
  mkdirSync(options.folder, { recursive: true });
  const { note } = options;
  const graphs = result.graphs.map((graph) =>
    renderPicture(note === undefined ? graph : { ...graph, note: graph.note === undefined ? note : `${graph.note} ${note}` }),
  );
  for (const [index, { name }] of result.graphs.entries()) {
    const svg = graphs[index] ?? '';
    writeFileSync(path.join(options.folder, `${name}.svg`), svg);
    writeFileSync(path.join(options.folder, `${name}.png`), await renderPng(svg));
  }
  writeFileSync(path.join(options.folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  const page = 'report.html';
  const files = readdirSync(options.folder)
    .filter((name) => name !== page)
    .toSorted()
    .map((name) => {
      const found = statSync(path.join(options.folder, name));
      return { name, bytes: found.isDirectory() ? null : found.size };
    });
  writeFileSync(path.join(options.folder, page), renderReport(summary, result, graphs, { files, repeat: options.repeat }));
  return summary;
}

/** `./cairn-lab/<lab>-<time>`, where no other run has been. */
export function defaultFolder(lab: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  return path.join('cairn-lab', `${lab}-${time}`);
}
