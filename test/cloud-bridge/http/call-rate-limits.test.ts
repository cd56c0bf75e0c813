// A caller over its limit gets a code and the time to wait. Each role and address is counted apart, and no limit discloses what a home
// does.
import { afterEach, describe, expect, it } from 'vitest';
import { PerMinute } from '../../../cloud-bridge/http/call-rate-limits.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { networkOf } from '../../../device/base/http/address-networks.ts';
import { FixedWindowLimit, WindowCounts } from '../../../device/base/http/fixed-window-limit.ts';
import { CHUNK_BYTES } from '../../../device/upload/bridge-http.ts';
import { BridgeFixture, type FixtureOptions } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';

let fixture: BridgeFixture;
let opened = false;
afterEach(async () => {
  if (opened) await fixture.close();
  opened = false;
});

const open = async (perMinuteMax: object, http: object = {}, options: FixtureOptions = {}) => {
  fixture = await BridgeFixture.open({ ...options, bridge: { http: { perMinuteMax, ...http } } });
  opened = true;
};
const shown = ({ headers }: { headers: Headers }) => [headers.get('ratelimit-policy'), headers.get('ratelimit')];

describe('a limit', () => {
  it('is in the headers of every answer, and refuses with a code and the time to wait', async () => {
    await open({ public: 2 });
    expect(shown(await fixture.get('/v1/partners'))).toEqual([
      '"public";q=2;w=60',
      expect.stringMatching(/^"public";r=1;t=\d+$/),
    ]);
    expect(shown(await fixture.get('/v1/nothing'))).toEqual([null, null]);
    await fixture.get('/v1/partners');
    const over = await fixture.get('/v1/partners');
    expect([over.status, over.body['code'], over.body['retryable']]).toEqual([429, 'http_rate_limited', true]);
    expect(over.headers.get('content-type')).toContain('application/problem+json');
    expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(over.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(shown(over)[1]).toMatch(/^"public";r=0;/);
  });

  it('is counted for each role apart, and calls with a valid token are not counted with those without', async () => {
    await open({ admin: 1, agency: 1 });
    await fixture.admitAgency();
    const { adminToken } = fixture.bridge;
    expect((await fixture.get('/v1/moderators', adminToken)).status).toBe(200);
    expect((await fixture.get('/v1/moderators', 'x'.repeat(43))).status).toBe(401);
    expect((await fixture.get('/v1/moderators', adminToken)).status).toBe(429);
    const call = () => fixture.agencyCall({ action: 'list-requests' });
    expect((await fixture.get('/v1/requests', call())).status).toBe(200);
    expect((await fixture.get('/v1/requests', call())).status).toBe(429);
    expect((await fixture.get('/v1/access-audit', fixture.access('all'))).status).toBe(200);
  });

  it('uses the client address that a trusted proxy names; other forwarded headers are ignored', async () => {
    await open({ public: 1 }, { proxies: ['127.0.0.1'] });
    const from = (address: string) => fixture.get('/v1/partners', undefined, { 'x-forwarded-for': address });
    expect([(await from('198.51.100.1')).status, (await from('198.51.100.2')).status]).toEqual([200, 200]);
    expect((await from('203.0.113.9, 198.51.100.1')).status).toBe(429);
    // An IPv6 network counts as one address.
    const six = ['2001:4860:1:2::1', '2001:4860:1:2:3:4:5:6', '2001:4860:1:3::1', '2001:4860::1', '2001:4860:0:0:1::'];
    const statuses = [];
    for (const address of six) statuses.push((await from(address)).status);
    expect(statuses).toEqual([200, 429, 200, 200, 429]);
    await fixture.close();
    await open({ public: 1 });
    expect([(await from('198.51.100.1')).status, (await from('198.51.100.2')).status]).toEqual([200, 429]);
  });

  it('of devices counts each device apart and does not disclose what is left: a neighbour cannot count uploads', async () => {
    await open({ device: 2 });
    const request = await fixture.ready();
    const parcel = fixture.parcel(request);
    const opened = await fixture.openIntake(parcel);
    expect([opened.status, ...shown(opened)]).toEqual([200, null, null]);
    await fixture.status(parcel);
    expect((await fixture.status(parcel)).status).toBe(429);
    const revoked = await fixture.revoke(parcel);
    expect([revoked.status, ...shown(revoked)]).toEqual([200, null, null]);
    const stranger = makeParty('device', fixture.random);
    const other = await fixture.openIntake(
      fixture.parcel(request, { device: stranger, token: { device: stranger.id } }),
    );
    expect([other.status, other.body['code'], ...shown(other)]).toEqual([403, 'device_not_enrolled', null, null]);
  });

  it('of refusals stops a caller who invents one device after another', async () => {
    await open({ device: 20 });
    const statuses = new Map<number, number>();
    for (let count = 0; count < 25; count += 1) {
      const { status } = await madeUp();
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(statuses.get(429)).toBe(5);
  });

  it('does not apply to the liveness check, however often it is called', async () => {
    await open({ public: 1 });
    for (let count = 0; count < 5; count += 1) expect((await fixture.get('/healthz')).status).toBe(200);
  });
});

/** A call by a device that is not enrolled. */
const madeUp = () => {
  const made = makeParty('device', fixture.random);
  return fixture.get('/v1/intakes/grant-1', fixture.cast.sign('doorsill-upload+jws', { device: made.id }, made));
};

describe('a client that shares an address with an abusive one', () => {
  it('can still revoke, upload and request: a device, an owner, an agency and the admin', async () => {
    await open({ device: 20, agency: 20, admin: 20, signed: 20, home: 20 });
    const request = await fixture.ready();
    const parcel = fixture.parcel(request);
    // More than each limit, of every kind of call, and under the names of the clients that must not be locked out.
    const path = `/v1/intakes/${parcel.grant}/revocation`;
    const thief = makeParty('device', fixture.random);
    const { device, agency } = fixture.cast;
    const inTheirName = (typ: 'doorsill-upload+jws' | 'doorsill-agency+jws', iss: string, more: object) =>
      fixture.cast.sign(typ, { iss, ...more }, thief);
    const last: unknown[] = [];
    for (let count = 0; count < 60; count += 1) {
      last.splice(0);
      const forged = inTheirName('doorsill-upload+jws', device.key.publicKey, { device: device.id });
      last.push((await fixture.get(`/v1/intakes/${parcel.grant}`, forged)).status);
      const call = inTheirName('doorsill-agency+jws', agency.key.publicKey, { agency: agency.id });
      last.push((await fixture.get('/v1/requests', call)).status);
      last.push((await fixture.post(path, { revocation: fixture.cast.revoke(parcel.grantToken, {}, thief) })).status);
      last.push((await fixture.get('/v1/moderators', `${'x'.repeat(40)}${count}`)).status);
      last.push((await fixture.post('/v1/requests', { request: 'x' })).status);
      const secret = `${'g'.repeat(30)}${count}`;
      last.push(
        (await fixture.post('/v1/enrolments', { secret, proof: fixture.enrolmentProof(secret, thief) })).status,
      );
    }
    expect(last).toEqual(Array(6).fill(429));
    expect((await fixture.deliver(parcel)).status).toBe(204);
    expect((await fixture.get('/v1/requests', fixture.agencyCall({ action: 'list-requests' }))).status).toBe(200);
    expect((await fixture.get('/v1/moderators', fixture.bridge.adminToken)).status).toBe(200);
    expect((await fixture.post('/v1/requests', { request: fixture.cast.request() })).status).toBe(201);
    expect((await fixture.enrol(makeParty('device', fixture.random))).status).toBe(201);
    const revoked = await fixture.revoke(parcel);
    expect([revoked.status, revoked.body['state']]).toEqual([200, 'deleted']);
  });
});

it('does not slow down an upload at the speed of a gigabit line', () => {
  const { device } = PerMinute.parse({});
  expect((device / 60) * CHUNK_BYTES).toBeGreaterThan(125_000_000);
});

it('is reset with each period', async () => {
  const clock = new ManualClock(0);
  const limit = new FixedWindowLimit(new WindowCounts(clock, 60_000), 2);
  limit.note('a');
  limit.note('a');
  expect(limit.leftOf('a')).toEqual({ left: 0, resetS: 60 });
  await clock.advance(45_000);
  expect(limit.leftOf('a')).toEqual({ left: 0, resetS: 15 });
  expect(() => limit.assertOpen('a')).toThrow(expect.objectContaining({ facts: { retryAfterS: 15 } }));
  await clock.advance(15_000);
  expect(limit.leftOf('a')).toEqual({ left: 2, resetS: 60 });
});

it('refuses nobody because many others were counted: the name counted longest ago is dropped', () => {
  const limit = new FixedWindowLimit(new WindowCounts(new ManualClock(0), 60_000, 3), 1);
  for (const name of ['a', 'b', 'c', 'd']) limit.take(name);
  for (const name of ['b', 'c', 'd']) expect(() => limit.assertOpen(name)).toThrow();
  expect(() => limit.take('e')).not.toThrow();
  expect(() => limit.assertOpen('a')).not.toThrow();
});

it('counts a network as one however its address is spelled', () => {
  const same = (name: string, ...spellings: string[]) => expect([...new Set(spellings.map(networkOf))]).toEqual([name]);
  same('198.51.100.7', '198.51.100.7', '::ffff:198.51.100.7', '::FFFF:c633:6407', '0:0:0:0:0:ffff:198.51.100.7');
  same('2001:db8:1:2::/64', '2001:db8:1:2::1', '2001:0DB8:1:2:ffff:0:0:1', '2001:db8:1:2:0:0:0:0');
  same('2001:db8:0:0::/64', '2001:db8::1', '2001:db8:0:0:1::');
  same('fe80:0:0:0::/64', 'fe80::1%eth0', 'fe80::2');
  same('0:0:0:0::/64', '::1');
});
