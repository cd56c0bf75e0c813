// How quickly an owner sees in the console, in Debian's chromium on this machine: how late the live picture is, by the number that the
// drawn porch gives each frame; how soon a still follows the finger; how soon footage plays from any instant of a day.
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { z } from 'zod';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { fittingCipher } from '../../device/base/seal.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../device/camera/segment.ts';
import { makeRing } from '../../device/ring/make-ring.ts';
import { RingMemory } from '../../device/ring/ring-memory.ts';
import { FileDeviceKey } from '../../device/ring/wrapped-key-files.ts';
import { readFrameNumber } from '../../sim/porch/frame-number.ts';
import { ConsoleRig, soon } from '../device/console/support/console-rig.ts';
import { FPS } from './footage.ts';
import { median, type Row, type Run } from './measure.ts';
import { record } from './recording.ts';

const CHROMIUM = '/usr/bin/chromium';
const MIB = 1024 * 1024;
const clock = new SystemClock();

/** What measures inside the page, in the browser's own JavaScript: the page's own code is not touched. */
const IN_PAGE = `globalThis.bench = {
  // Each frame that the live picture shows: when it is on the screen, in milliseconds since 1970, and its topmost rows.
  watchFrames(ms, width, rows) {
    const video = document.querySelector('video');
    const canvas = Object.assign(document.createElement('canvas'), { width, height: (width * 9) / 16 });
    const brush = canvas.getContext('2d', { willReadFrequently: true });
    const frames = [];
    const endMs = performance.now() + ms;
    return new Promise((resolve) => {
      const look = (_, { expectedDisplayTime }) => {
        if (performance.now() > endMs) return resolve(frames);
        brush.drawImage(video, 0, 0, canvas.width, canvas.height);
        const { data } = brush.getImageData(0, 0, width, rows);
        const luma = Array.from({ length: width * rows }, (__, pixel) => data[pixel * 4 + 1]);
        frames.push({ atMs: performance.timeOrigin + expectedDisplayTime, luma });
        video.requestVideoFrameCallback(look);
      };
      video.requestVideoFrameCallback(look);
    });
  },
  // When the pointer moved last, and when stills have shown since.
  noted: { movedMs: 0, shownMs: [] },
  noteStills() {
    const { noted } = this;
    const moved = () => Object.assign(noted, { movedMs: performance.now(), shownMs: [] });
    addEventListener('pointermove', moved, { capture: true });
    const figure = document.querySelector('figure.picture');
    const changed = async () => {
      const { movedMs } = noted;
      await figure.querySelector('img').decode();
      // Painted with the next frame of the screen.
      requestAnimationFrame(() => movedMs === noted.movedMs && noted.shownMs.push(performance.now()));
    };
    new MutationObserver(changed).observe(figure, { attributes: true, attributeFilter: ['data-still-us'] });
  },
  // Milliseconds from a click on play to the first frame that shows.
  pressPlay() {
    const startMs = performance.now();
    return new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error('it did not play')), 20_000);
      const shown = (_, { expectedDisplayTime }) => resolve(expectedDisplayTime - startMs);
      document.querySelector('video').requestVideoFrameCallback(shown);
      document.querySelector('.transport-play').click();
    });
  },
};`;
const framesSchema = z.array(z.object({ atMs: z.number(), luma: z.array(z.number()) }));
const notedSchema = z.object({ movedMs: z.number(), shownMs: z.array(z.number()) });
const sourceSchema = z.object({
  camera: z.object({ state: z.string(), sourceStartUs: z.number().optional() }),
  ring: z.object({ coverage: z.array(z.object({ startUs: z.number(), endUs: z.number() })) }),
});

export async function consoleRows({ folder }: Run): Promise<Row[]> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  try {
    return [
      ...(await liveRows(browser, folder)),
      ...(await scrubRows(browser, folder, '1280x720', 15)),
      ...(await scrubRows(browser, folder, '1920x1080', 30)),
      await playRow(browser, folder),
    ];
  } finally {
    await browser.close();
  }
}

