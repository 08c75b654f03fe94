import {
  axisColor,
  dashOf,
  drawXTicks,
  drawYGrid,
  inkColor,
  type LegendItem,
  makeFrame,
  rangeOf,
  round,
  strokeOf,
  withRoom,
} from './frame.ts';
import { decadeScale, exactScale, linearScale, type Scale } from './scale.ts';
import { escapeXml } from './xml.ts';

export interface Series {
  readonly label: string;
  /** One line through all points, or a mark for each. */
  readonly marks: 'line' | 'points';
  readonly points: readonly (readonly [x: number, y: number])[];
  /** A wide, pale line below all others: whatever has the same values stays visible over it. */
  readonly isUnder?: boolean;
}

/** Where nothing was, and 0 is drawn for it: a mark of its own on the line of 0, so that it is not taken for a 0 that was measured. */
interface Nothing {
  readonly label: string;
  readonly xs: readonly number[];
}

/** The area between two edges: of least and greatest, or of a mean less and plus its deviation. */
interface Band {
  readonly label: string;
  readonly edges: readonly (readonly [x: number, low: number, high: number])[];
}

/** Lines, points and bands over two axes. */
export interface Chart {
  readonly kind: 'chart';
  readonly title: string;
  /** With its unit, as the other. */
  readonly xTitle: string;
  readonly yTitle: string;
  /** From 0 to exactly the greatest value; of things with a number, which stand apart from the edges; or between round values, as usual. */
  readonly xScale?: 'exact' | 'numbers' | 'round';
  /** Equal steps, as usual, or powers of ten. */
  readonly yScale?: 'linear' | 'decades';
  readonly series: readonly Series[];
  readonly bands?: readonly Band[];
  readonly nothing?: Nothing;
  readonly note?: string;
}

const plotHeight = 362;

/** An SVG that stands alone: title, both axes with their titles, a legend. The vertical axis holds 0. */
export function renderChart(chart: Chart): string {
  const bands = chart.bands ?? [];
  const [leastY, greatestY] = rangeOf([
    ...chart.series.flatMap(({ points }) => points.map(([, y]) => y)),
    ...bands.flatMap(({ edges }) => edges.flatMap(([, low, high]) => [low, high])),
  ]);
  const yScaleTo = (from: number, to: number): Scale => {
    const [low, high] = [Math.min(0, leastY), Math.max(0, greatestY)];
    return chart.yScale === 'decades' ? decadeScale(low, high, from, to) : linearScale(low, high, from, to, 6);
  };
  const { area, wrap } = makeFrame({
    title: chart.title,
    xTitle: chart.xTitle,
    yTitle: chart.yTitle,
    note: chart.note,
    legend: [...chart.series.map(legendOf), ...bands.map(bandLegendOf), ...nothingLegendOf(chart)],
    leftLabels: yScaleTo(0, 1).ticks.map(({ label }) => label),
    plotHeight,
  });
  const x = xScaleOf(chart, area.left, area.right);
  const y = yScaleTo(area.bottom, area.top);
  const pointOf = (atX: number, atY: number): string => `${round(x.at(atX))},${round(y.at(atY))}`;

  const drawnBands = bands.map(({ label, edges }, index) => {
    const high = edges.map(([atX, , atY]) => pointOf(atX, atY));
    const low = edges.map(([atX, atY]) => pointOf(atX, atY)).reverse();
    return `<polygon class="band" data-label="${escapeXml(label)}" fill="${strokeOf(index).color}" fill-opacity="0.13" points="${[...high, ...low].join(' ')}"/>`;
  });
  const draw = ({ label, marks, points, isUnder = false }: Series, index: number): string => {
    const name = `data-label="${escapeXml(label)}"`;
    const alone = marks === 'points' || points.length === 1;
    const each = alone ? points.map(([atX, atY]) => markOf('point', index, x.at(atX), y.at(atY))).join('\n') : '';
    if (marks === 'points') return `<g class="series" ${name}>${each}</g>`;
    const { color, dash } = strokeOf(index);
    const through = points.map(([atX, atY]) => pointOf(atX, atY)).join(' ');
    const line = isUnder ? underLine : `stroke-width="2"${dashOf(dash)}`;
    return `<polyline class="series" ${name} fill="none" stroke="${color}" stroke-linejoin="round" ${line} points="${through}"/>${each}`;
  };
  const drawn = chart.series.map((series, index) => [series.isUnder ?? false, draw(series, index)] as const);
  const inOrder = [...drawn.filter(([isUnder]) => isUnder), ...drawn.filter(([isUnder]) => !isUnder)].map(([, each]) => each);
  const left = `<line class="axis" x1="${area.left}" x2="${area.left}" y1="${area.top}" y2="${area.bottom}" stroke="${axisColor}"/>`;
  return wrap([drawYGrid(y, area), left, drawXTicks(x, area.bottom), ...drawnBands, ...inOrder, drawNothing(chart, x, y.at(0))].join('\n'));
}

