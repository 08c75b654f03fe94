import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import type { NodeRow, TimelineRun, TotalRow } from '../../../src/timeline/index.ts';
import { renderPicture } from '../../../src/chart/index.ts';
import { bandwidthChart, delayChart, plotTimeline } from '../../../src/timeline/plot/index.ts';
import { findTextFaults, openSvg } from '../../support/svg.ts';

function exampleRun(seconds: number, scenario = '3 nodes, 2 Hz each', factor = 1): TimelineRun {
  const random = new SeededRandom(seconds);
  const fields = (): Omit<NodeRow, 'second' | 'node' | 'address'> => {
    const median = 0.2 + random.float() * 0.1;
    const events = random.chance(0.1) ? 0 : 6;
    const delays =
      events === 0
        ? { minMs: null, medianMs: null, p90Ms: null, maxMs: null }
        : { minMs: median / 2, medianMs: median, p90Ms: median * 1.5, maxMs: median * 3 * factor };
    return { events, untimed: 0, bytes: events * 84, ...delays, exact: true, negative: 0 };
  };
  const totals: TotalRow[] = Array.from({ length: seconds }, (_, second) => ({
    second,
    node: null,
    address: null,
    ...fields(),
    nodes: 1,
    printed: second * 6,
    stored: null,
    unstored: 0,
    joined: second === 0 ? [['node1', '10.0.0.1:1']] : [],
    left: [],
  }));
  const nodes: NodeRow[] = totals.map(({ second }) => ({ second, node: 'node1', address: '10.0.0.1:1', ...fields() }));
  return { header: { cairn: 'timeline', version: 1, start: 1_795_000_000.5, port: 1234, scenario }, totals, nodes };
}

describe.each([1, 10, 100, 1000])('the graphs of %i seconds', (seconds) => {
  const run = exampleRun(seconds);

  test.each([
    ['bandwidth', bandwidthChart(run), 'Bandwidth: 3 nodes, 2 Hz each', 'bandwidth (kbps)', ['all nodes']],
    ['delay', delayChart(run), 'Delay: 3 nodes, 2 Hz each', 'delay (ms)', ['minimum', 'median', '90th percentile', 'maximum']],
  ])('%s has title, axes with units, a legend of its series, and a point for each second', (_what, chart, title, yTitle, labels) => {
    const opened = openSvg(renderPicture(chart));
    const bands = (chart.bands ?? []).map(({ label }) => label);
    const nothing = chart.nothing === undefined || chart.nothing.xs.length === 0 ? [] : [chart.nothing.label];

    expect(opened.textsOf('title')).toEqual([title]);
    expect(opened.textsOf('x-title')).toEqual(['time since the first connection (s)']);
    expect(opened.textsOf('y-title')).toEqual([yTitle]);
    expect(opened.textsOf('legend')).toEqual([...labels, ...bands, ...nothing]);
    expect([...opened.drawn.keys()].toSorted()).toEqual([...labels, ...bands].toSorted());
    for (const label of labels) expect(opened.drawn.get(label)).toHaveLength(seconds);
    expect(findTextFaults(opened)).toEqual([]);
  });
});

const secondOf = (second: number, delays: readonly [number, number, number, number] | null, more: Partial<TotalRow> = {}): TotalRow => {
  const [minMs, medianMs, p90Ms, maxMs] = delays ?? [null, null, null, null];
  const counts = { events: delays === null ? 0 : 4, untimed: 0, bytes: delays === null ? 0 : 400, exact: true, negative: 0 };
  const common = { nodes: 1, printed: 0, stored: null, unstored: 0, joined: [], left: [] };
  return { second, node: null, address: null, minMs, medianMs, p90Ms, maxMs, ...counts, ...common, ...more };
};
const runOf = (totals: readonly TotalRow[]): TimelineRun => ({ ...exampleRun(1), totals });

describe('a second without a delay', () => {
  const run = runOf([secondOf(0, [1, 2, 3, 4]), secondOf(1, null), secondOf(2, null), secondOf(3, [0, 0, 0, 0]), secondOf(4, null)]);
  const opened = openSvg(renderPicture(delayChart(run)));

  test('is 0, with a mark of its own that a delay of 0 does not have, and the legend says what it is', () => {
    const [mark] = opened.elements('nothing');
    const stretches = [...(mark?.['d'] ?? '').matchAll(/M(\S+) (\S+)H(\S+?)(?=M|$)/g)].map(([, from, y, to]) => [from, to, y].map(Number));

    expect(stretches.map(([from = 0, to = 0]) => [from, to].map((at) => Math.round(opened.valueOf.x(at))))).toEqual([
      [1, 2],
      [4, 4],
    ]);
    for (const [, , y = Number.NaN] of stretches) expect(opened.valueOf.y(y)).toBeCloseTo(0, 1);
    expect(opened.textsOf('legend')).toContain('no delay in this second: 0');
    for (const label of ['minimum', 'median', '90th percentile', 'maximum'])
      expect(opened.valueOf.y(opened.drawn.get(label)?.[1]?.[1] ?? Number.NaN)).toBeCloseTo(0, 1);
  });

  test('is not spoken of where there is none', () => {
    const svg = renderPicture(delayChart(runOf([secondOf(0, [1, 2, 3, 4]), secondOf(1, [1, 2, 3, 4])])));

    expect(svg).not.toContain('no delay in this second');
    expect(openSvg(svg).elements('nothing')).toEqual([]);
  });
});

