// Who may do what with evidence, that every access is in the trail first with its reason, that links work once, and that overdue evidence
// is deleted.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SCOPES } from '../../../cloud-bridge/vault/clients.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { type OfferedClip, type Officer, type VaultAnswer, VaultFixture } from '../../support/vault-fixture.ts';
import { VaultRig } from '../support/vault-rig.ts';

const DAY_S = 24 * 3600;
const OTHER = 'agency-shelbyville';
let rig: VaultRig;
let vault: VaultFixture;
let agency: string;
let officer: Officer;
let clip: OfferedClip;
let at: string;
beforeAll(async () => {
  rig = await VaultRig.open('evidence', { requestsPerMinuteMax: 100_000 });
  vault = rig.vault;
  agency = rig.officer.agency;
});
afterAll(() => rig.close());
beforeEach(async () => {
  vault.clock.shiftS = 0;
  officer = await vault.officer(agency);
  clip = await rig.clip().handOver();
  at = `/evidence/${clip.item}`;
});

const code = ({ status, body }: VaultAnswer) => `${status} ${body['code']}`;
const limited = (...scopes: string[]) => vault.officer(agency, scopes);

/** Moves the clock on by days; the officer gets a new token. */
async function pass(days: number): Promise<void> {
  vault.clock.shiftS += days * DAY_S;
  await vault.vault.sweepNow();
  officer = await vault.officer(agency);
}

async function events(): Promise<string[]> {
  const { body } = await vault.as(officer, 'GET', `${at}/trail?limit=200`);
  return Object(body['entries']).map(({ event }: { event: string }) => event);
}

