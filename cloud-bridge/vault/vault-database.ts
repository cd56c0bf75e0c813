import { SqlSharedPart, type Turns, turnsAt } from '../persistence/instance-turns.ts';
import { type DatabasePlace, openAt, type PlaceSeams, placeName } from '../persistence/open-database.ts';
import { SqlCallCounts } from '../persistence/sql-call-counts.ts';
import { SqlHealth } from '../persistence/sql-health.ts';
import { SqlAccess, SqlOffers } from './sql-clients.ts';
import { assertBytesHaveNames, SqlItems } from './sql-items.ts';
import { SqlSuccessions } from './sql-key-successions.ts';
import { SqlPolicies } from './sql-policies.ts';
import { SqlTrail } from './sql-trail.ts';
import { MIGRATIONS, type Tables } from './vault-schema.ts';

export interface VaultDatabase {
  items: SqlItems;
  policies: SqlPolicies;
  trail: SqlTrail;
  access: SqlAccess;
  offers: SqlOffers;
  successions: SqlSuccessions;
  health: SqlHealth;
  /** Shared by several instances; SQLite has no such table. */
  callCounts: SqlCallCounts;
  turns: Turns & { stop(): void };
  sharedPart: SqlSharedPart<Tables>;
  close(): Promise<void>;
}

/** Opens the database, creating it if missing, and migrates it to the current schema. Throws as `openAt` does. */
export function openVaultDatabase(place: DatabasePlace, seams: PlaceSeams): Promise<VaultDatabase> {
  return openAt<Tables, Omit<VaultDatabase, 'close'>>(place, seams, MIGRATIONS, (tables) => ({
    items: new SqlItems(tables),
    policies: new SqlPolicies(tables),
    trail: new SqlTrail(tables),
    access: new SqlAccess(tables),
    offers: new SqlOffers(tables),
    successions: new SqlSuccessions(tables),
    health: new SqlHealth(tables),
    callCounts: new SqlCallCounts(tables),
    turns: turnsAt(place, tables, seams.clock),
    sharedPart: new SqlSharedPart(tables, placeName(place), undefined, assertBytesHaveNames),
  }));
}
