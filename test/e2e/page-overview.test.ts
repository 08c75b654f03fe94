// What the overview shows: the last minutes, what happened in them, and the cube.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HistorySample } from '../../src/eventlog/index.ts';
import { accessibilityFaults, launchBrowser, needsBrowser, openPage, type PageWatch, screenshot } from './browser.ts';
import type { FakeBroker } from './fake-broker.ts';

const everyMs = 5000;

/** A quarter of an hour of a broker, the newest sample a moment ago: 20 records and 4 requests a second, and 400 records a second 5 minutes ago. */
function quarterOfAnHour(more: Partial<HistorySample> = {}): readonly HistorySample[] {
  const nowMs = Date.now() - 1000;
  return Array.from({ length: 180 }, (_, index) => {
    const agoMs = (179 - index) * everyMs;
    const isBusy = agoMs > 280_000 && agoMs < 320_000;
    const counts = { appendedRecords: isBusy ? 2000 : 100, appendedBytes: 0, readRecords: 250, readBytes: 0, requests: 20 };
    return { endMs: nowMs - agoMs, seconds: 5, ...counts, elections: 0, leaderChanges: 0, syncP99Ms: 3, loopLagMs: 0.5, ...more };
  });
}

const placementOf = (topic: string, ids: readonly number[], home: number, others: readonly number[], route: readonly number[]): object => {
  const replica = { bit: null, reachable: true, matchOffset: 1 };
  return {
    topic,
    placement: 'hypercube',
    hash: '0'.repeat(64),
    dimensions: Math.ceil(Math.log2(ids.length)),
    asked: 1,
    brokers: ids.map((id, vertex) => ({ id, vertex, reachable: true })),
    partitions: [
      {
        partition: 0,
        group: 2,
        vertex: home - 1,
        folded: [],
        replicas: [{ broker: home, why: 'home', ...replica }, ...others.map((broker) => ({ broker, why: 'neighbour', ...replica }))],
        awayFromHome: false,
        leader: route.at(-1) ?? null,
        term: 3,
        leaderSinceMs: null,
        notLedByHome: null,
        lossesSurvived: 1,
        route,
      },
    ],
  };
};

