// `node scripts/screenshots.ts`: the pictures of docs/page.md, taken of three brokers of its own with a browser that the machine has (Debian: chromium).
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { LabBrokers } from '../src/lab/rig/brokers.ts';
import { launchBrowser, newPage } from '../test/e2e/browser.ts';
import { fillCluster } from '../test/e2e/page-cluster.ts';
import { reducePng } from './palette-png.ts';

const FOLDER = path.join(import.meta.dirname, '..', 'docs', 'page');
const BYTES_MAX = 60 * 1024;
const WINDOW = { width: 1200, height: 720 };

interface Picture {
  readonly name: string;
  readonly view: string;
  readonly isDark?: boolean;
  /** Until there is something to see. */
  readonly arrange: (page: Page) => Promise<void>;
}

const PICTURES: readonly Picture[] = [
  { name: 'topics', view: 'topics', arrange: (page) => page.locator('[data-topic="orders"] td', { hasText: '0' }).first().waitFor() },
  { name: 'topic', view: 'topics/orders?offset=42', arrange: (page) => page.locator('.details pre', { hasText: 'item' }).waitFor() },
  { name: 'topic-dark', view: 'topics/clicks', isDark: true, arrange: (page) => page.locator('article').last().waitFor() },
  {
    name: 'search',
    view: 'search?topic=orders',
    arrange: async (page) => {
      await page.getByLabel('What to search for').fill('wool');
      await page.keyboard.press('Enter');
      await page.locator('[data-search=whole]').waitFor();
    },
  },
  {
    name: 'trace',
    view: 'trace',
    arrange: async (page) => {
      await page.getByRole('button', { name: 'What this broker did last' }).click();
      await page.locator('[data-node]').first().waitFor();
    },
  },
  // The last, so that the brokers have something to tell of: a point each 5 s.
  {
    name: 'overview',
    view: '',
    arrange: async (page) => {
      await page.locator('[data-broker="3"]').waitFor();
      await page.locator('article').first().waitFor();
      await page.locator('[data-chart=requests] strong', { hasText: /\d/ }).waitFor();
    },
  },
];

const [browser, brokers] = await Promise.all([launchBrowser(), LabBrokers.start({ count: 3 })]);
try {
  const url = brokers.url(1);
  await fillCluster(url);
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, view, isDark = false, arrange } of PICTURES) {
    const page = await newPage(browser);
    await page.setViewportSize(WINDOW);
    await page.emulateMedia({ colorScheme: isDark ? 'dark' : 'light' });
    await page.goto(`${url}/#/${view}`);
    await arrange(page);
    const png = reducePng(await page.screenshot());
    if (png.length > BYTES_MAX) throw new Error(`Cannot keep the picture ${name}: it has ${png.length} bytes, more than ${BYTES_MAX}`);
    writeFileSync(path.join(FOLDER, `${name}.png`), png);
    console.log(`docs/page/${name}.png: ${png.length} bytes`);
    await page.close();
  }
} finally {
  await browser.close();
  await brokers.end();
}
