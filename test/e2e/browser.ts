// A real browser, where the machine has one (Debian: package chromium). Without one the tests of the page are skipped, and say so.
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { needs } from '../support/needs.ts';

const PLACES = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const browserPath = PLACES.find((place) => place !== undefined && existsSync(place));

export const needsBrowser = needs(browserPath === undefined ? 'no browser is installed (Debian: chromium)' : null);

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(browserPath === undefined ? {} : { executablePath: browserPath }),
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
