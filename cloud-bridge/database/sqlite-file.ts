// Owns: one SQLite file as a server process keeps it: private, durable at every commit, brought forward by migrations.
// Not here: which tables there are (each schema.ts), the stores on top of them.
import { chmodSync, closeSync, openSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { type Driver, Kysely, type SqliteDatabase, SqliteDialect, sql } from 'kysely';
import { failure } from '../../device/protocol/errors.ts';

/** Statements that lead from each version to the next. Never edit one that was released: append. */
export type Migrations = readonly (readonly string[])[];

/** Opens the file, made when missing, and brings it to today's schema. Throws `state_damaged`. */
export async function openSqlite<Tables>(path: string, migrations: Migrations): Promise<Kysely<Tables>> {
  let tables: Kysely<Tables> | null = null;
  try {
    keepPrivate(path);
    const file = new Sqlite(path);
    tables = new Kysely<Tables>({ dialect: new PlainSpokenDialect({ database: keepingStatements(file) }) });
    file.pragma('journal_mode = WAL');
    // A decision counts only once it is on the disk: fsync at every commit, not only at checkpoints.
    file.pragma('synchronous = FULL');
    file.pragma('foreign_keys = ON');
    // What a home disclosed is overwritten when its row is emptied, not left in free pages.
    file.pragma('secure_delete = ON');
    file.pragma('busy_timeout = 5000');
    await migrate(tables, path, migrations);
    return tables;
  } catch (thrown) {
    await tables?.destroy();
    if (thrown instanceof Sqlite.SqliteError)
      throw failure('state_damaged', { file: path, detail: thrown.message }, thrown);
    throw thrown;
  }
}

/** SQLite ends a transaction itself when the disk is full; that there is none to roll back then must not hide why. */
class PlainSpokenDialect extends SqliteDialect {
  override createDriver(): Driver {
    const driver = super.createDriver();
    const rollback = driver.rollbackTransaction.bind(driver);
    driver.rollbackTransaction = (connection) =>
      rollback(connection).catch((thrown: unknown) => {
        if (!(thrown instanceof Sqlite.SqliteError) || !thrown.message.includes('no transaction is active'))
          throw thrown;
      });
    return driver;
  }
}

/** More statements than the stores have: their texts vary with nothing but which columns are set. */
const STATEMENTS_MAX = 200;

/** The file with its statements kept: kysely has each prepared anew for each use, which costs more than running it. */
function keepingStatements(file: Sqlite.Database): SqliteDatabase {
  const kept = new Map<string, Sqlite.Statement>();
  return {
    close: () => void file.close(),
    prepare: (text) => {
      const known = kept.get(text) ?? file.prepare(text);
      if (kept.size >= STATEMENTS_MAX) kept.clear();
      kept.set(text, known);
      return known;
    },
  };
}

/** What homes disclosed is for this user alone, also in a folder that others can read. SQLite gives its other files the same mode. */
function keepPrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

async function migrate<Tables>(tables: Kysely<Tables>, path: string, migrations: Migrations): Promise<void> {
  await sql`create table if not exists schema_version (version integer not null) strict`.execute(tables);
  const { rows } = await sql<{ version: number }>`select version from schema_version`.execute(tables);
  const version = rows[0]?.version ?? 0;
  if (version > migrations.length) {
    throw failure('state_damaged', { file: path, detail: `its schema ${version} is newer than this program` });
  }
  for (let next = version; next < migrations.length; next += 1) {
    await tables.transaction().execute(async (step) => {
      for (const statement of migrations[next] ?? []) await sql.raw(statement).execute(step);
      await sql`delete from schema_version`.execute(step);
      await sql`insert into schema_version (version) values (${next + 1})`.execute(step);
    });
  }
}
