// Uploads over real HTTP: the tus protocol, authorisation of every request, one clip a grant.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DetailedError, Upload } from 'tus-js-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { IntakeReceipt } from '../../../device/contract/manifest.ts';
import { type BareUpload, bareUpload, staged } from '../../support/bare-upload.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';

let fixture: BridgeFixture;
let request: string;

const open = async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
};
const close = () => fixture.close();

/** A PATCH that sends this many bytes of its clip and then hangs. */
async function hangingPatch(parcel: Parcel, path: string, bytes: number): Promise<BareUpload> {
  const upload = bareUpload(fixture, parcel, path);
  upload.socket.write(parcel.clip.subarray(0, bytes));
  await staged(fixture, path, bytes);
  return upload;
}

describe('an upload', () => {
  beforeAll(open);
  afterAll(close);
  const clips = () => fixture.disk.list(join(fixture.bridgeFolder, 'clips'));
  let before: string[] = [];
  beforeEach(async () => {
    before = await clips();
  });

  it('ends with the stored clip, its manifest and a signed receipt', async () => {
    const parcel = fixture.parcel(request);
    expect((await fixture.openIntake(parcel)).body).toEqual({ grant: parcel.grant, state: 'open' });
    expect((await fixture.patch(parcel, await fixture.create(parcel), 0, parcel.clip)).status).toBe(204);

    const status = await fixture.status(parcel);
    expect(status.body).toMatchObject({ grant: parcel.grant, state: 'stored' });
    const receipt = openToken(String(status.body['receipt']), {
      typ: 'doorsill-intake+jws',
      schema: IntakeReceipt,
      audience: fixture.cast.device.id,
      keys: [fixture.cast.bridge.key.publicKey],
      verify: verifySignature,
    });
    const facts = { clipSha256: sha256Hex(parcel.clip), clipBytes: parcel.clip.length, grant: parcel.grant };
    expect(receipt).toMatchObject({ ok: true, claims: { outcome: 'stored', ...facts } });
    const stored = join(fixture.bridgeFolder, 'clips', parcel.clipId);
    expect((await readFile(join(stored, 'clip.mp4'))).equals(parcel.clip)).toBe(true);
    expect(await readFile(join(stored, 'manifest.jws'), 'utf8')).toBe(parcel.statement);
    expect(JSON.parse(await readFile(join(stored, 'manifest.json'), 'utf8'))).toMatchObject({ jti: parcel.clipId });
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'staging'))).toEqual([]);
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'ready'))).toEqual([]);
  });

  it('works with tus-js-client in chunks', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    await new Promise<void>((resolve, reject) => {
      new Upload(Buffer.from(parcel.clip), {
        endpoint: `${fixture.bridge.url}/v1/uploads`,
        headers: { authorization: `Bearer ${parcel.bearer}` },
        chunkSize: 4_096,
        retryDelays: null,
        onSuccess: () => resolve(),
        onError: reject,
      }).start();
    });
    expect((await fixture.status(parcel)).body['state']).toBe('stored');
  });

  it('answers the same manifest alike again, before and after the clip is stored', async () => {
    const parcel = fixture.parcel(request);
    const first = await fixture.openIntake(parcel);
    expect((await fixture.openIntake(parcel)).body).toEqual(first.body);
    await fixture.patch(parcel, await fixture.create(parcel), 0, parcel.clip);
    const stored = await fixture.status(parcel);
    expect((await fixture.openIntake(parcel)).body).toEqual(stored.body);
    expect((await fixture.status(parcel)).body).toEqual(stored.body);
    expect((await clips()).filter((clip) => !before.includes(clip))).toEqual([parcel.clipId]);
  });

  it('refuses another manifest for the same grant', async () => {
    const parcel = fixture.parcel(request);
    await fixture.deliver(parcel);
    const other = fixture.parcel(request, {
      grantToken: parcel.grantToken,
      clip: plainMp4({ frames: 30, audioPackets: 12, frameBytes: 501 }),
    });
    expect(await fixture.openIntake(other)).toMatchObject({ status: 409, body: { code: 'intake_conflict' } });
    expect((await clips()).filter((clip) => !before.includes(clip))).toEqual([parcel.clipId]);
  });

  it('refuses a clip id that another clip has', async () => {
    const parcel = fixture.parcel(request);
    await fixture.deliver(parcel);
    const twin = fixture.parcel(request, { manifest: { jti: parcel.clipId } });
    expect(await fixture.openIntake(twin)).toMatchObject({ status: 409, body: { code: 'intake_conflict' } });
  });
});

