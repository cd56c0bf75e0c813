// The whole story in a browser on real processes: an agency requests, the owner reads, plays the clip, grants, verifies custody and
// recalls; again with the doorbell killed in between; a hostile page in another tab, which sends the session's cookie along, learns nothing
// and has no effect.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceEvent } from '../../../device/contract/home-messages.ts';
import { soon } from '../../device/console/support/console-rig.ts';
import { HostilePage } from '../../support/hostile-page.ts';
import { proved } from '../../support/proved.ts';
import { grantClaimsOf, RequestsBrowser } from '../../support/requests-browser.ts';

describe('the console’s story', { tags: ['chromium', 'long'] }, () => {
  const rig = new RequestsBrowser();
  const events: DeviceEvent[] = [];
  let hostile: HostilePage;
  beforeAll(async () => {
    await rig.start();
    rig.testbed.session.listen({ event: (event) => events.push(event) });
    hostile = await HostilePage.open(rig.page.context(), new URL(rig.page.url()).origin);
    await rig.page.bringToFront();
  }, 150_000);
  afterAll(async () => {
    await hostile?.close();
    await rig.stop();
  }, 60_000);

  const say = (name: string) => rig.page.getByRole('button', { name });
  /** Hashes of the clips in the vault. */
  const vaulted = () => rig.testbed.vaultedHashes();
  const departure = () => rig.page.locator('.sent-clip').first();

  /** Opens the disclosed clips, and has the newest one's proof checked up to the vault. */
  async function checkCustody(): Promise<string> {
    await rig.page.getByRole('link', { name: /What has left|Sent/ }).click();
    await departure().waitFor({ timeout: 20_000 });
    await soon(async () => {
      await departure().getByRole('button', { name: /Check/ }).click();
      await departure().locator('.check, .notice').first().waitFor({ timeout: 20_000 });
      await departure()
        .getByRole('button', { name: /^Check again|^Check the proof/ })
        .waitFor();
      return /handed to the vault/.test((await departure().locator('.check').textContent()) ?? '');
    }, 40_000);
    expect(await departure().locator('.check-holds').count()).toBe(1);
    return (await departure().locator('.check').textContent()) ?? '';
  }

  /** Recalls the newest clip up to the vault's signed answer; retries while the doorbell is unreachable. */
  async function recall(): Promise<void> {
    await departure()
      .getByRole('button', { name: 'Take it back' })
      .click()
      .catch(async (thrown: unknown) => {
        throw new Error(`the page shows: ${await rig.page.locator('body').textContent()}`, { cause: thrown });
      });
    const yes = departure().locator('.button-danger');
    await yes.click();
    await soon(async () => {
      const isUnreached = (await departure().locator('.notice').count()) > 0;
      if (isUnreached && (await yes.isEnabled())) await yes.click();
      return (await departure().locator('.tag', { hasText: 'Erased' }).count()) > 0;
    }, 60_000);
  }

  it('from a request to a clip that was played, granted, checked and recalled', async () => {
    const request = await rig.ask('--type', 'package theft');
    await rig.preview(request);
    const played = await rig.playedSha256();
    await say('Let this clip leave').click();
    await rig.page.locator('.outcome-sent').waitFor({ timeout: 60_000 });
    expect(grantClaimsOf(rig.grants[0])).toMatchObject({ request, clipSha256: played, audio: false, disclose: [] });
    await soon(async () => (await vaulted()).includes(played), 30_000);
    expect(await checkCustody()).toMatch(/Receipt: signed by the bridge.*leaf \d+ of \d+/s);
    await recall();
    await soon(async () => (await vaulted()).length === 0, 30_000);
  }, 180_000);

  it('with the doorbell killed between the grant and its clip, and once more before the recall', async () => {
    rig.grants.splice(0);
    const request = await rig.ask('--type', 'bicycle theft');
    await rig.preview(request);
    const played = await rig.playedSha256();
    const before = await rig.testbed.until('process of the doorbell', () => rig.testbed.pidOf('doorbell'));
    await say('Let this clip leave').click();
    await soon(() => rig.grants.length > 0);
    await rig.testbed.signal('doorbell', 'SIGKILL');
    await rig.testbed.restarted('doorbell', before);
    const page = rig.page;
    // Either the clip was sealed before and is uploaded, or its preview was lost with the doorbell and another is made.
    const changed = page.getByText('Make a new preview, look at it, and grant that one.');
    await page.locator('.outcome-sent').or(changed).first().waitFor({ timeout: 90_000 });
    let sent = played;
    if ((await changed.count()) > 0) {
      expect(await vaulted()).toEqual([]);
      await rig.settled();
      await rig.makePreview();
      sent = await rig.playedSha256();
      await say('Let this clip leave').click();
      await page.locator('.outcome-sent').waitFor({ timeout: 60_000 });
    }
    await soon(async () => (await vaulted()).length > 0, 30_000);
    expect(await vaulted()).toEqual([sent]);
    await checkCustody();
    const again = await rig.testbed.signal('doorbell', 'SIGKILL');
    await rig.testbed.restarted('doorbell', again);
    await recall();
    await soon(async () => (await vaulted()).length === 0, 30_000);
  }, 240_000);

  it('while a hostile page in another tab has learned nothing and set nothing off', async (context) => {
    await soon(async () => (await hostile.report()).tries > 100, 60_000);
    const { tries, learned } = await hostile.report();
    expect(learned).toEqual([]);
    // Only the drawn visitor rang: neither the owner nor the page that tried to.
    expect(events.filter((event) => event.type === 'ring' && event.source !== 'scene')).toEqual([]);
    expect(new Set(rig.testbed.receipts.map(({ outcome }) => outcome))).not.toContain('denied');
    expect(rig.faults).toEqual([]);
    proved(context, 'what a hostile page in the owner’s own browser learned of the door', `0 in ${tries} tries`);
  }, 90_000);
});
