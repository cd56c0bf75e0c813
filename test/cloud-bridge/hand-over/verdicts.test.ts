// The vault's verdict on an encrypted clip is recorded with its acknowledgement, or neither is; a false one keeps the clip at the bridge.
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandOverBody } from '../../../cloud-bridge/signing/hand-over-documents.ts';
import { sha256, sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import type { Log } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { openWithContentKey } from '../../../device/clip/open-with-content-key.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { checkSentClip } from '../../../device/contract/check-sent-clip.ts';
import { ClipLeaves, CustodyEntry } from '../../../device/contract/custody.ts';
import { itemId, itemIdText } from '../../../device/contract/hand-over-documents.ts';
import { Manifest } from '../../../device/contract/manifest.ts';
import { ClipKeeper, type SealedClip, type VerdictOutcome } from '../../../device/contract/sealing.ts';
import { openSealedClip } from '../../../sim/officer/open-sealed-clip.ts';
import { contentKeyOf, RECIPIENT, sealErrand, sealedGrant } from '../../device/upload/support/sealed-errand.ts';
import { Sender } from '../../device/upload/support/sender.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { sealedParcel, verdictOn } from '../../support/sealed-parcel.ts';
import { custodyCall, departureOf } from '../../support/sent-clip.ts';
import { Sqlite } from '../../support/sqlite.ts';

const vault = makeParty('vault', new SystemRandom());
let fixture: BridgeFixture;
let request: string;
let server: Server;
let parcel: Parcel;
/** What the vault says of the clip; null: nothing. */
let verdict: (() => string) | null;
let refusals: unknown[];
const note = (_message: string, facts: object = {}) => void ('code' in facts && refusals.push(facts.code));
const log: Log = { debug: () => undefined, info: note, warn: note, error: note, child: () => log };

const facts = () => ({
  item: itemId(sha256Hex(itemIdText(fixture.cast.bridge.id, parcel.clipId))),
  home: parcel.home.id,
  ...{ grant: parcel.grant, clip: parcel.clipId, clipSha256: sha256Hex(parcel.clip), clipBytes: parcel.clip.length },
  statementSha256: sha256Hex(parcel.statement),
});

beforeEach(async () => {
  [verdict, refusals] = [null, []];
  // A vault that has every clip at once.
  server = createServer(async (asked, reply) => {
    const parts: Buffer[] = [];
    for await (const part of asked) parts.push(part);
    const isOffer = HandOverBody.safeParse(JSON.parse(Buffer.concat(parts).toString())).success;
    const { cast } = fixture;
    const signed = { iss: vault.key.publicKey, aud: cast.bridge.id, iat: cast.nowS(), jti: 'acknowledgement-1' };
    const acknowledgement = cast.sign('doorsill-acknowledgement+jws', { ...signed, ...facts() }, vault);
    const said = isOffer && verdict ? { verdict: verdict() } : {};
    const body = { item: facts().item, state: isOffer ? 'held' : 'confirmed', acknowledgement, ...said };
    reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  const setting = { url, key: vault.key.publicKey, retryMsFirst: 10, retryMsMost: 50 };
  ({ fixture, request } = await BridgeFixture.openReady({ log, bridge: { vault: setting } }));
});
afterEach(async () => {
  await fixture.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

async function shown() {
  const bearer = custodyCall(fixture, fixture.cast.device, parcel.grant);
  const { body } = await fixture.get(`/v1/intakes/${parcel.grant}/custody/leaves`, bearer);
  const { leaves, verdicts } = ClipLeaves.parse(body);
  const kinds = leaves.map(({ entry }) => CustodyEntry.parse(JSON.parse(entry)).kind);
  return { kinds, verdicts, last: JSON.parse(leaves.at(-1)?.facts ?? '{}') };
}
/** How the home judges what the bridge shows of its clip. */
async function homeFinds(changes: { shown?: object; recipient?: string; vault?: string } = {}) {
  const { cast } = fixture;
  const { body } = await fixture.get(`/v1/intakes/${parcel.grant}`, parcel.bearer);
  const { vault: named = vault.key.publicKey } = changes;
  const receipt = cast.sign('doorsill-intake+jws', { ...claimsOf(String(body['receipt'])), vault: named }, cast.bridge);
  const bearer = custodyCall(fixture, cast.device, parcel.grant);
  const { body: leaves } = await fixture.get(`/v1/intakes/${parcel.grant}/custody/leaves`, bearer);
  const shown = { ...ClipLeaves.parse(leaves), receipt, isWhole: true, ...changes.shown };
  const parties = { device: cast.device.id, bridgeKey: cast.bridge.key.publicKey };
  const crypto = { sha256, sha256Hex, verify: verifySignature };
  const departure = departureOf(fixture, parcel, receipt);
  const recipient = { ...departure.recipient, id: changes.recipient ?? departure.recipient.id };
  return checkSentClip({ ...departure, recipient }, shown, parties, crypto);
}
const kinds = async () => (await shown()).kinds;
const isAtBridge = () => existsSync(join(fixture.bridgeFolder, 'clips', parcel.clipId));
const said = (outcome?: VerdictOutcome, changes: object = {}) => verdictOn(fixture, parcel, vault, outcome, changes);

describe('the verdict of a vault', () => {
  it.each<[VerdictOutcome]>([['as-granted'], ['contents']])('is recorded with the hand-over: %s', async (outcome) => {
    parcel = sealedParcel(fixture, request);
    const token = said(outcome);
    verdict = () => token;
    await fixture.deliver(parcel);
    await expect.poll(kinds).toEqual(['intake', 'hand-over', 'opening']);
    const { last, verdicts } = await shown();
    const { grant, clipId: clip } = parcel;
    expect(last).toEqual({ clip, grant, by: 'vault', outcome, verdictSha256: sha256Hex(token) });
    expect(verdicts).toEqual([token]);
    await expect.poll(isAtBridge).toBe(false);
    expect(refusals).toEqual([]);
  });

  it('may be missing: the vault is older', async () => {
    parcel = sealedParcel(fixture, request);
    await fixture.deliver(parcel);
    await expect.poll(kinds).toEqual(['intake', 'hand-over']);
    await expect.poll(isAtBridge).toBe(false);
    expect((await shown()).verdicts).toBeUndefined();
  });

  it('may differ from what the recipient finds later: both are recorded', async () => {
    parcel = sealedParcel(fixture, request);
    verdict = () => said('as-granted');
    await fixture.deliver(parcel);
    await expect.poll(kinds).toEqual(['intake', 'hand-over', 'opening']);
    const body = { verdict: verdictOn(fixture, parcel, fixture.cast.agency, 'zones') };
    const path = `/v1/clips/${parcel.clipId}/verdict`;
    expect((await fixture.post(path, body, fixture.access(parcel.clipId))).status).toBe(200);
    expect((await shown()).last).toMatchObject({ by: 'recipient', outcome: 'zones' });
    expect((await shown()).kinds).toEqual(['intake', 'hand-over', 'opening', 'opening']);
    const { body: listed } = await fixture.get('/v1/clips', fixture.access('all'));
    expect(listed['clips']).toMatchObject([{ sealed: true, evidence: expect.any(String) }]);
  });

  it.each(ClipKeeper.options)(
    'that is false is found by whoever opens the clip next; the %s is its keeper',
    async (keeper) => {
      const { cast, clock, random } = fixture;
      const sender = await Sender.open(fixture);
      try {
        // The home has encrypted another clip than it states, and the vault says that all is well.
        const grantToken = sealedGrant(fixture, request, {}, keeper);
        const manifest = (claims: SealedClip) => ({ sealed: { ...claims, clipSha256: sha256Hex('another clip') } });
        const { claims, ...sent } = await sealErrand(sender, request, { grantToken, manifest });
        ({ parcel } = sent);
        verdict = () => said('as-granted');
        await fixture.deliver(parcel);
        await expect.poll(kinds).toEqual(['intake', 'hand-over', 'opening']);
        // The recipient.
        const read = async (at: number, length: number) => parcel.clip.subarray(at, at + length);
        const file = { sizeBytes: parcel.clip.length, read };
        const send = (clip: string, token: string) =>
          fixture.post(`/v1/clips/${clip}/verdict`, { verdict: token }, fixture.access(clip));
        const recipient = { keys: [RECIPIENT], report: { key: cast.agency.key, bridge: cast.bridge.id, send } };
        const found = { code: 'clip_unopened', facts: { outcome: 'clip' } };
        await expect(openSealedClip({ clock, random }, file, parcel.statement, recipient)).rejects.toMatchObject(found);
        // The owner, with the content key that the device keeps.
        const contentKey = toBase64url(contentKeyOf({ home: sent.home, claims })?.secret ?? new Uint8Array());
        const key = { grant: parcel.grant, clipSha256: sha256Hex(parcel.clip), contentKey };
        const stated = Manifest.parse(claimsOf(parcel.manifestToken));
        await expect(openWithContentKey(file, stated, key)).rejects.toMatchObject(found);
        // Custody has both, each under the key of who said it.
        const { kinds: all, verdicts = [] } = await shown();
        expect(all).toEqual(['intake', 'hand-over', 'opening', 'opening']);
        expect(verdicts.map(claimsOf).map(({ iss, outcome }) => [iss, outcome])).toEqual([
          [vault.key.publicKey, 'as-granted'],
          [cast.agency.key.publicKey, 'clip'],
        ]);
        expect((await homeFinds()).findings.map((finding) => finding.ok)).toEqual([true, true, true, true, true]);
      } finally {
        await sender.close();
      }
    },
  );

  it('holds though the clock of who signed it is a year wrong: it names no time until which it does', async () => {
    parcel = sealedParcel(fixture, request);
    const year = 365 * 24 * 3_600;
    verdict = () => said('as-granted', { iat: fixture.cast.nowS() + year });
    await fixture.deliver(parcel);
    await expect.poll(kinds).toEqual(['intake', 'hand-over', 'opening']);
    const early = verdictOn(fixture, parcel, fixture.cast.agency, 'zones', { iat: fixture.cast.nowS() - year });
    const path = `/v1/clips/${parcel.clipId}/verdict`;
    expect((await fixture.post(path, { verdict: early }, fixture.access(parcel.clipId))).status).toBe(200);
    expect((await homeFinds()).holds).toBe(true);
  });

  it('is believed by the home only under the key of the clip’s own vault or recipient, and as it was signed', async () => {
    parcel = sealedParcel(fixture, request);
    verdict = () => said('as-granted');
    await fixture.deliver(parcel);
    await expect.poll(kinds).toEqual(['intake', 'hand-over', 'opening']);
    const { cast } = fixture;
    const path = `/v1/clips/${parcel.clipId}/verdict`;
    await fixture.post(
      path,
      { verdict: verdictOn(fixture, parcel, cast.agency, 'zones') },
      fixture.access(parcel.clipId),
    );
    const faults = async (changes: Parameters<typeof homeFinds>[0]) =>
      (await homeFinds(changes)).findings.flatMap((finding) => (finding.ok ? [] : [finding.why]));
    expect(await faults({})).toEqual([]);
    const notShown = 'the verdict that the leaf is about is not shown';
    expect(await faults({ shown: { verdicts: [] } })).toEqual([notShown, notShown]);
    const forged = verdictOn(fixture, parcel, cast.bridge, 'as-granted');
    expect(await faults({ shown: { verdicts: [forged] } })).toEqual([notShown, notShown]);
    expect(await faults({ recipient: makeParty('agency', fixture.random).id })).toContain(
      'the verdict is not signed by the recipient',
    );
    expect(await faults({ vault: cast.vault.key.publicKey })).toContain('the verdict is not signed by the vault');
  });

  it('is recorded though the recipient has said all that is recorded of them', async () => {
    parcel = sealedParcel(fixture, request);
    verdict = () => 'none yet';
    await fixture.deliver(parcel);
    for (const outcome of ['key', 'file', 'clip', 'zones'] as const) {
      const body = { verdict: verdictOn(fixture, parcel, fixture.cast.agency, outcome) };
      await fixture.post(`/v1/clips/${parcel.clipId}/verdict`, body, fixture.access(parcel.clipId));
    }
    verdict = () => said('as-granted');
    await expect.poll(kinds).toEqual(['intake', ...Array<string>(4).fill('opening'), 'hand-over', 'opening']);
  });

  it.each<[string, () => string]>([
    ['another signer', () => verdictOn(fixture, parcel, fixture.cast.vault)],
    [
      'the signature of another',
      () => verdictOn(fixture, parcel, fixture.cast.vault, 'as-granted', { iss: vault.key.publicKey }),
    ],
    ['another bridge', () => said('as-granted', { aud: 'bridge-other' })],
    ['another grant', () => said('as-granted', { grant: 'grant-other' })],
    ['another clip', () => said('as-granted', { clip: 'clip-other' })],
    ['another file', () => said('as-granted', { clipSha256: sha256Hex('other') })],
    ['another statement', () => said('as-granted', { statementSha256: sha256Hex('other') })],
    ['no known outcome', () => said('as-granted', { outcome: 'fine' })],
    ['no token at all', () => 'fine'],
  ])('with %s keeps the clip at the bridge, until the right one comes', async (_what, lie) => {
    parcel = sealedParcel(fixture, request);
    verdict = lie;
    await fixture.deliver(parcel);
    await expect.poll(() => refusals.length).toBeGreaterThan(1);
    expect(new Set(refusals)).toEqual(new Set(['hand_over_unconfirmed']));
    expect([await kinds(), isAtBridge()]).toEqual([['intake'], true]);
    verdict = () => said('as-granted');
    await expect.poll(kinds).toEqual(['intake', 'hand-over', 'opening']);
  });

  it('on a clip that is not encrypted is not believed, nor is anything else in that answer', async () => {
    parcel = fixture.parcel(request);
    verdict = () => said('as-granted');
    await fixture.deliver(parcel);
    await expect.poll(() => refusals.length).toBeGreaterThan(1);
    expect([await kinds(), isAtBridge()]).toEqual([['intake'], true]);
    verdict = null;
    await expect.poll(kinds).toEqual(['intake', 'hand-over']);
  });

  it('is recorded in one step with the acknowledgement', async () => {
    parcel = sealedParcel(fixture, request);
    verdict = () => said('as-granted');
    const file = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'));
    file.exec(`create trigger refuse before insert on verdicts begin select raise(abort, 'no row'); end`);
    await fixture.deliver(parcel);
    await expect.poll(() => refusals.length).toBeGreaterThan(1);
    expect([await kinds(), isAtBridge()]).toEqual([['intake'], true]);
    file.exec('drop trigger refuse');
    file.close();
    await expect.poll(kinds).toEqual(['intake', 'hand-over', 'opening']);
  });
});
