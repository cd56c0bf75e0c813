// Owns: migrating a database: each version once, in a transaction of its own; and spelling statements for each
// kind of database. Not here: the statements (each bridge-schema.ts), opening one (sqlite-file.ts, open-postgres.ts).
import { type Kysely, sql } from 'kysely';
import { failure } from '../../device/protocol/errors.ts';

export type DatabaseKind = 'sqlite' | 'postgres';

/** In SQLite's dialect, from which PostgreSQL's is derived; or one text for each, where more than type names differs. */
export type Statement = string | Readonly<Record<DatabaseKind, readonly string[]>>;

/** Statements that migrate each version to the next. Never edit a released one: append. */
export type Migrations = readonly (readonly Statement[])[];

/** What SQLite and PostgreSQL call by different names. Texts are compared byte by byte in both. */
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

/** Migrates a database to the current schema; `where` names it in errors. Throws `data_newer`. */
export async function bringForward<Tables>(
  tables: Kysely<Tables>,
  kind: DatabaseKind,
  where: string,
  migrations: Migrations,
): Promise<void> {
  const [make = ''] = spelled(['create table if not exists schema_version (version integer not null) strict'], kind);
  await sql.raw(make).execute(tables);
  const version = await versionIn(tables);
  if (version > migrations.length) throw newer(where, version, migrations.length);
  for (let next = version; next < migrations.length; next += 1) {
    await tables.transaction().execute(async (step) => {
      for (const statement of spelled(migrations[next] ?? [], kind)) await sql.raw(statement).execute(step);
      await sql`delete from schema_version`.execute(step);
      await sql`insert into schema_version (version) values (${next + 1})`.execute(step);
    });
  }
}

async function versionIn<Tables>(tables: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ version: number }>`select version from schema_version`.execute(tables);
  return rows[0]?.version ?? 0;
}

/** The failure for a database that a newer program has written. */
export function newer(where: string, version: number, known: number) {
  return failure('data_newer', { folder: where, format: version, known });
}
