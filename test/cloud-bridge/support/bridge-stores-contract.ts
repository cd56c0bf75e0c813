// The contract of the bridge's stores on any kind of database: what each keeps, in which order, and which changes happen together. Intakes
// and hand-overs are in intakes-contract.ts.
import { expect, it } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import type { Partner } from '../../../cloud-bridge/partners/partners-store.ts';
import type { StoredRequest } from '../../../cloud-bridge/requests/requests-store.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { toHex } from '../../../device/contract/bytes.ts';
import { PLENTY, storedRequest } from '../../support/stored-request.ts';
import { plainPartner as partner, plainAccess } from './plain-rows.ts';
import type { StoresGround } from './stores-ground.ts';

const access = plainAccess({
  atUs: 1_790_000_000_123_456,
  reason: 'case 12: Ünïcode, ‘quoted’; -- and 100 %',
});
const EVERYTHING = { reader: null, clip: null, after: 0, most: 9 };
const credential = {
  iss: 'r',
  aud: 'public',
  iat: 1,
  exp: 2,
  agency: 'agency-a',
  key: 'k',
  name: 'Spokane PD',
  jurisdiction: 'municipal' as const,
  domain: 'spokane.example',
  scopes: ['community-request'],
  revision: 1,
};

function other(request: string, changes: Partial<StoredRequest> = {}): StoredRequest {
  return storedRequest({ request, tokenSha256: sha256Hex(request), investigation: request, ...changes });
}

