import { sha256Hex } from '@doorsill/base/keys';
import type { Kysely } from 'kysely';
import type { SqlCustody } from '../custody/sql-custody-log.ts';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { CredentialStore } from './registry-credentials.ts';

const REVOCATIONS = 'revocations';

export class SqlRevocationList implements CredentialStore {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async loadRevocations(): Promise<string | null> {
    const row = await this.tables
      .selectFrom('kept_documents')
      .select('token')
      .where('name', '=', REVOCATIONS)
      .executeTakeFirst();
    return row?.token ?? null;
  }

  async saveRevocations(token: string, revision: number): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      const known = await step
        .selectFrom('kept_documents')
        .select('revision')
        .where('name', '=', REVOCATIONS)
        .executeTakeFirst();
      // Another instance may have fetched a later one meanwhile.
      if (known && known.revision > revision) return;
      await step
        .insertInto('kept_documents')
        .values({ name: REVOCATIONS, token, revision })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ token, revision }))
        .execute();
      // The registry signs the same list anew on each request: only a new revision is an event.
      if (known?.revision === revision) return;
      await this.custody.append(step, { kind: 'revocations', revision, listSha256: sha256Hex(token) });
    });
  }
}
