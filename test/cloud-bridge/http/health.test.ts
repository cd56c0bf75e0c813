// The health check names what keeps a bridge from working, and no metric depends on what homes did.
import { afterEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';

let fixture: BridgeFixture;
afterEach(() => fixture.close());

class FullDisk extends SystemDisk {
  isFull = false;
  override async freeBytes(path: string): Promise<number> {
    return this.isFull ? 0 : super.freeBytes(path);
  }
}

const ready = async () => (await fixture.get('/readyz')).body;
const figures = async () => String((await fixture.get('/metrics', fixture.bridge.adminToken)).body['text']);

it('is ready while database, disk and registry list are, and names which is not; it stays live either way', async () => {
  fixture = await BridgeFixture.open();
  const disk = new FullDisk();
  fixture.bridgeDisk = disk;
  await fixture.bridge.stop();
  await fixture.startBridge();
  await fixture.bridge.refreshRevocations();
  expect(await ready()).toEqual({ status: 'ready', checks: { database: 'ok', disk: 'ok', registry: 'ok' } });
  disk.isFull = true;
  // An answer of the last seconds is reused.
  expect(await ready()).toMatchObject({ status: 'ready' });
  await fixture.bridge.stop();
  await fixture.startBridge();
  const full = await fixture.get('/readyz');
  expect([full.status, full.body['code'], full.body['facts']]).toEqual([503, 'not_ready', { failing: 'disk' }]);
  disk.isFull = false;
  await fixture.registry.stop();
  fixture.clock.shiftS += 48 * 3_600;
  await fixture.bridge.stop();
  await fixture.startBridge();
  expect(await ready()).toMatchObject({ code: 'not_ready', facts: { failing: 'registry' } });
  expect((await fixture.get('/healthz')).body).toEqual({ status: 'live' });
});

it('shows metrics to the admin alone', async () => {
  fixture = await BridgeFixture.open();
  expect((await fixture.get('/metrics')).status).toBe(401);
  expect((await fixture.get('/metrics', 'x'.repeat(43))).status).toBe(401);
  const { headers } = await fixture.get('/metrics', fixture.bridge.adminToken);
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  await fixture.get('/v1/partners');
  const text = await figures();
  expect(text).toContain('doorsill_http_calls_total{role="admin",status="2xx"} ');
  expect(text).toContain('doorsill_http_calls_total{role="public",status="2xx"} 1\n');
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ \S.*|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? \d+(\.\d+)?)$/);
  }
});

it('has the same metrics whether a home granted, granted and revoked, or did not answer', async () => {
  const told: string[] = [];
  for (const story of ['silent', 'granted', 'revoked']) {
    fixture = await BridgeFixture.open();
    const request = await fixture.ready();
    if (story !== 'silent') {
      const parcel = fixture.parcel(request);
      await fixture.deliver(parcel);
      await fixture.get('/v1/clips', fixture.access('all'));
      if (story === 'revoked') await fixture.revoke(parcel);
    }
    await figures();
    told.push(await figures());
    if (story !== 'revoked') await fixture.close();
  }
  expect(new Set(told).size).toBe(1);
});
