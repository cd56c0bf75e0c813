// The one connection to a PostgreSQL database, as kysely's pool: one user at a time, reopened after a loss, and handed out only after
// checking that the server keeps what it commits and that no other process uses our schema.

import type { Clock } from '@doorsill/base/clock';
import { type Failure, failure } from '@doorsill/contract/errors';
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import pg from 'pg';
import { z } from 'zod';
import { newer } from './migrations.ts';
import { connectionSettings, nameOf, type PostgresAddress } from './postgres-address.ts';
import { isLost, postgresFault } from './postgres-faults.ts';

export interface ConnectionDeps {
  clock: Clock;
  address: PostgresAddress;
  passwordFile: string | null;
  /** Our schema in the database. */
  schema: string;
  /** Name of this process among several that share the schema; absent: the schema is this process's alone. */
  instance?: string | undefined;
}

/** Calls within this time after a failure get the same failure: otherwise each would wait for an unreachable server. */
const AGAIN_MS = 500;
/** Longest wait for the lock: our own former connection may take a moment to end. */
const LOCK_MS_MAX = 5_000;
/** Longest wait for another instance that migrates the schema. */
const MIGRATION_MS_MAX = 50_000;
const VERSION_MIN = 130_000;
const VERSION_IDLE_TIMEOUT = 140_000;
/** A frozen process loses its locks after this time, for which other instances wait. A running one uses the database more often. */
const FROZEN_MS_MAX = 30_000;

const settingsSchema = z.object({
  version: z.int(),
  encoding: z.string(),
  standby: z.boolean(),
  reading: z.string(),
  commit: z.string(),
  standbys: z.string(),
  fsync: z.string(),
  pages: z.string(),
});

const versionSchema = z.object({ version: z.int(), oldest: z.int().nullable() });

