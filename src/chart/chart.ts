import { decadeScale, exactScale, linearScale, type Scale } from './scale.ts';
import { escapeXml } from './xml.ts';

interface Series {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  /** With its unit. */
  readonly yTitle: string;
  /** From 0 to exactly the greatest value, or between round values. */
  readonly xScale: 'exact' | 'round';
  /** Equal steps, or powers of ten. */
  readonly yScale: 'linear' | 'decades';
  readonly marks: 'lines' | 'points';
  readonly series: readonly Series[];
  /** The area between two series of equally many points, by their labels. */
  readonly band: readonly [string, string] | null;
}

export const chartWidth = 1200;
const height = 520;
const left = 90;
const right = 30;
const top = 92;
const bottom = 66;
/** Told apart by people who do not see colours alike (Okabe and Ito), and by their strokes. */
const strokes = [
  { color: '#0072b2', dash: '' },
  { color: '#009e73', dash: '9 4' },
  { color: '#d55e00', dash: '3 3' },
  { color: '#9a4a7f', dash: '12 3 3 3' },
] as const;
const ink = '#222222';
const fontFamily = 'DejaVu Sans, Verdana, Arial, sans-serif';
const fontSize = 15;
const characterWidth = 9.5;
const titleCharactersMax = 100;

/** An SVG that stands alone: title, both axes with their titles, a legend. Each series is one line through all its points, or a mark for each. */
export function renderChart(chart: Chart): string {
  const bottomAt = height - bottom;
  const x = xScaleOf(chart);
  const y = yScaleOf(chart, bottomAt);
  const pointOf = ([atX, atY]: readonly [number, number]): string => `${round(x.at(atX))},${round(y.at(atY))}`;

  const grid = y.ticks.map(({ value, label }) => {
    const at = round(y.at(value));
    return `<line class="grid" x1="${left}" x2="${chartWidth - right}" y1="${at}" y2="${at}" stroke="${value === 0 ? '#888888' : '#dddddd'}"/><text class="tick" x="${left - 10}" y="${at + 5}" text-anchor="end">${label}</text>`;
  });
  const ticks = x.ticks.map(({ value, label }) => {
    const at = round(x.at(value));
    return `<line class="grid" x1="${at}" x2="${at}" y1="${bottomAt}" y2="${bottomAt + 6}" stroke="#888888"/><text class="tick" x="${at}" y="${bottomAt + 24}" text-anchor="middle">${label}</text>`;
  });
  let legendX = left;
  const legend = chart.series.map(({ label }, index) => {
    const item = `${sampleOf(chart, index, legendX)}<text class="legend" x="${legendX + 42}" y="71">${escapeXml(label)}</text>`;
    legendX += 42 + label.length * characterWidth + 30;
    return item;
  });
  const drawn = chart.series.map(({ label, points }, index) => {
    if (chart.marks === 'points') return points.map(([atX, atY]) => markOf('point', index, x.at(atX), y.at(atY))).join('\n');
    const { color, dash } = strokeOf(index);
    return `<polyline class="series" data-label="${escapeXml(label)}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"${dashOf(dash)} points="${points.map(pointOf).join(' ')}"/>`;
  });
  const middle = (top + bottomAt) / 2;
  const title = shorten(chart.title);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${chartWidth} ${height}" width="${chartWidth}" height="${height}" font-family="${fontFamily}" font-size="${fontSize}" fill="${ink}">
<title>${escapeXml(chart.title)}</title>
<rect width="${chartWidth}" height="${height}" fill="#ffffff"/>
<text class="title" x="${left}" y="34" font-size="19" font-weight="bold">${escapeXml(title)}</text>
${legend.join('\n')}
${grid.join('\n')}
${ticks.join('\n')}
${bandOf(chart, pointOf)}
${drawn.join('\n')}
<text class="x-title" x="${(left + chartWidth - right) / 2}" y="${height - 14}" text-anchor="middle">${escapeXml(chart.xTitle)}</text>
<text class="y-title" x="22" y="${middle}" text-anchor="middle" transform="rotate(-90 22 ${middle})">${escapeXml(chart.yTitle)}</text>
</svg>
`;
}

function xScaleOf({ series, xScale }: Chart): Scale {
  const [least, greatest] = rangeOf(series.flatMap(({ points }) => points.map(([x]) => x)));
  if (xScale === 'exact') return exactScale(Math.max(1, greatest), left, chartWidth - right, 10);
  return linearScale(least, greatest, left, chartWidth - right, 8);
}

function yScaleOf({ series, yScale }: Chart, bottomAt: number): Scale {
  const [least, greatest] = rangeOf(series.flatMap(({ points }) => points.map(([, y]) => y)));
  const [low, high] = [Math.min(0, least), Math.max(0, greatest)];
  return yScale === 'decades' ? decadeScale(low, high, bottomAt, top) : linearScale(low, high, bottomAt, top, 6);
}

function bandOf({ band, series }: Chart, pointOf: (point: readonly [number, number]) => string): string {
  if (band === null) return '';
  const [low, high] = band.map((label) => series.find((each) => each.label === label)?.points ?? []);
  if (low === undefined || high === undefined || low.length === 0) return '';
  const back = low.map(pointOf).reverse();
  return `<polygon class="band" fill="${strokes[0].color}" fill-opacity="0.12" points="${[...high.map(pointOf), ...back].join(' ')}"/>`;
}

/** Least and greatest, without an argument for each value. */
function rangeOf(values: readonly number[]): readonly [number, number] {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return values.length === 0 ? [0, 1] : [least, greatest];
}

/** What stands for a series in the legend. */
function sampleOf({ marks }: Chart, index: number, x: number): string {
  if (marks === 'points') return markOf('sample', index, x + 28, 66);
  const { color, dash } = strokeOf(index);
  return `<line x1="${x}" x2="${x + 34}" y1="66" y2="66" stroke="${color}" stroke-width="3"${dashOf(dash)}/>`;
}

/** Told apart by shape too. */
function markOf(kind: 'point' | 'sample', index: number, x: number, y: number): string {
  const at = `class="${kind}" fill="${strokeOf(index).color}" fill-opacity="0.8"`;
  if (index % 3 === 0) return `<circle cx="${round(x)}" cy="${round(y)}" r="5" ${at}/>`;
  if (index % 3 === 1) return `<rect x="${round(x - 4.5)}" y="${round(y - 4.5)}" width="9" height="9" ${at}/>`;
  return `<path d="M${round(x)} ${round(y - 6)}l6 11h-12z" ${at}/>`;
}

const strokeOf = (index: number): (typeof strokes)[number] => strokes[index % strokes.length] as (typeof strokes)[number];
const dashOf = (dash: string): string => (dash === '' ? '' : ` stroke-dasharray="${dash}"`);
const shorten = (text: string): string => (text.length <= titleCharactersMax ? text : `${text.slice(0, titleCharactersMax - 1)}…`);
const round = (value: number): number => Math.round(value * 100) / 100;
