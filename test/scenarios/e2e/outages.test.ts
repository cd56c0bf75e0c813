// @module-tag long
// Broker, bridge and registry each stop and start in the middle of the story: it completes, without duplicates. Outages of the camera are
// in rtsp.test.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../../device/contract/home-messages.ts';
import type { VerifiedNotice } from '../../../device/contract/read-request-notice.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { type GrantUnderWay, type Part, RunningTestbed } from '../../support/running-testbed.ts';

const CLIP_US = 3_000_000;

describe('a testbed of which a part goes away in the middle of the story', () => {
  const testbed = new RunningTestbed('synthetic?size=320x180');
  const grants: string[] = [];
  let window: Window;

  beforeAll(async () => {
    await testbed.start();
    window = await testbed.footage(CLIP_US);
  }, 90_000);

  afterAll(async () => {
    await testbed.stop();
    testbed.dispose();
  });

  /** The story's end, the same after any outage. */
  async function completes(grant: GrantUnderWay): Promise<void> {
    grants.push(grant.jti);
    const manifest = await testbed.verify(grant, await grant.sent);
    expect(manifest.frames).toBe(45);
    expect(testbed.clips()).toHaveLength(grants.length);
  }

  /** Grants while a part hangs; resolves once the device has reported `outcome`. */
  async function grantUntil(notice: VerifiedNotice, outcome: Receipt['outcome']): Promise<GrantUnderWay> {
    const grant = testbed.grant(notice, window);
    await testbed.until(
      `${outcome} receipt`,
      () => testbed.receipts.find((one) => one.grant === grant.jti && one.outcome === outcome) ?? null,
    );
    return grant;
  }

  /** Kills a hanging part; its supervisor restarts it. */
  async function replace(part: Part, hanging: number): Promise<void> {
    await testbed.signal(part, 'SIGKILL');
    await testbed.restarted(part, hanging);
  }

  it('broker: killed when the owner has granted', async () => {
    const grant = testbed.grant(await testbed.ask(), window);
    const pid = await testbed.signal('broker', 'SIGKILL');
    await completes(grant);
    await testbed.restarted('broker', pid);
  }, 120_000);

  it('broker: hangs during the request, and is then replaced by an empty one', async () => {
    const pid = await testbed.signal('broker', 'SIGSTOP');
    const posted = testbed.ask();
    await testbed.posted();
    await replace('broker', pid);
    await completes(testbed.grant(await posted, window));
  }, 120_000);

  it('bridge: hangs until the clip is ready, then is killed', async () => {
    const notice = await testbed.ask();
    const pid = await testbed.signal('bridge', 'SIGSTOP');
    const grant = await grantUntil(notice, 'sealed');
    await replace('bridge', pid);
    await completes(grant);
  }, 120_000);

  it('bridge: hangs for a while and goes on', async () => {
    const notice = await testbed.ask();
    await testbed.signal('bridge', 'SIGSTOP');
    const grant = await grantUntil(notice, 'sealed');
    await testbed.signal('bridge', 'SIGCONT');
    await completes(grant);
  }, 120_000);

  it('registry: gone from the grant on', async () => {
    const notice = await testbed.ask();
    const pid = await testbed.signal('registry', 'SIGSTOP');
    const grant = await grantUntil(notice, 'sealed');
    await replace('registry', pid);
    await completes(grant);
  }, 120_000);

  it('everything but the owner at once', async () => {
    const grant = testbed.grant(await testbed.ask(), window);
    const parts = ['registry', 'bridge', 'broker', 'doorbell'] as const;
    const pids = await Promise.all(parts.map((part) => testbed.signal(part, 'SIGKILL')));
    await completes(grant);
    await Promise.all(parts.map((part, at) => testbed.restarted(part, pids[at] ?? 0)));
  }, 120_000);

  it('leaves a ledger that verifies, with each grant’s entries once', async () => {
    await testbed.orphansGone();
    await testbed.stop();
    const ledger = await testbed.ledger();
    expect([...ledger.keys()]).toEqual(grants);
    for (const types of ledger.values()) expect(types).toEqual(['granted', 'sealed', 'token-presented', 'delivered']);
  }, 60_000);
});
