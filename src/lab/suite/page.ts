/** report.html of the whole: one file without scripts or anything from elsewhere, with every graph in it as SVG and, to be taken out, as PNG. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { escapeXml as escapeHtml } from '../../chart/index.ts';
import { checksTable, formatMachine, link, renderPage, resultsTable, table, verdictOf } from '../report/index.ts';
import { toHtml } from '../report/blocks.ts';
import type { Experiment } from './experiments.ts';
import { Figures } from './figures.ts';
import { publishedTables } from './published.ts';
import type { StepRecord, SuiteSummary } from './state.ts';
import { reports } from './texts/index.ts';

/** Reads the graphs of the steps from the folder of the report. */
export function renderSuite(summary: SuiteSummary, experiments: readonly Experiment[], folder: string): string {
  const figures = new Figures(summary);
  const steps = experiments.flatMap((experiment) => experiment.steps.map((step) => figures.step(step.id)).filter((step) => step !== null));
  const checks = steps.flatMap((step) => step.summary?.checks ?? []);
  const verdict = verdictOf(checks);
  const unfinished = steps.filter(({ status }) => status !== 'done');
  const planned = experiments.flatMap((experiment) => experiment.steps);
  const notRun = planned.filter(({ id }) => figures.step(id) === null);
  const isWhole = unfinished.length === 0 && notRun.length === 0;
  const whole = isWhole ? '' : `; ${unfinished.length + notRun.length} of ${planned.length} steps were not made, or not to their end`;
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  const extent =
    summary.report === 'quick'
      ? 'A quick report: durations and trials are shorter than in the full one, and each figure says by how much.'
      : 'A full report.';
  return renderPage(
    'Cairn: every experiment',
    `<h1>Cairn: every experiment</h1>
<p class="verdict ${verdict.isGood && isWhole ? 'good' : 'bad'}">${escapeHtml(`${verdict.text}${whole}`)}</p>
<p>${extent} Made by <code>cairn lab report --${summary.report}</code>; the folder beside this page holds the raw data and the graphs as files.</p>
${notRun.length === 0 ? '' : `<p class="bad">Not run: ${escapeHtml(notRun.map(({ id }) => id).join(', '))}.</p>`}
${unfinished.length === 0 ? '' : `<p class="bad">Not whole: ${escapeHtml(unfinished.map(({ title, experiment, reason }) => `${experiment}, ${title} (${reason ?? ''})`).join('; '))}.</p>`}
${table(
  ['', ''],
  [
    ['version', `${summary.version}${summary.commit === null ? '' : `, commit ${summary.commit}`}`],
    ['machine', formatMachine(summary.machine)],
    ['begun', summary.startedAt],
    ['measured', `${Math.round(seconds)} s in ${steps.length} steps`],
  ],
)}
${experiments.map((experiment) => section(experiment, figures, folder)).join('\n')}
<h2>Reports</h2>
${reports
  .map(
    ({ contract, title, blocks }) => `<details><summary>${contract}. ${escapeHtml(title)}</summary>
${toHtml(blocks(figures), {
  renderTable: (head, rows) => table(head, rows, true),
  renderGraph: (step, name, caption) =>
    figures.lab(step) === null ? '' : figureOf(path.join(folder, step), name, caption, figures.step(step)?.shortened ?? null),
})}</details>`,
  )
  .join('\n')}`,
  );
}

function section(experiment: Experiment, figures: Figures, folder: string): string {
  const steps = experiment.steps.map(({ id }) => figures.step(id)).filter((step) => step !== null);
  const contract = experiment.contract === null ? '' : ` (contract ${experiment.contract})`;
  const beside = publishedTables(figures)
    .filter((each) => each.experiment === experiment.name && each.rows.length > 0)
    .map(({ title, head, rows }) => `<h3>${escapeHtml(title)}</h3>\n${table(head, rows, true)}`);
  return `<h2>${escapeHtml(experiment.title)}${contract}</h2>
${steps.length === 0 ? '<p class="dim">Not run.</p>' : ''}
${beside.join('\n')}
${steps.map((step) => stepSection(step, path.join(folder, step.id))).join('\n')}`;
}

function stepSection(step: StepRecord, folder: string): string {
  const { title, command, status, reason, seconds, loadBefore, shortened, summary } = step;
  const how = `<code>${escapeHtml(command)}</code>, ${seconds} s, load average before it ${loadBefore}`;
  const raw =
    summary === null ? '' : `<p class="dim">${link(`${step.id}/report.html`, 'Its own report')}, ${link(`${step.id}/`, 'raw data')}</p>`;
  const short = shortened === null ? '' : `<p class="dim">Quick: ${escapeHtml(shortened)}.</p>`;
  if (summary === null)
    return `<h3>${escapeHtml(title)}</h3>\n<p class="bad">${status}: ${escapeHtml(reason ?? '')}</p>\n<p class="dim">${how}</p>`;
  const verdict = verdictOf(summary.checks);
  return `<h3>${escapeHtml(title)}</h3>
<p class="dim">${how}</p>
${short}
${raw}
${resultsTable(summary.results)}
${summary.graphs.map((graph) => figureOf(folder, graph.name, graph.title, shortened)).join('\n')}
<details${verdict.isGood ? '' : ' open'}><summary class="${verdict.isGood ? 'good' : 'bad'}">${escapeHtml(verdict.text)}</summary>
${checksTable(summary.checks, 'ok', 'FAILED')}
${summary.targets === undefined ? '' : checksTable(summary.targets, 'reached', 'MISSED')}</details>`;
}

function figureOf(folder: string, name: string, caption: string, shortened: string | null): string {
  const [svg, png] = [path.join(folder, `${name}.svg`), path.join(folder, `${name}.png`)];
  if (!existsSync(svg)) return '';
  const data = existsSync(png) ? readFileSync(png).toString('base64') : null;
  const link =
    data === null
      ? ''
      : ` <a download="${escapeHtml(`${path.basename(folder)}-${name}.png`)}" href="data:image/png;base64,${data}">PNG</a>`;
  const quick = shortened === null ? '' : ` (${escapeHtml(shortened)})`;
  return `<figure>${readFileSync(svg, 'utf8')}<figcaption class="dim">${escapeHtml(caption)}${quick}${link}</figcaption></figure>`;
}
