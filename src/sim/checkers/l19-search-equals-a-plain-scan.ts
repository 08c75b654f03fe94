// L19 search equals a plain scan
import type { History, ScanLine, ScanOperation } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

interface Shown {
  readonly offset: number;
  readonly value: number;
}

/**
 * A search gives exactly what grep would of the same committed range, or says which offsets it did not search. Its range ends at the high watermark, nothing is
 * left out in silence, and context never reaches across what was left out.
 */
export function checkSearchEqualsPlainScan(history: History): Findings {
  const findings = new Findings('L19');
  const logs = TopicLog.longest(history.finals);
  for (const scan of history.scans) {
    if (history.deletedTopics.has(scan.topic)) continue;
    findings.checked++;
    const log = logs.get(scan.topic);
    if (log === undefined) findings.giveUp(`"${scan.topic}" could not be read after the run`);
    else checkScan(scan, log, history, findings);
  }
  return findings;
}

function checkScan(scan: ScanOperation, log: TopicLog, history: History, findings: Findings): void {
  const { result, request, committedEnd, broker, topic } = scan;
  const { offsetFrom, offsetTo, gaps, highWatermark } = result;
  const name = `a search of "${topic}" at broker ${broker} for "${scan.pattern}" from ${offsetFrom} to ${offsetTo}`;
  if (committedEnd !== null && offsetTo > committedEnd)
    findings.violate(`${name} goes beyond ${committedEnd}, the end of what is committed`);
  const isBounded = request.offsetTo !== null || request.untilMs !== null || request.query.output.maxCount !== null;
  if (!isBounded && offsetTo !== highWatermark)
    findings.violate(`${name} ends before its high watermark ${highWatermark} and does not say why`);
  if (request.offsetFrom !== null && request.sinceMs === null && offsetFrom !== request.offsetFrom)
    findings.violate(`${name} was to begin at ${request.offsetFrom}`);

  // Removed by retention since, a range cannot be compared any more.
  if (offsetFrom < log.offsetFrom) return checkRemoved(scan, log, history, name, findings);
  const runs = runsOf(log, offsetFrom, offsetTo, gaps);
  const expected = plainScan(runs, scan);
  if (isEqual(expected, scan.lines)) return;
  // What was revoked since was shown rightly, or hidden already.
  const wasRevoked = (value: number): boolean => history.appendOf(value)?.revokeTried === true;
  if (scan.lines.some(({ value }) => wasRevoked(value))) return checkRemoved(scan, log, history, name, findings);
  // It was no neighbour then, where it is none now.
  if (mayHide(history, scan) && isEqual(expected.filter(isRecord), scan.lines.filter(isRecord))) return;
  const from = firstDifference(expected, scan.lines);
  findings.violate(`${name} gives ${describe(scan.lines, from)}, a plain scan ${describe(expected, from)}`);
}

const isRecord = ({ kind }: ScanLine): boolean => kind !== 'separator';

/** Somebody has tried to revoke something in this topic, so records may have been there and be hidden now. */
const mayHide = (history: History, { topic, completed }: ScanOperation): boolean =>
  history.appends.some((append) => append.topic === topic && append.revokeTried && append.invoked < completed);

/** Where not every line can be told beforehand: nothing that is still there is missing, and nothing is given that was never committed. */
function checkRemoved(scan: ScanOperation, log: TopicLog, history: History, name: string, findings: Findings): void {
  const { offsetFrom, offsetTo, gaps } = scan.result;
  const selected = new Map(scan.lines.filter(({ kind }) => kind === 'selected').map(({ offset, value }) => [offset, value]));
  const { maxCount } = scan.request.query.output;
  const isFull = maxCount !== null && selected.size >= maxCount;
  let previous = -1;
  for (const line of scan.lines) {
    if (line.kind === 'separator') continue;
    const { offset, value } = line;
    if (offset <= previous) findings.violate(`${name} gives offset ${offset} after ${previous}`);
    previous = offset;
    if (line.kind === 'selected' && isSelected(value, scan) === false) findings.violate(`${name} selects value ${value} at ${offset}`);
    if (offset < log.offsetFrom || log.valueAt(offset) === value) continue;
    if (history.appendOf(value)?.revokeTried !== true)
      findings.violate(`${name} gives offset ${offset} (value ${value}), which is not in the final log`);
  }
  const last = isFull ? previous : offsetTo;
  for (const run of runsOf(log, Math.max(offsetFrom, log.offsetFrom), Math.min(offsetTo, last), gaps)) {
    for (const { offset, value } of run) {
      if (isSelected(value, scan) && !selected.has(offset) && !isFull)
        findings.violate(`${name} leaves out offset ${offset} (value ${value})`);
    }
  }
}

