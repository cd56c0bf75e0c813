// Opening a page that a user keeps as a file, in a browser, at the width of a phone and of a desktop, light and dark; what it called or
// complained of.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';

/** How a page is looked at. */
export const LOOKS = [390, 1280].flatMap((width) => (['light', 'dark'] as const).map((scheme) => ({ width, scheme })));

/** For the tests of one `describe`: a browser, and a folder for its pages, until they have run. */
export function keptBrowser(): { folder: string; browser: () => Browser } {
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-page-'));
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, browser: () => browser };
}

/** For the tests of one `describe`: opens a page's text as a file. `faults`: errors on its console, and each call but for itself. */
export function keptPages(): (
  html: string,
  look: (typeof LOOKS)[number],
) => Promise<{ page: Page; faults: string[]; close(): Promise<void> }> {
  const { folder, browser } = keptBrowser();
  return async (html, { width, scheme }) => {
    const file = join(folder, 'page.html');
    writeFileSync(file, html);
    const { href } = pathToFileURL(file);
    const context = await browser().newContext({ viewport: { width, height: 844 }, colorScheme: scheme });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('request', (asked) => asked.url() !== href && faults.push(`a call to ${asked.url()}`));
    await page.goto(href);
    return { page, faults, close: () => context.close() };
  };
}
