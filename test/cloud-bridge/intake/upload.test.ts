// Holds: an upload's way in over real HTTP: tus rules, authorisation of every request, one clip a grant.
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DetailedError, Upload } from 'tus-js-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { openToken } from '../../../device/protocol/jws.ts';
import { intakeReceiptSchema } from '../../../device/protocol/manifest.ts';
import { BridgeHouse, type Parcel } from '../../support/bridge-house.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';

let house: BridgeHouse;
let request: string;

beforeEach(async () => {
  house = await BridgeHouse.open();
  request = await house.ready();
});
afterEach(() => house.close());

/** A PATCH over a bare socket that sends `body` of a longer announced length and then hangs. */
function hangingPatch(parcel: Parcel, path: string, offset: number, body: Uint8Array, announced: number) {
  const socket = connect(Number(new URL(house.bridge.url).port), '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(
    [
      `PATCH ${path} HTTP/1.1`,
      'Host: bridge',
      'Tus-Resumable: 1.0.0',
      `Authorization: Bearer ${parcel.bearer}`,
      'Content-Type: application/offset+octet-stream',
      `Upload-Offset: ${offset}`,
      `Content-Length: ${announced}`,
      '\r\n',
    ].join('\r\n'),
  );
  socket.write(body);
  return { socket, closed };
}

/** Waits until the bridge has staged so many bytes of the upload. */
async function staged(path: string, bytes: number): Promise<void> {
  const file = join(house.bridgeFolder, 'staging', path.split('/').at(-1) ?? '');
  while (((await house.disk.sizeOf(file)) ?? 0) < bytes) await new Promise((resolve) => setImmediate(resolve));
}

describe('a clip’s way in', () => {
  it('ends with the clip, its manifest and a signed receipt', async () => {
    const parcel = house.parcel(request);
    expect((await house.openIntake(parcel)).body).toEqual({ grant: parcel.grant, state: 'open' });
    expect((await house.patch(parcel, await house.create(parcel), 0, parcel.clip)).status).toBe(204);

    const status = await house.status(parcel);
    expect(status.body).toMatchObject({ grant: parcel.grant, state: 'stored' });
    const receipt = openToken(String(status.body['receipt']), {
      typ: 'doorsill-intake+jws',
      schema: intakeReceiptSchema,
      audience: house.cast.device.id,
      keys: [house.cast.bridge.key.publicKey],
      verify: verifySignature,
    });
    const facts = { clipSha256: sha256Hex(parcel.clip), clipBytes: parcel.clip.length, grant: parcel.grant };
    expect(receipt).toMatchObject({ ok: true, claims: { outcome: 'stored', ...facts } });
    const stored = join(house.bridgeFolder, 'clips', parcel.clipId);
    expect(new Uint8Array(await readFile(join(stored, 'clip.mp4')))).toEqual(parcel.clip);
    expect(await readFile(join(stored, 'manifest.jws'), 'utf8')).toBe(parcel.statement);
    expect(JSON.parse(await readFile(join(stored, 'manifest.json'), 'utf8'))).toMatchObject({ jti: parcel.clipId });
    expect(await house.disk.list(join(house.bridgeFolder, 'staging'))).toEqual([]);
    expect(await house.disk.list(join(house.bridgeFolder, 'ready'))).toEqual([]);
  });

  it('is open to tus-js-client in chunks', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    await new Promise<void>((resolve, reject) => {
      new Upload(Buffer.from(parcel.clip), {
        endpoint: `${house.bridge.url}/v1/uploads`,
        headers: { authorization: `Bearer ${parcel.bearer}` },
        chunkSize: 4_096,
        retryDelays: null,
        onSuccess: () => resolve(),
        onError: reject,
      }).start();
    });
    expect((await house.status(parcel)).body['state']).toBe('stored');
  });

  it('gives the same answer to the same manifest again, before and after the clip is stored', async () => {
    const parcel = house.parcel(request);
    const first = await house.openIntake(parcel);
    expect((await house.openIntake(parcel)).body).toEqual(first.body);
    await house.patch(parcel, await house.create(parcel), 0, parcel.clip);
    const stored = await house.status(parcel);
    expect((await house.openIntake(parcel)).body).toEqual(stored.body);
    expect((await house.status(parcel)).body).toEqual(stored.body);
    expect(await house.disk.list(join(house.bridgeFolder, 'clips'))).toEqual([parcel.clipId]);
  });

  it('refuses another manifest for the same grant', async () => {
    const parcel = house.parcel(request);
    await house.deliver(parcel);
    const other = house.parcel(request, {
      grantToken: parcel.grantToken,
      clip: plainMp4({ frames: 30, audioPackets: 12, frameBytes: 501 }),
    });
    expect(await house.openIntake(other)).toMatchObject({ status: 409, body: { code: 'intake_conflict' } });
    expect(await house.disk.list(join(house.bridgeFolder, 'clips'))).toEqual([parcel.clipId]);
  });

  it('refuses a clip id that another clip has', async () => {
    const parcel = house.parcel(request);
    await house.deliver(parcel);
    const twin = house.parcel(request, { manifest: { jti: parcel.clipId } });
    expect(await house.openIntake(twin)).toMatchObject({ status: 409, body: { code: 'intake_conflict' } });
  });
});

