// A page whose doorbell does not answer, or whose own network is gone, shows it within seconds: the picture is gray, with the time of the
// last live one; everything recovers by itself. With a real doorbell process that is halted.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { soon } from '../../device/console/support/console-rig.ts';
import { RequestsBrowser } from '../../support/requests-browser.ts';

/** The watchdog waits 5 s; a busy machine and its browser may need as much again. */
const TOLD_MS = 10_000;
/** Runs in the page, whose browser has other types: hence a string. */
const SHOWN_S = "document.querySelector('video').currentTime";

describe('a page whose doorbell', { tags: ['chromium', 'long'] }, () => {
  const rig = new RequestsBrowser();
  beforeAll(() => rig.start(), 120_000);
  afterAll(() => rig.stop(), 60_000);
  afterEach(() => expect(rig.faults.splice(0)).toEqual([]));

  const pill = () => rig.page.locator('.top .pill').textContent();
  const note = () => rig.page.locator('.picture-note').textContent();
  const live = async () => {
    await rig.page.locator('.chip-live').waitFor({ timeout: 30_000 });
    await soon(async () => (await pill()) === 'Recording');
    await soon(async () => (await rig.page.locator('.picture-note, .banner').count()) === 0);
    const before = await rig.page.evaluate<number>(SHOWN_S);
    await soon(async () => (await rig.page.evaluate<number>(SHOWN_S)) !== before);
  };
  const notLive = async (why: string) => {
    await rig.page.locator('.picture.is-stale').waitFor({ timeout: TOLD_MS });
    await rig.page.locator('.banner').waitFor({ timeout: TOLD_MS });
    expect(await note()).toMatch(/Not live since \d{1,2}:\d\d:\d\d/);
    expect(await note()).toContain(why);
    expect(await rig.page.locator('.banner').textContent()).toContain(why);
    expect(await rig.page.locator('.chip-live').count()).toBe(0);
    expect(await pill()).toBe('No contact');
    expect(await rig.page.getByRole('region', { name: 'Health' }).textContent()).toMatch(/as of \d{1,2}:\d\d:\d\d/);
    const filter = "getComputedStyle(document.querySelector('.picture > video')).filter";
    expect(await rig.page.evaluate(filter)).toContain('grayscale(1)');
    expect(await rig.axe()).toEqual([]);
  };

  it('is halted shows since when it is not live, on each page, and recovers by itself', async () => {
    await rig.page.getByRole('link', { name: 'Now', exact: true }).click();
    await live();
    await rig.testbed.signal('doorbell', 'SIGSTOP');
    try {
      await notLive('The doorbell does not answer.');
      // The frozen frame is still visible, and marked.
      expect(await rig.page.evaluate(SHOWN_S)).toBeGreaterThan(0);
      await rig.page.getByRole('link', { name: 'Timeline', exact: true }).click();
      expect(await pill()).toBe('No contact');
      await rig.page.getByRole('link', { name: 'Now', exact: true }).click();
    } finally {
      await rig.testbed.signal('doorbell', 'SIGCONT');
    }
    await live();
  }, 90_000);

  it('is unreachable because the phone is offline says so, and recovers by itself', async () => {
    await live();
    await rig.page.context().setOffline(true);
    await notLive('This phone or computer is offline.');
    await rig.page.context().setOffline(false);
    await live();
  }, 90_000);
});
