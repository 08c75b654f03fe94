// What the page does with records: appends, shows, searches them, and plays recorded runs. What it says of the cluster is in page-state.test.ts.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accessibilityFaults, launchBrowser, needsBrowser, openPage, screenshot, type PageWatch } from './browser.ts';
import type { FakeBroker } from './fake-broker.ts';

describe('the page, in a browser', needsBrowser, () => {
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

  it('appends a line by keyboard alone, shows its acknowledgement and then the line', async () => {
    await page.goto(url);
    await page.getByLabel('Line to append to log').focus();

    await page.keyboard.type('hello from the page');
    await page.keyboard.press('Enter');

    const outcome = page.locator('[data-outcome=acknowledged]');
    await outcome.waitFor();
    expect(await outcome.innerText()).toMatch(
      /Acknowledged in [\s\S]*Offset\s*1\s*Term\s*3\s*Level\s*quorum\s*On brokers\s*1, 2 of 3\s*Durable\s*yes/,
    );
    await page.locator('article', { hasText: 'hello from the page' }).waitFor();
    await screenshot(page, 'appended');
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  it('shows what events contain as text and never acts on it', async () => {
    broker.append('<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">');
    broker.append('\u001b[31mred\u001b[0m and \u202egpj.exe');

    await page.goto(url);

    await page.locator('article').nth(1).waitFor();
    expect(await page.locator('article .value').allInnerTexts()).toEqual([
      '<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">',
      String.raw`\x1b[31mred\x1b[0m and \u{202e}gpj.exe`,
    ]);
    expect(await page.title()).toBe('Cairn');
    expect(await page.locator('article script, article img').count()).toBe(0);
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  it('keeps the last few hundred records on the page, in order, however many come', async () => {
    for (let index = 0; index < 1000; index++) broker.append(`record ${index}`);
    await page.goto(url);
    await page.locator('article', { hasText: 'record 999' }).waitFor();

    for (let index = 1000; index < 1500; index++) broker.append(`record ${index}`);

    await page.locator('article', { hasText: 'record 1499' }).waitFor();
    const texts = await page.locator('article .value').allInnerTexts();
    expect(texts).toEqual(Array.from({ length: 300 }, (_, index) => `record ${1200 + index}`));
  });

  it('leaves a reader who scrolled up where he is, and brings him back to the newest', async () => {
    for (let index = 0; index < 200; index++) broker.append(`record ${index}`);
    await page.goto(url);
    await page.locator('article', { hasText: 'record 199' }).waitFor();
    const list = page.getByRole('log');
    await list.hover();
    await page.mouse.wheel(0, -1000);
    const toEnd = page.getByRole('button', { name: 'To the newest' });
    await toEnd.waitFor();

    broker.append('one more');
    await page.locator('article', { hasText: 'one more' }).waitFor();

    expect(await page.locator('article', { hasText: 'one more' }).isVisible()).toBe(true);
    const distance = (): Promise<number> => list.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
    expect(await distance()).toBeGreaterThan(500);
    await toEnd.click();
    expect(await distance()).toBeLessThan(2);
  });

  it('tells a refusal from an outcome that is not known, and asks again with the same request id', async () => {
    await page.goto(url);
    await page.getByLabel('Line to append to log').fill('x');
    broker.refusal = { status: 503, code: 'noLeader', message: 'Cannot append to topic "log": no leader was found', definite: true };
    await page.keyboard.press('Enter');
    await page.locator('[data-outcome=refused]').waitFor();
    expect(await page.locator('.outcome').innerText()).toContain('Not appended');

    broker.refusal = { status: 504, code: 'timeout', message: 'Cannot say whether it was appended: the time was spent', definite: false };
    await page.keyboard.press('Enter');
    await page.locator('[data-outcome=unknown]').waitFor();
    broker.refusal = null;
    await page.getByRole('button', { name: 'Ask again' }).click();

    await page.locator('[data-outcome=acknowledged]').waitFor();
    expect(broker.requestIds.at(-1)).toBe(broker.requestIds.at(-2));
    expect(broker.requestIds.at(-1)).not.toBe(broker.requestIds.at(-3));
  });

  it('has room for megabytes that are not text, and shows all of a record when asked', async () => {
    // Every second byte is one that can be read: nothing is a run.
    const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => (index % 2 === 0 ? 0x41 : 0x80 + (index % 100)));
    for (let index = 0; index < 300; index++) broker.appendBytes(bytes);
    await page.goto(url);
    await page.locator('article').nth(299).waitFor();

    expect(await page.locator('*').count()).toBeLessThan(15_000);
    const value = page.locator('article .value').last();
    expect(await value.locator('.cut').innerText()).toBe('… 9,000 more');
    await value.getByRole('button', { name: 'show all' }).click();
    await value.getByRole('button', { name: 'show less' }).waitFor();
    expect((await value.innerText()).length).toBeGreaterThan(5000 + 4 * 5000);
    await value.getByRole('button', { name: 'show less' }).click();
    await value.getByRole('button', { name: 'show all' }).waitFor();
  });

  it('shows a run of bytes that are not text as one', async () => {
    broker.appendBytes(Uint8Array.from({ length: 900 }, (_, index) => 0x80 + (index % 64)));
    await page.goto(url);
    await page.locator('article').waitFor();

    expect(await page.locator('article .escape').count()).toBe(1);
  });

  it('begins with a command that reaches this broker', async () => {
    await page.goto(url);

    expect(await page.locator('.nothing code').innerText()).toBe(`cairn append log - --server ${url} < FILE`);
  });

  it('pauses, and goes on without a gap', async () => {
    broker.append('one');
    await page.goto(url);
    await page.locator('article', { hasText: 'one' }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    broker.append('two');

    await page.getByRole('button', { name: 'Resume' }).click();

    await page.locator('article', { hasText: 'two' }).waitFor();
    expect(await page.locator('article .value').allInnerTexts()).toEqual(['one', 'two']);
  });

  it('plays a recorded run: a broker that was killed, a message on its way, a violated check at its place', async () => {
    const lines: string[] = [];
    const line = (process: string, seq: number, trueMs: number, kind: string, more: object = {}): void =>
      void lines.push(JSON.stringify({ v: 1, process, seq, kind, atMs: trueMs, trueMs, ...more }));
    const orders = { group: 20, topic: 'orders' };
    line('simulator', 1, 0, 'run', { seed: 9, brokers: 2, minutes: 1 });
    line('broker-1', 1, 0, 'start');
    line('broker-2', 1, 0, 'start');
    line('broker-1', 2, 100, 'role', { role: 'leader', term: 3, leader: 'broker-1', end: 5, highWatermark: 4, ...orders });
    line('broker-1', 3, 200, 'send', { message: 'appendEntries', ...orders, link: { to: 'broker-2', connection: 'x', sequence: 1 } });
    line('broker-2', 2, 600, 'receive', { message: 'appendEntries', ...orders, link: { from: 'broker-1', connection: 'x', sequence: 1 } });
    line('broker-1', 4, 700, 'killed');
    line('simulator', 2, 800, 'violation', { check: 'L1', message: 'an <b>append</b> is gone' });
    line('broker-2', 3, 1000, 'commit', { highWatermark: 5, ...orders });
    await page.goto(url);
    await page.getByRole('link', { name: 'Trace' }).click();

    await page
      .locator('[data-trace=file]')
      .setInputFiles({ name: 'run.ndjson', mimeType: 'text/plain', buffer: Buffer.from(lines.join('\n')) });

    // It opens where a check was violated.
    await page.locator('[data-node=broker-1]').waitFor();
    expect(await page.locator('[data-trace=now]').innerText()).toBe('0.800 s');
    expect(await page.locator('[data-node=broker-1]').textContent()).toContain('killed');
    expect(await page.locator('.trace .wrong').innerText()).toContain('L1: an <b>append</b> is gone');
    await screenshot(page, 'trace');
    await page.locator('[data-trace=time]').fill('400');
    expect(await page.locator('[data-node=broker-1]').textContent()).toMatch(/leader, term 3\s*end 5 · committed 4/);
    expect(await page.locator('.flight').count()).toBe(1);
    await page.locator('[data-trace=file]').setInputFiles({ name: 'x.txt', mimeType: 'text/plain', buffer: Buffer.from('nonsense') });
    expect(await page.locator('.trace [role=alert]').innerText()).toBe(
      'x.txt cannot be shown: line 1 is no event of a trace: it is not JSON',
    );
  });

  it('searches a topic with context, marks what was found, and says which machine did not answer', async () => {
    broker.found = [
      { type: 'context', machine: 'm1', topic: 'log', partition: 0, offset: 6, value: 'before' },
      { type: 'match', machine: 'm1', topic: 'log', partition: 0, offset: 7, value: '<b>one</b> error\u001B[2J' },
      { type: 'note', machine: 'm1', text: 'connection refused; another replica is asked' },
      { type: 'match', machine: 'm2', topic: 'log', partition: 0, offset: 9, valueBase64: Buffer.from([0xff, 0x61]).toString('base64') },
      { type: 'machine', machine: 'm1', problem: null, isWithout: false },
      { type: 'machine', machine: 'm2', problem: null, isWithout: false },
      { type: 'machine', machine: 'm3', problem: 'no connection within 1 s', isWithout: false },
      { type: 'summary', selected: 2, isComplete: false },
    ];
    await page.goto(`${url}/#/search`);
    await page.getByLabel('What to search for').fill('error');
    await page.getByLabel('any case').check();
    await page.getByLabel('context').selectOption('2');
    await page.getByLabel('What to search for').press('Enter');
    await page.locator('[data-search=partial]').waitFor();

    const lines = page.getByLabel('Lines found');
    expect(await lines.locator('p').allInnerTexts()).toEqual(['m1:log:6before', 'm1:log:7<b>one</b> error\\x1b[2J', 'm2:log:9\\xffa']);
    expect(await lines.locator('mark').allInnerTexts()).toEqual(['error']);
    expect(await page.locator('.search .outcome').innerText()).toMatch(
      /Not the whole answer: 2 lines[\s\S]*m1: 1[\s\S]*m3: 0\s*no connection within 1 s/,
    );
    expect(broker.searches).toEqual([
      {
        source: { kind: 'topic', topic: 'log' },
        match: { dialect: 'fixed', patterns: ['error'], ignoreCase: true },
        output: { mode: 'lines', before: 2, after: 2 },
        sinceMs: null,
        untilMs: null,
      },
    ]);
    await screenshot(page, 'search');
  });

  it('leads from what was found to the record, also in a topic of several partitions', async () => {
    broker.topics.set('clicks', {
      partitions: [0, 1].map(() => ({ leader: 1, replicas: [1], logStartOffset: 0, highWatermark: 9, sizeBytes: 1 })),
    });
    broker.found = [
      { type: 'match', machine: 'm1', topic: 'clicks', partition: 1, offset: 7, value: 'error' },
      { type: 'summary', selected: 1, isComplete: true },
    ];
    await page.goto(`${url}/#/search?topic=clicks`);
    await page.getByLabel('What to search for').fill('error');
    await page.getByLabel('What to search for').press('Enter');
    expect(await page.getByRole('link', { name: 'm1:clicks/1:7' }).getAttribute('href')).toBe('#/topics/clicks?partition=1&offset=7');

    broker.append('error');
    broker.found = [
      { type: 'match', machine: 'm1', topic: 'log', partition: 0, offset: 1, value: 'error' },
      { type: 'summary', selected: 1, isComplete: true },
    ];
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.goto(`${url}/#/search?topic=log`);
    await page.getByLabel('What to search for').press('Enter');
    await page.getByRole('link', { name: 'm1:log:1' }).click();

    await page.getByRole('heading', { name: 'offset 1' }).waitFor();
    expect(page.url()).toContain('#/topics/log?offset=1');
  });

  it('gives a search again to who comes back from a record, and to who is sent its address', async () => {
    broker.append('error');
    broker.found = [
      { type: 'match', machine: 'm1', topic: 'log', partition: 0, offset: 1, value: 'Error' },
      { type: 'summary', selected: 1, isComplete: true },
    ];
    await page.goto(`${url}/#/search`);
    await page.getByLabel('What to search for').fill('e.ror');
    await page.getByLabel('expression').check();
    await page.getByLabel('any case').check();
    await page.getByLabel('context').selectOption('2');
    await page.getByLabel('What to search for').press('Enter');
    await page.getByRole('link', { name: 'm1:log:1' }).click();
    await page.getByRole('heading', { name: 'offset 1' }).waitFor();
    const isThere = async (): Promise<void> => {
      await page.getByRole('link', { name: 'm1:log:1' }).waitFor();
      expect(await page.getByLabel('What to search for').inputValue()).toBe('e.ror');
      expect(await page.getByLabel('expression').isChecked()).toBe(true);
      expect(await page.getByLabel('context').inputValue()).toBe('2');
      expect(broker.searches.at(-1)).toEqual(broker.searches[0]);
    };

    await page.goBack();
    await isThere();
    await page.reload();
    await isThere();

    expect(broker.searches).toHaveLength(3);
    expect(watch).toEqual({ errors: [], foreignRequests: [] });
  });

  it('ends a search that is under way when its view is left', async () => {
    broker.endsSearches = false;
    broker.found = [{ type: 'match', machine: 'm1', topic: 'log', partition: 0, offset: 1, value: 'x' }];
    await page.goto(`${url}/#/search?topic=log&pattern=x`);
    await expect.poll(() => broker.searches.length, { timeout: 30_000 }).toBe(1);

    await page.getByRole('link', { name: 'Topics' }).click();

    await expect.poll(() => broker.searchesClosed).toBe(1);
  });

  it('ends a search everywhere when it is stopped, and when there is more than the page shows', async () => {
    broker.endsSearches = false;
    broker.found = [{ type: 'match', machine: 'm1', file: 'app.log', line: 1, text: 'x' }];
    await page.goto(`${url}/#/search`);
    await page.getByLabel('What to search for').fill('x');
    await page.locator('.search select').first().selectOption('files');
    await page.getByPlaceholder('name of the files').fill('app');
    const before = broker.searches.length;
    await page.getByRole('button', { name: 'Search' }).click();
    // What is stopped before it was asked is nobody's to end.
    await expect.poll(() => broker.searches.length, { timeout: 30_000 }).toBe(before + 1);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('[data-search=stopped]').waitFor();
    await expect.poll(() => broker.searchesClosed).toBe(1);

    broker.found = Array.from({ length: 1500 }, (_, line) => ({ type: 'match', machine: 'm1', file: 'app.log', line, text: 'x' }));
    await page.getByRole('button', { name: 'Search' }).click();
    await page.locator('[data-search=cut]').waitFor();
    await expect.poll(() => broker.searchesClosed).toBe(2);
    expect(await page.locator('.found p').count()).toBe(1000);
  });
});
