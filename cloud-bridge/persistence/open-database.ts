import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Migrations } from './migrations.ts';
import { openPostgres } from './open-postgres.ts';
import { nameOf, type PostgresAddress } from './postgres-address.ts';
import { openSqlite, type SqliteLife } from './sqlite-file.ts';

/** A file in a data folder whose rows are in PostgreSQL: it holds the identity of that database. */
const MARK_NAME = 'database.id';
const identitySchema = z.uuid();

/** Throws `database_unfit` for a folder whose rows are in a PostgreSQL database, not in its file `name`. */
function assertRowsInFile(folder: string, name: string): void {
  const file = join(folder, name);
  if (existsSync(file) || !existsSync(join(folder, MARK_NAME))) return;
  throw failure('database_unfit', { file, detail: `the rows of this folder are in PostgreSQL, as ${MARK_NAME} says` });
}

/**
 * Binds a folder and the open database to each other. `where` names the database. Throws `database_unfit` if the folder's rows are in
 * another database, or in one of the folder's own `files`.
 */
async function bindFolder<Tables>(
  tables: Kysely<Tables>,
  disk: Disk,
  { folder, files }: { folder: string; files: readonly string[] },
  where: string,
): Promise<void> {
  const file = files.find((one) => existsSync(join(folder, one)));
  if (file !== undefined) {
    const detail = `the rows of ${folder} are in its ${file}; they are not moved: name another folder`;
    throw failure('database_unfit', { file: where, detail });
  }
  const identity = await identityOf(tables);
  const mark = join(folder, MARK_NAME);
  if (!existsSync(mark)) return disk.replaceFile(mark, utf8(`${identity}\n`));
  if (readFileSync(mark, 'utf8').trim() !== identity) {
    throw failure('database_unfit', {
      file: where,
      detail: `the rows of ${folder} are in another one, as ${MARK_NAME} says`,
    });
  }
}

/** The database's identity, created the first time; a dump of the database includes it. */
async function identityOf<Tables>(tables: Kysely<Tables>): Promise<string> {
  await sql`create table if not exists database_identity (one int primary key check (one = 1), identity uuid not null)`.execute(
    tables,
  );
  await sql`insert into database_identity values (1, gen_random_uuid()) on conflict do nothing`.execute(tables);
  const { rows } = await sql`select identity from database_identity`.execute(tables);
  return z.object({ identity: identitySchema }).parse(rows[0]).identity;
}

/**
 * Where a server process keeps its rows: the first of `files` in the data folder, an SQLite file; or our schema of a PostgreSQL database,
 * for one process or for several that each have a name (`instance`).
 */
export type DatabasePlace = { folder: string; files: readonly [string, ...string[]] } & (
  | { address: null }
  | { address: PostgresAddress; passwordFile: string | null; schema: string; instance?: string | undefined }
);

export interface PlaceSeams {
  clock: Clock;
  disk: Disk;
  life?: SqliteLife | undefined;
}

/** The place for the rows of a part; without a PostgreSQL database they are in `files`. */
export function databasePlace(
  settings: {
    dataFolder: string;
    database?: PostgresAddress | undefined;
    databasePasswordFile?: string | undefined;
    instance?: { name: string } | undefined;
  },
  part: 'bridge' | 'vault' | 'registry',
  files: readonly [string, ...string[]] = [`${part}.sqlite`],
): DatabasePlace {
  const { dataFolder: folder, database: address, databasePasswordFile: passwordFile = null } = settings;
  if (!address) return { folder, files, address: null };
  return { folder, files, address, passwordFile, schema: `doorsill_${part}`, instance: settings.instance?.name };
}

/** Name of a place in messages. */
export function placeName({ address, folder, files }: DatabasePlace): string {
  return address ? nameOf(address) : join(folder, files[0]);
}

/**
 * Opens the place, migrates it to the current schema, and creates the stores on top. Throws as `openSqlite` and `openPostgres` do, and
 * `database_unfit` for a place that does not belong to its folder.
 */
export async function openAt<Tables, Stores>(
  place: DatabasePlace,
  { clock, disk, life }: PlaceSeams,
  migrations: Migrations,
  stores: (tables: Kysely<Tables>) => Stores | Promise<Stores>,
): Promise<Stores & { close(): Promise<void> }> {
  const { folder, files } = place;
  if (!place.address) {
    assertRowsInFile(folder, files[0]);
    return openSqlite(join(folder, files[0]), migrations, stores, life);
  }
  return openPostgres({ ...place, clock }, migrations, async (tables: Kysely<Tables>) => {
    await bindFolder(tables, disk, place, placeName(place));
    return stores(tables);
  });
}