describe('offsets', () => {
  beforeAll(open);
  afterAll(close);

  it('continue where the bytes end, never elsewhere', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    expect((await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 1_000))).headers.get('upload-offset')).toBe(
      '1000',
    );
    const skipped = await fixture.patch(parcel, path, 2_000, parcel.clip.subarray(2_000));
    expect(skipped).toMatchObject({ status: 409, body: { code: 'intake_offset' } });
    expect(skipped.headers.get('content-type')).toContain('application/problem+json');
    expect((await fixture.patch(parcel, path, 0, parcel.clip)).status).toBe(409);
    expect((await fixture.patch(parcel, path, 1_000, parcel.clip.subarray(1_000))).status).toBe(204);
    expect((await fixture.status(parcel)).body['state']).toBe('stored');
  });

  it('survive a cut connection: the bytes that arrived are kept and the rest follows', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    const { socket, closed } = await hangingPatch(parcel, path, 5_000);
    socket.destroy();
    await closed;
    const head = await fixture.send('HEAD', `/v1/intakes/${parcel.grant}`, {
      authorization: `Bearer ${parcel.bearer}`,
    });
    expect(head.headers.get('location')).toBe(path);
    const offset = Number(head.headers.get('upload-offset'));
    expect(offset).toBe(5_000);
    expect((await fixture.patch(parcel, path, offset, parcel.clip.subarray(offset))).status).toBe(204);
    expect((await fixture.status(parcel)).body['state']).toBe('stored');
  });

  it('are reported while an old connection still hangs, which is ended for it', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    const { closed } = await hangingPatch(parcel, path, 3_000);
    const head = await fixture.tus('HEAD', path, parcel);
    expect(head.headers.get('upload-offset')).toBe('3000');
    await closed;
    expect((await fixture.patch(parcel, path, 3_000, parcel.clip.subarray(3_000))).status).toBe(204);
  });

  it('are not changed by a status call', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    const { socket, closed } = await hangingPatch(parcel, path, 3_000);
    expect((await fixture.status(parcel)).body).toEqual({ grant: parcel.grant, state: 'open' });
    socket.write(parcel.clip.subarray(3_000));
    await staged(fixture, path, 0);
    while ((await fixture.status(parcel)).body['state'] !== 'stored');
    socket.destroy();
    await closed;
  });

  it('start over when the upload is created again, and the grant still has one upload', async () => {
    const parcel = fixture.parcel(request);
    const staging = () => fixture.disk.list(join(fixture.bridgeFolder, 'staging'));
    const before = await staging();
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 1_000));
    expect(await fixture.create(parcel)).toBe(path);
    expect((await fixture.tus('HEAD', path, parcel)).headers.get('upload-offset')).toBe('0');
    expect((await staging()).length).toBe(before.length + 1);
  });

  it.each(['text/plain', 'application/json'])('refuse a body of the type %s, which is no upload', async (type) => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    const answer = await fetch(`${fixture.bridge.url}${path}`, {
      method: 'PATCH',
      headers: {
        authorization: `Bearer ${parcel.bearer}`,
        'content-type': type,
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
      },
      body: '[]',
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'http_body_invalid', detail: expect.any(String) });
    expect((await fixture.patch(parcel, path, 0, parcel.clip)).status).toBe(204);
  });

  it('refuse more bytes than announced', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    const long = new Uint8Array(parcel.clip.length + 1);
    expect((await fixture.patch(parcel, path, 0, long)).status).toBe(413);
    expect((await fixture.status(parcel)).body['state']).toBe('open');
  });
});

