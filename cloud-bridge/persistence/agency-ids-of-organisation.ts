// Owns: the keys of an agency, in SQL. Not here: who may read what is theirs (clips/).
import type { Kysely } from 'kysely';
import type { Tables } from './bridge-schema.ts';

/**
 * The id of a reader and all ids under which its agency has asked, one for each of its keys: each request names the organisation of its
 * credential. Asked for first and not as a part of another question: most agencies have one id, of which an index has the rows in order.
 */
export async function keysOf(
  tables: Kysely<Tables>,
  { agency, organisation }: { agency: string; organisation: string },
): Promise<string[]> {
  const rows = await tables
    .selectFrom('requests')
    .select('agency')
    .distinct()
    .where('organisation', '=', organisation)
    .execute();
  return [...new Set([agency, ...rows.map((row) => row.agency)])];
}
