// Owns: the one connection to a PostgreSQL database, as kysely's pool: one user at a time, reopened when it was lost,
// and handed out only after checking that the server keeps what it commits and that no other process uses our schema.
// Not here: settings (postgres-address.ts), what the server's messages mean (postgres-faults.ts).
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import pg from 'pg';
import { z } from 'zod';
import type { Clock } from '../../device/base/clock.ts';
import { type Failure, failure } from '../../device/protocol/errors.ts';
import { newer } from './migrations.ts';
import { connectionSettings, nameOf, type PostgresAddress } from './postgres-address.ts';
import { isLost, postgresFault } from './postgres-faults.ts';

export interface ConnectionDeps {
  clock: Clock;
  address: PostgresAddress;
  passwordFile: string | null;
  /** Our schema in the database. */
  schema: string;
}

/** After a failure, calls within this time get the same one: else each of many would wait for an unreachable server. */
const AGAIN_MS = 500;
/** How long to wait for the lock: our own former connection may take a moment to end. */
const LOCK_MS_MAX = 5_000;
const VERSION_MIN = 130_000;

const settingsSchema = z.object({
  version: z.int(),
  encoding: z.string(),
  standby: z.boolean(),
  reading: z.string(),
  commit: z.string(),
  fsync: z.string(),
  pages: z.string(),
});

const ASK_SETTINGS = `select current_setting('server_version_num')::int as version,
  current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
  current_setting('default_transaction_read_only') as reading, current_setting('synchronous_commit') as commit,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as pages`;

export class OneConnection implements PostgresPool {
  private readonly deps: ConnectionDeps;
  private readonly where: string;
  private session: Session | null = null;
  private turn: Promise<void> = Promise.resolve();
  private refused: { why: Failure; untilMs: number } | null = null;
  private schemaVersion: number | null = null;

  constructor(deps: ConnectionDeps) {
    this.deps = deps;
    this.where = nameOf(deps.address);
  }

  /** From now on a connection is given out only while the schema has this version, for which the stores were made. */
  expect(schemaVersion: number): void {
    this.schemaVersion = schemaVersion;
  }

  /** Resolves when the connection is the caller's alone. Rejects with `database_...`, `data_newer`, `file_unusable`. */
  async connect(): Promise<PostgresPoolClient> {
    const release = await this.take();
    try {
      if (!this.session?.isAlive) this.session = await this.open();
      this.session.release = release;
      return this.session;
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  /** Closes the connection once nobody uses it. */
  async end(): Promise<void> {
    const release = await this.take();
    await this.session?.end();
    this.session = null;
    release();
  }

  private async take(): Promise<() => void> {
    const before = this.turn;
    let done = () => {};
    this.turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    return done;
  }

  private async open(): Promise<Session> {
    const { clock, address, passwordFile } = this.deps;
    if (this.refused && clock.monotonicMs() < this.refused.untilMs) throw this.refused.why;
    this.refused = null;
    let session: Session | null = null;
    try {
      session = new Session(connectionSettings(address, passwordFile), this.where);
      await session.start();
      await this.assertFit(session);
      await this.own(session);
      return session;
    } catch (thrown) {
      await session?.end();
      const why = postgresFault(thrown, this.where);
      if (why) this.refused = { why, untilMs: clock.monotonicMs() + AGAIN_MS };
      throw why ?? thrown;
    }
  }

  /** Throws `database_unfit` for a server that may lose commits, or is read-only. */
  private async assertFit(session: Session): Promise<void> {
    const { rows } = await session.query(ASK_SETTINGS, []);
    const is = settingsSchema.parse(rows[0]);
    const why = [
      is.version < VERSION_MIN && 'it is older than PostgreSQL 13',
      is.encoding !== 'UTF8' && `its encoding is ${is.encoding}, not UTF8`,
      (is.standby || is.reading === 'on') && 'it can only be read: it is a standby, or was set so',
      is.commit === 'off' && 'synchronous_commit is off: what is acknowledged could be forgotten',
      is.fsync === 'off' && 'fsync is off: what is acknowledged could be forgotten',
      is.pages === 'off' && 'full_page_writes is off: a crash could damage it',
    ].find((one) => one !== false);
    if (why) throw failure('database_unfit', { file: this.where, detail: why });
  }

  /** Locks our schema for as long as the connection lives. Throws `database_busy`, `data_newer`. */
  private async own(session: Session): Promise<void> {
    const { schema } = this.deps;
    await session.query(`set lock_timeout = ${LOCK_MS_MAX}`, []);
    await session.query('select pg_advisory_lock(hashtextextended($1, 0))', [schema]);
    await session.query('set lock_timeout = 0', []);
    // Checked first: a user without the right to create a schema may still use an existing one.
    const { rows } = await session.query('select 1 from pg_namespace where nspname = $1', [schema]);
    if (rows.length === 0) await session.query(`create schema ${schema}`, []);
    await session.query(`set search_path = ${schema}`, []);
    if (this.schemaVersion === null) return;
    const found = await session.query('select version from schema_version', []);
    const version = z.object({ version: z.int() }).parse(found.rows[0]).version;
    if (version !== this.schemaVersion) throw newer(this.where, version, this.schemaVersion);
  }
}

/** One connection from its start to its end. */
class Session implements PostgresPoolClient {
  release: () => void = () => {};
  isAlive = true;
  private readonly client: pg.Client;
  private readonly where: string;

  constructor(settings: pg.ClientConfig, where: string) {
    this.where = where;
    this.client = new pg.Client({ ...settings, types: NUMBERS });
    const lost = () => {
      this.isAlive = false;
    };
    // Without a listener an error on an idle connection would end the process.
    this.client.on('error', lost);
    this.client.on('end', lost);
  }

  async start(): Promise<void> {
    await this.client.connect();
  }

  async end(): Promise<void> {
    this.isAlive = false;
    await this.client.end().catch(() => undefined);
  }

  query<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  query<Row>(cursor: never): Row;
  async query(text: string, parameters: readonly unknown[] = []): Promise<unknown> {
    // The server has rolled back already, and a failing ROLLBACK must not hide the cause.
    if (!this.isAlive && text === 'rollback') return NOTHING;
    try {
      return await this.client.query(text, [...parameters]);
    } catch (thrown) {
      const fault = postgresFault(thrown, this.where);
      // The statement may have run or not; the next user gets a new connection and can check.
      if (fault && isLost(fault)) await this.end();
      if (!this.isAlive && text === 'rollback') return NOTHING;
      throw fault ?? thrown;
    }
  }
}

const NOTHING: PostgresQueryResult<never> = { command: 'SELECT', rowCount: 0, rows: [] };

const INT8 = 20;
const NUMERIC = 1700;

/** Counts and sums are returned as numbers, as in SQLite; one that has no exact number is a bug. */
const NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: (type, format) =>
    type === INT8 || type === NUMERIC ? exactNumber : pg.types.getTypeParser(type, format),
};

function exactNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${text} is no exact number`);
  return number;
}
