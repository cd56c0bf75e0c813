// The page of a proof opened from a disk, at the widths of a phone and a desktop, light and dark: no fault found by axe, no request, no horizontal
// scrolling.
import { describe, expect, it } from 'vitest';
import { proofHtml } from '../../../sim/prove/proof-page.ts';
import { axeFaults } from '../../support/axe-faults.ts';
import { keptPages, LOOKS } from '../../support/kept-page.ts';
import { sampleProof } from './support/sample-proof.ts';

describe('the page of a proof, opened', { tags: ['chromium', 'long'] }, () => {
  const open = keptPages();

  it.each(LOOKS)('is whole at $width pixels in $scheme', async (look) => {
    const { page, faults, close } = await open(proofHtml(sampleProof({ isFalse: true })), look);
    expect(await page.locator('h1').textContent()).toBe('1 of 5 claims is FALSE, 1 was left out, 3 shown');
    expect(await page.locator('.claim').count()).toBe(5);
    expect(await page.locator('.claim .status').allInnerTexts()).toEqual([
      'FALSE',
      'shown',
      'left out',
      'shown',
      'shown',
    ]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(look.width);
    // The style is the built one: without it the signs have no colour and the ground no tone.
    expect(await page.evaluate("getComputedStyle(document.querySelector('.claim')).borderRadius")).toBe('14px');
    expect(faults).toEqual([]);
    expect(await axeFaults(page)).toEqual([]);
    await close();
  });
});
