import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, ManualClock, wallSeconds } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { type OwnerTrust, readNotice } from '../../../device/contract/read-request-notice.ts';
import { loadOrCreateOwnerKey, loadOwnerKey } from '../../../device/owner/owner-key.ts';
import { readReceipt } from '../../../device/owner/read-receipt.ts';
import { makeCommand, makeDenial, makeGrant, makeRevoke } from '../../../device/owner/sign-owner-messages.ts';
import { Cast, textClaim } from '../../support/parties.ts';
import { GateRig } from '../consent/gate-rig.ts';

const random = new SystemRandom();
const reading = (clock: Clock) => ({ nowS: wallSeconds(clock), sha256Hex, verify: verifySignature });

describe('an owner’s messages, signed for a verified notice', () => {
  let rig: GateRig;
  beforeEach(async () => {
    rig = await (await GateRig.open()).ready();
  });
  afterEach(() => rig.close());

  const verified = async (credential?: string) => {
    await rig.publish(undefined, credential);
    const trust = {
      device: rig.cast.device.id,
      bridgeKey: rig.cast.bridge.key.publicKey,
      registryKey: rig.cast.registry.key.publicKey,
    };
    return readNotice(JSON.stringify(rig.effects.notices[0]), trust, reading(rig.clock));
  };
  const signer = () => ({ key: rig.cast.owner.key, clock: rig.clock, random });

  it('grant the whole window without sound or facts by default, and the gate accepts it', async () => {
    const notice = await verified();
    expect(notice.wouldDisclose).toMatchObject({ address: expect.any(String), email: expect.any(String) });
    const grant = makeGrant(signer(), notice);
    expect(grant.claims).toMatchObject({ window: notice.request.window, disclose: [], audio: false });
    await rig.send('grant', grant.token);
    expect(rig.effects.last()).toMatchObject({ outcome: 'granted', answers: grant.jti });
    const { request, jti, aud } = grant.claims;
    const revoke = makeRevoke(signer(), aud, { request, grant: jti, grantSha256: sha256Hex(grant.token) });
    await rig.send('revoke', revoke.token);
    expect(rig.effects.last()).toMatchObject({ outcome: 'revoked', answers: revoke.jti });
  });

  it('grant the chosen terms, in the contract’s order of keys', async () => {
    const notice = await verified();
    const window = { startUs: notice.request.window.startUs + 1_000_000, endUs: notice.request.window.endUs };
    const grant = makeGrant(signer(), notice, { window, audio: true, disclose: ['email', 'address'], byteLimit: 9 });
    expect(grant.claims).toMatchObject({ window, audio: true, disclose: ['address', 'email'], byteLimit: 9 });
    await rig.send('grant', grant.token);
    expect(rig.effects.last().outcome).toBe('granted');
  });

  it('encrypt the clip as the agency’s credential says, and the gate accepts it', async () => {
    const sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' } as const;
    const grant = makeGrant(signer(), await verified(rig.cast.credential({ sealing })), { disclose: ['email'] });
    expect(grant.claims.recipient).toStrictEqual({ kind: 'agency', key: rig.cast.agency.key.publicKey, sealing });
    await rig.send('grant', grant.token);
    expect(rig.effects.last().outcome).toBe('granted');
  });

  it('say nothing of encryption to an agency that does not ask for it', async () => {
    const { recipient } = makeGrant(signer(), await verified()).claims;
    expect(recipient).toStrictEqual({ kind: 'agency', key: rig.cast.agency.key.publicKey });
  });

  it('deny, and order', async () => {
    const notice = await verified();
    await rig.send('deny', makeDenial(signer(), notice).token);
    expect(rig.effects.last().outcome).toBe('denied');
    await rig.command(makeCommand(signer(), rig.cast.device.id, { action: 'press', button: 'front' }).token);
    expect(rig.effects.presses).toEqual(['front']);
  });
});

