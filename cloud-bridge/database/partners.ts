// Owns: partners in SQL, and the one transaction in which a partner ends and its requests with it. Not here: who decides that.
import type { Kysely, Selectable } from 'kysely';
import type { Partner, PartnerStore } from '../partners/store.ts';
import type { SqlCustody } from './custody.ts';
import { cancelOfPartner } from './requests.ts';
import type { Tables } from './schema.ts';

export class SqlPartners implements PartnerStore {
  private readonly tables: Kysely<Tables>;
  private readonly custody: SqlCustody;

  constructor(tables: Kysely<Tables>, custody: SqlCustody) {
    this.tables = tables;
    this.custody = custody;
  }

  async add(partner: Partner): Promise<boolean> {
    const added = await this.tables
      .insertInto('partners')
      .values(toRow(partner))
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return added.numInsertedOrUpdatedRows === 1n;
  }

  async find(partner: string): Promise<Partner | null> {
    const row = await this.tables.selectFrom('partners').selectAll().where('partner', '=', partner).executeTakeFirst();
    return row ? toPartner(row) : null;
  }

  async list(): Promise<Partner[]> {
    return (await this.tables.selectFrom('partners').selectAll().orderBy('partner').execute()).map(toPartner);
  }

  async change(
    partner: string,
    decide: (now: Partner) => Partner | null,
    nowS: number,
  ): Promise<{ partner: Partner; cancelled: number } | null> {
    return this.tables.transaction().execute(async (step) => {
      const row = await step.selectFrom('partners').selectAll().where('partner', '=', partner).executeTakeFirst();
      if (!row) return null;
      const now = toPartner(row);
      const next = decide(now);
      if (!next) return { partner: now, cancelled: 0 };
      await step.updateTable('partners').set(toRow(next)).where('partner', '=', partner).execute();
      const cancelled = next.status === 'ended' ? await cancelOfPartner(step, partner, nowS, this.custody) : 0;
      return { partner: next, cancelled };
    });
  }
}

function toRow(partner: Partner): Tables['partners'] {
  const { sinceS, tokenSha256, webhookSecret, ...rest } = partner;
  return { ...rest, since_s: sinceS, token_sha256: tokenSha256, webhook_secret: webhookSecret };
}

function toPartner(row: Selectable<Tables['partners']>): Partner {
  const { since_s: sinceS, token_sha256: tokenSha256, webhook_secret: webhookSecret, ...rest } = row;
  return { ...rest, sinceS, tokenSha256, webhookSecret };
}