/** `database`: a fresh one for each test; `reopen` closes it and opens it again. */
export function bridgeStoresContract(
  ground: () => StoresGround,
  database: () => Database,
  reopen: () => Promise<void>,
): void {
  it('keeps documents, codes, devices and its secret over a restart', async () => {
    const { documents, enrolments, custody } = database();
    expect(await documents.loadRevocations()).toBeNull();
    await documents.saveRevocations('a', 1);
    await documents.saveRevocations('b', 2);
    await enrolments.addCode('s', 100, 0);
    expect(await enrolments.redeem('s', { device: 'device-a', key: 'k', enrolledS: 1 })).toBe(true);
    const size = await custody.size();
    await reopen();
    expect(await database().documents.loadRevocations()).toBe('b');
    expect(await database().enrolments.deviceKey('device-a')).toBe('k');
    expect(await database().enrolments.deviceKey('device-b')).toBeNull();
    expect(await database().custody.size()).toBe(size);
    await expect(ground().tamper('bridge', `insert into devices values ('device-b', 'k', 1)`)).rejects.toThrow(
      /unique/i,
    );
  });

  it('reserves a code for one key, which may repeat it until it expires', async () => {
    const { enrolments, neighbors } = database();
    await enrolments.addCode('s', 100, 0);
    expect(await enrolments.redeem('t', { device: 'device-a', key: 'k', enrolledS: 1 })).toBe(false);
    expect(await enrolments.redeem('s', { device: 'device-a', key: 'k', enrolledS: 1 })).toBe(true);
    expect(await enrolments.redeem('s', { device: 'device-a', key: 'k', enrolledS: 2 })).toBe(true);
    expect(await enrolments.redeem('s', { device: 'device-b', key: 'other', enrolledS: 2 })).toBe(false);
    expect(await enrolments.redeem('s', { device: 'device-a', key: 'k', enrolledS: 100 })).toBe(false);
    expect(await neighbors.devices()).toBe(1);
    const both = ['device-c', 'device-d'].map((device) =>
      enrolments.redeem('u', { device, key: device, enrolledS: 1 }),
    );
    await enrolments.addCode('u', 100, 0);
    expect((await Promise.all(both)).filter(Boolean)).toEqual([]);
    const raced = ['device-c', 'device-d'].map((device) =>
      enrolments.redeem('u', { device, key: device, enrolledS: 1 }),
    );
    expect((await Promise.all(raced)).filter(Boolean)).toEqual([true]);
  });

  it('admits as many keys with a code as it allows, also at once, and none once it is ended', async () => {
    const { enrolments, neighbors } = database();
    const enrol = (device: string, enrolledS = 1) => enrolments.redeem('batch', { device, key: device, enrolledS });
    await enrolments.addCode('batch', 100, 0, 3);
    await enrolments.addCode('single', 90, 0);
    expect(await enrol('device-a')).toBe(true);
    // A device that repeats the call after a lost answer takes no second place.
    expect(await Promise.all([enrol('device-a'), enrol('device-a', 2)])).toEqual([true, true]);
    const raced = await Promise.all(['b', 'c', 'd', 'e'].map((name) => enrol(`device-${name}`)));
    expect(raced.filter(Boolean)).toHaveLength(2);
    expect(await neighbors.devices()).toBe(3);
    await reopen();
    const again = database().enrolments;
    expect(await again.redeem('batch', { device: 'device-f', key: 'device-f', enrolledS: 3 })).toBe(false);
    expect(await again.codes(50)).toEqual([
      { secretSha256: 'single', devicesMax: 1, enrolled: 0, expiresS: 90 },
      { secretSha256: 'batch', devicesMax: 3, enrolled: 3, expiresS: 100 },
    ]);
    expect((await again.codes(90)).map(({ secretSha256 }) => secretSha256)).toEqual(['batch']);
    expect(await again.endCode('bat')).toBe(true);
    expect(await again.endCode('bat')).toBe(false);
    expect(await again.redeem('batch', { device: 'device-a', key: 'device-a', enrolledS: 4 })).toBe(false);
    expect(await again.deviceKey('device-a')).toBe('device-a');
    expect((await again.codes(50)).map(({ secretSha256 }) => secretSha256)).toEqual(['single']);
  });

  it('stores a request once, byte for byte, within the limits on numbers, also when many come at once', async () => {
    const { requests } = database();
    const long = storedRequest({
      cells: ['9q8yy', '9q8yz'],
      findings: [{ kind: 'k', field: 'text', words: 'wörds', why: 'y' }],
    });
    expect(await requests.add(long, PLENTY)).toBe('added');
    expect(await requests.add(long, PLENTY)).toBe('same');
    expect(await requests.add({ ...long, tokenSha256: 'other' }, PLENTY)).toBe('other-content');
    expect(await requests.find('request-a')).toEqual(long);
    expect(await requests.find('request-b')).toBeNull();
    const limits = { ...PLENTY, openPerCellMax: 4 };
    const many = await Promise.all(
      Array.from({ length: 8 }, (_, at) => requests.add(other(`request-${at}`, { cells: ['9q8yy'] }), limits)),
    );
    expect(many.filter((outcome) => outcome === 'added').length).toBe(3);
    expect(new Set(many)).toEqual(new Set(['added', 'cell-full']));
    const posts = { ...PLENTY, postsMax: 1 };
    expect(await requests.add(other('request-x', { investigation: 'i' }), posts)).toBe('too-many-posts');
    const waits = { state: 'in_moderation' as const, publishedS: 0 };
    expect(await requests.add(other('request-y', waits), { ...PLENTY, waitingPerAgencyMax: 0 })).toBe(
      'too-many-waiting',
    );
  });

  it('changes a request only in the expected state, lists waiting ones oldest first, and logs what was public', async () => {
    const { requests, custody } = database();
    const waits = { state: 'in_moderation' as const, publishedS: 0, publication: '' };
    for (const [name, submittedS] of [
      ['request-c', 3],
      ['request-b', 2],
      ['request-a', 3],
      ['request-B', 3],
    ] as const) {
      await requests.add(other(name, { ...waits, submittedS }), PLENTY);
    }
    const names = (found: StoredRequest[]) => found.map(({ request }) => request);
    // Ordered by bytes: a capital comes before every small letter.
    expect(names(await requests.waiting(0, null, 9))).toEqual(['request-b', 'request-B', 'request-a', 'request-c']);
    expect(names(await requests.waiting(0, { submittedS: 3, request: 'request-B' }, 1))).toEqual(['request-a']);
    expect(await custody.size()).toBe(0);
    const publish = () => ({ state: 'published' as const, publication: 'p', publishedS: 5 });
    expect(await requests.change('request-a', publish, PLENTY)).toMatchObject({ state: 'published', revision: 2 });
    expect(await requests.change('request-a', () => null, PLENTY)).toMatchObject({ revision: 2 });
    expect(await requests.change('request-x', publish, PLENTY)).toBeNull();
    expect(await requests.change('request-b', publish, { ...PLENTY, openPerCellMax: 1 })).toBe('cell-full');
    const refuse = () => {
      throw new Error('refused');
    };
    await expect(requests.change('request-c', refuse, PLENTY)).rejects.toThrow('refused');
    const [cell = ''] = storedRequest().cells;
    expect(names(await requests.unexpiredIn([cell, 'elsewhere'], 0))).toEqual(['request-a']);
    expect(await requests.unexpiredIn([cell], 1_000)).toEqual([]);
    expect(await requests.unexpiredIn(['elsewhere'], 0)).toEqual([]);
    expect([await requests.cellsToPublish(0), await requests.cellsToPublish(1_000)]).toEqual([[cell], []]);
    expect((await custody.entries(0, 9)).map(({ leaf, entry }) => [leaf, JSON.parse(entry).event])).toEqual([
      [0, 'published'],
    ]);
  });

  it('assigns revisions of a cell’s document one by one', async () => {
    const { requests } = database();
    const all = await Promise.all(Array.from({ length: 9 }, () => requests.nextRevision('9q8yy', 2)));
    expect(all.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await requests.nextRevision('9q8yz', 0);
    expect(await requests.partsOf(['9q8yy', '9q8yz'])).toEqual(new Map([['9q8yy', 2]]));
    expect(await requests.partsOf(['9q8yz'])).toEqual(new Map());
    // Its document must be removed once nothing is open there.
    expect(await requests.cellsToPublish(0)).toEqual(['9q8yy']);
  });

  it('ends a partner and its requests in one step', async () => {
    const { partners, requests } = database();
    expect(await partners.add(partner)).toBe(true);
    expect(await partners.add(partner)).toBe(false);
    expect(await partners.add({ ...partner, partner: 'partner-B' })).toBe(true);
    expect((await partners.list()).map(({ partner: id }) => id)).toEqual(['partner-B', 'partner-a']);
    const through = { partner: 'partner-a', name: 'A', status: 'active' as const, sinceS: 1 };
    await requests.add(other('request-a', { partner: through }), PLENTY);
    await requests.add(other('request-b', { partner: through, state: 'in_moderation', publishedS: 0 }), PLENTY);
    await requests.add(other('request-c'), PLENTY);
    const end = (now: Partner) => ({ ...now, status: 'ended' as const, revision: now.revision + 1, sinceS: 9 });
    const allow = await ground().refuseRows('bridge', 'custody_leaves');
    await expect(partners.change('partner-a', end, 0)).rejects.toThrow('no row');
    expect(await partners.find('partner-a')).toEqual(partner);
    expect(await requests.find('request-a')).toMatchObject({ state: 'published', partner: through });
    await allow();
    expect(await partners.change('partner-a', end, 0)).toMatchObject({ cancelled: 2, partner: { status: 'ended' } });
    expect(await requests.find('request-a')).toMatchObject({ state: 'cancelled', reason: 'partner-ended' });
    expect(await requests.find('request-c')).toMatchObject({ state: 'published' });
    expect(await partners.change('partner-x', end, 0)).toBeNull();
  });

  it('cancels a request that is open, once, and no other', async () => {
    const { requests, custody } = database();
    await requests.add(other('request-a'), PLENTY);
    await requests.add(other('request-b', { state: 'resolved' }), PLENTY);
    const before = await custody.size();
    for (const request of ['request-a', 'request-a', 'request-b', 'request-none']) {
      await requests.cancel(request, 'agency-suspended');
    }
    expect(await requests.find('request-a')).toMatchObject({
      state: 'cancelled',
      reason: 'agency-suspended',
      revision: 2,
    });
    expect(await requests.find('request-b')).toMatchObject({ state: 'resolved' });
    expect(await custody.size()).toBe(before + 1);
  });

  it('cancels with a suspension what is open, not what waits, and what an older version left open', async () => {
    const { partners, requests } = database();
    const to = (status: Partner['status']) => (now: Partner) => ({ ...now, status, revision: now.revision + 1 });
    await partners.add(partner);
    const through = { partner: 'partner-a', name: 'A', status: 'active' as const, sinceS: 1 };
    await requests.add(other('request-a', { partner: through }), PLENTY);
    await requests.add(other('request-b', { partner: through, state: 'in_moderation', publishedS: 0 }), PLENTY);
    expect(await partners.cancelLeftOpen(0)).toBe(0);
    // New secrets do not change the status.
    expect(await partners.change('partner-a', to('active'), 0)).toMatchObject({ cancelled: 0 });
    expect(await partners.change('partner-a', to('suspended'), 0)).toMatchObject({ cancelled: 1 });
    expect(await requests.find('request-a')).toMatchObject({ state: 'cancelled', reason: 'partner-suspended' });
    expect(await requests.find('request-b')).toMatchObject({ state: 'in_moderation', reason: null });
    await requests.add(other('request-c', { partner: through }), PLENTY);
    expect(await partners.cancelLeftOpen(0)).toBe(1);
    expect(await requests.find('request-c')).toMatchObject({ state: 'cancelled', reason: 'partner-suspended' });
    await requests.add(other('request-d', { partner: through }), PLENTY);
    expect(await partners.change('partner-a', to('active'), 0)).toMatchObject({ cancelled: 1 });
  });

  it('shows posts newest first behind a cursor, with their agencies’ names, and counts them', async () => {
    const { neighbors, requests } = database();
    await neighbors.noteProfile(credential, 5);
    await neighbors.noteProfile({ ...credential, name: 'Spokane Police' }, 6);
    await neighbors.noteProfile({ ...credential, agency: 'agency-B' }, 6);
    for (const [name, publishedS] of [
      ['request-a', 3],
      ['request-b', 4],
      ['request-aa', 4],
      ['request-c', 0],
    ] as const) {
      await requests.add(other(name, { publishedS, state: publishedS === 0 ? 'draft' : 'published' }), PLENTY);
    }
    await requests.change('request-a', () => ({ state: 'resolved' }), PLENTY);
    const all = await neighbors.posts(null, null, 9);
    expect(all.map(({ request }) => request)).toEqual(['request-b', 'request-aa', 'request-a']);
    expect(all[0]).toMatchObject({ agencyName: 'Spokane Police', cells: ['9q8yy'], publishedS: 4 });
    const [first] = all;
    expect((await neighbors.posts('agency-a', first ?? null, 9)).map(({ request }) => request)).toEqual([
      'request-aa',
      'request-a',
    ]);
    expect(await neighbors.posts('agency-x', null, 9)).toEqual([]);
    expect(await neighbors.post('request-a')).toMatchObject({ state: 'resolved' });
    expect(await neighbors.post('request-c')).toBeNull();
    expect(await neighbors.outcomes(null, 0)).toEqual({ published: 3, resolved: 1 });
    expect(await neighbors.outcomes('agency-a', 3)).toEqual({ published: 2, resolved: 0 });
    expect((await neighbors.profiles(null, 9)).map(({ organisation }) => organisation)).toEqual([
      'agency-B',
      'agency-a',
    ]);
    expect(await neighbors.profiles('agency-B', 9)).toMatchObject([
      { agency: 'agency-a', profiles: [], jurisdiction: 'municipal' },
    ]);
    expect(await neighbors.profile('agency-x')).toBeNull();
  });

  it('numbers accesses in their order, each with its leaf', async () => {
    const { accessLog, custody } = database();
    await Promise.all(
      [1, 2, 3].map((at) => accessLog.add({ ...access, atUs: access.atUs + at, agency: `agency-${at}` })),
    );
    const all = await accessLog.page(EVERYTHING);
    expect(all.map(({ number, leaf }) => [number, leaf])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    expect(all[0]).toMatchObject({ ...access, agency: expect.any(String), atUs: expect.any(Number) });
    expect(await accessLog.page({ ...EVERYTHING, after: 2 })).toEqual(all.slice(2));
    expect(await accessLog.page({ ...EVERYTHING, clip: 'clip-b' })).toEqual([]);
    expect(
      await accessLog.page({ ...EVERYTHING, reader: { agency: all[1]?.agency ?? '', organisation: '' }, most: 1 }),
    ).toEqual([all[1]]);
    const allow = await ground().refuseRows('bridge', 'custody_nodes');
    await expect(accessLog.add(access)).rejects.toThrow('no row');
    await allow();
    expect(await accessLog.page(EVERYTHING)).toEqual(all);
    await accessLog.add(access);
    expect(await custody.size()).toBe(4);
  });

  it('returns leaves with their salts, finds them by receipts, keeps subtrees, and refuses to delete or change any', async () => {
    const { accessLog, documents, custody } = database();
    for (let at = 0; at < 5; at += 1) await accessLog.add(access);
    await documents.saveRevocations('list', 3);
    expect((await custody.entries(4, 9)).map(({ leaf }) => leaf)).toEqual([4, 5]);
    const opened = await custody.opened(0);
    expect(opened?.salt.length).toBeGreaterThan(15);
    expect(JSON.parse(opened?.facts ?? '')).toMatchObject({ clip: 'clip-a' });
    expect(await custody.opened(5)).toBeNull();
    expect(await custody.opened(99)).toBeNull();
    expect(await custody.leafOf('none')).toBeNull();
    expect(toHex(await custody.subtree({ level: 2, at: 0 }))).toMatch(/^[0-9a-f]{64}$/);
    for (const statement of [
      'delete from custody_leaves',
      `update custody_leaves set entry = '{}'`,
      'update custody_leaves set leaf = 9 where leaf = 0',
      'delete from custody_nodes',
      'update custody_nodes set level = 9 where at = 0',
    ]) {
      await expect(ground().tamper('bridge', statement), statement).rejects.toThrow('append-only');
    }
    expect(await custody.size()).toBe(6);
  });

  it('keeps each witness’s newest cosignature', async () => {
    const { custody } = database();
    const said = (witness: string, size: number) => ({ witness, size, head: `head ${size}`, cosignature: 'c' });
    for (const kept of [said('b', 2), said('a', 3), said('b', 5), said('b', 4)]) await custody.keepCosignature(kept);
    expect(await custody.cosignatures()).toEqual([said('a', 3), said('b', 5)]);
  });
}
