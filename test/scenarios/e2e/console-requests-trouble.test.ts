// The page "Requests" under failures, on real processes: after a lost connection, a killed doorbell or a reload during a grant the same
// token is sent again and never a second one, also with two tabs; decisions of others, withdrawals and forgotten footage are shown; a wrong
// clock, unverifiable requests, a third preview and privacy are refused with advice.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { keepGrant } from '../../../device/cli/kept-grants.ts';
import { OwnersContentKey, type Sealing } from '../../../device/contract/sealing.ts';
import { loadOrCreateOwnerKey } from '../../../device/owner/owner-key.ts';
import { makeGrant } from '../../../device/owner/sign-owner-messages.ts';
import { soon } from '../../device/console/support/console-rig.ts';
import { callCommand } from '../../support/call-command.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { grantClaimsOf, RequestsBrowser } from '../../support/requests-browser.ts';
import { slowIt } from '../../support/slow-it.ts';

const folder = temporaryFolder('requests');
const clock = new SystemClock();
const disk = new SystemDisk();

describe('a request in trouble', { tags: ['chromium', 'long'] }, () => {
  const rig = new RequestsBrowser();
  beforeAll(() => rig.start(), 120_000);
  afterAll(async () => {
    await rig.stop();
    folder.dispose();
  }, 60_000);
  afterEach(async () => {
    rig.grants.splice(0);
    for (const page of rig.page.context().pages()) if (page !== rig.page) await page.close();
    // Ends every preview: the next test makes its own.
    await rig.testbed.command({ action: 'forget', window: { startUs: 1, endUs: 2 } });
    expect(rig.faults.splice(0)).toEqual([]);
  });

  const say = (name: string) => rig.page.getByRole('button', { name });
  const isGrant = (route: Route) => String(route.request().postData()).includes('"kind":"grant"');
  /** Number of granted decisions in the ledger for a request's clip. */
  const granted = async () => {
    const jti = grantClaimsOf(rig.grants[0]).jti;
    return ((await rig.testbed.ledger()).get(jti) ?? []).filter((type) => type === 'granted').length;
  };

  it('sends the same grant after a lost connection, a killed doorbell and a reload', async () => {
    const request = await rig.ask('--type', 'killed');
    await rig.preview(request);
    const restore = await rig.intercept('/api/v1/orders', (route) =>
      isGrant(route) ? route.abort('connectionreset') : route.continue(),
    );
    await say('Let this clip leave').click();
    await rig.page.locator('.outcome-signed').waitFor();
    expect(await rig.axe()).toEqual([]);
    await soon(() => rig.grants.length > 2);
    await rig.page.reload();
    await rig.page.locator('.outcome-signed').waitFor({ timeout: 20_000 });
    await soon(() => rig.grants.length > 4);
    await restore();
    await rig.page.locator('.outcome-sent').waitFor({ timeout: 60_000 });
    expect(new Set(rig.grants).size).toBe(1);
    expect(await granted()).toBe(1);
  }, 120_000);

  it('sends it again if the answer was lost, or the doorbell was killed after its decision', async () => {
    const request = await rig.ask('--type', 'lost answer');
    await rig.preview(request);
    let lost = 0;
    const restore = await rig.intercept('/api/v1/orders', async (route) => {
      if (!isGrant(route) || lost > 0) return route.continue();
      lost += 1;
      await route.fetch();
      const before = await rig.testbed.signal('doorbell', 'SIGKILL');
      await route.abort('connectionreset');
      await rig.testbed.restarted('doorbell', before);
    });
    await say('Let this clip leave').click();
    await rig.page.locator('.outcome-signed').waitFor();
    // The clip was sealed before, or its preview was lost with the doorbell: the page says which, and there is at most one decision.
    await soon(
      async () =>
        (await rig.page.locator('.outcome-sent').count()) > 0 ||
        (await rig.page.getByText('preview_changed').count()) > 0,
      90_000,
    );
    await restore();
    expect(lost).toBe(1);
    expect(rig.grants.length).toBeGreaterThan(1);
    expect(new Set(rig.grants).size).toBe(1);
    expect(await granted()).toBe(1);
  }, 150_000);

  it('shows the clip’s progress while the bridge is away, and revokes it there', async () => {
    const request = await rig.ask('--type', 'bridge away');
    await rig.preview(request);
    await rig.testbed.signal('bridge', 'SIGSTOP');
    try {
      await say('Let this clip leave').click();
      await rig.page.locator('.outcome-under-way').waitFor({ timeout: 30_000 });
      expect(await rig.axe()).toEqual([]);
      await say('Take it back').click();
      await say('Yes, take it back').click();
      await rig.page.locator('.outcome-taken-back').waitFor({ timeout: 30_000 });
    } finally {
      await rig.testbed.signal('bridge', 'SIGCONT');
    }
    await rig.page
      .getByText(/Nothing had left the doorbell|is erased at the doorbell and/)
      .waitFor({ timeout: 60_000 });
    expect(await granted()).toBe(1);
    await rig.page.reload();
    await rig.page.locator('.outcome-taken-back').waitFor({ timeout: 30_000 });
  }, 120_000);

  it('keeps one grant if two tabs sign at the same time', async () => {
    const request = await rig.ask('--type', 'two tabs');
    await rig.preview(request);
    const second = await rig.tab();
    await rig.open(request, second);
    await second.locator('video[data-sha256]').waitFor({ timeout: 30_000 });
    // One of them may have seen the other's by then, and has no button any more.
    await Promise.all(
      [rig.page, second].map((page) => page.evaluate("document.querySelector('.button-main')?.click()")),
    );
    for (const page of [rig.page, second]) await page.locator('.outcome-sent').waitFor({ timeout: 60_000 });
    expect(new Set(rig.grants).size).toBe(1);
  }, 120_000);

  it('shows another owner’s decision, and lets this one revoke it', async () => {
    const span = await recently(rig);
    const request = await rig.ask('--type', 'another owner');
    await rig.choose(request);
    await rig.say('grant', request, ...span);
    await rig.page.locator('.outcome-sent').waitFor({ timeout: 30_000 });
    // One of an earlier request may be sent once more.
    expect(rig.grants.filter((token) => grantClaimsOf(token).request === request)).toEqual([]);
    await say('Take it back').click();
    await say('Yes, take it back').click();
    await rig.page.locator('.outcome-taken-back').waitFor({ timeout: 60_000 });
    const denied = await rig.ask('--type', 'another no');
    await rig.preview(denied);
    await rig.say('deny', denied);
    await rig.page.locator('.outcome-declined').waitFor({ timeout: 30_000 });
  }, 120_000);

  it('shows an owner who comes later another one’s grant, and lets this one revoke it', async () => {
    const span = await recently(rig);
    const request = await rig.ask('--type', 'granted before');
    await rig.say('grant', request, ...span);
    const page = await rig.otherOwner();
    try {
      await rig.open('', page);
      const line = page.locator('.request-line', { hasText: 'granted before' });
      await line.waitFor({ timeout: 20_000 });
      expect(await page.getByText('There are no requests').count()).toBe(0);
      await line.getByText('Another owner').waitFor();
      await line.click();
      await page.locator('.outcome-sent, .outcome-under-way').waitFor({ timeout: 30_000 });
      await page.getByText('Another owner granted this').waitFor();
      await page.getByRole('button', { name: 'Take it back' }).click();
      await page.getByRole('button', { name: 'Yes, take it back' }).click();
      await page.locator('.outcome-taken-back').waitFor({ timeout: 60_000 });
    } finally {
      await page.context().close();
    }
  }, 120_000);

  slowIt(
    'says that a request was withdrawn while one trims',
    async () => {
      const request = await rig.ask('--type', 'withdrawn');
      await rig.choose(request);
      await rig.say('agency', 'request', 'resolve', request);
      await rig.page.locator('.outcome-closed').waitFor({ timeout: 60_000 });
      expect(await rig.axe()).toEqual([]);
    },
    120_000,
  );

  it('ends the preview with privacy, and offers to decline meanwhile', async () => {
    const request = await rig.ask('--type', 'privacy');
    await rig.preview(request);
    await rig.testbed.command({ action: 'privacy', on: true });
    await rig.page.locator('.request-note', { hasText: 'Privacy is on' }).waitFor({ timeout: 20_000 });
    expect(await rig.page.locator('.request video, .request img').count()).toBe(0);
    expect(await rig.axe()).toEqual([]);
    await rig.testbed.command({ action: 'privacy', on: false });
    await rig.settled();
    await rig.makePreview();
  }, 120_000);

  it('uploads nothing when the preview is gone, and says why', async () => {
    const request = await rig.ask('--type', 'forgotten');
    await rig.preview(request);
    await rig.testbed.command({ action: 'forget', window: { startUs: 1, endUs: 2 } });
    await say('Let this clip leave').click();
    await rig.page.getByText('Make a new preview, look at it, and grant that one.').waitFor({ timeout: 20_000 });
    await rig.page.locator('.choice').waitFor();
    await rig.settled();
    await rig.makePreview();
    await say('Let this clip leave').click();
    await rig.page.locator('.outcome-sent').waitFor({ timeout: 60_000 });
    expect(new Set(rig.grants).size).toBe(2);
  }, 120_000);

  it('selects from the remaining footage when some is gone', async () => {
    const request = await rig.ask('--type', 'aged out');
    await rig.choose(request);
    const start = rig.page.getByRole('slider', { name: 'Start of the clip' });
    await start.press('Home');
    await rig.settled();
    const before = Number(await start.getAttribute('data-at-us'));
    await rig.testbed.command({
      action: 'forget',
      window: { startUs: before - 60_000_000, endUs: before + 3_000_000 },
    });
    await soon(async () => Number(await start.getAttribute('data-at-us')) > before + 2_000_000, 40_000);
    await rig.settled();
    await rig.makePreview();
  }, 120_000);

  it('ends a preview for a third one', async () => {
    const span = await recently(rig);
    const first = await rig.ask('--type', 'first');
    const third = await rig.ask('--type', 'third');
    for (const name of ['one.mp4', 'two.mp4']) {
      await rig.say('grant', first, ...span, '--preview', join(folder.path, name));
    }
    await rig.choose(third);
    await say('Make the preview').click();
    await rig.page.getByText('Two previews are kept already').waitFor({ timeout: 20_000 });
    expect(await rig.axe()).toEqual([]);
    await rig.page
      .getByRole('button', { name: /^End the one of/ })
      .first()
      .click();
    await rig.page.getByText('Two previews are kept already').waitFor({ state: 'detached' });
    await rig.makePreview();
    await rig.say('deny', first);
  }, 120_000);

  it('shows that there is no footage, and accepts a denial', async () => {
    const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    const request = await rig.ask('--type', 'no footage', '--from', ago(120), '--to', ago(90));
    await rig.open(request);
    await rig.page.getByText('There is no footage of that time').waitFor();
    expect(await say('Choose a clip').isDisabled()).toBe(true);
    expect(await rig.axe()).toEqual([]);
    await say('Decline').click();
    await say('Yes, decline').click();
    await rig.page.locator('.outcome-declined').waitFor({ timeout: 20_000 });
  }, 90_000);

  it('counts unverifiable requests, and shows nothing of them', async () => {
    await rig.ask('--type', 'forged request');
    const restore = await rig.intercept('/api/v1/requests', async (route) => {
      const answer = await route.fetch();
      const text = (await answer.text()).replaceAll(
        /("publication":"[^"]{200})(.)/g,
        (_all, start, one) => start + (one === 'A' ? 'B' : 'A'),
      );
      await route.fulfill({ response: answer, body: text });
    });
    await rig.open();
    await rig.page.reload();
    await rig.page.locator('.request-unread').waitFor({ timeout: 20_000 });
    expect(await rig.page.locator('.request-unread').textContent()).toContain('do not verify');
    expect(await rig.page.getByText('forged request').count()).toBe(0);
    await restore();
  }, 90_000);

  it('reports that the browser’s clock is wrong, and grants nothing', async () => {
    const request = await rig.ask('--type', 'wrong clock');
    const page = await rig.tab();
    await page.addInitScript(`
      const right = Date.now.bind(Date);
      Date.now = () => right() + 2 * 3_600_000;
    `);
    await rig.open(request, page);
    await page.getByText('The clock of this phone or computer is wrong').waitFor({ timeout: 20_000 });
    expect(await page.locator('.requests').textContent()).toContain('consent_not_yet_valid');
    expect(await page.getByRole('button', { name: 'Choose a clip' }).isDisabled()).toBe(true);
    expect(await rig.axe(page)).toEqual([]);
  }, 90_000);

  describe('whose agency has its clips encrypted', () => {
    const random = new SystemRandom();
    const first: Sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' };
    const second: Sealing = { key: generateSealingKey(random).publicKey, keeper: 'recipient' };
    let request = '';

    it('says in each language and in the terminal who can read the clip', async () => {
      await rig.sealFor(null);
      await rig.open(await rig.ask('--type', 'readable'));
      await rig.page.getByText('The bridge that carries the clip can read it.').waitFor();
      await rig.sealFor(first);
      request = await rig.ask('--type', 'encrypted');
      await rig.open(request);
      await rig.page.getByText('Only the agency’s vault and officers, and you, can read the clip').waitFor();
      expect(await rig.axe()).toEqual([]);
      for (const [locale, words] of [
        ['de-DE', 'Nur das Archiv der Behörde, ihre Bediensteten und Sie können den Clip lesen'],
        ['es-ES', 'Solo el archivo de la autoridad, sus agentes y usted pueden leer el clip'],
      ] as const) {
        const page = await rig.otherOwner(locale);
        await rig.open(request, page);
        await page.getByText(words).waitFor();
        await page.context().close();
      }
      const { stdout } = await callCommand(['grant', '--list', '--data', rig.testbed.data]);
      expect(stdout).toContain('can read  only the agency’s vault and officers, and you: nobody on the way');
    }, 120_000);

    it('grants with the key that the page showed, learns that it changed, and lets its owner decide again', async () => {
      await rig.preview(request);
      // What the page has heard of the request stays as it is, as on a slow line, while the agency changes its key.
      let heard: string | null = null;
      const restore = await rig.intercept('/api/v1/requests', async (route) => {
        const answer = await route.fetch();
        heard ??= await answer.text();
        await route.fulfill({ response: answer, body: heard });
      });
      await soon(() => heard !== null, 40_000);
      await rig.sealFor(second);
      await rig.ask('--type', 'later');
      const sentence = rig.page.locator('.sentence');
      expect(await sentence.textContent()).toContain('Only the agency’s vault and officers, and you');
      await say('Let this clip leave').click();
      await rig.page.getByText('the recipient’s key may have changed').waitFor({ timeout: 20_000 });
      await restore();
      await soon(async () => (await sentence.textContent())?.includes('Only the agency’s officers, and you') === true);
      expect(await rig.axe()).toEqual([]);
      await say('Let this clip leave').click();
      await rig.page.locator('.outcome-sent').waitFor({ timeout: 60_000 });
      expect(rig.grants.map((token) => grantClaimsOf(token).recipient.sealing)).toEqual([first, second]);
      const receipt = await rig.page.locator('.outcome').textContent();
      for (const said of ['Only the agency’s officers, and you', 'SHA-256 of the encrypted file'])
        expect(receipt).toContain(said);
      expect(receipt).toContain(grantClaimsOf(rig.grants[1]).clipSha256);
      await rig.page.getByRole('link', { name: /What has left|Sent/ }).click();
      const card = rig.page.locator('.sent-clip').first();
      await card.getByText('Only the agency’s officers, and you, can read the clip').waitFor({ timeout: 20_000 });
      await card.getByText('How it was cut').click();
      const saving = rig.page.waitForEvent('download');
      await card.getByRole('button', { name: 'Save the key' }).click();
      const saved = readFileSync(await (await saving).path(), 'utf8');
      expect(OwnersContentKey.parse(JSON.parse(saved)).grant).toBe(grantClaimsOf(rig.grants[1]).jti);
      expect(await rig.axe()).toEqual([]);
      const others = await callCommand(['left', 'key', request, '--data', rig.testbed.data]);
      expect([others.status, others.stderr]).toEqual([3, expect.stringContaining('content_key_of_another')]);
      const listed = await callCommand(['left', '--data', rig.testbed.data]);
      expect(listed.stdout).toContain('can read   only the agency’s officers, and you: nobody on the way');
    }, 180_000);

    it('grants in the terminal with the new key once a stored grant with the former one was refused', async () => {
      const span = await recently(rig);
      const named = await rig.ask('--type', 'terminal');
      const command = ['grant', named, ...span, '--data', rig.testbed.data];
      const notice = rig.noticeOf(named);
      const [startUs = 0, endUs = 0] = [span[1], span[3]].map((time) => Date.parse(time ?? '') * 1_000);
      const former = { ...notice, credential: { ...notice.credential, sealing: first } };
      const owner = join(rig.testbed.data, 'owner');
      const signer = { clock, random, key: await loadOrCreateOwnerKey(disk, random, join(owner, 'owner.key')) };
      await keepGrant(disk, owner, makeGrant(signer, former, { window: { startUs, endUs } }).token);
      const refused = await callCommand(command);
      expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining('consent_sealing_changed')]);
      const granted = await callCommand(command);
      expect([granted.status, granted.stdout]).toEqual([0, expect.stringContaining('; sent encrypted: ')]);
      expect(granted.stderr).toContain('Who can read the clip: only the agency’s officers, and you');
      const out = join(folder.path, 'new', 'key.json');
      const key = ['left', 'key', named, '--out', out, '--data', rig.testbed.data];
      expect(await callCommand(key)).toMatchObject({ status: 0, stdout: expect.stringContaining(out) });
      const text = readFileSync(out, 'utf8');
      expect(granted.stdout).toContain(`sha256 ${OwnersContentKey.parse(JSON.parse(text)).clipSha256}`);
      expect(statSync(out).mode & 0o777).toBe(0o600);
      expect(await callCommand(key)).toMatchObject({ status: 2, stderr: expect.stringContaining('is not replaced') });
      expect(readFileSync(out, 'utf8')).toBe(text);
      const told = [JSON.stringify(rig.testbed.receipts), rig.testbed.story()].join('\n');
      expect(told).not.toContain(OwnersContentKey.parse(JSON.parse(text)).contentKey);
    }, 120_000);
  });

  slowIt(
    'shows a clip as it comes over a slow line',
    async () => {
      const request = await rig.ask('--type', 'slow line');
      await rig.choose(request);
      const wire = await rig.page.context().newCDPSession(rig.page);
      await wire.send('Network.enable');
      await wire.send('Network.emulateNetworkConditions', {
        ...{ offline: false, latency: 300, downloadThroughput: 40_000, uploadThroughput: 20_000 },
      });
      await say('Make the preview').click();
      await rig.page.getByText(/^Fetching the clip/).waitFor({ timeout: 30_000 });
      expect(await say('Let this clip leave').isDisabled()).toBe(true);
      await rig.page.locator('video[data-sha256]').waitFor({ timeout: 60_000 });
      await wire.detach();
    },
    120_000,
  );
});

/** Arguments for the part of the footage that every later request asks for. */
async function recently(rig: RequestsBrowser): Promise<string[]> {
  const { endUs } = await rig.testbed.footage(4_000_000);
  const at = (seconds: number) => new Date(endUs / 1_000 - seconds * 1_000).toISOString();
  return ['--from', at(3), '--to', at(1)];
}
