import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { currentStateReceipt, GateState, type RequestRecord } from '../../../device/consent/gate-state.ts';
import type { RequestStatus } from '../../../device/consent/request-machine.ts';
import type { Sealing } from '../../../device/contract/sealing.ts';
import { Ledger } from '../../../device/ledger/ledger.ts';
import type { LedgerBody } from '../../../device/ledger/ledger-entry.ts';
import { Searching } from '../../support/searches.ts';
import { clipFacts, GateRig, otherCast } from './gate-rig.ts';

const grant = { id: 'grant-a', sha256: sha256Hex('grant a') };
const clip = clipFacts('a');

describe('the repeated receipt of a request', () => {
  const said = (status: RequestStatus, intake: string | null = null) => {
    const rest = { facts: null, bridge: '', revocation: null, touchedUs: 0, touchedEntries: 0 };
    const record: RequestRecord = { state: { ...status, past: [] }, intake, ...rest };
    return currentStateReceipt('request-1', record);
  };
  const about = { request: 'request-1', grant: 'grant-a' };

  it.each<[string, RequestStatus]>([
    ['unseen', { at: 'unseen' }],
    ['pending', { at: 'pending' }],
  ])('does not exist when it is %s', (_what, status) => {
    expect(said(status)).toBeNull();
  });

  it.each<[object, RequestStatus, string | null]>([
    [{ outcome: 'denied', request: 'request-1' }, { at: 'denied' }, null],
    [
      { outcome: 'failed', ...about, code: 'consent_request_cancelled' },
      { at: 'cancelled', grant, presented: null },
      null,
    ],
    [
      { outcome: 'failed', ...about, code: 'clip_no_frames' },
      { at: 'failed', grant, code: 'clip_no_frames', presented: null },
      null,
    ],
    [{ outcome: 'granted', ...about, grantSha256: grant.sha256 }, { at: 'granted', grant }, null],
    [{ outcome: 'sealed', ...about, grantSha256: grant.sha256, clip }, { at: 'sealed', grant, clip }, null],
    [{ outcome: 'sealed', ...about, grantSha256: grant.sha256, clip }, { at: 'presented', grant, clip }, null],
    [{ outcome: 'sent', ...about, grantSha256: grant.sha256, clip }, { at: 'delivered', grant, clip }, null],
    [
      { outcome: 'sent', ...about, grantSha256: grant.sha256, clip, intake: 'receipt' },
      { at: 'delivered', grant, clip },
      'receipt',
    ],
    [{ outcome: 'revoked', ...about, clip }, { at: 'revoking', grant, clip }, 'receipt'],
    [{ outcome: 'revoked', ...about }, { at: 'revoked', grant }, null],
    [{ outcome: 'deleted', ...about, intake: 'receipt' }, { at: 'revoked', grant }, 'receipt'],
    [{ outcome: 'recalled', ...about }, { at: 'recalled', grant }, null],
    [{ outcome: 'recalled', ...about, intake: 'receipt' }, { at: 'recalled', grant }, 'receipt'],
  ])('is %o', (receipt, status, intake) => {
    expect(said(status, intake)).toEqual(receipt);
  });
});

