/**
 * The graphs of a timeline (`cairn plot`): bandwidth and delay, second by second, as SVG and PNG, and a page with both. PNGs are made by resvg,
 * with the fonts of the machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderPicture } from '../../chart/index.ts';
import { LogError } from '../../eventlog/index.ts';
import type { TimelineRun } from '../format.ts';
import { bandwidthChart, delayChart } from './charts.ts';
import { renderPage } from './page.ts';
import { renderPng } from './png.ts';

export { bandwidthChart, delayChart } from './charts.ts';
export { renderPng } from './png.ts';

export interface PlotSource {
  /** Of the files. */
  readonly name: string;
  /** The file that the run is in. */
  readonly timeline: string;
  /** What draws the same again. */
  readonly command: string;
}

/** Writes NAME-bandwidth and NAME-delay, each as .svg and .png, and NAME.html; gives their paths. */
export async function plotTimeline(run: TimelineRun, folder: string, { name, timeline, command }: PlotSource): Promise<readonly string[]> {
  const written: string[] = [];
  const put = (file: string, content: string | Uint8Array): void => {
    const target = path.join(folder, file);
    writeFileSync(target, content);
    written.push(target);
  };
  try {
    mkdirSync(folder, { recursive: true });
    const svgs = [bandwidthChart(run), delayChart(run)].map(renderPicture);
    const fileOf = (index: number): string => `${name}-${index === 0 ? 'bandwidth' : 'delay'}`;
    for (const [index, svg] of svgs.entries()) put(`${fileOf(index)}.svg`, svg);
    const files = [path.relative(folder, timeline), ...svgs.flatMap((_, index) => [`${fileOf(index)}.svg`, `${fileOf(index)}.png`])];
    put(`${name}.html`, renderPage(run, svgs, { files, command }));
    for (const [index, svg] of svgs.entries()) put(`${fileOf(index)}.png`, await renderPng(svg));
  } catch (error) {
    if (error instanceof LogError) throw error;
    throw new LogError('dataUnusable', `Cannot write graphs to ${folder}: ${(error as Error).message}`, {}, { cause: error });
  }
  return written;
}
