import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { LogError } from '../eventlog/index.ts';
import { parseTimeline, type TimelineRun } from '../timeline/index.ts';
import { addExamples } from './command.ts';
import { escapeControls } from './escape.ts';
import { type CliIo, write } from './io.ts';
import { reasonOf } from './options.ts';
import { table } from './table.ts';

/** Figures are those of the last so many seconds. */
const windowSeconds = 5;
const everyMs = 1_000;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      `Show what a logger measures while it runs, from its timeline: for each connection events a second, bandwidth and delays of the last ${windowSeconds} seconds, how long ago its last event was (LAG), whether it is connected, and how far its clock is ahead, where delays are negative (SKEW). On a terminal it goes on until Ctrl-C, elsewhere it prints once.`,
    )
    .argument('[file]', 'the timeline (default: the newest cairn-timeline-*.ndjson here)')
    .option('--once', 'print once')
    .action(async (file: string | undefined, { once }: { readonly once?: boolean }) => {
      const chosen = file ?? newestHere();
      const isLive = once !== true && io.stdout.isTTY === true;
      if (!isLive) return write(io.stdout, formatTop(read(chosen), chosen));
      const interrupt = io.interrupt();
      while (!interrupt.aborted) {
        // Home, then clear what is below: no flicker.
        await write(io.stdout, `\u001b[H\u001b[J${formatTop(read(chosen), chosen)}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, everyMs);
          interrupt.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
        });
      }
    });
  addExamples(command, [{ command: 'cairn top', does: 'the logger that was started last in this folder' }]);
}

function newestHere(): string {
  const names = readdirSync('.').filter((name) => /^cairn-timeline-.*\.ndjson$/.test(name));
  const newest = names.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  if (newest === undefined) throw new LogError('usage', 'Cannot find a timeline here: no cairn-timeline-*.ndjson, name one');
  return newest;
}

function read(file: string): TimelineRun {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new LogError('usage', `Cannot read the timeline ${file}: ${reasonOf(error)}`, {}, { cause: error });
  }
  const run = parseTimeline(text, file).at(-1);
  if (run === undefined) throw new LogError('usage', `Cannot use ${file} as a timeline: no logger has written to it`);
  return run;
}

/** The table for the end of the run. */
export function formatTop(run: TimelineRun, file: string): string {
  const last = run.totals.at(-1);
  if (last === undefined) return `${file}: nothing was measured yet\n`;
  const since = Math.max(0, last.second - windowSeconds + 1);
  const seconds = last.second - since + 1;
  const gone = new Set<string>();
  const keyOf = (name: string, address: string): string => `${name} ${address}`;
  for (const row of run.totals) for (const [name, address] of row.left) gone.add(keyOf(name, address));
  const known = run.totals.flatMap((row) =>
    row.joined.map(([name, address]) => ({ name, address, isGone: gone.has(keyOf(name, address)) })),
  );
  // Those that left long ago are of no interest; those that left just now are.
  const shown = known.filter(({ name, address, isGone }) => {
    return !isGone || run.nodes.some((row) => row.second >= since && row.node === name && row.address === address);
  });
  const rows = shown.map(({ name, address, isGone }) => {
    const own = run.nodes.filter((row) => row.node === name && row.address === address);
    const recent = own.filter((row) => row.second >= since);
    const withEvents = own.findLast((row) => row.events > 0);
    const middle = (pick: (row: (typeof own)[number]) => number | null): string => {
      const values = recent.flatMap((row) => pick(row) ?? []).toSorted((a, b) => a - b);
      return ms(values[Math.max(0, Math.ceil(values.length / 2) - 1)] ?? null);
    };
    const mins = recent.flatMap((row) => row.minMs ?? []);
    const maxs = recent.flatMap((row) => row.maxMs ?? []);
    const ahead = Math.min(0, ...own.slice(-60).flatMap((row) => row.minMs ?? []));
    return [
      escapeControls(name),
      address,
      (recent.reduce((sum, row) => sum + row.events, 0) / seconds).toFixed(1),
      ((recent.reduce((sum, row) => sum + row.bytes, 0) * 8) / 1000 / seconds).toFixed(1),
      ms(mins.length === 0 ? null : Math.min(...mins)),
      middle((row) => row.medianMs),
      middle((row) => row.p90Ms),
      ms(maxs.length === 0 ? null : Math.max(...maxs)),
      withEvents === undefined ? '' : `${last.second - withEvents.second} s`,
      isGone ? 'gone' : 'connected',
      ahead < 0 ? `ahead ${ms(-ahead)}` : '',
    ];
  });
  const head = ['node', 'address', 'events/s', 'kbps', 'min', 'median', 'p90', 'max', 'lag', 'state', 'skew'];
  const align = head.map((_, index) => (index >= 2 && index <= 8 ? 'right' : 'left') as 'left' | 'right');
  const stored = last.stored === null ? '' : `, ${last.stored} stored${last.unstored > 0 ? `, ${last.unstored} given up` : ''}`;
  const what = escapeControls(run.header.scenario ?? `logger on port ${run.header.port}`);
  return `${what}: ${last.second + 1} s, ${last.nodes} connected, ${last.printed} printed${stored}; delays in ms\n\n${table(head, rows, align)}`;
}

const ms = (value: number | null): string => (value === null ? '' : value.toFixed(Math.abs(value) < 10 ? 2 : 0));