describe('the end of an upload', () => {
  beforeEach(open);
  afterEach(close);

  it('deletes bytes with another hash and takes the right ones afterwards', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const wrong = Uint8Array.from(parcel.clip);
    wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
    const refused = await fixture.patch(parcel, await fixture.create(parcel), 0, wrong);
    expect(refused).toMatchObject({ status: 422, body: { code: 'intake_hash' } });
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'staging'))).toEqual([]);
    expect((await fixture.patch(parcel, await fixture.create(parcel), 0, parcel.clip)).status).toBe(204);
    expect((await fixture.status(parcel)).body['state']).toBe('stored');
  });

  it('deletes for good what is not a plain recording', async () => {
    const clip = new Uint8Array(9_000).fill(7);
    const parcel = fixture.parcel(request, { clip });
    expect(await fixture.deliver(parcel)).toMatchObject({ status: 422, body: { code: 'intake_structure' } });
    const status = await fixture.status(parcel);
    expect(status.body['state']).toBe('deleted');
    expect(typeof status.body['receipt']).toBe('string');
    expect(await fixture.openIntake(parcel)).toMatchObject({ body: { code: 'intake_structure' } });
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'staging'))).toEqual([]);
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'clips'))).toEqual([]);
  });

  it('answers a late client that all bytes have arrived, and refuses changes', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.patch(parcel, path, 0, parcel.clip);
    const head = await fixture.tus('HEAD', path, parcel);
    expect(head.headers.get('upload-offset')).toBe(String(parcel.clip.length));
    for (const method of ['PATCH', 'DELETE']) {
      expect(await fixture.tus(method, path, parcel)).toMatchObject({ status: 409, body: { code: 'intake_conflict' } });
    }
  });

  it('removes a terminated upload, which can be created again', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    expect((await fixture.tus('DELETE', path, parcel)).status).toBe(204);
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'staging'))).toEqual([]);
    expect((await fixture.tus('HEAD', path, parcel)).status).toBe(404);
    expect((await fixture.patch(parcel, await fixture.create(parcel), 0, parcel.clip)).status).toBe(204);
  });

  it('refuses a token that it accepted before, once it has expired', async () => {
    const parcel = fixture.parcel(request, { token: { exp: fixture.cast.nowS() + 60 } });
    expect((await fixture.openIntake(parcel)).status).toBe(200);
    expect((await fixture.status(parcel)).status).toBe(200);
    fixture.clock.shiftS = 61;
    try {
      expect(await fixture.status(parcel)).toMatchObject({ status: 403, body: { code: 'intake_token_invalid' } });
    } finally {
      fixture.clock.shiftS = 0;
    }
  });

  it('does not store whole bytes once the grant has expired', async () => {
    const parcel = fixture.parcel(request, { grant: { exp: fixture.cast.nowS() + 60 } });
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await writeFile(join(fixture.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    fixture.clock.shiftS = 61;
    expect((await fixture.status(parcel)).body['state']).toBe('deleted');
    expect(await fixture.disk.list(join(fixture.bridgeFolder, 'clips'))).toEqual([]);
  });

  it('takes no more bytes for a request that was resolved meanwhile', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    const id = String(claimsOf(request)['jti']);
    await fixture.post(
      `/v1/requests/${id}/resolve`,
      {},
      fixture.agencyCall({ action: 'resolve-request', request: id }),
    );
    const refused = await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    expect(refused).toMatchObject({ status: 410, body: { code: 'request_not_live' } });
  });

  it('drops an upload whose grant has expired', async () => {
    const parcel = fixture.parcel(request, { grant: { exp: fixture.cast.nowS() + 60 } });
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    await fixture.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    fixture.clock.shiftS = 61;
    const refused = await fixture.patch(parcel, path, 100, parcel.clip.subarray(100, 200));
    expect(refused).toMatchObject({ status: 403, body: { code: 'intake_grant_invalid' } });
    await fixture.bridge.stop();
    await fixture.startBridge();
    while ((await fixture.status(parcel)).body['state'] !== 'deleted');
    // The row is changed first, the file is deleted right after it.
    while ((await fixture.disk.list(join(fixture.bridgeFolder, 'staging'))).length > 0);
  });
});

