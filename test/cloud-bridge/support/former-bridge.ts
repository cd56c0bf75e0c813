// A bridge's database as each released version left it, with a row in everything that version had, for either kind of database.
import { expect } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import { pseudonymOf } from '../../../cloud-bridge/custody/event-commitment.ts';
import { MIGRATIONS } from '../../../cloud-bridge/persistence/bridge-schema.ts';
import { type DatabaseKind, spelled, statementsOf } from '../../../cloud-bridge/persistence/migrations.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { fromHex } from '../../../device/contract/bytes.ts';

const HASH = sha256Hex('leaf');
const SECRET = '0'.repeat(64);
/** The pseudonym of `device-a/grant-a`, by that secret. */
const HOME = pseudonymOf({ device: 'device-a', grant: 'grant-a' }, fromHex(SECRET) ?? new Uint8Array());
const bytes = (kind: DatabaseKind, hex: string) => (kind === 'sqlite' ? `x'${hex}'` : `'\\x${hex}'`);

/** The rows that each version added; the first is version 1's. Never change one: later versions must keep reading it. */
const ROWS: ((kind: DatabaseKind) => string[])[] = [
  () => [
    `insert into kept_documents (name, token) values ('revocations', 'list')`,
    `insert into enrolment_codes values ('s', 100, null)`,
    `insert into devices values ('device-a', 'k', 1)`,
    `insert into requests values ('request-a', 'agency-a', 'k', 't', 'h', 'p', 'i', 'published', 5, 9)`,
    `insert into requests values ('request-b', 'agency-a', 'k', 't2', 'h2', 'p', 'i', 'resolved', 6, 9)`,
    `insert into request_cells values ('request-a', '9q8yy')`,
    `insert into area_cells values ('9q8yy', 3, 1)`,
    `insert into intakes (device, grant_id, clip, request, agency, owner_key, grant_sha256, manifest, manifest_sha256, clip_sha256,
       clip_bytes, expires_s, upload, uploading, creations, state, receipt, stored_s)
       values ('device-a', 'grant-a', 'clip-a', 'request-a', 'agency-a', 'o', 'g', 'm', 'h', 'c', 3000000000, 9, 'upload-a', 0, 1,
         'stored', 'r', 7)`,
    `insert into revoked_grants values ('device-a', 'grant-b', 'o', 'g', 'deleted-receipt', 8)`,
    `insert into access_log (at_us, agency, clip, part, reason, token)
       values (1790000000123456, 'agency-a', 'clip-a', 'clip', 'case 9', 'access-old')`,
  ],
  (kind) => [
    `insert into custody_secret values (${bytes(kind, SECRET)})`,
    `insert into custody_leaves values (0, '{"kind":"request"}', null, ${bytes(kind, 'aa')}, '{}')`,
    `insert into custody_nodes values (0, 0, ${bytes(kind, HASH)})`,
    `insert into custody_cosignatures values ('w', 1, 'head', 'c')`,
    `update kept_documents set revision = 4`,
  ],
  () => [
    `update intakes set vault = 'vault-a', handed_over_s = 9, manifest = ''`,
    `insert into hand_overs values ('device-a', 'grant-a', 'item-a', 'handed-over', 'acknowledgement', null, null, null)`,
  ],
  () => [
    `insert into partners values ('partner-a', 'A', 'active', 1, 1, 'h', '')`,
    `insert into agency_profiles values ('agency-a', 'agency-a', 'Spokane PD', 'municipal', 'spokane.example', '[]', '[]', 5)`,
    `update requests set partner = 'partner-a', reason = 'because' where request = 'request-b'`,
  ],
  () => [
    `insert into searches values ('search-a', 'device-a', 'o', 't', 'h', 'p', 'photo', 'open', 5, 9)`,
    `insert into search_cells values ('search-a', '9q8yy', 0)`,
    `insert into search_documents values ('9q8yy', 3, 1)`,
  ],
  () => [
    `insert into moderators values ('moderator-a', 'M', 1, 'h')`,
    `update intakes set manifest = 'm'`,
    `insert into intakes (device, grant_id, clip, request, agency, owner_key, grant_sha256, manifest, manifest_sha256, clip_sha256,
       clip_bytes, expires_s, upload, uploading, creations, state)
       values ('device-a', 'grant-open', 'clip-open', 'request-a', 'agency-a', 'o', 'g', 'm', 'h', 'c', 30, 9, 'upload-b', 1, 1, 'open')`,
  ],
  (kind) =>
    ['intake', 'access', 'hand-over'].map(
      (what, at) =>
        `insert into custody_leaves (leaf, entry, receipt_sha256, salt, facts)
           values (${at + 1}, '{"kind":"${what}","home":"${HOME}"}', null, ${bytes(kind, 'aa')}, '{}')`,
    ),
  () => [`insert into enrolment_codes values ('used', 100, 'k-used')`],
  () => [`insert into enrolment_codes values ('batch', 100, 3, 1)`],
  // Indexes alone.
  () => [],
  () => [`insert into turns values ('publish', 5)`],
  // Counts of calls, which need not be kept.
  () => [],
  () => [`insert into clone_signs values ('device-a', 'device_clone_clip', 5, 6, 2)`],
];

