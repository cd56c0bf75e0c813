// Owns: making sure that a data folder and the database with its rows belong together. With another database, or an empty one, all
// files in the folder would look like leftovers of a crash, and be removed. Not here: opening either.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { utf8 } from '../../device/base/bytes.ts';
import type { Disk } from '../../device/base/disk.ts';
import { failure } from '../../device/protocol/errors.ts';

/** File in the folder: the identity of the PostgreSQL database that has its rows. */
const MARK_NAME = 'database.id';
const identitySchema = z.uuid();

/** Throws `database_unfit` for a folder whose rows are in a PostgreSQL database, not in its file `name`. */
export function assertFileIsHome(folder: string, name: string): void {
  const file = join(folder, name);
  if (existsSync(file) || !existsSync(join(folder, MARK_NAME))) return;
  throw failure('database_unfit', { file, detail: `the rows of this folder are in PostgreSQL, as ${MARK_NAME} says` });
}

/**
 * Binds a folder and the open database to each other. `where` names the database. Throws
 * `database_unfit` for a folder whose rows are in another one, or in one of its `files`.
 */
export async function bindFolder<Tables>(
  tables: Kysely<Tables>,
  disk: Disk,
  { folder, files }: { folder: string; files: readonly string[] },
  where: string,
): Promise<void> {
  const file = files.find((one) => existsSync(join(folder, one)));
  if (file !== undefined) {
    const detail = `the rows of ${folder} are in its ${file}; they are not moved: name another folder`;
    throw failure('database_unfit', { file: where, detail });
  }
  const identity = await identityOf(tables);
  const mark = join(folder, MARK_NAME);
  if (!existsSync(mark)) return disk.replaceFile(mark, utf8(`${identity}\n`));
  if (readFileSync(mark, 'utf8').trim() !== identity) {
    throw failure('database_unfit', {
      file: where,
      detail: `the rows of ${folder} are in another one, as ${MARK_NAME} says`,
    });
  }
}

/** The database's own identity, created the first time; a dump of the database includes it. */
async function identityOf<Tables>(tables: Kysely<Tables>): Promise<string> {
  await sql`create table if not exists database_identity (one int primary key check (one = 1), identity uuid not null)`.execute(
    tables,
  );
  await sql`insert into database_identity values (1, gen_random_uuid()) on conflict do nothing`.execute(tables);
  const { rows } = await sql`select identity from database_identity`.execute(tables);
  return z.object({ identity: identitySchema }).parse(rows[0]).identity;
}
