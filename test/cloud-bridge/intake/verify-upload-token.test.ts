import { describe, expect, it } from 'vitest';
import { DeviceTokenVerifier } from '../../../cloud-bridge/intake/verify-upload-token.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { failure } from '../../../device/contract/errors.ts';
import type { UploadToken } from '../../../device/contract/manifest.ts';
import { Cast, makeParty } from '../../support/parties.ts';

const NOW_S = 1_800_000_000;
const LIFE_S = 900;
const SKEW_S = 300;

/** A reader of tokens with one enrolled device. */
function ground() {
  const clock = new ManualClock(NOW_S * 1_000_000);
  const cast = new Cast(clock);
  const keys = new Map([[cast.device.id, cast.device.key.publicKey]]);
  let asked = 0;
  const store = {
    deviceKey: async (device: string) => {
      asked += 1;
      return keys.get(device) ?? null;
    },
  };
  const tokens = new DeviceTokenVerifier({ clock, store, bridgeId: cast.bridge.id, lifeSMax: LIFE_S });
  const claims = (changes: Partial<UploadToken> = {}): UploadToken => ({
    ...{ iss: cast.device.key.publicKey, aud: cast.bridge.id, iat: NOW_S, exp: NOW_S + 600, jti: 'upload-1' },
    ...{ device: cast.device.id, grant: 'grant-1', clipSha256: 'a'.repeat(64), clipBytes: 9 },
    manifestSha256: 'b'.repeat(64),
    ...changes,
  });
  const sign = (changes: Partial<UploadToken> = {}, by = cast.device) =>
    cast.sign('doorsill-upload+jws', claims(changes), by);
  return { clock, cast, keys, tokens, claims, sign, asked: () => asked };
}

describe('an upload token', () => {
  it('of an enrolled device is accepted, and so are the same bytes again', async () => {
    const { tokens, claims, sign, cast, asked } = ground();
    const text = sign();
    const first = await tokens.readUpload(text);
    expect(first).toEqual({ token: claims(), deviceKey: cast.device.key.publicKey });
    expect(await tokens.readUpload(text)).toBe(first);
    // The enrolment is checked each time.
    expect(asked()).toBe(2);
  });

  it.each<[string, Partial<UploadToken>, string | null]>([
    ['in its last second', { exp: NOW_S + 1 }, null],
    ['in the second after', { exp: NOW_S }, 'intake_token_invalid'],
    ['as far in the future as clocks may differ', { iat: NOW_S + SKEW_S, exp: NOW_S + SKEW_S + 1 }, null],
    ['further in the future', { iat: NOW_S + SKEW_S + 1, exp: NOW_S + SKEW_S + 2 }, 'intake_token_invalid'],
    ['of the longest life', { exp: NOW_S + LIFE_S }, null],
    ['of a longer life', { exp: NOW_S + LIFE_S + 1 }, 'intake_token_invalid'],
    ['for another bridge', { aud: 'bridge-other' }, 'intake_token_invalid'],
    ['of a device that is not enrolled', { device: 'device-other' }, 'device_not_enrolled'],
  ])('is accepted or refused %s', async (_what, changes, code) => {
    const { tokens, sign } = ground();
    const read = tokens.readUpload(sign(changes));
    if (code === null) await expect(read).resolves.toMatchObject({ token: changes });
    else await expect(read).rejects.toMatchObject({ code });
  });

  it('that another key signed, or that is malformed, is refused', async () => {
    const { tokens, sign, cast } = ground();
    const stranger = makeParty('device', new SystemRandom());
    for (const text of [
      sign({}, stranger),
      sign({ iss: stranger.key.publicKey }, stranger),
      'no token',
      cast.pairing(),
    ]) {
      await expect(tokens.readUpload(text)).rejects.toMatchObject({ code: 'intake_token_invalid' });
    }
  });

  it('is refused with its fault', async () => {
    const { tokens, sign } = ground();
    const stranger = makeParty('device', new SystemRandom());
    const detailOf = (text: string) => tokens.readUpload(text).catch(({ facts }) => facts.detail);
    expect(await detailOf(sign({}, stranger))).toBe('upload token: bad-signature');
    expect(await detailOf(sign({ exp: NOW_S }))).toBe(failure('token_expired').message);
    expect(await detailOf('no token')).toBe(failure('token_malformed').message);
  });

  it('that was accepted before is refused once it has expired, and once the device has another key or none', async () => {
    const { tokens, sign, clock, keys, cast } = ground();
    const text = sign();
    await tokens.readUpload(text);
    keys.set(cast.device.id, cast.owner.key.publicKey);
    await expect(tokens.readUpload(text)).rejects.toMatchObject({ code: 'intake_token_invalid' });
    keys.delete(cast.device.id);
    await expect(tokens.readUpload(text)).rejects.toMatchObject({ code: 'device_not_enrolled' });
    keys.set(cast.device.id, cast.device.key.publicKey);
    await tokens.readUpload(text);
    clock.setWallUs((NOW_S + 600) * 1_000_000);
    await expect(tokens.readUpload(text)).rejects.toMatchObject({ code: 'intake_token_invalid' });
  });

  it('is read correctly when 257 are in use: the cache is emptied and filled again', async () => {
    const { tokens, sign } = ground();
    const first = sign({ jti: 'upload-first' });
    const before = await tokens.readUpload(first);
    for (let count = 1; count < 256; count += 1) await tokens.readUpload(sign({ jti: `upload-${count}` }));
    expect(await tokens.readUpload(first)).toBe(before);
    await tokens.readUpload(sign({ jti: 'upload-last' }));
    const after = await tokens.readUpload(first);
    expect([after === before, after]).toEqual([false, before]);
  });

  it('is not refused as invalid when the database does not answer', async () => {
    const { sign, clock, cast } = ground();
    const broken = { deviceKey: () => Promise.reject(new Error('gone')) };
    const tokens = new DeviceTokenVerifier({
      clock,
      store: broken as never,
      bridgeId: cast.bridge.id,
      lifeSMax: LIFE_S,
    });
    await expect(tokens.readUpload(sign())).rejects.toThrow('gone');
  });
});
