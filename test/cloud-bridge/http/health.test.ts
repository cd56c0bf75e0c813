// Holds: a bridge says when it cannot do its work, and no figure of it says anything of homes.
import { afterEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { BridgeHouse } from '../../support/bridge-house.ts';

let house: BridgeHouse;
afterEach(() => house.close());

class FullDisk extends SystemDisk {
  isFull = false;
  override async freeBytes(path: string): Promise<number> {
    return this.isFull ? 0 : super.freeBytes(path);
  }
}

const ready = async () => (await house.get('/readyz')).body;
const figures = async () => String((await house.get('/metrics', house.bridge.adminToken)).body['text']);

it('is ready while database, disk and registry list are, and says which is not; it lives all the same', async () => {
  house = await BridgeHouse.open();
  const disk = new FullDisk();
  house.bridgeDisk = disk;
  await house.bridge.stop();
  await house.startBridge();
  await house.bridge.refreshRevocations();
  expect(await ready()).toEqual({ status: 'ready', checks: { database: 'ok', disk: 'ok', registry: 'ok' } });
  disk.isFull = true;
  // An answer of the last seconds does.
  expect(await ready()).toMatchObject({ status: 'ready' });
  await house.bridge.stop();
  await house.startBridge();
  const full = await house.get('/readyz');
  expect([full.status, full.body['code'], full.body['facts']]).toEqual([503, 'not_ready', { failing: 'disk' }]);
  disk.isFull = false;
  await house.registry.stop();
  house.clock.shiftS += 48 * 3_600;
  await house.bridge.stop();
  await house.startBridge();
  expect(await ready()).toMatchObject({ code: 'not_ready', facts: { failing: 'registry' } });
  expect((await house.get('/healthz')).body).toEqual({ status: 'live' });
});

it('gives figures to the admin alone', async () => {
  house = await BridgeHouse.open();
  expect((await house.get('/metrics')).status).toBe(401);
  expect((await house.get('/metrics', 'x'.repeat(43))).status).toBe(401);
  const { headers } = await house.get('/metrics', house.bridge.adminToken);
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  await house.get('/v1/partners');
  const text = await figures();
  expect(text).toContain('doorsill_http_calls_total{role="admin",status="2xx"} ');
  expect(text).toContain('doorsill_http_calls_total{role="public",status="2xx"} 1\n');
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ \S.*|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? \d+(\.\d+)?)$/);
  }
});

it('has the same figures whether a home granted, granted and took back, or was silent', async () => {
  const told: string[] = [];
  for (const story of ['silent', 'granted', 'revoked']) {
    house = await BridgeHouse.open();
    const request = await house.ready();
    if (story !== 'silent') {
      const parcel = house.parcel(request);
      await house.deliver(parcel);
      await house.get('/v1/clips', house.access('all'));
      if (story === 'revoked') await house.revoke(parcel);
    }
    await figures();
    told.push(await figures());
    if (story !== 'revoked') await house.close();
  }
  expect(new Set(told).size).toBe(1);
});
