// Holds: a fleet's page, opened from a disk at the width of a phone and of a desktop, light and dark, has no fault that axe knows, loads
// nothing, is not wider than the window, and shows values under the pointer.
import { describe, expect, it } from 'vitest';
import { fleetReportHtml } from '../../../sim/fleet/fleet-report.ts';
import { axeFaults } from '../../support/axe-faults.ts';
import { keptPages, LOOKS } from '../../support/kept-page.ts';
import { sampleReport } from './support/sample-run.ts';

describe('the page of a fleet, opened', { tags: ['chromium', 'long'] }, () => {
  const open = keptPages();

  it.each(LOOKS)('is complete at $width pixels in $scheme', async (look) => {
    const { page, faults, close } = await open(fleetReportHtml(sampleReport({ lost: true })), look);
    expect(await page.locator('h1').textContent()).toBe('10 doorbells could not run, 1 process died');
    expect(await page.locator('.curves .title').allTextContents()).toEqual([
      'Doorbells',
      'Requests',
      'Clips',
      'Filmed to sealed',
      'Processors busy',
      'Memory',
      'Open',
    ]);
    for (const part of await page.locator('summary').all()) await part.click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(look.width);
    expect(await page.evaluate("getComputedStyle(document.querySelector('.sheet')).borderRadius")).toBe('14px');
    expect(faults).toEqual([]);
    expect(await axeFaults(page)).toEqual([]);

    // Without a pointer the last values are shown; over the 30th second all panels show that second's instead.
    const hover = page.locator('.curves .at:nth-of-type(30) text.hover');
    const rest = page.locator('.curves text.rest').first();
    expect([await hover.first().isVisible(), await rest.isVisible()]).toEqual([false, true]);
    await page.locator('.curves .at:nth-of-type(30) rect').hover();
    expect([await hover.first().isVisible(), await rest.isVisible()]).toEqual([true, false]);
    expect(await hover.allTextContents()).toEqual([
      'after 30 s',
      'up 20failed 0',
      'seen 20granted 0denied 4',
      'under way 0stored 0',
      'p99 95 msp50 4 ms',
      expect.stringMatching(/^cores 0\.\d/),
      'total 238 MB',
      'descriptors 200timers 200',
    ]);
    await close();
  });
});
