import { describe, expect, test } from 'vitest';
import { renderPicture } from '../../../src/chart/index.ts';
import { bars, charts } from '../../support/pictures.ts';
import { findTextFaults, openSvg } from '../../support/svg.ts';

describe.each(charts)('a chart of %s', (_what, chart) => {
  const opened = openSvg(renderPicture(chart));

  test('has its title, both axes with their titles, and a legend of all that is drawn', () => {
    expect(opened.textsOf('x-title')).toHaveLength(1);
    expect(opened.textsOf('y-title')).toHaveLength(1);
    expect(opened.textsOf('legend')).toEqual([...chart.series, ...(chart.bands ?? [])].map(({ label }) => label));
    expect(opened.textsOf('title')[0]).toMatch(chart.title.length < 60 ? chart.title : /^A title that .*…$/);
  });

  test('has no text over another, and none that is cut', () => {
    expect(findTextFaults(opened)).toEqual([]);
  });

  test('draws the points that it was given', () => {
    for (const { label, points } of chart.series) {
      const drawn = opened.drawn.get(label) ?? [];
      expect(drawn).toHaveLength(points.length);
      const [spanX, spanY] = [opened.valueOf.x(1) - opened.valueOf.x(0), opened.valueOf.y(1) - opened.valueOf.y(0)].map(Math.abs) as [
        number,
        number,
      ];
      for (const [index, [x, y]] of points.entries()) {
        const [atX, atY] = drawn[index] as readonly [number, number];
        expect(Math.abs(opened.valueOf.x(atX) - x)).toBeLessThanOrEqual(spanX * 0.05);
        expect(Math.abs(opened.valueOf.y(atY) - y)).toBeLessThanOrEqual(spanY * 0.05);
      }
    }
    for (const { label, edges } of chart.bands ?? []) {
      const back = opened.drawn.get(label)?.map(([, y]) => opened.valueOf.y(y)) ?? [];
      const wanted = [...edges.map(([, , high]) => high), ...edges.map(([, low]) => low).reverse()];
      for (const [index, value] of wanted.entries()) expect(back[index]).toBeCloseTo(value, 0);
    }
  });
});

test('of one thing with a number, or of none, the axis has whole numbers only', () => {
  const ticksOf = (points: readonly (readonly [number, number])[]): readonly string[] =>
    openSvg(
      renderPicture({
        kind: 'chart',
        title: 't',
        xTitle: 'fault',
        yTitle: 'ms',
        xScale: 'numbers',
        series: [{ label: 'a', marks: 'points', points }],
      }),
    ).textsOf('tick x');

  expect([
    ticksOf([[7, 1]]),
    ticksOf([
      [1, 1],
      [2, 5],
    ]),
  ]).toEqual([['7'], ['1', '2']]);
  expect(ticksOf([]).every((tick) => /^-?\d+$/.test(tick))).toBe(true);
});

describe.each(bars)('bars of %s', (_what, chart) => {
  const opened = openSvg(renderPicture(chart));

  test('are as high as their values, with errors as long as they are', () => {
    for (const { label, bars: each } of chart.series) {
      const values = each.flatMap((bar) => (bar === null ? [] : [bar]));
      const span = Math.abs(opened.valueOf.y(1) - opened.valueOf.y(0));
      expect((opened.drawn.get(label) ?? []).length).toBe(values.length);
      for (const [index, [, y]] of (opened.drawn.get(label) ?? []).entries()) {
        expect(Math.abs(opened.valueOf.y(y) - (values[index]?.value ?? Number.NaN))).toBeLessThanOrEqual(span * 0.05);
      }
      const errors = opened.elements('error').map(({ d = '' }) => /^M\S+ (\S+)V([\d.]+)/.exec(d)?.slice(1).map(Number) ?? []);
      const withError = values.filter(({ low, high }) => low !== high);
      expect(errors).toHaveLength(withError.length);
      for (const [index, [low = 0, high = 0]] of errors.entries()) {
        expect(Math.abs(opened.valueOf.y(low) - (withError[index]?.low ?? Number.NaN))).toBeLessThanOrEqual(span * 0.05);
        expect(Math.abs(opened.valueOf.y(high) - (withError[index]?.high ?? Number.NaN))).toBeLessThanOrEqual(span * 0.05);
      }
    }
  });

  test('have titles, units and a legend, and no text over another or cut', () => {
    expect(opened.textsOf('y-title')).toEqual([chart.yTitle]);
    expect(opened.textsOf('legend')).toEqual(chart.series.map(({ label }) => label));
    expect(findTextFaults(opened)).toEqual([]);
  });
});
