// The bridge verifies the whole consent chain before it takes a byte, and each broken link has its own refusal.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';

let fixture: BridgeFixture;
let request: string;

beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());

async function refusalOf(parcel: Parcel): Promise<string> {
  const { status, body } = await fixture.openIntake(parcel);
  return status === 200 ? 'accepted' : `${String(body['code'])}: ${String(body['title'])}`;
}

const minute = 60_000_000;

describe('an intake is refused when', () => {
  it.each<[string, (window: { startUs: number; endUs: number }) => Parameters<BridgeFixture['parcel']>[1], RegExp]>([
    [
      'the manifest is of another clip than the token',
      () => ({ manifest: { clipBytes: 7 }, token: { clipBytes: 8 } }),
      /^intake_manifest_invalid.*another clip/,
    ],
    [
      'the manifest names another device',
      () => ({ manifest: { device: 'device-other' } }),
      /^intake_manifest_invalid.*another device/,
    ],
    [
      'the manifest names another request',
      () => ({ manifest: { request: 'request-other' } }),
      /^intake_manifest_invalid.*another request/,
    ],
    [
      'the manifest is addressed to another agency',
      () => ({ manifest: { aud: 'agency-other' } }),
      /^intake_manifest_invalid.*somebody else than the requester/,
    ],
    [
      'the manifest’s window is not the granted one',
      (w) => ({ manifest: { window: { ...w, endUs: w.endUs - 1 } } }),
      /^intake_manifest_invalid.*window/,
    ],
    [
      'it covers more than the granted window',
      (w) => ({ manifest: { coverage: { ...w, endUs: w.endUs + minute * 2 } } }),
      /^intake_manifest_invalid.*covers more/,
    ],
    [
      'a gap lies outside the granted window',
      (w) => ({ manifest: { gaps: [{ startUs: w.startUs - minute * 2, endUs: w.startUs }] } }),
      /^intake_manifest_invalid.*covers more/,
    ],
    [
      'it discloses less than granted',
      () => ({ manifest: { disclosed: { address: '12 Elm Street' } } }),
      /^intake_manifest_invalid.*other facts/,
    ],
    [
      'it discloses more than granted',
      () => ({ manifest: { disclosed: { name: 'Casey', address: '12 Elm Street', email: 'c@home.example' } } }),
      /^intake_manifest_invalid.*other facts/,
    ],
    [
      'its grant names another clip, which the owner had looked at',
      () => ({ grant: { clipSha256: 'f'.repeat(64) } }),
      /^intake_manifest_invalid.*another clip/,
    ],
    ['it is longer than the grant allows', () => ({ grant: { byteLimit: 100 } }), /^intake_manifest_invalid.*longer/],
    ['it has audio that was not granted', () => ({ grant: { audio: false } }), /^intake_manifest_invalid.*audio/],
    [
      'it is not redacted as granted',
      () => ({ grant: { zones: [{ left: 0, top: 0, width: 10, height: 10 }] } }),
      /^intake_manifest_invalid.*redacted/,
    ],
    [
      'it counts more encoded frames than frames',
      () => ({ manifest: { encodedFrames: 31 } }),
      /^intake_method.*31 of 30/,
    ],
    ['its id stands for all clips', () => ({ manifest: { jti: 'all' } }), /^intake_manifest_invalid/],
    [
      'the pairing statement is another device’s',
      () => ({ manifest: { pairing: fixture.cast.pairing({}, makeParty('device', new SystemRandom())) } }),
      /^intake_grant_invalid.*pairing/,
    ],
    [
      'the pairing statement is for another owner',
      () => ({ manifest: { pairing: fixture.cast.pairing({ key: fixture.cast.agency.key.publicKey }) } }),
      /^intake_grant_invalid.*unknown-signer/,
    ],
    [
      'the grant is addressed to another device',
      () => ({ grant: { aud: 'device-other' } }),
      /^intake_grant_invalid.*wrong-audience/,
    ],
    ['the grant has expired', () => ({ grant: { exp: fixture.cast.nowS() - 1 } }), /^intake_grant_invalid.*expired/],
    [
      'the grant is dated in the future',
      () => ({ grant: { iat: fixture.cast.nowS() + 4_000 } }),
      /^intake_grant_invalid.*future/,
    ],
    [
      'the grant lives too long',
      () => ({ grant: { exp: fixture.cast.nowS() + 8 * 24 * 3600 } }),
      /^intake_grant_invalid.*too long/,
    ],
    [
      'the grant answers other bytes of the request',
      () => ({ grant: { requestSha256: sha256Hex('other') } }),
      /^intake_grant_invalid.*other bytes/,
    ],
    [
      'the grant names another recipient',
      () => ({ grant: { recipient: { kind: 'agency', key: fixture.cast.owner.key.publicKey } } }),
      /^intake_grant_invalid.*recipient/,
    ],
    [
      'the grant is for a neighbour',
      () => ({ grant: { recipient: { kind: 'neighbor', key: fixture.cast.agency.key.publicKey } } }),
      // No search has this id.
      /^request_not_live/,
    ],
    [
      'the granted window leaves the request’s',
      (w) => ({ grant: { window: { startUs: w.startUs - minute * 2, endUs: w.endUs } } }),
      /^intake_grant_invalid.*window/,
    ],
    [
      'the grant discloses more than was asked for',
      () => ({ grant: { disclose: ['phone'] }, manifest: { disclosed: { phone: '+1 555 0100' } } }),
      /^intake_grant_invalid.*more than/,
    ],
    [
      'the upload token names another grant',
      () => ({ token: { grant: 'grant-other' } }),
      /^intake_grant_invalid.*another/,
    ],
    [
      'the upload token names another manifest',
      () => ({ token: { manifestSha256: sha256Hex('other') } }),
      /^intake_manifest_invalid.*upload token/,
    ],
  ])('%s', async (_why, changes, expected) => {
    const window = claimsOf(fixture.cast.grant(request))['window'];
    const { startUs, endUs } = JSON.parse(JSON.stringify(window));
    expect(await refusalOf(fixture.parcel(request, changes({ startUs, endUs })))).toMatch(expected);
  });

  it('the request is not one that this bridge published', async () => {
    const foreign = fixture.cast.request();
    expect(await refusalOf(fixture.parcel(foreign))).toMatch(/^request_not_live/);
  });

  it('the clip is longer than this bridge takes', async () => {
    const small = await BridgeFixture.open({ bridge: { intake: { clipBytesMax: 1_000 } } });
    try {
      const answer = await small.openIntake(small.parcel(await small.ready()));
      expect(answer.body['code']).toBe('intake_manifest_invalid');
    } finally {
      await small.close();
    }
  });

  it('too many clips of one device wait for their bytes', async () => {
    const busy = await BridgeFixture.open({ bridge: { intake: { openPerDeviceMax: 2 } } });
    try {
      const asked = await busy.ready();
      const parcels = [1, 2, 3].map(() => busy.parcel(asked));
      const statuses = [];
      for (const parcel of parcels) statuses.push((await busy.openIntake(parcel)).status);
      expect(statuses).toEqual([200, 200, 507]);
    } finally {
      await busy.close();
    }
  });
});

