// Limits that several processes share, on counts in PostgreSQL: exact under concurrency, in one statement that waits for no writer and for
// no disk.
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { instancePlace, openBridgeAt } from '../../support/bridge-database.ts';
import { freePort } from '../../support/mosquitto.ts';
import { PostgresServer } from '../../support/postgres.ts';
import { sharedLimitsContract } from '../http/rate-limits-contract.ts';

let server: PostgresServer;
let name = '';
let url = '';
let count = 0;
beforeAll(async () => {
  server = await PostgresServer.open(await freePort());
}, 120_000);
afterAll(() => server.dispose(), 60_000);
const opened: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  count += 1;
  name = `counts_${count}`;
  url = await server.database(name);
}, 60_000);
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function open(instance: string) {
  const database = await openBridgeAt(instancePlace(url, instance));
  opened.push(database);
  return database;
}
const ask = (text: string) => server.ask(text, name);
const COUNTS = 'doorsill_bridge.call_counts';

sharedLimitsContract(async () => {
  let instances = 0;
  return {
    store: async () => {
      instances += 1;
      return (await open(`i${instances}`)).callCounts;
    },
    endWindows: async () => void (await ask(`update ${COUNTS} set ends_ms = 0`)),
    names: async () => Number((await ask(`select count(*) as names from ${COUNTS}`))[0]?.['names']),
  };
});

const wanted = { countMax: 100, spanMs: 60_000, least: 1 };

it('counts while another instance holds the write lock', async () => {
  const { callCounts } = await open('a');
  const writers = `select pg_advisory_lock(hashtextextended('doorsill_bridge writers', 0))`;
  const held = server.ask(`${writers}; select pg_sleep(3600)`, name).catch(() => undefined);
  const holds = async () => (await ask(`select 1 as one from pg_stat_activity where wait_event = 'PgSleep'`)).length;
  await expect.poll(holds, { timeout: 30_000 }).toBe(1);
  expect(await callCounts.take(new Uint8Array(32), wanted)).toMatchObject({ taken: 6, left: 94 });
  await ask(`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`);
  await held;
}, 60_000);

it('is an unlogged table, so that a commit waits for no disk and no standby', async () => {
  await open('a');
  expect(await ask(`select relpersistence as kind from pg_class where relname = 'call_counts'`)).toEqual([
    { kind: 'u' },
  ]);
});

it('finds a name, and the ended windows, by an index', async () => {
  await open('a');
  await ask(
    `insert into ${COUNTS} select sha256(n::text::bytea), n, 1, 1 from generate_series(1, 100000) n; analyze ${COUNTS}`,
  );
  const plan = async (text: string) => (await ask(`explain ${text}`)).map((row) => Object.values(row)[0]).join('\n');
  expect(await plan(`select * from ${COUNTS} where name = '\\x00'`)).toMatch(/Index Scan/);
  expect(await plan(`delete from ${COUNTS} where ends_ms <= 10`)).toMatch(/Index Scan using call_counts_by_end/);
}, 60_000);
