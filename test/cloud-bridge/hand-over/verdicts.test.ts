// The vault's verdict on an encrypted clip is recorded with its acknowledgement, or neither is; a false one keeps the clip at the bridge.
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandOverBody } from '../../../cloud-bridge/signing/hand-over-documents.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import type { Log } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { ClipLeaves, CustodyEntry } from '../../../device/contract/custody.ts';
import { itemId, itemIdText } from '../../../device/contract/hand-over-documents.ts';
import type { VerdictOutcome } from '../../../device/contract/sealing.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';
import { sealedParcel, verdictOn } from '../../support/sealed-parcel.ts';
import { custodyCall } from '../../support/sent-clip.ts';

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