describe('every request of an upload', () => {
  beforeAll(open);
  afterAll(close);

  it('needs a token', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    for (const [method, at] of [
      ['POST', '/v1/uploads'],
      ['HEAD', path],
      ['PATCH', path],
      ['DELETE', path],
    ] as const) {
      expect([method, (await fixture.send(method, at, { 'tus-resumable': '1.0.0' })).status]).toEqual([method, 401]);
    }
  });

  it('is refused for another enrolled device, even with the right grant in its token', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const path = await fixture.create(parcel);
    const stranger = makeParty('device', new SystemRandom());
    await fixture.enrol(stranger);
    const theirs = fixture.parcel(request, { device: stranger, grantToken: parcel.grantToken });
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      expect([method, (await fixture.tus(method, path, theirs)).status]).toEqual([method, 404]);
    }
    expect((await fixture.tus('HEAD', path, parcel)).status).toBe(200);
  });

  it('is refused for a device that is not enrolled', async () => {
    const stranger = makeParty('device', new SystemRandom());
    const parcel = fixture.parcel(request, { device: stranger });
    expect(await fixture.openIntake(parcel)).toMatchObject({ status: 403, body: { code: 'device_not_enrolled' } });
  });

  it('reaches only the upload of its own token, whatever the address says', async () => {
    const [mine, other] = [fixture.parcel(request), fixture.parcel(request)];
    await fixture.openIntake(mine);
    await fixture.openIntake(other);
    const [minePath, otherPath] = [await fixture.create(mine), await fixture.create(other)];
    expect((await fixture.tus('DELETE', otherPath, mine)).status).toBe(404);
    // The tus library takes the last part of the whole URL, query included, so the bridge refuses a query before it.
    expect((await fixture.tus('DELETE', `${minePath}?x=/${otherPath.split('/').at(-1)}`, mine)).status).toBe(400);
    expect((await fixture.tus('HEAD', minePath, mine)).status).toBe(200);
    expect((await fixture.tus('DELETE', minePath, mine)).status).toBe(204);
    expect((await fixture.tus('HEAD', otherPath, other)).status).toBe(200);
    expect((await fixture.tus('HEAD', minePath, mine)).status).toBe(404);
  });

  it('is refused under a token that was signed for another clip, bridge or time', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    const nowS = fixture.cast.nowS();
    const faults: [object, string][] = [
      [{ clipSha256: sha256Hex('other') }, 'intake_conflict'],
      [{ clipBytes: 5 }, 'intake_conflict'],
      [{ aud: 'bridge-other' }, 'intake_token_invalid'],
      [{ iat: nowS - 100, exp: nowS - 1 }, 'intake_token_invalid'],
      [{ exp: nowS + 30 * 24 * 3600 }, 'intake_token_invalid'],
      [{ iss: fixture.cast.owner.key.publicKey }, 'intake_token_invalid'],
    ];
    for (const [change, code] of faults) {
      const claims = {
        ...JSON.parse(Buffer.from(parcel.bearer.split('.')[1] ?? '', 'base64url').toString()),
        ...change,
      };
      const bearer = fixture.cast.sign('doorsill-upload+jws', claims, fixture.cast.device);
      const answer = await fixture.tus(
        'POST',
        '/v1/uploads',
        { bearer },
        { 'upload-length': String(parcel.clip.length) },
      );
      expect([change, answer.body['code']]).toEqual([change, code]);
    }
  });

  it('must announce the manifest’s length', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    for (const length of ['1', String(parcel.clip.length + 1), '']) {
      const answer = await fixture.tus('POST', '/v1/uploads', parcel, { 'upload-length': length });
      expect(answer).toMatchObject({ status: 413, body: { code: 'intake_length' } });
    }
  });

  it('tells tus-js-client about a revoked grant with 410, so that it stops', async () => {
    const parcel = fixture.parcel(request);
    await fixture.openIntake(parcel);
    await fixture.revoke(parcel);
    const thrown = await new Promise<unknown>((resolve) => {
      new Upload(Buffer.from(parcel.clip), {
        endpoint: `${fixture.bridge.url}/v1/uploads`,
        headers: { authorization: `Bearer ${parcel.bearer}` },
        retryDelays: null,
        onSuccess: () => resolve(null),
        onError: resolve,
      }).start();
    });
    expect(thrown instanceof DetailedError && thrown.originalResponse?.getStatus()).toBe(410);
  });
});