it('accepts the same chain without a fault', async () => {
  expect(await refusalOf(fixture.parcel(request))).toBe('accepted');
});

it('is refused once the request is resolved, and once its agency is revoked', async () => {
  const own = await BridgeFixture.open();
  try {
    const asked = await own.ready();
    const id = String(claimsOf(asked)['jti']);
    await own.post(`/v1/requests/${id}/resolve`, {}, own.agencyCall({ action: 'resolve-request', request: id }));
    expect((await own.openIntake(own.parcel(asked))).body['code']).toBe('request_not_live');
    const second = own.cast.request({ investigation: 'SPD-2026-0118' });
    await own.post('/v1/requests', { request: second });
    await own.registry.revoke(own.cast.agency.id);
    await own.bridge.refreshRevocations();
    expect((await own.openIntake(own.parcel(second))).body['code']).toBe('request_not_live');
  } finally {
    await own.close();
  }
});

it('takes a clip after its request has expired, if consent was given while it was open', async () => {
  const own = await BridgeFixture.open();
  try {
    await own.ready();
    const short = own.cast.request({ investigation: 'SPD-2026-0119', exp: own.cast.nowS() + 60 });
    expect((await own.post('/v1/requests', { request: short })).status).toBe(201);
    const early = own.cast.grant(short);
    own.clock.shiftS = 90;
    expect((await own.openIntake(own.parcel(short, { grantToken: early }))).status).toBe(200);
    expect((await own.openIntake(own.parcel(short))).body['code']).toBe('intake_grant_invalid');
  } finally {
    await own.close();
  }
});