describe('offsets', () => {
  it('go on where the bytes end, never elsewhere', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    expect((await house.patch(parcel, path, 0, parcel.clip.subarray(0, 1_000))).headers.get('upload-offset')).toBe(
      '1000',
    );
    const skipped = await house.patch(parcel, path, 2_000, parcel.clip.subarray(2_000));
    expect(skipped).toMatchObject({ status: 409, body: { code: 'intake_offset' } });
    expect(skipped.headers.get('content-type')).toContain('application/problem+json');
    expect((await house.patch(parcel, path, 0, parcel.clip)).status).toBe(409);
    expect((await house.patch(parcel, path, 1_000, parcel.clip.subarray(1_000))).status).toBe(204);
    expect((await house.status(parcel)).body['state']).toBe('stored');
  });

  it('survive a cut connection: what arrived is kept and the rest is sent after it', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    const { socket, closed } = hangingPatch(parcel, path, 0, parcel.clip.subarray(0, 5_000), parcel.clip.length);
    await staged(path, 5_000);
    socket.destroy();
    await closed;
    const head = await house.send('HEAD', `/v1/intakes/${parcel.grant}`, { authorization: `Bearer ${parcel.bearer}` });
    expect(head.headers.get('location')).toBe(path);
    const offset = Number(head.headers.get('upload-offset'));
    expect(offset).toBe(5_000);
    expect((await house.patch(parcel, path, offset, parcel.clip.subarray(offset))).status).toBe(204);
    expect((await house.status(parcel)).body['state']).toBe('stored');
  });

  it('are told while an old connection still hangs, which is ended for it', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    const { closed } = hangingPatch(parcel, path, 0, parcel.clip.subarray(0, 3_000), parcel.clip.length);
    await staged(path, 3_000);
    const head = await house.tus('HEAD', path, parcel);
    expect(head.headers.get('upload-offset')).toBe('3000');
    await closed;
    expect((await house.patch(parcel, path, 3_000, parcel.clip.subarray(3_000))).status).toBe(204);
  });

  it('are not disturbed by asking how the grant stands', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    const { socket, closed } = hangingPatch(parcel, path, 0, parcel.clip.subarray(0, 3_000), parcel.clip.length);
    await staged(path, 3_000);
    expect((await house.status(parcel)).body).toEqual({ grant: parcel.grant, state: 'open' });
    socket.write(parcel.clip.subarray(3_000));
    await staged(path, 0);
    while ((await house.status(parcel)).body['state'] !== 'stored');
    socket.destroy();
    await closed;
  });

  it('start over when the upload is created again, and the grant still has one upload', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await house.patch(parcel, path, 0, parcel.clip.subarray(0, 1_000));
    expect(await house.create(parcel)).toBe(path);
    expect((await house.tus('HEAD', path, parcel)).headers.get('upload-offset')).toBe('0');
    expect((await house.disk.list(join(house.bridgeFolder, 'staging'))).length).toBe(1);
  });

  it.each(['text/plain', 'application/json'])('refuse a body of the type %s, which is no upload', async (type) => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    const answer = await fetch(`${house.bridge.url}${path}`, {
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
    expect((await house.patch(parcel, path, 0, parcel.clip)).status).toBe(204);
  });

  it('refuse more bytes than announced', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    const long = new Uint8Array(parcel.clip.length + 1);
    expect((await house.patch(parcel, path, 0, long)).status).toBe(413);
    expect((await house.status(parcel)).body['state']).toBe('open');
  });
});

