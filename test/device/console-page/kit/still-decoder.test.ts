// Holds: the browser decodes the timeline's stills, and they are the same frames as the device's own stills; if the browser cannot decode,
// the device does.
// @module-tag chromium
// @module-tag long
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readFrameNumber } from '../../../../sim/porch/frame-number.ts';
import { ConsoleRig, type OwnerBrowser, soon } from '../../console/support/console-rig.ts';

const [WIDTH, HEIGHT] = [320, 180];
/** Runs in the page: the shown still as gray values, with its frame's wall time; null if it changes meanwhile. */
const STILL = `(async () => {
  const figure = document.querySelector('figure.picture');
  const still = figure.querySelector('.picture-still');
  const { src } = still;
  await still.decode();
  if (still.src !== src) return null;
  const canvas = Object.assign(document.createElement('canvas'), { width: ${WIDTH}, height: ${HEIGHT} });
  const brush = canvas.getContext('2d');
  brush.drawImage(still, 0, 0, ${WIDTH}, ${HEIGHT});
  const { data } = brush.getImageData(0, 0, ${WIDTH}, ${HEIGHT});
  const luma = Array.from({ length: ${WIDTH * HEIGHT} }, (_, pixel) => data[pixel * 4 + 1]);
  return { atUs: Number(figure.dataset.stillUs), luma };
})()`;
const stillSchema = z.object({ atUs: z.number(), luma: z.array(z.number()) }).nullable();

let rig: ConsoleRig;
let owner: OwnerBrowser;
let browser: Browser;

beforeAll(async () => {
  rig = await ConsoleRig.start({ camera: 'synthetic?size=640x360' });
  owner = await rig.owner();
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  await soon(async () => (await coveredUs()) > 8_000_000, 30_000);
}, 60_000);
afterAll(async () => {
  await browser.close();
  await rig.stop();
});

const coverageSchema = z.object({
  ring: z.object({ coverage: z.array(z.object({ startUs: z.number(), endUs: z.number() })) }),
});
async function coveredUs(): Promise<number> {
  const [span] = coverageSchema.parse((await owner.get('/api/v1/state')).json).ring.coverage;
  return span ? span.endUs - span.startUs : 0;
}

/** The timeline, and the device's stills that it asked for. */
async function openTimeline(without = ''): Promise<{ page: Page; asked: string[] }> {
  const page = await (await browser.newContext()).newPage();
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('snapshot.jpg?atUs=')) asked.push(request.url());
  });
  if (without !== '') await page.addInitScript(`delete globalThis.${without};`);
  await page.goto(rig.address.pairingUrl);
  await page.locator('form button').click();
  await page.locator('.tab').nth(1).click();
  await page.locator('.picture-still').waitFor({ timeout: 20_000 });
  return { page, asked };
}

/** Presses a key on the timeline; returns the frame that it leads to. */
async function goBy(page: Page, key: string): Promise<{ atUs: number; frame: number | null }> {
  const figure = page.locator('figure.picture');
  const before = await figure.getAttribute('data-still-us');
  await page.locator('.strip-drag .strip-line').press(key);
  await soon(async () => (await figure.getAttribute('data-still-us')) !== before);
  // The exact frame follows the keyframe.
  await page.waitForTimeout(800);
  const still = stillSchema.parse(await page.evaluate(STILL));
  if (!still) throw new Error('the still does not come to rest');
  return { atUs: still.atUs, frame: readFrameNumber(Uint8Array.from(still.luma), WIDTH, HEIGHT) };
}

/** The device's own still of a moment. */
async function deviceStill(atUs: number): Promise<{ atUs: number; frame: number | null }> {
  const { headers, body } = await owner.get(`/api/v1/snapshot.jpg?atUs=${atUs}&precision=exact&width=640`);
  const luma = await sharp(body).resize(WIDTH, HEIGHT, { fit: 'fill' }).grayscale().raw().toBuffer();
  return { atUs: Number(headers['x-doorsill-at-us']), frame: readFrameNumber(luma, WIDTH, HEIGHT) };
}

describe('a still of the timeline', () => {
  it('is the frame that the device would show, and the device decodes none', async () => {
    const { page, asked } = await openTimeline();
    const seen: (number | null)[] = [];
    for (const key of ['ArrowLeft', 'ArrowLeft', 'PageUp', 'ArrowLeft', 'PageDown', 'ArrowRight']) {
      const still = await goBy(page, key);
      expect(still).toEqual(await deviceStill(still.atUs));
      seen.push(still.frame);
    }
    expect(new Set(seen).size).toBeGreaterThan(2);
    expect(seen).not.toContain(null);
    expect(asked).toEqual([]);
    await page.context().close();
  }, 60_000);

  it('comes from the device where the browser cannot decode', async () => {
    const { page, asked } = await openTimeline('VideoDecoder');
    const still = await goBy(page, 'ArrowLeft');
    expect(still).toEqual(await deviceStill(still.atUs));
    expect(asked.length).toBeGreaterThan(0);
    await page.context().close();
  }, 60_000);
});
