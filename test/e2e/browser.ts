// A real browser, where the machine has one (Debian: package chromium). Without one the tests of the page are skipped, and say so.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { needs } from '../support/needs.ts';
import { FakeBroker } from './fake-broker.ts';
import { buildPageIfStale } from './page-build.ts';

const PLACES = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const SCREENSHOTS = process.env['SCREENSHOTS'];

// On a machine that is busy a page is slow, not wrong: these end what hangs.
const TIMEOUT_MS = 150_000;

const browserPath = PLACES.find((place) => place !== undefined && existsSync(place));

export const needsBrowser = needs(browserPath === undefined ? 'no browser is installed (Debian: chromium)' : null);

/** Ready to show the page as the source has it. */
export function launchBrowser(): Promise<Browser> {
  buildPageIfStale();
  return chromium.launch({
    ...(browserPath === undefined ? {} : { executablePath: browserPath }),
    timeout: TIMEOUT_MS,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** An empty page, and a broker that answers as a test says. */
export async function openPage(
  browser: Browser,
): Promise<{ readonly broker: FakeBroker; readonly page: Page; readonly watch: PageWatch; readonly url: string }> {
  const broker = new FakeBroker();
  const url = await broker.listen();
  const page = await newPage(browser);
  return { broker, page, watch: watchPage(page), url };
}

export async function newPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(TIMEOUT_MS);
  return page;
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds wrong with what a page shows, by all its rules. It comes by the debugger's protocol, which the policy of the page does not hold for. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    readonly violations: readonly Violation[];
  };
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary}`),
  );
}

/** Where somebody asked for pictures. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** What a page did that it should not have: errors on the console, refused by its own policy, or asked of another machine. */
export interface PageWatch {
  readonly errors: string[];
  readonly foreignRequests: string[];
}

export function watchPage(page: Page): PageWatch {
  const watch: PageWatch = { errors: [], foreignRequests: [] };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') watch.errors.push(message.text());
  });
  page.on('pageerror', (error) => watch.errors.push(error.message));
  page.on('request', (request) => {
    const url = new URL(request.url());
    const isOwn = (url.protocol === 'http:' && url.hostname === '127.0.0.1') || url.protocol === 'data:' || url.protocol === 'blob:';
    if (!isOwn) watch.foreignRequests.push(request.url());
  });
  return watch;
}
