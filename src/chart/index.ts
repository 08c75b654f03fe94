/**
 * Pictures as text: values in, an SVG out that stands alone. All graphs of Cairn are drawn here: those of `cairn plot`, of the labs, of the benchmarks and
 * of the traces. A `Chart` has lines, points and bands over two axes, a `BarChart` bars with their errors, a `SpaceTime` processes, events and messages;
 * `renderPicture` draws any of them. The SVGs are written by hand: a plotting library would weigh sixty packages.
 *
 * It leaves out what the values mean, files and PNGs.
 */
import { type BarChart, renderBars } from './bars.ts';
import { type Chart, renderChart } from './chart.ts';
import { renderProblem, renderSpaceTime, type SpaceTime } from './space-time.ts';

export type { BarChart } from './bars.ts';
export type { Chart, Series } from './chart.ts';
export { withoutDark } from './dark.ts';
export { pictureWidth } from './frame.ts';
export { renderSpaceTime, type SpaceTime, type SpaceTimeEvent, type SpaceTimeFault } from './space-time.ts';
export { escapeXml } from './xml.ts';

export type Picture = Chart | BarChart | SpaceTime;

/** A space-time diagram that cannot be drawn becomes the sentence that says why. */
export function renderPicture(picture: Picture): string {
  if (picture.kind === 'chart') return renderChart(picture);
  if (picture.kind === 'bars') return renderBars(picture);
  const result = renderSpaceTime(picture);
  return result.ok ? result.svg : renderProblem(picture.title, result.problem);
}