const ASK_SETTINGS = `select current_setting('server_version_num')::int as version,
  current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
  current_setting('default_transaction_read_only') as reading, current_setting('synchronous_commit') as commit,
  current_setting('synchronous_standby_names') as standbys,
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

  /** From now on a connection is handed out only while the schema fits this version, for which the stores were made. */
  expect(schemaVersion: number): void {
    this.schemaVersion = schemaVersion;
  }

  /** Resolves when the caller has the connection to itself. Rejects with `database_...`, `data_newer`, `file_unusable`. */
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
      const version = await this.assertFit(session);
      await (this.deps.instance === undefined
        ? this.lockAlone(session)
        : this.lockShared(session, this.deps.instance, version));
      await this.useSchema(session);
      return session;
    } catch (thrown) {
      await session?.end();
      const why = postgresFault(thrown, this.where);
      if (why) this.refused = { why, untilMs: clock.monotonicMs() + AGAIN_MS };
      throw why ?? thrown;
    }
  }

  /** The server's version. Throws `database_unfit` for a server that may lose commits, or is read-only. */
  private async assertFit(session: Session): Promise<number> {
    const { rows } = await session.query(ASK_SETTINGS, []);
    const is = settingsSchema.parse(rows[0]);
    const why = [
      is.version < VERSION_MIN && 'it is older than PostgreSQL 13',
      is.encoding !== 'UTF8' && `its encoding is ${is.encoding}, not UTF8`,
      (is.standby || is.reading === 'on') && 'it is read-only: a standby, or set so',
      is.commit === 'off' && 'synchronous_commit is off: acknowledged commits could be lost',
      is.commit === 'local' &&
        is.standbys !== '' &&
        'synchronous_commit is local: acknowledged commits would be lost with the server, in spite of its standby',
      is.fsync === 'off' && 'fsync is off: acknowledged commits could be lost',
      is.pages === 'off' && 'full_page_writes is off: a crash could damage it',
    ].find((one) => one !== false);
    if (why) throw failure('database_unfit', { file: this.where, detail: why });
    return is.version;
  }

  /** Locks our schema for as long as the connection lives. Throws `database_busy`. */
  private async lockAlone(session: Session): Promise<void> {
    await this.lock(session, 'pg_advisory_lock', this.deps.schema);
  }

  /**
   * Shares our schema with other instances for as long as the connection lives; excludes a process that needs it alone, and a second
   * instance of this name. Throws `database_busy`.
   */
  private async lockShared(session: Session, instance: string, version: number): Promise<void> {
    const { schema } = this.deps;
    // Held until the schema is migrated: the instance that migrates must not find the shared lock of others that only wait for it.
    if (this.schemaVersion === null) await this.lock(session, 'pg_advisory_lock', migrationLock(schema));
    await this.lock(session, 'pg_advisory_lock_shared', schema);
    await this.lock(session, 'pg_advisory_lock', `${schema} instance ${instance}`);
    await session.query(`set idle_in_transaction_session_timeout = ${FROZEN_MS_MAX}`, []);
    if (version >= VERSION_IDLE_TIMEOUT) await session.query(`set idle_session_timeout = ${FROZEN_MS_MAX}`, []);
    session.writersLock = `${schema} writers`;
  }

  private async lock(session: Session, how: 'pg_advisory_lock' | 'pg_advisory_lock_shared', name: string) {
    const waitMs = name === migrationLock(this.deps.schema) ? MIGRATION_MS_MAX : LOCK_MS_MAX;
    await session.query(`set lock_timeout = ${waitMs}`, []);
    await session.query(`select ${how}(hashtextextended($1, 0))`, [name]);
    await session.query('set lock_timeout = 0', []);
  }

  /** Makes our schema the one of this connection. Throws `data_newer`. */
  private async useSchema(session: Session): Promise<void> {
    const { schema } = this.deps;
    // Checked first: a user without the right to create a schema may still use an existing one.
    const { rows } = await session.query('select 1 from pg_namespace where nspname = $1', [schema]);
    if (rows.length === 0) await session.query(`create schema if not exists ${schema}`, []);
    await session.query(`set search_path = ${schema}`, []);
    if (this.schemaVersion === null) return;
    const found = await session.query('select version, oldest from schema_version', []);
    const { version, oldest } = versionSchema.parse(found.rows[0]);
    // An instance of the next release may have migrated it meanwhile; this one may still be able to work with it.
    const serves = version >= this.schemaVersion && (oldest ?? version) <= this.schemaVersion;
    if (!serves) throw newer(this.where, version, this.schemaVersion);
  }
}

/** Name of the lock under which a shared schema is migrated. */
export function migrationLock(schema: string): string {
  return `${schema} migration`;
}

const BEGINS = /^(begin|start transaction)/i;
const ENDS = /^(commit|rollback)$/i;
/** Prefix of a statement outside the writers' lock: its rows are in an unlogged table, and no transaction reads them. */
export const BESIDE_WRITERS = '/* beside writers */';
/** Statements that change rows or tables when they are sent outside of a transaction. */
const WRITES = /^\s*(insert|update|delete|create|alter|drop|with)\b/i;

/** One connection from its start to its end. */
class Session implements PostgresPoolClient {
  release: () => void = () => {};
  isAlive = true;
  /**
   * Lock that lets one instance write at a time, as in SQLite: a transaction takes it first, so that nobody changes what it has read
   * before it ends, and the custody log has one end. The server releases it after the commit is visible. Null: no other instances.
   */
  writersLock: string | null = null;
  private isInTransaction = false;
  /** The server's warning beside a successful answer: it has the commit, but perhaps no standby has it. */
  private warning: string | null = null;
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
    // ERRCODE_WARNING: none of our statements causes another one of this code.
    this.client.on('notice', ({ code, message }) => {
      if (code === '01000') this.warning = message ?? 'a warning';
    });
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
      this.warning = null;
      const answer = await this.runInTurn(text, parameters);
      if (this.warning !== null) throw failure('database_unreachable', { file: this.where, detail: this.warning });
      return answer;
    } catch (thrown) {
      const fault = postgresFault(thrown, this.where);
      // The statement may have run or not; the next user gets a new connection and can check.
      if (fault && isLost(fault)) await this.end();
      if (!this.isAlive && text === 'rollback') return NOTHING;
      throw fault ?? thrown;
    }
  }

  private async runInTurn(text: string, parameters: readonly unknown[]): Promise<unknown> {
    const ask = () => this.client.query(text, [...parameters]);
    if (ENDS.test(text)) this.isInTransaction = false;
    if (BEGINS.test(text)) {
      const begun = await ask();
      await this.lockWriters();
      this.isInTransaction = true;
      return begun;
    }
    if (this.writersLock === null || this.isInTransaction || !WRITES.test(text)) return ask();
    await this.client.query('begin');
    await this.lockWriters();
    try {
      const answer = await ask();
      await this.client.query('commit');
      return answer;
    } catch (thrown) {
      await this.client.query('rollback').catch(() => undefined);
      throw thrown;
    }
  }

  /** Waits, in a transaction that has just begun, until no other instance writes. */
  private async lockWriters(): Promise<void> {
    if (this.writersLock === null) return;
    try {
      await this.client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [this.writersLock]);
    } catch (thrown) {
      // The caller does not know that a transaction began.
      await this.client.query('rollback').catch(() => undefined);
      throw thrown;
    }
  }
}

const NOTHING: PostgresQueryResult<never> = { command: 'SELECT', rowCount: 0, rows: [] };

const INT8 = 20;
const NUMERIC = 1700;

/** Counts and sums are returned as numbers, as in SQLite; one above the safe integers is a bug. */
const NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: (type, format) =>
    type === INT8 || type === NUMERIC ? exactNumber : pg.types.getTypeParser(type, format),
};

function exactNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${text} is no exact number`);
  return number;
}
