import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { check, type Graph, type LabResult, writeReport } from '../../../src/lab/report/index.ts';

const graph: Graph = {
  kind: 'chart',
  name: 'times',
  title: 'Times <& more>',
  xTitle: 'kill',
  yTitle: 'ms',
  series: [
    {
      label: 'leader',
      marks: 'points',
      points: [
        [1, 512],
        [2, 480],
        [5, 33.3],
      ],
    },
    { label: 'follower', marks: 'points', points: [[3, 12]] },
  ],
};

describe('a report', () => {
  it('leaves summary.json, report.html and the graphs, with everything escaped', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-report-'));
    const result: LabResult = {
      lab: 'demo',
      about: 'About <this>.',
      settings: { runs: 3 },
      results: [{ seed: 1, why: '<script>alert(1)</script>' }],
      checks: [check('holds', true, 0, 0), check('does not', false, 'at most 1', 2)],
      graphs: [graph],
    };

    writeFileSync(path.join(folder, 'raw data #1.txt'), 'x'.repeat(70));
    mkdirSync(path.join(folder, 'broker-1'));
    const repeat = "cairn lab demo --seed 7 --note 'a & b'";
    const summary = await writeReport(result, { folder, version: '1.2.3', startedMs: Date.now(), repeat });

    const files = readdirSync(folder).toSorted();
    const html = readFileSync(path.join(folder, 'report.html'), 'utf8');
    const written: unknown = JSON.parse(readFileSync(path.join(folder, 'summary.json'), 'utf8'));
    rmSync(folder, { recursive: true });
    expect(files).toEqual(['broker-1', 'raw data #1.txt', 'report.html', 'summary.json', 'times.png', 'times.svg']);
    for (const file of ['broker-1/', 'raw%20data%20%231.txt', 'summary.json', 'times.png', 'times.svg'])
      expect(html).toContain(`href="${file}"`);
    expect(html).not.toContain('href="report.html"');
    expect(html).toContain("<code>cairn lab demo --seed 7 --note 'a &amp; b'</code>");
    expect(written).toEqual(summary);
    expect(Object.keys(summary)).toEqual([
      'lab',
      'version',
      'commit',
      'machine',
      'startedAt',
      'seconds',
      'settings',
      'results',
      'checks',
      'graphs',
    ]);
    expect(html).toContain('1 of 2 checks do not hold');
    expect(html).not.toContain('<script>');
    expect(html.match(/<svg /g)?.length).toBe(1);
  });
});