describe('a ledger whose chain and signature are right', () => {
  let rig: GateRig;
  beforeEach(async () => {
    rig = await (await GateRig.open()).ready();
  });
  afterEach(() => rig.close());

  /** Adds an entry as only a thief of the device's key could, and boots. */
  async function add(said: LedgerBody): Promise<string | null> {
    await rig.gate.stop();
    const { clock, disk, folder, cast } = rig;
    const ledger = new Ledger({ disk, clock, folder, device: cast.device, boot: 'boot-x' });
    await ledger.start(() => undefined);
    await ledger.append(said);
    await ledger.stop();
    await rig.boot();
    expect([...rig.effects.made, ...rig.effects.resumed]).toEqual([]);
    return rig.gate.damaged;
  }

  /** A valid `granted` entry, with a test's changes. */
  function granted(changes: { requestToken?: string; grantToken?: string; credentialToken?: string } = {}): LedgerBody {
    const { cast } = rig;
    const requestToken = changes.requestToken ?? cast.request({ jti: 'request-1' });
    const grantToken = changes.grantToken ?? cast.grant(requestToken, { jti: 'grant-1' });
    const credentialToken = changes.credentialToken ?? cast.credential();
    const tokens = { grantToken, requestToken, credentialToken, pairingToken: cast.pairing() };
    return { type: 'granted', body: { request: 'request-1', grant: 'grant-1', ...tokens } };
  }

  const unverified = /its grant, its credential, or the request or search that it answers does not verify$/;
  it.each<[string, () => LedgerBody, RegExp]>([
    [
      'is damaged when it removes a non-owner',
      () => {
        const { publicKey: key } = otherCast(rig).owner.key;
        return { type: 'owner-removed', body: { jti: 'command-1', token: 'x', key } };
      },
      /it removes an owner that is not there$/,
    ],
    [
      'is damaged when an effect follows no decision',
      () => ({ type: 'delivered', body: { request: 'request-1', grant: 'grant-1', intake: 'x' } }),
      /delivered does not follow unseen$/,
    ],
    [
      'is damaged when a grant is for other bytes than the request in its entry',
      () =>
        granted({
          grantToken: rig.cast.grant(rig.cast.request({ jti: 'request-1' }), { requestSha256: 'a'.repeat(64) }),
        }),
      /its request does not verify$/,
    ],
    [
      'is damaged when a grant is for another agency than the one that asked',
      () => {
        const requestToken = rig.cast.request({ jti: 'request-1' });
        const recipient = { kind: 'agency', key: otherCast(rig).agency.key.publicKey } as const;
        return granted({ requestToken, grantToken: rig.cast.grant(requestToken, { jti: 'grant-1', recipient }) });
      },
      /its request does not verify$/,
    ],
    [
      'is damaged when a grant is for a neighbour and an agency asked',
      () => {
        const requestToken = rig.cast.request({ jti: 'request-1' });
        const recipient = { kind: 'neighbor', key: rig.cast.agency.key.publicKey } as const;
        return granted({ requestToken, grantToken: rig.cast.grant(requestToken, { jti: 'grant-1', recipient }) });
      },
      /its request does not verify$/,
    ],
    [
      'is damaged when another registry vouches for the agency',
      () => granted({ credentialToken: rig.cast.credential({}, otherCast(rig).registry) }),
      unverified,
    ],
    [
      'is damaged when a grant without a credential answers no search',
      () => {
        const { body } = granted() as Extract<LedgerBody, { type: 'granted' }>;
        const { credentialToken: _credentialToken, ...rest } = body;
        return { type: 'granted', body: rest };
      },
      unverified,
    ],
  ])('%s', async (_what, said, wrong) => {
    expect(await add(said())).toMatch(wrong);
  });

  const random = new SystemRandom();
  const [key, another] = [generateSealingKey(random).publicKey, generateSealingKey(random).publicKey];

  /** The entry of a grant that encrypts its clip so, for a recipient who wants it encrypted so. */
  function sealed(kind: 'agency' | 'neighbor', wanted: Sealing | null, granted: Sealing | null): LedgerBody {
    const { cast } = rig;
    const wish = wanted ? { sealing: wanted } : {};
    const recipient = (signer: string) => ({ kind, key: signer, ...(granted ? { sealing: granted } : {}) });
    const pairingToken = cast.pairing();
    if (kind === 'agency') {
      const requestToken = cast.request({ jti: 'request-1' });
      const grantToken = cast.grant(requestToken, { jti: 'grant-1', recipient: recipient(cast.agency.key.publicKey) });
      const tokens = { grantToken, requestToken, credentialToken: cast.credential(wish), pairingToken };
      return { type: 'granted', body: { request: 'request-1', grant: 'grant-1', ...tokens } };
    }
    const searching = new Searching(cast);
    const requestToken = searching.search({ jti: 'search-1', ...wish });
    const to = recipient(searching.poster.key.publicKey);
    const grantToken = searching.grant(requestToken, { jti: 'grant-1', recipient: to });
    return { type: 'granted', body: { request: 'search-1', grant: 'grant-1', grantToken, requestToken, pairingToken } };
  }

  describe.each(['agency', 'neighbor'] as const)('of a grant to an encrypting %s', (kind) => {
    it.each<[string, Sealing | null, Sealing | null]>([
      ['without encryption', { key, keeper: 'vault' }, null],
      ['with encryption that nobody asked for', null, { key, keeper: 'vault' }],
      ['with another key', { key, keeper: 'vault' }, { key: another, keeper: 'vault' }],
      ['with another keeper', { key, keeper: 'recipient' }, { key, keeper: 'vault' }],
    ])('is damaged when it is %s', async (_what, wanted, granted) => {
      expect(await add(sealed(kind, wanted, granted))).toMatch(/its clip is not encrypted as its recipient asks$/);
    });

    it.each<[string, Sealing | null]>([
      ['as asked', { key, keeper: 'recipient' }],
      ['not at all, as asked', null],
    ])('is right when it is encrypted %s', (_what, sealing) => {
      const { cast } = rig;
      const state = new GateState(cast.device.id);
      const entry = { sequence: 0, previousHash: '', atUs: 0, boot: 'boot-1' } as const;
      const { bridge, registry, owner } = cast;
      const pins = { bridge: bridge.id, bridgeKey: bridge.key.publicKey, registryKey: registry.key.publicKey };
      const paired = { key: owner.key.publicKey, name: 'Alex', statement: cast.pairing() };
      state.pins = pins;
      state.owners.set(paired.key, paired);
      expect(state.apply({ ...entry, ...sealed(kind, sealing, sealing) })).toBeNull();
      const [record] = state.requests.values();
      expect(record?.facts?.grant.recipient.sealing).toEqual(sealing ?? undefined);
    });
  });

  it('is damaged when it grants before the device was enrolled, for a request as for a search', async () => {
    const searching = new Searching(rig.cast);
    const search = searching.search({ jti: 'search-1' });
    const grantToken = searching.grant(search, { jti: 'grant-1' });
    const ofSearch = { request: 'search-1', grant: 'grant-1', grantToken, requestToken: search, pairingToken: 'x' };
    const state = new GateState(rig.cast.device.id);
    const entry = { sequence: 0, previousHash: '', atUs: 0, boot: 'boot-1' };
    for (const said of [granted(), { type: 'granted', body: ofSearch } as const]) {
      expect(state.apply({ ...entry, ...said })).toMatch(unverified);
    }
    expect(state.requests.size).toBe(0);
  });

  it('may hold a revocation without a time of signing, which bars no later grant', async () => {
    const body = { request: 'request-1', grant: 'grant-0', jti: 'revoke-0', token: 'not a token' };
    expect(await add({ type: 'revoked-ahead', body })).toBeNull();
    await rig.revocations();
    await rig.send('grant', rig.cast.grant(await rig.publish(rig.cast.request({ jti: 'request-1' }))));
    expect(rig.effects.last().outcome).toBe('granted');
  });

  it('keeps the later of two restores, whatever their order', () => {
    const state = new GateState(rig.cast.device.id);
    const entry = { sequence: 0, previousHash: '', atUs: 0, boot: 'boot-1' } as const;
    for (const floorS of [50, 70, 60]) state.apply({ ...entry, type: 'restored', body: { floorS } });
    expect(state.restoredS).toBe(70);
  });

  it('is damaged when a malformed line follows its last entry', async () => {
    await rig.gate.stop();
    const path = join(rig.folder, 'ledger.jsonl');
    await appendFile(path, 'rubbish\nmore\n');
    await rig.boot();
    expect(rig.gate.damaged).toContain('does not chain');
    expect((await readFile(path, 'utf8')).endsWith('more\n')).toBe(true);
  });
});
