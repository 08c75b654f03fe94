import { escapeXml as escapeHtml } from '../../chart/index.ts';
import { toHtml } from './blocks.ts';
import type { Machine } from './machine.ts';
import { type Check, type Figure, type LabResult, partsOf, type Summary } from './result.ts';

/** One file without scripts or anything from elsewhere, to be kept or sent. */
export function renderReport(
  summary: Summary,
  { about, command = `cairn lab ${summary.lab}`, discussion }: LabResult,
  graphs: readonly string[],
  { files, repeat = command }: { readonly files: readonly RawFile[]; readonly repeat?: string | undefined },
): string {
  const verdict = verdictOf(summary.checks);
  return renderPage(
    `${command}: ${verdict.text}`,
    `<h1>${escapeHtml(command)}</h1>
<p class="verdict ${verdict.isGood ? 'good' : 'bad'}">${escapeHtml(verdict.text)}</p>
<p>${escapeHtml(about)}</p>
<h2>Checks</h2>
${checksTable(summary.checks, 'ok', 'FAILED')}
${summary.targets === undefined ? '' : `<h2>Targets</h2>\n${checksTable(summary.targets, 'reached', 'MISSED')}`}
${discussion === undefined ? '' : `<h2>Discussion</h2>\n${toHtml(discussion(summary), { renderTable: (head, rows) => table(head, rows, true), renderGraph: () => '' })}`}
<h2>Results</h2>
${resultsTable(summary.results)}
${graphs.map((graph, index) => figure(graph, summary.graphs[index]?.name ?? '')).join('\n')}
<h2>Settings</h2>
${table(
  ['setting', 'value'],
  Object.entries(summary.settings).map(([name, value]) => [name, shown(value)]),
)}
<h2>Where and when</h2>
${table(
  ['', ''],
  [
    ['version', `${summary.version}${summary.commit === null ? '' : `, commit ${summary.commit}`}`],
    ['machine', formatMachine(summary.machine)],
    ['started', summary.startedAt],
    ['took', `${summary.seconds} s`],
  ],
)}
<p>To repeat it: <code>${escapeHtml(repeat)}</code></p>
<h2>Raw data</h2>
<p>Beside this page; <code>summary.json</code> holds the same figures for programs.</p>
${fileList(files)}`,
  );
}

const figure = (graph: string, name: string): string =>
  `<figure>${graph}<figcaption class="dim">${['svg', 'png'].map((kind) => link(`${name}.${kind}`, kind.toUpperCase())).join(' ')}</figcaption></figure>`;

/** What is in the folder of a report. */
export interface RawFile {
  readonly name: string;
  /** Of a folder null. */
  readonly bytes: number | null;
}

/** A lab may leave a file for each of a thousand processes. */
const filesMax = 200;

function fileList(files: readonly RawFile[]): string {
  const items = files
    .slice(0, filesMax)
    .map(({ name, bytes }) => `<li>${bytes === null ? link(`${name}/`) : `${link(name)} <span class="dim">${sizeOf(bytes)}</span>`}</li>`);
  const more = files.length > filesMax ? `<li>and ${files.length - filesMax} more</li>` : '';
  return `<ul class="files">${items.join('')}${more}</ul>`;
}

const sizeOf = (bytes: number): string =>
  bytes < 10_000 ? `${bytes} B` : bytes < 1e7 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1e6)} MB`;

/** A path from the page, whatever characters its names have. */
export const link = (file: string, text = file): string =>
  `<a href="${escapeHtml(file.split('/').map(encodeURIComponent).join('/'))}">${escapeHtml(text)}</a>`;

/** A whole page of a title and what is in its body. */
export const renderPage = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;

export function verdictOf(checks: readonly Check[]): { readonly isGood: boolean; readonly text: string } {
  const failed = checks.filter((each) => !each.ok).length;
  return {
    isGood: failed === 0,
    text: failed === 0 ? `All ${checks.length} checks hold` : `${failed} of ${checks.length} checks do not hold`,
  };
}

export const formatMachine = ({ cores, cpu, memoryGiB, system, node }: Machine): string =>
  `${cores} cores (${cpu}), ${memoryGiB} GiB, ${system}, Node ${node}`;

export function checksTable(checks: readonly Check[], good: string, bad: string): string {
  return table(
    ['', 'what', 'expected', 'got'],
    checks.map((each) => [each.ok ? good : bad, each.name, each.expected, each.got]),
  );
}

/** A table for each part, where the results have parts. */
export function resultsTable(results: Summary['results']): string {
  return partsOf(results)
    .map(([part, rows]) => `${part === '' ? '' : `<h3>${escapeHtml(part)}</h3>\n`}${onePart(rows)}`)
    .join('\n');
}

function onePart(results: Summary['results']): string {
  const columns = [...new Set(results.flatMap((result) => Object.keys(result)))];
  return table(
    columns,
    results.map((result) => columns.map((column) => shown(result[column] ?? null))),
    true,
  );
}

export function table(head: readonly string[], rows: readonly (readonly string[])[], isNumeric = false): string {
  const cell = (tag: string, text: string): string =>
    `<${tag}${isNumeric && /^[\d.,%-]+$/.test(text) ? ' class="number"' : ''}>${escapeHtml(text)}</${tag}>`;
  const headRow = head.every((each) => each === '') ? '' : `<thead><tr>${head.map((each) => cell('th', each)).join('')}</tr></thead>`;
  const bodyRows = rows
    .map(
      (row) =>
        `<tr${row[0] === 'FAILED' || row[0] === 'MISSED' ? ' class="failed"' : ''}>${row.map((each) => cell('td', each)).join('')}</tr>`,
    )
    .join('\n');
  return `<div class="wide"><table>${headRow}<tbody>\n${bodyRows}\n</tbody></table></div>`;
}

function shown(value: Figure): string {
  if (value === null) return '';
  if (typeof value === 'number' && !Number.isInteger(value)) return value.toFixed(Math.abs(value) >= 100 ? 0 : 2);
  return String(value);
}

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1c2321, #e7ebe9); --muted: light-dark(#66706c, #98a39f); --line: light-dark(#e2e0d9, #2a322f); }
body { max-width: 1100px; margin: 32px auto; padding: 0 20px; background: light-dark(#f5f4f0, #111514); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0; }
h2 { font-size: 15px; margin: 28px 0 8px; }
h3 { font-size: 14px; margin: 20px 0 6px; color: var(--muted); }
summary { cursor: pointer; margin: 8px 0; }
li { margin: 4px 0; }
.verdict { font-weight: 600; margin: 4px 0 12px; }
.good { color: light-dark(#15803d, #5fcf8a); }
.bad, .failed td { color: light-dark(#b42318, #ff8f83); }
.dim { color: var(--muted); font-size: 13px; }
.wide { overflow-x: auto; }
figure { margin: 20px 0; }
figure svg { max-width: 100%; height: auto; border-radius: 6px; }
a { color: light-dark(#0f5f8c, #6db6e8); }
code { overflow-wrap: anywhere; }
.files { columns: 18em; padding-left: 20px; font-size: 14px; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 4px 18px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--muted); font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
`;
