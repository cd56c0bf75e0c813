// Holds: who calls too often is told when to come back, each role and address apart, and nobody learns from it what a home does.
import { afterEach, describe, expect, it } from 'vitest';
import { AttemptLimit } from '../../../cloud-bridge/http/attempt-limit.ts';
import { perMinuteSchema } from '../../../cloud-bridge/http/rates.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { CHUNK_BYTES } from '../../../device/upload/bridge-http.ts';
import { BridgeHouse, type HouseOptions } from '../../support/bridge-house.ts';
import { makeParty } from '../../support/parties.ts';

let house: BridgeHouse;
afterEach(() => house.close());

const open = async (perMinuteMax: object, http: object = {}, options: HouseOptions = {}) => {
  house = await BridgeHouse.open({ ...options, bridge: { http: { perMinuteMax, ...http } } });
};
const shown = ({ headers }: { headers: Headers }) => [headers.get('ratelimit-policy'), headers.get('ratelimit')];

describe('a limit', () => {
  it('is told with every answer, and refuses with a code and when to come back', async () => {
    await open({ public: 2 });
    expect(shown(await house.get('/v1/partners'))).toEqual([
      '"public";q=2;w=60',
      expect.stringMatching(/^"public";r=1;t=\d+$/),
    ]);
    expect(shown(await house.get('/v1/nothing'))).toEqual([null, null]);
    await house.get('/v1/partners');
    const over = await house.get('/v1/partners');
    expect([over.status, over.body['code'], over.body['retryable']]).toEqual([429, 'http_rate_limited', true]);
    expect(over.headers.get('content-type')).toContain('application/problem+json');
    expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(over.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(shown(over)[1]).toMatch(/^"public";r=0;/);
  });

  it('is each role’s own, and the token decides which, before anything else is looked at', async () => {
    await open({ admin: 1, agency: 1 });
    await house.admitAgency();
    const { adminToken } = house.bridge;
    expect((await house.get('/v1/moderators', adminToken)).status).toBe(200);
    expect((await house.get('/v1/moderators', 'x'.repeat(43))).status).toBe(429);
    const call = () => house.agencyCall({ action: 'list-requests' });
    expect((await house.get('/v1/requests', call())).status).toBe(200);
    expect((await house.get('/v1/requests', call())).status).toBe(429);
    expect((await house.get('/v1/access-audit', house.access('all'))).status).toBe(200);
  });

  it('is by the address of whoever called a named proxy; of other forwarded headers nothing is believed', async () => {
    await open({ public: 1 }, { proxies: ['127.0.0.1'] });
    const from = (address: string) => house.get('/v1/partners', undefined, { 'x-forwarded-for': address });
    expect([(await from('198.51.100.1')).status, (await from('198.51.100.2')).status]).toEqual([200, 200]);
    expect((await from('203.0.113.9, 198.51.100.1')).status).toBe(429);
    // Of IPv6 a network counts as one.
    const six = ['2001:4860:1:2::1', '2001:4860:1:2:3:4:5:6', '2001:4860:1:3::1', '2001:4860::1', '2001:4860:0:0:1::'];
    const statuses = [];
    for (const address of six) statuses.push((await from(address)).status);
    expect(statuses).toEqual([200, 429, 200, 200, 429]);
    await house.close();
    await open({ public: 1 });
    expect([(await from('198.51.100.1')).status, (await from('198.51.100.2')).status]).toEqual([200, 429]);
  });

  it('of devices counts each apart and says nothing of what is left: a neighbour cannot count uploads', async () => {
    await open({ device: 2 });
    const request = await house.ready();
    const parcel = house.parcel(request);
    const opened = await house.openIntake(parcel);
    expect([opened.status, ...shown(opened)]).toEqual([200, null, null]);
    await house.status(parcel);
    expect((await house.status(parcel)).status).toBe(429);
    const revoked = await house.revoke(parcel);
    expect([revoked.status, ...shown(revoked)]).toEqual([200, null, null]);
    const stranger = makeParty('device', house.random);
    const other = await house.openIntake(house.parcel(request, { device: stranger, token: { device: stranger.id } }));
    expect([other.status, other.body['code'], ...shown(other)]).toEqual([403, 'device_not_enrolled', null, null]);
  });

  it('of refusals stops who makes up devices, one after the other', async () => {
    await open({ device: 20 });
    const statuses = new Map<number, number>();
    for (let count = 0; count < 25; count += 1) {
      const made = makeParty('device', house.random);
      const bearer = house.cast.sign('doorsill-upload+jws', { device: made.id }, made);
      const { status } = await house.get('/v1/intakes/grant-1', bearer);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(statuses.get(429)).toBe(5);
  });
});

it('lets an upload go as fast as a gigabit line', async () => {
  house = await BridgeHouse.open();
  const { device } = perMinuteSchema.parse({});
  expect((device / 60) * CHUNK_BYTES).toBeGreaterThan(125_000_000);
});

it('begins anew with each span', async () => {
  house = await BridgeHouse.open();
  const clock = new ManualClock(0);
  const limit = new AttemptLimit(clock, 2, 60_000);
  limit.note('a');
  limit.note('a');
  expect(limit.leftOf('a')).toEqual({ left: 0, resetS: 60 });
  await clock.advance(45_000);
  expect(limit.leftOf('a')).toEqual({ left: 0, resetS: 15 });
  expect(() => limit.assertOpen('a')).toThrow(expect.objectContaining({ facts: { retryAfterS: 15 } }));
  await clock.advance(15_000);
  expect(limit.leftOf('a')).toEqual({ left: 2, resetS: 60 });
});
