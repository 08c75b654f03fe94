/** What is said beside an answer, on stderr: how many lines each machine had, who did not answer, and with `--stats` what each did. */
import { escapeControls } from '../../base/escape.ts';
import type { GrepCommand } from '../../query/index.ts';
import type { ScanStats } from '../../eventlog/types.ts';
import { describeOffsets } from '../../eventlog/offsets.ts';
import { type MachineReport, type PartReport, type Report, wasSearched } from '../../search/ask/index.ts';

export function summaryOf(report: Report, command: GrepCommand): string {
  const { own, noMessages, output } = command;
  const lines: string[] = [];
  const asked = report.machines.filter(({ isWithout }) => !isWithout);
  if (own.has('stats')) for (const machine of asked) for (const part of machine.parts) lines.push(statsOf(machine, part));
  const isCounted = output.mode === 'lines' || output.mode === 'count';
  if (isCounted && !own.has('no-summary')) {
    const what = output.onlyMatching && output.mode === 'lines' ? 'match' : 'line';
    for (const { name, parts, problem } of asked) {
      if (parts.length === 0 && problem !== null) continue;
      const isTopic = parts.some(({ topic }) => topic !== undefined);
      const where = isTopic
        ? parts.map((part) => rangeOf(part, own.has('since') || own.has('until'))).join(', ')
        : counted(parts.filter(wasSearched).length, 'file');
      lines.push(`${name}: ${counted(sumOf(parts), what)} in ${where}`);
    }
    const answered = new Set(asked.flatMap(({ name, parts }) => (parts.length > 0 ? [name] : [])));
    lines.push(`total: ${counted(report.selected, what)} on ${counted(answered.size, 'machine')}`);
  }
  for (const { name, parts, problem, failure } of asked) {
    if (problem === null || failure === null || (noMessages && parts.some((part) => part.problem !== null))) continue;
    lines.push(`${troubles[failure](name)}: ${problem}`);
  }
  return lines.map((line) => `${escapeControls(line)}\n`).join('');
}

const troubles: Readonly<Record<NonNullable<MachineReport['failure']>, (name: string) => string>> = {
  silent: (name) => `No answer from ${name}`,
  refused: (name) => `${name} refuses`,
  partial: (name) => `Not all of the answer from ${name}`,
};

/** How far the answer goes. */
function rangeOf({ name, label, topic, problem }: PartReport, isTimed: boolean): string {
  if (topic === undefined) return name;
  const { partition, offsetFrom, offsetTo } = topic;
  const which = label.endsWith(`${name}/${partition}`) ? ` partition ${partition}` : '';
  const offsets = isTimed && offsetTo <= offsetFrom ? 'no record of that time' : describeOffsets(offsetFrom, offsetTo);
  return `topic ${name}${which}, ${offsets}${problem === null ? '' : ' in part'}`;
}

function sumOf(parts: readonly PartReport[]): number | null {
  let sum = 0;
  for (const { selected } of parts) {
    if (selected === null) return null;
    sum += selected;
  }
  return sum;
}

function counted(count: number | null, what: string): string {
  const plural = what.endsWith('ch') ? `${what}es` : `${what}s`;
  return count === null ? `${plural} not counted` : `${count} ${count === 1 ? what : plural}`;
}

function statsOf({ name, elapsedMs, bytesReturned }: MachineReport, part: PartReport): string {
  if (part.topic !== undefined)
    return `${name}: ${part.name}: ${part.topic.stats === null ? 'not known' : scanned(part.topic.stats)} in ${Math.round(part.elapsedMs)} ms; machine ${elapsedMs} ms`;
  const reason = part.engineReason === null ? '' : ` (ripgrep only where ${part.engineReason})`;
  const machine = `machine ${elapsedMs} ms, ${bytesReturned} bytes returned`;
  return `${name}: ${part.name}: ${part.bytesSearched} bytes by ${part.engine}${reason} in ${part.elapsedMs} ms; ${machine}`;
}

function scanned({ engine, asked, bytesRead, bytesSkipped, blocksSkipped, blocksRead, indexBytes }: ScanStats): string {
  const grep = asked === 0 ? '' : `, GNU grep asked about ${counted(asked, 'record')}`;
  const index =
    indexBytes === 0
      ? 'no index'
      : `${bytesSkipped} bytes in ${blocksSkipped} blocks left out by an index of ${indexBytes} bytes, ${blocksRead} blocks read`;
  return `${bytesRead} bytes read by ${engine}${grep}, ${index}`;
}
