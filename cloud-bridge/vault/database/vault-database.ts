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
export function openVaultDatabase(path: string): Promise<VaultDatabase> {
  return openSqlite<Tables, Omit<VaultDatabase, 'close'>>(path, MIGRATIONS, (tables) => ({
    items: new SqlItems(tables),
    policies: new SqlPolicies(tables),
    trail: new SqlTrail(tables),
    access: new SqlAccess(tables),
    offers: new SqlOffers(tables),
  }));
}