function xScaleOf({ series, bands = [], xScale }: Chart, left: number, right: number): Scale {
  const [least, greatest] = rangeOf([
    ...series.flatMap(({ points }) => points.map(([x]) => x)),
    ...bands.flatMap(({ edges }) => edges.map(([x]) => x)),
  ]);
  if (xScale === 'exact') return withRoom((count) => exactScale(0, Math.max(1, greatest), left, right, count, 1), 10);
  if (xScale === 'numbers') return withRoom((count) => exactScale(least - 0.5, greatest + 0.5, left, right, count, 1), 10);
  return withRoom((count) => linearScale(least, greatest, left, right, count), 8);
}

/** A thick line for each run of them, a dot for one alone. */
function drawNothing({ nothing }: Chart, x: Scale, y: number): string {
  if (nothing === undefined || nothing.xs.length === 0) return '';
  const runs: [number, number][] = [];
  for (const at of nothing.xs) {
    const last = runs.at(-1);
    if (last !== undefined && at === last[1] + 1) last[1] = at;
    else runs.push([at, at]);
  }
  const path = runs.map(([from, to]) => `M${round(x.at(from))} ${round(y)}H${round(x.at(to) + 0.01)}`).join('');
  return `<path class="nothing" data-label="${escapeXml(nothing.label)}" data-count="${nothing.xs.length}" ${nothingLine} d="${path}"/>`;
}

const underLine = 'stroke-width="7" stroke-opacity="0.4"';
const nothingLine = `stroke="${inkColor}" stroke-width="7" stroke-linecap="round" fill="none"`;

const nothingLegendOf = ({ nothing }: Chart): readonly LegendItem[] =>
  nothing === undefined || nothing.xs.length === 0
    ? []
    : [{ label: nothing.label, sample: (x, y) => `<path ${nothingLine} d="M${round(x + 26)} ${y}h0.01"/>` }];

function legendOf({ label, marks, isUnder = false }: Series, index: number): LegendItem {
  const { color, dash } = strokeOf(index);
  const line = (x: number, y: number): string =>
    `<line x1="${round(x)}" x2="${round(x + 34)}" y1="${y}" y2="${y}" stroke="${color}" ${isUnder ? underLine : `stroke-width="3"${dashOf(dash)}`}/>`;
  return { label, sample: marks === 'points' ? (x, y) => markOf('sample', index, x + 28, y) : line };
}

const bandLegendOf = ({ label }: Band, index: number): LegendItem => ({
  label,
  sample: (x, y) =>
    `<rect x="${round(x)}" y="${y - 8}" width="34" height="16" fill="${strokeOf(index).color}" fill-opacity="0.2" stroke="${strokeOf(index).color}" stroke-opacity="0.5"/>`,
});

/** Told apart by shape too. */
function markOf(kind: 'point' | 'sample', index: number, x: number, y: number): string {
  const at = `class="${kind}" fill="${strokeOf(index).color}" fill-opacity="0.8"`;
  if (index % 3 === 0) return `<circle cx="${round(x)}" cy="${round(y)}" r="5" ${at}/>`;
  if (index % 3 === 1) return `<rect x="${round(x - 4.5)}" y="${round(y - 4.5)}" width="9" height="9" ${at}/>`;
  return `<path d="M${round(x)} ${round(y - 6)}l6 11h-12z" ${at}/>`;
}
