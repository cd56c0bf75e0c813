// Holds: what an owner does in a browser, on a real doorbell: pairs by the drawn link, sees the live picture move, rings, turns privacy
// on and off, scrubs, adds and removes a viewer, and finds all of it again after a reload; without a call to any other origin, an error, or
// a fault that axe knows, at the width of a phone and of a desktop.
import AxeBuilderSource from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proved } from '../../../support/proved.ts';
import { ConsoleRig, soon } from '../support/console-rig.ts';

/** All that the first view may take over the wire, in bytes. */
const FIRST_VIEW_BYTES_MAX = 250 * 1024;

describe.each([
  ['a phone', { width: 390, height: 844 }],
  ['a desktop', { width: 1280, height: 800 }],
])('the console on %s', { tags: ['chromium', 'long'] }, (device, viewport) => {
  let rig: ConsoleRig;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  let firstViewBytes = 0;

  beforeAll(async () => {
    rig = await ConsoleRig.start({ camera: 'synthetic?size=640x360' });
    // Before the first footage a browser's log would tell of a picture that is not there yet.
    const other = await rig.owner();
    await soon(async () => (await other.get('/api/v1/snapshot.jpg')).status === 200, 20_000);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    const context = await browser.newContext({ viewport, locale: 'en-GB' });
    page = await context.newPage();
    page.on('pageerror', (thrown) => faults.push(thrown.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (!/^(data|blob|ws):$/.test(protocol) && origin !== rig.url) faults.push(`a call to ${request.url()}`);
    });
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await rig.stop();
  });

  /** What axe finds wrong with the page as it is. */
  async function axe(): Promise<string[]> {
    await page.evaluate(AxeBuilderSource.source);
    return page.evaluate(async () => {
      // biome-ignore lint/suspicious/noExplicitAny: axe adds itself to the page.
      const { violations } = await (globalThis as any).axe.run();
      return violations.map((one: { id: string; nodes: { html: string }[] }) => `${one.id}: ${one.nodes[0]?.html}`);
    });
  }

  const tab = (name: string) => page.getByRole('link', { name }).or(page.getByRole('tab', { name })).first();
  const seconds = () =>
    page.locator('video').evaluate((video) => ('currentTime' in video ? Number(video.currentTime) : 0));

  it('pairs by the drawn link, whose token leaves the address bar', async (context) => {
    const wire = await page.context().newCDPSession(page);
    await wire.send('Network.enable');
    wire.on('Network.loadingFinished', ({ encodedDataLength }) => {
      firstViewBytes += encodedDataLength;
    });
    await page.goto(String(rig.doorbell.console?.pairingUrl));
    await page.locator('form button').waitFor();
    expect(page.url()).not.toContain('pair=');
    expect(firstViewBytes).toBeLessThan(FIRST_VIEW_BYTES_MAX);
    expect(await axe()).toEqual([]);
    await page.locator('form button').click();
    await page.locator('.chip-live').waitFor({ timeout: 20_000 });
    proved(context, `first view of the console on ${device}`, `${Math.round(firstViewBytes / 1024)} KiB of 250`);
  }, 60_000);

  it('shows a live picture that moves', async () => {
    const before = await seconds();
    await soon(async () => (await seconds()) > before + 1);
    expect(await axe()).toEqual([]);
  }, 30_000);

  it('rings, and tells of it', async () => {
    const rung = page.locator('.event-ring');
    const before = await rung.count();
    await page.getByRole('button', { name: /^Ring/ }).click();
    await soon(async () => (await rung.count()) > before);
  }, 30_000);

  it('shows nothing while privacy is on, and the door again after it', async () => {
    const privacy = page.getByRole('switch', { name: /Privacy/ });
    await privacy.click();
    await soon(async () => (await page.locator('.chip-live').count()) === 0);
    expect(rig.doorbell.isEnrolled).toBe(false);
    const owner = await rig.call('/api/v1/snapshot.jpg');
    expect(owner.status).toBe(401);
    await privacy.click();
    await page.locator('.chip-live').waitFor({ timeout: 20_000 });
  }, 60_000);

  it('scrubs to what was recorded', async () => {
    await tab('Timeline').click();
    await page.locator('.event-ring').first().click();
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    expect(await axe()).toEqual([]);
  }, 60_000);

  it('adds a viewer by a signed order, shows its token once, and removes it', async () => {
    await tab('People').click();
    await page.getByRole('button', { name: 'Add a viewer' }).click();
    await page.getByRole('textbox').first().fill('kitchen tablet');
    await page.locator('form button[type=submit]').click();
    await soon(async () => (await page.getByText('kitchen tablet').count()) > 0);
    expect(await axe()).toEqual([]);
    await page
      .getByRole('button', { name: /Remove/ })
      .first()
      .click();
    const sure = page.getByRole('button', { name: /Remove/ });
    if ((await sure.count()) > 0) await sure.last().click();
    await page.getByText('Nobody besides the owners can look.').waitFor({ timeout: 20_000 });
  }, 60_000);

  it('is paired after a reload, and has met no error and no other origin', async () => {
    await page.reload();
    await soon(
      async () =>
        (await page.locator('form button').count()) === 0 && (await page.locator('.chip-live, .look').count()) > 0,
      20_000,
    );
    expect(faults).toEqual([]);
  }, 60_000);
});
