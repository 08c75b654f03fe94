// What the page says of the brokers and of itself, whatever state they are in, and that it fits its window.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchBrowser, needsBrowser, openPage, screenshot } from './browser.ts';
import type { FakeBroker } from './fake-broker.ts';

interface DOMBox {
  readonly left: number;
  readonly right: number;
  readonly width: number;
}

describe('what the page says, in a browser:', needsBrowser, () => {
  let browser: Browser;
  let broker: FakeBroker;
  let page: Page;
  let url: string;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    ({ broker, page, url } = await openPage(browser));
  });
  afterEach(async () => {
    await page.close();
    await broker.close();
  });

  it('names a broker that is missing', async () => {
    broker.missing.add(3);

    await page.goto(url);

    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toBe('Broker 3 does not answer. A majority is there: appending and reading go on.');
    expect(await page.getByRole('status').innerText()).toBe('2 of 3 brokers');
    expect(await page.locator('[data-broker="3"] .role').innerText()).toBe('does not answer');
    await screenshot(page, 'missing');
  });

  it('says that this broker is away, points to the others, and goes on by itself when it is back', async () => {
    broker.append('before');
    await page.goto(url);
    await page.locator('article', { hasText: 'before' }).waitFor();
    await page.locator('[data-broker="2"]').waitFor();

    broker.isAway = true;
    broker.dropFollowers();

    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.innerText()).toMatch(/^This broker does not answer\.[\s\S]*broker 2/);
    await screenshot(page, 'away');

    broker.isAway = false;
    broker.append('after');
    await page.locator('article', { hasText: 'after' }).waitFor();
    await alert.waitFor({ state: 'detached' });
    expect(await page.locator('article .value').allInnerTexts()).toEqual(['before', 'after']);
  });

  it('asks for the token where the broker wants one', async () => {
    broker.token = 'secret';
    broker.append('behind the token');
    await page.goto(url);

    await page.getByLabel('Token').fill('secret');
    await page.keyboard.press('Enter');

    await page.locator('article', { hasText: 'behind the token' }).waitFor();
    expect(await page.locator('[data-broker="1"]').count()).toBe(1);
  });

  it('says that a token is wrong, and takes the right one after it', async () => {
    broker.token = 'secret';
    broker.append('behind the token');
    await page.goto(url);
    await page.getByLabel('Token').fill('guess');
    await page.keyboard.press('Enter');

    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toBe('That token is wrong: this broker refuses it.');

    await page.getByLabel('Token').fill('secret');
    await page.keyboard.press('Enter');
    await page.locator('article', { hasText: 'behind the token' }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('tells a topic that is not there from one without a leader', async () => {
    await page.goto(`${url}/?topic=gone`);

    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toBe('There is no topic "gone": it was deleted, or never made.');
    expect(await page.getByRole('status').first().innerText()).toBe('No such topic');
    expect(await page.locator('.live').innerText()).toBe('Waiting');
  });

  it('is not live while nothing can come: no majority, or the broker was stopped', async () => {
    broker.append('one');
    await page.goto(url);
    const live = page.locator('.live:not(.off)');
    const waiting = page.locator('.live.off', { hasText: 'Waiting' });
    await live.waitFor();

    broker.missing.add(2).add(3);
    await waiting.waitFor();
    broker.missing.clear();
    await live.waitFor();

    broker.isStopped = true;
    await waiting.waitFor();
    expect(await page.getByRole('alert').innerText()).toContain('This broker does not answer');
  });

  it('shows how far the clocks of the others are from that of this broker', async () => {
    await page.goto(url);
    await page.locator('[data-broker="3"]').waitFor();

    const shown = await page.locator('.broker').allInnerTexts();

    expect(shown.map((text) => /Clock\s*(\S+ m?s)/.exec(text)?.[1] ?? null)).toEqual([null, '+12.3 ms', '−1.8 s']);
    expect(await page.locator('[data-broker="3"] .behind', { hasText: '−1.8 s' }).count()).toBe(1);
  });

  // All views at all widths and in both themes: test/long/page-views.test.ts.
  for (const [width, colorScheme] of [
    [1280, 'light'],
    [390, 'dark'],
  ] as const) {
    it(`fits ${width} pixels, ${colorScheme}`, async () => {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });
      broker.append('x'.repeat(3000));
      await page.goto(url);
      await page.locator('article').waitFor();
      await page.locator('[data-broker="3"]').waitFor();

      const widthOfPage = await page.evaluate<number>('document.documentElement.clientWidth');
      const boxes = await page
        .locator('h1, h2, h3, dd, button, input, select, .role, .state, .address')
        .evaluateAll((elements) =>
          elements.map((element) => ({ html: element.outerHTML, box: element.getBoundingClientRect().toJSON() as DOMBox })),
        );
      const outside = boxes.filter(({ box }) => box.width > 1 && (box.left < 0 || box.right > widthOfPage));

      expect(outside).toEqual([]);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(widthOfPage);
      await screenshot(page, `${width}-${colorScheme}`);
    });
  }
});
