import { readdirSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { LogError } from '../eventlog/log-error.ts';
import { type LiveConnection, LiveTimeline, summariseRows } from '../timeline/index.ts';
import { addExamples } from './command.ts';
import { escapeControls, escapeText } from '../base/escape.ts';
import { type CliIo, write } from './io.ts';
import { jsonOption } from './options.ts';
import { showFrames } from './screen.ts';
import { table } from './table.ts';

/** Figures are those of the last so many seconds. */
const windowSeconds = 5;
const everyMs = 1_000;
/** A row is written within 100 ms of its second's end. */
const silentSecondsMax = 3;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      `Show what a logger measures while it runs, from its timeline: for each connection events a second, bandwidth and delays of the last ${windowSeconds} seconds, how long ago its last event was (LAG), whether it is connected, and how far its clock is ahead, where delays are negative (SKEW). On a terminal it goes on until Ctrl-C, elsewhere it prints once.`,
    )
    .argument('[file]', 'the timeline (default: the newest cairn-timeline-*.ndjson here)')
    .option('--once', 'print once, on a terminal too')
    .addOption(jsonOption('the figures, once,'))
    .action(async (file: string | undefined, { once, json }: { readonly once?: boolean; readonly json?: boolean }) => {
      const chosen = file ?? newestHere();
      const live = new LiveTimeline(chosen);
      const figures = (): TopFigures => {
        live.update();
        return figuresOf(live, Date.now() / 1000);
      };
      if (json === true) return write(io.stdout, `${JSON.stringify(figures())}\n`);
      const isLive = once !== true && io.stdout.isTTY === true && io.env['TERM'] !== 'dumb';
      if (!isLive) return write(io.stdout, formatTop(figures(), chosen));
      await showFrames(io, everyMs, () => formatTop(figures(), chosen));
    });
  addExamples(command, [
    { command: 'cairn top', does: 'the logger that was started last in this folder' },
    { command: 'cairn top --json', does: 'the same once, for a program' },
  ]);
}

function newestHere(): string {
  const names = readdirSync('.').filter((name) => /^cairn-timeline-.*\.ndjson$/.test(name));
  const newest = names.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  if (newest === undefined) throw new LogError('usage', 'Cannot find a timeline here: no cairn-timeline-*.ndjson, name one');
  return newest;
}

export interface TopFigures {
  readonly scenario: string | null;
  readonly port: number;
  /** Since the first connection; null before the first second is over. */
  readonly seconds: number | null;
  readonly connected: number;
  readonly printed: number;
  readonly stored: number | null;
  readonly unstored: number;
  /** Since the end of the last second that was written: beyond a second or two the logger has ended. */
  readonly silentSeconds: number;
  readonly nodes: readonly NodeFigures[];
}

interface NodeFigures {
  readonly node: string;
  readonly address: string;
  readonly eventsPerSecond: number;
  readonly kbps: number;
  readonly minMs: number | null;
  readonly medianMs: number | null;
  readonly p90Ms: number | null;
  readonly maxMs: number | null;
  readonly lagSeconds: number | null;
  readonly state: 'connected' | 'gone';
  readonly aheadMs: number;
}

/** For the end of the run. */
export function figuresOf({ header, last, connections }: Pick<LiveTimeline, 'header' | 'last' | 'connections'>, nowS: number): TopFigures {
  const { scenario = null, port = 0, start = nowS } = header ?? {};
  const silentSeconds = Math.max(0, Math.floor(nowS - start - (last === null ? 0 : last.second + 1)));
  if (last === null)
    return { scenario, port, seconds: null, connected: 0, printed: 0, stored: null, unstored: 0, silentSeconds, nodes: [] };
  const since = Math.max(0, last.second - windowSeconds + 1);
  const seconds = last.second - since + 1;
  const figures = (connection: LiveConnection): NodeFigures => {
    const { node, address, rows, lastEventSecond, goneSecond } = connection;
    const recent = summariseRows(
      node,
      address,
      rows.filter((row) => row.second >= since),
    );
    const { minMs, medianMs, p90Ms, maxMs } = recent;
    return {
      node,
      address,
      eventsPerSecond: recent.events / seconds,
      kbps: (recent.bytes * 8) / 1000 / seconds,
      minMs,
      medianMs,
      p90Ms,
      maxMs,
      lagSeconds: lastEventSecond === null ? null : last.second - lastEventSecond,
      state: goneSecond === null ? 'connected' : 'gone',
      aheadMs: Math.max(0, ...rows.flatMap((row) => (row.minMs === null ? [] : -row.minMs))),
    };
  };
  // Those that left long ago are of no interest; those that left just now are.
  const shown = connections.filter(({ goneSecond }) => goneSecond === null || goneSecond >= since);
  const { nodes: connected, printed, stored, unstored } = last;
  return { scenario, port, seconds: last.second + 1, connected, printed, stored, unstored, silentSeconds, nodes: shown.map(figures) };
}

/** A line about all, then a table. */
export function formatTop(figures: TopFigures, file: string): string {
  const { scenario, port, seconds, connected, printed, stored, unstored, silentSeconds, nodes } = figures;
  if (seconds === null) return `${escapeControls(file)}: nothing was measured yet\n`;
  const rows = nodes.map((node) => [
    escapeText(node.node, { keepTabs: false }),
    node.address,
    node.eventsPerSecond.toFixed(1),
    node.kbps.toFixed(1),
    ms(node.minMs),
    ms(node.medianMs),
    ms(node.p90Ms),
    ms(node.maxMs),
    node.lagSeconds === null ? '' : `${node.lagSeconds} s`,
    node.state,
    node.aheadMs > 0 ? `ahead ${ms(node.aheadMs)}` : '',
  ]);
  const head = ['node', 'address', 'events/s', 'kbps', 'min', 'median', 'p90', 'max', 'lag', 'state', 'skew'];
  const align = head.map((_, index) => (index >= 2 && index <= 8 ? 'right' : 'left') as 'left' | 'right');
  const storedText = stored === null ? '' : `, ${stored} stored${unstored > 0 ? `, ${unstored} given up` : ''}`;
  const what = escapeText(scenario ?? `logger on port ${port}`);
  const silent = silentSeconds > silentSecondsMax ? `; nothing written for ${silentSeconds} s, the logger has ended` : '';
  const body = nodes.length === 0 ? 'No connections.\n' : table(head, rows, align);
  return `${what}: ${seconds} s, ${connected} connected, ${printed} printed${storedText}; delays in ms${silent}\n\n${body}`;
}

const ms = (value: number | null): string => (value === null ? '' : value.toFixed(Math.abs(value) < 10 ? 2 : 0));
