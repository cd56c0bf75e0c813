// Holds: the page of sent clips, with the real processes: empty at first; then a clip with its recipient, the disclosed values and its
// proof, checked in the browser; forged documents are detected; an unreachable bridge is reported; the clip is taken back up to the
// vault's signed answer. The terminal shows the same. Without a fault found by axe, at both widths.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page, type Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../../device/base/clock.ts';
import { generateSigningKey } from '../../../../device/base/keys.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import { signToken } from '../../../../device/contract/jws.ts';
import { SentClipCustody, SentClipPage } from '../../../../device/contract/sent-clips.ts';
import type { Window } from '../../../../device/contract/shared-claims.ts';
import { askConsole } from '../../../../device/owner/pairing-client.ts';
import { pairingSocketPath } from '../../../../device/owner/private-socket.ts';
import { printMoment } from '../../../../device/terminal/format-units.ts';
import { axeFaults } from '../../../support/axe-faults.ts';
import { callCommand } from '../../../support/call-command.ts';
import { claimsOf } from '../../../support/parties.ts';
import { RunningTestbed } from '../../../support/running-testbed.ts';

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const NARROWEST = 320;
const CLIP_US = 4_000_000;
const clock = new SystemClock();

describe('the page of sent clips', { tags: ['chromium', 'long'] }, () => {
  const testbed = new RunningTestbed('synthetic?size=640x360');
  let browser: Browser;
  let page: Page;
  let request = '';
  let window: Window;
  const faults: string[] = [];

  beforeAll(async () => {
    await testbed.start();
    const address = await askConsole({ clock }, pairingSocketPath(join(testbed.data, 'doorbell')));
    if (!address) throw new Error('the doorbell serves no page');
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    page = await (await browser.newContext({ viewport: DESKTOP, locale: 'en-GB' })).newPage();
    page.on('pageerror', (thrown) => faults.push(thrown.message));
    page.on('request', (asked) => {
      const { protocol, origin } = new URL(asked.url());
      if (!/^(data|blob|ws):$/.test(protocol) && origin !== address.url) faults.push(`a call to ${asked.url()}`);
    });
    await page.goto(address.pairingUrl);
    await page.locator('form button').click();
    await page.locator('.tabs').waitFor();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await testbed.stop();
    testbed.dispose();
  }, 60_000);

  /** Faults that axe finds in the current page, at both widths. */
  async function axe(): Promise<string[]> {
    const found: string[] = [];
    for (const viewport of [PHONE, DESKTOP]) {
      await page.setViewportSize(viewport);
      found.push(...(await axeFaults(page)));
    }
    return found;
  }

  const card = () => page.locator('.sent-clip');
  const label = (text: string) => card().locator('.tag', { hasText: text }).waitFor({ timeout: 30_000 });
  const check = async () => {
    await card().getByRole('button', { name: /Check/ }).click();
    await card().locator('.check, .notice').first().waitFor({ timeout: 20_000 });
    await card()
      .getByRole('button', { name: /^Check again|^Check the proof/ })
      .waitFor();
  };

  it('is empty at first, and the page says so', async () => {
    await page.getByRole('link', { name: /What has left|Sent/ }).click();
    await page.getByText('Nothing has ever left this device.').waitFor({ timeout: 20_000 });
    expect(await card().count()).toBe(0);
    expect(await axe()).toEqual([]);
    const { status, last } = await callCommand(['left', '--data', testbed.data, '--json']);
    expect([status, last]).toMatchObject([0, { total: 0, departures: [] }]);
  }, 60_000);

  it('is still empty while a request has no answer', async () => {
    window = await testbed.footage(CLIP_US);
    request = (await testbed.ask()).request.jti;
    await page.reload();
    await page.getByText('Nothing has ever left this device.').waitFor({ timeout: 20_000 });
  }, 60_000);

  it('has a granted clip with its recipient, its window and the disclosed values', async () => {
    const span = ['--from', printMoment(window.startUs), '--to', printMoment(window.endUs)];
    const granted = await callCommand([
      ...['grant', request, ...span, '--disclose', 'address,email', '--data', testbed.data, '--json'],
    ]);
    expect(granted.status, granted.stderr).toBe(0);
    await label('Sent');
    await page.getByText('One clip has left this device.').waitFor();
    const settings = JSON.parse(readFileSync(join(testbed.data, 'doorbell', 'device.json'), 'utf8'));
    const text = await card().textContent();
    for (const told of [
      settings.disclosure.address,
      settings.disclosure.email,
      'verified by the registry',
      'without sound',
    ])
      expect(text).toContain(told);
    await card().getByText('How it was cut').click();
    expect(await card().textContent()).toContain(Object(granted.last)['clip'].sha256);
    expect(await axe()).toEqual([]);
  }, 90_000);

  it('verifies in the browser, up to the hand-over to the vault', async () => {
    await expect
      .poll(
        async () => {
          await check();
          return card().locator('.finding').allTextContents();
        },
        { timeout: 40_000, interval: 1_000 },
      )
      .toHaveLength(4);
    expect(await card().locator('.check-holds').count()).toBe(1);
    const found = await card().locator('.check').textContent();
    expect(found).toMatch(/Receipt: signed by the bridge/);
    expect(found).toMatch(/taken in, .*leaf \d+ of \d+, (not cosigned|cosigned by)/);
    expect(found).toMatch(/handed to the vault, /);
    expect(found).toMatch(/opened by the agency’s vault, which found it as granted/);
    await label('In the vault');
    expect(await axe()).toEqual([]);
    await page.setViewportSize({ ...PHONE, width: NARROWEST });
    // The page is not wider than the narrowest phone.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(NARROWEST);
    await page.setViewportSize(DESKTOP);
  }, 60_000);

  /** Checks while somebody between bridge and doorbell changes the documents. */
  const checkChanged = async (change: (shown: SentClipCustody) => object) => {
    const handler = async (route: Route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: change(SentClipCustody.parse(await answer.json())) });
    };
    await page.route('**/custody', handler);
    await check();
    await page.unroute('**/custody', handler);
  };

  it('counts cosignatures, and says that the doorbell does not know the witnesses', async () => {
    const witness = generateSigningKey(new SystemRandom());
    const bridge = testbed.parts.bridge.id;
    await checkChanged((shown) => ({
      ...shown,
      leaves: shown.leaves.map((one) => {
        const { iat, size, root } = claimsOf(one.head);
        const said = { iss: witness.publicKey, aud: 'public', iat, bridge, size, root };
        return { ...one, cosignatures: [signToken('doorsill-cosignature+jws', said, witness)] };
      }),
    }));
    const text = await card().locator('.check-holds').textContent();
    expect(text).toContain('cosigned by 1 witness');
    expect(text).toContain('does not know who the witnesses are');
  }, 60_000);

  it('says exactly which document was forged', async () => {
    const stranger = generateSigningKey(new SystemRandom());
    const forge = async (change: (shown: SentClipCustody) => object) => {
      await checkChanged(change);
      expect(await card().locator('.check-fails').count()).toBe(1);
      return card().locator('.finding-bad').allTextContents();
    };
    const [receipt, leaf, swapped] = [
      await forge((shown) => ({
        ...shown,
        receipt: signToken(
          'doorsill-intake+jws',
          { ...claimsOf(String(shown.receipt)), iss: stranger.publicKey },
          stranger,
        ),
      })),
      await forge((shown) => ({
        ...shown,
        leaves: shown.leaves.map((one) => ({ ...one, facts: one.facts.replace('clip-', 'clip-0') })),
      })),
      await forge((shown) => ({
        ...shown,
        leaves: shown.leaves.map((one) => ({ ...one, path: one.path.toReversed() })),
      })),
    ];
    expect(receipt).toEqual(['The receipt does not verify: the receipt is of another bridge.']);
    expect(leaf).toEqual(
      Array<string>(3).fill('An entry of the bridge’s log does not verify: the leaf is not about these facts.'),
    );
    expect(swapped).toContain('An entry of the bridge’s log does not verify: the leaf is not in the tree of the head.');
    // Documents that do not verify change nothing: by the device's record the clip is sent.
    expect(await card().locator('.tag').textContent()).toBe('Sent');
    expect(await axe()).toEqual([]);
  }, 60_000);

  it('shows an agency’s words as plain text, in one writing direction', async () => {
    const hostile = '<img src=x onerror=alert(1)> \u202eecilop\u2066';
    const handler = async (route: Route) => {
      const answer = await route.fetch();
      const shown = SentClipPage.parse(await answer.json());
      const departures = shown.departures.map((one) => ({
        ...one,
        recipient: { ...one.recipient, name: hostile, investigation: hostile },
      }));
      await route.fulfill({ response: answer, json: { ...shown, departures } });
    };
    await page.route('**/departures?*', handler);
    await page.reload();
    await card().getByText('<img src=x onerror=alert(1)> ecilop', { exact: true }).waitFor();
    expect(await card().textContent()).not.toMatch(/[\u202e\u2066]/);
    expect(await card().locator('img').count()).toBe(0);
    await page.unroute('**/departures?*', handler);
    await page.reload();
    await label('Sent');
  }, 60_000);

  it('says that the bridge cannot be reached', async () => {
    await testbed.signal('bridge', 'SIGSTOP');
    await card().getByRole('button', { name: /Check/ }).click();
    await card().getByText('The bridge cannot be asked about the clip now').waitFor({ timeout: 20_000 });
    expect(await axe()).toEqual([]);
    await testbed.signal('bridge', 'SIGCONT');
    await check();
    await card().locator('.check-holds').waitFor({ timeout: 20_000 });
  }, 60_000);

  it('is taken back, up to the vault’s signed answer', async () => {
    await card().getByRole('button', { name: 'Take it back' }).click();
    expect(await axe()).toEqual([]);
    await card().getByRole('button', { name: 'Cancel' }).click();
    await card().getByRole('button', { name: 'Take it back' }).click();
    await testbed.signal('bridge', 'SIGSTOP');
    await card().locator('.button-danger').click();
    await label('Being taken back');
    expect(await card().textContent()).toContain('The bridge has not answered yet');
    expect(await axe()).toEqual([]);
    await testbed.signal('bridge', 'SIGCONT');
    await label('Erased');
    expect(await card().textContent()).toContain('The vault signed that it has erased it');
    await check();
    await expect.poll(() => card().locator('.finding').count(), { timeout: 20_000 }).toBe(8);
    expect(await card().locator('.check-holds').count()).toBe(1);
    // The clip stays in the list.
    await page.reload();
    await label('Erased');
    expect(await card().getByRole('button', { name: 'Take it back' }).count()).toBe(0);
    expect(await axe()).toEqual([]);
  }, 90_000);

  it('is the same in the terminal', async () => {
    const listed = await callCommand(['left', '--data', testbed.data, '--json']);
    expect(listed.last).toMatchObject({
      total: 1,
      departures: [{ request, outcome: { is: 'erased-at-vault' }, disclosed: { address: expect.any(String) } }],
    });
    const checked = await callCommand(['left', '--check', request, '--data', testbed.data, '--json']);
    expect([checked.status, checked.last]).toMatchObject([0, { ok: true, outcome: { is: 'erased-at-vault' } }]);
    const unknown = await callCommand(['left', '--check', 'request-other', '--data', testbed.data, '--json']);
    expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('departure_unknown')]);
  }, 60_000);

  it('has disclosed values in the ledger and the clip only, not in logs, receipts or states', () => {
    const settings = JSON.parse(readFileSync(join(testbed.data, 'doorbell', 'device.json'), 'utf8'));
    const logs = readdirSync(join(testbed.data, 'logs')).map((name) =>
      readFileSync(join(testbed.data, 'logs', name), 'utf8'),
    );
    const told = [...logs, JSON.stringify(testbed.receipts)].join('\n');
    expect(testbed.receipts.map(({ outcome }) => outcome)).toContain('deleted');
    for (const value of [settings.disclosure.address, settings.disclosure.email]) expect(told).not.toContain(value);
  });

  it('met no error and no other origin', () => {
    expect(faults).toEqual([]);
  });
});
