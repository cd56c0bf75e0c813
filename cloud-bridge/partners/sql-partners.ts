import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Tables } from '../persistence/bridge-schema.ts';
import type { Partner, PartnerStore } from './partners-store.ts';

/** Cancels requests of a partner whose status has changed, in the same transaction; returns their number. */
export type CancelRequests = (
  step: Transaction<Tables>,
  partner: Pick<Partner, 'partner' | 'status'>,
  nowS: number,
) => Promise<number>;

export class SqlPartners implements PartnerStore {
  private readonly tables: Kysely<Tables>;
  private readonly cancelRequests: CancelRequests;

  constructor(tables: Kysely<Tables>, cancelRequests: CancelRequests) {
    this.tables = tables;
    this.cancelRequests = cancelRequests;
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
      const cancelled = next.status === now.status ? 0 : await this.cancelRequests(step, next, nowS);
      return { partner: next, cancelled };
    });
  }

  async cancelLeftOpen(nowS: number): Promise<number> {
    return this.tables.transaction().execute(async (step) => {
      const rows = await step.selectFrom('partners').selectAll().where('status', '=', 'suspended').execute();
      let cancelled = 0;
      for (const row of rows) cancelled += await this.cancelRequests(step, row, nowS);
      return cancelled;
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
