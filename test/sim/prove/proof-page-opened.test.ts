// Holds: what a user sees who opens the page of a proof from a disk: at the width of a phone and of a desktop, light and dark, without a fault
// that axe knows; nothing is called, and nothing is wider than the window.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proofHtml } from '../../../sim/prove/proof-page.ts';
import { axeFaults } from '../../support/axe-faults.ts';
import { sampleProof } from './support/sample-proof.ts';

describe('the page of a proof, opened', { tags: ['chromium', 'long'] }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-proof-'));
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const looks = [390, 1280].flatMap((width) => (['light', 'dark'] as const).map((scheme) => ({ width, scheme })));
  it.each(looks)('is whole at $width pixels in $scheme', async ({ width, scheme }) => {
    const file = join(folder, 'proof.html');
    writeFileSync(file, proofHtml(sampleProof({ isFalse: true })));
    const context = await browser.newContext({ viewport: { width, height: 844 }, colorScheme: scheme });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('request', (asked) => asked.url() !== pathToFileURL(file).href && faults.push(`a call to ${asked.url()}`));
    await page.goto(pathToFileURL(file).href);
    expect(await page.locator('h1').textContent()).toBe('1 of 5 claims is FALSE, 1 was left out, 3 shown');
    expect(await page.locator('.claim').count()).toBe(5);
    expect(await page.locator('.claim .status').allInnerTexts()).toEqual([
      'FALSE',
      'shown',
      'left out',
      'shown',
      'shown',
    ]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    // The style is the built one: without it the signs have no colour and the ground no tone.
    expect(await page.evaluate("getComputedStyle(document.querySelector('.claim')).borderRadius")).toBe('14px');
    expect(faults).toEqual([]);
    expect(await axeFaults(page)).toEqual([]);
    await context.close();
  });
});
