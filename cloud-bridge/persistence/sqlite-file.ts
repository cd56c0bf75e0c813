// Owns: one SQLite file as a server process keeps it: private, durable at every commit, brought forward by migrations.
// Not here: which tables there are (each bridge-schema.ts), the stores on top of them.
import { chmodSync, closeSync, openSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { type Driver, Kysely, type SqliteDatabase, SqliteDialect } from 'kysely';
import { isNoSpace, systemCode } from '../../device/base/disk.ts';
import { type Failure, failure, isFailure } from '../../device/protocol/errors.ts';
import { bringForward, type Migrations } from './migrations.ts';

/**
 * Opens the file, made when missing, brings it to today's schema, and makes the stores on top of it. Throws `state_damaged`
 * for a file that is none of ours, `data_newer`, `database_full`, `database_busy`, `database_unusable` for one that could be used if the
 * machine let us.
 */
export async function openSqlite<Tables, Stores>(
  path: string,
  migrations: Migrations,
  stores: (tables: Kysely<Tables>) => Stores | Promise<Stores>,
): Promise<Stores & { close(): Promise<void> }> {
  let tables: Kysely<Tables> | null = null;
  let file: Sqlite.Database | null = null;
  try {
    keepPrivate(path);
    file = new Sqlite(path);
    tables = new Kysely<Tables>({ dialect: new PlainSpokenDialect({ database: keepingStatements(file) }) });
    file.pragma('journal_mode = WAL');
    // A decision counts only once it is on the disk: fsync at every commit, not only at checkpoints.
    file.pragma('synchronous = FULL');
    // What a home disclosed is overwritten when its row is emptied, not left in free pages.
    file.pragma('secure_delete = ON');
    file.pragma('busy_timeout = 5000');
    // A database that can only be read is found out now, not when the first clip has come.
    file.exec('begin immediate; rollback');
    // Off while tables are made anew; what they then refer to is looked at once more.
    file.pragma('foreign_keys = OFF');
    await bringForward(tables, 'sqlite', path, migrations);
    if (file.pragma('foreign_key_check', { simple: true }) !== undefined)
      throw failure('state_damaged', { file: path, detail: 'a row refers to one that is missing' });
    file.pragma('foreign_keys = ON');
    const open = tables;
    return { ...(await stores(open)), close: () => open.destroy() };
  } catch (thrown) {
    await tables?.destroy();
    // The line before closes only what was used already.
    file?.close();
    throw openingFault(thrown, path) ?? thrown;
  }
}

/** What SQLite says of the machine rather than of the file: result codes by their primary name (sqlite.org/rescode.html). */
const OF_THE_MACHINE = /^SQLITE_(READONLY|CANTOPEN|IOERR|PERM|AUTH|NOLFS|NOMEM|PROTOCOL)(_|$)/;

/** Why a database could not be opened, as a coded failure; null for a bug of ours. */
function openingFault(thrown: unknown, path: string): Failure | null {
  const code = isFailure(thrown) ? null : systemCode(thrown);
  if (!(thrown instanceof Error) || code === null) return null;
  const facts = { file: path, detail: thrown.message };
  if (code === 'SQLITE_FULL' || isNoSpace(thrown)) return failure('database_full', facts, thrown);
  if (/^SQLITE_(BUSY|LOCKED)(_|$)/.test(code)) return failure('database_busy', facts, thrown);
  const isMachine = !(thrown instanceof Sqlite.SqliteError) || OF_THE_MACHINE.test(code);
  // Where there is no room for one more file, SQLite says that it cannot open it.
  if (isMachine && freeBytes(dirname(path)) < FREE_BYTES_MIN) return failure('database_full', facts, thrown);
  return failure(isMachine ? 'database_unusable' : 'state_damaged', facts, thrown);
}

/** What SQLite makes beside the file when it is opened. */
const FREE_BYTES_MIN = 65_536;

/** Bytes free for us in a folder; Infinity where nobody can say. */
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
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
