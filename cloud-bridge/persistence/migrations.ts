// Migrates a database, each version once and in a transaction of its own, and translates statements for each kind of database.

import { failure } from '@doorsill/contract/errors';
import { type Kysely, sql } from 'kysely';

export type DatabaseKind = 'sqlite' | 'postgres';

/** In SQLite's dialect, from which PostgreSQL's is derived; or both, where more than type names differs. */
export type Statement = string | Readonly<Record<DatabaseKind, readonly string[]>>;

/**
 * Statements that migrate a version to the next. `beside`: the former release can work with the result, so that instances are upgraded one
 * after the other; without it no other instance may be running.
 */
export type Migration = readonly Statement[] | { readonly beside: readonly Statement[] };

/** Never edit a released one: append. */
export type Migrations = readonly Migration[];

/** The statements of a migration. */
export function statementsOf(migration: Migration): readonly Statement[] {
  return 'beside' in migration ? migration.beside : migration;
}

/** Type names. Texts are compared byte by byte in both. */
const IN_POSTGRES: readonly [RegExp, string][] = [
  [/\binteger primary key autoincrement\b/g, 'bigint generated always as identity primary key'],
  [/\binteger\b/g, 'bigint'],
  [/\bblob\b/g, 'bytea'],
  [/\btext\b/g, 'text collate "C"'],
  [/\) strict(, without rowid)?\s*$/g, ')'],
];

/** A step's statements in this database's dialect. */
export function spelled(step: readonly Statement[], kind: DatabaseKind): string[] {
  return step.flatMap((statement) => {
    if (typeof statement !== 'string') return statement[kind];
    if (kind === 'sqlite') return [statement];
    return [IN_POSTGRES.reduce((text, [word, other]) => text.replaceAll(word, other), statement)];
  });
}

/** A trigger that refuses every `change` of a table's rows with this message. */
export function refusal(
  name: string,
  change: 'delete' | 'update' | `update of ${string}`,
  table: string,
  says: string,
) {
  const before = (what: string, each: string) =>
    `create trigger ${name}_${each} before ${what} on ${table} for each ${each} execute function ${name}()`;
  return {
    sqlite: [`create trigger ${name} before ${change} on ${table} begin select raise(abort, '${says}'); end`],
    postgres: [
      `create function ${name}() returns trigger language plpgsql as $$ begin raise exception '${says}'; end $$`,
      before(change, 'row'),
      ...(change === 'delete' ? [before('truncate', 'statement')] : []),
    ],
  } satisfies Statement;
}

/**
 * Migrates a database to the current schema; `where` names it in errors. `alone` runs a step while no other instance uses the database, or
 * throws. A database that a newer release has migrated stays as it is if this release can work with it; otherwise throws `data_newer`.
 */
export async function migrate<Tables>(
  tables: Kysely<Tables>,
  kind: DatabaseKind,
  where: string,
  migrations: Migrations,
  alone: (step: () => Promise<void>) => Promise<void> = (step) => step(),
): Promise<void> {
  const [make = ''] = spelled(['create table if not exists schema_version (version integer not null) strict'], kind);
  await sql.raw(make).execute(tables);
  // SQLite has one program at a time and needs no `oldest`.
  if (kind === 'postgres') await sql`alter table schema_version add column if not exists oldest bigint`.execute(tables);
  let { version, oldest } = await versionIn(tables, kind);
  if (version > migrations.length && oldest > migrations.length) throw newer(where, version, migrations.length);
  for (const migration of migrations.slice(version)) {
    version += 1;
    oldest = 'beside' in migration ? oldest : version;
    const reached = { version, oldest };
    const step = () =>
      tables.transaction().execute(async (change) => {
        for (const statement of spelled(statementsOf(migration), kind)) await sql.raw(statement).execute(change);
        await noteVersion(change, kind, reached);
      });
    await ('beside' in migration ? step() : alone(step));
  }
}

/** The schema's version; `oldest`: the schema version of the oldest release that can work with it. */
async function versionIn<Tables>(
  tables: Kysely<Tables>,
  kind: DatabaseKind,
): Promise<{ version: number; oldest: number }> {
  const oldest = sql.raw(kind === 'postgres' ? 'coalesce(oldest, version)' : 'version');
  const asked = sql<{ version: number; oldest: number }>`select version, ${oldest} as oldest from schema_version`;
  return (await asked.execute(tables)).rows[0] ?? { version: 0, oldest: 0 };
}

async function noteVersion<Tables>(
  change: Kysely<Tables>,
  kind: DatabaseKind,
  { version, oldest }: { version: number; oldest: number },
): Promise<void> {
  await sql`delete from schema_version`.execute(change);
  if (kind === 'sqlite') await sql`insert into schema_version (version) values (${version})`.execute(change);
  else await sql`insert into schema_version (version, oldest) values (${version}, ${oldest})`.execute(change);
}

export function newer(where: string, version: number, known: number) {
  return failure('data_newer', { folder: where, format: version, known });
}
