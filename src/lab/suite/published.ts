/** What the source documents of the contracts say, beside what was measured: on other machines, and now and then of another thing, which the tables say. */
import { ceilings } from '../consistency/index.ts';
import { type Figures, ratio, shown } from './figures.ts';

export interface PublishedTable {
  readonly experiment: string;
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const publishedTables = (figures: Figures): readonly PublishedTable[] => [collecting(figures), scenarios(figures)];

/** Contract 1: the best published figures of students (Go, a virtual machine for each node), and what its scenarios send. */
export const students = [
  { step: 'collect-small', what: '3 nodes, 2 Hz each', kbps: 4, min: 0.1, median: 0.21, p90: 0.29, max: 10.2 },
  { step: 'collect-large', what: '8 nodes, 5 Hz each', kbps: 26.9, min: 0.095, median: 0.23, p90: 6.5, max: 17.5 },
] as const;

const delays = [
  ['minimum delay (ms)', 'min ms', 'min'],
  ['median delay (ms)', 'median ms', 'median'],
  ['90th percentile (ms)', 'p90 ms', 'p90'],
  ['maximum delay (ms)', 'max ms', 'max'],
  ['bandwidth (kbps)', 'kbps', 'kbps'],
] as const;

export function collecting(figures: Figures): PublishedTable {
  return {
    experiment: 'collect',
    title: 'Beside the best published figures (Go, a virtual machine for each node; here all on one machine)',
    head: ['scenario', 'figure', 'published', 'here', 'here / published'],
    rows: students
      .filter(({ step }) => figures.lab(step) !== null)
      .flatMap((published) => {
        const total = figures.rows(published.step)[0];
        return delays.map(([what, column, key]) => {
          const ours = figures.value(total, column);
          return [published.what, what, String(published[key]), shown(ours), ratio(ours, published[key])];
        });
      }),
  };
}

/** Contract 2: what the test itself lets a perfect server reach. */
export function scenarios(figures: Figures): PublishedTable {
  return {
    experiment: 'consistency',
    title: 'Beside what the test itself lets a perfect server reach',
    head: ['scenario', 'runs', 'verdicts', 'puts answered, mean', 'perfect server', 'warnings, mean', 'perfect server', 'longest gap (s)'],
    rows: ceilings.flatMap((ceiling, scenario) => {
      const id = `consistency-${scenario}`;
      const rows = figures.rows(id).filter(({ seed }) => seed !== 'all');
      if (rows.length === 0) return [];
      const mean = (column: string): number => rows.reduce((sum, row) => sum + (figures.value(row, column) ?? 0), 0) / rows.length;
      const verdicts = new Map<string, number>();
      for (const row of rows) verdicts.set(String(row['verdict']), (verdicts.get(String(row['verdict'])) ?? 0) + 1);
      return [
        [
          String(scenario),
          String(rows.length),
          [...verdicts].map(([verdict, count]) => `${count} x ${verdict}`).join(', '),
          shown(mean('puts')),
          `${ceiling.putsMean} (Success in ${ceiling.successRate})`,
          shown(mean('warnings')),
          String(ceiling.warningsMean),
          figures.text(figures.row(id, 'seed', 'all'), 'longest gap s'),
        ],
      ];
    }),
  };
}