describe('the end of an upload', () => {
  it('deletes bytes with another hash and takes the right ones afterwards', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const wrong = Uint8Array.from(parcel.clip);
    wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
    const refused = await house.patch(parcel, await house.create(parcel), 0, wrong);
    expect(refused).toMatchObject({ status: 422, body: { code: 'intake_hash' } });
    expect(await house.disk.list(join(house.bridgeFolder, 'staging'))).toEqual([]);
    expect((await house.patch(parcel, await house.create(parcel), 0, parcel.clip)).status).toBe(204);
    expect((await house.status(parcel)).body['state']).toBe('stored');
  });

  it('deletes for good what is not a plain recording', async () => {
    const clip = new Uint8Array(9_000).fill(7);
    const parcel = house.parcel(request, { clip });
    expect(await house.deliver(parcel)).toMatchObject({ status: 422, body: { code: 'intake_structure' } });
    const status = await house.status(parcel);
    expect(status.body['state']).toBe('deleted');
    expect(typeof status.body['receipt']).toBe('string');
    expect(await house.openIntake(parcel)).toMatchObject({ body: { code: 'intake_structure' } });
    expect(await house.disk.list(join(house.bridgeFolder, 'staging'))).toEqual([]);
    expect(await house.disk.list(join(house.bridgeFolder, 'clips'))).toEqual([]);
  });

  it('answers a late client that all bytes are here, and lets it change nothing', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await house.patch(parcel, path, 0, parcel.clip);
    const head = await house.tus('HEAD', path, parcel);
    expect(head.headers.get('upload-offset')).toBe(String(parcel.clip.length));
    for (const method of ['PATCH', 'DELETE']) {
      expect(await house.tus(method, path, parcel)).toMatchObject({ status: 409, body: { code: 'intake_conflict' } });
    }
  });

  it('removes a terminated upload, which can be created again', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await house.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    expect((await house.tus('DELETE', path, parcel)).status).toBe(204);
    expect(await house.disk.list(join(house.bridgeFolder, 'staging'))).toEqual([]);
    expect((await house.tus('HEAD', path, parcel)).status).toBe(404);
    expect((await house.patch(parcel, await house.create(parcel), 0, parcel.clip)).status).toBe(204);
  });

  it('refuses a token that it has seen hold, once its life is over', async () => {
    const parcel = house.parcel(request, { token: { exp: house.cast.nowS() + 60 } });
    expect((await house.openIntake(parcel)).status).toBe(200);
    expect((await house.status(parcel)).status).toBe(200);
    house.clock.shiftS = 61;
    try {
      expect(await house.status(parcel)).toMatchObject({ status: 403, body: { code: 'intake_token_invalid' } });
    } finally {
      house.clock.shiftS = 0;
    }
  });

  it('does not store whole bytes once the grant has expired', async () => {
    const parcel = house.parcel(request, { grant: { exp: house.cast.nowS() + 60 } });
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await writeFile(join(house.bridgeFolder, 'staging', path.split('/').at(-1) ?? ''), parcel.clip);
    house.clock.shiftS = 61;
    expect((await house.status(parcel)).body['state']).toBe('deleted');
    expect(await house.disk.list(join(house.bridgeFolder, 'clips'))).toEqual([]);
  });

  it('takes no more bytes for a request that was resolved meanwhile', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    const id = String(claimsOf(request)['jti']);
    await house.post(`/v1/requests/${id}/resolve`, {}, house.agencyCall({ action: 'resolve-request', request: id }));
    const refused = await house.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    expect(refused).toMatchObject({ status: 410, body: { code: 'request_not_live' } });
  });

  it('drops an upload whose grant has expired', async () => {
    const parcel = house.parcel(request, { grant: { exp: house.cast.nowS() + 60 } });
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    await house.patch(parcel, path, 0, parcel.clip.subarray(0, 100));
    house.clock.shiftS = 61;
    const refused = await house.patch(parcel, path, 100, parcel.clip.subarray(100, 200));
    expect(refused).toMatchObject({ status: 403, body: { code: 'intake_grant_invalid' } });
    await house.bridge.stop();
    await house.startBridge();
    while ((await house.status(parcel)).body['state'] !== 'deleted');
    // The decision comes first, the file goes right after it.
    while ((await house.disk.list(join(house.bridgeFolder, 'staging'))).length > 0);
  });
});