describe('the overview, in a browser', needsBrowser, () => {
  let browser: Browser;
  let broker: FakeBroker;
  let page: Page;
  let watch: PageWatch;
  let url: string;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    ({ broker, page, watch, url } = await openPage(browser));
  });
  afterEach(async () => {
    if (watch.errors.length + watch.foreignRequests.length > 0) throw new Error(`the page did what it must not: ${JSON.stringify(watch)}`);
    await page.close();
    await broker.close();
  });

  const chart = (name: string) => page.locator(`[data-chart="${name}"] .chart`);

  it('shows what was before it was opened: records and requests apart, of all brokers together', async () => {
    broker.history = { 1: quarterOfAnHour(), 2: quarterOfAnHour({ syncP99Ms: 7 }), 3: quarterOfAnHour({ requests: 0 }) };

    await page.goto(url);

    await chart('records').locator('canvas').waitFor();
    expect(await chart('records').getAttribute('aria-label')).toBe(
      'records appended a second: 60 now, 1200 at most; records read a second: 150 now, 150 at most',
    );
    expect(await chart('requests').getAttribute('aria-label')).toBe('HTTP requests a second: 8 now, 8 at most');
    expect(await chart('times').getAttribute('aria-label')).toContain('99th percentile of syncs: 7.0 ms now, 7.0 ms at most');
    expect(await page.locator('[data-chart="records"] figcaption').innerText()).toMatch(
      /Records appended a second 60\s+Records read a second 150/,
    );
    // Whoever points at one chart is told of that moment in all of them.
    await chart('records').hover();
    await page.locator('[data-chart="records"] .pointed').waitFor();
    expect(await page.locator('.pointed span').allInnerTexts()).toEqual(['60', '150', '8', '7.0 ms', '0.5 ms', '–']);
    await screenshot(page, 'overview');
  });

  it('names a broker whose part is missing, and goes on with what the others tell', async () => {
    broker.missing.add(3);
    broker.history = { 1: quarterOfAnHour(), 2: quarterOfAnHour() };

    await page.goto(url);

    await page.getByText('Broker 3 did not answer: the newest sums are without.').waitFor();
    expect(await chart('records').getAttribute('aria-label')).toContain('records appended a second: 40 now');
  });

  it('says each time once on the charts of brokers that have nothing to tell yet', async () => {
    broker.history = { 1: [], 2: [], 3: [] };
    // What each canvas says along its time, since it was last wiped.
    const content = `
      const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.clearRect = function (...area) {
        this.canvas.dataset.times = '';
        clearRect.apply(this, area);
      };
      CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
        if (text === 'now' || text.startsWith('−')) this.canvas.dataset.times += text + ';';
        fillText.call(this, text, ...place);
      };`;
    await page.addInitScript({ content });

    await page.goto(url);

    await chart('times').locator('canvas').waitFor();
    const labels = await page.locator('canvas').evaluateAll((all) => all.map((canvas) => canvas.getAttribute('data-times')));
    expect(labels).toEqual(['now;−30 s;', 'now;−30 s;', 'now;−30 s;']);
  });

  it('says that a broker of before keeps no history', async () => {
    broker.history = null;

    await page.goto(url);

    await page.getByText('This broker is of a version that keeps no history.').waitFor();
    // A browser says of each 404 that there was one.
    expect(watch.errors.splice(0).every((error) => error.includes('404'))).toBe(true);
  });

  it('tells what happened, in words and as marks, and what comes while it is open', async () => {
    const nowMs = Date.now();
    broker.history = { 1: quarterOfAnHour() };
    const events: readonly object[] = [
      { atMs: nowMs - 700_000, broker: 1, event: 'started', version: '0.1.0', incarnation: 1 },
      { atMs: nowMs - 690_000, broker: 1, event: 'load', appends: 3 },
      { atMs: nowMs - 300_000, broker: 1, event: 'fault', kind: 'partition', groups: '1,2|3' },
      { atMs: nowMs - 298_000, broker: 1, event: 'election', group: 2, term: 4 },
      { atMs: nowMs - 297_000, broker: 1, event: '<b>bold</b>\u001b[31m' },
      // Broker 3 is 1.8 s behind.
      { atMs: nowMs - 296_000 - 1840, broker: 3, event: 'leader', group: 1, term: 4 },
    ];
    broker.events.push(...events);

    await page.goto(url);

    const list = page.locator('.events li');
    await list.nth(4).waitFor();
    expect(await list.locator('span:last-child').allInnerTexts()).toEqual([
      'Broker 3 leads the catalog, term 4',
      String.raw`Broker 1: <b>bold</b>\x1b[31m`,
      'Broker 1 asks for votes: group 2, term 4',
      'Broker 1: links cut by hand between 1,2 and 3',
      'Broker 1 started, version 0.1.0',
    ]);
    expect((await page.locator('.marks li').allInnerTexts()).map((text) => text.trim().slice(2)).toSorted()).toEqual(
      ['election', 'fault by hand', 'new leader', 'other', 'started'].toSorted(),
    );
    await screenshot(page, 'overview-events');

    broker.events.push({ atMs: Date.now(), broker: 2, event: 'fault', kind: 'heal' });

    await page.locator('.events li', { hasText: 'Broker 2: faults in links ended' }).waitFor();
  });

  it('draws the cube, lights a topic in it with the way to its leader, and marks a broker that does not answer', async () => {
    broker.ids = [1, 2, 3, 4, 5, 6, 7, 8];
    broker.placements['log'] = placementOf('log', broker.ids, 4, [2, 8], [1, 3, 4]);
    broker.placements['cairn.events'] = placementOf('cairn.events', broker.ids, 1, [2, 3], [1]);
    broker.missing.add(6);

    await page.goto(url);

    const vertices = page.locator('[data-vertex]');
    await page.locator('[data-vertex="4"].home.replica.leads').waitFor();
    expect(await vertices.count()).toBe(8);
    expect(await page.locator('.cube .edge').count()).toBe(12);
    const withClass = (name: string): Promise<(string | null)[]> =>
      page.locator(`.vertex.${name}`).evaluateAll((found) => found.map((each) => each.getAttribute('data-vertex')));
    expect(await withClass('replica')).toEqual(['2', '4', '8']);
    expect(await withClass('self')).toEqual(['1']);
    expect(await withClass('missing')).toEqual(['6']);
    expect(await page.locator('[data-way]').evaluateAll((found) => found.map((each) => each.getAttribute('data-way')))).toEqual([
      '1-3',
      '3-4',
    ]);
    expect(await page.locator('#cube-said').innerText()).toBe(
      'log is kept by brokers 4, 2 and 8, its home is broker 4. Broker 4 leads it. A request to this broker goes 1 → 3 → 4.',
    );
    await screenshot(page, 'cube');

    await page.getByRole('combobox', { name: 'Topic' }).selectOption('cairn.events');

    await page.locator('[data-vertex="1"].home.leads').waitFor();
    expect(await withClass('replica')).toEqual(['1', '2', '3']);
    expect(await page.locator('[data-way]').count()).toBe(0);
  });

  it.each([
    [390, 'dark'],
    [1024, 'light'],
    [1440, 'dark'],
  ] as const)('has room for sixteen brokers within %i pixels, %s, and nothing that axe finds wrong', async (width, colorScheme) => {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    broker.ids = Array.from({ length: 16 }, (_, index) => index + 1);
    broker.placements['log'] = placementOf('log', broker.ids, 16, [8, 12], [1, 2, 4, 8, 16]);
    broker.history = { 1: quarterOfAnHour() };
    for (let index = 0; index < 40; index++)
      broker.events.push({ atMs: Date.now() - index * 20_000, broker: 1, event: 'leader', group: 2, term: index });

    await page.goto(url);

    await page.locator('[data-vertex="16"].leads').waitFor();
    await page.locator('.events li').nth(39).waitFor();
    await chart('times').locator('canvas').waitFor();
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width);
    const picture = await page.locator('.cube > svg').boundingBox();
    const first = await page.locator('[data-vertex="1"] .body').boundingBox();
    expect(picture?.width).toBeLessThanOrEqual(width);
    // Large enough to be read, and to be touched.
    expect(first?.width).toBeGreaterThan(24);
    expect(await accessibilityFaults(page)).toEqual([]);
    await screenshot(page, `overview-16-${width}`);
  });

  it('says that there is no picture of more brokers than have room', async () => {
    broker.ids = Array.from({ length: 17 }, (_, index) => index + 1);

    await page.goto(url);

    await page.getByText('A picture has room for 16 brokers; there are 17.').waitFor();
  });
});
