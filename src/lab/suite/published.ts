/** What the source documents of the contracts say, beside what was measured: on other machines, and now and then of another thing, which the tables say. */
import { ceilings } from '../consistency/index.ts';
import { shown } from '../report/index.ts';
import { type Figures, ratio } from './figures.ts';

export interface PublishedTable {
  readonly experiment: string;
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const publishedTables = (figures: Figures): readonly PublishedTable[] => [
  collecting(figures),
  scenarios(figures),
  publishing(figures),
  searching(figures),
  oracle(figures),
];

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
    head: [
      'scenario',
      'runs',
      'verdicts',
      'puts answered, mean',
      'perfect server',
      'warnings, mean',
      'perfect server',
      'not started, puts',
      'longest gap (s)',
    ],
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
          figures.text(figures.row(id, 'seed', 'all'), 'not started'),
          figures.text(figures.row(id, 'seed', 'all'), 'longest gap s'),
        ],
      ];
    }),
  };
}

/** Contract 3: one client, one request at a time, a connection each, on the old wire. */
export function publishing(figures: Figures): PublishedTable {
  return {
    experiment: 'pubsub',
    title:
      "Beside the seed's report and its program on another machine of 2 cores, requests/s on the old wire; the seed keeps nothing on disk, and its report times `not found` for publish, subscribe and pull",
    head: ['API', "seed's report", "seed's program", 'here', 'here / report'],
    rows: figures
      .rows('pubsub')
      .filter(({ part }) => String(part).startsWith('6. the old wire'))
      .map((row) => {
        const report = figures.value(row, "seed's report") ?? 0;
        const ours = figures.value(row, 'here');
        return [String(row['api']), shown(report), figures.text(row, "seed's program"), shown(ours), ratio(ours, report)];
      }),
  };
}

/** Contract 4: what students measured. None of them says how its log looked; the nearest question here stands beside each. */
const queries = [
  { what: 'frequent token, 10 machines of 60 MB', published: '90 ms', question: 'everywhere' },
  { what: 'fixed rare token, 10 machines of 60 MB', published: '43 ms', question: 'quixotry' },
  { what: 'regular expression, 10 machines of 60 MB', published: '135 ms', question: 'expression' },
  { what: 'first run, 4 machines', published: '63 to 94 ms', question: 'everywhere' },
  { what: 'complex expression, 4 machines', published: '900 to 1450 ms', question: 'expression' },
] as const;

export function searching(figures: Figures): PublishedTable {
  const row = (question: string): ReturnType<Figures['row']> =>
    figures.rows('grep').find((each) => each['question'] === question && each['mode'] === '-c') ?? null;
  const dead = figures.rows('grep').find((each) => String(each['question']).includes('without power')) ?? null;
  const request = 'the request, from a client that runs';
  return {
    experiment: 'grep',
    title: 'Beside what students measured on virtual machines of their own (here all machines share one computer; counts)',
    head: ['what', 'published', 'nearest question here', 'request, from a client that runs', 'command, from its start'],
    rows:
      figures.lab('grep') === null
        ? []
        : [
            ...queries.map(({ what, published, question }) => [
              what,
              published,
              question,
              figures.text(row(question), request),
              figures.text(row(question), 'cairn grep, from its start'),
            ]),
            ['one machine dead', '20 s', 'everywhere, one machine without power', figures.text(dead, request), ''],
          ],
  };
}

/** The step that made a trial of the seed: all of them together, in reports of before each by itself. */
export const presetStep = (figures: Figures, preset: number): string =>
  figures.step('clocks-presets') === null ? `clocks-${preset}` : 'clocks-presets';

/** Contract 5: means of 300 exact simulations, the clock sent after the increment. */
const oracleRows = [
  { preset: 3, rates: [1, 3, 2], clocks: [175, 181, 180], jumps: [2.92, 1.01, 1.5], queues: [1.2, 0, 0] },
  { preset: 4, rates: [1, 3, 6], clocks: [239, 357, 360], jumps: [3.98, 1.99, 1], queues: [30, 0, 0] },
  { preset: 5, rates: [5, 1, 5], clocks: [322, 193, 323], jumps: [1.07, 3.22, 1.08], queues: [0, 41, 0] },
  { preset: 6, rates: [1, 1, 6], clocks: [590, 590, 720], jumps: [4.92, 4.92, 1], queues: [26, 26, 0] },
  { preset: 7, rates: [6, 6, 1], clocks: [399, 399, 117.5], jumps: [1.11, 1.11, 1.98], queues: [0, 0, 146] },
  { preset: 8, rates: [3, 4, 5], clocks: [312, 314, 315], jumps: [1.73, 1.31, 1.05], queues: [1.6, 0.3, 0] },
  { preset: 9, rates: [5, 4, 1], clocks: [304, 303, 272], jumps: [1.01, 1.26, 4.54], queues: [0, 0, 7] },
] as const;

export function oracle(figures: Figures): PublishedTable {
  const short = figures.step('clocks-presets')?.shortened ?? null;
  const shortened = short === null ? '' : `; here ${short}, so clocks and queues are smaller`;
  return {
    experiment: 'clocks',
    title: `Beside the contract's means of 300 exact simulations (of 60 s, preset 6 of 120 s); one real trial stands beside each${shortened}`,
    head: [
      'preset',
      'ticks/s',
      'clock: contract',
      '300 virtual here',
      'real trial',
      'mean jump: contract',
      'real trial',
      'queue: contract',
      'real trial',
    ],
    rows: oracleRows.flatMap(({ preset, rates, clocks, jumps, queues }) => {
      const rows = figures
        .rows(presetStep(figures, preset))
        .filter(({ clock, trial }) => clock !== undefined && trial === `preset-${preset}`);
      return rows
        .slice(0, rates.length)
        .map((row, machine) => [
          String(preset),
          String(rates[machine]),
          String(clocks[machine]),
          figures.text(row, 'mean of virtual'),
          figures.text(row, 'clock'),
          String(jumps[machine]),
          figures.text(row, 'mean jump'),
          String(queues[machine]),
          figures.text(row, 'queue'),
        ]);
    }),
  };
}
