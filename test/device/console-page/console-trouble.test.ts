// Holds: the page in trouble: a restarted device, privacy turned on elsewhere, a removed owner, a used pairing code, a full disk, footage
// that is gone; and that pictures really show decoded frames.
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { type Disk, SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { confirmPairing } from '../../../device/owner/pairing-client.ts';
import { SimulatedDisk } from '../../../sim/world/simulated-disk.ts';
import { proved } from '../../support/proved.ts';
import { ConsoleRig, soon } from '../console/support/console-rig.ts';

const CAMERA = 'synthetic?size=640x360';
let browser: Browser;
let context: BrowserContext;
let rig: ConsoleRig;
/** Violations of the page's Content-Security-Policy, and errors of the page. */
const faults: string[] = [];

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});
afterAll(() => browser.close());
afterEach(async () => {
  await context.close();
  await rig.stop();
  expect(faults.splice(0)).toEqual([]);
});

async function openPage(address: string, locale = 'en-GB'): Promise<Page> {
  context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.on('pageerror', (thrown) => faults.push(thrown.message));
  page.on('console', (message) => {
    if (/Content.Security.Policy/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(address);
  return page;
}

async function pairedPage(settings: Parameters<typeof ConsoleRig.start>[0] = {}, disk?: Disk): Promise<Page> {
  rig = await ConsoleRig.start({ camera: CAMERA, ...settings }, undefined, disk ? { disk } : {});
  const page = await openPage(rig.address.pairingUrl);
  await page.locator('form button').click();
  await page.locator('.chip-live').waitFor({ timeout: 20_000 });
  return page;
}

/** Scripts that run in the page; as text, because the tests' compiler has no browser types. */
const PIXELS = `(() => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [64, 36];
  const brush = canvas.getContext('2d');
  brush.drawImage(document.querySelector('video'), 0, 0, 64, 36);
  return [...brush.getImageData(0, 0, 64, 36).data].join();
})()`;
const BEHIND_S = `(() => {
  const { buffered, currentTime } = document.querySelector('video');
  return buffered.length === 0 ? 1e9 : buffered.end(buffered.length - 1) - currentTime;
})()`;
const FIRST_FRAME_MS = `performance.getEntriesByName('doorsill-first-frame')[0]?.startTime ?? null`;
const OWN_KEY = `new Promise((resolve) => {
  const opening = indexedDB.open('doorsill', 1);
  opening.onsuccess = () => {
    const asked = opening.result.transaction('pairing').objectStore('pairing').get('this-device');
    asked.onsuccess = () => resolve(asked.result.publicKey);
  };
})`;

/** Stores this many settled grants, and one that is not settled under the last key. */
const storedGrants = (owner: string, count: number) => `new Promise((resolve, reject) => {
  const opening = indexedDB.open('doorsill-answers', 1);
  opening.onsuccess = () => {
    const transaction = opening.result.transaction('grants', 'readwrite');
    const put = (request, token, atUs, isOver) => transaction.objectStore('grants').put({
      request, token, atUs, isOver, values: {}, receipt: null, revoke: null,
      published: { request: 'a', credential: 'b', publication: 'c' },
    }, '${owner} ' + request);
    for (let at = 0; at < ${count}; at += 1) put('request-' + at, 'settled-token', at, true);
    put('request-z', 'unsettled-token', 0, false);
    transaction.oncomplete = () => { opening.result.close(); resolve(); };
    transaction.onabort = () => reject(transaction.error);
  };
})`;
const COUNT_GRANTS = `new Promise((resolve) => {
  const opening = indexedDB.open('doorsill-answers', 1);
  opening.onsuccess = () => {
    const asked = opening.result.transaction('grants').objectStore('grants').count();
    asked.onsuccess = () => { opening.result.close(); resolve(asked.result); };
  };
})`;

/** The video's current pixels as text. */
const pixels = (page: Page) => page.evaluate<string>(PIXELS);
const colours = (shown: string): number => new Set(shown.split(',')).size;

describe('the console', { tags: ['chromium', 'long'] }, () => {
  it('decodes frames that change, close to the newest, from the first second on', async (test) => {
    const page = await pairedPage();
    const first = await pixels(page);
    expect(colours(first), 'a picture with more than one colour').toBeGreaterThan(20);
    await soon(async () => (await pixels(page)) !== first);
    // A new view of a paired page, as on a phone that is switched on again.
    const wire = await context.newCDPSession(page);
    await wire.send('Network.enable');
    let bytes = 0;
    wire.on('Network.dataReceived', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await wire.send('Network.setCacheDisabled', { cacheDisabled: true });
    await page.reload();
    let ms: number | null = null;
    await soon(async () => {
      ms = await page.evaluate<number | null>(FIRST_FRAME_MS);
      return ms !== null;
    });
    expect(bytes).toBeLessThan(250 * 1024);
    await soon(async () => (await page.evaluate<number>(BEHIND_S)) < 1);
    proved(
      test,
      'console: first live frame after loading the page',
      `${Math.round(ms ?? 0)} ms, ${Math.round(bytes / 1024)} KiB`,
    );
  }, 60_000);

  it('reports that the device is gone, and reconnects by itself', async () => {
    const page = await pairedPage();
    const port = Number(new URL(rig.url).port);
    await rig.stop(true);
    await page.locator('.banner').waitFor({ timeout: 20_000 });
    rig = await ConsoleRig.start({ camera: CAMERA, console: { listen: 'this-machine', port } }, rig.folder);
    await page.locator('.banner').waitFor({ state: 'detached', timeout: 30_000 });
    await page.locator('.chip-live').waitFor({ timeout: 30_000 });
    const before = await pixels(page);
    await soon(async () => (await pixels(page)) !== before);
  }, 120_000);

  it('removes the picture when privacy is turned on elsewhere, on the timeline, too', async () => {
    const page = await pairedPage();
    const other = await rig.owner();
    await other.command({ action: 'privacy', on: true });
    await page.locator('.picture-note').waitFor({ timeout: 10_000 });
    expect(await page.locator('.picture > img').count()).toBe(0);
    expect(await page.evaluate("document.querySelector('video').readyState")).toBe(0);
    await page.getByRole('link', { name: 'Timeline', exact: true }).click();
    await page.getByText('not shown while privacy is on').waitFor();
    expect(await page.locator('.content img, .content video').count()).toBe(0);
  }, 60_000);

  it('shows the moment under a finger and by keys, and plays from there', async () => {
    const page = await pairedPage();
    await page.getByRole('link', { name: 'Timeline', exact: true }).click();
    const moment = () => page.locator('.picture').getAttribute('data-still-us').then(Number);
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    const line = page.locator('[role=slider]').first();
    const chosenS = () => line.getAttribute('aria-valuenow').then(Number);
    // Waits for enough footage, and for a state that lists it.
    await soon(async () => {
      await line.press('Home');
      const first = await chosenS();
      await line.press('End');
      return (await chosenS()) - first >= 8;
    }, 30_000);
    // At its end the timeline moves on with the footage; after a step back it stays.
    await line.press('ArrowLeft');
    let newest = 0;
    await soon(async () => {
      const earlier = await moment();
      // Longer than a picture takes: one of before the step may be as near.
      await page.waitForTimeout(1_000);
      newest = await moment();
      return newest === earlier && Math.abs(newest / 1e6 - (await chosenS())) < 0.6;
    });
    await line.press('ArrowLeft');
    await line.press('ArrowLeft');
    await soon(async () => Math.abs(newest - (await moment()) - 2_000_000) < 300_000);
    // The timeline is six minutes wide: dragging it to the right by four seconds goes back in time.
    const box = await line.boundingBox();
    if (!box) throw new Error('no line of time');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const before = await moment();
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + (box.width * 4) / 360, y, { steps: 4 });
    await page.mouse.up();
    await soon(async () => Math.abs(before - (await moment()) - 4_000_000) < 1_500_000);
    await page.getByRole('button', { name: 'Play' }).click();
    await soon(async () => (await page.evaluate<number>("document.querySelector('video').currentTime")) > 1);
    const shown = await pixels(page);
    expect(colours(shown)).toBeGreaterThan(20);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('.picture-still').waitFor();
  }, 120_000);

  it('says that an event’s footage is gone, and fetches nothing', async () => {
    const page = await pairedPage({ ring: { kind: 'memory', bytes: 16 * 1024 * 1024, retentionS: 10 } });
    await page.getByRole('button', { name: /^Ring/ }).click();
    const rung = page.locator('.event-ring').first();
    const ringUs = Number((await rung.getAttribute('href'))?.split('/').at(-1));
    const owner = await rig.owner();
    const oldestUs = async () => {
      const state = (await owner.get('/api/v1/state')).json;
      // An empty ring has no coverage.
      return Number(Object(state['ring']).coverage[0]?.startUs ?? 0);
    };
    await soon(async () => (await oldestUs()) > ringUs + 3_000_000, 30_000);
    await rung.click();
    await page.getByText(/The footage of \d{1,2}:\d\d:\d\d is gone/).waitFor({ timeout: 15_000 });
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    expect(await page.locator('.picture-still').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Play' }).isDisabled()).toBe(true);
    expect(asked.filter((url) => /footage|snapshot/.test(url))).toEqual([]);
    // The remaining footage can still be shown, behind the events that came after this one.
    const next = page.getByRole('button', { name: 'Next event' });
    await soon(async () => {
      if ((await next.count()) > 0) await next.click();
      return (await next.count()) === 0;
    }, 20_000);
    await page.getByRole('button', { name: 'Newest' }).click();
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    expect(await page.locator('.picture-note').count()).toBe(0);
  }, 90_000);

  it('says that nothing is recorded while the disk is full, shows no picture, and recovers', async () => {
    const disk = new SimulatedDisk(new SystemDisk(), { clock: new SystemClock(), random: new SystemRandom() });
    const ring = { kind: 'file', bytes: 16 * 1024 * 1024 } as const;
    const page = await pairedPage({ ring }, disk);
    const pill = () => page.locator('.top .pill').textContent();
    const owner = await rig.owner();
    const told = async () => (await owner.get('/api/v1/state')).json;
    const isRecording = async (is: boolean) =>
      (await told())['recording'] === is && (await pill()) === (is ? 'Recording' : 'Not recording');
    await soon(() => isRecording(true), 20_000);
    disk.set('full');
    await soon(() => isRecording(false), 10_000);
    // A full disk cannot record a look, so a new view is refused. An earlier view continues until the doorbell restarts.
    await page.goto('about:blank');
    const port = Number(new URL(rig.url).port);
    await rig.stop(true);
    const listening = { listen: 'this-machine', port } as const;
    rig = await ConsoleRig.start({ camera: CAMERA, ring, console: listening }, rig.folder, { disk });
    await page.goto(rig.url);
    await page.locator('.picture-note', { hasText: 'Nothing is recorded' }).waitFor({ timeout: 20_000 });
    expect(await page.getByText('Loading the picture').count()).toBe(0);
    await soon(async () => (await pill()) === 'Not recording', 10_000);
    const health = page.getByRole('region', { name: 'Health' });
    expect(await health.locator('.is-bad').count()).toBeGreaterThan(0);
    disk.set('ok');
    await soon(async () => (await pill()) === 'Recording', 30_000);
    await page.locator('.chip-live').waitFor({ timeout: 30_000 });
    const again = await rig.owner();
    const { coverage } = Object((await again.get('/api/v1/state')).json['ring']);
    expect(coverage.length).toBeGreaterThan(1);
  }, 120_000);

  it('saves the chosen part as a file', async () => {
    const page = await pairedPage();
    await page.getByRole('link', { name: 'Timeline', exact: true }).click();
    await page.locator('.picture-still').waitFor({ timeout: 20_000 });
    const line = page.locator('[role=slider]').first();
    await soon(async () => {
      await line.press('Home');
      await page.getByRole('button', { name: 'Begins here' }).click();
      await line.press('End');
      await page.getByRole('button', { name: 'Ends here' }).click();
      return page.getByRole('button', { name: 'Save as MP4' }).isEnabled();
    });
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as MP4' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^door-\d{4}(-\d\d){5}\.mp4$/);
    const parts: Buffer[] = [];
    for await (const part of await download.createReadStream()) parts.push(Buffer.from(part));
    expect(Buffer.concat(parts).subarray(4, 8).toString()).toBe('ftyp');
  }, 60_000);

  it('says that this browser is no longer an owner, and shows no picture then', async () => {
    const page = await pairedPage();
    const other = await rig.owner();
    const key = await page.evaluate<string>(OWN_KEY);
    expect(await other.command({ action: 'remove-owner', key })).toMatchObject({ outcome: 'command-done' });
    await page.getByRole('heading', { name: 'This browser is no longer an owner' }).waitFor({ timeout: 20_000 });
    expect(await page.locator('img, video').count()).toBe(0);
  }, 60_000);

  it('says what to do when a pairing code was used already', async () => {
    rig = await ConsoleRig.start({ camera: CAMERA });
    const used = rig.address.pairingUrl;
    await rig.owner();
    const page = await openPage(used, 'de-CH');
    await page.getByRole('button', { name: 'Koppeln' }).click();
    await page.getByRole('alert').getByText('pair --show').waitFor();
  }, 60_000);

  it('sends a stored grant again, and deletes the oldest settled ones, when more than 200 are stored', async () => {
    const page = await pairedPage();
    const owner = await page.evaluate<string>(OWN_KEY);
    const sent: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/api/v1/orders')) sent.push(String(request.postData()));
    });
    await page.evaluate(storedGrants(owner, 250));
    await page.getByRole('link', { name: 'Requests' }).click();
    await soon(async () => sent.some((order) => order.includes('unsettled-token')), 20_000);
    await soon(async () => (await page.evaluate<number>(COUNT_GRANTS)) === 200, 10_000);
  }, 60_000);

  it('shares its session with a second tab, because both have the same cookie', async () => {
    const page = await pairedPage();
    const opened: string[] = [];
    context.on('request', (request) => {
      if (request.url().endsWith('/api/v1/sessions')) opened.push(request.url());
    });
    const second = await context.newPage();
    await second.goto(rig.url);
    await second.locator('.chip-live').waitFor({ timeout: 20_000 });
    for (const one of [page, second]) {
      await one.getByRole('link', { name: 'Settings', exact: true }).click();
      await one.locator('.look').first().waitFor({ timeout: 10_000 });
    }
    expect(opened).toEqual([]);
  }, 60_000);

  it('shows six digits on the home network until the device confirms them', async () => {
    rig = await ConsoleRig.start({ camera: CAMERA, console: { listen: 'home-network', port: 0 } });
    const { pairingUrl } = rig.address;
    const page = await openPage(pairingUrl);
    await page.locator('form button').click();
    const digits = String(await page.locator('.digits').textContent()).replaceAll(/\D/g, '');
    expect(digits).toMatch(/^\d{6}$/);
    await confirmPairing({ clock: new SystemClock() }, rig.doorbell.pairingSocket, digits);
    await page.locator('.chip-live').waitFor({ timeout: 30_000 });
  }, 60_000);
});
