// What holds of every view of the page, at every width and in both themes.
import type { Page } from 'playwright-core';

interface Box {
  readonly left: number;
  readonly right: number;
  readonly width: number;
}

/** Elements that reach over the edge of the window, but those in something that scrolls by itself; and whether the page scrolls sideways. */
export async function overflowOf(page: Page): Promise<string[]> {
  const width = await page.evaluate<number>('document.documentElement.clientWidth');
  const boxes = await page
    .locator('h1, h2, h3, dd, button, input, select, label, .state, .title, .panel, nav a')
    .evaluateAll((elements) =>
      elements
        .filter((element) => element.closest('.scroll, .records, .found, pre, .hidden') === null)
        .map((element) => ({ html: element.outerHTML.slice(0, 200), box: element.getBoundingClientRect().toJSON() as Box })),
    );
  const outside = boxes.filter(({ box }) => box.width > 1 && (box.left < 0 || box.right > width + 0.5)).map(({ html }) => html);
  const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth');
  return scrollWidth === width ? outside : [...outside, `the page is ${scrollWidth} wide in a window of ${width}`];
}
