// The page "Requests" on real processes: an owner reads a request, trims by frames, blacks out, ticks a fact, plays exactly the bytes to be
// uploaded, grants and revokes them; every choice survives a reload, and the vault has the played bytes. Denials and ignored requests stay
// at home.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { soon } from '../../device/console/support/console-rig.ts';
import { grantClaimsOf, RequestsBrowser } from '../../support/requests-browser.ts';

const HOSTILE = '<img src=x onerror="document.title=1"> & <b>please</b> look. '.repeat(20).trim();

describe('the page of requests', { tags: ['chromium', 'long'] }, () => {
  const rig = new RequestsBrowser();
  beforeAll(() => rig.start(), 120_000);
  afterAll(() => rig.stop(), 60_000);

  /** The current window of the handles. */
  const window = () =>
    rig.page
      .locator('.trim-handle')
      .evaluateAll((all) => all.map((one) => Number(one.getAttribute('data-at-us'))) as [number, number]);
  const clips = () => rig.testbed.vaultedHashes();
  let request = '';
  let sha256 = '';

  it('shows that there is no request, and shows one as plain text', async () => {
    await rig.open();
    await rig.page.getByText('There are no requests').waitFor({ timeout: 20_000 });
    expect(await rig.axe()).toEqual([]);
    request = await rig.ask('--type', 'package theft', '--text', HOSTILE);
    await rig.page.locator('.request-line').waitFor({ timeout: 20_000 });
    expect(await rig.page.locator('.tab-badge').textContent()).toContain('1');
    expect(await rig.axe()).toEqual([]);
    await rig.page.locator('.request-line').click();
    expect(await rig.page.locator('.request-text').textContent()).toBe(HOSTILE);
    expect(await rig.page.locator('.request-text *').count()).toBe(0);
    expect(await rig.page.title()).toContain('Requests');
    for (const said of ['Springfield Police Department', 'police.springfield.example', '500 m × 500 m', '200 m'])
      expect(await rig.page.locator('.request').textContent()).toContain(said);
    expect(await rig.axe()).toEqual([]);
  }, 90_000);

  it('trims by the frames’ real times, with keys and with a finger', async () => {
    await rig.choose(request);
    const first = await window();
    const start = rig.page.getByRole('slider', { name: 'Start of the clip' });
    await start.press('ArrowRight');
    await soon(async () => (await window())[0] > first[0]);
    const [next] = await window();
    // The drawn porch has 15 frames a second.
    expect(Math.abs(next - first[0] - 66_667)).toBeLessThan(1_500);
    await start.press('ArrowLeft');
    await soon(async () => (await window())[0] === first[0]);
    const end = rig.page.getByRole('slider', { name: 'End of the clip' });
    await end.press('Shift+ArrowLeft');
    await soon(async () => first[1] - (await window())[1] > 900_000);
    await rig.settled();
    const strip = await rig.page.locator('.trim-line').boundingBox();
    const handle = await rig.page.locator('.trim-handle-start').boundingBox();
    if (!strip || !handle) throw new Error('no strip');
    const before = (await window())[0];
    await rig.page.mouse.move(handle.x + handle.width, handle.y + 20);
    await rig.page.mouse.down();
    await rig.page.mouse.move(handle.x + handle.width + strip.width * 0.1, handle.y + 20, { steps: 5 });
    await rig.page.mouse.up();
    await soon(async () => (await window())[0] > before + 200_000);
    await rig.settled();
    expect(await rig.axe()).toEqual([]);
  }, 90_000);

  it('blacks out drawn zones, leaves sound off, and ticks a fact with its value', async () => {
    await rig.page.getByRole('button', { name: 'Draw to black out' }).click();
    // The page scrolls to the picture above the button.
    const place = () => rig.page.locator('.zones.is-drawing').boundingBox();
    await soon(async () => ((await place())?.y ?? -1) >= 0);
    const picture = await place();
    if (!picture) throw new Error('no picture');
    await rig.page.mouse.move(picture.x + picture.width * 0.1, picture.y + picture.height * 0.2);
    await rig.page.mouse.down();
    await rig.page.mouse.move(picture.x + picture.width * 0.4, picture.y + picture.height * 0.6, { steps: 4 });
    await rig.page.mouse.up();
    await rig.page.getByRole('button', { name: 'Done' }).click();
    await rig.page.getByRole('button', { name: /Blacked out area 1/ }).press('ArrowRight');
    expect(await rig.page.getByRole('switch').getAttribute('aria-checked')).toBe('false');
    const address = rig.page.getByRole('checkbox', { name: /Address/ });
    expect(await address.isChecked()).toBe(false);
    await address.check();
    expect(await rig.page.locator('.fact-tick').first().textContent()).toContain('12 Maple Street');
    expect(await rig.axe()).toEqual([]);
  }, 60_000);

  it('keeps all of that after a reload', async () => {
    const before = await window();
    await rig.page.reload();
    await rig.settled();
    expect(await window()).toEqual(before);
    expect(await rig.page.locator('.zone').count()).toBe(1);
    expect(await rig.page.getByRole('checkbox', { name: /Address/ }).isChecked()).toBe(true);
  }, 60_000);

  it('plays exactly the bytes to be uploaded, and says in words what a grant means', async () => {
    const chosen = await window();
    await rig.makePreview();
    sha256 = String(await rig.page.locator('video[data-sha256]').getAttribute('data-sha256'));
    await rig.page.reload();
    await rig.page.locator(`video[data-sha256="${sha256}"]`).waitFor({ timeout: 30_000 });
    expect(await rig.playedSha256()).toBe(sha256);
    const length = ((chosen[1] - chosen[0]) / 1e6).toFixed(1);
    const sentence = await rig.page.locator('.sentence').textContent();
    expect(sentence).toContain(`These ${length}`);
    for (const said of ['without sound', 'one area blacked out', 'your address (12 Maple Street, Springfield)'])
      expect(sentence).toContain(said);
    for (const said of ['Springfield Police Department', 'package-theft', 'Only the agency’s vault', 'recall'])
      expect(sentence).toContain(said);
    expect(await rig.axe()).toEqual([]);
    expect(rig.grants).toEqual([]);
    expect(await clips()).toEqual([]);
  }, 90_000);

  it('uploads exactly these bytes, and shows the receipt', async () => {
    await rig.page.getByRole('button', { name: 'Let this clip leave' }).click();
    await rig.page.locator('.outcome-sent').waitFor({ timeout: 60_000 });
    expect(await rig.page.locator('.outcome').textContent()).toContain(sha256);
    expect(grantClaimsOf(rig.grants[0])).toMatchObject({
      ...{ request, clipSha256: sha256, audio: false, disclose: ['address'] },
      zones: [{ top: expect.any(Number) }],
    });
    expect(new Set(rig.grants).size).toBe(1);
    await soon(async () => (await clips()).includes(sha256), 30_000);
    expect(await rig.axe()).toEqual([]);
    await rig.page.reload();
    await rig.page.locator('.outcome-sent').waitFor({ timeout: 30_000 });
    expect(new Set(rig.grants).size).toBe(1);
  }, 120_000);

  it('revokes it, and shows the result', async () => {
    await rig.page.getByRole('button', { name: 'Take it back' }).click();
    expect(await rig.axe()).toEqual([]);
    await rig.page.getByRole('button', { name: 'Yes, take it back' }).click();
    await rig.page.getByText('vault had it already, and has erased it').waitFor({ timeout: 60_000 });
    await soon(async () => !(await clips()).includes(sha256), 30_000);
    await rig.page.reload();
    await rig.page.locator('.outcome-taken-back').waitFor({ timeout: 30_000 });
    expect(await rig.axe()).toEqual([]);
  }, 120_000);

  it('declines in two taps and ignores in one, without notifying anybody', async () => {
    const [declined, ignored] = [await rig.ask('--type', 'noise'), await rig.ask('--type', 'graffiti')];
    await rig.open(declined);
    await rig.page.getByRole('button', { name: 'Decline' }).click();
    await rig.page.getByRole('button', { name: 'Yes, decline' }).click();
    await rig.page.locator('.outcome-declined').waitFor({ timeout: 20_000 });
    expect(await rig.axe()).toEqual([]);
    await rig.open(ignored);
    await rig.page.getByRole('button', { name: 'Ignore' }).click();
    await rig.page.locator('.request-group', { hasText: 'Ignored' }).getByText('graffiti').waitFor({ timeout: 20_000 });
    expect(await rig.axe()).toEqual([]);
    await rig.page.reload();
    await rig.page.locator('.request-group', { hasText: 'Ignored' }).getByText('graffiti').waitFor({ timeout: 20_000 });
    await soon(async () => (await rig.page.locator('.tab-badge').count()) === 0);
    expect(await clips()).toEqual([]);
  }, 120_000);

  it('had no error, and made no other request', () => {
    expect(rig.faults).toEqual([]);
  });
});
