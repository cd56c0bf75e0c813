// A file of every released version is migrated to the current schema with all its rows, in steps that happen whole or not at all.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MIGRATIONS } from '../../../cloud-bridge/persistence/bridge-schema.ts';
import { type Migrations, spelled, statementsOf } from '../../../cloud-bridge/persistence/migrations.ts';
import { openSqlite } from '../../../cloud-bridge/persistence/sqlite-file.ts';
import { openVaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';
import { MIGRATIONS as VAULT_MIGRATIONS } from '../../../cloud-bridge/vault/vault-schema.ts';
import { filePlace, openBridgeDatabase, PLACE_SEAMS } from '../../support/bridge-database.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { expectFormer, FORMER_VERSIONS, formerBridge } from '../support/former-bridge.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-migrations-'));
  path = join(folder, 'former.sqlite');
});
afterEach(() => rm(folder, { recursive: true }));

function write(statements: readonly string[]): void {
  const file = new Sqlite(path);
  // As during a migration.
  file.pragma('foreign_keys = OFF');
  for (const statement of statements) file.exec(statement);
  file.close();
}

/** The whole content of a file: its schema and its rows. */
function everything(): string {
  const file = new Sqlite(path);
  file.pragma('wal_checkpoint(truncate)');
  const schema = file.prepare('select type, name, sql from sqlite_schema order by name').all();
  const names = file.prepare(`select name from sqlite_schema where type = 'table' order by name`).pluck().all();
  const rows = names.map((name) => file.prepare(`select * from "${String(name)}"`).all());
  file.close();
  return JSON.stringify({ schema, rows });
}

it('has sample rows for every released version', () => {
  expect(FORMER_VERSIONS).toEqual(expect.arrayContaining(MIGRATIONS.slice(0, -1).map((_, at) => at + 1)));
});

/** Statements that a running former release tolerates: new tables, plain indexes, and columns that need no value. */
const ADDS =
  /^(create (?:unlogged )?table|create index|alter table \w+ add column (?!.*\bunique\b)(?!.*\bnot null\b(?!.*\bdefault\b)))(?!.*\breferences\b)/s;
const besides = (migrations: Migrations) =>
  migrations.flatMap((step) =>
    'beside' in step ? [...spelled(step.beside, 'sqlite'), ...spelled(step.beside, 'postgres')] : [],
  );

it('marks a release as able to run beside the former one only when its steps just add', () => {
  expect(besides(MIGRATIONS).length).toBeGreaterThan(0);
  for (const list of [MIGRATIONS, VAULT_MIGRATIONS]) expect(besides(list).filter((one) => !ADDS.test(one))).toEqual([]);
  const wrong = [
    'drop table notes',
    'delete from notes',
    'alter table notes drop column a',
    'alter table notes rename column a to b',
    'alter table notes add column a integer not null',
    'alter table notes add column a text unique',
    'create unique index notes_by_a on notes (a)',
    'create table more (a text references notes (a)) strict',
  ];
  expect(wrong.filter((one) => ADDS.test(one))).toEqual([]);
  expect(ADDS.test(`alter table notes add column a text not null default ''`)).toBe(true);
});

it.each(FORMER_VERSIONS)('migrates a bridge’s file of version %i with all its rows', async (version) => {
  write(formerBridge(version, 'sqlite'));
  const database = await openBridgeDatabase(path);
  await expectFormer(database, version);
  await database.close();
  const file = new Sqlite(path);
  expect(file.pragma('foreign_key_check')).toEqual([]);
  expect(file.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(file.prepare('select version from schema_version').all()).toEqual([{ version: MIGRATIONS.length }]);
  file.close();
});

it('migrates a vault’s file of its first version, and refuses one of a newer version without touching it', async () => {
  write([
    'create table schema_version (version integer not null) strict',
    'insert into schema_version values (1)',
    ...spelled(statementsOf(VAULT_MIGRATIONS[0] ?? []), 'sqlite'),
    `insert into bridges values ('bridge-a', 'k')`,
    `insert into items values ('item-a', 'agency-a', 'bridge-a', 'device-a', 'grant-a', 'clip-a', 'request-a', 'i',
       'community-request', 'o', 'd', 'g', 'm', 'h', 'c', 3000000000, 10, 20, 'active', 'none', 'pending', null, null, null, null,
       'a', null, null)`,
    `insert into item_categories values ('item-a', 'theft')`,
    `insert into trail values (7, 1790000000123456, 'agency-a', 'item-a', '[]', 'c', 'o', 'r', 'viewed', '')`,
  ]);
  const vault = await openVaultDatabase(filePlace(path), PLACE_SEAMS);
  expect(await vault.items.find('item-a')).toMatchObject({
    categories: ['theft'],
    clipBytes: 3_000_000_000,
    dueS: null,
  });
  expect(await vault.access.bridges()).toEqual([{ bridge: 'bridge-a', key: 'k' }]);
  expect(await vault.trail.list('agency-a', null, { after: undefined, limit: 9 })).toMatchObject([{ sequence: 7 }]);
  await vault.close();
  write(['update schema_version set version = 99']);
  const before = everything();
  await expect(openVaultDatabase(filePlace(path), PLACE_SEAMS)).rejects.toMatchObject({ code: 'data_newer' });
  expect(everything()).toBe(before);
});

it('leaves a file as it was when any statement of a step fails, and continues from there at the next start', async () => {
  const version = MIGRATIONS.length - 1;
  const step = statementsOf(MIGRATIONS[version] ?? []);
  write(formerBridge(version, 'sqlite'));
  const before = everything();
  for (let at = 0; at <= step.length; at += 1) {
    const broken: Migrations = [
      ...MIGRATIONS.slice(0, version),
      [...step.slice(0, at), 'select no_such_thing()', ...step.slice(at)],
    ];
    await expect(
      openSqlite(path, broken, () => ({})),
      `statement ${at}`,
    ).rejects.toThrow(/no_such_thing/);
    expect(everything(), `statement ${at}`).toBe(before);
  }
  const database = await openBridgeDatabase(path);
  await expectFormer(database, version);
  await database.close();
});
