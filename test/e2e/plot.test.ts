// The graphs in a real browser: no text lies on another one, or leaves the picture.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import type { TimelineRun } from '../../src/timeline/index.ts';
import { type Picture, renderPicture } from '../../src/chart/index.ts';
import { bandwidthChart, delayChart } from '../../src/timeline/plot/index.ts';
import { bars, charts, election } from '../support/pictures.ts';
import { launchBrowser, needsBrowser } from './browser.ts';

function run(seconds: number, scale: number): TimelineRun {
  const fields = { events: 3, untimed: 0, bytes: Math.round(252 * scale), exact: true, negative: 0 };
  const delays = { minMs: -0.1 * scale, medianMs: 0.2, p90Ms: 0.4, maxMs: 3 * scale };
  const counts = { nodes: 1, printed: 0, stored: null, unstored: 0, joined: [], left: [] };
  const totals = Array.from({ length: seconds }, (_, second) => ({ second, node: null, address: null, ...fields, ...delays, ...counts }));
  const scenario = 'eight nodes, 5 Hz each, 100 s, on one machine with a name that is rather long, as names of scenarios may be';
  return { header: { cairn: 'timeline', version: 1, start: 1, port: 1, scenario }, totals, nodes: [] };
}

interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Runs in the page. */
const measure = `(() => {
  const boxOf = (element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return { text: element.textContent, left, right, top, bottom };
  };
  return { boxes: [...document.querySelectorAll('svg text')].map(boxOf), picture: boxOf(document.querySelector('svg')) };
})()`;

/** Runs in the page: the colour behind everything, and those of texts, lines and marks; of the grid, which is to be faint, none. */
const coloursSeen = `(() => {
  const [paper, ...others] = document.querySelectorAll('svg text, svg > rect, svg line:not(.grid), svg polyline, svg circle, svg path, svg polygon');
  const colours = others.flatMap((element) => { const { fill, stroke } = getComputedStyle(element); return [fill, stroke]; });
  return { paper: getComputedStyle(paper).fill, drawn: [...new Set(colours)].filter((colour) => colour !== 'none' && colour !== getComputedStyle(paper).fill) };
})()`;

/** As WCAG 2 counts it. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map((each) => {
      const part = Number(each) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  const [dark = 1, light = 1] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return light / dark;
}

describe('the graphs in a browser', needsBrowser, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test.each([
    [1, 1],
    [100, 1],
    [100, 5_000],
    [10_000, 0.01],
    [10, 1e6],
    [10, 1e12],
  ])('of %i seconds (values times %f) have no text that overlaps another or is cut', async (seconds, scale) => {
    const page = await browser.newPage({ viewport: { width: 1300, height: 700 } });
    await expectNoTextFaults(page, [bandwidthChart(run(seconds, scale)), delayChart(run(seconds, scale))]);
    await page.close();
  });

  test.each([
    ['light', 'rgb(255, 255, 255)', 1.5],
    ['dark', 'rgb(21, 26, 24)', 3],
  ] as const)(
    'are %s on a screen that is, with all that is drawn told from what is behind it',
    async (colorScheme, paper, contrastLeast) => {
      const page = await browser.newPage({ viewport: { width: 1300, height: 700 }, colorScheme });
      for (const picture of [...charts.map(([, chart]) => chart), ...bars.map(([, chart]) => chart), election]) {
        await page.setContent(`<body style="margin:0">${renderPicture(picture)}</body>`);
        const seen = (await page.evaluate(coloursSeen)) as { readonly paper: string; readonly drawn: readonly string[] };

        expect(seen.paper, picture.title).toBe(paper);
        for (const colour of seen.drawn) expect(contrast(colour, paper), `${colour} of "${picture.title}"`).toBeGreaterThan(contrastLeast);
      }
      await page.close();
    },
  );

  test('of every other kind have none either', async () => {
    const page = await browser.newPage({ viewport: { width: 1300, height: 700 } });
    await expectNoTextFaults(page, [...charts.map(([, chart]) => chart), ...bars.map(([, chart]) => chart), election]);
    await page.close();
  });
});

async function expectNoTextFaults(page: Page, pictures: readonly Picture[]): Promise<void> {
  for (const chart of pictures) {
    await page.setContent(`<body style="margin:0">${renderPicture(chart)}</body>`);
    const { boxes, picture } = (await page.evaluate(measure)) as { readonly boxes: readonly Box[]; readonly picture: Box };

    expect(boxes.length).toBeGreaterThan(3);
    for (const [index, box] of boxes.entries()) {
      const isInside = box.left >= picture.left && box.right <= picture.right && box.top >= picture.top && box.bottom <= picture.bottom;
      expect(isInside, `"${box.text}" of "${chart.title}" is inside`).toBe(true);
      for (const other of boxes.slice(index + 1)) {
        const overlaps = box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom;
        expect(overlaps, `"${box.text}" and "${other.text}" of "${chart.title}" overlap`).toBe(false);
      }
    }
  }
}
