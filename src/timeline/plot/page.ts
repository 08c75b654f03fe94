import path from 'node:path';
import type { TimelineRun } from '../format.ts';
import { escapeXml as escapeHtml } from '../../chart/index.ts';
import { scenarioOf } from './charts.ts';
import { type RunSummary, summariseRun } from '../summary.ts';

interface PageSource {
  /** Beside the page, or where a path from it leads: the timeline first. */
  readonly files: readonly string[];
  /** What draws the same again. */
  readonly command: string;
}

/** One file without scripts or anything from elsewhere. */
export function renderPage(run: TimelineRun, svgs: readonly string[], { files, command }: PageSource): string {
  const { total, nodes } = summariseRun(run);
  const seconds = run.totals.reduce((sum, { part = 1 }) => sum + part, 0);
  const started = new Date(run.header.start * 1000).toISOString();
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(scenarioOf(run))}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(scenarioOf(run))}</h1>
<p>${total.events} events in ${Number.isInteger(seconds) ? seconds : seconds.toFixed(2)} s from ${nodes.length} connections, ${rate(total.bytes, seconds)} on average; begun ${started}, port ${run.header.port}.</p>
${svgs.map((svg) => `<figure>${svg}</figure>`).join('\n')}
<h2>By connection</h2>
<div class="wide"><table>
<thead><tr><th>node</th><th>address</th><th>events</th><th>untimed</th><th>bandwidth</th><th>minimum</th><th>median</th><th>90th percentile</th><th>maximum</th><th>negative</th></tr></thead>
<tbody>
${[total, ...nodes].map((each) => rowOf(each, seconds)).join('\n')}
</tbody></table></div>
<p class="dim">How it was measured: the delay of an event is the logger's time just before printing less the time that the event bears, in milliseconds; where the clocks of two machines differ, so does the delay, and negative ones are shown as they are
and counted. In the graphs a second without events is 0, and marked; one that the end of the run has cut short is not drawn. Minimum and maximum in the table are those of the run; its median and 90th percentile are the middle ones of the seconds' own. The bandwidth counts all bytes received, those of names too, in each
second from the first connection on. Events without a time of their own (untimed) have no delay.</p>
<p>Files: ${files.map((file) => `<a href="${escapeHtml(hrefOf(file))}">${escapeHtml(file)}</a>`).join(', ')}; the first holds a row for each second. To draw them again: <code>${escapeHtml(command)}</code></p>
</body>
</html>
`;
}

function rowOf(summary: RunSummary, seconds: number): string {
  const cells = [
    summary.name,
    summary.address,
    String(summary.events),
    String(summary.untimed),
    rate(summary.bytes, seconds),
    ms(summary.minMs),
    ms(summary.medianMs),
    ms(summary.p90Ms),
    ms(summary.maxMs),
    String(summary.negative),
  ];
  return `<tr>${cells.map((cell, index) => `<td${index > 1 ? ' class="number"' : ''}>${escapeHtml(cell)}</td>`).join('')}</tr>`;
}

/** A path with whatever characters a file may have. */
const hrefOf = (file: string): string => file.split(path.sep).map(encodeURIComponent).join('/');

const ms = (value: number | null): string => (value === null ? '' : `${value.toFixed(Math.abs(value) < 10 ? 3 : 1)} ms`);
const rate = (bytes: number, seconds: number): string => `${((bytes * 8) / 1000 / Math.max(1, seconds)).toFixed(1)} kbps`;

const style = `
:root { color-scheme: light dark; --ink: light-dark(#1c2321, #e7ebe9); --muted: light-dark(#66706c, #98a39f); --line: light-dark(#e2e0d9, #2a322f); }
body { max-width: 1240px; margin: 32px auto; padding: 0 20px; background: light-dark(#f5f4f0, #111514); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0; }
h2 { font-size: 15px; margin: 28px 0 8px; }
figure { margin: 20px 0; overflow-x: auto; }
figure svg { max-width: 100%; height: auto; border-radius: 6px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 4px 18px 4px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.dim { color: var(--muted); font-size: 13px; max-width: 900px; }
a { color: light-dark(#0f5f8c, #6db6e8); }
code { overflow-wrap: anywhere; }
`;
