// One SQLite file: private, durable at every commit.
import { chmodSync, closeSync, openSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { isNoSpace, systemCode } from '@doorsill/base/disk';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type Sqlite from 'better-sqlite3';
import { type DatabaseConnection, type Driver, Kysely, type SqliteDatabase, SqliteDialect } from 'kysely';
import { type Migrations, migrate } from './migrations.ts';
import { loadDriver } from './sqlite-driver.ts';

/** For simulations, which may end the process that uses a file before or after any statement. */
export interface SqliteLife {
  /** A file was opened; `close` closes it as the end of its process would. */
  opened(close: () => void): void;
  /** Runs a statement; never resolves once the process has ended. `commits`: its rows are durable when it has run. */
  run<Result>(statement: () => Promise<Result>, commits: boolean): Promise<Result>;
}

/** Loaded with the first file: a doorbell, or a bridge on PostgreSQL, runs without it. */
let driver: typeof Sqlite | null = null;

function isSqliteError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name === 'SqliteError';
}

/**
 * Opens the file, creating it if missing, migrates it to the current schema, and creates the stores on top. Throws `state_damaged` for a
 * file that is not ours, `data_newer`, `database_driver_missing`; `database_full`, `database_busy`, `database_unusable` for faults of the
 * machine.
 */
export async function openSqlite<Tables, Stores>(
  path: string,
  migrations: Migrations,
  stores: (tables: Kysely<Tables>) => Stores | Promise<Stores>,
  life?: SqliteLife,
): Promise<Stores & { close(): Promise<void> }> {
  driver ??= loadDriver();
  let tables: Kysely<Tables> | null = null;
  let file: Sqlite.Database | null = null;
  try {
    makePrivate(path);
    file = new driver(path);
    tables = new Kysely<Tables>({ dialect: new CauseKeepingDialect(file, life) });
    const opened = file;
    life?.opened(() => void opened.close());
    file.pragma('journal_mode = WAL');
    // fsync at every commit, not only at checkpoints: a decision counts only once it is on the disk.
    file.pragma('synchronous = FULL');
    // Data that a home disclosed is overwritten when its row is emptied, not left in free pages.
    file.pragma('secure_delete = ON');
    file.pragma('busy_timeout = 5000');
    // A read-only database fails now, not at the first clip.
    file.exec('begin immediate; rollback');
    // Off while tables are rebuilt; checked afterwards.
    file.pragma('foreign_keys = OFF');
    await migrate(tables, 'sqlite', path, migrations);
    if (file.pragma('foreign_key_check', { simple: true }) !== undefined)
      throw failure('state_damaged', { file: path, detail: 'a row refers to one that is missing' });
    file.pragma('foreign_keys = ON');
    const open = tables;
    return { ...(await stores(open)), close: () => open.destroy() };
  } catch (thrown) {
    await tables?.destroy();
    // `destroy` closes the file only if kysely has used it already.
    file?.close();
    throw openingFault(thrown, path) ?? thrown;
  }
}

/** SQLite errors caused by the machine rather than the file: result codes by their primary name (sqlite.org/rescode.html). */
const MACHINE_FAULT = /^SQLITE_(READONLY|CANTOPEN|IOERR|PERM|AUTH|NOLFS|NOMEM|PROTOCOL)(_|$)/;

/** Why a database could not be opened, as a coded failure; null for a bug of ours. */
function openingFault(thrown: unknown, path: string): Failure | null {
  const code = isFailure(thrown) ? null : systemCode(thrown);
  if (!(thrown instanceof Error) || code === null) return null;
  const facts = { file: path, detail: thrown.message };
  if (code === 'SQLITE_FULL' || isNoSpace(thrown)) return failure('database_full', facts, thrown);
  if (/^SQLITE_(BUSY|LOCKED)(_|$)/.test(code)) return failure('database_busy', facts, thrown);
  const isMachine = !isSqliteError(thrown) || MACHINE_FAULT.test(code);
  // SQLite also reports CANTOPEN when the disk has no room for another file.
  if (isMachine && freeBytes(dirname(path)) < FREE_BYTES_MIN) return failure('database_full', facts, thrown);
  return failure(isMachine ? 'database_unusable' : 'state_damaged', facts, thrown);
}

/** Room for the files that SQLite creates beside the database when opening it. */
const FREE_BYTES_MIN = 65_536;

/** Bytes free for us in a folder; Infinity if unknown. */
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** On a full disk SQLite ends a transaction by itself; the failing rollback after it must not hide the cause. */
class CauseKeepingDialect extends SqliteDialect {
  private readonly file: Sqlite.Database;
  private readonly life: SqliteLife | undefined;

  constructor(file: Sqlite.Database, life: SqliteLife | undefined) {
    super({ database: withCachedStatements(file) });
    this.file = file;
    this.life = life;
  }

  override createDriver(): Driver {
    const driver = super.createDriver();
    const { file, life } = this;
    const acquire = driver.acquireConnection.bind(driver);
    if (life) driver.acquireConnection = async () => underLife(await acquire(), file, life);
    const rollback = driver.rollbackTransaction.bind(driver);
    driver.rollbackTransaction = (connection) =>
      rollback(connection).catch((thrown: unknown) => {
        if (!isSqliteError(thrown) || !thrown.message.includes('no transaction is active')) throw thrown;
      });
    return driver;
  }
}

/** A connection whose statements `life` runs. */
function underLife(connection: DatabaseConnection, file: Sqlite.Database, life: SqliteLife): DatabaseConnection {
  return {
    executeQuery: (query) => {
      const isAlone = !file.inTransaction && !/^\s*(select|begin)\b/i.test(query.sql);
      const commits = isAlone || query.sql === 'commit';
      return life.run(() => connection.executeQuery(query), commits);
    },
    streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
  };
}

/** More than the stores have: their texts vary only by which columns are set. */
const STATEMENTS_MAX = 200;

/** The file with cached prepared statements: kysely prepares a statement for each use, which costs more than running it. */
function withCachedStatements(file: Sqlite.Database): SqliteDatabase {
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

/** Only this user may read the data of homes, also in a shared folder. SQLite gives its other files the same mode. */
function makePrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}
