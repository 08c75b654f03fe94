// The page follows a topic that grows by 5,000 records a second: for ten minutes, or what its share of the budget leaves of them. An hour:
//
//     LIVE_MINUTES=60 npm run test:long -- --minutes 65 page-live
import type { Browser, CDPSession } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { launchBrowser, needsBrowser, newPage, watchPage } from '../e2e/browser.ts';
import { report, timeLeftMs } from './budget.ts';

const MINUTES = Number(process.env['LIVE_MINUTES'] ?? 10);
const RECORDS_PER_SECOND = 5000;
const LINE = `${'x'.repeat(99)}\n`;
const HEAP_BYTES_MAX = 150 * 2 ** 20;
const SAMPLE_MS = 2000;
/** So long it takes at least, whatever the budget, to be worth its start. */
const MS_MIN = 30_000;

/** Appends at that rate until stopped; what a busy machine could not do in time it does in the next turn, in part. */
async function produce(url: string, stop: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  let sent = 0;
  while (!stop.aborted) {
    const owed = Math.floor(((performance.now() - startedMs) / 1000) * RECORDS_PER_SECOND) - sent;
    const count = Math.min(owed, RECORDS_PER_SECOND);
    if (count > 0) {
      const response = await fetch(`${url}/v1/topics/live/records`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: LINE.repeat(count),
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
    await brokers.client().createTopic('live', { retentionBytes: 64 * 2 ** 20 });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await brokers?.end();
  });

  it(
    `stays within ${HEAP_BYTES_MAX / 2 ** 20} MiB, goes on showing what is new, and says what it could not show`,
    async () => {
      const page = await newPage(browser);
      const watch = watchPage(page);
      const session = await page.context().newCDPSession(page);
      await session.send('Performance.enable');
      await page.goto(`${brokers.url(1)}/#/topics/live`);
      await page.locator('.nothing, article').first().waitFor();
      const stop = new AbortController();
      const produced = produce(brokers.url(1), stop.signal);
      const lengthMs = Math.max(MS_MIN, Math.min(MINUTES * 60_000, timeLeftMs() - MS_MIN));
      const untilMs = Date.now() + lengthMs;

      const heaps: number[] = [];
      const newest = async (): Promise<number> => Number((await page.locator('article .offset').last().innerText()).replaceAll(',', ''));
      let before = -1;
      while (Date.now() < untilMs) {
        await page.waitForTimeout(SAMPLE_MS);
        heaps.push(await heapBytes(session));
        await expect.poll(newest, { timeout: 60_000, message: 'the newest offset shown moves on' }).toBeGreaterThan(before);
        before = await newest();
        expect(await page.locator('article').count()).toBeLessThanOrEqual(300);
      }
      stop.abort();
      const sent = await produced;

      // What was appended last is shown once nothing more comes: following has not fallen behind.
      const end = await brokers.client().end({ topic: 'live', freshness: 'linearizable' });
      await expect.poll(newest, { timeout: 60_000 }).toBe(end.offset - 1);
      const passedOver = Number((await page.locator('[data-passed-over]').getAttribute('data-passed-over')) ?? 0);
      report(
        `${(lengthMs / 60_000).toFixed(1)} minutes at ${((sent * 1000) / lengthMs).toFixed(0)} records/s: JS heap at most ${(Math.max(...heaps) / 2 ** 20).toFixed(0)} MiB, ${passedOver} records not drawn`,
      );
      expect(Math.max(...heaps)).toBeLessThan(HEAP_BYTES_MAX);
      expect(passedOver).toBeGreaterThan(0);
      expect(watch).toEqual({ errors: [], foreignRequests: [] });
    },
    (MINUTES + 5) * 60_000,
  );
});
