import type { FactsOf } from '@doorsill/contract/custody';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { SqlCustody } from '../custody/sql-custody-log.ts';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { GrantKey } from './intake-store.ts';
import type { FormerManifest, FormerManifests } from './stored-manifest-encryption.ts';

export class SqlManifests implements FormerManifests {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async sealed({ device, grant }: GrantKey): Promise<Uint8Array | null> {
    const row = await this.tables
      .selectFrom('sealed_manifests')
      .select('sealed')
      .where('device', '=', device)
      .where('grant_id', '=', grant)
      .executeTakeFirst();
    return row ? new Uint8Array(row.sealed) : null;
  }

  async note(about: GrantKey, facts: FactsOf<'dispute'>): Promise<number> {
    return this.tables.transaction().execute((step) => this.custody.append(step, { kind: 'dispute', about, facts }));
  }

  async former(most: number): Promise<FormerManifest[]> {
    const rows = await this.tables
      .selectFrom('intakes')
      .select(['device', 'grant_id', 'clip', 'manifest'])
      // A literal, not a bound value: only then the partial index serves it.
      .where('manifest', '<>', sql.lit(''))
      .limit(most)
      .execute();
    return rows.map(({ grant_id: grant, ...row }) => ({ ...row, grant }));
  }

  async replace(key: GrantKey, sealed: Uint8Array): Promise<void> {
    await this.tables.transaction().execute(async (step) => {
      await step
        .updateTable('intakes')
        .set({ manifest: '' })
        .where('device', '=', key.device)
        .where('grant_id', '=', key.grant)
        .execute();
      await keepManifest(step, key, sealed);
    });
  }
}

/** Stores a grant's sealed manifest, within the caller's transaction. */
export async function keepManifest(
  step: Transaction<Tables>,
  { device, grant }: GrantKey,
  sealed: Uint8Array,
): Promise<void> {
  await step
    .insertInto('sealed_manifests')
    .values({ device, grant_id: grant, sealed: Buffer.from(sealed) })
    .onConflict((conflict) => conflict.columns(['device', 'grant_id']).doUpdateSet({ sealed: Buffer.from(sealed) }))
    .execute();
}

/** Deletes it, in the transaction that deletes the clip. */
export async function forgetManifest(step: Transaction<Tables>, { device, grant }: GrantKey): Promise<void> {
  await step.deleteFrom('sealed_manifests').where('device', '=', device).where('grant_id', '=', grant).execute();
}
