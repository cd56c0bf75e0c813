// Owns: where a server process keeps its rows, as its settings say, and opening whichever it is. Not here: either kind.
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import type { Clock } from '../../device/base/clock.ts';
import type { Migrations } from './migrations.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { openPostgres } from './postgres-server.ts';
import { openSqlite } from './sqlite-file.ts';

/** An SQLite file, or our part of a PostgreSQL database. */
export type DatabasePlace =
  | { file: string }
  | { address: PostgresAddress; passwordFile: string | null; schema: string };

/** The place for the rows of `part`, such as `bridge`. */
export function databasePlace(
  settings: { dataFolder: string; database?: PostgresAddress | undefined; databasePasswordFile?: string | undefined },
  part: 'bridge' | 'vault',
): DatabasePlace {
  const { dataFolder, database: address, databasePasswordFile: passwordFile = null } = settings;
  if (!address) return { file: join(dataFolder, `${part}.sqlite`) };
  return { address, passwordFile, schema: `doorsill_${part}` };
}

/** Opens the place, brings it to today's schema, and makes the stores on top. Throws as `openSqlite` and `openPostgres` do. */
export function openAt<Tables, Stores>(
  place: DatabasePlace,
  clock: Clock,
  migrations: Migrations,
  stores: (tables: Kysely<Tables>) => Stores | Promise<Stores>,
): Promise<Stores & { close(): Promise<void> }> {
  return 'file' in place
    ? openSqlite(place.file, migrations, stores)
    : openPostgres({ ...place, clock }, migrations, stores);
}
