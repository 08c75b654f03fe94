/** Points in a plane, by series. */
export interface Graph {
  /** Also the name of its file. */
  readonly name: string;
  readonly title: string;
  readonly xTitle: string;
  /** With its unit. */
  readonly yTitle: string;
  readonly series: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

const WIDTH = 720;
const HEIGHT = 300;
const LEFT = 64;
const RIGHT = 20;
const TOP = 62;
const BOTTOM = 48;
/** Told apart by people who do not see colours alike (Okabe and Ito), and by their shapes. */
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
const CHARACTER_WIDTH = 7;

/** An SVG that stands alone: title, both axes with their titles, a legend, and one mark for each point. */
export function renderGraph(graph: Graph): string {
  const points = graph.series.flatMap((series) => series.points);
  const xTicks = ticks(Math.min(...points.map(([x]) => x), Infinity), Math.max(...points.map(([x]) => x), -Infinity), 8);
  const yTicks = ticks(0, Math.max(...points.map(([, y]) => y), 0), 5);
  const xOf = scale(xTicks, LEFT, WIDTH - RIGHT);
  const yOf = scale(yTicks, HEIGHT - BOTTOM, TOP);

  const grid = yTicks.map(
    (tick) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${yOf(tick)}" y2="${yOf(tick)}" stroke="#8885"/><text x="${LEFT - 8}" y="${yOf(tick) + 4}" text-anchor="end">${label(tick)}</text>`,
  );
  const xLabels = xTicks.map((tick) => `<text x="${xOf(tick)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${label(tick)}</text>`);
  const marks = graph.series.flatMap((series, index) => series.points.map(([x, y]) => mark(index, xOf(x), yOf(y))));
  let legendX = LEFT;
  const legend = graph.series.map((series, index) => {
    const item = `${mark(index, legendX + 5, 40, 'legend')}<text x="${legendX + 15}" y="44">${escapeXml(series.label)}</text>`;
    legendX += 32 + series.label.length * CHARACTER_WIDTH;
    return item;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" fill="#777">
<title>${escapeXml(graph.title)}</title>
<text x="${LEFT}" y="20" font-size="14" font-weight="600">${escapeXml(graph.title)}</text>
${legend.join('\n')}
${grid.join('\n')}
${xLabels.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escapeXml(graph.xTitle)}</text>
<text x="14" y="${(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle" transform="rotate(-90 14 ${(TOP + HEIGHT - BOTTOM) / 2})">${escapeXml(graph.yTitle)}</text>
${marks.join('\n')}
</svg>
`;
}

function mark(series: number, x: number, y: number, kind = 'point'): string {
  const color = COLORS[series % COLORS.length] ?? '#000';
  const at = `class="${kind}" fill="${color}" fill-opacity="0.8"`;
  if (series % 3 === 0) return `<circle cx="${round(x)}" cy="${round(y)}" r="4" ${at}/>`;
  if (series % 3 === 1) return `<rect x="${round(x - 3.5)}" y="${round(y - 3.5)}" width="7" height="7" ${at}/>`;
  return `<path d="M${round(x)} ${round(y - 5)}l5 9h-10z" ${at}/>`;
}

/** Round values from at or below `from` to at or above `to`. */
function ticks(from: number, to: number, count: number): number[] {
  if (!(to > from)) return Number.isFinite(from) ? [from, from + 1] : [0, 1];
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (([1, 2, 5] as const).find((each) => each * power >= rough) ?? 10) * power;
  const first = Math.floor(from / step);
  return Array.from({ length: Math.ceil(to / step) - first + 1 }, (_, index) => (first + index) * step);
}

function scale(values: readonly number[], from: number, to: number): (value: number) => number {
  const least = values[0] ?? 0;
  const span = (values.at(-1) ?? 1) - least || 1;
  return (value) => round(from + ((value - least) / span) * (to - from));
}

const round = (value: number): number => Math.round(value * 10) / 10;
const label = (value: number): string => String(Math.round(value * 1e6) / 1e6);
const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
