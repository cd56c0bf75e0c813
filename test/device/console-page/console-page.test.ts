// Holds: an owner's use of the page on a real doorbell, at the width of a phone and of a desktop: pairing, the live picture, ringing,
// privacy, scrubbing, viewers, settings; without a call to another origin, an error, or a fault found by axe.
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeFaults } from '../../support/axe-faults.ts';
import { proved } from '../../support/proved.ts';
import { ConsoleRig, type OwnerBrowser, soon } from '../console/support/console-rig.ts';

/** Greatest size of the first view over the network, in bytes. */
const FIRST_VIEW_BYTES_MAX = 250 * 1024;

describe.each([
  ['a phone', { width: 390, height: 844 }],
  ['a desktop', { width: 1280, height: 800 }],
])('the console on %s', { tags: ['chromium', 'long'] }, (device, viewport) => {
  let rig: ConsoleRig;
  let owner: OwnerBrowser;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  let firstViewBytes = 0;

  beforeAll(async () => {
    rig = await ConsoleRig.start({ camera: 'synthetic?size=640x360&play=visitor' });
    // Before the first footage, the browser would log an error for the missing picture.
    owner = await rig.owner();
    await soon(async () => (await owner.get('/api/v1/snapshot.jpg')).status === 200, 20_000);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    const context = await browser.newContext({ viewport, locale: 'en-GB', reducedMotion: 'reduce' });
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

  const axe = () => axeFaults(page);

  const tab = (name: string) => page.getByRole('link', { name }).or(page.getByRole('tab', { name })).first();
  const seconds = () =>
    page.locator('video').evaluate((video) => ('currentTime' in video ? Number(video.currentTime) : 0));

  const zones = async (): Promise<unknown[]> =>
    ((await owner.get('/api/v1/settings')).json as { motion: { zones: unknown[] } }).motion.zones;

  it('pairs by the pairing link, and removes its token from the address bar', async (context) => {
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

  it('rings, and lists the ring', async () => {
    // One that belongs to a visit is counted in its card.
    const rung = async () => (await page.locator('.event-ring .event-words').allTextContents()).join();
    const before = await rung();
    await page.getByRole('button', { name: /^Ring/ }).click();
    await soon(async () => (await rung()) !== before);
  }, 30_000);

  it('tells a ring on each page: by a banner with its picture, the title, a sound that can be switched off, and a vibration', async () => {
    await page.evaluate(`
      globalThis.heard = { tones: 0, vibrations: 0 };
      const { createOscillator } = AudioContext.prototype;
      AudioContext.prototype.createOscillator = function () {
        heard.tones += 1;
        return createOscillator.call(this);
      };
      navigator.vibrate = () => Boolean((heard.vibrations += 1));
    `);
    const heard = () => page.evaluate('({ ...heard })');
    await tab('Settings').click();
    const banner = page.locator('.ring-banner');
    await banner.getByRole('button', { name: 'Close' }).click();
    await soon(async () => (await page.title()).startsWith('Settings · '));
    await owner.post('/api/v1/press', {});
    await banner.getByText('Somebody rang').waitFor();
    await soon(async () => (await page.title()).startsWith('Somebody rang · '));
    await banner.locator('img').waitFor({ timeout: 20_000 });
    // The drawn visitor may have rung as well.
    expect([
      { tones: 2, vibrations: 1 },
      { tones: 4, vibrations: 2 },
    ]).toContainEqual(await heard());
    expect(await axe()).toEqual([]);
    await banner.getByRole('button', { name: 'No sound' }).click();
    const before = await heard();
    await banner.getByRole('button', { name: 'Close' }).click();
    await banner.waitFor({ state: 'detached' });
    await owner.post('/api/v1/press', {});
    await banner.waitFor();
    expect(await heard()).toEqual(before);
    await banner.getByRole('button', { name: 'No sound' }).click();
    await banner.getByRole('button', { name: 'Look' }).click();
    await page.locator('.chip-live').waitFor({ timeout: 20_000 });
  }, 120_000);

  it('shows no picture while privacy is on, and the live picture again afterwards', async () => {
    const privacy = page.getByRole('switch', { name: /Privacy/ });
    await privacy.click();
    await soon(async () => (await page.locator('.chip-live').count()) === 0);
    expect(rig.doorbell.isEnrolled).toBe(false);
    const owner = await rig.call('/api/v1/snapshot.jpg');
    expect(owner.status).toBe(401);
    await privacy.click();
    await page.locator('.chip-live').waitFor({ timeout: 20_000 });
  }, 60_000);

  it('shows visits by their pictures, by kind and by day', async () => {
    const stills = page.locator('.visit-still img');
    await stills.first().waitFor({ timeout: 30_000 });
    const wide = await stills.first().evaluate((image) => ('naturalWidth' in image ? Number(image.naturalWidth) : 0));
    expect(wide).toBe(320);
    await tab('Timeline').click();
    const visits = page.locator('.visit');
    await visits.first().waitFor();
    const rings = page.locator('.visit.event-ring');
    await page.getByRole('button', { name: 'Rings' }).click();
    expect([await visits.count(), (await rings.count()) > 0]).toEqual([await rings.count(), true]);
    await page.getByRole('button', { name: 'Movement', exact: true }).click();
    expect(await rings.count()).toBe(0);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByLabel('Day', { exact: true }).fill('2026-01-01');
    await page.getByText('Nothing like that happened.').waitFor();
    const now = new Date();
    const today = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0'));
    await page.getByLabel('Day', { exact: true }).fill(today.join('-'));
    await rings.first().waitFor();
    expect(await axe()).toEqual([]);
    await page.getByLabel('Day', { exact: true }).fill('');
  }, 90_000);

  it('scrubs to recorded footage', async () => {
    await tab('Timeline').click();
    await page.locator('.event-ring').first().click();
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    expect(await axe()).toEqual([]);
  }, 60_000);

  it('adds a viewer by a signed order, shows its token once, and removes it', async () => {
    await tab('Settings').click();
    await page.getByRole('button', { name: 'Add a viewer' }).click();
    await page.getByRole('textbox').first().fill('kitchen tablet');
    await page.locator('form button[type=submit]').click();
    await soon(async () => (await page.getByText('kitchen tablet').count()) > 0);
    expect(await axe()).toEqual([]);
    const viewers = page.getByRole('region', { name: 'Viewers' });
    await viewers.getByRole('button', { name: 'Remove: kitchen tablet' }).click();
    await viewers.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('Only the owners can see pictures.').waitFor({ timeout: 20_000 });
  }, 60_000);

  it('names the doorbell’s folder in the command that pairs another browser', async () => {
    const { json } = await owner.get('/api/v1/settings');
    const command = page.getByRole('region', { name: 'Owners' }).locator('code');
    await soon(async () => (await command.textContent()) === `npx doorsill pair --show --data ${json['dataFolder']}`);
  }, 30_000);

  it('saves disclosed values by a signed order, and resets them to device.json', async () => {
    await page.getByLabel('Address').fill('1 Elm Street');
    await page
      .locator('form')
      .filter({ has: page.getByLabel('Address') })
      .getByRole('button', { name: 'Save' })
      .click();
    await page.getByText('Saved. It is in force now.').waitFor({ timeout: 10_000 });
    const settings = () => owner.get('/api/v1/settings').then(({ json }) => json);
    expect(await settings()).toMatchObject({
      disclosure: { address: '1 Elm Street' },
      byOwners: ['disclosure.address'],
    });
    await page.getByRole('button', { name: 'Back to device.json' }).click();
    await soon(async () => JSON.stringify((await settings())['byOwners']) === '[]');
    // The page has its answer a moment after the device has done it.
    await soon(async () => (await page.getByLabel('Address').inputValue()) === '');
  }, 60_000);

  it('draws a zone on the picture, moves it by the keyboard, and shows where something moves', async () => {
    const picture = page.locator('.zone-overlay');
    await page.locator('.zones-place').scrollIntoViewIfNeeded();
    await page.locator('.settings .chip-live').waitFor({ timeout: 20_000 });
    await soon(async () => (await page.locator('.mask-words').textContent())?.includes('moves now') === true, 20_000);
    await page.getByRole('button', { name: 'Draw an area' }).click();
    const box = await picture.boundingBox();
    if (!box) throw new Error('the picture is not there');
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.8, { steps: 5 });
    await page.mouse.up();
    await page.getByLabel('Name of the area').fill('Front Path');
    const corner = page.getByRole('button', { name: /^Corner 1 of front-path/ });
    await corner.focus();
    for (let press = 0; press < 3; press += 1) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowUp');
    expect(await axe()).toEqual([]);
    await page
      .locator('form')
      .filter({ has: page.getByLabel('Name of the area') })
      .getByRole('button', { name: 'Save' })
      .click();
    await soon(async () => (await zones()).length === 1);
    const [{ name, zone }] = (await zones()) as [{ name: string; zone: Record<string, number> }];
    expect(name).toBe('front-path');
    const near = (value: number | undefined, wanted: number) =>
      expect(Math.abs((value ?? 0) - wanted)).toBeLessThan(150);
    near(zone['left'], 2_300);
    near(zone['top'], 2_500);
    near((zone['left'] ?? 0) + (zone['width'] ?? 0), 6_000);
    near((zone['top'] ?? 0) + (zone['height'] ?? 0), 8_000);
  }, 60_000);

  it('tries sensitivities on recorded footage, and links the events that they would have detected', async () => {
    await page.getByRole('button', { name: 'Remove the area' }).click();
    await page.getByRole('button', { name: 'Try', exact: true }).click();
    await page.getByText(/of footage searched/).waitFor({ timeout: 30_000 });
    expect(await page.locator('.trial-table tbody tr').count()).toBe(5);
    expect(await axe()).toEqual([]);
    await page.locator('.trial-table').getByRole('button', { name: '90' }).click();
    await page.locator('.trial-events a').first().waitFor();
    await page.getByRole('button', { name: 'Set to 90' }).click();
    expect(await page.getByLabel(/^Sensitivity/).inputValue()).toBe('90');
    await page.getByRole('button', { name: 'Discard changes' }).click();
    await page.locator('.trial-events a').first().click();
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    await tab('Settings').click();
  }, 90_000);

  it('warns what a shorter time destroys before it is saved', async () => {
    await page.getByLabel('Footage', { exact: true }).selectOption('21600');
    await page.getByText(/is destroyed as soon as you save/).waitFor();
    expect(await axe()).toEqual([]);
    await page.getByRole('button', { name: 'Save and destroy older footage' }).click();
    await soon(async () => (await owner.get('/api/v1/settings')).body.includes('"retentionS":21600'));
  }, 60_000);

  it('marks this browser, and removes another owner after a warning', async () => {
    const other = await rig.owner();
    await page.reload();
    await tab('Settings').click();
    const line = page
      .getByRole('region', { name: 'Owners' })
      .locator('.viewer')
      .filter({ hasNot: page.locator('.tag') });
    await page.locator('.tag').waitFor();
    const before = await line.count();
    await line
      .last()
      .getByRole('button', { name: /^Remove/ })
      .click();
    await page.getByText(/so do its grants, unless the agency’s vault has the clip already/).waitFor();
    await line.last().getByRole('button', { name: 'Remove', exact: true }).click();
    await soon(async () => (await line.count()) === before - 1);
    expect((await other.get('/api/v1/state')).status).toBe(401);
  }, 60_000);

  it('is still paired after a reload, without any error or call to another origin', async () => {
    await page.reload();
    await soon(
      async () =>
        (await page.locator('.gate form button').count()) === 0 &&
        (await page.locator('.chip-live, .look').count()) > 0,
      20_000,
    );
    expect(faults).toEqual([]);
  }, 60_000);

  it('says of a visit that its picture is gone, once the footage is', async () => {
    const other = await rig.owner();
    const { events } = (await other.get('/api/v1/events?types=motion-start&limit=500')).json as {
      events: { event: { atUs: number } }[];
    };
    // The first movement stays, without its footage and all that came later.
    const startUs = Number(events.at(-1)?.event.atUs) + 1;
    const window = { startUs, endUs: Date.now() * 1_000 };
    expect(await other.command({ action: 'forget', window })).toMatchObject({ outcome: 'command-done' });
    await page.goto(`${rig.url}/#/now`);
    await page.reload();
    await page.locator('.visit-gone').first().waitFor({ timeout: 30_000 });
    expect(await page.locator('.visit-gone').first().textContent()).toBe('Picture gone');
  }, 60_000);
});