describe('reading a notice', () => {
  const clock = new ManualClock(1_790_000_000_000_000);
  const cast = new Cast(clock);
  const trust: OwnerTrust = {
    device: cast.device.id,
    bridgeKey: cast.bridge.key.publicKey,
    registryKey: cast.registry.key.publicKey,
  };
  const notice = (published = cast.published(), changes = {}) =>
    JSON.stringify({
      device: cast.device.id,
      published,
      wouldDisclose: { address: '1 Elm Street' },
      askedKeys: ['address', 'email'],
      coverage: [],
      ...changes,
    });

  it('hashes the agency’s own bytes and takes the asked keys from them, not from the device', () => {
    const request = cast.request({ profile: 'nothing' });
    const text = notice(cast.published(request), { wouldDisclose: {} });
    const read = readNotice(text, trust, reading(clock));
    expect(read.requestSha256).toBe(sha256Hex(request));
    expect(read.askedKeys).toEqual([]);
  });

  const other = new Cast(clock);
  it.each<[string, () => string, string]>([
    ['a text that is not a notice', () => 'hello', 'token_malformed'],
    ['another device’s notice', () => notice(undefined, { device: other.device.id }), 'message_topic_mismatch'],
    ['more than is asked', () => notice(undefined, { wouldDisclose: { name: 'A' } }), 'consent_disclosure_beyond'],
    [
      'a request that another agency signed',
      () => notice(cast.published(cast.request({ iss: cast.agency.key.publicKey }, other.agency))),
      'token_bad_signature',
    ],
    [
      'an agency that another registry vouches for',
      () => notice(cast.published(cast.request(), cast.credential({}, other.registry))),
      'consent_credential_invalid',
    ],
    [
      'a credential for another agency than the one that asks',
      () => notice(cast.published(cast.request({}, other.agency))),
      'consent_credential_invalid',
    ],
    [
      'a request that another bridge published',
      () => {
        const request = cast.request();
        return notice({ ...cast.published(request), publication: cast.publication(request, other.bridge) });
      },
      'token_unknown_signer',
    ],
    [
      'a request in another agency’s name',
      () => notice(cast.published(cast.request({ agency: other.agency.id }))),
      'consent_credential_invalid',
    ],
    [
      'a publication of other bytes under the same id',
      () => {
        const request = cast.request();
        const edited = cast.request({ jti: textClaim(request, 'jti'), text: 'Something else.' });
        return notice({ ...cast.published(request), publication: cast.publication(edited) });
      },
      'consent_request_changed',
    ],
    [
      'a publication of another request',
      () => notice({ ...cast.published(), publication: cast.publication(cast.request()) }),
      'consent_request_changed',
    ],
    [
      'an expired credential',
      () => notice(cast.published(cast.request(), cast.credential({ iat: cast.nowS() - 60, exp: cast.nowS() }))),
      'consent_credential_expired',
    ],
    [
      'a federal agency',
      () => notice(cast.published(cast.request(), cast.credential({ jurisdiction: 'federal' }))),
      'consent_agency_ineligible',
    ],
    [
      'a state agency, unless the settings allow it',
      () => notice(cast.published(cast.request(), cast.credential({ jurisdiction: 'state' }))),
      'consent_agency_ineligible',
    ],
    ['an expired request', () => notice(cast.published(cast.request({ exp: cast.nowS() }))), 'consent_request_expired'],
  ])('refuses %s', (_what, text, code) => {
    expect(() => readNotice(text(), trust, reading(clock))).toThrow(expect.objectContaining({ code }));
  });
});

describe('reading a receipt', () => {
  const cast = new Cast(new ManualClock(1_790_000_000_000_000));
  const device = { id: cast.device.id, key: cast.device.key.publicKey };
  const receipt = (changes = {}, by = cast.device) =>
    cast.sign(
      'doorsill-receipt+jws',
      {
        iss: by.key.publicKey,
        aud: 'owner',
        iat: cast.nowS(),
        jti: 'receipt-1',
        device: cast.device.id,
        outcome: 'granted',
        ledger: { entries: 1, hash: sha256Hex('x') },
        lastOrder: sha256Hex('order'),
        ...changes,
      },
      by,
    );

  it('accepts only receipts of the paired device', () => {
    expect(readReceipt(receipt(), device).outcome).toBe('granted');
    const code = (text: string) => {
      try {
        readReceipt(text, device);
        return null;
      } catch (thrown) {
        return thrown;
      }
    };
    expect(code(receipt({}, cast.bridge))).toMatchObject({ code: 'token_unknown_signer' });
    expect(code(receipt({ device: 'device-other' }))).toMatchObject({ code: 'token_unknown_claims' });
    expect(code('granted')).toMatchObject({ code: 'token_malformed' });
  });
});

describe('the owner’s key file', () => {
  let folder: string;
  const disk = new SystemDisk();
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doorsill-owner-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is made once, readable for its owner alone, and is the same key afterwards', async () => {
    const path = join(folder, 'keys', 'owner.key');
    expect(await loadOwnerKey(disk, path)).toBeNull();
    const key = await loadOrCreateOwnerKey(disk, random, path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await loadOrCreateOwnerKey(disk, random, path)).publicKey).toBe(key.publicKey);
  });

  it('that is not a key file is reported as damaged, never replaced', async () => {
    const path = join(folder, 'owner.key');
    for (const text of ['', '{}', '{"kind":"doorsill-owner-key","secret":"short"}']) {
      await writeFile(path, text, { mode: 0o600 });
      await expect(loadOrCreateOwnerKey(disk, random, path)).rejects.toMatchObject({ code: 'state_damaged' });
    }
  });
});
