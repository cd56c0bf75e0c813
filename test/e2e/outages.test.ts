// @module-tag long
// Broker, bridge and registry each stopped and started in the middle of the story: it completes, nothing twice. The camera's
// own outage is in rtsp.test.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt, VerifiedNotice, Window } from '../../device/index.ts';
import { type GrantUnderWay, type Part, RunningTown } from '../support/running-town.ts';

const CLIP_US = 3_000_000;

describe('a town of which a part goes away in the middle of the story', () => {
  const town = new RunningTown('synthetic?size=320x180');
  const grants: string[] = [];
  let window: Window;

  beforeAll(async () => {
    await town.start();
    window = await town.footage(CLIP_US);
  }, 90_000);

  afterAll(async () => {
    await town.stop();
    town.dispose();
  });

  /** The story's last lines, the same whatever went wrong before. */
  async function completes(grant: GrantUnderWay): Promise<void> {
    grants.push(grant.jti);
    const manifest = await town.verify(grant, await grant.sent);
    expect(manifest.frames).toBe(45);
    expect(town.clips()).toHaveLength(grants.length);
  }

  /** Grants while a part hangs; resolves once the device has said `outcome`. */
  async function grantUntil(notice: VerifiedNotice, outcome: Receipt['outcome']): Promise<GrantUnderWay> {
    const grant = town.grant(notice, window);
    await town.until(
      `${outcome} receipt`,
      () => town.receipts.find((one) => one.grant === grant.jti && one.outcome === outcome) ?? null,
    );
    return grant;
  }

  /** A part that hangs is ended; its supervisor starts it again. */
  async function replace(part: Part, hanging: number): Promise<void> {
    await town.signal(part, 'SIGKILL');
    await town.restarted(part, hanging);
  }

  it('broker: killed when the owner has granted', async () => {
    const grant = town.grant(await town.ask(), window);
    const pid = await town.signal('broker', 'SIGKILL');
    await completes(grant);
    await town.restarted('broker', pid);
  }, 120_000);

  it('broker: hangs while the agency asks, and is another one without memory afterwards', async () => {
    const pid = await town.signal('broker', 'SIGSTOP');
    const posted = town.ask();
    await town.posted();
    await replace('broker', pid);
    await completes(town.grant(await posted, window));
  }, 120_000);

  it('bridge: hangs until the clip waits for it, then is killed', async () => {
    const notice = await town.ask();
    const pid = await town.signal('bridge', 'SIGSTOP');
    const grant = await grantUntil(notice, 'sealed');
    await replace('bridge', pid);
    await completes(grant);
  }, 120_000);

  it('bridge: hangs for a while and goes on', async () => {
    const notice = await town.ask();
    await town.signal('bridge', 'SIGSTOP');
    const grant = await grantUntil(notice, 'sealed');
    await town.signal('bridge', 'SIGCONT');
    await completes(grant);
  }, 120_000);

  it('registry: away from the grant on', async () => {
    const notice = await town.ask();
    const pid = await town.signal('registry', 'SIGSTOP');
    const grant = await grantUntil(notice, 'sealed');
    await replace('registry', pid);
    await completes(grant);
  }, 120_000);

  it('everything but the owner at once', async () => {
    const grant = town.grant(await town.ask(), window);
    const parts = ['registry', 'bridge', 'broker', 'doorbell'] as const;
    const pids = await Promise.all(parts.map((part) => town.signal(part, 'SIGKILL')));
    await completes(grant);
    await Promise.all(parts.map((part, at) => town.restarted(part, pids[at] ?? 0)));
  }, 120_000);

  it('leaves a ledger that verifies, with each grant’s way once', async () => {
    await town.orphansGone();
    await town.stop();
    const ledger = await town.ledger();
    expect([...ledger.keys()]).toEqual(grants);
    for (const types of ledger.values()) expect(types).toEqual(['granted', 'sealed', 'token-presented', 'delivered']);
  }, 60_000);
});
