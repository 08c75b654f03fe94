import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { check, type Graph, type LabResult, renderGraph, writeReport } from '../../../src/lab/report/index.ts';

const graph: Graph = {
  name: 'times',
  title: 'Times <& more>',
  xTitle: 'kill',
  yTitle: 'ms',
  series: [
    {
      label: 'leader',
      points: [
        [1, 512],
        [2, 480],
        [5, 33.3],
      ],
    },
    { label: 'follower', points: [[3, 12]] },
  ],
};

describe('a graph', () => {
  it('has its title, both axes, a legend, and one mark for each point', () => {
    const svg = renderGraph(graph);

    expect(svg).toContain('>Times &lt;&amp; more&gt;</text>');
    for (const text of ['kill', 'ms', 'leader', 'follower']) expect(svg).toContain(`>${text}</text>`);
    expect(svg.match(/class="point"/g)?.length).toBe(4);
    expect(svg.match(/class="legend"/g)?.length).toBe(2);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('can be drawn of one point, of equal points, and of none', () => {
    for (const points of [
      [[7, 3]],
      [
        [1, 0],
        [1, 0],
      ],
      [],
    ] as const) {
      expect(renderGraph({ ...graph, series: [{ label: 'x', points }] })).not.toMatch(/NaN|Infinity|undefined/);
    }
  });
});

describe('a report', () => {
  it('leaves summary.json, report.html and the graphs, with everything escaped', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-report-'));
    const result: LabResult = {
      lab: 'demo',
      about: 'About <this>.',
      settings: { runs: 3 },
      results: [{ seed: 1, why: '<script>alert(1)</script>' }],
      checks: [check('holds', true, 0, 0), check('does not', false, 'at most 1', 2)],
      graphs: [graph],
    };

    const summary = writeReport(result, { folder, version: '1.2.3', startedMs: Date.now() });

    const files = readdirSync(folder).toSorted();
    const html = readFileSync(path.join(folder, 'report.html'), 'utf8');
    const written: unknown = JSON.parse(readFileSync(path.join(folder, 'summary.json'), 'utf8'));
    rmSync(folder, { recursive: true });
    expect(files).toEqual(['report.html', 'summary.json', 'times.svg']);
    expect(written).toEqual(summary);
    expect(Object.keys(summary)).toEqual(['lab', 'version', 'commit', 'machine', 'startedAt', 'seconds', 'settings', 'results', 'checks']);
    expect(html).toContain('1 of 2 checks do not hold');
    expect(html).not.toContain('<script>');
    expect(html.match(/<svg /g)?.length).toBe(1);
  });
});
