// @module-tag long
// @module-tag chromium
// Holds: a browser sets a doorbell up by the code alone, and lands on the doorbell's own page as its owner, at the width of a phone and of a
// desktop, light and dark; and what the page says when something is missing. Without a fault found by axe.
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { axeFaults } from '../../../support/axe-faults.ts';
import { Running, temporaryFolder } from '../../../support/command-line.ts';
import { PORCH, SetupRig } from '../../setup/support/setup-rig.ts';

let browser: Browser;
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => browser.close());

interface Look {
  viewport: { width: number; height: number };
  colorScheme: 'light' | 'dark';
  locale: string;
}
const PHONE: Look = { viewport: { width: 390, height: 844 }, colorScheme: 'light', locale: 'en-GB' };

/** A page, and the errors of its scripts. Calls that are refused, or that nobody answers while the doorbell starts, are no errors. */
async function open(look: Look, url: string): Promise<{ page: Page; context: BrowserContext; faults: string[] }> {
  const context = await browser.newContext({ ...look, reducedMotion: 'reduce', ignoreHTTPSErrors: true });
  ends.push(() => context.close());
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (thrown) => faults.push(thrown.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (!/^(data|blob|wss?):$/.test(protocol) && origin !== new URL(url).origin)
      faults.push(`a call to ${request.url()}`);
  });
  await page.goto(url);
  return { page, context, faults };
}

const button = (page: Page) => page.locator('.setup-end button');

describe.each([
  ['a phone, light', { ...PHONE, locale: 'de-DE' }, 'Haustür', 'Einrichten'],
  ['a phone, dark', { ...PHONE, colorScheme: 'dark' as const, locale: 'es-ES' }, 'Puerta', 'Configurar'],
  [
    'a desktop, light',
    { viewport: { width: 1280, height: 800 }, colorScheme: 'light' as const, locale: 'en-GB' },
    '<script>alert(1)</script>',
    'Set up',
  ],
])('on %s', (_name, look, name, finish) => {
  it('the whole way goes from the code to the doorbell’s page', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder('setup-page');
    const words = ['--console', 'home-network', '--port', '0', '--camera', 'synthetic?size=640x360', '--json'];
    const command = new Running(['device', 'setup', '--data', `${folder.path}/porch`, ...words]);
    ends.push(
      async () => folder.dispose(),
      () => command.stop(),
    );
    const ready = await command.line('the page', (line) => line['event'] === 'ready');
    const { page, faults } = await open(look, String(ready['pairingUrl']));
    await page.locator('.camera img').first().waitFor({ timeout: 40_000 });
    expect(page.url()).not.toContain('setup=');
    expect(await axeFaults(page)).toEqual([]);
    await page.getByRole('textbox').first().fill(name);
    expect(await page.locator('.footage-length').textContent()).toMatch(/24/);
    expect(await button(page).textContent()).toBe(finish);
    await button(page).click();
    await page.locator('.chip-live').waitFor({ timeout: 60_000 });
    expect(await page.locator('header').textContent()).toContain(name);
    expect(await page.title()).toContain(name);
    // Paired for good.
    await page.reload();
    await page.locator('.chip-live').waitFor({ timeout: 20_000 });
    expect(faults).toEqual([]);
    // The link of the code leads nowhere any more.
    const { page: late } = await open(look, String(ready['pairingUrl']));
    await late.locator('.gate a.button').waitFor();
    expect(await axeFaults(late)).toEqual([]);
  });
});

