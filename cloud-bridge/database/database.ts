// Owns: the bridge's one SQLite file: opening, durability, migrations; and the stores on top of it.
// Not here: what the stores mean (each capability's store.ts).
import { chmodSync, closeSync, openSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { type Driver, Kysely, type SqliteDatabase, SqliteDialect, sql } from 'kysely';
import { failure } from '../../device/protocol/errors.ts';
import { SqlAccessLog } from './access-log.ts';
import { SqlDocuments } from './documents.ts';
import { SqlEnrolments } from './enrolments.ts';
import type { NoteEvent } from './events.ts';
import { SqlIntakes } from './intakes.ts';
import { SqlNeighbors } from './neighbors.ts';
import { SqlPartners } from './partners.ts';
import { SqlRequests } from './requests.ts';
import { MIGRATIONS, type Tables } from './schema.ts';

/** All stores of one database. */
export interface Database {
  documents: SqlDocuments;
  enrolments: SqlEnrolments;
  requests: SqlRequests;
  partners: SqlPartners;
  neighbors: SqlNeighbors;
  intakes: SqlIntakes;
  accessLog: SqlAccessLog;
  close(): Promise<void>;
}

/**
 * Opens the file, made when missing, and brings it to today's schema. `note` is told of every change of a request or partner
 * inside its transaction. Throws `state_damaged`.
 */
export async function openDatabase(path: string, note: NoteEvent = async () => undefined): Promise<Database> {
  let tables: Kysely<Tables> | null = null;
  try {
    keepPrivate(path);
    const file = new Sqlite(path);
    tables = new Kysely<Tables>({ dialect: new PlainSpokenDialect({ database: keepingStatements(file) }) });
    file.pragma('journal_mode = WAL');
    // A decision counts only once it is on the disk: fsync at every commit, not only at checkpoints.
    file.pragma('synchronous = FULL');
    // What a home disclosed is overwritten when its row is emptied, not left in free pages.
    file.pragma('secure_delete = ON');
    file.pragma('busy_timeout = 5000');
    // Off while tables are made anew; what they then refer to is looked at once more.
    file.pragma('foreign_keys = OFF');
    await migrate(tables, path);
    if (file.pragma('foreign_key_check', { simple: true }) !== undefined)
      throw failure('state_damaged', { file: path, detail: 'a row refers to one that is missing' });
    file.pragma('foreign_keys = ON');
  } catch (thrown) {
    await tables?.destroy();
    if (thrown instanceof Sqlite.SqliteError)
      throw failure('state_damaged', { file: path, detail: thrown.message }, thrown);
    throw thrown;
  }
  const open = tables;
  return {
    documents: new SqlDocuments(open),
    enrolments: new SqlEnrolments(open),
    requests: new SqlRequests(open, note),
    partners: new SqlPartners(open, note),
    neighbors: new SqlNeighbors(open),
    intakes: new SqlIntakes(open),
    accessLog: new SqlAccessLog(open),
    close: () => open.destroy(),
  };
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

async function migrate(tables: Kysely<Tables>, path: string): Promise<void> {
  await sql`create table if not exists schema_version (version integer not null) strict`.execute(tables);
  const row = await tables.selectFrom('schema_version').select('version').executeTakeFirst();
  const version = row?.version ?? 0;
  if (version > MIGRATIONS.length) {
    throw failure('state_damaged', { file: path, detail: `its schema ${version} is newer than this program` });
  }
  for (let next = version; next < MIGRATIONS.length; next += 1) {
    await tables.transaction().execute(async (step) => {
      for (const statement of MIGRATIONS[next] ?? []) await sql.raw(statement).execute(step);
      await step.deleteFrom('schema_version').execute();
      await step
        .insertInto('schema_version')
        .values({ version: next + 1 })
        .execute();
    });
  }
}
