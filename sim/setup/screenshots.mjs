// Owns: `npm run screenshots`: each page of the console at the width of a phone and of a desktop, light and dark, as pictures for the
// documents. Runs a doorbell with the drawn porch and Debian's chromium. Not here: the pages (device/console/page), what they do (tests).
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import {
  Doorbell,
  findFfmpeg,
  parseDeviceConfig,
  SystemClock,
  SystemDisk,
  SystemPrograms,
  SystemRandom,
  silentLog,
} from '../../dist/device/index.js';
import { porchKind } from '../../dist/sim/index.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const pictures = process.argv[2] ?? join(root, 'device/console/pictures');
const BYTES_MAX = 150_000;
const SIZES = [
  ['phone', { width: 390, height: 844 }, 2],
  ['desktop', { width: 1280, height: 800 }, 1],
];
const RECORDED_MS = 25_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function startDoorbell(folder) {
  const config = parseDeviceConfig(
    {
      name: 'Front door',
      camera: 'synthetic?size=1280x720&play=visitor',
      ring: { kind: 'memory', bytes: 256 * 1024 * 1024 },
      home: { url: 'mqtt://127.0.0.1:1', user: 'porch', password: 'secret' },
      console: { listen: 'this-machine', port: 0 },
    },
    'device.json',
  );
  const seams = { clock: new SystemClock(), random: new SystemRandom(), disk: new SystemDisk(), log: silentLog() };
  const options = { config, folder, cameraKinds: [porchKind] };
  const doorbell = new Doorbell(options, { ...seams, programs: new SystemPrograms(), ffmpeg: await findFfmpeg() });
  await doorbell.start();
  return doorbell;
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
      await page.locator('.tab').nth(1).click();
      await page.locator('.event-ring').first().click();
      await page.locator('.picture-still').waitFor({ timeout: 20_000 });
      await pause(1_200);
    },
  ],
  [
    'people',
    async (page) => {
      await page.locator('.tab').nth(2).click();
      await page.locator('.look').first().waitFor();
    },
  ],
];

async function shoot(browser, address, [size, viewport, deviceScaleFactor], colorScheme, storageState) {
  const context = await browser.newContext({
    viewport,
    deviceScaleFactor,
    colorScheme,
    storageState,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(address().pairingUrl);
  await page.locator('form button').waitFor();
  if (colorScheme === 'light') await keep(`pairing-${size}-${colorScheme}`, await page.screenshot());
  await page.locator('form button').click();
  for (const [name, show] of PAGES) {
    await show(page);
    await keep(`${name}-${size}-${colorScheme}`, await page.screenshot());
  }
  await context.close();
}

const folder = mkdtempSync(join(tmpdir(), 'doorsill-screenshots-'));
mkdirSync(pictures, { recursive: true });
const doorbell = await startDoorbell(folder);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  await pause(RECORDED_MS);
  for (const size of SIZES)
    for (const scheme of ['light', 'dark']) await shoot(browser, () => doorbell.console, size, scheme);
} finally {
  await browser.close();
  await doorbell.stop();
  rmSync(folder, { recursive: true });
}
