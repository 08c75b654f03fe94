// Every view of the page of a real cluster, at three widths and in both themes: nothing is cut, axe has nothing against it, the console
// stays empty.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { accessibilityFaults, launchBrowser, needsBrowser, newPage, screenshot, watchPage } from '../e2e/browser.ts';
import { overflowOf } from '../e2e/page-checks.ts';
import { fillCluster } from '../e2e/page-cluster.ts';
import { report } from './budget.ts';

/** By what is there once a view has something to show. */
const VIEWS = [
  ['', '[data-broker="3"]'],
  ['topics', '[data-topic="orders"]'],
  ['topics/orders?offset=20', '.details pre'],
  ['topics/clicks', 'article'],
  ['topics/gone', '.trouble'],
  ['search?topic=orders', '.search'],
  ['trace', '.trace'],
] as const;

describe('every view of the page', needsBrowser, () => {
  let browser: Browser;
  let brokers: LabBrokers;

  beforeAll(async () => {
    [browser, brokers] = await Promise.all([launchBrowser(), LabBrokers.start({ count: 3 })]);
    await fillCluster(brokers.url(1));
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await brokers?.end();
  });

  it('fits, and axe has nothing against it', async () => {
    let count = 0;
    for (const [view, there] of VIEWS) {
      const page = await newPage(browser);
      const watch = watchPage(page);
      await page.goto(`${brokers.url(1)}/#/${view}`);
      await page.locator(there).first().waitFor();
      if (view.startsWith('search')) {
        await page.getByLabel('What to search for').fill('wool');
        await page.keyboard.press('Enter');
        await page.locator('.found a').first().waitFor();
      }
      for (const width of [1440, 1024, 390]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 900 });
          await page.emulateMedia({ colorScheme });
          const of = `#/${view} at ${width}, ${colorScheme}`;
          expect(await overflowOf(page), of).toEqual([]);
          expect(await accessibilityFaults(page), of).toEqual([]);
          await screenshot(page, `view-${view.replaceAll(/\W/g, '-')}-${width}-${colorScheme}`);
          count++;
        }
      }
      // What the broker refuses, such as a topic that is not there, the browser says too.
      expect(watch.errors.filter((text) => !text.includes('Failed to load resource'))).toEqual([]);
      expect(watch.foreignRequests).toEqual([]);
      await page.close();
    }
    report(`${count} views of the page fit and satisfy axe`);
  }, 600_000);
});
