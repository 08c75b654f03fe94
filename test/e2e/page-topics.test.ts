// The views of all topics and of one, in a browser.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessibilityFaults, launchBrowser, needsBrowser, openPage, screenshot, type PageWatch } from './browser.ts';
import type { FakeBroker } from './fake-broker.ts';
import { overflowOf } from './page-checks.ts';

describe('topics on the page, in a browser', needsBrowser, () => {
  let browser: Browser;
  let broker: FakeBroker;
  let page: Page;
  let watch: PageWatch;
  let url: string;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    ({ broker, page, watch, url } = await openPage(browser));
  });
  afterEach(async () => {
    await page.close();
    await broker.close();
  });

  it('lists topics by prefix and by any column, a page of many at a time', async () => {
    for (let index = 0; index < 1200; index++) broker.topics.set(`many.${String(index).padStart(4, '0')}`, {});
    broker.topics.set('big', {
      partition: { leader: null, replicas: [1, 3], logStartOffset: 5, highWatermark: 9000, sizeBytes: 5_000_000 },
    });
    await page.goto(`${url}/#/topics`);
    await page.locator('[data-topic="many.0096"]').waitFor();
    expect(await page.locator('tbody tr').count()).toBe(100);
    expect(await page.locator('.pages').innerText()).toMatch(/Page 1 of 13/);

    await page.getByRole('button', { name: 'Next' }).click();
    await page.locator('[data-topic="many.0100"]').waitFor();
    await page.getByRole('searchbox').fill('big');
    await page.locator('[data-topic="big"]').waitFor();
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    expect(await page.locator('[data-topic="big"]').innerText()).toMatch(/big\s+–?[\d.]*\s+9,000\s+4\.8 MiB\s+1\s+none\s+keeps all/);

    await page.getByRole('searchbox').fill('');
    await page.locator('[data-topic="log"], [data-topic="many.0000"]').first().waitFor();
    await page.getByRole('button', { name: 'End' }).click();
    await expect.poll(() => page.locator('tbody tr').first().getAttribute('data-topic')).toBe('big');
    expect(await page.locator('th[aria-sort=descending]').innerText()).toContain('End');
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  it('creates a topic, and deletes it once its name is typed', async () => {
    await page.goto(`${url}/#/topics`);
    await page.getByRole('button', { name: 'Create a topic' }).click();
    await page.getByLabel('Name').fill('orders');
    await page.getByLabel('Partitions').fill('4');
    await page.getByLabel('in size').fill('64M');
    expect(await page.locator('.create .wrong').innerText()).toContain('64MiB');
    await page.getByLabel('in size').fill('64MiB');
    await page.getByLabel('in time').fill('7d');
    await page.getByRole('button', { name: 'Create', exact: true }).click();

    await page.getByRole('link', { name: 'orders' }).waitFor();
    expect(broker.created).toEqual([
      {
        name: 'orders',
        retentionBytes: 67_108_864,
        retentionMs: 604_800_000,
        retentionRecords: null,
        retentionUntilRead: false,
        partitions: 4,
      },
    ]);

    await page.getByRole('button', { name: 'Delete orders' }).click();
    expect(await page.getByRole('dialog').innerText()).toMatch(
      /All that it holds is lost, on all brokers that keep it \(1, 2, 3\): 1 offsets/,
    );
    const ask = page.getByRole('button', { name: 'Delete it' });
    await page.getByLabel('Type the name').fill('order');
    expect(await ask.isDisabled()).toBe(true);
    await page.getByLabel('Type the name').fill('orders');
    await screenshot(page, 'delete');
    await ask.click();
    await page.getByRole('link', { name: 'orders' }).waitFor({ state: 'detached' });
    expect(broker.topics.has('orders')).toBe(false);
    expect(await page.getByRole('button', { name: 'Delete log' }).count()).toBe(0);
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  it('goes to an offset and to a time, back to the first record, and says why an offset is missing', async () => {
    const startMs = Date.UTC(2026, 10, 30, 12);
    for (let index = 0; index < 500; index++) broker.append(`record ${index}`, { timestamp: startMs + index * 1000 });
    broker.elect();
    for (let index = 500; index < 1000; index++) broker.append(`record ${index}`, { timestamp: startMs + index * 1000 });
    await page.goto(`${url}/#/topics/log?offset=450`);
    const first = page.locator('article').first();
    await page.locator('article', { hasText: 'record 449' }).waitFor();
    await page.getByRole('heading', { name: 'offset 450' }).waitFor();

    const gap = page.locator('.gap', { hasText: 'Offset 501 holds no record' });
    await gap.getByRole('button', { name: 'why?' }).click();
    await expect.poll(() => gap.innerText()).toContain('Before it is term 3, behind it term 4: each leader begins its term with an entry');

    await page.getByLabel('Time', { exact: true }).fill(localTime(startMs + 900_000));
    await page.getByRole('button', { name: 'Go', exact: true }).last().click();
    await page.locator('article', { hasText: 'record 900' }).waitFor();
    expect(page.url()).toContain(`time=${startMs + 900_000}`);

    await page.getByRole('log').focus();
    await page.keyboard.press('Home');
    await page.locator('article', { hasText: 'record 0' }).first().waitFor();
    expect(await first.locator('.value').innerText()).toBe('record 0');
    expect(await page.locator('.live').innerText()).toBe('Back in time');
    expect(await page.locator('.edge').innerText()).toBe('The beginning');
    // To the end by the wheel alone: what is behind is read as it comes near, and nothing is left out.
    await page.getByRole('log').hover();
    await expect
      .poll(
        async () => {
          await page.mouse.wheel(0, 4000);
          return page.locator('.live').innerText();
        },
        { timeout: 60_000 },
      )
      .toBe('Live');
    await page.locator('article', { hasText: 'record 999' }).waitFor();
    expect(await page.locator('article').count()).toBe(300);
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  it('shows all that there is to know of a record, by keyboard alone', async () => {
    broker.append('plain');
    broker.append('{"id":12345678901234567890,"tags":["a","<b>"]}', { headers: { shop: 'Troms\u00f8 \u202e', 'x<y': '1' } });
    await page.goto(`${url}/#/topics/log`);
    await page.locator('article', { hasText: 'tags' }).waitFor();

    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.locator('.details pre', { hasText: 'plain' }).waitFor();
    await page.keyboard.press('j');

    const value = page.locator('.details pre');
    await expect.poll(() => value.innerText()).toBe('{\n  "id": 12345678901234567890,\n  "tags": [\n    "a",\n    "<b>"\n  ]\n}');
    const details = await page.locator('.details').innerText();
    expect(details).toMatch(/Log time\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+−]\d\d:\d\d/);
    expect(details).toMatch(/Event time\s+\d{4}-\d\d-\d\d/);
    expect(details).toContain('Troms\u00f8 \\u{202e}');
    expect(details).toMatch(/this record alone, \d+ B, term 3\s+producer 77, epoch 0, sequence 4/);
    expect(details).toMatch(/committed: a majority has it\. Known to have it now: brokers 1, 2 of 1, 2, 3/);
    expect(await accessibilityFaults(page)).toEqual([]);
    await screenshot(page, 'details');
    await page.getByRole('button', { name: 'JSON' }).click();
    expect(await value.innerText()).toBe('{"id":12345678901234567890,"tags":["a","<b>"]}');

    await page.keyboard.press('Escape');
    await page.locator('.details').waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    await page.keyboard.type('PLAIN');
    await expect.poll(() => page.locator('article').count()).toBe(1);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('article').count()).toBe(2);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  it('says how many are new while it is paused', async () => {
    broker.append('one');
    await page.goto(`${url}/#/topics/log`);
    await page.locator('article', { hasText: 'one' }).waitFor();
    await page.locator('.live:not(.off)').waitFor();
    await page.keyboard.press('p');
    broker.append('two');
    broker.append('three');

    await expect.poll(() => page.locator('.news').allInnerTexts()).toEqual(['2 new']);
    expect(await page.locator('article').count()).toBe(1);
    await page.keyboard.press('p');
    await page.locator('article', { hasText: 'three' }).waitFor();
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  it('changes its theme by hand, and keeps that for the tab', async () => {
    await page.goto(`${url}/#/topics`);
    const theme = (): Promise<string | null> => page.locator('html').getAttribute('data-theme');
    expect(await theme()).toBe('light');

    await page.getByRole('button', { name: 'Dark theme' }).click();
    expect(await theme()).toBe('dark');
    await page.reload();
    expect(await theme()).toBe('dark');
    await page.getByRole('button', { name: 'Dark theme' }).click();
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(theme).toBe('dark');
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  // All views at all widths and in both themes: test/long/page-views.test.ts.
  for (const [view, width, colorScheme] of [
    ['topics', 390, 'light'],
    ['topics/log', 1024, 'dark'],
  ] as const) {
    it(`fits ${width} pixels, ${colorScheme}, and axe has nothing against it: ${view}`, async () => {
      broker.append('x'.repeat(3000));
      broker.append('{"short":1}');
      broker.topics.set('a.rather.long.name.of.a.topic.as.programs.make.them', { settings: { retentionBytes: 1e9, retentionMs: 1e9 } });
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });

      await page.goto(`${url}/#/${view}`);
      await page.locator('[data-topic], article').first().waitFor();
      await expect.poll(() => page.getByRole('status').first().innerText()).toBe('3 of 3 brokers');

      expect(await overflowOf(page)).toEqual([]);
      expect(await accessibilityFaults(page)).toEqual([]);
      await screenshot(page, `${view.replace('/', '-')}-${width}-${colorScheme}`);
      expect(watch).toEqual({ errors: [], foreignRequests: [] });
    });
  }
});

/** As a field for a local time holds it, of a whole minute. */
function localTime(ms: number): string {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}
