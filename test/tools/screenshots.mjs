// `npm run screenshots`: each page of the console at the width of a phone and of a desktop, light and dark, as pictures for the documents.
// Runs a testbed with the drawn porch, whose agency asks for footage, and Debian's chromium.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const pictures = process.argv[2] ?? join(root, 'device/console/pictures');
const BYTES_MAX = 150_000;
const SIZES = [
  ['phone', { width: 390, height: 844 }, 2],
  ['desktop', { width: 1280, height: 800 }, 1],
];
const RECORDED_MS = 40_000;
const STORY =
  'A parcel was taken from a porch on Maple Street this morning. If your camera saw the street or the porch, please share it.';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const cli = join(root, 'sim/cli/doorsill.mjs');
const say = (...words) =>
  JSON.parse(execFileSync(process.execPath, [cli, ...words, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] }));

/** A whole testbed in a folder, once it is up; returns what ends it. */
async function startTestbed(folder) {
  const camera = 'synthetic?size=1280x720&play=visitor';
  const words = ['up', '--no-ask', '--camera', camera, '--data', folder, '--json'];
  const up = spawn(process.execPath, [cli, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => up.once('close', resolve));
  await new Promise((resolve, reject) => {
    up.stdout.on('data', (text) => String(text).includes('"event":"up"') && resolve());
    ended.then(() => reject(new Error('the testbed has ended')));
  });
  return async () => {
    up.kill('SIGINT');
    await ended;
  };
}

/** Writes a picture with as many colours as fit into the limit. */
async function keep(name, png) {
  const file = join(pictures, `${name}.png`);
  for (const colours of [256, 128, 64, 32]) {
    writeFileSync(file, await sharp(png).png({ palette: true, colours, effort: 10 }).toBuffer());
    if (statSync(file).size <= BYTES_MAX) break;
  }
  console.log(`${relative(root, file)}  ${statSync(file).size} bytes`);
}

/** The drawn visitor rings now and then. */
async function closeRing(page) {
  const close = page.locator('.ring-banner').getByRole('button', { name: 'Close' });
  if (await close.isVisible()) await close.click();
}

/** The pages, each as a step that shows it. */
const PAGES = [
  [
    'now',
    async (page) => {
      await page.locator('.chip-live').waitFor({ timeout: 20_000 });
      await pause(700);
    },
  ],
  [
    'timeline',
    async (page) => {
      await tab(page, 'timeline');
      await page.locator('.event-ring').first().click();
      await page.locator('.picture-still').waitFor({ timeout: 20_000 });
      await pause(1_200);
    },
  ],
  [
    'left-nothing',
    async (page) => {
      await tab(page, 'left');
      await page.locator('.left-nothing').waitFor();
    },
  ],
  [
    'requests',
    async (page) => {
      await tab(page, 'requests');
      await page.locator('.request-line').waitFor();
    },
  ],
  [
    'request',
    async (page) => {
      await page.locator('.request-line').click();
      await page.locator('.request-text').waitFor();
    },
  ],
  [
    'choose',
    async (page) => {
      await page.locator('.decide .button-main').click();
      await page.locator('.picture-still').waitFor({ timeout: 20_000 });
      await page.locator('.fact-tick input').first().check();
      await page.locator('.trim-film img').nth(7).waitFor({ timeout: 20_000 });
      await page.evaluate('scrollTo(0, 0)');
      await pause(1_000);
    },
  ],
  [
    'preview',
    async (page) => {
      await page.locator('.decide .button-main').click();
      await page.locator('video[data-sha256]').waitFor({ timeout: 30_000 });
      await page.evaluate("document.querySelector('video[data-sha256]').currentTime = 4");
      await pause(1_500);
    },
  ],
  [
    'settings',
    async (page) => {
      // Ignoring ends the preview: there are two at most.
      await page.locator('.decide-row .button').last().click();
      await tab(page, 'settings');
      await page.locator('.viewers li').first().waitFor();
      await pause(1_500);
    },
  ],
  [
    'settings-motion',
    async (page) => {
      const part = page.locator('section', { has: page.locator('#motion') });
      await part.locator('.zones-place').scrollIntoViewIfNeeded();
      await part.locator('.chip-live').waitFor({ timeout: 20_000 });
      // An area drawn on the path, and what moves in it.
      await part.locator('.row .button').first().click();
      const { x, y, width, height } = await part.locator('.zone-overlay').boundingBox();
      await page.mouse.move(x + width * 0.34, y + height * 0.3);
      await page.mouse.down();
      await page.mouse.move(x + width * 0.62, y + height * 0.96, { steps: 4 });
      await page.mouse.up();
      await page.locator('#motion').evaluate((heading) => heading.scrollIntoView());
      await page.locator('.mask-counts rect').first().waitFor({ timeout: 30_000 });
    },
  ],
  [
    'settings-trial',
    async (page) => {
      await page.locator('.trial-ask .button').click();
      await page.locator('.trial-events a').first().waitFor({ timeout: 30_000 });
      await page.locator('.trial').evaluate((part) => part.scrollIntoView());
      await pause(500);
    },
  ],
  [
    'settings-keeping',
    async (page) => {
      await page.locator('#keep-footage').selectOption('21600');
      await page.locator('#keeping').evaluate((heading) => heading.scrollIntoView());
      await pause(300);
    },
  ],
];

const tab = (page, name) => page.locator(`.tab[href="#/${name}"]`).click();

async function shoot(browser, folder, [size, viewport, deviceScaleFactor], colorScheme, storageState) {
  const context = await browser.newContext({
    viewport,
    deviceScaleFactor,
    colorScheme,
    storageState,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(say('pair', '--show', '--data', folder).pairingUrl);
  await page.locator('form button').waitFor();
  if (colorScheme === 'light') await keep(`pairing-${size}-${colorScheme}`, await page.screenshot());
  await page.locator('form button').click();
  for (const [name, show] of PAGES) {
    await show(page);
    await closeRing(page);
    await keep(`${name}-${size}-${colorScheme}`, await page.screenshot());
  }
  await context.close();
}

/** What has left, after one clip has: in the vault, its proof checked. One browser for each size: a door has eight owners at most. */
async function shootLeft(browser, folder) {
  const [{ jti: request, window }] = say('grant', '--list', '--data', folder).requests;
  const span = [window.endUs - 8_000_000, window.endUs].map((us) => new Date(us / 1000).toISOString());
  say('grant', request, '--from', span[0], '--to', span[1], '--disclose', 'address,email', '--data', folder);
  // The bridge hands it over by itself.
  await pause(3_000);
  for (const [size, viewport, deviceScaleFactor] of SIZES) {
    const context = await browser.newContext({ viewport, deviceScaleFactor, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(say('pair', '--show', '--data', folder).pairingUrl);
    await page.locator('form button').click();
    await tab(page, 'left');
    await page.locator('.sent-clip-actions .button').first().click();
    await page.locator('.check').waitFor({ timeout: 20_000 });
    await page.mouse.move(0, 0);
    await page.evaluate('scrollTo(0, 0)');
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await closeRing(page);
      await keep(`left-${size}-${colorScheme}`, await page.screenshot());
    }
    await context.close();
  }
}

/** The set-up page on a phone, down to how long footage lasts. */
async function shootSetup(browser, place) {
  const words = ['--data', place, '--port', '0', '--json'];
  const setup = spawn(process.execPath, [cli, 'device', 'setup', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => setup.once('close', resolve));
  const ready = await new Promise((resolve) => setup.stdout.once('data', (text) => resolve(JSON.parse(String(text)))));
  const [, viewport, deviceScaleFactor] = SIZES[0];
  const context = await browser.newContext({ viewport, deviceScaleFactor, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(ready.pairingUrl);
  await page.locator('.camera img').first().waitFor({ timeout: 40_000 });
  const { y, height } = await page.locator('.setup-form > .card').nth(2).boundingBox();
  const clip = { x: 0, y: 0, width: viewport.width, height: Math.ceil(y + height + 8) };
  await keep('setup-phone-light', await page.screenshot({ fullPage: true, clip }));
  await context.close();
  setup.kill('SIGINT');
  await ended;
}

const folder = mkdtempSync(join(tmpdir(), 'doorsill-screenshots-'));
mkdirSync(pictures, { recursive: true });
const stop = await startTestbed(join(folder, 'testbed'));
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  await shootSetup(browser, join(folder, 'new'));
  await pause(RECORDED_MS);
  say('agency', 'request', '--type', 'package theft', '--text', STORY, '--data', join(folder, 'testbed'));
  for (const size of SIZES)
    for (const scheme of ['light', 'dark']) await shoot(browser, join(folder, 'testbed'), size, scheme);
  await shootLeft(browser, join(folder, 'testbed'));
} finally {
  await browser.close();
  await stop();
  rmSync(folder, { recursive: true });
}
