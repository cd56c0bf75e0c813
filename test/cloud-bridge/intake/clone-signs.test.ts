import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CloneSignStore, CloneSigns } from '../../../cloud-bridge/intake/clone-signs.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';

describe('tokens of one grant', () => {
  const noted: string[] = [];
  let clones: CloneSigns;
  beforeEach(() => {
    noted.length = 0;
    const store: CloneSignStore = {
      note: async (device, code) => noted.push(`${device} ${code}`),
      list: async () => [],
    };
    clones = new CloneSigns({ clock: new ManualClock(0), log: silentLog(), store });
  });
  const present = async (tokens: string, grant = 'grant-a') => {
    for (const jti of tokens) await clones.presented({ device: 'device-a', grant, jti });
  };

  it.each([
    ['one token, repeated', 'aaaaaa'],
    ['each new token after the one before', 'aabbccdd'],
    ['a request of each former attempt that arrives late', 'aabbabbccbcc'],
    ['late requests of two attempts at once', 'abcabccc'],
  ])('count as one device: %s', async (_what, tokens) => {
    await present(tokens);
    expect(noted).toEqual([]);
  });

  it.each([
    ['in turn', 'abaab', 'abab'],
    ['each with new ones', 'abcacbdad', 'abcacbd'],
  ])(
    'count as two senders %s, from the second alternation on, and are reported once',
    async (_what, tokens, enough) => {
      await present(enough);
      expect(noted).toEqual([]);
      await present(tokens, 'grant-b');
      await present(tokens, 'grant-b');
      expect(noted).toEqual(['device-a device_clone_turns']);
    },
  );

  it('are compared within a grant alone', async () => {
    for (const grant of ['grant-a', 'grant-b', 'grant-a', 'grant-b', 'grant-a', 'grant-b']) {
      await present(grant === 'grant-a' ? 'a' : 'b', grant);
    }
    expect(noted).toEqual([]);
  });

  it('are kept for the thousand most recent grants, sixteen for each', async () => {
    await present('ab');
    for (let count = 1; count < 1_000; count += 1) await present('a', `grant-${count}`);
    await present('a');
    for (let count = 1; count < 1_000; count += 1) await present('a', `grant-${count + 1_000}`);
    await present('a');
    expect(noted).toHaveLength(1);
    await present('aba', 'grant-z');
    for (let count = 0; count < 1_000; count += 1) await present('a', `grant-${count}`);
    await present('aa', 'grant-z');
    expect(noted).toHaveLength(1);
    await present('abaccdefghijklmnopqrstuv', 'grant-y');
    // Sixteen others have followed it, so it counts as new.
    await present('aa', 'grant-y');
    expect(noted).toHaveLength(1);
  });
});

describe('a bridge', () => {
  let fixture: BridgeFixture;
  let request: string;
  beforeAll(async () => {
    ({ fixture, request } = await BridgeFixture.openReady());
  });
  afterAll(() => fixture.close());

  const signs = async () => (await fixture.get('/v1/clone-signs', fixture.bridge.adminToken)).body['signs'];
  /** The same clip under another token: each attempt of a device, and of a copy of it, signs its own. */
  const again = (parcel: Parcel, jti: string): Parcel => {
    const claims = JSON.parse(Buffer.from(parcel.bearer.split('.')[1] ?? '', 'base64url').toString());
    return { ...parcel, bearer: fixture.cast.sign('doorsill-upload+jws', { ...claims, jti }, fixture.cast.device) };
  };

  it('reports neither a device that retries, nor a clip id that another clip has', async () => {
    const parcel = fixture.parcel(request);
    await fixture.deliver(parcel);
    for (const jti of ['token-b', 'token-c', 'token-d']) {
      await fixture.openIntake(again(parcel, jti));
      await fixture.status(again(parcel, jti));
    }
    await fixture.openIntake(again(parcel, 'token-c'));
    await fixture.openIntake(fixture.parcel(request, { manifest: { jti: parcel.clipId } }));
    expect(await signs()).toEqual([]);
  });

  it('reports a second clip for one grant, which it refuses, and each further one', async () => {
    const parcel = fixture.parcel(request);
    await fixture.deliver(parcel);
    const clip = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 501 });
    const other = fixture.parcel(request, { grantToken: parcel.grantToken, clip });
    expect((await fixture.openIntake(other)).body['code']).toBe('intake_conflict');
    const seenS = expect.closeTo(fixture.cast.nowS(), -2);
    const sign = { device: fixture.cast.device.id, code: 'device_clone_clip', firstS: seenS, lastS: seenS };
    expect(await signs()).toEqual([{ ...sign, times: 1 }]);
    // Later calls of an upload count, too: status, and the upload itself.
    expect((await fixture.status(other)).body['code']).toBe('intake_conflict');
    expect((await fixture.tus('POST', '/v1/uploads', other, {})).body['code']).toBe('intake_conflict');
    expect(await signs()).toEqual([{ ...sign, times: 3 }]);
    expect(JSON.stringify(await signs())).not.toMatch(/127\.0\.0\.1|::1/);
  });

  it('reports two devices that send one clip in turn, and takes the clip', async () => {
    const parcel = fixture.parcel(request);
    const [first, second] = [again(parcel, 'token-first'), again(parcel, 'token-second')];
    await fixture.openIntake(first);
    const path = await fixture.create(first);
    const step = 2_048;
    for (let from = 0; from < parcel.clip.length; from += step) {
      await fixture.patch(
        (from / step) % 2 === 0 ? first : second,
        path,
        from,
        parcel.clip.subarray(from, from + step),
      );
    }
    expect(parcel.clip.length).toBeGreaterThan(step * 4);
    expect((await fixture.status(first)).body['state']).toBe('stored');
    expect(await signs()).toMatchObject([{ code: 'device_clone_turns', times: 1 }, { code: 'device_clone_clip' }]);
  });

  it('reports nothing about a sender without the key of an enrolled device', async () => {
    const before = await signs();
    const forged = { ...fixture.parcel(request), bearer: sha256Hex('no token') };
    expect((await fixture.openIntake(forged)).status).toBe(403);
    const stranger = fixture.parcel(request, { token: { iss: fixture.cast.owner.key.publicKey } });
    expect((await fixture.openIntake(stranger)).status).toBe(403);
    expect(await signs()).toEqual(before);
  });
});
