import { describe, expect, test } from 'vitest';
import { scenarios } from '../../../bench/scenarios/index.ts';
import { experimentNames, Figures, planExperiments, reports, type SuiteSummary, toMarkdown } from '../../../src/lab/suite/index.ts';

describe('the experiments that are there', () => {
  const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

  test.each([
    ['quick', 300],
    ['full', 3600],
  ] as const)('fit into the time that a %s report may take', (extent, most) => {
    const plan = planExperiments(extent, null);
    const ids = plan.flatMap(({ steps }) => steps.map(({ id }) => id));
    const seconds = plan.map(({ steps }) => sumOf(steps.map((each) => each.seconds)));

    expect(new Set(ids).size).toBe(ids.length);
    expect(plan.map(({ name }) => name)).toEqual(experimentNames);
    expect(plan.filter(({ secondsMax }, index) => (seconds[index] as number) > secondsMax)).toEqual([]);
    expect(sumOf(seconds)).toBeLessThanOrEqual(most);
  });

  test.each(['quick', 'full'] as const)('name scenarios that the benchmarks of a %s report have', (extent) => {
    const known = new Set(scenarios.map(({ name }) => name));
    const named = planExperiments(extent, null).flatMap(({ steps }) =>
      steps.flatMap(({ program, args }) => (program === 'bench' ? (args[args.indexOf('--only') + 1] ?? '').split(',') : [])),
    );

    expect(named).toContain('http-1');
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  test('are cut so early in a quick report that all of them together stay below five minutes, and each says what is shorter', () => {
    const plan = planExperiments('quick', null);

    expect(sumOf(plan.map(({ secondsMax }) => secondsMax))).toBeLessThanOrEqual(285);
    expect(plan.flatMap(({ steps }) => steps).filter(({ shortened }) => shortened === null)).toEqual([]);
  });
});

describe('the reports of the contracts', () => {
  const none: SuiteSummary = {
    report: 'quick',
    version: '1.2.3',
    commit: null,
    machine: { cpu: 'x', cores: 2, memoryGiB: 1, system: 'linux', node: '24' },
    startedAt: '2026-11-30T00:00:00.000Z',
    steps: [],
  };
  const markdownOf = (summary: SuiteSummary): string =>
    reports
      .map(({ blocks }) => toMarkdown(blocks(new Figures(summary)), { paragraph: (text) => [text], graphFile: () => null }))
      .join('\n');

  test('say what was not measured, and nothing in its place', () => {
    const markdown = markdownOf(none);

    expect(markdown).toContain('Without figures in this report: collect-small (not run)');
    expect(markdown).not.toMatch(/undefined|NaN|Infinity|\[object/);
  });

  test('quote what the summary holds', () => {
    const row = {
      node: 'all nodes',
      events: 4000,
      kbps: 26.92,
      'min ms': 0.0911,
      'median ms': 0.2345,
      'p90 ms': 0.4567,
      'max ms': 12.345,
      negative: 3,
    };
    const summary = {
      lab: 'collect',
      settings: {},
      results: [row],
      checks: [{ name: 'all of it', expected: '0', got: '7', ok: false }],
      graphs: [],
    };
    const base = {
      experiment: 'collect',
      title: 't',
      command: 'cairn lab collect --x',
      status: 'done',
      reason: null,
      startedAt: '',
      loadBefore: 0.3,
    };
    const step = { ...base, id: 'collect-large', seconds: 101, shortened: null, summary } as unknown as SuiteSummary['steps'][number];

    const markdown = markdownOf({ ...none, steps: [step] });

    expect(markdown).toContain('| 8 nodes, 5 Hz each | 90th percentile (ms) | 6.5 | 0.457 | 0.0703 |');
    expect(markdown).toContain('is 0.457 ms here and 6.5 ms in the best published report, and the greatest delay of all 12.3 ms');
    expect(markdown).toContain('`collect-large`: all of it: expected 0, got 7.');
    expect(markdown).toContain('`cairn lab collect --x` (101 s)');
  });
});
