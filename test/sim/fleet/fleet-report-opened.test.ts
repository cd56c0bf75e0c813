// Holds: what a user sees who opens a fleet's page from a disk: at the width of a phone and of a desktop, light and dark, without a fault
// that axe knows; nothing is called, nothing is wider than the window, and a pointer over the curves reads them.
import { describe, expect, it } from 'vitest';
import { fleetReportHtml } from '../../../sim/fleet/fleet-report.ts';
import { axeFaults } from '../../support/axe-faults.ts';
import { keptPages, LOOKS } from '../../support/kept-page.ts';
import { sampleReport } from './support/sample-run.ts';

describe('the page of a fleet, opened', { tags: ['chromium', 'long'] }, () => {
  const open = keptPages();

  it.each(LOOKS)('is whole at $width pixels in $scheme', async (look) => {
    const { page, faults, close } = await open(fleetReportHtml(sampleReport({ lost: true })), look);
    expect(await page.locator('h1').textContent()).toBe('10 doorbells could not run, 1 process died');
    expect(await page.locator('.curves .title').allTextContents()).toEqual([
      'Doorbells',
      'Requests',
      'Clips',
      'Filmed to sealed',
      'Processors taken',
      'Memory',
      'Held open',
    ]);
    for (const part of await page.locator('summary').all()) await part.click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(look.width);
    expect(await page.evaluate("getComputedStyle(document.querySelector('.sheet')).borderRadius")).toBe('14px');
    expect(faults).toEqual([]);
    expect(await axeFaults(page)).toEqual([]);

    // The last values stand at rest; over the 30th second all panels tell that second's, and the last ones are gone.
    const told = page.locator('.curves .at:nth-of-type(30) text.told');
    const rest = page.locator('.curves text.rest').first();
    expect([await told.first().isVisible(), await rest.isVisible()]).toEqual([false, true]);
    await page.locator('.curves .at:nth-of-type(30) rect').hover();
    expect([await told.first().isVisible(), await rest.isVisible()]).toEqual([true, false]);
    expect(await told.allTextContents()).toEqual([
      'after 30 s',
      'up 20failed 0',
      'seen 20granted 0denied 4',
      'under way 0stored 0',
      'p99 95 msp50 4 ms',
      expect.stringMatching(/^cores 0\.\d/),
      'in all 238 MB',
      'descriptors 200timers 200',
    ]);
    await close();
  });
});