/** A browser's page, paired and open. */
/** A doorbell with the ffmpeg that a device would choose. */
const startRig = async (settings: Parameters<typeof ConsoleRig.start>[0], kept?: string) =>
  ConsoleRig.start(settings, kept, { ffmpeg: await findFfmpeg() });

async function openPage(browser: Browser, rig: ConsoleRig): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await page.addInitScript(IN_PAGE);
  await page.goto(rig.address.pairingUrl);
  await page.locator('form button').click();
  await page.locator('.tab').first().waitFor();
  return page;
}

function at(share: number, values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
}

const WATCHED_MS = 20_000;
/** The frame's number is read from a copy of this size. */
const [COPY_WIDTH, COPY_HEIGHT] = [320, 180];
const STRIP_ROWS = 4;

/** From the moment that the porch gives a frame to the one at which the browser shows it; the same where frames are copied. */
async function liveRows(browser: Browser, folder: string): Promise<Row[]> {
  const row = (what: string, delaysMs: readonly number[], target: Row['target']): Row => ({
    group: 'console',
    what: `Console: a frame until the browser shows it, live, 720p15 ${what}, p95`,
    ours: `${at(0.5, delaysMs).toFixed(0)} ms at the median of ${delaysMs.length} frames`,
    baseline: `${(1000 / FPS).toFixed(0)} ms from frame to frame`,
    figure: at(0.95, delaysMs),
    unit: 'ms',
    target,
  });
  const drawn = await shownDelaysMs(browser, 'synthetic?size=1280x720', 0);
  const film = await filmPorch(folder);
  const copied = await shownDelaysMs(browser, `file:${film.path}`, film.firstFrame);
  // A camera that encodes by itself has a delay of its own before; what is added to it is printed only.
  return [row('drawn and encoded', drawn, { most: 1000 }), row('copied', copied, null)];
}

/** Milliseconds from the source's own time of each frame to its time on the screen. `firstFrame`: the number of its first one. */
async function shownDelaysMs(browser: Browser, camera: string, firstFrame: number): Promise<number[]> {
  const rig = await startRig({ camera, ring: { kind: 'memory', bytes: 64 * MIB } });
  try {
    const page = await openPage(browser, rig);
    await page.locator('.chip-live').waitFor({ timeout: 20_000 });
    const watch = `bench.watchFrames(${WATCHED_MS}, ${COPY_WIDTH}, ${STRIP_ROWS})`;
    const shown = framesSchema.parse(await page.evaluate(watch));
    // Afterwards: the first frames show before the device knows its first second whole.
    const { camera: source } = sourceSchema.parse((await (await rig.owner()).get('/api/v1/state')).json);
    if (source.sourceStartUs === undefined) throw new Error('the camera’s own time is not known');
    const startMs = source.sourceStartUs / 1000;
    const delaysMs = shown.flatMap(({ atMs, luma }) => {
      const plane = new Uint8Array(COPY_WIDTH * COPY_HEIGHT);
      plane.set(luma);
      const frame = readFrameNumber(plane, COPY_WIDTH, COPY_HEIGHT);
      return frame === null ? [] : [atMs - startMs - ((frame - firstFrame) * 1000) / FPS];
    });
    if (delaysMs.length < (WATCHED_MS / 1000) * FPS * 0.6) throw new Error(`only ${delaysMs.length} frames were read`);
    return delaysMs;
  } finally {
    await rig.stop();
  }
}

/** Longer than it takes to open a page and to watch. */
const FILM_SECONDS = 60;

