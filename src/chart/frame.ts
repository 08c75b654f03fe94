/** What every picture has around its plot: title, legend, the titles of its axes, and a note. */
import { darkStyle } from './dark.ts';
import type { Scale } from './scale.ts';
import { fontFamily, fontSize, inLines, shorten, textWidth } from './text.ts';
import { escapeXml } from './xml.ts';

export const pictureWidth = 1200;

/** The rectangle of the plot, in pixels. */
export interface Area {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface LegendItem {
  readonly label: string;
  /** What stands for it: 34 pixels wide, about the middle at `y`. */
  readonly sample: (x: number, y: number) => string;
}

export interface FrameOptions {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string | null;
  /** Small, below everything. */
  readonly note: string | undefined;
  readonly legend: readonly LegendItem[];
  /** Written left of the plot. */
  readonly leftLabels: readonly string[];
  readonly plotHeight: number;
  readonly width?: number;
}

export const inkColor = '#222222';
export const axisColor = '#888888';
/** Told apart by people who do not see colours alike (Okabe and Ito, darkened where white is behind them), and by their strokes. */
const strokes = [
  { color: '#0072b2', dash: '' },
  { color: '#009e73', dash: '9 4' },
  { color: '#d55e00', dash: '3 3' },
  { color: '#9a4a7f', dash: '12 3 3 3' },
  { color: '#b8860b', dash: '1 3' },
  { color: '#3f87a6', dash: '16 4' },
  { color: '#5b5b5b', dash: '6 2 2 2' },
  { color: '#7a3b12', dash: '2 6' },
] as const;

const margin = { title: 34, legend: 71, legendRow: 24, belowLegend: 21, right: 40, x: 66, note: 19, aboveNote: 8 };
const noteSize = 13;
const sampleWidth = 42;
const legendGap = 24;
const leftLeast = 90;

/** Where the plot goes, and what makes the whole picture of it. */
export function makeFrame(options: FrameOptions): { readonly area: Area; readonly wrap: (plot: string) => string } {
  const width = options.width ?? pictureWidth;
  const widest = options.leftLabels.reduce((most, label) => Math.max(most, textWidth(label)), 0);
  const left = Math.max(options.yTitle === null ? 0 : leftLeast, widest + (options.yTitle === null ? 24 : 50));
  const right = width - margin.right;
  const rows = legendRows(options.legend, left, right);
  const top = rows.length === 0 ? margin.legend - 10 : margin.legend + margin.legendRow * (rows.length - 1) + margin.belowLegend;
  const bottom = top + options.plotHeight;
  const note = options.note === undefined ? [] : inLines(options.note, right - left, noteSize);
  const height = bottom + margin.x + (note.length === 0 ? 0 : note.length * margin.note + margin.aboveNote);
  const middle = (top + bottom) / 2;

  const legend = rows.flatMap((row, index) => {
    const y = margin.legend + index * margin.legendRow;
    return row.map(
      ({ item, label, x }) =>
        `${item.sample(x, y - 5)}<text class="legend" x="${round(x + sampleWidth)}" y="${y}">${escapeXml(label)}</text>`,
    );
  });
  const yTitle =
    options.yTitle === null
      ? ''
      : `<text class="y-title" x="22" y="${middle}" text-anchor="middle" transform="rotate(-90 22 ${middle})">${escapeXml(shorten(options.yTitle, options.plotHeight))}</text>`;
  const notes = note.map(
    (line, index) =>
      `<text class="note" x="${left}" y="${bottom + margin.x + margin.aboveNote + index * margin.note}" font-size="${noteSize}" fill="#555555">${escapeXml(line)}</text>`,
  );
  const wrap = (
    plot: string,
  ): string => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${fontFamily}" font-size="${fontSize}" fill="${inkColor}" class="picture">
${darkStyle}
<title>${escapeXml(options.title)}</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text class="title" x="${left}" y="${margin.title}" font-size="19" font-weight="bold">${escapeXml(shorten(options.title, right - left, 19, true))}</text>
${legend.join('\n')}
${plot}
<text class="x-title" x="${(left + right) / 2}" y="${bottom + margin.x - 14}" text-anchor="middle">${escapeXml(shorten(options.xTitle, right - left))}</text>
${yTitle}
${notes.join('\n')}
</svg>
`;
  return { area: { left, right, top, bottom }, wrap };
}

interface Placed {
  readonly item: LegendItem;
  readonly label: string;
  /** From the left edge of the picture. */
  readonly x: number;
}

function legendRows(items: readonly LegendItem[], left: number, right: number): readonly (readonly Placed[])[] {
  const rows: Placed[][] = [];
  const widthMax = right - left;
  let x = 0;
  for (const item of items) {
    const label = shorten(item.label, widthMax - sampleWidth);
    const width = sampleWidth + textWidth(label);
    if (rows.length === 0 || x + width > widthMax) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)?.push({ item, label, x: left + x });
    x += width + legendGap;
  }
  return rows;
}

/** Ticks and their labels below the plot. */
export function drawXTicks({ ticks, at }: Scale, bottom: number): string {
  return ticks
    .map(({ value, label }) => {
      const x = round(at(value));
      return `<line class="grid" x1="${x}" x2="${x}" y1="${bottom}" y2="${bottom + 6}" stroke="${axisColor}"/><text class="tick x" x="${x}" y="${bottom + 24}" text-anchor="middle">${label}</text>`;
    })
    .join('\n');
}

/** Lines across the plot, their labels left of it. */
export function drawYGrid({ ticks, at }: Scale, { left, right }: Area): string {
  return ticks
    .map(({ value, label }) => {
      const y = round(at(value));
      return `<line class="grid" x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="${value === 0 ? axisColor : '#dddddd'}"/><text class="tick y" x="${left - 10}" y="${y + 5}" text-anchor="end">${label}</text>`;
    })
    .join('\n');
}

/** The scale with as many ticks as have room side by side, at most `countMax`. */
export function withRoom(make: (count: number) => Scale, countMax: number): Scale {
  for (let count = countMax; count > 2; count--) {
    const scale = make(count);
    const isRoomy = scale.ticks.every(({ value, label }, index) => {
      const before = scale.ticks[index - 1];
      return before === undefined || scale.at(value) - scale.at(before.value) > (textWidth(label) + textWidth(before.label)) / 2 + 10;
    });
    if (isRoomy) return scale;
  }
  return make(2);
}

/** Least and greatest, without an argument for each value; 0 and 1 when there is none. */
export function rangeOf(values: Iterable<number>): readonly [number, number] {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return least > greatest ? [0, 1] : [least, greatest];
}

/** As many as there are pairs of a colour and a dash are told apart: once the colours are over, each comes again with the dash of another. */
export function strokeOf(index: number): { readonly color: string; readonly dash: string } {
  const at = (place: number): (typeof strokes)[number] => strokes[place % strokes.length] as (typeof strokes)[number];
  return { color: at(index).color, dash: at(index + Math.floor(index / strokes.length)).dash };
}
export const dashOf = (dash: string): string => (dash === '' ? '' : ` stroke-dasharray="${dash}"`);
export const round = (value: number): number => Math.round(value * 100) / 100;
