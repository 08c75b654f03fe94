import { readFileSync } from 'node:fs';
import { LogError } from '../eventlog/index.ts';
import { type NodeRow, type TimelineHeader, type TimelineRun, timelineVersion, type TotalRow } from './format.ts';

/** The runs in the text of a timeline file. A line that a killed logger did not finish is passed over; anything else that is no timeline is refused. */
export function parseTimeline(text: string, name: string): readonly TimelineRun[] {
  const runs: { header: TimelineHeader; totals: TotalRow[]; nodes: NodeRow[] }[] = [];
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const value = parseLine(line);
    if (value === null) {
      // Torn by a kill: the last line, or the one before a later run's header.
      const next = lines[index + 1];
      if (index === lines.length - 1 || next === undefined || next === '' || isHeader(parseLine(next))) continue;
      throw refuseTimeline(name, `line ${index + 1} is no JSON`);
    }
    if (isHeader(value)) {
      runs.push({ header: checkedHeader(value, name), totals: [], nodes: [] });
      continue;
    }
    const run = runs.at(-1);
    if (run === undefined || typeof value['second'] !== 'number') throw refuseTimeline(name, `line ${index + 1} is no row of a timeline`);
    if (value['node'] === null) run.totals.push(value as unknown as TotalRow);
    else run.nodes.push(value as unknown as NodeRow);
  }
  return runs;
}

export function readTimeline(path: string): readonly TimelineRun[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw toReadError(path, error);
  }
  const runs = parseTimeline(text, path);
  if (runs.length === 0) throw refuseTimeline(path, 'no logger has written to it');
  return runs;
}

type Value = Readonly<Record<string, unknown>>;

export function parseLine(line: string): Value | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Value) : null;
  } catch {
    return null;
  }
}

export const isHeader = (value: Value | null): boolean => value !== null && value['cairn'] === 'timeline';

export function checkedHeader(value: Value | null, name: string): TimelineHeader {
  const header = value as unknown as TimelineHeader;
  if (header.version > timelineVersion) throw refuseTimeline(name, `it is of version ${header.version}, newer than this program`);
  return header;
}

export const refuseTimeline = (name: string, reason: string): LogError =>
  new LogError('invalidRequest', `Cannot use ${name} as a timeline: ${reason}`);

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'not permitted',
};

export function toReadError(path: string, error: unknown): unknown {
  if (error instanceof LogError) return error;
  const reason = reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message;
  return new LogError('usage', `Cannot read the timeline ${path}: ${reason}`, {}, { cause: error });
}