/** The drawn porch as a file of H.264, as a camera gives it that encodes by itself. */
async function filmPorch(folder: string): Promise<{ path: string; firstFrame: number }> {
  const camera = `synthetic?size=1280x720&audio=off&seconds=${FILM_SECONDS}&pace=fast`;
  const rig = await startRig({ camera, ring: { kind: 'memory', bytes: 128 * MIB } });
  try {
    const owner = await rig.owner();
    const state = async () => sourceSchema.parse((await owner.get('/api/v1/state')).json);
    await soon(async () => (await state()).camera.state === 'ended', 60_000);
    const { coverage } = (await state()).ring;
    const [span] = coverage;
    if (!span || coverage.length > 1) throw new Error('the porch was not filmed in one piece');
    const path = join(folder, 'film.mp4');
    const film = await owner.get(`/api/v1/footage.mp4?fromUs=${span.startUs}&toUs=${span.endUs}`);
    await writeFile(path, film.body);
    const still = await owner.get(`/api/v1/snapshot.jpg?atUs=${span.startUs}`);
    const size = { width: COPY_WIDTH, height: COPY_HEIGHT };
    const luma = await sharp(still.body)
      .resize({ ...size, fit: 'fill' })
      .grayscale()
      .raw()
      .toBuffer();
    const firstFrame = readFrameNumber(luma, COPY_WIDTH, COPY_HEIGHT);
    if (firstFrame === null) throw new Error('the first frame bears no number');
    return { path, firstFrame };
  } finally {
    await rig.stop();
  }
}

const SCRUBBED_SECONDS = 120;
const MOVES = 40;
/** Longer than a finger has to rest, and a still takes. */
const REST_MS = 900;

/** A finger that moves and rests, again and again. */
async function scrubRows(browser: Browser, folder: string, size: string, fps: number): Promise<Row[]> {
  const footage = await filmed(folder, size, fps);
  const rig = await startRig({
    camera: `file:${footage}?once&pace=fast`,
    ring: { kind: 'memory', bytes: 256 * MIB },
  });
  try {
    const owner = await rig.owner();
    await soon(async () => {
      return sourceSchema.parse((await owner.get('/api/v1/state')).json).camera.state === 'ended';
    }, 120_000);
    const page = await openPage(browser, rig);
    await page.locator('.tab').nth(1).click();
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    const waits = await scrubbed(page);
    const row = (what: string, values: readonly number[], most: number): Row => ({
      group: 'console',
      what: `Console: ${what}, ${size.split('x')[1]}p${fps}, p95`,
      ours: `${median(values).toFixed(0)} ms at the median of ${values.length} moves`,
      baseline: '',
      figure: at(0.95, values),
      unit: 'ms',
      target: { most },
    });
    return [
      row(
        'the nearest keyframe under the finger',
        waits.map(({ keyMs }) => keyMs),
        150,
      ),
      row(
        'the exact frame at rest',
        waits.map(({ exactMs }) => exactMs),
        400,
      ),
    ];
  } finally {
    await rig.stop();
  }
}

/** For each move: milliseconds until the first still of it shows, and until the last. */
async function scrubbed(page: Page): Promise<{ keyMs: number; exactMs: number }[]> {
  await page.evaluate('bench.noteStills()');
  const box = await page.locator('.strip-drag .strip-line').boundingBox();
  if (!box) throw new Error('there is no line of time');
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const waits: { keyMs: number; exactMs: number }[] = [];
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let move = 0; move < MOVES; move += 1) {
    // Back and forth over most of what is recorded; never the same place twice.
    await page.mouse.move(x + 20 + ((move * 73) % 180), y);
    await clock.sleep(REST_MS);
    await soon(async () => notedSchema.parse(await page.evaluate('bench.noted')).shownMs.length > 0);
    const { movedMs, shownMs } = notedSchema.parse(await page.evaluate('bench.noted'));
    const [first = Number.NaN, last = Number.NaN] = [shownMs[0], shownMs.at(-1)];
    waits.push({ keyMs: first - movedMs, exactMs: last - movedMs });
  }
  await page.mouse.up();
  return waits;
}

async function filmed(folder: string, size: string, fps: number): Promise<string> {
  const { path } = await findFfmpeg();
  const file = join(folder, `${size}.mp4`);
  const picture = `testsrc2=s=${size}:r=${fps}:d=${SCRUBBED_SECONDS}`;
  await promisify(execFile)(path, [
    ...['-hide_banner', '-loglevel', 'error', '-y', '-f', 'lavfi', '-i', picture],
    ...['-vf', 'noise=alls=6:allf=t,format=yuv420p', '-c:v', 'libx264', '-preset', 'superfast', '-bf', '0'],
    ...['-g', String(fps), '-keyint_min', String(fps), '-sc_threshold', '0', '-b:v', '2M', file],
  ]);
  return file;
}

