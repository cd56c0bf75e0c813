// In the vault, too, an agency whose key was rotated has what was granted to any of its keys, and what was issued for the rotated key opens
// nothing.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { OfferedClip, type Officer, VaultFixture } from '../../support/vault-fixture.ts';

const folder = temporaryFolder('vault-rotated');
const [NEXT, STRANGER] = ['agency-next', 'agency-stranger'];
let fixture: BridgeFixture;
let vault: VaultFixture;
let request: string;
let old: Officer;
let oldClient: { client: string; secret: string };
let link: string;
let first: OfferedClip;

const succeed = (from: string, to: string) => vault.operator('PUT', `/v1/agencies/${from}/successor`, { agency: to });
const items = async (officer: Officer) =>
  Object((await vault.as(officer, 'GET', '/evidence')).body['items']).map(({ item }: { item: string }) => item);

/** A clip that was granted to an agency's id, handed over to the vault. */
async function handedOver(agency: string): Promise<OfferedClip> {
  const clip = new OfferedClip(fixture, vault, request, fixture.parcel(request, { manifest: { aud: agency } }));
  const offer = clip.step('offer', { agency });
  for (const answer of [
    await clip.offer({ offer, receipt: clip.receipt({ aud: agency }) }),
    await clip.bytes({ offer }),
    await clip.confirm(clip.step('confirm', { agency })),
  ]) {
    expect([answer.status, answer.body]).toMatchObject([200, {}]);
  }
  return clip;
}

beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
  vault = await new VaultFixture(join(folder.path, 'vault')).start();
  await vault.pin(fixture.cast.bridge);
  const { id } = fixture.cast.agency;
  oldClient = await vault.client(id);
  old = { token: String((await vault.token(oldClient)).body['access_token']), agency: id };
  first = await handedOver(id);
  await vault.as(old, 'PUT', '/categories/theft', { days: 30 });
  link = String((await vault.as(old, 'POST', `/evidence/${first.item}/links`)).body['url']);
});
afterAll(async () => {
  await vault.stop();
  await fixture.close();
  folder.dispose();
});

describe('after the operator has entered an agency’s new key', () => {
  let next: Officer;
  let early: OfferedClip;
  let late: OfferedClip;
  beforeAll(async () => {
    early = await handedOver(NEXT);
    await vault.as(await vault.officer(NEXT), 'PUT', '/categories/theft', { days: 1 });
    expect(await succeed(old.agency, NEXT)).toMatchObject({ status: 200, body: { organisation: old.agency } });
    expect(await succeed(old.agency, NEXT)).toMatchObject({ status: 200, body: { agency: NEXT } });
    late = await handedOver(old.agency);
    next = await vault.officer(NEXT);
  });

  it('the new key has what was granted to either, before and after, under the same department policy', async () => {
    expect((await items(next)).sort()).toEqual([first.item, early.item, late.item].sort());
    const clip = await vault.as(next, 'GET', `/evidence/${first.item}/clip`);
    expect([clip.status, clip.bytes]).toEqual([200, first.parcel.clip]);
    expect((await vault.as(next, 'GET', '/policy')).body).toMatchObject({ categories: { theft: 30 } });
    const { body } = await vault.as(next, 'GET', `/evidence/${early.item}`);
    expect(Number(body['deletesS']) - Number(body['uploadedS'])).toBe(30 * 24 * 3600);
  });

  it('the trail has the change once, and the accesses under either key', async () => {
    const { body } = await vault.as(next, 'GET', '/trail?limit=200');
    const entries: { event: string; detail: string; by: string; item: string }[] = Object(body['entries']);
    expect(entries.filter(({ event }) => event === 'key-rotated')).toMatchObject([
      { detail: `${old.agency} ${NEXT}`, by: 'operator' },
    ]);
    const received = entries.filter(({ event }) => event === 'received').map(({ item }) => item);
    expect(received).toEqual(expect.arrayContaining([first.item, late.item]));
  });

  it('token, client and link of the old key are invalid, and it gets no new ones', async () => {
    for (const path of ['/evidence', `/evidence/${first.item}`, `/evidence/${first.item}/clip`, '/policy', '/trail']) {
      expect(await vault.as(old, 'GET', path)).toMatchObject({ status: 401, body: { code: 'vault_token_invalid' } });
      expect((await vault.as({ ...old, agency: NEXT }, 'GET', path)).status).toBe(401);
      expect((await vault.as({ ...next, agency: old.agency }, 'GET', path)).status).toBe(401);
    }
    expect((await vault.token(oldClient)).status).toBe(401);
    expect((await vault.send('GET', link, {})).status).toBe(410);
    const body = { scopes: ['evidence.any.read'], addresses: ['127.0.0.1'] };
    expect((await vault.operator('POST', `/v1/agencies/${old.agency}/clients`, body)).body).toMatchObject({
      code: 'agency_key_rotated',
      facts: { successor: NEXT },
    });
  });

  it('a token that is issued for the old key at the same moment opens nothing either', async () => {
    const { client } = await vault.client(NEXT);
    const token = 'x'.repeat(43);
    const file = new Sqlite(join(folder.path, 'vault', 'vault.sqlite'));
    const scopes = JSON.stringify(['evidence.any.read']);
    file
      .prepare('insert into tokens values (?, ?, ?, ?, ?)')
      .run(sha256Hex(token), client, old.agency, scopes, 9_999_999_999);
    file.close();
    const { body } = await vault.as({ token, agency: old.agency }, 'GET', '/evidence');
    expect(body['code']).toBe('vault_token_invalid');
  });

  it('another agency has no access, and a key of one agency cannot become another’s', async () => {
    expect(await items(await vault.officer(STRANGER))).toEqual([]);
    const refusals = [
      [await succeed(old.agency, STRANGER), 'agency_key_rotated'],
      [await succeed(STRANGER, NEXT), 'agency_ineligible'],
      [await succeed(NEXT, old.agency), 'agency_ineligible'],
      [await succeed(NEXT, NEXT), 'agency_ineligible'],
    ] as const;
    for (const [{ body }, code] of refusals) expect(body['code']).toBe(code);
  });

  it('a further rotation leaves everything with the newest key alone', async () => {
    expect((await succeed(NEXT, 'agency-last')).body).toMatchObject({ organisation: old.agency });
    expect((await vault.as(next, 'GET', '/evidence')).status).toBe(401);
    expect((await items(await vault.officer('agency-last'))).length).toBe(3);
  });

  it('nobody but the operator can enter a new key', async () => {
    const answer = await vault.send('PUT', '/v1/agencies/agency-last/successor', {}, { agency: STRANGER });
    expect(answer.status).toBe(401);
  });
});
