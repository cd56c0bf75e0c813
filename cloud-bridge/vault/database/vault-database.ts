// Owns: the vault's one SQLite file and the stores on top of it. Not here: opening and durability (database/sqlite-file.ts).
import { openSqlite } from '../../database/sqlite-file.ts';
import { SqlAccess, SqlOffers } from './access.ts';
import { SqlItems } from './items.ts';
import { SqlPolicies } from './policies.ts';
import { MIGRATIONS, type Tables } from './schema.ts';
import { SqlTrail } from './trail.ts';

/** All stores of the vault. */
export interface VaultDatabase {
  items: SqlItems;
  policies: SqlPolicies;
  trail: SqlTrail;
  access: SqlAccess;
  offers: SqlOffers;
  close(): Promise<void>;
}

/** Opens the file, made when missing, and brings it to today's schema. Throws as `openSqlite` does. */
export async function openVaultDatabase(path: string): Promise<VaultDatabase> {
  const { tables: open } = await openSqlite<Tables, void>(path, MIGRATIONS, async () => undefined);
  return {
    items: new SqlItems(open),
    policies: new SqlPolicies(open),
    trail: new SqlTrail(open),
    access: new SqlAccess(open),
    offers: new SqlOffers(open),
    close: () => open.destroy(),
  };
}