describe('a client', () => {
  it('gets a short-lived token for its secret, in either form of the standard, with at most its own scopes', async () => {
    const client = await vault.client(agency, ['evidence.any.read', 'trail.any.read']);
    const all = await vault.token(client);
    expect(all.body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 4 * 3600,
      scope: 'evidence.any.read trail.any.read',
    });
    expect((await vault.token(client, { scope: 'evidence.any.read' })).body['scope']).toBe('evidence.any.read');
    expect(await vault.token(client, { scope: 'evidence.any.delete' })).toMatchObject({
      status: 403,
      body: { code: 'vault_scope_missing', error: 'invalid_scope' },
    });
    const basic = Buffer.from(`${client.client}:${client.secret}`).toString('base64');
    const response = await fetch(`${vault.vault.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    expect(response.status).toBe(200);
  });

  it('is refused with a wrong secret, from a wrong address and after its removal, as is its token', async () => {
    const client = await vault.client(agency);
    expect(await vault.token({ ...client, secret: 'x'.repeat(43) })).toMatchObject({
      status: 401,
      body: { code: 'vault_client_invalid', error: 'invalid_client' },
    });
    const far = await vault.client(agency, SCOPES, ['10.0.0.0/8', '2001:db8::1']);
    expect(code(await vault.token(far))).toBe('401 vault_client_invalid');
    const near = await vault.client(agency, SCOPES, ['127.0.0.0/8']);
    const { body } = await vault.token(near);
    const own: Officer = { token: String(body['access_token']), agency };
    expect((await vault.as(own, 'GET', '/evidence')).status).toBe(200);
    await vault.operator('DELETE', `/v1/agencies/${agency}/clients/${near.client}`, {});
    expect(code(await vault.as(own, 'GET', '/evidence'))).toBe('401 vault_token_invalid');
    expect(code(await vault.token(near))).toBe('401 vault_client_invalid');
  });

  it('is refused when its token is expired, another agency’s, or unknown', async () => {
    const stranger = await vault.officer(OTHER);
    expect(code(await vault.as({ ...stranger, agency: officer.agency }, 'GET', at))).toBe('401 vault_token_invalid');
    expect(code(await vault.as({ token: 'y'.repeat(43), agency: officer.agency }, 'GET', at))).toBe(
      '401 vault_token_invalid',
    );
    vault.clock.shiftS = 4 * 3600;
    expect(code(await vault.as(officer, 'GET', at))).toBe('401 vault_token_invalid');
  });

  it('leaves no secret, token or link in plain text in the vault’s files', async () => {
    const client = await vault.client(agency);
    const token = String((await vault.token(client)).body['access_token']);
    const link =
      String((await vault.as(officer, 'POST', `${at}/links`)).body['url'])
        .split('/')
        .at(-1) ?? '';
    const files = ['vault.sqlite', 'vault.sqlite-wal'].map((name) => readFileSync(join(vault.folder, name)));
    for (const secret of [client.secret, token, link]) {
      expect(secret.length).toBeGreaterThan(40);
      expect(files.some((file) => file.includes(secret))).toBe(false);
      expect(files.some((file) => file.includes(sha256Hex(secret)))).toBe(true);
    }
  });

  it('is rate-limited when it guesses secrets, and when it calls too often', async () => {
    const busy = await new VaultFixture(join(rig.folder.path, 'busy'), { requestsPerMinuteMax: 3 }).start();
    try {
      const own = await busy.officer(OTHER);
      const asked = [];
      for (let count = 0; count < 5; count += 1) asked.push((await busy.as(own, 'GET', '/evidence')).status);
      expect(asked).toEqual([200, 200, 200, 429, 429]);
      const guesses = [];
      for (let count = 0; count < 22; count += 1) {
        guesses.push((await busy.token({ client: 'client-x', secret: `guess-${count}` })).status);
      }
      expect(guesses).toEqual([...Array(20).fill(401), 429, 429]);
      // Neither limit blocks valid callers from the same address: a client, or an officer with a token.
      const other = await busy.officer(OTHER);
      for (let count = 0; count < 25; count += 1)
        await busy.as({ ...other, token: 'z'.repeat(43) }, 'GET', '/evidence');
      expect((await busy.as({ ...other, token: 'z'.repeat(43) }, 'GET', '/evidence')).status).toBe(429);
      expect((await busy.as(other, 'GET', '/evidence')).status).toBe(200);
    } finally {
      await busy.stop();
    }
  });
});

describe('an officer', () => {
  it('must give a name and a reason before anything is shown', async () => {
    const { length } = await events();
    for (const headers of [
      {},
      { 'x-officer': 'Det. Rivera' },
      { 'x-reason': 'case 117' },
      { 'x-officer': 'D', 'x-reason': 'case 117' },
      { 'x-officer': 'Det. Rivera', 'x-reason': 'x' },
      { 'x-officer': 'Det. Rivera', 'x-reason': 'two%0Alines' },
      { 'x-officer': 'Det. Rivera', 'x-reason': '%E0%A4%A' },
      { 'x-officer': 'x'.repeat(81), 'x-reason': 'case 117' },
    ]) {
      expect(code(await vault.as(officer, 'GET', at, undefined, headers))).toBe('400 vault_reason_missing');
    }
    // The two accesses to the trail itself.
    expect(await events()).toHaveLength(length + 1);
    const named = {
      'x-officer': encodeURIComponent('René Ōe'),
      'x-reason': encodeURIComponent("'; drop table trail; --"),
    };
    await vault.as(officer, 'GET', at, undefined, named);
    const { body } = await vault.as(officer, 'GET', `${at}/trail?limit=2`);
    expect(Object(body['entries'])[1]).toMatchObject({
      event: 'viewed',
      officer: 'René Ōe',
      reason: "'; drop table trail; --",
    });
  });

  it('finds every view, stream, download, link and change in the trail, newest first, in pages', async () => {
    await vault.as(officer, 'GET', at);
    await vault.as(officer, 'GET', `${at}/manifest`);
    await vault.as(officer, 'GET', `${at}/stream`, undefined);
    const { bytes } = await vault.as(officer, 'GET', `${at}/clip`);
    expect(sha256Hex(bytes)).toBe(clip.facts.clipSha256);
    await vault.as(officer, 'POST', `${at}/links`);
    await vault.as(officer, 'POST', `${at}/triage`, { decision: 'accept' });
    await vault.as(officer, 'PUT', `${at}/categories`, { categories: ['theft'] });
    await vault.as(officer, 'PUT', `${at}/access-class`, { accessClass: 'restricted' });
    await vault.as(officer, 'PUT', `${at}/cases/SPD-1`);
    await vault.as(officer, 'DELETE', `${at}/cases/SPD-1`);
    await vault.as(officer, 'DELETE', at);
    await vault.as(officer, 'POST', `${at}/restoration`);
    const told = [
      ...['received', 'handed-over', 'viewed', 'manifest-viewed', 'streamed', 'downloaded', 'link-made', 'triaged'],
      ...['categories-changed', 'class-changed', 'case-added', 'case-removed', 'deleted', 'restored', 'trail-viewed'],
    ];
    expect((await events()).reverse()).toEqual(told);
    let after = '';
    const paged: string[] = [];
    do {
      const { body } = await vault.as(officer, 'GET', `${at}/trail?limit=4${after}`);
      paged.push(...Object(body['entries']).map(({ event }: { event: string }) => event));
      after = body['next'] === null ? '' : `&after=${body['next']}`;
    } while (after !== '');
    expect(paged.filter((event) => event !== 'trail-viewed').reverse()).toEqual(told.slice(0, -1));
    const file = new Sqlite(join(vault.folder, 'vault.sqlite'));
    expect(() => file.exec(`delete from trail`)).toThrow(/only added to/);
    expect(() => file.exec(`update trail set reason = ''`)).toThrow(/only added to/);
    file.close();
  });

  it('may do what the token’s scopes permit, one by one', async () => {
    const calls: [string, string, string, object?][] = [
      ['evidence.any.read', 'GET', at],
      ['evidence.any.read', 'GET', '/evidence'],
      ['evidence.any.read', 'GET', `${at}/manifest`],
      ['evidence.any.read', 'GET', `${at}/stream`],
      ['evidence.any.download', 'GET', `${at}/clip`],
      ['evidence.any.download', 'POST', `${at}/links`],
      ['evidence.any.update', 'POST', `${at}/triage`, { decision: 'decline' }],
      ['evidence.any.update', 'PUT', `${at}/categories`, { categories: [] }],
      ['evidence.any.update', 'PUT', `${at}/cases/SPD-2`],
      ['evidence.any.update', 'DELETE', `${at}/cases/SPD-2`],
      ['evidence.any.delete', 'DELETE', at],
      ['evidence.any.delete', 'POST', `${at}/restoration`],
      ['trail.any.read', 'GET', `${at}/trail`],
      ['trail.any.read', 'GET', '/trail'],
      ['evidence.any.read', 'GET', '/policy'],
      ['policy.any.update', 'PUT', '/policy', { declinedDays: 'same' }],
      ['policy.any.update', 'PUT', '/categories/theft', { days: 30 }],
      ['policy.any.update', 'DELETE', '/categories/theft'],
    ];
    for (const [scope, method, path, body] of calls) {
      const without = await limited(...SCOPES.filter((one) => one !== scope));
      expect(code(await vault.as(without, method, path, body)), `${method} ${path}`).toBe('403 vault_scope_missing');
      expect((await vault.as(await limited(scope), method, path, body)).status, `${method} ${path}`).toBeLessThan(300);
    }
  });

  it('of another agency, or without the clearance for an item, gets the same answer as for an unknown item', async () => {
    const nothing = await vault.as(officer, 'GET', '/evidence/item-nothing');
    expect(code(nothing)).toBe('404 evidence_unknown');
    const stranger = await vault.officer(OTHER);
    for (const [method, path, body] of [
      ['GET', at],
      ['GET', `${at}/clip`],
      ['DELETE', at],
      ['POST', `${at}/links`],
      ['PUT', `${at}/cases/SPD-1`],
      ['GET', `${at}/trail`],
      ['POST', `${at}/triage`, { decision: 'accept' }],
    ] as const) {
      const refused = await vault.as(stranger, method, path, body);
      // The refusal repeats the id; nothing else may differ.
      const apart = { instance: '' };
      expect([refused.status, { ...refused.body, ...apart }], path).toEqual([
        nothing.status,
        { ...nothing.body, ...apart },
      ]);
    }
    expect((await vault.as(stranger, 'GET', '/evidence')).body['items']).toEqual([]);
    const plain = await limited('evidence.any.read', 'evidence.any.update', 'evidence.any.download');
    expect(code(await vault.as(plain, 'PUT', `${at}/access-class`, { accessClass: 'confidential' }))).toBe(
      '403 vault_scope_missing',
    );
    await vault.as(officer, 'PUT', `${at}/access-class`, { accessClass: 'confidential' });
    expect(code(await vault.as(plain, 'GET', at))).toBe('404 evidence_unknown');
    expect(code(await vault.as(plain, 'GET', `${at}/clip`))).toBe('404 evidence_unknown');
    const restricted = await limited('evidence.any.read', 'evidence.restricted.read');
    expect(code(await vault.as(restricted, 'GET', at))).toBe('404 evidence_unknown');
    const seen = Object((await vault.as(restricted, 'GET', '/evidence?limit=200')).body['items']);
    expect(seen.some(({ item }: { item: string }) => item === clip.item)).toBe(false);
    expect((await vault.as(officer, 'GET', at)).body['accessClass']).toBe('confidential');
  });

  it('lists evidence in pages, newest first, by state, triage, category and case', async () => {
    const more = [clip];
    for (let count = 0; count < 3; count += 1) {
      more.push(await rig.clip().handOver());
    }
    for (const one of more) await vault.as(officer, 'PUT', `/evidence/${one.item}/cases/LIST-1`);
    const found: string[] = [];
    let after = '';
    do {
      const { body } = await vault.as(officer, 'GET', `/evidence?limit=2&case=LIST-1${after}`);
      found.push(...Object(body['items']).map(({ item }: { item: string }) => item));
      after = body['next'] === null ? '' : `&after=${body['next']}`;
    } while (after !== '');
    expect([...found].sort()).toEqual(more.map(({ item }) => item).sort());
    await vault.as(officer, 'POST', `${at}/triage`, { decision: 'decline' });
    await vault.as(officer, 'PUT', `${at}/categories`, { categories: ['list'] });
    const one = async (query: string) =>
      Object((await vault.as(officer, 'GET', `/evidence?case=LIST-1&${query}`)).body['items']).map(
        (each: { item: string }) => each.item,
      );
    expect(await one('triage=declined')).toEqual([clip.item]);
    expect(await one('category=list')).toEqual([clip.item]);
    expect(await one('state=deleted')).toEqual([]);
    expect(code(await vault.as(officer, 'GET', '/evidence?limit=0'))).toBe('400 http_body_invalid');
    expect(code(await vault.as(officer, 'GET', "/evidence?case=' or 1=1"))).toBe('400 http_body_invalid');
    expect(code(await vault.as(officer, 'GET', '/evidence?secret=1'))).toBe('400 http_body_invalid');
  });
});

describe('a download link', () => {
  const make = async () => String((await vault.as(officer, 'POST', `${at}/links`)).body['url']);
  const follow = (url: string) => vault.send('GET', url, {});

  it('works once, also when several try at the same moment', async () => {
    const url = await make();
    const tries = await Promise.all(Array.from({ length: 12 }, () => follow(url)));
    const worked = tries.filter(({ status }) => status === 200);
    expect(worked.map(({ bytes }) => sha256Hex(bytes))).toEqual([clip.facts.clipSha256]);
    expect(tries.filter(({ status }) => status !== 200).map(code)).toEqual(Array(11).fill('410 download_link_invalid'));
    expect((await events()).filter((event) => event === 'link-used')).toHaveLength(1);
  });

  it('ends after three days and with its item, and an invented one is refused', async () => {
    const [late, early, gone] = [await make(), await make(), await make()];
    // A minute of slack, because making the links took some time.
    vault.clock.shiftS = 3 * DAY_S - 60;
    expect((await follow(early)).status).toBe(200);
    vault.clock.shiftS = 3 * DAY_S;
    expect(code(await follow(late))).toBe('410 download_link_invalid');
    expect(code(await follow(late.replace(/.{43}$/, 'z'.repeat(43))))).toBe('410 download_link_invalid');
    vault.clock.shiftS = 0;
    await vault.as(officer, 'DELETE', at);
    expect(code(await follow(gone))).toBe('410 download_link_invalid');
    await vault.as(officer, 'POST', `${at}/restoration`);
    expect(code(await follow(gone))).toBe('410 download_link_invalid');
    expect((await follow(await make())).status).toBe(200);
  });
});

describe('a download link of a client', () => {
  it('ends when its maker may not read the item any more because it is classified above their clearance', async () => {
    const maker = await limited('evidence.any.read', 'evidence.any.download');
    const made = async () => String((await vault.as(maker, 'POST', `${at}/links`)).body['url']);
    const [before, after, later] = [await made(), await made(), await made()];
    expect((await vault.send('GET', before, {})).status).toBe(200);
    // A change of class ends links. Here it is changed directly in the database, so that the maker's clearance alone decides.
    const file = new Sqlite(join(vault.folder, 'vault.sqlite'));
    const classify = file.prepare('update items set access_class = ? where item = ?');
    classify.run('restricted', clip.item);
    expect(code(await vault.send('GET', after, {}))).toBe('410 download_link_invalid');
    classify.run('none', clip.item);
    file.close();
    expect((await vault.send('GET', after, {})).status).toBe(200);
    await vault.as(officer, 'PUT', `${at}/access-class`, { accessClass: 'restricted' });
    await vault.as(officer, 'PUT', `${at}/access-class`, { accessClass: 'none' });
    expect(code(await vault.send('GET', later, {}))).toBe('410 download_link_invalid');
  });
});

describe('retention', () => {
  it('refuses to restore what was deleted seven days ago, although it has not been destroyed yet', async () => {
    await vault.as(officer, 'DELETE', at);
    const restore = () => vault.as(officer, 'POST', `${at}/restoration`);
    // A minute of slack, because the deletion took some time. No sweep runs meanwhile.
    vault.clock.shiftS = 7 * DAY_S;
    officer = await vault.officer(agency);
    expect((await restore()).body).toMatchObject({
      code: 'evidence_state',
      facts: { state: 'deleted', detail: 'its seven days are over' },
    });
    vault.clock.shiftS = 7 * DAY_S - 60;
    expect((await restore()).body['state']).toBe('active');
  });

  it('deletes when the period ends, allows restoring for seven days, then destroys', async () => {
    await vault.as(officer, 'PUT', '/categories/short', { days: 30 });
    await vault.as(officer, 'PUT', `${at}/categories`, { categories: ['short'] });
    await pass(29);
    expect((await vault.as(officer, 'GET', at)).body['state']).toBe('active');
    await pass(1);
    expect((await vault.as(officer, 'GET', at)).body['state']).toBe('deleted');
    expect(code(await vault.as(officer, 'GET', `${at}/clip`))).toBe('409 evidence_state');
    await pass(6);
    expect((await vault.as(officer, 'POST', `${at}/restoration`)).body['state']).toBe('active');
    expect((await vault.as(officer, 'GET', `${at}/clip`)).status).toBe(200);
    await pass(7);
    expect((await vault.as(officer, 'GET', at)).body['state']).toBe('deleted');
    await pass(7);
    const { body } = await vault.as(officer, 'GET', at);
    expect(body).toMatchObject({ state: 'erased', deletion: expect.any(String) });
    expect(readdirSync(join(vault.folder, 'blobs'))).not.toContain(clip.item);
    const file = new Sqlite(join(vault.folder, 'vault.sqlite'), { readonly: true });
    expect(file.prepare('select manifest from items where item = ?').get(clip.item)).toEqual({ manifest: '' });
    file.close();
    expect(code(await vault.as(officer, 'POST', `${at}/restoration`))).toBe('409 evidence_state');
    expect(code(await vault.as(officer, 'PUT', `${at}/cases/SPD-3`))).toBe('409 evidence_state');
    const refused = JSON.stringify((await vault.as(officer, 'GET', `${at}/clip`)).body);
    expect(refused).toContain('its bytes are gone');
    expect(refused).not.toContain('restored');
  });

  it('deletes what is overdue before it confirms a shortened period, and restores nothing by a longer one', async () => {
    await vault.as(officer, 'PUT', '/categories/late', { days: 90 });
    await vault.as(officer, 'PUT', `${at}/categories`, { categories: ['late'] });
    await pass(40);
    expect((await vault.as(officer, 'GET', at)).body['state']).toBe('active');
    await vault.as(officer, 'PUT', '/categories/late', { days: 10 });
    expect((await vault.as(officer, 'GET', at)).body['state']).toBe('deleted');
    await vault.as(officer, 'PUT', '/categories/late', { days: null });
    await pass(7);
    expect((await vault.as(officer, 'GET', at)).body['state']).toBe('erased');
  });

  it('keeps declined items for the period of declined ones, counted from the upload', async () => {
    await vault.as(officer, 'PUT', '/policy', { declinedDays: 2 });
    await vault.as(officer, 'POST', `${at}/triage`, { decision: 'decline' });
    await pass(2);
    expect((await vault.as(officer, 'GET', at)).body['state']).toBe('deleted');
    await vault.as(officer, 'PUT', '/policy', { declinedDays: 'same' });
  });

  it('deletes nothing that is in a case, neither by hand nor by time', async () => {
    await vault.as(officer, 'PUT', '/categories/held', { days: 1 });
    await vault.as(officer, 'PUT', `${at}/categories`, { categories: ['held'] });
    await vault.as(officer, 'PUT', `${at}/cases/SPD-9`);
    expect(code(await vault.as(officer, 'DELETE', at))).toBe('409 evidence_state');
    await pass(1_000);
    expect((await vault.as(officer, 'GET', at)).body['state']).toBe('active');
  });

  it('has categories that can be removed, except “uncategorized”', async () => {
    expect(code(await vault.as(officer, 'DELETE', '/categories/uncategorized'))).toBe('422 evidence_category');
    expect(code(await vault.as(officer, 'DELETE', '/categories/never-was'))).toBe('422 evidence_category');
    await vault.as(officer, 'PUT', '/categories/gone', { days: 5 });
    await vault.as(officer, 'PUT', `${at}/categories`, { categories: ['gone'] });
    await vault.as(officer, 'DELETE', '/categories/gone');
    expect((await vault.as(officer, 'GET', at)).body).toMatchObject({ categories: ['uncategorized'], deletesS: null });
    expect(code(await vault.as(officer, 'PUT', '/categories/zero', { days: 0 }))).toBe('400 http_body_invalid');
    expect(code(await vault.as(officer, 'PUT', '/policy', { recall: { answer: 'keep' } }))).toBe(
      '400 http_body_invalid',
    );
  });
});
