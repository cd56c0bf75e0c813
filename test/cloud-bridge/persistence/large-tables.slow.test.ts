// @module-tag postgresql
// On twelve million rows PostgreSQL answers the frequent statements of bridge and vault without reading a growing table whole, by the plans
// that it logs.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openVaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';
import { openBridgeAt, PLACE_SEAMS, postgresPlace } from '../../support/bridge-database.ts';
import { freePort } from '../../support/mosquitto.ts';
import { PostgresServer } from '../../support/postgres.ts';
import { proved } from '../../support/proved.ts';
import { GROWING } from '../support/whole-reads.ts';

const MILLION = 1_000_000;
const AGENCIES = 20_000;
const DEVICES = MILLION;
/** Rows of each table, synthetic: one a second until now. */
const NOW_S = 2_000_000_000;

/** Statements that fill the tables with this many rows each. */
const BRIDGE: [rows: number, statement: string][] = [
  [DEVICES, `insert into devices select 'device-' || n, 'key-' || n, n from rows`],
  [
    MILLION,
    `insert into requests (request, agency, agency_key, organisation, token, token_sha256, publication, investigation, state, revision,
       submitted_s, published_s, expires_s)
     select 'request-' || n, 'agency-' || n % ${AGENCIES}, 'k', 'agency-' || n % ${AGENCIES}, repeat('t', 400), 'h', 'p', 'case-' || n,
       'published', 1, ${NOW_S} - n * 60, ${NOW_S} - n * 60, ${NOW_S} - n * 60 + 604800 from rows`,
  ],
  [MILLION, `insert into request_cells select 'request-' || n, 'cell-' || n % 300000 from rows`],
  [MILLION, `insert into area_cells select 'cell-' || n, 1, case when n % 1000 = 0 then 1 else 0 end from rows`],
  [
    MILLION,
    `insert into intakes (device, grant_id, clip, request, agency, owner_key, grant_sha256, manifest, manifest_sha256, clip_sha256,
       clip_bytes, expires_s, upload, uploading, creations, state, stored_s, vault, handed_over_s)
     select 'device-' || n, 'grant-' || n, 'clip-' || n, 'request-' || n, 'agency-' || n % ${AGENCIES}, 'o', 'g', '', 'h', 'c', 1, 1,
       'upload-' || n, 0, 1, case when n % 100000 = 0 then 'open' else 'stored' end, ${NOW_S} - n, 'vault-a',
       case when n > 100 then 1 end from rows`,
  ],
  [
    MILLION,
    `insert into hand_overs (device, grant_id, item, state) select 'device-' || n, 'grant-' || n, 'item-' || n,
       case when n % 100000 = 0 then 'recalling' else 'confirmed' end from rows`,
  ],
  [
    MILLION,
    `insert into access_log (at_us, agency, clip, part, reason, token, action, officer)
     select n, 'agency-' || n % ${AGENCIES}, 'clip-' || n, 'clip', 'r', 't', 'view', 'o' from rows`,
  ],
];
const VAULT: [rows: number, statement: string][] = [
  [
    MILLION,
    `insert into items (item, agency, bridge, home, grant_id, clip, request, investigation, source, owner_key, device_key, grant_sha256,
       manifest, manifest_sha256, clip_sha256, clip_bytes, recorded_s, uploaded_s, state, access_class, triage, due_s, acknowledgement)
     select 'item-' || n, 'agency-' || n % ${AGENCIES}, 'b', 'home-' || n, 'grant-' || n, 'c', 'r', 'i', 'individual', 'o', 'd', 'g',
       repeat('m', 400), 'h', 'c', 1, 1, ${NOW_S} - n, 'active', 'none', 'accepted', ${NOW_S} - 10 + n, 'a' from rows`,
  ],
  [MILLION, `insert into item_categories select 'item-' || n, 'theft' from rows`],
  [MILLION, `insert into item_cases select 'item-' || n, 'case-' || n from rows`],
  [
    2 * MILLION,
    `insert into trail (at_us, agency, item, cases, by, officer, reason, event, detail)
     select n, 'agency-' || n % ${AGENCIES}, 'item-' || n, '[]', 'c', 'o', 'r', 'viewed', '' from rows`,
  ],
];

let server: PostgresServer;
let url: string;
beforeAll(async () => {
  server = await PostgresServer.open(await freePort());
  url = await server.database('large');
  await (await openBridgeAt(postgresPlace(url))).close();
  await (await openVaultDatabase(postgresPlace(url, 'vault'), PLACE_SEAMS)).close();
  for (const [part, tables] of [['bridge', BRIDGE] as const, ['vault', VAULT] as const]) {
    for (const [rows, statement] of tables) {
      const filled = statement.replace('from rows', `from generate_series(1, ${rows}) as n`);
      // As a restored dump does: without checking each foreign key.
      await server.ask(
        `set session_replication_role = replica; set search_path = doorsill_${part}; ${filled}`,
        'large',
      );
    }
  }
  await server.ask('vacuum analyze', 'large');
  await server.stop();
  await server.start({
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_format': 'text',
  });
}, 900_000);
afterAll(() => server?.dispose());

it('reads no growing table whole', { timeout: 120_000 }, async (test) => {
  const before = server.log.length;
  const bridge = await openBridgeAt(postgresPlace(url));
  const reader = { agency: 'agency-7', organisation: 'agency-7' };
  const some = <Row>(rows: readonly Row[]) => expect(rows.length).toBeGreaterThan(0);
  some(await bridge.intakes.storedClips(reader, null, 20));
  some(await bridge.intakes.storedClips(reader, { storedS: NOW_S - 1_000, clip: 'clip-z' }, 20));
  some(await bridge.intakes.openIntakes());
  some(await bridge.handOvers.jobs('vault-a', 20));
  some(await bridge.accessLog.page({ reader, clip: null, after: 0, most: 20 }));
  some(await bridge.accessLog.page({ reader: null, clip: 'clip-9', after: 0, most: 20 }));
  some(await bridge.requests.unexpiredIn((await bridge.requests.cellsToPublish(NOW_S)).slice(0, 200), NOW_S));
  some(await bridge.requests.ofAgency('agency-7', null, 20));
  some([...(await bridge.requests.partsOf(['cell-0', 'cell-1000']))]);
  some(await bridge.neighbors.posts(null, null, 20));
  expect(await bridge.requests.counts(NOW_S)).toMatchObject({ in_moderation: 0 });
  expect(await bridge.manifests.former(10)).toEqual([]);
  await bridge.close();
  const vault = await openVaultDatabase(postgresPlace(url, 'vault'), PLACE_SEAMS);
  const page = { after: undefined, limit: 20 };
  some(await vault.items.list('agency-7', { states: ['active'], classes: ['none'] }, page));
  some(await vault.items.list('agency-7', { states: ['active'], classes: ['none'], case: 'case-7' }, page));
  some(await vault.items.overdue(NOW_S, 0, 20));
  some(await vault.trail.list('agency-7', null, page));
  some(await vault.trail.list('agency-7', 'item-7', page));
  await vault.close();
  const plans = server.log.slice(before);
  expect(plans.match(/Index (Only )?Scan/g)?.length).toBeGreaterThan(15);
  const whole = GROWING.filter((table) => new RegExp(`Seq Scan on ${table}\\b`).test(plans));
  expect(whole).toEqual([]);
  const rows = [...BRIDGE, ...VAULT].reduce((sum, [count]) => sum + count, 0);
  proved(test, 'Growing tables that PostgreSQL reads whole, and the rows they have', `0; ${rows}`);
});