describe('the page', () => {
  it('says what to plug in where no camera is found, and finds one without a reload', { timeout: 60_000 }, async () => {
    const offered: { source: string; label: string; sizes: string[] }[] = [];
    const rig = await SetupRig.start({ offered });
    const { page } = await open(PHONE, rig.server.address.pairingUrl);
    await page.getByText('No camera was found').waitFor();
    expect(await page.getByText(/Plug a USB camera in/).count()).toBe(1);
    expect(await button(page).isDisabled()).toBe(true);
    expect(await axeFaults(page)).toEqual([]);
    offered.push({ source: PORCH, label: 'porch', sizes: [] });
    await page.getByRole('button', { name: 'Look again' }).click();
    await page.locator('.camera img').waitFor({ timeout: 20_000 });
    expect(await button(page).isEnabled()).toBe(true);
  });

  it('shows why a camera gives no picture, and a network camera’s address as it was typed', {
    timeout: 60_000,
  }, async () => {
    const rig = await SetupRig.start({
      offered: [{ source: 'v4l2:/dev/doorsill-gone', label: 'Webcam', sizes: ['640x480'] }],
    });
    const { page } = await open(PHONE, rig.server.address.pairingUrl);
    await page
      .locator('.camera .picture-note')
      .getByText(/doorsill-gone/)
      .waitFor({ timeout: 20_000 });
    expect(await button(page).isDisabled()).toBe(true);
    await page.locator('.network-camera summary').click();
    await page.getByLabel('Address', { exact: true }).fill('rtsp://127.0.0.1:1/stream');
    await page.getByRole('button', { name: 'Show its picture' }).click();
    await page
      .locator('.camera.is-chosen')
      .getByText(/127\.0\.0\.1:1/)
      .waitFor({ timeout: 20_000 });
    expect(await axeFaults(page)).toEqual([]);
  });

  it('keeps footage in memory on a disk that is nearly full, and says so', { timeout: 60_000 }, async () => {
    const rig = await SetupRig.start();
    Object.assign(rig.disk, { freeBytes: async () => 300_000_000 });
    const { page } = await open(PHONE, rig.server.address.pairingUrl);
    await page.getByText('The disk is nearly full').waitFor();
    await page.locator('.camera img').waitFor({ timeout: 20_000 });
    expect(await axeFaults(page)).toEqual([]);
    await button(page).click();
    expect(await rig.server.done).toMatchObject({ paired: true });
    expect(await rig.settings()).toMatchObject({ ring: { kind: 'memory' } });
  });

  it('is for one browser, and asks for the code after a reload', { timeout: 60_000 }, async () => {
    const rig = await SetupRig.start();
    const { page } = await open(PHONE, rig.server.address.pairingUrl);
    await page.locator('.setup-form').waitFor();
    const { page: other } = await open(PHONE, rig.server.address.pairingUrl);
    await other.getByText('Another browser sets this doorbell up.').waitFor();
    await page.reload();
    await page.getByText('Scan the code again').waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.goto(rig.server.address.pairingUrl);
    await page.locator('.setup-form').waitFor();
  });

  it('says that it is over when it is left open until then', { timeout: 60_000 }, async () => {
    const rig = await SetupRig.start();
    const { page } = await open(PHONE, rig.server.address.pairingUrl);
    await page.locator('.camera img').waitFor({ timeout: 20_000 });
    await rig.server.stop();
    await page.getByRole('button', { name: 'New picture' }).click();
    await page.locator('.camera .picture-note').getByText('The doorbell does not answer.').waitFor();
    expect(await button(page).isDisabled()).toBe(true);
  });

  it('claims nothing where the answer to what was chosen is lost', { timeout: 60_000 }, async () => {
    const rig = await SetupRig.start();
    const { page } = await open(PHONE, rig.server.address.pairingUrl);
    await page.locator('.camera img').waitFor({ timeout: 20_000 });
    await rig.server.stop();
    await button(page).click();
    await page.getByRole('heading', { name: 'The doorbell did not answer' }).waitFor();
    expect(await axeFaults(page)).toEqual([]);
    expect(await rig.files()).toEqual([]);
  });

  it('names what the doorbell refuses, and can be mended', { timeout: 60_000 }, async () => {
    const rig = await SetupRig.start();
    const { page } = await open(PHONE, rig.server.address.pairingUrl);
    await page.locator('.camera img').waitFor({ timeout: 20_000 });
    await page.locator('details.card summary').click();
    await page.getByLabel('Address of the broker').fill('127.0.0.1:1');
    await page.getByLabel('User', { exact: true }).fill('porch');
    await page.getByLabel('Password').fill('secret');
    await button(page).click();
    await page
      .getByRole('alert')
      .getByText(/mqtt:\/\/127\.0\.0\.1:1/)
      .waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.getByLabel('Address of the broker').fill('');
    await button(page).click();
    expect(await rig.server.done).toMatchObject({ paired: true });
  });

  it('pairs nothing where the doorbell’s page will be elsewhere, and says where', { timeout: 60_000 }, async () => {
    const rig = await SetupRig.start();
    const { page } = await open(PHONE, rig.server.address.pairingUrl);
    await page.locator('.camera img').waitFor({ timeout: 20_000 });
    await page.getByRole('radio', { name: /Phones and computers/ }).check();
    await button(page).click();
    await page.getByText('Scan the new code in the terminal').waitFor();
    expect(await rig.server.done).toMatchObject({ paired: false, listen: 'home-network' });
  });
});
