// The page follows a topic whose records are large; and one that grows by 5,000 records a second: for ten minutes, or what its share of
// the budget leaves of them. An hour:
//
//     LIVE_MINUTES=60 npm run test:long -- --minutes 65 page-live
import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { launchBrowser, needsBrowser, newPage, watchPage } from '../e2e/browser.ts';
import { report, timeLeftMs } from './budget.ts';

const MINUTES = Number(process.env['LIVE_MINUTES'] ?? 10);
/** What comes into a topic. */
interface Flow {
  readonly topic: string;
  /** Of each record. */
  readonly bytes: number;
  readonly recordsPerSecond: number;
  /** Of one request. */
  readonly recordsMax: number;
}
const MANY: Flow = { topic: 'live', bytes: 100, recordsPerSecond: 5000, recordsMax: 5000 };
const LARGE: Flow = { topic: 'large', bytes: 1_000_000, recordsPerSecond: 10, recordsMax: 5 };
const HEAP_BYTES_MAX = 150 * 2 ** 20;
const SAMPLE_MS = 2000;
/** So long it takes at least, whatever the budget, to be worth its start. */
const MS_MIN = 30_000;

/** Appends at that rate until stopped; what a busy machine could not do in time it does in the next turn, in part. */
async function produce(url: string, { topic, bytes, recordsPerSecond, recordsMax }: Flow, stop: AbortSignal): Promise<number> {
  const line = `${'x'.repeat(bytes - 1)}\n`;
  const startedMs = performance.now();
  let sent = 0;
  while (!stop.aborted) {
    const owed = Math.floor(((performance.now() - startedMs) / 1000) * recordsPerSecond) - sent;
    const count = Math.min(owed, recordsMax);
    if (count > 0) {
      const response = await fetch(`${url}/v1/topics/${topic}/records`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: line.repeat(count),
      });
      if (!response.ok) throw new Error(`the append was answered ${response.status}: ${await response.text()}`);
      sent += count;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return sent;
}

async function heapBytes(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN;
}

describe('the page beside a topic that grows fast', needsBrowser, () => {
  let browser: Browser;
  let brokers: LabBrokers;

  beforeAll(async () => {
    [browser, brokers] = await Promise.all([launchBrowser(), LabBrokers.start({ count: 1 })]);
    for (const { topic } of [MANY, LARGE]) await brokers.client().createTopic(topic, { retentionBytes: 64 * 2 ** 20 });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await brokers?.end();
  });

  /** Follows it for so long. */
  async function followed(flow: Flow, lengthMs: number): Promise<{ readonly page: Page; readonly heapBytesMax: number }> {
    const page = await newPage(browser);
    const watch = watchPage(page);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    await page.goto(`${brokers.url(1)}/#/topics/${flow.topic}`);
    await page.locator('.nothing, article').first().waitFor();
    const stop = new AbortController();
    const produced = produce(brokers.url(1), flow, stop.signal);
    const untilMs = Date.now() + lengthMs;

    let heapBytesMax = 0;
    const newest = async (): Promise<number> => Number((await page.locator('article .offset').last().innerText()).replaceAll(',', ''));
    let before = -1;
    while (Date.now() < untilMs) {
      await page.waitForTimeout(SAMPLE_MS);
      heapBytesMax = Math.max(heapBytesMax, await heapBytes(session));
      await expect.poll(newest, { timeout: 60_000, message: 'the newest offset shown moves on' }).toBeGreaterThan(before);
      before = await newest();
      expect(await page.locator('article').count()).toBeLessThanOrEqual(300);
    }
    stop.abort();
    const sent = await produced;

    // What was appended last is shown once nothing more comes: following has not fallen behind.
    const end = await brokers.client().end({ topic: flow.topic, freshness: 'linearizable' });
    await expect.poll(newest, { timeout: 60_000 }).toBe(end.offset - 1);
    report(
      `${(lengthMs / 60_000).toFixed(1)} minutes at ${((sent * 1000) / lengthMs).toFixed(0)} records/s of ${flow.bytes} bytes: JS heap at most ${(heapBytesMax / 2 ** 20).toFixed(0)} MiB`,
    );
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
    return { page, heapBytesMax };
  }

  it(
    `stays within ${HEAP_BYTES_MAX / 2 ** 20} MiB where each record has a megabyte, and is scrolled back to the first one kept`,
    async () => {
      const { page, heapBytesMax } = await followed(LARGE, MS_MIN);

      await page.getByRole('button', { name: 'Oldest' }).click();
      await page.locator('.edge', { hasText: /^Begins at offset|^The beginning/ }).waitFor();
      await page.locator('article').first().getByRole('button', { name: 'show all' }).click();
      await expect
        .poll(async () => (await page.locator('article').first().locator('.value').innerText()).length, { timeout: 60_000 })
        .toBeGreaterThanOrEqual(LARGE.bytes - 1);

      expect(heapBytesMax).toBeLessThan(HEAP_BYTES_MAX);
      await page.close();
    },
    5 * 60_000,
  );

  it(
    `stays within ${HEAP_BYTES_MAX / 2 ** 20} MiB where many come, goes on showing what is new, and says what it could not show`,
    async () => {
      const lengthMs = Math.max(MS_MIN, Math.min(MINUTES * 60_000, timeLeftMs() - MS_MIN));

      const { page, heapBytesMax } = await followed(MANY, lengthMs);

      const passedOver = Number((await page.locator('[data-passed-over]').getAttribute('data-passed-over')) ?? 0);
      report(`${passedOver} records not drawn`);
      expect(heapBytesMax).toBeLessThan(HEAP_BYTES_MAX);
      expect(passedOver).toBeGreaterThan(0);
    },
    (MINUTES + 5) * 60_000,
  );
});
