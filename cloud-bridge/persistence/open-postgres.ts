// A PostgreSQL database that is durable at every commit; our schema in it belongs to one process, or to its named instances.

import { failure } from '@doorsill/contract/errors';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { type Migrations, migrate } from './migrations.ts';
import { nameOf } from './postgres-address.ts';
import { type ConnectionDeps, migrationLock, OneConnection } from './postgres-connection.ts';
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
  // One connection, as SQLite has one writer: nobody changes what a transaction has read before it ends.
  const connection = new OneConnection(deps);
  const tables = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: connection }) });
  try {
    await migrate(tables, 'postgres', where, migrations, (step) => alone(tables, deps, step));
    connection.expect(migrations.length);
    const opened = { ...(await stores(tables)), close: () => tables.destroy() };
    if (deps.instance !== undefined) {
      await sql`select pg_advisory_unlock(hashtextextended(${migrationLock(deps.schema)}, 0))`.execute(tables);
    }
    return opened;
  } catch (thrown) {
    await tables.destroy();
    throw postgresFault(thrown, where) ?? thrown;
  }
}

/** Runs a step while no other instance uses the schema. Throws `database_busy`. */
async function alone<Tables>(
  tables: Kysely<Tables>,
  { address, schema, instance }: ConnectionDeps,
  step: () => Promise<void>,
): Promise<void> {
  if (instance === undefined) return step();
  // This connection's own shared lock does not conflict.
  const asked = sql<{ isOurs: boolean }>`select pg_try_advisory_lock(hashtextextended(${schema}, 0)) as "isOurs"`;
  const [row] = (await asked.execute(tables)).rows;
  if (!row?.isOurs) {
    const detail = 'other instances are running that cannot work with the schema of this release: stop them first';
    throw failure('database_busy', { file: nameOf(address), detail });
  }
  await step();
  await sql`select pg_advisory_unlock(hashtextextended(${schema}, 0))`.execute(tables);
}
