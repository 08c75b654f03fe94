import { decadeScale, exactScale, linearScale } from './scale.ts';

export interface Series {
  readonly label: string;
  readonly values: readonly number[];
}

/** Values by second, as lines. */
export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  /** With its unit. */
  readonly yTitle: string;
  /** Powers of ten instead of equal steps. */
  readonly isDecades: boolean;
  readonly series: readonly Series[];
  /** The area between two series, by their labels. */
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

/** An SVG that stands alone. Each series is one polyline with a point for each second. */
export function renderChart(chart: Chart): string {
  const values = chart.series.flatMap((series) => series.values);
  const least = Math.min(0, ...rangeOf(values));
  const greatest = Math.max(0, ...rangeOf(values));
  const seconds = Math.max(...chart.series.map((series) => series.values.length), 1);
  const x = exactScale(Math.max(1, seconds - 1), left, chartWidth - right, 10);
  const bottomAt = height - bottom;
  const y = chart.isDecades ? decadeScale(least, greatest, bottomAt, top) : linearScale(least, greatest, bottomAt, top, 6);
  const pointOf = (value: number, second: number): string => `${round(x.at(second))},${round(y.at(value))}`;

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
    const { color, dash } = strokeOf(index);
    const item = `<line x1="${legendX}" x2="${legendX + 34}" y1="66" y2="66" stroke="${color}" stroke-width="3"${dashOf(dash)}/><text class="legend" x="${legendX + 42}" y="71">${escapeXml(label)}</text>`;
    legendX += 42 + label.length * characterWidth + 30;
    return item;
  });
  const lines = chart.series.map(({ label, values: each }, index) => {
    const { color, dash } = strokeOf(index);
    return `<polyline class="series" data-label="${escapeXml(label)}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"${dashOf(dash)} points="${each.map(pointOf).join(' ')}"/>`;
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
${lines.join('\n')}
<text class="x-title" x="${(left + chartWidth - right) / 2}" y="${height - 14}" text-anchor="middle">${escapeXml(chart.xTitle)}</text>
<text class="y-title" x="22" y="${middle}" text-anchor="middle" transform="rotate(-90 22 ${middle})">${escapeXml(chart.yTitle)}</text>
</svg>
`;
}

function bandOf({ band, series }: Chart, pointOf: (value: number, second: number) => string): string {
  if (band === null) return '';
  const [low, high] = band.map((label) => series.find((each) => each.label === label)?.values ?? []);
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

const strokeOf = (index: number): (typeof strokes)[number] => strokes[index % strokes.length] as (typeof strokes)[number];
const dashOf = (dash: string): string => (dash === '' ? '' : ` stroke-dasharray="${dash}"`);
const shorten = (text: string): string => (text.length <= titleCharactersMax ? text : `${text.slice(0, titleCharactersMax - 1)}…`);
const round = (value: number): number => Math.round(value * 100) / 100;

/** Control characters have no place in XML, not even as references. */
const isInXml = (character: string): boolean => {
  const code = character.charCodeAt(0);
  return (code >= 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) && code < 0xfffe;
};

export function escapeXml(text: string): string {
  const visible = Array.from(text, (character) => (isInXml(character) ? character : '\ufffd')).join('');
  return visible.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
