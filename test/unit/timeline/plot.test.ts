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

    expect(opened.textsOf('title')).toEqual([title]);
    expect(opened.textsOf('x-title')).toEqual(['time since the first connection (s)']);
    expect(opened.textsOf('y-title')).toEqual([yTitle]);
    expect(opened.textsOf('legend')).toEqual([...labels, ...bands]);
    expect([...opened.drawn.keys()].toSorted()).toEqual([...labels, ...bands].toSorted());
    for (const label of labels) expect(opened.drawn.get(label)).toHaveLength(seconds);
    expect(findTextFaults(opened)).toEqual([]);
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
      const written = await plotTimeline(exampleRun(20), folder, 'x');

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
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
