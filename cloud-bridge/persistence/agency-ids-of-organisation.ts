// Owns: the keys of an agency, in SQL. Not here: who may read what is theirs (clips/).
import type { Kysely } from 'kysely';
import type { Tables } from './bridge-schema.ts';

/** All ids under which an agency has asked, one for each of its keys: each request names the organisation of its credential. */
export function keysOf(tables: Kysely<Tables>, organisation: string) {
  return tables.selectFrom('requests').select('agency').where('organisation', '=', organisation);
}