/** The versions with rows: each that was released. */
export const FORMER_VERSIONS = ROWS.map((_, at) => at + 1);

/** The statements that make a database as `version` left it. */
export function formerBridge(version: number, kind: DatabaseKind): string[] {
  const [made = ''] = spelled(['create table schema_version (version integer not null) strict'], kind);
  const all = MIGRATIONS.slice(0, version).flatMap((step, at) => [
    ...spelled(statementsOf(step), kind),
    ...(ROWS[at]?.(kind) ?? []),
  ]);
  return [made, `insert into schema_version values (${version})`, ...all];
}

/** Checks that a database migrated from `version` has the rows that were in it. */
export async function expectFormer(database: Database, version: number): Promise<void> {
  const { documents, requests, intakes, accessLog, custody, handOvers, neighbors, enrolments, searches, cloneSigns } =
    database;
  expect(await documents.loadRevocations()).toBe('list');
  expect(await enrolments.deviceKey('device-a')).toBe('k');
  expect(await enrolments.redeem('s', { device: 'device-b', key: 'k2', enrolledS: 2 })).toBe(true);
  // A used code is still reserved for its device.
  const reuse = (key: string) => enrolments.redeem('used', { device: `device-${key}`, key, enrolledS: 2 });
  expect([await reuse('k-other'), await reuse('k-used')]).toEqual([false, version >= 8]);
  const batches = (await enrolments.codes(0)).filter(({ devicesMax }) => devicesMax > 1);
  expect(batches).toMatchObject(version >= 9 ? [{ secretSha256: 'batch', devicesMax: 3, enrolled: 1 }] : []);
  expect(await requests.find('request-a')).toMatchObject({
    state: 'published',
    organisation: 'agency-a',
    publishedS: 5,
    submittedS: 5,
    revision: 1,
    findings: [],
    cells: ['9q8yy'],
  });
  const partner = version >= 4 ? { partner: 'partner-a', name: 'A', status: 'active', sinceS: 1 } : null;
  expect(await requests.find('request-b')).toMatchObject({ state: 'resolved', partner });
  expect((await neighbors.profile('agency-a'))?.name).toBe(version >= 4 ? 'Spokane PD' : undefined);
  const search = version >= 5 ? { state: 'open', posterKey: 'o', photo: 'photo', cells: ['9q8yy'] } : null;
  const kept = await searches.find('search-a');
  if (search) expect(kept).toMatchObject(search);
  else expect(kept).toBeNull();
  expect(await searches.nextRevision('9q8yy', 1)).toBe(search ? 4 : 1);
  expect(await requests.partsOf(['9q8yy', '9q8yz'])).toEqual(new Map([['9q8yy', 1]]));
  expect(await requests.nextRevision('9q8yy', 1)).toBe(4);
  expect(await neighbors.outcomes('agency-a', 0)).toEqual({ published: 2, resolved: 1 });
  const key = { device: 'device-a', grant: 'grant-a' };
  const isHanded = version >= 3;
  expect(await intakes.find(key)).toMatchObject({
    clip: 'clip-a',
    request: 'request-a',
    clipBytes: 3_000_000_000,
    receipt: 'r',
    state: isHanded ? 'handed-over' : 'stored',
    vault: isHanded ? 'vault-a' : null,
    isSealed: false,
  });
  expect(await cloneSigns.list(null, 9)).toMatchObject(version >= 13 ? [{ device: 'device-a', times: 2 }] : []);
  // An upload under way is opened again by its device, with a statement.
  expect(await intakes.find({ ...key, grant: 'grant-open' })).toBeNull();
  expect(await database.manifests.former(9)).toMatchObject(
    version >= 6 || version < 3 ? [{ clip: 'clip-a', manifest: 'm', grant: 'grant-a' }] : [],
  );
  expect(await intakes.findRevoked({ ...key, grant: 'grant-b' })).toMatchObject({ receipt: 'deleted-receipt' });
  expect((await handOvers.job(key))?.state).toBe(isHanded ? 'handed-over' : null);
  expect(await accessLog.page({ reader: null, clip: null, after: 0, most: 9 })).toMatchObject([
    {
      number: 1,
      atUs: 1_790_000_000_123_456,
      action: version === 1 ? 'download' : expect.any(String),
      reason: 'case 9',
      leaf: null,
    },
  ]);
  const leaves = version >= 7 ? 4 : version >= 2 ? 1 : 0;
  expect(await custody.size()).toBe(leaves);
  expect(await custody.leavesShownTo(key, 9)).toEqual(version >= 7 ? [1, 3] : []);
  // The same list again is no event, unless its revision was not stored yet.
  await documents.saveRevocations('list', 4);
  expect(await custody.size()).toBe(leaves === 0 ? 1 : leaves);
}
