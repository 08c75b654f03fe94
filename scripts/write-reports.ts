// docs/reports: the reports of the contracts, with the figures of one report. `node scripts/write-reports.ts FOLDER` takes the summary and the graphs from the
// folder of `cairn lab report`; without FOLDER the pages are written again from the summary that is there. test/reference/reports.test.ts says whether they are.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Figures, readSummary, reports, toMarkdown } from '../src/lab/suite/index.ts';
import { paragraph } from './paragraph.ts';

export const reportsFolder = path.join(import.meta.dirname, '..', 'docs', 'reports');

/** Every page by its file name, from the summary in the folder. */
export function reportPages(): ReadonlyMap<string, string> {
  const figures = new Figures(readSummary(path.join(reportsFolder, 'summary.json')));
  const hasFile = (file: string): boolean => existsSync(path.join(reportsFolder, file));
  return new Map(
    reports.map(({ contract, title, blocks }) => {
      const body = toMarkdown(blocks(figures), {
        paragraph,
        graphFile: (step, name) => [path.posix.join('figures', `${step}-${name}.svg`)].find(hasFile) ?? null,
      });
      const made = paragraph(
        'Written by `node scripts/write-reports.ts` from `summary.json` beside it: no figure here is typed by hand. `cairn lab report --full -o DIR` measures again.',
      ).join('\n');
      return [`${contract}.md`, `# Report ${contract}. ${title}\n\n${made}\n\n${body}`];
    }),
  );
}

/** The summary, and of the graphs those that the pages show. */
function takeReport(folder: string): void {
  const summary = readSummary(path.join(folder, 'summary.json'));
  const graphs = path.join(reportsFolder, 'figures');
  rmSync(graphs, { recursive: true, force: true });
  mkdirSync(graphs, { recursive: true });
  writeFileSync(path.join(reportsFolder, 'summary.json'), `${JSON.stringify(summary, null, 1)}\n`);
  for (const { blocks } of reports) {
    for (const block of blocks(new Figures(summary))) {
      if (block.kind !== 'graph') continue;
      const from = path.join(folder, block.step, `${block.name}.svg`);
      if (existsSync(from)) copyFileSync(from, path.join(graphs, `${block.step}-${block.name}.svg`));
    }
  }
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder !== undefined) takeReport(folder);
  for (const [file, page] of reportPages()) writeFileSync(path.join(reportsFolder, file), page);
  process.stdout.write(`${readdirSync(reportsFolder).join(' ')}\n`);
}
