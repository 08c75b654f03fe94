/**
 * The graphs of a timeline (`cairn plot`): bandwidth and delay, second by second, as SVG and PNG, and a page with both. PNGs are made by resvg,
 * with the fonts of the machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chartWidth, renderChart } from '../../chart/index.ts';
import { LogError } from '../../eventlog/index.ts';
import type { TimelineRun } from '../format.ts';
import { bandwidthChart, delayChart } from './charts.ts';
import { renderPage } from './page.ts';

export { bandwidthChart, delayChart } from './charts.ts';

/** Sharp on a dense screen and in print. */
const pngWidth = chartWidth * 2;

/** Writes NAME-bandwidth and NAME-delay, each as .svg and .png, and NAME.html; gives their paths. */
export async function plotTimeline(run: TimelineRun, folder: string, name: string): Promise<readonly string[]> {
  const { Resvg } = await import('@resvg/resvg-js');
  const written: string[] = [];
  const put = (file: string, content: string | Uint8Array): void => {
    const target = path.join(folder, file);
    writeFileSync(target, content);
    written.push(target);
  };
  try {
    mkdirSync(folder, { recursive: true });
    const svgs = [bandwidthChart(run), delayChart(run)].map(renderChart);
    for (const [index, svg] of svgs.entries()) {
      const what = index === 0 ? 'bandwidth' : 'delay';
      put(`${name}-${what}.svg`, svg);
      const font = { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' };
      put(`${name}-${what}.png`, new Resvg(svg, { fitTo: { mode: 'width', value: pngWidth }, font }).render().asPng());
    }
    put(`${name}.html`, renderPage(run, svgs));
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot write graphs to ${folder}: ${(error as Error).message}`, {}, { cause: error });
  }
  return written;
}
