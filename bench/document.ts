/** docs/performance.md: its tables are written by the commands that measure, each between two marks, and never by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Figure, findCommit, type Machine } from '../src/lab/report/index.ts';
import { packageFolder } from '../src/system/package.ts';
import { paragraph } from '../scripts/paragraph.ts';
import { digits } from './figures.ts';
import type { BenchRun, ScenarioRun } from './run.ts';
import type { Scenario } from './scenario.ts';

const document = path.join(packageFolder, 'docs', 'performance.md');

/** The tables of a run: all scenarios that run by default go to one place, the others to their sections. */
export function writeRun(run: BenchRun, all: readonly Scenario[]): void {
  const sections = new Map<string, ScenarioRun[]>();
  for (const scenario of run.scenarios) {
    const { section = null, onlyWhenNamed = false } = all.find(({ name }) => name === scenario.name) ?? {};
    const place = section ?? (onlyWhenNamed ? null : 'figures');
    if (place !== null) sections.set(place, [...(sections.get(place) ?? []), scenario]);
  }
  for (const [section, scenarios] of sections) writeSection(section, formatScenarios(run, scenarios));
}

export function writeSection(name: string, text: string): void {
  writeFileSync(document, replaceSection(readFileSync(document, 'utf8'), name, text));
}

export function replaceSection(whole: string, name: string, text: string): string {
  const [beginMark, endMark] = [`<!-- begin: ${name} -->`, `<!-- end: ${name} -->`];
  const from = whole.indexOf(beginMark);
  const to = whole.indexOf(endMark);
  if (from < 0 || to < from) throw new Error(`Cannot write the table "${name}": docs/performance.md does not have its two marks`);
  return `${whole.slice(0, from + beginMark.length)}\n\n${inLines(text.trim())}\n\n${whole.slice(to)}`;
}

/** Prose in lines; tables as they are. */
function inLines(text: string): string {
  const blocks = text.split('\n\n');
  return blocks.map((block) => (block.startsWith('|') ? block : paragraph(block).join('\n'))).join('\n\n');
}

/** On what, of what and when. */
export function describeRun(machine: Machine, startedMs: number): string {
  const { cores, cpu, memoryGiB, system, node } = machine;
  const commit = findCommit();
  return `${new Date(startedMs).toISOString().slice(0, 10)}${commit === null ? '' : `, commit ${commit}`}, ${cores} cores (${cpu}), ${memoryGiB} GiB, ${system}, Node ${node}`;
}

function formatScenarios(run: BenchRun, scenarios: readonly ScenarioRun[]): string {
  const { measureMs, rounds } = run.settings;
  const targets = scenarios.flatMap(({ name, targets: own }) => own.map((target) => ({ scenario: name, ...target })));
  const reached = targets.filter(({ met }) => met).length;
  return [
    `Measured ${describeRun(run.machine, run.startedMs)}; ${measureMs / 1000} s in each of ${rounds} rounds; load average before it ${run.loadBefore}. ${reached} of ${targets.length} targets are reached.`,
    markdown(
      ['', 'what was asked for', 'asked', 'measured', 'scenario'],
      targets.map(({ met, name, expected, got, scenario }) => [met ? 'reached' : '**missed**', name, expected, got, `\`${scenario}\``]),
    ),
    ...tablesOf(scenarios),
    ...scenarios.flatMap(({ name, failure }) => (failure === null ? [] : [`\`${name}\` did not come to its end: ${failure}`])),
    ...scenarios.flatMap(({ notes }) => notes),
  ].join('\n\n');
}

/** Scenarios with the same columns share a table. */
function tablesOf(scenarios: readonly ScenarioRun[]): readonly string[] {
  const tables = new Map<string, Readonly<Record<string, Figure>>[]>();
  for (const row of scenarios.flatMap(({ rows }) => rows)) {
    const key = Object.keys(row).join();
    tables.set(key, [...(tables.get(key) ?? []), row]);
  }
  return [...tables.values()].map((rows) => {
    const columns = Object.keys(rows[0] ?? {});
    return markdown(
      columns,
      rows.map((row) => columns.map((name) => shown(row[name] ?? null))),
    );
  });
}

const shown = (value: Figure): string => (value === null ? '' : typeof value === 'number' ? digits(value) : String(value));

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumeric = (index: number): boolean => rows.some((row) => /^-?[\d.,]+$/.test(row[index] ?? ''));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (isNumeric(index) ? '--:' : '---'))), ...rows.map(line)].join('\n');
}