const DAY_SECONDS = 86_400;
const PLAYS = 30;

/** From pressing play to the first moving picture, from instants all over a day of footage. */
async function playRow(browser: Browser, folder: string): Promise<Row> {
  const place = await mkdtemp(join(folder, 'day-'));
  const ring = { kind: 'file', bytes: 2048 * MIB, retentionS: 2 * DAY_SECONDS } as const;
  const bytes = await fillDay(place, ring);
  const rig = await startRig({ camera: `file:${join(place, 'porch.mp4')}?once&pace=fast`, ring }, place);
  try {
    const page = await openPage(browser, rig);
    await page.locator('.tab').nth(1).click();
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    const strip = page.locator('.strip-touch .strip-line');
    const box = await strip.boundingBox();
    if (!box) throw new Error('there is no line of time');
    const waits: number[] = [];
    for (let play = 0; play < PLAYS; play += 1) {
      await page.mouse.click(
        box.x + box.width * (0.01 + 0.97 * (((play * 11) % PLAYS) / PLAYS)),
        box.y + box.height / 2,
      );
      await clock.sleep(REST_MS);
      waits.push(z.number().parse(await page.evaluate('bench.pressPlay()')));
      await page.locator('.transport-play').click();
    }
    return {
      group: 'console',
      what: `Console: playing from any instant of 24 h, ${DAY_SECONDS} segments, the slowest of ${PLAYS}`,
      ours: `${median(waits).toFixed(0)} ms at the median`,
      baseline: `${((bytes * 8) / 1000).toFixed(0)} kbit/s`,
      figure: Math.max(...waits),
      unit: 'ms',
      target: { most: 500 },
    };
  } finally {
    await rig.stop();
  }
}

/** Fills a ring's file with a day of the drawn porch, one second a segment; returns the bytes of one. */
async function fillDay(folder: string, settings: { kind: 'file'; bytes: number; retentionS: number }): Promise<number> {
  const { path } = await findFfmpeg();
  const file = join(folder, 'porch.mp4');
  await promisify(execFile)(path, [
    ...['-hide_banner', '-loglevel', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=s=640x360:r=${FPS}:d=30`],
    ...['-c:v', 'libx264', '-preset', 'superfast', '-bf', '0', '-g', String(FPS), '-keyint_min', String(FPS)],
    ...['-sc_threshold', '0', '-b:v', '100k', '-maxrate', '100k', '-bufsize', '100k', '-pix_fmt', 'yuv420p', file],
  ]);
  const [disk, random, log, cipher] = [new SystemDisk(), new SystemRandom(), silentLog(), fittingCipher(clock)];
  const loop = new RingMemory({ clock, random, cipher, bytesMax: 64 * MIB, retentionS: DAY_SECONDS });
  await loop.start();
  await record(`file:${file}?once&pace=fast`, loop);
  const segments: Segment[] = [];
  for await (const segment of loop.read({ startUs: 0, endUs: Number.MAX_SAFE_INTEGER })) segments.push(segment);
  const wrapper = new FileDeviceKey(disk, random, join(folder, 'wrapping.key'));
  const ring = makeRing(settings, folder, { disk, clock, random, log, wrapper, cipher, clockTrusted: () => true });
  await ring.start();
  // Before what the doorbell itself records of it.
  const [firstUs, endUs] = [segments[0]?.startUs ?? 0, clock.wallUs() - 300_000_000];
  for (let second = 0; second < DAY_SECONDS; second += 1) {
    const lap = Math.floor(second / segments.length);
    const one = segments[second % segments.length];
    if (!one) throw new Error('nothing was filmed');
    const byUs = endUs - DAY_SECONDS * 1_000_000 - firstUs + lap * segments.length * 1_000_000;
    await ring.append({
      ...one,
      index: second,
      startUs: one.startUs + byUs,
      endUs: one.endUs + byUs,
      wallOffsetUs: one.wallOffsetUs + byUs,
    });
  }
  await Promise.all([ring.stop(), loop.stop()]);
  return segments.reduce((sum, { fragment }) => sum + fragment.length, 0) / Math.max(1, segments.length);
}
