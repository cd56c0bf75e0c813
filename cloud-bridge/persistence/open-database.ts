// Owns: where a server process keeps its rows, according to its settings, and opening it. Not here: either kind of database.
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import type { Clock } from '../../device/base/clock.ts';
import type { Disk } from '../../device/base/disk.ts';
import { assertFileIsHome, bindFolder } from './folder-binding.ts';
import type { Migrations } from './migrations.ts';
import { openPostgres } from './open-postgres.ts';
import { nameOf, type PostgresAddress } from './postgres-address.ts';
import { openSqlite, type SqliteLife } from './sqlite-file.ts';

/**
 * The first of `files` in the data folder, an SQLite file; or our schema of a PostgreSQL database, which replaces all of them: for one
 * process, or for several that each have a name (`instance`).
 */
export type DatabasePlace = { folder: string; files: readonly [string, ...string[]] } & (
  | { address: null }
  | { address: PostgresAddress; passwordFile: string | null; schema: string; instance?: string | undefined }
);

export interface PlaceSeams {
  clock: Clock;
  disk: Disk;
  /** Absent: the process ends when it likes. */
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

/** What a place is called in messages. */
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
    assertFileIsHome(folder, files[0]);
    return openSqlite(join(folder, files[0]), migrations, stores, life);
  }
  return openPostgres({ ...place, clock }, migrations, async (tables: Kysely<Tables>) => {
    await bindFolder(tables, disk, place, placeName(place));
    return stores(tables);
  });
}