const isSelected = (value: number, { pattern, invert }: ScanOperation): boolean => value >= 0 && String(value).includes(pattern) !== invert;

/** The visible records of the range, cut where something is left out. */
function runsOf(log: TopicLog, offsetFrom: number, offsetTo: number, gaps: ScanOperation['result']['gaps']): Shown[][] {
  const runs: Shown[][] = [[]];
  let wasInGap = false;
  let gapsPassed = 0;
  for (let index = log.indexFrom(offsetFrom); index < log.length && log.offsetAtIndex(index) < offsetTo; index++) {
    const offset = log.offsetAtIndex(index);
    const isInGap = gaps.some((gap) => gap.reason !== 'context' && gap.offsetFrom <= offset && offset < gap.offsetTo);
    const passed = gaps.filter((gap) => gap.reason !== 'context' && gap.offsetTo <= offset).length;
    if ((wasInGap && !isInGap) || (passed > gapsPassed && !isInGap)) runs.push([]);
    wasInGap = isInGap;
    gapsPassed = passed;
    const value = log.valueAtIndex(index);
    if (!isInGap && value !== undefined) runs.at(-1)?.push({ offset, value });
  }
  return runs;
}

/** grep over records in memory, written as plainly as can be. */
function plainScan(runs: readonly (readonly Shown[])[], scan: ScanOperation): ScanLine[] {
  const { before, after, maxCount } = scan.request.query.output;
  const lines: ScanLine[] = [];
  let left = maxCount ?? Number.POSITIVE_INFINITY;
  for (const run of runs) {
    let written = -1;
    run.forEach((record, index) => {
      if (left === 0 || !isSelected(record.value, scan)) return;
      left--;
      const from = Math.max(written + 1, index - (before ?? 0));
      if (lines.length > 0 && (before !== null || after !== null) && (from > written + 1 || written < 0))
        lines.push({ kind: 'separator', offset: -1, value: -1 });
      for (let i = from; i < index; i++) lines.push({ kind: 'context', ...(run[i] as Shown) });
      lines.push({ kind: 'selected', ...record });
      written = index;
      let next = index + 1;
      for (; next < Math.min(run.length, index + 1 + (after ?? 0)); next++) {
        const shown = run[next] as Shown;
        if (left > 0 && isSelected(shown.value, scan)) break;
        lines.push({ kind: 'context', ...shown });
        written = next;
      }
    });
    if (left === 0) break;
  }
  return lines;
}

const isEqual = (expected: readonly ScanLine[], found: readonly ScanLine[]): boolean =>
  expected.length === found.length && firstDifference(expected, found) === found.length;

/** The shorter one's length where it begins the other. */
function firstDifference(expected: readonly ScanLine[], found: readonly ScanLine[]): number {
  let index = 0;
  for (; index < expected.length && index < found.length; index++) {
    const { kind, offset, value } = expected[index] as ScanLine;
    const other = found[index] as ScanLine;
    if (other.kind !== kind || other.offset !== offset || other.value !== value) break;
  }
  return index;
}

/** With values, because one offset may hold another one than it should. */
function describe(lines: readonly ScanLine[], from: number): string {
  const shown = lines
    .slice(from, from + 12)
    .map(({ kind, offset, value }) => (kind === 'separator' ? '--' : `${offset}${kind === 'selected' ? ':' : '-'}${value}`));
  return `${lines.length} lines (from line ${from + 1} on: ${shown.join(' ')}${lines.length > from + 12 ? ' ...' : ''})`;
}
