// Pictures of every kind, some of them hard to draw.
import { SeededRandom } from '../../src/base/random.ts';
import type { BarChart, Chart, Series, SpaceTime, SpaceTimeEvent } from '../../src/chart/index.ts';

const random = new SeededRandom(7);
const walk = (count: number, scale: number): readonly (readonly [number, number])[] =>
  Array.from({ length: count }, (_, index) => [index, (index + random.float()) * scale] as const);

const lines = (count: number, scale: number, labels: readonly string[]): readonly Series[] =>
  labels.map((label) => ({ label, marks: 'line', points: walk(count, scale) }));

const usual = { kind: 'chart', title: 'Logical clocks, rates 1, 3, 6', xTitle: 'time (s)', yTitle: 'logical clock (ticks)' } as const;

export const charts: readonly (readonly [string, Chart])[] = [
  ['three lines', { ...usual, series: lines(60, 6, ['machine 1', 'machine 2', 'machine 3']) }],
  ['one point', { ...usual, series: [{ label: 'one', marks: 'line', points: [[3, 4]] }] }],
  [
    'two things with a number',
    {
      ...usual,
      xScale: 'numbers',
      series: [
        {
          label: 'two',
          marks: 'points',
          points: [
            [1, 4],
            [2, 7],
          ],
        },
      ],
    },
  ],
  ['no point', { ...usual, series: [{ label: 'none', marks: 'points', points: [] }] }],
  ['tiny values', { ...usual, series: lines(10, 1e-6, ['tiny']) }],
  ['huge values', { ...usual, series: lines(10, 1e12, ['huge']) }],
  ['values below zero', { ...usual, series: lines(10, -3, ['below']) }],
  [
    'points of three shapes beside a line, and a band',
    {
      ...usual,
      series: [
        { label: 'line', marks: 'line', points: walk(20, 2) },
        ...['round', 'square', 'triangle'].map((label) => ({ label, marks: 'points' as const, points: walk(5, 7) })),
      ],
      bands: [{ label: 'of 300 runs', edges: walk(20, 2).map(([x, y]) => [x, y - 1, y + 2] as const) }],
      note: 'A quick run: 10 s instead of 100 s. '.repeat(8),
    },
  ],
  [
    'a long title and sixteen long names',
    {
      ...usual,
      title: 'A title that is far too long for its picture '.repeat(6),
      xTitle: 'an axis with a very long title '.repeat(12),
      yTitle: 'an axis with a very long title '.repeat(12),
      series: lines(
        4,
        1,
        Array.from({ length: 16 }, (_, index) => `a machine with the name ${index} and more words`),
      ),
    },
  ],
];

export const bars: readonly (readonly [string, BarChart])[] = [
  [
    'four tokens',
    {
      kind: 'bars',
      title: 'How long a query takes, four machines of 60 MB',
      xTitle: 'token',
      yTitle: 'mean of 10 trials (ms), one standard deviation',
      categories: ['everywhere', 'unique', 'even', 'heavy'],
      series: [{ label: 'cairn grep', bars: [90, 43, 135, 12].map((value) => ({ value, low: value - 8, high: value + 8 })) }],
    },
  ],
  [
    'two parties with a gap, and long names',
    {
      kind: 'bars',
      title: 'Two parties',
      xTitle: 'scenario',
      yTitle: 'records (1/s)',
      categories: Array.from({ length: 9 }, (_, index) => `a scenario with a long name ${index}`),
      series: ['ours', 'theirs'].map((label, party) => ({
        label,
        bars: Array.from({ length: 9 }, (_, index) =>
          index === 4 ? null : { value: 123_456 * (index + party), low: 123_456 * (index + party), high: 123_456 * (index + party) },
        ),
      })),
      note: 'What is missing was not measured.',
    },
  ],
  ['none', { kind: 'bars', title: 'None', xTitle: 'x', yTitle: 'y', categories: [], series: [] }],
];

export const processes = ['broker 1', 'broker 2', 'broker 3'].map((label) => ({ id: label, label }));
export const eventOf = (id: string, process: number, at: number, label = '', tone: SpaceTimeEvent['tone'] = 'plain'): SpaceTimeEvent => ({
  id,
  process: `broker ${process}`,
  at,
  label,
  tone,
});

/** A leader dies, another is elected, an append is tried again. */
export const election: SpaceTime = {
  kind: 'space-time',
  title: 'Seed 4: the leader crashes',
  timeTitle: 'simulated time (ms)',
  processes,
  events: [
    eventOf('a1', 1, 0, 'append 17 sent', 'plain'),
    eventOf('a2', 2, 12, 'append 17', 'plain'),
    eventOf('c', 1, 20, 'crash', 'notable'),
    eventOf('v2', 2, 180, 'candidate, term 3', 'notable'),
    eventOf('v3', 3, 192, 'vote for broker 2', 'plain'),
    eventOf('w', 2, 204, 'leader, term 3', 'notable'),
    eventOf('h2', 2, 205, 'append 17 again', 'notable'),
    eventOf('h3', 3, 219, 'append 17', 'plain'),
  ],
  messages: [
    { kind: 'append entries', from: 'a1', to: 'a2' },
    { kind: 'request vote', from: 'v2', to: 'v3' },
    { kind: 'vote', from: 'v3', to: 'w' },
    { kind: 'append entries', from: 'h2', to: 'h3' },
    { kind: 'append entries', from: 'h2', to: null, other: 'broker 1' },
  ],
  faults: [
    { process: 'broker 1', from: 20, to: null, label: 'crashed', isDown: true },
    { process: null, from: 100, to: 150, label: 'slow network', isDown: false },
  ],
};