test('the maximum is drawn below and wider than the 90th percentile, so that this stays visible where they are the same', () => {
  const svg = renderPicture(delayChart(runOf([secondOf(0, [1, 2, 4, 4]), secondOf(1, [1, 2, 4, 4])])));
  const lineOf = (label: string): string => new RegExp(`<polyline [^>]*data-label="${label}"[^>]*>`).exec(svg)?.[0] ?? '';
  const widthOf = (label: string): number => Number(/stroke-width="(\S+)"/.exec(lineOf(label))?.[1]);

  expect(svg.indexOf(lineOf('maximum'))).toBeLessThan(svg.indexOf(lineOf('90th percentile')));
  expect(widthOf('maximum')).toBeGreaterThan(2 * widthOf('90th percentile'));
  expect(openSvg(svg).textsOf('legend')).toEqual(['minimum', 'median', '90th percentile', 'maximum', 'from minimum to maximum']);
});

describe('a last second that the end of the run has cut short', () => {
  const totals = [secondOf(0, [1, 2, 3, 4]), secondOf(1, [1, 2, 3, 4]), secondOf(2, [1, 1, 1, 1], { part: 0.25, bytes: 84, events: 1 })];

  test.each([
    ['bandwidth', bandwidthChart, 'all nodes'],
    ['delay', delayChart, 'maximum'],
  ])('is not drawn as a drop of the %s, and the graph says so', (_what, chartOf, label) => {
    const chart = chartOf(runOf(totals));
    const opened = openSvg(renderPicture(chart));

    expect(opened.drawn.get(label)).toHaveLength(2);
    expect(opened.textsOf('note')).toEqual([
      'The run ended 0.25 s into its last second, which is not drawn; its 1 event is in the tables.',
    ]);
    expect(findTextFaults(opened)).toEqual([]);
  });

  test('is drawn where there is no other', () => {
    const [only] = totals.slice(2);
    expect(bandwidthChart(runOf([only as TotalRow])).series[0]?.points).toHaveLength(1);
  });
});

describe('graphs', () => {
  test('escape what a scenario says', () => {
    const svg = renderPicture(bandwidthChart(exampleRun(3, '<script>alert(1)</script> & "\u0007"')));

    expect(svg).not.toContain('<script>');
    expect(svg).not.toContain('\u0007');
  });

  test('show delays in powers of ten where the greatest is far above the typical, and say so', () => {
    expect(delayChart(exampleRun(100, 'x', 100))).toMatchObject({ yScale: 'decades', yTitle: 'delay (ms), in powers of ten' });
    expect(delayChart(exampleRun(100, 'x', 1)).yScale).toBe('linear');
  });

  test('become PNGs of at least 1,200 pixels, and a page with both', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-plot-'));
    try {
      const command = "cairn plot 'my file.ndjson' -o <x>";
      const timeline = path.join(folder, '..', 'my file.ndjson');
      const written = await plotTimeline(exampleRun(20), folder, { name: 'x', timeline, command });

      expect(written.map((file) => path.basename(file))).toEqual([
        'x-bandwidth.svg',
        'x-delay.svg',
        'x.html',
        'x-bandwidth.png',
        'x-delay.png',
      ]);
      for (const png of written.filter((file) => file.endsWith('.png')))
        expect(readFileSync(png).readUInt32BE(16)).toBeGreaterThanOrEqual(1_200);
      const page = readFileSync(path.join(folder, 'x.html'), 'utf8');
      expect(page.match(/<svg/g)).toHaveLength(2);
      expect(page).toContain('How it was measured');
      expect(page).not.toContain('<script');
      for (const file of ['../my%20file.ndjson', 'x-bandwidth.svg', 'x-delay.png']) expect(page).toContain(`href="${file}"`);
      expect(page).toContain("<code>cairn plot 'my file.ndjson' -o &lt;x&gt;</code>");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
