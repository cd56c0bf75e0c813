// An owner's revocation holds before, during and after the upload, in races, and permanently.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { IntakeReceipt } from '../../../device/contract/manifest.ts';
import { bareUpload, staged } from '../../support/bare-upload.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';

let fixture: BridgeFixture;
let request: string;

/** Files of clips that earlier tests leave stored. */
let before: string[] = [];

beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
beforeEach(async () => {
  before = [];
  before = await filesLeft();
});
afterAll(() => fixture.close());

async function filesLeft(): Promise<string[]> {
  const folders = ['staging', 'ready', 'clips'].map((name) => fixture.disk.list(join(fixture.bridgeFolder, name)));
  return (await Promise.all(folders)).flat().filter((name) => !before.includes(name));
}

function outcomeOf(receipt: unknown): string | undefined {
  const opened = openToken(String(receipt), {
    typ: 'doorsill-intake+jws',
    schema: IntakeReceipt,
    audience: fixture.cast.device.id,
    keys: [fixture.cast.bridge.key.publicKey],
    verify: verifySignature,
  });
  return opened.ok ? opened.claims.outcome : opened.fault;
}

async function assertGone(parcel: Parcel): Promise<void> {
  expect(await filesLeft()).toEqual([]);
  expect(await fixture.openIntake(parcel)).toMatchObject({ status: 410, body: { code: 'intake_revoked' } });
  const again = await fixture.tus('POST', '/v1/uploads', parcel, { 'upload-length': String(parcel.clip.length) });
  expect(again).toMatchObject({ status: 410, body: { code: 'intake_revoked' } });
  const shown = await fixture.get(`/v1/clips/${parcel.clipId}`, fixture.access(parcel.clipId));
  expect(shown).toMatchObject({ status: 404, body: { code: 'clip_unknown' } });
}

it('deletes a stored clip and answers with a signed receipt, the same one at each repetition', async () => {
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  const first = await fixture.revoke(parcel);
  expect(first).toMatchObject({ status: 200, body: { state: 'deleted', grant: parcel.grant } });
  expect(outcomeOf(first.body['receipt'])).toBe('deleted');
  expect((await fixture.revoke(parcel)).body).toEqual(first.body);
  expect((await fixture.status(parcel)).body).toEqual(first.body);
  await assertGone(parcel);
});

it('leaves none of the home’s disclosed facts in the database', async () => {
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  const traces = async () => {
    await fixture.bridge.stop();
    const names = (await fixture.disk.list(fixture.bridgeFolder)).filter((name) => name.startsWith('bridge.sqlite'));
    const files = await Promise.all(names.map((name) => readFile(join(fixture.bridgeFolder, name), 'latin1')));
    await fixture.startBridge();
    return files.some((bytes) => bytes.includes(parcel.statement.slice(-300)));
  };
  expect(await traces()).toBe(true);
  await fixture.revoke(parcel);
  expect(await traces()).toBe(false);
});

it('ends an upload that is under way and deletes what was staged', async () => {
  const parcel = fixture.parcel(request, { clip: plainMp4({ frames: 30, audioPackets: 12, frameBytes: 40_000 }) });
  await fixture.openIntake(parcel);
  const path = await fixture.create(parcel);
  const { socket, closed } = bareUpload(fixture, parcel, path);
  socket.write(parcel.clip.subarray(0, 500_000));
  await staged(fixture, path, 500_000);
  expect((await fixture.revoke(parcel)).body['state']).toBe('deleted');
  expect(await filesLeft()).toEqual([]);
  await closed;
  await assertGone(parcel);
});

it('is kept for a grant whose clip never came', async () => {
  const parcel = fixture.parcel(request);
  const answer = await fixture.revoke(parcel, { pairing: fixture.cast.pairing() });
  expect(answer).toMatchObject({ status: 200, body: { state: 'deleted' } });
  expect(outcomeOf(answer.body['receipt'])).toBe('deleted');
  expect((await fixture.revoke(parcel)).body).toEqual(answer.body);
  expect(await fixture.openIntake(parcel)).toMatchObject({ status: 410, body: { code: 'intake_revoked' } });
});

