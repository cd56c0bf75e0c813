// Owns: documents of others that must outlive a restart, one per name. Not here: believing them (agencies/standing.ts).
import type { Kysely } from 'kysely';
import type { StandingStore } from '../agencies/standing.ts';
import type { Tables } from './schema.ts';

const REVOCATIONS = 'revocations';

export class SqlDocuments implements StandingStore {
  private readonly tables: Kysely<Tables>;

  constructor(tables: Kysely<Tables>) {
    this.tables = tables;
  }

  async loadRevocations(): Promise<string | null> {
    const row = await this.tables
      .selectFrom('kept_documents')
      .select('token')
      .where('name', '=', REVOCATIONS)
      .executeTakeFirst();
    return row?.token ?? null;
  }

  async saveRevocations(token: string): Promise<void> {
    await this.tables
      .insertInto('kept_documents')
      .values({ name: REVOCATIONS, token })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ token }))
      .execute();
  }
}
