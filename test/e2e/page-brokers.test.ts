// The page as a real broker serves it, in a real browser.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { launchBrowser, needsBrowser, newPage, screenshot, watchPage } from './browser.ts';
import { fillCluster } from './page-cluster.ts';

describe('the page of a real broker', needsBrowser, () => {
  let browser: Browser;
  let brokers: LabBrokers;

  beforeAll(async () => {
    [browser, brokers] = await Promise.all([launchBrowser(), LabBrokers.start({ count: 3 })]);
  });
  afterAll(async () => {
    await browser?.close();
    await brokers?.end();
  });

  it('shows a topic of several partitions in order of log time, back to its first record, and one partition alone', async () => {
    await fillCluster(brokers.url(1));
    const page = await newPage(browser);
    const watch = watchPage(page);
    await page.goto(`${brokers.url(2)}/#/topics/clicks`);
    await expect.poll(() => page.locator('article').count()).toBe(200);
    expect(await page.locator('.edge').innerText()).toBe('The beginning');
    expect(await page.getByLabel('Offset').isDisabled()).toBe(true);

    await page.getByLabel('Partition').selectOption('2');
    await expect
      .poll(() => page.locator('article .offset').allInnerTexts())
      .toSatisfy((of: string[]) => of.length > 0 && of.every((each) => each.startsWith('2/')));
    await page.getByLabel('Offset').fill('3');
    await page.getByLabel('Offset').press('Enter');
    await page.getByRole('heading', { name: 'Partition 2, offset 3' }).waitFor();
    await expect
      .poll(() => page.locator('.details').innerText())
      .toMatch(/Key\s+session-\d+[\s\S]*Batch\s+\d+ records, offsets 1 to \d+, [\d.]+ (KiB|B), term \d+\s+producer \d+/);
    expect(await page.locator('.details').innerText()).toMatch(/Known to have it now: brokers \d(, \d)+ of 1, 2, 3/);
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
    await page.close();
  });

  it('appends a line, shows its acknowledgement and the line, names a broker that was killed, and asks nobody else', async () => {
    const page = await newPage(browser);
    const watch = watchPage(page);
    await page.goto(brokers.url(1));
    await page.locator('[data-broker="3"]').waitFor();
    expect(await page.locator('.broker.leads').count()).toBe(1);

    await page.getByLabel('Line to append to log').fill('<script>document.title = "owned"</script> and \u001b[31mred');
    await page.keyboard.press('Enter');

    const outcome = page.locator('[data-outcome=acknowledged]');
    await outcome.waitFor();
    expect(await outcome.innerText()).toMatch(
      /Offset\s*\d+\s*Term\s*\d+\s*Level\s*quorum\s*On brokers\s*\d, \d(, \d)? of 3\s*Durable\s*yes/,
    );
    await page.locator('article', { hasText: 'and' }).waitFor();
    expect(await page.locator('article .value').last().innerText()).toBe(
      String.raw`<script>document.title = "owned"</script> and \x1b[31mred`,
    );
    expect(await page.title()).toBe('Cairn');

    await page.getByRole('combobox', { name: 'Topic' }).selectOption('cairn.events');
    await page.locator('article', { hasText: 'started' }).first().waitFor();

    await page.getByRole('combobox', { name: 'Topic' }).selectOption('log');
    await brokers.kill(3);
    await page.locator('[data-broker="3"].missing').waitFor();
    expect(await page.getByRole('alert').innerText()).toContain('Broker 3 does not answer');
    await page.locator('[data-vertex="3"].missing').waitFor();
    await page.locator('.events li', { hasText: 'Broker 1 started' }).waitFor();
    expect(await page.locator('.vertex.replica').count()).toBe(3);
    await page.locator('[data-chart="requests"] .chart[aria-label*=" now, "]').waitFor();
    expect(await page.locator('[data-chart="records"] .chart').getAttribute('aria-label')).toMatch(
      /^records appended a second: [\d.]+ now/,
    );
    await screenshot(page, 'brokers');
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });
});
