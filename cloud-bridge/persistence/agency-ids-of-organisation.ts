import type { Kysely } from 'kysely';
import type { Tables } from './bridge-schema.ts';

/**
 * All ids of a reader's agency, one for each of its keys: the reader's own and those of its requests. A query of its own, not a part of
 * another: most agencies have one id, and then an index has their rows in order.
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
