// A report of a run as pictures for the documents: `node test/tools/report-picture.mjs REPORT.html [FOLDER]` opens it in Debian's chromium
// at the width of a phone and of a desktop, light and dark.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const [report, pictures = 'sim/report/pictures'] = process.argv.slice(2);
if (!report) throw new Error('name a report: node test/tools/report-picture.mjs REPORT.html [FOLDER]');
const BYTES_MAX = 150_000;
const SIZES = [
  ['phone', { width: 390, height: 844 }, 2],
  ['desktop', { width: 1280, height: 1280 }, 1],
];

/** Writes a picture with as many colours as fit into the limit. */
async function keep(name, png) {
  const file = join(pictures, `${name}.png`);
  for (const colours of [256, 128, 64, 32]) {
    writeFileSync(file, await sharp(png).png({ palette: true, colours, effort: 10 }).toBuffer());
    if (statSync(file).size <= BYTES_MAX) break;
  }
  console.log(`${file}  ${statSync(file).size} bytes`);
}

mkdirSync(pictures, { recursive: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  for (const [size, viewport, deviceScaleFactor] of SIZES)
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport, deviceScaleFactor, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      await page.goto(pathToFileURL(resolve(report)).href);
      await page.locator('.test').first().waitFor();
      const timeline = page.locator('.timeline svg').first();
      if (await timeline.isVisible()) await timeline.locator('.mark-bar').first().waitFor();
      await keep(`report-${size}-${colorScheme}`, await page.screenshot());
      await context.close();
    }
} finally {
  await browser.close();
}
