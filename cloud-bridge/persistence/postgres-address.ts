// Settings that name a PostgreSQL database. No output contains a password: a database is named by its host, port and name.
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { tlsOptions } from '@doorsill/base/tls';
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';
import { operatorSecret } from '../signing/server-secrets.ts';

export interface PostgresAddress {
  /** Host name or address, or the folder of its socket. */
  host: string;
  port: number;
  user: string;
  database: string;
  password: string | null;
  /** Whether to use TLS and verify the server's name. */
  tls: boolean;
  /** PEM file of the trusted CAs, instead of the system's. */
  ca: string | null;
}

const PORT = 5432;
const PARAMETERS = new Set(['host', 'sslmode', 'sslrootcert']);
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** `postgres://USER@HOST:PORT/DATABASE`, with `host=/FOLDER` for a socket. A refused address is not repeated: it may hold a password. */
const postgresUrlSchema = z
  .string()
  .max(1_000)
  .transform((text, context): PostgresAddress => {
    const read = readUrl(text);
    if (typeof read !== 'string') return read;
    context.addIssue({ code: 'custom', message: read, input: '' });
    return z.NEVER;
  });

/** Spread into a server's settings. */
export const databaseSettings = {
  /** The PostgreSQL database for the rows. Without it they are in an SQLite file in the data folder. */
  database: postgresUrlSchema.optional(),
  /** File with its password. Without it the password is in the address or in PGPASSWORD. */
  databasePasswordFile: z.string().refine(isAbsolute, 'it must be an absolute path').max(1_000).optional(),
};

/** The parsed address, or why it is invalid. */
function readUrl(text: string): PostgresAddress | string {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return 'it is not postgres://USER@HOST:PORT/DATABASE';
  const url = new URL(text);
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.has(name));
  if (unknown !== undefined) return `its parameters may only be ${[...PARAMETERS].join(', ')}`;
  const socket = url.searchParams.get('host');
  if (socket !== null && !isAbsolute(socket)) return 'its host= is not the absolute path of a socket’s folder';
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decoded);
  if (!user || !database || password === undefined) return 'it names no user or no database';
  const isNear = socket !== null || LOOPBACK.test(url.hostname);
  const mode = url.searchParams.get('sslmode') ?? (isNear ? 'disable' : 'verify-full');
  if (mode !== 'disable' && mode !== 'verify-full') return 'its sslmode is neither verify-full nor disable';
  return {
    host: socket ?? url.hostname.replaceAll(/[[\]]/g, ''),
    port: url.port === '' ? PORT : Number(url.port),
    user,
    database,
    password: password === '' ? null : password,
    tls: mode === 'verify-full',
    ca: url.searchParams.get('sslrootcert'),
  };
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** Name of a database in messages and logs. */
export function nameOf({ host, port, database }: PostgresAddress): string {
  return `postgres://${host.includes('/') ? '' : host}:${port}/${database}`;
}

const CONNECT_MS_MAX = 10_000;
/** A longer statement is cancelled on both sides, and its connection closed. */
const STATEMENT_MS_MAX = 60_000;

/** The part of pg's `ClientConfig` that is used. Declared here, so that the package's types do not need pg's. */
interface ConnectionSettings {
  host: string;
  port: number;
  user: string;
  database: string;
  application_name: string;
  password?: string;
  ssl: ReturnType<typeof tlsOptions> | false;
  keepAlive: boolean;
  keepAliveInitialDelayMillis: number;
  connectionTimeoutMillis: number;
  statement_timeout: number;
  query_timeout: number;
  options: string;
}

/**
 * Parameters of a connection. Files are read each time, so that a new one needs no restart. Throws `secret_file_exposed`, `file_unusable`.
 */
export function connectionSettings(address: PostgresAddress, passwordFile: string | null): ConnectionSettings {
  const { host, port, user, database, tls, ca } = address;
  const password = passwordFile === null ? address.password : operatorSecret(passwordFile);
  return {
    host,
    port,
    user,
    database,
    application_name: 'doorsill',
    ...(password === null ? {} : { password }),
    ssl: tls ? tlsOptions(ca === null ? {} : { ca: textIn(ca) }) : false,
    keepAlive: true,
    keepAliveInitialDelayMillis: CONNECT_MS_MAX,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    query_timeout: STATEMENT_MS_MAX + CONNECT_MS_MAX,
    // Lets the server notice a dead connection and release our lock: until then no process could replace this one.
    options: '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3',
  };
}

function textIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw failure('file_unusable', { detail: thrown instanceof Error ? thrown.message : path }, thrown);
  }
}