it('outlives a restart', async () => {
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  await fixture.revoke(parcel);
  await fixture.bridge.stop();
  await fixture.startBridge();
  await assertGone(parcel);
});

it('may come from another owner whom the device vouches for', async () => {
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  const second = makeParty('owner', new SystemRandom());
  const revocation = fixture.cast.revoke(parcel.grantToken, {}, second);
  const path = `/v1/intakes/${parcel.grant}/revocation`;
  expect((await fixture.post(path, { revocation })).body['code']).toBe('token_unknown_signer');
  const pairing = fixture.cast.pairing({ key: second.key.publicKey });
  expect((await fixture.post(path, { revocation, pairing })).body['state']).toBe('deleted');
});

it('is refused unless a paired owner of that device signed it for that grant', async () => {
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  const path = `/v1/intakes/${parcel.grant}/revocation`;
  const { cast } = fixture;
  const stranger = makeParty('device', new SystemRandom());
  const thief = makeParty('owner', new SystemRandom());
  await fixture.enrol(stranger);
  const bodies: [object, string][] = [
    [{ revocation: cast.revoke(parcel.grantToken, {}, cast.agency) }, 'token_unknown_signer'],
    [{ revocation: cast.revoke(parcel.grantToken, { grantSha256: 'a'.repeat(64) }) }, 'intake_grant_invalid'],
    [
      { revocation: cast.revoke(parcel.grantToken), grant: cast.grant(request, { jti: parcel.grant, audio: false }) },
      'intake_grant_invalid',
    ],
    [{ revocation: cast.revoke(parcel.grantToken, { grant: 'grant-other' }) }, 'message_topic_mismatch'],
    [{ revocation: cast.revoke(parcel.grantToken, { aud: 'device-nobody' }) }, 'device_not_enrolled'],
    [
      {
        revocation: cast.revoke(parcel.grantToken, {}, thief),
        pairing: cast.pairing({ key: thief.key.publicKey, device: stranger.id }, stranger),
      },
      'token_unknown_signer',
    ],
    [{ revocation: 'x', extra: 1 }, 'http_body_invalid'],
  ];
  for (const [body, code] of bodies) expect((await fixture.post(path, body)).body['code']).toBe(code);
  expect((await fixture.status(parcel)).body['state']).toBe('stored');
});

it('of a grant that the bridge does not know is refused when its bytes are not those that it names', async () => {
  const parcel = fixture.parcel(request);
  const { cast } = fixture;
  const pairing = cast.pairing();
  const path = `/v1/intakes/${parcel.grant}/revocation`;
  const revocation = cast.revoke(parcel.grantToken);
  const other = cast.grant(request, { jti: parcel.grant, audio: false });
  expect((await fixture.post(path, { revocation, pairing, grant: other })).body['code']).toBe('intake_grant_invalid');
  const taken = await fixture.post(path, { revocation, pairing, grant: parcel.grantToken });
  expect(taken.body['state']).toBe('deleted');
});

it('does not touch another home’s grant with the same id', async () => {
  const stranger = makeParty('device', new SystemRandom());
  await fixture.enrol(stranger);
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  // The other device's owner revokes a grant with this id, addressed to that device.
  const revocation = fixture.cast.revoke(parcel.grantToken, { aud: stranger.id });
  const pairing = fixture.cast.pairing({ device: stranger.id }, stranger);
  const answer = await fixture.post(`/v1/intakes/${parcel.grant}/revocation`, { revocation, pairing });
  expect(answer.body['state']).toBe('deleted');
  expect((await fixture.status(parcel)).body['state']).toBe('stored');
});

it('wins or loses a race against the last byte, never both', async () => {
  for (let round = 0; round < 20; round += 1) {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    const half = Math.floor(parcel.clip.length / 2);
    await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, half));
    const sent = fixture.patch(parcel, path, half, parcel.clip.subarray(half)).catch(() => null);
    for (let turn = 0; turn < round; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect((await fixture.revoke(parcel)).body['state']).toBe('deleted');
    expect(await filesLeft()).toEqual([]);
    await sent;
    await assertGone(parcel);
  }
});
