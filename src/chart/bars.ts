import { drawYGrid, makeFrame, rangeOf, round, strokeOf } from './frame.ts';
import { linearScale, type Scale } from './scale.ts';
import { shorten, textWidth } from './text.ts';
import { escapeXml } from './xml.ts';

/** A bar up to `value`, and a line from `low` to `high` over it: its error, or what was measured at least and at most. */
interface Bar {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Bars side by side for each category, one for each series. */
export interface BarChart {
  readonly kind: 'bars';
  readonly title: string;
  readonly xTitle: string;
  /** With its unit, and what the errors are. */
  readonly yTitle: string;
  readonly categories: readonly string[];
  /** A bar for each category, or null where nothing was measured. */
  readonly series: readonly { readonly label: string; readonly bars: readonly (Bar | null)[] }[];
  readonly note?: string;
}

const plotHeight = 362;
/** Of the room of a category, what its bars take. */
const barsShare = 0.7;
const valueSize = 13;
/** Room above the highest for its value. */
const headroom = 1.09;

/** An SVG that stands alone. The value of each bar is written over it, where there is room for all of them. */
export function renderBars(chart: BarChart): string {
  const [least, greatest] = rangeOf(
    chart.series.flatMap(({ bars }) => bars.flatMap((bar) => (bar === null ? [] : [bar.low, bar.value, bar.high]))),
  );
  const yScaleTo = (from: number, to: number): Scale => linearScale(Math.min(0, least), Math.max(0, greatest) * headroom, from, to, 6);
  const { area, wrap } = makeFrame({
    title: chart.title,
    xTitle: chart.xTitle,
    yTitle: chart.yTitle,
    note: chart.note,
    legend: chart.series.map(({ label }, index) => ({
      label,
      sample: (x, y) =>
        `<rect x="${round(x + 12)}" y="${y - 8}" width="22" height="16" fill="${strokeOf(index).color}" fill-opacity="0.75"/>`,
    })),
    leftLabels: yScaleTo(0, 1).ticks.map(({ label }) => label),
    plotHeight,
  });
  const y = yScaleTo(area.bottom, area.top);
  const categoryWidth = (area.right - area.left) / Math.max(1, chart.categories.length);
  const barWidth = Math.min(90, (categoryWidth * barsShare) / Math.max(1, chart.series.length));
  const hasValues = chart.series.every(({ bars }) =>
    bars.every((bar) => bar === null || textWidth(valueOf(bar.value), valueSize) <= barWidth - 2),
  );

  const names = chart.categories.map((name, index) => {
    const x = area.left + (index + 0.5) * categoryWidth;
    return `<text class="tick x" x="${round(x)}" y="${area.bottom + 24}" text-anchor="middle">${escapeXml(shorten(name, categoryWidth - 8))}</text>`;
  });
  const drawn = chart.series.map(({ label, bars }, index) => {
    const each = bars.map((bar, category) => {
      if (bar === null) return '';
      const x = area.left + (category + 0.5) * categoryWidth + (index - chart.series.length / 2) * barWidth;
      return drawBar(bar, { x, width: barWidth, y, color: strokeOf(index).color, hasValue: hasValues });
    });
    return `<g class="series" data-label="${escapeXml(label)}">${each.join('\n')}</g>`;
  });
  return wrap([drawYGrid(y, area), ...names, ...drawn].join('\n'));
}

interface Slot {
  readonly x: number;
  readonly width: number;
  readonly y: Scale;
  readonly color: string;
  readonly hasValue: boolean;
}

function drawBar({ value, low, high }: Bar, { x, width, y, color, hasValue }: Slot): string {
  const [top, bottom] = [y.at(Math.max(0, value)), y.at(Math.min(0, value))];
  const middle = round(x + width / 2);
  const cap = Math.min(10, width / 4);
  const bar = `<rect class="bar" x="${round(x + 1)}" y="${round(top)}" width="${round(width - 2)}" height="${round(bottom - top)}" fill="${color}" fill-opacity="0.75"/>`;
  const [lowAt, highAt] = [round(y.at(low)), round(y.at(high))];
  const caps = [lowAt, highAt].map((at) => `M${round(middle - cap)} ${at}h${round(2 * cap)}`).join('');
  const error =
    low === high ? '' : `<path class="error" d="M${middle} ${lowAt}V${highAt}${caps}" stroke="#222222" stroke-width="1.5" fill="none"/>`;
  const over = Math.min(highAt, round(top)) - 6;
  const text = hasValue
    ? `<text class="value" x="${middle}" y="${round(over)}" text-anchor="middle" font-size="${valueSize}">${valueOf(value)}</text>`
    : '';
  return bar + error + text;
}

/** Three digits that count. */
const valueOf = (value: number): string => (Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3))));