describe('every request of an upload', () => {
  it('needs a token', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    for (const [method, at] of [
      ['POST', '/v1/uploads'],
      ['HEAD', path],
      ['PATCH', path],
      ['DELETE', path],
    ] as const) {
      expect([method, (await house.send(method, at, { 'tus-resumable': '1.0.0' })).status]).toEqual([method, 401]);
    }
  });

  it('is refused for another enrolled device, even with the right grant in its token', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const path = await house.create(parcel);
    const stranger = makeParty('device', new SystemRandom());
    await house.enrol(stranger);
    const theirs = house.parcel(request, { device: stranger, grantToken: parcel.grantToken });
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      expect([method, (await house.tus(method, path, theirs)).status]).toEqual([method, 404]);
    }
    expect((await house.tus('HEAD', path, parcel)).status).toBe(200);
  });

  it('is refused for a device that is not enrolled', async () => {
    const stranger = makeParty('device', new SystemRandom());
    const parcel = house.parcel(request, { device: stranger });
    expect(await house.openIntake(parcel)).toMatchObject({ status: 403, body: { code: 'device_not_enrolled' } });
  });

  it('reaches only the upload of its own token, whatever the address says', async () => {
    const [mine, other] = [house.parcel(request), house.parcel(request)];
    await house.openIntake(mine);
    await house.openIntake(other);
    const [minePath, otherPath] = [await house.create(mine), await house.create(other)];
    expect((await house.tus('DELETE', otherPath, mine)).status).toBe(404);
    // The tus server's own rule takes the last part of the whole address, query included: it never sees one.
    expect((await house.tus('DELETE', `${minePath}?x=/${otherPath.split('/').at(-1)}`, mine)).status).toBe(400);
    expect((await house.tus('HEAD', minePath, mine)).status).toBe(200);
    expect((await house.tus('DELETE', minePath, mine)).status).toBe(204);
    expect((await house.tus('HEAD', otherPath, other)).status).toBe(200);
    expect((await house.tus('HEAD', minePath, mine)).status).toBe(404);
  });

  it('is refused under a token that was signed for another clip, bridge or time', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    const nowS = house.cast.nowS();
    const faults: [object, string][] = [
      [{ clipSha256: sha256Hex('other') }, 'intake_conflict'],
      [{ clipBytes: 5 }, 'intake_conflict'],
      [{ aud: 'bridge-other' }, 'intake_token_invalid'],
      [{ iat: nowS - 100, exp: nowS - 1 }, 'intake_token_invalid'],
      [{ exp: nowS + 30 * 24 * 3600 }, 'intake_token_invalid'],
      [{ iss: house.cast.owner.key.publicKey }, 'intake_token_invalid'],
    ];
    for (const [change, code] of faults) {
      const claims = {
        ...JSON.parse(Buffer.from(parcel.bearer.split('.')[1] ?? '', 'base64url').toString()),
        ...change,
      };
      const bearer = house.cast.sign('doorsill-upload+jws', claims, house.cast.device);
      const answer = await house.tus(
        'POST',
        '/v1/uploads',
        { bearer },
        { 'upload-length': String(parcel.clip.length) },
      );
      expect([change, answer.body['code']]).toEqual([change, code]);
    }
  });

  it('must announce the manifest’s length', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    for (const length of ['1', String(parcel.clip.length + 1), '']) {
      const answer = await house.tus('POST', '/v1/uploads', parcel, { 'upload-length': length });
      expect(answer).toMatchObject({ status: 413, body: { code: 'intake_length' } });
    }
  });

  it('tells tus-js-client about a revoked grant with 410, so that it stops', async () => {
    const parcel = house.parcel(request);
    await house.openIntake(parcel);
    await house.revoke(parcel);
    const thrown = await new Promise<unknown>((resolve) => {
      new Upload(Buffer.from(parcel.clip), {
        endpoint: `${house.bridge.url}/v1/uploads`,
        headers: { authorization: `Bearer ${parcel.bearer}` },
        retryDelays: null,
        onSuccess: () => resolve(null),
        onError: resolve,
      }).start();
    });
    expect(thrown instanceof DetailedError && thrown.originalResponse?.getStatus()).toBe(410);
  });
});
