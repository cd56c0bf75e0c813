// Owns: a PostgreSQL database as a server process uses it: ours alone, durable at every commit, brought up to date by migrations.
// Not here: the connection (postgres-connection.ts), which tables there are (each bridge-schema.ts), the stores on top of them.
import { Kysely, PostgresDialect } from 'kysely';
import { bringForward, type Migrations } from './migrations.ts';
import { nameOf } from './postgres-address.ts';
import { type ConnectionDeps, OneConnection } from './postgres-connection.ts';
import { postgresFault } from './postgres-faults.ts';

/**
 * Opens the database, migrates our schema in it to the current version, and creates the stores on top. A connection that is lost
 * later is reopened at the next use; until then each use rejects with `database_unreachable`. Throws `database_...`,
 * `data_newer`, `file_unusable`, `state_damaged`.
 */
export async function openPostgres<Tables, Stores>(
  deps: ConnectionDeps,
  migrations: Migrations,
  stores: (tables: Kysely<Tables>) => Stores | Promise<Stores>,
): Promise<Stores & { close(): Promise<void> }> {
  const where = nameOf(deps.address);
  // One connection, as SQLite has one writer: what a transaction has read stays true until it ends.
  const connection = new OneConnection(deps);
  const tables = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: connection }) });
  try {
    await bringForward(tables, 'postgres', where, migrations);
    connection.expect(migrations.length);
    return { ...(await stores(tables)), close: () => tables.destroy() };
  } catch (thrown) {
    await tables.destroy();
    throw postgresFault(thrown, where) ?? thrown;
  }
}
