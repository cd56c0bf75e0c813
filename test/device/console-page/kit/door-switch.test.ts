// Holds: an owner of two doorbells on one machine goes from one's page to the other's by a plain link, which reveals nothing to the other;
// neither ends the other's session; and nobody unpaired learns that there is another.
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OtherDoor } from '../../../../device/contract/console-messages.ts';
import { axeFaults } from '../../../support/axe-faults.ts';
import { ConsoleRig, soon } from '../../console/support/console-rig.ts';

describe('the list of other doorbells', { tags: ['chromium', 'long'] }, () => {
  let front: ConsoleRig;
  let back: ConsoleRig;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const others: OtherDoor[] = [];
  const faults: string[] = [];

  beforeAll(async () => {
    back = await ConsoleRig.start({ name: 'Back door', camera: 'synthetic?size=320x240' });
    front = await ConsoleRig.start(
      { camera: 'synthetic?size=320x240' },
      undefined,
      {},
      { otherDoors: async () => others },
    );
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    context = await browser.newContext({ viewport: { width: 320, height: 640 }, locale: 'en-GB' });
    page = await context.newPage();
    page.on('pageerror', (thrown) => faults.push(thrown.message));
    await paired(page, front);
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await front.stop();
    await back.stop();
  });

  /** Pairs this browser with a doorbell, and waits until its page is open. */
  async function paired(at: Page, rig: ConsoleRig): Promise<void> {
    await at.goto(String(rig.doorbell.console?.pairingUrl));
    await at.locator('form button').click();
    await at.locator('.tabs').waitFor();
  }

  const axe = () => axeFaults(page);

  it('is absent while there is only one doorbell', async () => {
    await soon(async () => (await page.locator('.door-name').textContent()) === 'Front door');
    expect(await page.locator('.doors').count()).toBe(0);
  });

  it('is sent to owners only', async () => {
    others.push({ name: 'Back door with a very long name that does not fit', url: back.url });
    const owner = await front.owner();
    const viewer = await owner.viewer();
    expect((await owner.get('/api/v1/doors')).json).toEqual({ others });
    for (const headers of [{}, viewer]) expect((await front.call('/api/v1/doors', { headers })).status).toBe(401);
    const facts = await front.call('/api/v1/server');
    expect(facts.body.toString()).not.toContain('Back door');
  });

  it('opens by keyboard, closes by Escape, and fits a narrow phone without a fault that axe knows', async () => {
    await page.reload();
    const summary = page.locator('.doors > summary');
    await summary.waitFor();
    await summary.focus();
    await page.keyboard.press('Enter');
    await page.locator('.doors-link').waitFor({ state: 'visible' });
    expect(await axe()).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    const box = await page.locator('.doors-list').boundingBox();
    expect((box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 999) <= 320).toBe(true);
    await page.keyboard.press('Escape');
    expect(await page.locator('.doors').getAttribute('open')).toBe(null);
    expect(await page.evaluate("document.activeElement?.matches('.doors > summary')")).toBe(true);
  });

  it('links the other doorbell’s own page, where this browser is not paired, without a referrer', async () => {
    const referers: (string | undefined)[] = [];
    page.on('request', (request) => request.url() === `${back.url}/` && referers.push(request.headers()['referer']));
    await page.locator('.doors > summary').click();
    await page.locator('.doors-link').click();
    await page.waitForURL(`${back.url}/`);
    await page.getByRole('heading', { name: 'Pair this browser' }).waitFor();
    expect(referers).toEqual([undefined]);
    expect(await page.evaluate('[document.referrer, window.opener]')).toEqual(['', null]);
  });

  it('leaves both sessions intact, in two tabs of one browser', async () => {
    // As a user of the unpaired page does: pastes the pairing link over its address.
    await paired(page, back);
    const other = await context.newPage();
    await other.goto(front.url);
    await other.locator('.doors').waitFor();
    const opened: string[] = [];
    context.on('request', (request) => request.url().endsWith('/api/v1/sessions') && opened.push(request.url()));
    for (const rig of [front, back, front]) {
      const tab = rig === front ? other : page;
      await tab.getByRole('button', { name: /^Ring/ }).click();
      await soon(async () => (await tab.locator('.event-ring').count()) > 0);
    }
    // All ports of a machine share cookies: with one cookie name each doorbell would keep ending the other's session.
    expect(opened).toEqual([]);
    expect((await context.cookies()).map(({ name }) => name).sort()).toEqual(
      [front, back].map(({ doorbell }) => `doorsill-session-${doorbell.id}`).sort(),
    );
    expect(faults).toEqual([]);
  }, 60_000);
});
